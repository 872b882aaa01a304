//! Devices: enrolment of a new one in one compare-and-set over the signed list (K-7), and one's own.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::{
    AccountId, DeviceId, ErrorCode, UnixMillis,
    accounts::{Wrap, WrapKind},
    audit::AuditKind,
    devices::{EnrolDevice, NewPassword, OwnDevices},
    socket::to_bytes,
    values::{Bytes, List},
};

use super::answers::{self, Answer};
use super::removals::{keep_revocations, revoke_all};
use super::sessions::opened;
use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::{Cbor, Json};
use crate::coarse_address::CoarseAddress;
use crate::device_lists;
use crate::error::ApiError;
use crate::opaque::{Opaque, StoredRecord};
use crate::refresh_cookie::ClientKind;
use crate::secrets::sha256;
use crate::storage::audit::{self, Event};
use crate::storage::{Connection, accounts, devices, requests};
use crate::tokens::tickets::{EnrolmentTicket, PasswordTicket};

/// `GET /v1/devices`.
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Json<OwnDevices>, ApiError> {
    app.db
        .read(async |conn| {
            let account = accounts::get(conn, device.account_id).await?;
            let devices = devices::list(conn, device.account_id).await?;
            Ok(Json(OwnDevices {
                device_list: Bytes::new(account.device_list).map_err(ApiError::internal)?,
                devices: List::new(devices).map_err(ApiError::internal)?,
            }))
        })
        .await
}

/// `POST /v1/devices`: the ticket is spent when it succeeds; the same id again answers as the first time.
pub(crate) async fn enrol(
    State(app): State<App>,
    address: CoarseAddress,
    headers: HeaderMap,
    Cbor(request): Cbor<EnrolDevice>,
) -> Result<Response, ApiError> {
    let content_hash = sha256(&to_bytes(&request));
    let ticket: EnrolmentTicket = app.credentials.tickets.open_late(&request.enrolment_ticket)?;
    let repeated =
        app.db.read(async |conn| answers::find(conn, request.idempotency_id, content_hash).await).await?;
    let answer = match repeated {
        Some(answer) => answer,
        None if ticket.expires_at <= app.clock.now() => return Err(ErrorCode::TicketInvalid.into()),
        None => enrol_once(&app, (&request, &address), ticket, content_hash).await?,
    };
    answers::respond(&app, ClientKind::of(&headers), request.idempotency_id, answer).await
}

/// What an enrolment did.
enum Outcome {
    /// These devices are revoked now: the new list says so.
    Enrolled { answer: Answer, version: u64, revoked: Vec<DeviceId> },
    /// The same request came twice at once, and the other one was first.
    Repeated(Answer),
}

async fn enrol_once(
    app: &App,
    (request, address): (&EnrolDevice, &CoarseAddress),
    ticket: EnrolmentTicket,
    content_hash: [u8; 32],
) -> Result<Answer, ApiError> {
    let now = app.clock.now();
    answers::check_key_packages(&request.device)?;
    let password = match &request.new_password {
        Some(new) => Some((new, new_record(app, new, &ticket, now)?)),
        None => None,
    };
    let fresh = answers::fresh(ticket.account_id, request.device.device_id, content_hash)?;
    let begun = app.begin_session(&fresh.session);
    let outcome = app
        .db
        .write(async |conn| {
            let list = match lock(conn, request, &ticket, content_hash).await? {
                Locked::Current(list) => list,
                Locked::Answered(answer) => return Ok(Outcome::Repeated(answer)),
            };
            let checked =
                device_lists::check_next(ticket.account_id, &list, &request.device, &request.device_list)?;
            accounts::update_device_list(conn, ticket.account_id, &request.device_list, checked.version)
                .await?;
            let revoked = revoke_all(conn, ticket.account_id, &checked.revoked, now).await?;
            let (account, identity) = (ticket.account_id, &checked.identity_key);
            keep_revocations(conn, account, identity, (&checked.marked, &request.revocations)).await?;
            answers::insert_device(app, conn, &fresh.session, (&request.device, &checked), now).await?;
            if let Some((new, record)) = &password {
                put_password(conn, &ticket, new, record).await?;
            }
            answers::insert(app, conn, request.idempotency_id, (&fresh, address), now).await?;
            note(conn, request, ticket.account_id, now).await?;
            Ok::<_, ApiError>(Outcome::Enrolled { answer: fresh, version: checked.version, revoked })
        })
        .await?;
    match outcome {
        Outcome::Repeated(answer) => Ok(answer),
        Outcome::Enrolled { answer, version, revoked } => {
            begun.keep();
            for device in revoked {
                app.revoke_device(device);
            }
            app.tell_device_list(ticket.account_id, version).await;
            Ok(answer)
        }
    }
}

/// What stands under the lock on the account's row.
enum Locked {
    Current(Vec<u8>),
    Answered(Answer),
}

/// Locks the list and spends the ticket; both are undone when the enrolment is refused.
async fn lock(
    conn: &mut Connection,
    request: &EnrolDevice,
    ticket: &EnrolmentTicket,
    content_hash: [u8; 32],
) -> Result<Locked, ApiError> {
    let list = accounts::lock_device_list(conn, ticket.account_id).await?;
    let list = list.ok_or(ErrorCode::TicketInvalid)?;
    if let Some(answer) = answers::find(conn, request.idempotency_id, content_hash).await? {
        return Ok(Locked::Answered(answer));
    }
    let stands = opened::stands(conn, ticket).await?;
    if !stands || !requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await? {
        return Err(ErrorCode::TicketInvalid.into());
    }
    Ok(Locked::Current(list.bytes))
}

/// The audit log's rows of an enrolment, beside those of devices that it revokes.
async fn note(
    conn: &mut Connection,
    request: &EnrolDevice,
    account: AccountId,
    now: UnixMillis,
) -> Result<(), ApiError> {
    if request.new_password.is_some() {
        audit::insert(conn, account, Event::account(AuditKind::PasswordChanged), now).await?;
    }
    audit::insert(conn, account, Event::device(AuditKind::DeviceAdded, request.device.device_id), now)
        .await?;
    Ok(())
}

fn new_record(
    app: &App,
    new: &NewPassword,
    enrolment: &EnrolmentTicket,
    now: UnixMillis,
) -> Result<StoredRecord, ApiError> {
    let ticket: PasswordTicket = app.credentials.tickets.open(&new.ticket, now)?;
    if ticket.account_id != enrolment.account_id {
        return Err(ErrorCode::TicketInvalid.into());
    }
    let password = |wrap: &&Wrap| wrap.kind == WrapKind::Password && wrap.generation == 0;
    let each_once = new.wraps.iter().all(|wrap| {
        let same = |other: &&Wrap| other.kind == wrap.kind && other.generation == wrap.generation;
        !wrap.bytes.is_empty() && new.wraps.iter().filter(same).count() == 1
    });
    if !each_once || new.wraps.iter().filter(password).count() != 1 {
        return Err(ApiError::detailed(ErrorCode::Malformed, "new_password.wraps"));
    }
    Ok(StoredRecord {
        credential_id: ticket.credential_id,
        setup_id: ticket.setup_id,
        record: Opaque::record(&new.registration_upload)?,
    })
}

async fn put_password(
    conn: &mut Connection,
    ticket: &EnrolmentTicket,
    new: &NewPassword,
    record: &StoredRecord,
) -> Result<(), ApiError> {
    accounts::update_password(conn, ticket.account_id, record).await?;
    for wrap in new.wraps.iter() {
        accounts::put_wrap(conn, ticket.account_id, wrap).await?;
    }
    Ok(())
}
