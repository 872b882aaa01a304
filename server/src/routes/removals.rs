//! Removing devices (K-8): at the relay at once, then by the signed list, in one compare-and-set.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::{
    AccountId, DeviceId, ErrorCode, UnixMillis,
    accounts::{Ticket, Wrap, WrapKind},
    audit::AuditKind,
    devices::{DevicesRemoved, RemoveDevices, RevocationList, RevokeDevices},
    public_keys::IdentityKey,
};

use super::sessions::opened;
use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::{Cbor, Json};
use crate::device_lists;
use crate::error::ApiError;
use crate::storage::audit::{self, Event};
use crate::storage::{Connection, accounts, devices, requests};
use crate::tokens::tickets::EnrolmentTicket;

/// `POST /v1/devices/revocations`: whatever becomes of the removal, from here on these devices may do nothing.
pub(crate) async fn revoke(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<RevokeDevices>,
) -> Result<StatusCode, ApiError> {
    let now = app.clock.now();
    let ticket = opened_by(&app, device, &request.enrolment_ticket, now)?;
    if request.devices.contains(&device.device_id) {
        return Err(ApiError::detailed(ErrorCode::Malformed, "devices"));
    }
    let revoked = app
        .db
        .write(async |conn| {
            if !opened::stands(conn, &ticket).await? {
                return Err(ErrorCode::TicketInvalid.into());
            }
            revoke_all(conn, device.account_id, &request.devices, now).await
        })
        .await?;
    for device in revoked {
        app.revoke_device(device);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/devices/removals`: one compare-and-set over the device list. The same list again, while it is the current
/// one, answers as the first time.
pub(crate) async fn remove(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<RemoveDevices>,
) -> Result<Cbor<DevicesRemoved>, ApiError> {
    let now = app.clock.now();
    let account = device.account_id;
    let removed = app
        .db
        .write(async |conn| {
            let list = accounts::lock_device_list(conn, account).await?.ok_or(ErrorCode::NotFound)?;
            if list.bytes.as_slice() == &*request.device_list {
                return Ok((list.version, Vec::new()));
            }
            let ticket = opened_by(&app, device, &request.enrolment_ticket, now)?;
            let stands = opened::stands(conn, &ticket).await?;
            if !stands || !requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await? {
                return Err(ErrorCode::TicketInvalid.into());
            }
            let checked =
                device_lists::check_removal(account, &list.bytes, device.device_id, &request.device_list)?;
            check_root_wrap(&request.root_wrap, checked.root_generation)?;
            accounts::update_device_list(conn, account, &request.device_list, checked.version).await?;
            accounts::put_wrap(conn, account, &request.root_wrap).await?;
            let revoked = revoke_all(conn, account, &checked.marked, now).await?;
            let revocations = (checked.marked.as_slice(), &request.revocations);
            keep_revocations(conn, account, &checked.identity_key, revocations).await?;
            Ok::<_, ApiError>((checked.version, revoked))
        })
        .await?;
    let (version, revoked) = removed;
    for device in revoked {
        app.revoke_device(device);
    }
    app.tell_device_list(account, version).await;
    Ok(Cbor(DevicesRemoved { version }))
}

/// The ticket by which the caller has opened its account: a fresh factor.
fn opened_by(
    app: &App,
    device: CallingDevice,
    ticket: &Ticket,
    now: UnixMillis,
) -> Result<EnrolmentTicket, ApiError> {
    let ticket: EnrolmentTicket = app.credentials.tickets.open(ticket, now)?;
    if ticket.account_id == device.account_id { Ok(ticket) } else { Err(ErrorCode::TicketInvalid.into()) }
}

fn check_root_wrap(wrap: &Wrap, generation: u32) -> Result<(), ApiError> {
    if wrap.kind == WrapKind::Root && wrap.generation == generation && !wrap.bytes.is_empty() {
        Ok(())
    } else {
        Err(ApiError::detailed(ErrorCode::Malformed, "root_wrap"))
    }
}

/// Revokes whatever of `listed` is live, and says which that were. The identity key's word counts at once: what the
/// signed list revokes, the relay revokes.
pub(super) async fn revoke_all(
    conn: &mut Connection,
    account: AccountId,
    listed: &[DeviceId],
    now: UnixMillis,
) -> Result<Vec<DeviceId>, ApiError> {
    let mut revoked = Vec::new();
    for device in listed {
        if devices::revoke(conn, account, *device, now).await? {
            audit::insert(conn, account, Event::device(AuditKind::DeviceRemoved, *device), now).await?;
            revoked.push(*device);
        }
    }
    Ok(revoked)
}

/// Checks and keeps the signed revocations of the devices that a list is the first to mark.
pub(super) async fn keep_revocations(
    conn: &mut Connection,
    account: AccountId,
    identity_key: &IdentityKey,
    (marked, revocations): (&[DeviceId], &RevocationList),
) -> Result<(), ApiError> {
    for (device, bytes) in device_lists::check_revocations(account, identity_key, marked, revocations)? {
        devices::update_revocation(conn, account, device, bytes).await?;
    }
    Ok(())
}
