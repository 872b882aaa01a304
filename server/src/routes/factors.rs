//! One's own second factors. Every change asks for the ticket of a freshly opened account: whoever only holds a
//! session, or finds an unlocked browser, changes nothing.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::{
    AccountId, ErrorCode, UnixMillis,
    audit::AuditKind,
    factors::{
        ConfirmFactor, EmailStarted, FreshProof, OwnEmail, OwnFactors, RecoveryCodes, StartEmail, TotpStarted,
    },
    limits::ENROLMENT_TICKET_SECONDS,
    values::{Exactly, List},
};
use zeroize::Zeroizing;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::factors::{recovery_codes, totp};
use crate::routes::sessions::{factor::EmailCode, opened};
use crate::secrets::random;
use crate::storage::audit::{self, Event};
use crate::storage::factors::{self, CodeUse};
use crate::storage::{Connection, StorageError, email_codes, requests};
use crate::tokens::tickets::{EmailTicket, TotpTicket};

/// `GET /v1/factors`.
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Json<OwnFactors>, ApiError> {
    let account = device.account_id;
    let (own, email) = app
        .db
        .read(async |conn| {
            let email = email_codes::find(conn, account).await?;
            Ok::<_, StorageError>((factors::get_own(conn, account).await?, email))
        })
        .await?;
    let email = email
        .map(|stored| {
            let address = app.credentials.factors.open_address(account, &stored.sealed_address)?;
            Ok::<_, ApiError>(OwnEmail { address, since: stored.created_at })
        })
        .transpose()?;
    Ok(Json(OwnFactors { totp_since: own.totp_since, email, recovery_codes_left: own.recovery_codes_left }))
}

/// `POST /v1/factors/totp/start`: nothing is kept until the first code comes back.
pub(crate) async fn start_totp(
    State(app): State<App>,
    device: CallingDevice,
    Json(proof): Json<FreshProof>,
) -> Result<Json<TotpStarted>, ApiError> {
    opened::check_proof(&app, device.account_id, &proof.enrolment_ticket).await?;
    let seed = random().map_err(ApiError::internal)?;
    let ticket = TotpTicket {
        ticket_id: random().map_err(ApiError::internal)?,
        account_id: device.account_id,
        seed,
        expires_at: app.clock.now().plus_seconds(ENROLMENT_TICKET_SECONDS),
    };
    Ok(Json(TotpStarted { ticket: app.credentials.tickets.seal(&ticket)?, seed: Exactly(seed) }))
}

/// `POST /v1/factors/totp`: from now on the account asks for a code.
pub(crate) async fn confirm_totp(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<ConfirmFactor>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let now = app.clock.now();
    let ticket: TotpTicket = app.credentials.tickets.open(&request.ticket, now)?;
    if ticket.account_id != device.account_id {
        return Err(ErrorCode::TicketInvalid.into());
    }
    let seed = Zeroizing::new(ticket.seed);
    let step = totp::matching_step(&seed, &request.code, now).ok_or(ErrorCode::FactorWrong)?;
    let sealed = app.credentials.factors.seal(device.account_id, &seed)?;
    app.db
        .write(async |conn| {
            if !requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await? {
                return Err(ApiError::new(ErrorCode::TicketInvalid));
            }
            factors::put_totp(conn, device.account_id, sealed, step, now).await?;
            let codes = first_codes(&app, conn, device.account_id).await?;
            note(conn, device, AuditKind::FactorAdded, now).await?;
            Ok(Json(codes))
        })
        .await
}

