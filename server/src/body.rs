//! Bodies: read whole within the route's limit and parsed once into a checked type; written the same way.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use protocol::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error as _;

use crate::error::ApiError;

/// How many bytes the route takes; put into the request by its guard.
#[derive(Debug, Clone, Copy)]
pub struct BodyMax(pub usize);

/// A JSON body, of a request or an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A CBOR body, of a request or an answer (`minicbor`, integer keys).
#[derive(Debug)]
pub struct Cbor<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, "application/json").await?;
        // The parser's own words may quote the body, which may hold a secret: its place is all that is told.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let place = format!("not the expected JSON, line {} column {}", error.line(), error.column());
            ApiError::detailed(ErrorCode::Malformed, place)
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}

impl<S: Sync, T: for<'b> minicbor::Decode<'b, ()>> FromRequest<S> for Cbor<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request, "application/cbor").await?;
        protocol::socket::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| ApiError::detailed(ErrorCode::Malformed, error.to_string()))
    }
}

impl<T: minicbor::Encode<()>> IntoResponse for Cbor<T> {
    fn into_response(self) -> Response {
        let bytes = protocol::socket::to_bytes(&self.0);
        ([(header::CONTENT_TYPE, "application/cbor")], bytes).into_response()
    }
}

async fn read(request: Request, media_type: &str) -> Result<Bytes, ApiError> {
    if !has_media_type(request.headers(), media_type) {
        return Err(ApiError::detailed(ErrorCode::UnsupportedMediaType, format!("send {media_type}")));
    }
    // A route without a guard takes no body at all.
    let max = request.extensions().get::<BodyMax>().map_or(0, |max| max.0);
    collect(request.into_body(), max).await
}

async fn collect(body: Body, max: usize) -> Result<Bytes, ApiError> {
    to_bytes(body, max).await.map_err(|error| {
        let cause = error.source();
        if cause.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            ApiError::detailed(ErrorCode::BodyTooLarge, format!("at most {max} bytes"))
        } else if is_timeout(&error) {
            ApiError::new(ErrorCode::Timeout)
        } else {
            ApiError::detailed(ErrorCode::Malformed, "the body broke off")
        }
    })
}

/// Whether a body failed because nothing of it came for too long.
pub fn is_timeout(error: &axum::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<tower_http::timeout::TimeoutError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}
