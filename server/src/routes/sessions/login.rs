//! Log-in that opens an account: by password (OPAQUE) or by the recovery key. Every start is a guess (O-1), and
//! wraps leave only after the last step (O-2).

use axum::extract::State;
use protocol::{
    AccountId, ErrorCode, UnixMillis,
    accounts::{OpaqueMessage, RegisterStarted},
    audit::AuditKind,
    limits::{ENROLMENT_TICKET_SECONDS, LOGIN_TICKET_SECONDS},
    sessions::{
        EnrolmentState, LoginFinish, LoginStart, LoginStarted, OpenedAccount, PasswordStart, RecoveryLogin,
    },
};

use super::opened;
use crate::app::App;
use crate::body::Json;
use crate::credentials::counted;
use crate::error::ApiError;
use crate::opaque::Opaque;
use crate::secrets::{equal, random, sha256};
use crate::storage::audit::{self, Event};
use crate::storage::requests::{self, Guess};
use crate::storage::{Connection, StorageError, accounts};
use crate::tokens::tickets::{EnrolmentTicket, LoginTicket, PasswordTicket};

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
) -> Result<Json<OpenedAccount>, ApiError> {
    let now = app.clock.now();
    let ticket: LoginTicket = app.credentials.tickets.open(&request.ticket, now)?;
    let proved = Opaque::login_finish(&ticket.state, &request.credential_finalization);
    let first = app
        .db
        .write(async |conn| {
            let first = requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await?;
            if first && proved.is_ok() {
                let kind = AuditKind::OpenedByPassword;
                let event = Event { kind, device_id: None, detail: ticket.audit_number };
                audit::insert(conn, ticket.account_id, event, now).await?;
            }
            Ok::<_, ApiError>(first)
        })
        .await?;
    if !first {
        return Err(ErrorCode::TicketInvalid.into());
    }
    proved?;
    open(&app, ticket.account_id).await
}

/// `POST /v1/sessions/recovery`: draws on the same budget of guesses; the same answer for unknown handles.
pub(crate) async fn recover(
    State(app): State<App>,
    Json(request): Json<RecoveryLogin>,
) -> Result<Json<OpenedAccount>, ApiError> {
    let now = app.clock.now();
    let limits = &app.config.limits;
    let nobody = app.credentials.nobody(&request.handle);
    let shown = sha256(&*request.recovery_auth);
    let (guess, opened) = app
        .db
        .write(async |conn| {
            let guess = app.credentials.count_guess(conn, &request.handle, limits, now).await?;
            let found = accounts::find_recovery(conn, &request.handle).await?;
            let stored = found.map_or([0; 32], |(_, hash)| hash);
            let opened = found.map(|(account, _)| account).filter(|_| equal(&shown, &stored));
            if guess == Guess::Counted {
                note_recovery(conn, opened, found.map_or(nobody, |(account, _)| account), now).await?;
            }
            Ok::<_, ApiError>((guess, opened))
        })
        .await?;
    counted(guess)?;
    match opened {
        Some(account) => open(&app, account).await,
        None => Err(ErrorCode::WrongCredentials.into()),
    }
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

/// Right or wrong: it opened `opened`, or was tried at `tried`.
async fn note_recovery(
    conn: &mut Connection,
    opened: Option<AccountId>,
    tried: AccountId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    match opened {
        Some(account) => {
            audit::insert(conn, account, Event::account(AuditKind::OpenedByRecovery), now).await?;
        }
        None => {
            audit::insert_try(conn, tried, Event::account(AuditKind::RecoveryRefused), now).await?;
        }
    }
    Ok(())
}

async fn open(app: &App, account: AccountId) -> Result<Json<OpenedAccount>, ApiError> {
    let ticket = opened::enrolment_ticket(app, account, app.clock.now())?;
    app.db.read(async |conn| opened::open(conn, account, ticket).await).await.map(Json)
}

async fn unspent(app: &App, ticket: &protocol::accounts::Ticket) -> Result<EnrolmentTicket, ApiError> {
    let ticket: EnrolmentTicket = app.credentials.tickets.open(ticket, app.clock.now())?;
    let spent = app.db.read(async |conn| requests::ticket_is_spent(conn, ticket.ticket_id).await).await?;
    if spent { Err(ErrorCode::TicketInvalid.into()) } else { Ok(ticket) }
}
