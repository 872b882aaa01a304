//! The second step of a log-in: nothing that unwraps the account seed leaves before it (O-2).

use axum::extract::State;
use axum::http::StatusCode;
use protocol::{
    AccountId, ErrorCode, Facts, UnixMillis,
    audit::AuditKind,
    factors::{EmailAddress, Factor, FactorKind, Opening, PendingFactor, SendEmailCode, ShowFactor},
    limits::{EMAIL_CODE_SECONDS, FACTOR_TICKET_SECONDS},
    sessions::OpenedAccount,
    values::List,
};

use super::opened;
use crate::app::App;
use crate::body::Json;
use crate::credentials::counted;
use crate::error::ApiError;
use crate::factors::{Attempt, email};
use crate::secrets::random;
use crate::storage::audit::{self, Event};
use crate::storage::email_codes::{self, Sending};
use crate::storage::factors::{self, CodeUse};
use crate::storage::requests::{self, Guess};
use crate::storage::{Connection, StorageError, accounts};
use crate::tokens::tickets::{FactorTicket, Shown};

/// What follows a right password or recovery key.
pub(super) enum Next {
    Release,
    Ask { factors: Vec<FactorKind>, asked_number: u64 },
}

/// Notes in the log that `shown` was right, and whether the account asks for more.
pub(super) async fn proved(
    conn: &mut Connection,
    account: AccountId,
    shown: Shown,
    now: UnixMillis,
) -> Result<Next, StorageError> {
    let factors = factors::list_required(conn, account).await?;
    if factors.is_empty() {
        audit::insert(conn, account, opened_event(shown), now).await?;
        return Ok(Next::Release);
    }
    let event = Event { kind: AuditKind::FactorAsked, device_id: None, detail: shown.audit_number() };
    let asked_number = audit::insert(conn, account, event, now).await?;
    Ok(Next::Ask { factors, asked_number })
}

/// What an account gives whose password or recovery key was right: itself, or a ticket for the second step.
pub(super) async fn open(
    app: &App,
    account: AccountId,
    shown: Shown,
    next: Next,
) -> Result<Json<Opening>, ApiError> {
    let (factors, asked_number) = match next {
        Next::Release => {
            return release(app, account).await.map(|opened| Json(Opening::Opened(Box::new(opened))));
        }
        Next::Ask { factors, asked_number } => (factors, asked_number),
    };
    let expires_at = app.clock.now().plus_seconds(FACTOR_TICKET_SECONDS);
    let ticket_id = random().map_err(ApiError::internal)?;
    let ticket = FactorTicket { ticket_id, account_id: account, expires_at, shown, asked_number };
    let factor_required = PendingFactor {
        factor_ticket: app.credentials.tickets.seal(&ticket)?,
        factors: List::new(factors).map_err(ApiError::internal)?,
        expires_at,
    };
    Ok(Json(Opening::FactorRequired { factor_required }))
}

async fn release(app: &App, account: AccountId) -> Result<OpenedAccount, ApiError> {
    let ticket = opened::enrolment_ticket(app, account, app.clock.now())?;
    app.db.read(async |conn| opened::open(conn, account, ticket).await).await
}

/// `POST /v1/sessions/factor`: at most five tries, and the right one spends the ticket.
pub(crate) async fn show(
    State(app): State<App>,
    Json(request): Json<ShowFactor>,
) -> Result<Json<OpenedAccount>, ApiError> {
    let now = app.clock.now();
    let ticket: FactorTicket = app.credentials.tickets.open(&request.factor_ticket, now)?;
    match try_factor(&app, &ticket, &request.factor, now).await? {
        Tried::Taken(CodeUse::Fresh) => release(&app, ticket.account_id).await.map(Json),
        Tried::Taken(CodeUse::Used) => Err(ErrorCode::FactorUsed.into()),
        Tried::Taken(CodeUse::Wrong) => Err(ErrorCode::FactorWrong.into()),
        Tried::Exhausted => Err(ErrorCode::TriesExhausted.into()),
        Tried::Spent => Err(ErrorCode::TicketInvalid.into()),
        Tried::OverBudget(guess) => {
            counted(guess)?;
            Err(ErrorCode::RateLimited.into())
        }
    }
}

