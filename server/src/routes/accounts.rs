//! Accounts: registration in one transaction (O-7), and the directory by exact handle.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::{
    AccountId, ErrorCode, Handle, UnixMillis,
    accounts::{
        DirectoryEntry, HandleAvailability, OpaqueMessage, RegisterFinish, RegisterStart, RegisterStarted,
        Wrap, WrapKind,
    },
    audit::AuditKind,
    invites::{InviteCode, RegistrationMode},
    limits::ENROLMENT_TICKET_SECONDS,
    public_keys::IdentityKey,
    socket::to_bytes,
};

use super::answers::{self, Answer};
use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::{Cbor, Json};
use crate::coarse_address::CoarseAddress;
use crate::device_lists::{self, CheckedList};
use crate::error::ApiError;
use crate::opaque::{Opaque, StoredRecord};
use crate::path::Path;
use crate::refresh_cookie::ClientKind;
use crate::secrets::{random, sha256};
use crate::storage::accounts::{self, Inserted, NewAccount};
use crate::storage::audit::{self, Event};
use crate::storage::invites;
use crate::storage::records;
use crate::storage::tombstones;
use crate::storage::{Connection, StorageError};
use crate::tokens::tickets::RegistrationTicket;

/// `GET /v1/accounts/available/{handle}`.
pub(crate) async fn available(
    State(app): State<App>,
    Path(handle): Path<String>,
) -> Result<Json<HandleAvailability>, ApiError> {
    let handle = parse_handle(&handle)?;
    let taken = app.db.read(async |conn| is_taken(&app, conn, &handle).await).await?;
    Ok(Json(HandleAvailability { available: !taken }))
}

/// `POST /v1/accounts/register/start`.
pub(crate) async fn register_start(
    State(app): State<App>,
    Json(request): Json<RegisterStart>,
) -> Result<Json<RegisterStarted>, ApiError> {
    let invite_hash = admit(&app, request.invite).await?;
    let taken = app.db.read(async |conn| is_taken(&app, conn, &request.handle).await).await?;
    if taken {
        return Err(ErrorCode::HandleTaken.into());
    }
    let credential_id = random().map_err(ApiError::internal)?;
    let opaque = &app.credentials.opaque;
    let response = opaque.register(&credential_id, &request.registration_request)?;
    let ticket = RegistrationTicket {
        handle: request.handle.to_string(),
        credential_id,
        setup_id: opaque.current_setup()?,
        expires_at: app.clock.now().plus_seconds(ENROLMENT_TICKET_SECONDS),
        invite_hash,
    };
    Ok(Json(RegisterStarted {
        ticket: app.credentials.tickets.seal(&ticket)?,
        registration_response: OpaqueMessage::new(response).map_err(ApiError::internal)?,
    }))
}

/// `POST /v1/accounts/register/finish`: the whole account or nothing; the same id again answers as the first time.
pub(crate) async fn register_finish(
    State(app): State<App>,
    address: CoarseAddress,
    headers: HeaderMap,
    Cbor(request): Cbor<RegisterFinish>,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let content_hash = sha256(&to_bytes(&request));
    let ticket: RegistrationTicket = app.credentials.tickets.open_late(&request.ticket)?;
    let repeated =
        app.db.read(async |conn| answers::find(conn, request.idempotency_id, content_hash).await).await?;
    let answer = match repeated {
        Some(answer) => answer,
        None if ticket.expires_at <= now => return Err(ErrorCode::TicketInvalid.into()),
        None => register(&app, (&request, &address), ticket, content_hash).await?,
    };
    answers::respond(&app, ClientKind::of(&headers), request.idempotency_id, answer).await
}

/// `GET /v1/accounts/by-handle/{handle}`: exact handles only.
pub(crate) async fn by_handle(
    State(app): State<App>,
    _: CallingDevice,
    Path(handle): Path<String>,
) -> Result<Json<DirectoryEntry>, ApiError> {
    let handle = parse_handle(&handle)?;
    let mark = app.credentials.tombstones.handle(&handle);
    app.db
        .read(async |conn| match accounts::find_by_handle(conn, &handle).await? {
            Some(entry) => Ok(Json(entry)),
            None => Err(tombstones::missing(conn, mark).await?.into()),
        })
        .await
}

/// `GET /v1/accounts/{account_id}`.
pub(crate) async fn by_id(
    State(app): State<App>,
    _: CallingDevice,
    Path(account): Path<String>,
) -> Result<Json<DirectoryEntry>, ApiError> {
    let account: AccountId = account.parse().map_err(|_| ApiError::not_found())?;
    let mark = app.credentials.tombstones.account(account);
    app.db
        .read(async |conn| match accounts::find(conn, account).await? {
            Some(entry) => Ok(Json(entry)),
            None => Err(tombstones::missing(conn, mark).await?.into()),
        })
        .await
}

/// Whether a registration may begin, and the invitation that its finish takes.
async fn admit(app: &App, invite: Option<InviteCode>) -> Result<Option<[u8; 32]>, ApiError> {
    match app.config.registration {
        RegistrationMode::Open => Ok(None),
        RegistrationMode::Closed => Err(ErrorCode::RegistrationClosed.into()),
        RegistrationMode::Invite => {
            let hash = sha256(&*invite.ok_or(ErrorCode::InviteInvalid)?.0);
            let now = app.clock.now();
            let is_live = app.db.read(async |conn| invites::is_live(conn, &hash, now).await).await?;
            if is_live { Ok(Some(hash)) } else { Err(ErrorCode::InviteInvalid.into()) }
        }
    }
}

