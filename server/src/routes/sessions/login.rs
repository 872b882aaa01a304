//! Log-in that opens an account: by password (OPAQUE) or by the recovery key. Every start is a guess (O-1), and
//! wraps leave only after the last step (O-2).

use axum::extract::State;
use protocol::{
    AccountId, ErrorCode, UnixMillis,
    accounts::{OpaqueMessage, RegisterStarted},
    audit::AuditKind,
    factors::Opening,
    limits::{ENROLMENT_TICKET_SECONDS, LOGIN_TICKET_SECONDS},
    sessions::{
        EnrolmentState, LoginFinish, LoginStart, LoginStarted, OpenedAccount, PasswordStart, RecoveryLogin,
    },
};

use super::{factor, opened};
use crate::app::App;
use crate::body::Json;
use crate::credentials::counted;
use crate::error::ApiError;
use crate::opaque::Opaque;
use crate::secrets::{equal, random, sha256};
use crate::storage::audit::{self, Event};
use crate::storage::requests::{self, Guess};
use crate::storage::{Connection, StorageError, accounts};
use crate::tokens::tickets::{EnrolmentTicket, LoginTicket, PasswordTicket, Shown};

/// `POST /v1/sessions/login/start`: the same answer for unknown handles, by the same work (O-4).
pub(crate) async fn start(
    State(app): State<App>,
    Json(request): Json<LoginStart>,
) -> Result<Json<LoginStarted>, ApiError> {
    let now = app.clock.now();
    let limits = &app.config.limits;
    let nobody = app.credentials.nobody(&request.handle);
    let (guess, found, tried) = app
        .db
        .write(async |conn| {
            let guess = app.credentials.count_guess(conn, &request.handle, limits, now).await?;
            let found = accounts::find_login(conn, &request.handle).await?;
            let account = found.as_ref().map_or(nobody, |found| found.account_id);
            let tried = match guess {
                Guess::Counted => {
                    audit::insert_try(conn, account, Event::account(AuditKind::LoginTried), now).await?
                }
                Guess::Refused { .. } => None,
            };
            Ok::<_, ApiError>((guess, found, tried))
        })
        .await?;
    counted(guess)?;
    let (account_id, record) = found.map_or((nobody, None), |found| (found.account_id, Some(found.record)));
    let started = app.credentials.opaque.login_start(record, &request.handle, &request.credential_request)?;
    let ticket = LoginTicket {
        ticket_id: random().map_err(ApiError::internal)?,
        account_id,
        state: started.state.to_vec(),
        expires_at: now.plus_seconds(LOGIN_TICKET_SECONDS),
        audit_number: tried.unwrap_or(0),
    };
    Ok(Json(LoginStarted {
        ticket: app.credentials.tickets.seal(&ticket)?,
        credential_response: OpaqueMessage::new(started.credential_response).map_err(ApiError::internal)?,
    }))
}

/// `POST /v1/sessions/login/finish`: the ticket is spent by the first try, right or wrong.
pub(crate) async fn finish(
    State(app): State<App>,
    Json(request): Json<LoginFinish>,
) -> Result<Json<Opening>, ApiError> {
    let now = app.clock.now();
    let ticket: LoginTicket = app.credentials.tickets.open(&request.ticket, now)?;
    let proved = Opaque::login_finish(&ticket.state, &request.credential_finalization);
    let right = proved.is_ok();
    let shown = Shown::Password { audit_number: ticket.audit_number };
    let (first, next) = app
        .db
        .write(async |conn| {
            let first = requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await?;
            // The account may have been deleted since the start.
            let opens = first && right && accounts::exists(conn, ticket.account_id).await?;
            let next = match opens {
                true => Some(factor::proved(conn, ticket.account_id, shown, now).await?),
                false => None,
            };
            Ok::<_, ApiError>((first, next))
        })
        .await?;
    if !first {
        return Err(ErrorCode::TicketInvalid.into());
    }
    proved?;
    let next = next.ok_or(ErrorCode::WrongCredentials)?;
    factor::open(&app, ticket.account_id, shown, next).await
}

