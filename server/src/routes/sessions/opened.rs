//! What opens an account on a new device.

use protocol::{
    AccountId, DeviceId, ErrorCode, UnixMillis,
    accounts::Ticket,
    device_list::DeviceList,
    limits::ENROLMENT_TICKET_SECONDS,
    sessions::{OpenedAccount, StoredVault},
    values::{Bytes, List},
};

use crate::app::App;
use crate::error::ApiError;
use crate::secrets::random;
use crate::storage::{Connection, accounts, devices, factors, records, requests};
use crate::tokens::tickets::EnrolmentTicket;

/// A ticket that lets one device enrol into `account`.
pub(super) fn enrolment_ticket(
    app: &App,
    account_id: AccountId,
    now: UnixMillis,
) -> Result<Ticket, ApiError> {
    let content = EnrolmentTicket {
        ticket_id: random().map_err(ApiError::internal)?,
        account_id,
        expires_at: now.plus_seconds(ENROLMENT_TICKET_SECONDS),
    };
    Ok(app.credentials.tickets.seal(&content)?)
}

/// Whether the ticket still stands for its account: not spent, and opened with every factor that the account has now.
pub(in crate::routes) async fn stands(
    conn: &mut Connection,
    ticket: &EnrolmentTicket,
) -> Result<bool, ApiError> {
    Ok(!requests::ticket_is_spent(conn, ticket.ticket_id).await?
        && !factors::were_added_since(conn, ticket.account_id, ticket.opened_at()).await?)
}

/// Whether the ticket is of `account`, opened within ten minutes: the fresh proof that sensitive changes ask for.
pub(in crate::routes) async fn check_proof(
    app: &App,
    account: AccountId,
    ticket: &Ticket,
) -> Result<(), ApiError> {
    let ticket: EnrolmentTicket = app.credentials.tickets.open(ticket, app.clock.now())?;
    let stands = app.db.read(async |conn| stands(conn, &ticket).await).await?;
    if stands && ticket.account_id == account { Ok(()) } else { Err(ErrorCode::TicketInvalid.into()) }
}

/// Wraps, device list and vault of an account whose owner has shown a factor (O-2).
pub(super) async fn open(
    conn: &mut Connection,
    account_id: AccountId,
    enrolment_ticket: Ticket,
) -> Result<OpenedAccount, ApiError> {
    let account = accounts::get(conn, account_id).await?;
    let vault = records::get_vault(conn, account_id, account.vault_record_id).await?;
    Ok(OpenedAccount {
        account_id,
        handle: account.handle,
        enrolment_ticket,
        wraps: List::new(accounts::list_wraps(conn, account_id).await?).map_err(ApiError::internal)?,
        revoked_devices: List::new(revoked(conn, account_id, &account.device_list).await?)
            .map_err(ApiError::internal)?,
        device_list: Bytes::new(account.device_list).map_err(ApiError::internal)?,
        vault: StoredVault {
            record_id: account.vault_record_id,
            version: vault.version,
            ciphertext: vault.ciphertext,
        },
    })
}

/// Devices that the relay has revoked and the list still shows as live (K-7).
async fn revoked(conn: &mut Connection, account: AccountId, list: &[u8]) -> Result<Vec<DeviceId>, ApiError> {
    let list = DeviceList::decode(list).map_err(ApiError::internal)?;
    let live = devices::list_live(conn, account).await?;
    let listed = list.body.live().map(|entry| entry.device);
    Ok(listed.filter(|device| !live.contains(device)).collect())
}
