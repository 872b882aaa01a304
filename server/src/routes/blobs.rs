//! Blobs (F-9): whole encrypted containers, streamed to disk and read by ranges with a capability.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    BlobId, ErrorCode,
    blobs::{CAPABILITY_HASH_HEADER, CAPABILITY_HEADER},
};
use tower_http::services::ServeFile;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::error::ApiError;
use crate::path::Path;
use crate::secrets::{equal, sha256};
use crate::storage::blobs::{self, Insert, NewBlob};

/// Bytes read from the disk at once (`performance.md`).
const CHUNK_BYTES: usize = 1024 * 1024;

/// `PUT /v1/blobs/{blob_id}`: the bytes are durable before the row, and the row before the answer.
pub(crate) async fn put(
    State(app): State<App>,
    device: CallingDevice,
    Path(blob): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let blob_id: BlobId = blob
        .parse()
        .map_err(|_| ApiError::detailed(ErrorCode::Malformed, "an id is 22 characters of base64url"))?;
    let new = NewBlob {
        blob_id,
        owner: device.account_id,
        capability_hash: header_bytes(&headers, CAPABILITY_HASH_HEADER)
            .ok_or_else(|| ApiError::detailed(ErrorCode::Malformed, CAPABILITY_HASH_HEADER))?,
        size_bytes: content_length(&headers, app.config.limits.blob_bytes_max)?,
    };
    refuse_existing(&app, blob_id).await?;
    let received = app.blobs.receive(body, new.size_bytes).await?;
    let now = app.clock.now();
    let _turn = app.blobs.turn(blob_id).await;
    refuse_existing(&app, blob_id).await?;
    // The row is written last: a crash between leaves a file that the sweep takes away.
    app.blobs.keep(received, blob_id).await?;
    match app.db.write(async |conn| blobs::insert(conn, &new, now).await).await? {
        Insert::Stored => Ok(StatusCode::CREATED),
        Insert::Exists => Err(ErrorCode::BlobExists.into()),
    }
}

/// `GET /v1/blobs/{blob_id}`, also by `Range`: for whoever shows the capability.
pub(crate) async fn get(
    State(app): State<App>,
    _: CallingDevice,
    Path(blob): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let blob: BlobId = blob.parse().map_err(|_| ApiError::not_found())?;
    let capability: [u8; 32] =
        header_bytes(request.headers(), CAPABILITY_HEADER).ok_or_else(ApiError::not_found)?;
    let stored = app.db.read(async |conn| blobs::find_capability_hash(conn, blob).await).await?;
    let stored = stored.ok_or_else(ApiError::not_found)?;
    if !equal(&sha256(&capability), &stored) {
        return Err(ApiError::not_found());
    }
    let mut file = ServeFile::new(app.blobs.path(blob)).with_buf_chunk_size(CHUNK_BYTES);
    let response = file.try_call(request).await.map_err(ApiError::internal)?;
    match response.status() {
        StatusCode::RANGE_NOT_SATISFIABLE => Err(ErrorCode::RangeNotSatisfiable.into()),
        StatusCode::NOT_FOUND => Err(ApiError::internal("a blob's file is missing")),
        _ => {
            let mut response = response.map(Body::new);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
            Ok(response)
        }
    }
}

/// `DELETE /v1/blobs/{blob_id}`: takes back the account's own reference; the blob goes with its last one.
pub(crate) async fn delete(
    State(app): State<App>,
    device: CallingDevice,
    Path(blob): Path<String>,
) -> Result<StatusCode, ApiError> {
    let blob: BlobId = blob.parse().map_err(|_| ApiError::not_found())?;
    let now = app.clock.now();
    let taken =
        app.db.write(async |conn| blobs::take_reference(conn, device.account_id, blob, now).await).await?;
    if taken.ok_or_else(ApiError::not_found)? {
        app.remove_blob_file(blob).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn refuse_existing(app: &App, blob: BlobId) -> Result<(), ApiError> {
    let stored = app.db.read(async |conn| blobs::find_capability_hash(conn, blob).await).await?;
    if stored.is_some() { Err(ErrorCode::BlobExists.into()) } else { Ok(()) }
}

fn content_length(headers: &HeaderMap, max: u64) -> Result<u64, ApiError> {
    let value = headers.get(header::CONTENT_LENGTH).ok_or(ErrorCode::LengthRequired)?;
    let length = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    match length {
        Some(length) if length > max => {
            Err(ApiError::detailed(ErrorCode::BodyTooLarge, format!("at most {max} bytes")))
        }
        Some(0) => Err(ApiError::detailed(ErrorCode::Malformed, "an empty blob")),
        Some(length) => Ok(length),
        None => Err(ErrorCode::LengthRequired.into()),
    }
}

fn header_bytes(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    match URL_SAFE_NO_PAD.decode_slice(headers.get(name)?.as_bytes(), &mut bytes) {
        Ok(32) => Some(bytes),
        _ => None,
    }
}