/// `POST /v1/sessions/recovery`: draws on the same budget of guesses; the same answer for unknown handles.
pub(crate) async fn recover(
    State(app): State<App>,
    Json(request): Json<RecoveryLogin>,
) -> Result<Json<Opening>, ApiError> {
    let now = app.clock.now();
    let limits = &app.config.limits;
    let nobody = app.credentials.nobody(&request.handle);
    let shown = sha256(&*request.recovery_auth);
    let (guess, next) = app
        .db
        .write(async |conn| {
            let guess = app.credentials.count_guess(conn, &request.handle, limits, now).await?;
            let found = accounts::find_recovery(conn, &request.handle).await?;
            let stored = found.map_or([0; 32], |(_, hash)| hash);
            let opened = found.map(|(account, _)| account).filter(|_| equal(&shown, &stored));
            let tried = found.map_or(nobody, |(account, _)| account);
            let next = match guess {
                Guess::Counted => note_recovery(conn, opened, tried, now).await?,
                Guess::Refused { .. } => None,
            };
            Ok::<_, ApiError>((guess, next))
        })
        .await?;
    counted(guess)?;
    let (account, next) = next.ok_or(ErrorCode::WrongCredentials)?;
    factor::open(&app, account, Shown::RecoveryKey, next).await
}

/// `POST /v1/sessions/enrolment`: the opened account again.
pub(crate) async fn enrolment(
    State(app): State<App>,
    Json(request): Json<EnrolmentState>,
) -> Result<Json<OpenedAccount>, ApiError> {
    let ticket = unspent(&app, &request.enrolment_ticket).await?;
    let opened = app
        .db
        .read(async |conn| opened::open(conn, ticket.account_id, request.enrolment_ticket).await)
        .await?;
    Ok(Json(opened))
}

/// `POST /v1/sessions/password/start`: a new OPAQUE registration for an opened account.
pub(crate) async fn password_start(
    State(app): State<App>,
    Json(request): Json<PasswordStart>,
) -> Result<Json<RegisterStarted>, ApiError> {
    let opened = unspent(&app, &request.enrolment_ticket).await?;
    let credential_id = random().map_err(ApiError::internal)?;
    let opaque = &app.credentials.opaque;
    let response = opaque.register(&credential_id, &request.registration_request)?;
    let ticket = PasswordTicket {
        account_id: opened.account_id,
        credential_id,
        setup_id: opaque.current_setup()?,
        expires_at: app.clock.now().plus_seconds(ENROLMENT_TICKET_SECONDS),
    };
    Ok(Json(RegisterStarted {
        ticket: app.credentials.tickets.seal(&ticket)?,
        registration_response: OpaqueMessage::new(response).map_err(ApiError::internal)?,
    }))
}

/// Right or wrong: it was that of `right`, or was tried at `tried`.
async fn note_recovery(
    conn: &mut Connection,
    right: Option<AccountId>,
    tried: AccountId,
    now: UnixMillis,
) -> Result<Option<(AccountId, factor::Next)>, StorageError> {
    let Some(account) = right else {
        audit::insert_try(conn, tried, Event::account(AuditKind::RecoveryRefused), now).await?;
        return Ok(None);
    };
    Ok(Some((account, factor::proved(conn, account, Shown::RecoveryKey, now).await?)))
}

async fn unspent(app: &App, ticket: &protocol::accounts::Ticket) -> Result<EnrolmentTicket, ApiError> {
    let ticket: EnrolmentTicket = app.credentials.tickets.open(ticket, app.clock.now())?;
    let stands = app.db.read(async |conn| opened::stands(conn, &ticket).await).await?;
    if stands { Ok(ticket) } else { Err(ErrorCode::TicketInvalid.into()) }
}
