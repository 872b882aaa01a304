//! Records: sealed values, written by compare-and-set (K-6), and the feed of their changes.

use std::collections::HashSet;

use axum::extract::State;
use protocol::{
    ErrorCode, Facts, RecordId,
    records::{
        ChangeKind, ChangesAfter, ChangesPage, Collection, DeleteRecord, PutRecord, PutRecords, Record,
        RecordVersion, RecordsPut, WriteOutcome,
    },
    socket::RelayFrame,
    values::List,
};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Cbor;
use crate::error::ApiError;
use crate::path::{Path, Query};
use crate::storage::records::{self, Put, Quota, Write, WriteError};
use crate::storage::{Connection, accounts};

/// `GET /v1/records?after={change}&collection={name}`.
pub(crate) async fn changes(
    State(app): State<App>,
    device: CallingDevice,
    Query(wanted): Query<ChangesAfter>,
) -> Result<Cbor<ChangesPage>, ApiError> {
    let page =
        app.db.read(async |conn| records::list_changes(conn, device.account_id, &wanted).await).await?;
    Ok(Cbor(page))
}

/// `PUT /v1/records`: many compare-and-sets in one transaction.
pub(crate) async fn put_all(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<PutRecords>,
) -> Result<Cbor<RecordsPut>, ApiError> {
    let writes: Vec<Write<'_>> = request
        .writes
        .iter()
        .map(|write| Write {
            collection: &write.collection,
            record_id: write.record_id,
            expected: write.expected_version,
            kind: ChangeKind::Written,
            ciphertext: &write.ciphertext,
        })
        .collect();
    let distinct: HashSet<_> = writes.iter().map(|write| (write.collection, write.record_id)).collect();
    if writes.is_empty() || distinct.len() != writes.len() {
        return Err(ApiError::detailed(ErrorCode::Malformed, "no write, or one record twice"));
    }
    let outcomes = store(&app, device, &writes).await?;
    let outcomes = outcomes.into_iter().map(|put| match put {
        Put::Stored { version, change } => WriteOutcome::Stored { version, change },
        Put::Conflict(version) => WriteOutcome::Conflict { version },
    });
    Ok(Cbor(RecordsPut { outcomes: List::new(outcomes.collect()).map_err(ApiError::internal)? }))
}

/// `GET /v1/records/{collection}/{record_id}`.
pub(crate) async fn get(
    State(app): State<App>,
    device: CallingDevice,
    Path((collection, record)): Path<(String, String)>,
) -> Result<Cbor<Record>, ApiError> {
    let (collection, record) = place(&collection, &record)?;
    let found =
        app.db.read(async |conn| records::find(conn, device.account_id, &collection, record).await).await?;
    found.map(Cbor).ok_or_else(ApiError::not_found)
}

/// `PUT /v1/records/{collection}/{record_id}`.
pub(crate) async fn put(
    State(app): State<App>,
    device: CallingDevice,
    Path((collection, record)): Path<(String, String)>,
    Cbor(request): Cbor<PutRecord>,
) -> Result<Cbor<RecordVersion>, ApiError> {
    let (collection, record_id) = place(&collection, &record)?;
    let write = Write {
        collection: &collection,
        record_id,
        expected: request.expected_version,
        kind: ChangeKind::Written,
        ciphertext: &request.ciphertext,
    };
    store_one(&app, device, write).await
}

/// `DELETE /v1/records/{collection}/{record_id}?version={version}&note={note}`.
pub(crate) async fn delete(
    State(app): State<App>,
    device: CallingDevice,
    Path((collection, record)): Path<(String, String)>,
    Query(request): Query<DeleteRecord>,
) -> Result<Cbor<RecordVersion>, ApiError> {
    let (collection, record_id) = place(&collection, &record)?;
    if collection.is_vault() {
        return Err(ApiError::detailed(ErrorCode::Malformed, "the vault stays with its account"));
    }
    let write = Write {
        collection: &collection,
        record_id,
        expected: request.version,
        kind: ChangeKind::Deleted,
        ciphertext: &request.note,
    };
    store_one(&app, device, write).await
}

/// What is no name or id names nothing.
fn place(collection: &str, record: &str) -> Result<(Collection, RecordId), ApiError> {
    let collection = collection.parse().map_err(|_| ApiError::not_found())?;
    let record = record.parse().map_err(|_| ApiError::not_found())?;
    Ok((collection, record))
}

async fn store_one(
    app: &App,
    device: CallingDevice,
    write: Write<'_>,
) -> Result<Cbor<RecordVersion>, ApiError> {
    match store(app, device, &[write]).await?.first() {
        Some(Put::Stored { version, change }) => {
            Ok(Cbor(RecordVersion { version: *version, change: *change }))
        }
        Some(Put::Conflict(0)) if write.kind == ChangeKind::Deleted => Err(ApiError::not_found()),
        Some(Put::Conflict(version)) => Err(ApiError::with(
            ErrorCode::VersionConflict,
            Facts { version: Some(*version), ..Facts::default() },
        )),
        None => Err(ApiError::internal("a write without an outcome")),
    }
}

/// Writes, and tells the account's other devices of the last one that was stored.
async fn store(app: &App, device: CallingDevice, writes: &[Write<'_>]) -> Result<Vec<Put>, ApiError> {
    let now = app.clock.now();
    if writes.iter().any(|write| write.ciphertext.is_empty()) {
        return Err(ApiError::detailed(ErrorCode::Malformed, "an empty ciphertext"));
    }
    let limits = &app.config.limits;
    let quota =
        Quota { records_max: limits.records_per_account_max, bytes_max: limits.record_bytes_per_account_max };
    let outcomes = app
        .db
        .write(async |conn| {
            check_vault(conn, device, writes).await?;
            Ok::<_, ApiError>(records::write_all(conn, device.account_id, writes, quota, now).await?)
        })
        .await?;
    let last = writes.iter().zip(&outcomes).rev().find_map(|(write, outcome)| match outcome {
        Put::Stored { version, change } => Some(RelayFrame::RecordChanged {
            collection: write.collection.clone(),
            record_id: write.record_id,
            version: *version,
            change: *change,
        }),
        Put::Conflict(_) => None,
    });
    if let Some(frame) = last {
        app.tell_record(device, &frame).await;
    }
    Ok(outcomes)
}

/// The collection `vault` holds one record, made by the registration.
async fn check_vault(
    conn: &mut Connection,
    device: CallingDevice,
    writes: &[Write<'_>],
) -> Result<(), ApiError> {
    for write in writes.iter().filter(|write| write.collection.is_vault()) {
        if accounts::get(conn, device.account_id).await?.vault_record_id != write.record_id {
            return Err(ApiError::not_found());
        }
    }
    Ok(())
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Storage(error) => error.into(),
            WriteError::TooManyRecords => {
                Self::detailed(ErrorCode::LimitReached, "limits.records_per_account_max")
            }
            WriteError::TooManyBytes => {
                Self::detailed(ErrorCode::LimitReached, "limits.record_bytes_per_account_max")
            }
        }
    }
}