fn parse_handle(text: &str) -> Result<Handle, ApiError> {
    text.parse().map_err(|_| ApiError::detailed(ErrorCode::Malformed, "not a handle"))
}

async fn register(
    app: &App,
    (request, address): (&RegisterFinish, &CoarseAddress),
    ticket: RegistrationTicket,
    content_hash: [u8; 32],
) -> Result<Answer, ApiError> {
    let now = app.clock.now();
    let handle = ticket.handle.parse().map_err(|_| ErrorCode::TicketInvalid)?;
    let record = StoredRecord {
        credential_id: ticket.credential_id,
        setup_id: ticket.setup_id,
        record: Opaque::record(&request.registration_upload)?,
    };
    let list = device_lists::check_first(request.account_id, &request.device, &request.device_list)?;
    check_wraps(&request.wraps, list.root_generation)?;
    answers::check_key_packages(&request.device)?;
    let parts = Checked { handle, record, list, invite_hash: ticket.invite_hash };
    let fresh = answers::fresh(request.account_id, request.device.device_id, content_hash)?;
    let begun = app.begin_session(&fresh.session);
    let answer = app
        .db
        .write(async |conn| {
            if insert_account(conn, request, &parts, now).await? == Inserted::Taken {
                return taken(conn, request, &parts.handle, content_hash).await;
            }
            // After the insert, which waits for a deletion under way: what that left behind is seen here.
            refuse_buried(app, conn, request, &parts.handle).await?;
            answers::insert_device(app, conn, &fresh.session, (&request.device, &parts.list), now).await?;
            answers::insert(app, conn, request.idempotency_id, (&fresh, address), now).await?;
            let event = Event::device(AuditKind::Registered, request.device.device_id);
            audit::insert(conn, request.account_id, event, now).await?;
            Ok::<_, ApiError>(fresh)
        })
        .await?;
    if answer.session == fresh.session {
        begun.keep();
    }
    Ok(answer)
}

async fn is_taken(app: &App, conn: &mut Connection, handle: &Handle) -> Result<bool, StorageError> {
    Ok(accounts::handle_exists(conn, handle).await?
        || tombstones::exist(conn, &[app.credentials.tombstones.handle(handle)]).await?)
}

/// Nobody comes back as an account that was deleted.
async fn refuse_buried(
    app: &App,
    conn: &mut Connection,
    request: &RegisterFinish,
    handle: &Handle,
) -> Result<(), ApiError> {
    let marks = &app.credentials.tombstones;
    if tombstones::exist(conn, &[marks.handle(handle)]).await? {
        return Err(ErrorCode::HandleTaken.into());
    }
    if tombstones::exist(conn, &[marks.account(request.account_id)]).await? {
        return Err(ErrorCode::IdempotencyConflict.into());
    }
    Ok(())
}

/// What was checked before the transaction.
struct Checked {
    handle: Handle,
    record: StoredRecord,
    list: CheckedList,
    invite_hash: Option<[u8; 32]>,
}

async fn insert_account(
    conn: &mut Connection,
    request: &RegisterFinish,
    parts: &Checked,
    now: UnixMillis,
) -> Result<Inserted, ApiError> {
    let identity_key: IdentityKey = parts.list.identity_key;
    let account = NewAccount {
        account_id: request.account_id,
        handle: &parts.handle,
        record: &parts.record,
        recovery_auth_hash: &request.recovery_auth_hash,
        identity_key,
        device_list: &request.device_list,
        vault_record_id: request.vault.record_id,
    };
    if accounts::insert(conn, &account, now).await? == Inserted::Taken {
        return Ok(Inserted::Taken);
    }
    if let Some(hash) = &parts.invite_hash
        && !invites::take_one(conn, hash, now).await?
    {
        return Err(ErrorCode::InviteInvalid.into());
    }
    for wrap in request.wraps.iter() {
        accounts::put_wrap(conn, request.account_id, wrap).await?;
    }
    let vault = &request.vault;
    records::insert_vault(conn, request.account_id, vault.record_id, &vault.ciphertext, now).await?;
    Ok(Inserted::Stored)
}

/// Two finishes at once: either the other one was this very request, or the name is gone.
async fn taken(
    conn: &mut Connection,
    request: &RegisterFinish,
    handle: &Handle,
    content_hash: [u8; 32],
) -> Result<Answer, ApiError> {
    if let Some(answer) = answers::find(conn, request.idempotency_id, content_hash).await? {
        return Ok(answer);
    }
    if accounts::handle_exists(conn, handle).await? {
        return Err(ErrorCode::HandleTaken.into());
    }
    Err(ErrorCode::IdempotencyConflict.into())
}

/// One wrap per kind and generation, and none missing without which the account could never be opened.
fn check_wraps(wraps: &[Wrap], root_generation: u32) -> Result<(), ApiError> {
    let has = |kind, generation| {
        wraps
            .iter()
            .filter(|wrap| wrap.kind == kind && wrap.generation == generation && !wrap.bytes.is_empty())
            .count()
    };
    let each_once = wraps.iter().all(|wrap| has(wrap.kind, wrap.generation) == 1);
    let complete = [(WrapKind::Password, 0), (WrapKind::Recovery, 0), (WrapKind::Root, root_generation)];
    if each_once && complete.iter().all(|(kind, generation)| has(*kind, *generation) == 1) {
        Ok(())
    } else {
        Err(ApiError::detailed(ErrorCode::Malformed, "wraps"))
    }
}