/// `POST /v1/sessions/factor/email`: 204. The code goes to the address on file and nowhere else.
pub(crate) async fn send_email(
    State(app): State<App>,
    Json(request): Json<SendEmailCode>,
) -> Result<StatusCode, ApiError> {
    let now = app.clock.now();
    let ticket: FactorTicket = app.credentials.tickets.open(&request.factor_ticket, now)?;
    let account = ticket.account_id;
    let spent = app.db.read(async |conn| requests::ticket_is_spent(conn, ticket.ticket_id).await).await?;
    if spent {
        return Err(ErrorCode::TicketInvalid.into());
    }
    let stored = app.db.read(async |conn| email_codes::find(conn, account).await).await?;
    let stored = stored.ok_or_else(ApiError::not_found)?;
    let to = app.credentials.factors.open_address(account, &stored.sealed_address)?;
    let code = EmailCode { account_id: account, ticket_id: ticket.ticket_id, ticket_ends: ticket.expires_at };
    code.send(&app, &to, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A code to be sent for a ticket.
pub(in crate::routes) struct EmailCode {
    pub(in crate::routes) account_id: AccountId,
    pub(in crate::routes) ticket_id: [u8; 16],
    pub(in crate::routes) ticket_ends: UnixMillis,
}

impl EmailCode {
    /// Counts it, keeps its hash, and hands the mail over; only then it is answered.
    pub(in crate::routes) async fn send(
        &self,
        app: &App,
        to: &EmailAddress,
        now: UnixMillis,
    ) -> Result<(), ApiError> {
        let code = email::generate()?;
        let hash = app.credentials.factors.hash_email_code(&self.ticket_id, &code);
        let ends = now.plus_seconds(EMAIL_CODE_SECONDS).min(self.ticket_ends);
        let sending = app
            .db
            .write(async |conn| {
                let sending = email_codes::count_sending(conn, self.account_id, now).await?;
                if sending == Sending::Counted {
                    email_codes::put_code(conn, self.account_id, self.ticket_id, hash, ends).await?;
                }
                Ok::<_, ApiError>(sending)
            })
            .await?;
        if let Sending::TooSoon { retry_after_seconds } = sending {
            return Err(ApiError::with(
                ErrorCode::RateLimited,
                Facts { retry_after_seconds: Some(retry_after_seconds), ..Facts::default() },
            ));
        }
        let text = email::text(&code, app.config.public_url.as_str());
        Ok(app.mailer.send(to, email::SUBJECT, text).await?)
    }
}

/// How a try ended. All of it is committed: a refusal must not undo what it was counted as.
enum Tried {
    Taken(CodeUse),
    Exhausted,
    Spent,
    OverBudget(Guess),
}

async fn try_factor(
    app: &App,
    ticket: &FactorTicket,
    factor: &Factor,
    now: UnixMillis,
) -> Result<Tried, ApiError> {
    let account = ticket.account_id;
    app.db
        .write(async |conn| {
            if !factors::count_try(conn, ticket.ticket_id, ticket.expires_at).await? {
                return Ok(Tried::Exhausted);
            }
            let spent = requests::ticket_is_spent(conn, ticket.ticket_id).await?;
            if spent || !accounts::exists(conn, account).await? {
                return Ok(Tried::Spent);
            }
            let guess = app.credentials.count_factor(conn, account, &app.config.limits, now).await?;
            if guess != Guess::Counted {
                return Ok(Tried::OverBudget(guess));
            }
            let attempt = Attempt { account_id: account, ticket_id: ticket.ticket_id, factor };
            let used = app.credentials.factors.take(conn, attempt, now).await?;
            if used == CodeUse::Fresh {
                requests::spend_ticket(conn, ticket.ticket_id, ticket.expires_at).await?;
            }
            note(conn, ticket, factor, used, now).await?;
            Ok::<_, ApiError>(Tried::Taken(used))
        })
        .await
}

/// Writes into the log what became of a code.
async fn note(
    conn: &mut Connection,
    ticket: &FactorTicket,
    factor: &Factor,
    used: CodeUse,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let account = ticket.account_id;
    let event = |kind| Event { kind, device_id: None, detail: ticket.asked_number };
    if used != CodeUse::Fresh {
        audit::insert_try(conn, account, event(AuditKind::FactorRefused), now).await?;
        return Ok(());
    }
    let kind = match factor {
        Factor::Totp { .. } => AuditKind::FactorUsed,
        Factor::Email { .. } => AuditKind::EmailCodeUsed,
        Factor::RecoveryCode { .. } => AuditKind::RecoveryCodeUsed,
    };
    audit::insert(conn, account, event(kind), now).await?;
    audit::insert(conn, account, opened_event(ticket.shown), now).await?;
    Ok(())
}

fn opened_event(shown: Shown) -> Event {
    let kind = match shown {
        Shown::Password { .. } => AuditKind::OpenedByPassword,
        Shown::RecoveryKey => AuditKind::OpenedByRecovery,
    };
    Event { kind, device_id: None, detail: shown.audit_number() }
}

impl Shown {
    /// The row of the try, where there is one.
    const fn audit_number(self) -> u64 {
        match self {
            Self::Password { audit_number } => audit_number,
            Self::RecoveryKey => 0,
        }
    }
}