/// `POST /v1/factors/totp/removal`: 204. The last factor takes the recovery codes with it.
pub(crate) async fn remove_totp(
    State(app): State<App>,
    device: CallingDevice,
    Json(proof): Json<FreshProof>,
) -> Result<StatusCode, ApiError> {
    opened::check_proof(&app, device.account_id, &proof.enrolment_ticket).await?;
    let now = app.clock.now();
    app.db
        .write(async |conn| {
            if !factors::delete_totp(conn, device.account_id).await? {
                return Err(ApiError::not_found());
            }
            forget_idle_codes(conn, device.account_id).await?;
            note(conn, device, AuditKind::FactorRemoved, now).await?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// `POST /v1/factors/email/start`: sends a code; nothing else is kept until it comes back.
pub(crate) async fn start_email(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<StartEmail>,
) -> Result<Json<EmailStarted>, ApiError> {
    opened::check_proof(&app, device.account_id, &request.enrolment_ticket).await?;
    let now = app.clock.now();
    let ticket = EmailTicket {
        ticket_id: random().map_err(ApiError::internal)?,
        account_id: device.account_id,
        address: request.address.as_str().to_owned(),
        expires_at: now.plus_seconds(ENROLMENT_TICKET_SECONDS),
    };
    let code = EmailCode {
        account_id: device.account_id,
        ticket_id: ticket.ticket_id,
        ticket_ends: ticket.expires_at,
    };
    code.send(&app, &request.address, now).await?;
    Ok(Json(EmailStarted { ticket: app.credentials.tickets.seal(&ticket)? }))
}

/// `POST /v1/factors/email`: from now on the account asks for a code. At most five tries.
pub(crate) async fn confirm_email(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<ConfirmFactor>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let now = app.clock.now();
    let account = device.account_id;
    let ticket: EmailTicket = app.credentials.tickets.open(&request.ticket, now)?;
    if ticket.account_id != account {
        return Err(ErrorCode::TicketInvalid.into());
    }
    let address = ticket.address.parse().map_err(ApiError::internal)?;
    let sealed = app.credentials.factors.seal_address(account, &address)?;
    let hash = app.credentials.factors.hash_email_code(&ticket.ticket_id, &request.code);
    let codes = app
        .db
        .write(async |conn| {
            // A refusal is a value: it must not undo what the try was counted as.
            if !factors::count_try(conn, ticket.ticket_id, ticket.expires_at).await? {
                return Ok(Err(ErrorCode::TriesExhausted));
            }
            if email_codes::use_code(conn, ticket.ticket_id, hash, now).await? != CodeUse::Fresh {
                return Ok(Err(ErrorCode::FactorWrong));
            }
            email_codes::put(conn, account, sealed, now).await?;
            let codes = first_codes(&app, conn, account).await?;
            note(conn, device, AuditKind::EmailAdded, now).await?;
            Ok::<_, ApiError>(Ok(codes))
        })
        .await?;
    Ok(Json(codes?))
}

/// `POST /v1/factors/email/removal`: 204. The last factor takes the recovery codes with it.
pub(crate) async fn remove_email(
    State(app): State<App>,
    device: CallingDevice,
    Json(proof): Json<FreshProof>,
) -> Result<StatusCode, ApiError> {
    opened::check_proof(&app, device.account_id, &proof.enrolment_ticket).await?;
    let now = app.clock.now();
    app.db
        .write(async |conn| {
            if !email_codes::delete(conn, device.account_id).await? {
                return Err(ApiError::not_found());
            }
            forget_idle_codes(conn, device.account_id).await?;
            note(conn, device, AuditKind::EmailRemoved, now).await?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// `POST /v1/factors/recovery-codes`: ten new ones, and the old ones are over.
pub(crate) async fn renew_recovery_codes(
    State(app): State<App>,
    device: CallingDevice,
    Json(proof): Json<FreshProof>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    opened::check_proof(&app, device.account_id, &proof.enrolment_ticket).await?;
    let now = app.clock.now();
    app.db
        .write(async |conn| {
            if factors::list_required(conn, device.account_id).await?.is_empty() {
                return Err(ApiError::not_found());
            }
            let codes = fresh_codes(&app, conn, device.account_id).await?;
            note(conn, device, AuditKind::RecoveryCodesRenewed, now).await?;
            Ok(Json(codes))
        })
        .await
}

/// Recovery codes stand in for another factor; without one they are over.
async fn forget_idle_codes(conn: &mut Connection, account: AccountId) -> Result<(), StorageError> {
    if factors::list_required(conn, account).await?.is_empty() {
        factors::delete_recovery_codes(conn, account).await?;
    }
    Ok(())
}

async fn note(
    conn: &mut Connection,
    device: CallingDevice,
    kind: AuditKind,
    now: UnixMillis,
) -> Result<(), StorageError> {
    audit::insert(conn, device.account_id, Event::device(kind, device.device_id), now).await?;
    Ok(())
}

/// Recovery codes for an account that has none left; else none, and its old ones stay.
async fn first_codes(
    app: &App,
    conn: &mut Connection,
    account: AccountId,
) -> Result<RecoveryCodes, ApiError> {
    if factors::get_own(conn, account).await?.recovery_codes_left > 0 {
        return Ok(RecoveryCodes { codes: List::default() });
    }
    fresh_codes(app, conn, account).await
}

async fn fresh_codes(
    app: &App,
    conn: &mut Connection,
    account: AccountId,
) -> Result<RecoveryCodes, ApiError> {
    let codes = recovery_codes::generate()?;
    let hashes = app.credentials.factors.hash_codes(account, &codes);
    factors::replace_recovery_codes(conn, account, &hashes).await?;
    Ok(RecoveryCodes { codes: List::new(codes).map_err(ApiError::internal)? })
}
