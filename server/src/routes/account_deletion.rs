//! Deletion of the caller's own account, for good.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{AccountId, ErrorCode, Handle, accounts::DeleteAccount};

use super::sessions::opened;
use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::refresh_cookie;
use crate::storage::account_deletion::{self, Deleted};
use crate::storage::accounts;

/// Files that are removed before the answer; the sweep takes the rest.
const FILES_AT_ONCE: usize = 256;
/// A deletion that meets something else of the account is tried again, so often in all.
const TRIES: usize = 5;

/// `POST /v1/accounts/me/deletion`: everything about the account in one transaction; its sessions and sockets end at
/// once.
pub(crate) async fn delete(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<DeleteAccount>,
) -> Result<Response, ApiError> {
    let account = device.account_id;
    opened::check_proof(&app, account, &request.enrolment_ticket).await?;
    let mut tries = 0;
    let deleted = loop {
        tries += 1;
        match delete_once(&app, account, &request.handle).await {
            // Something else of the account was under way: nothing was changed.
            Err(error) if error.code == ErrorCode::Unavailable && tries < TRIES => {}
            done => break done?,
        }
    };
    app.end_account(&deleted);
    remove_files(&app, &deleted).await;
    let cookie = refresh_cookie::clear(&app.config)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

async fn delete_once(app: &App, account: AccountId, handle: &Handle) -> Result<Deleted, ApiError> {
    let now = app.clock.now();
    let marks = &app.credentials.tombstones;
    let own = [marks.handle(handle), marks.account(account)];
    app.db
        .write(async |conn| {
            if accounts::get(conn, account).await?.handle != *handle {
                return Err(ApiError::detailed(ErrorCode::Malformed, "another account's handle"));
            }
            let deleted =
                account_deletion::delete(conn, account, (&own, |device| marks.device(device)), now).await?;
            deleted.ok_or_else(|| ErrorCode::AccountDeleted.into())
        })
        .await
}

/// The account is gone whatever happens here: what is left over is removed by the sweep.
async fn remove_files(app: &App, deleted: &Deleted) {
    for blob in deleted.blobs.iter().take(FILES_AT_ONCE) {
        if let Err(error) = app.remove_blob_file(*blob).await {
            return error.log("files of a deleted account");
        }
    }
}
