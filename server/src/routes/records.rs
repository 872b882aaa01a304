//! Records: sealed values, written by compare-and-set (K-6). In this version each account has one, its vault.

use axum::extract::State;
use protocol::{
    ErrorCode, Facts, RecordId,
    records::{COLLECTIONS, PutRecord, Record, RecordVersion},
};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Cbor;
use crate::error::ApiError;
use crate::path::Path;
use crate::storage::records::{self, Place, Put};
use crate::storage::{Connection, accounts};

/// `GET /v1/records/{collection}/{record_id}`.
pub(crate) async fn get(
    State(app): State<App>,
    device: CallingDevice,
    Path((collection, record)): Path<(String, String)>,
) -> Result<Cbor<Record>, ApiError> {
    let place = place(device, &collection, &record)?;
    let record = app.db.read(async |conn| records::find(conn, place).await).await?;
    record.map(Cbor).ok_or_else(ApiError::not_found)
}

/// `PUT /v1/records/{collection}/{record_id}`.
pub(crate) async fn put(
    State(app): State<App>,
    device: CallingDevice,
    Path((collection, record)): Path<(String, String)>,
    Cbor(request): Cbor<PutRecord>,
) -> Result<Cbor<RecordVersion>, ApiError> {
    let now = app.clock.now();
    let place = place(device, &collection, &record)?;
    if request.ciphertext.is_empty() {
        return Err(ApiError::detailed(ErrorCode::Malformed, "an empty ciphertext"));
    }
    let put = app
        .db
        .write(async |conn| {
            check_is_vault(conn, place).await?;
            Ok::<_, ApiError>(
                records::put(conn, place, request.expected_version, &request.ciphertext, now).await?,
            )
        })
        .await?;
    match put {
        Put::Stored(version) => {
            app.tell_record(device, place.record_id, version).await;
            Ok(Cbor(RecordVersion { version }))
        }
        Put::Conflict(version) => Err(ApiError::with(
            ErrorCode::VersionConflict,
            Facts { version: Some(version), ..Facts::default() },
        )),
    }
}

fn place<'a>(device: CallingDevice, collection: &'a str, record: &str) -> Result<Place<'a>, ApiError> {
    let record_id: RecordId = record.parse().map_err(|_| ApiError::not_found())?;
    if COLLECTIONS.contains(&collection) {
        Ok(Place { account_id: device.account_id, collection, record_id })
    } else {
        Err(ApiError::not_found())
    }
}

/// The collection `vault` holds one record, made by the registration.
async fn check_is_vault(conn: &mut Connection, place: Place<'_>) -> Result<(), ApiError> {
    let account = accounts::get(conn, place.account_id).await?;
    if account.vault_record_id == place.record_id { Ok(()) } else { Err(ApiError::not_found()) }
}
