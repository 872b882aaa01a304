//! What registration and enrolment share: a device that comes into being, its first session, and an answer that can
//! be given again under the request's id (O-7).

use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::{
    AccountId, DeviceId, ErrorCode, IdempotencyId, SessionId, UnixMillis, devices::NewDevice,
    limits::KEY_PACKAGES_BATCH_MAX, sessions::SessionTokens,
};

use crate::app::App;
use crate::body::Json;
use crate::coarse_address::CoarseAddress;
use crate::device_lists::{CheckedList, Refusal};
use crate::error::ApiError;
use crate::refresh_cookie::{self, ClientKind};
use crate::secrets::random;
use crate::storage::accounts::Inserted;
use crate::storage::devices::{self, DeviceRow};
use crate::storage::requests::{self, AnsweredRequest};
use crate::storage::sessions::{self, Session, SessionState};
use crate::storage::{Connection, key_packages, tombstones};
use crate::tokens::refresh::RefreshToken;

/// The session that a request began, now or when it came first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) session: Session,
    pub(super) content_hash: [u8; 32],
}

/// An answer to a request that comes for the first time.
pub(super) fn fresh(
    account: AccountId,
    device: DeviceId,
    content_hash: [u8; 32],
) -> Result<Answer, ApiError> {
    Ok(Answer { session: fresh_session(account, device)?, content_hash })
}

/// A session with an id of its own.
pub(super) fn fresh_session(account_id: AccountId, device_id: DeviceId) -> Result<Session, ApiError> {
    let session_id = SessionId::from_bytes(random().map_err(ApiError::internal)?);
    Ok(Session { session_id, device_id, account_id })
}

/// What was answered under `id`; another content under the same id is a conflict.
pub(super) async fn find(
    conn: &mut Connection,
    id: IdempotencyId,
    content_hash: [u8; 32],
) -> Result<Option<Answer>, ApiError> {
    let Some(answered) = requests::find_answer(conn, id).await? else { return Ok(None) };
    if answered.content_hash != content_hash {
        return Err(ErrorCode::IdempotencyConflict.into());
    }
    let AnsweredRequest { account_id, device_id, session_id, .. } = answered;
    Ok(Some(Answer { session: Session { session_id, device_id, account_id }, content_hash }))
}

/// Begins the session and keeps the answer.
pub(super) async fn insert(
    app: &App,
    conn: &mut Connection,
    id: IdempotencyId,
    (answer, address): (&Answer, &CoarseAddress),
    now: UnixMillis,
) -> Result<(), ApiError> {
    let Session { session_id, device_id, account_id } = answer.session;
    let token = app.credentials.refresh_tokens.first(session_id, id);
    sessions::insert(conn, &answer.session, token.hash(), now).await?;
    sessions::update_use(conn, session_id, address, now).await?;
    let row = AnsweredRequest { content_hash: answer.content_hash, account_id, device_id, session_id };
    if requests::insert_answer(conn, id, &row, now).await? {
        Ok(())
    } else {
        Err(ErrorCode::IdempotencyConflict.into())
    }
}

/// Stores a device that was checked, with its stock of key packages.
pub(super) async fn insert_device(
    app: &App,
    conn: &mut Connection,
    session: &Session,
    (device, list): (&NewDevice, &CheckedList),
    now: UnixMillis,
) -> Result<(), ApiError> {
    let row = DeviceRow {
        device_id: session.device_id,
        account_id: session.account_id,
        certificate: &device.certificate,
        device_auth_key: list.device_auth_key,
    };
    let buried = tombstones::exist(conn, &[app.credentials.tombstones.device(session.device_id)]).await?;
    if buried || devices::insert(conn, &row, now).await? == Inserted::Taken {
        return Err(ApiError::detailed(ErrorCode::Malformed, "device.device_id"));
    }
    key_packages::insert_all(conn, session.device_id, &device.key_packages, now).await?;
    key_packages::replace_last_resort(conn, session.device_id, &device.last_resort, now).await?;
    Ok(())
}

/// The relay can't read key packages, but an empty one or too many are wrong in any case.
pub(super) fn check_key_packages(device: &NewDevice) -> Result<(), ApiError> {
    let empty = device.last_resort.is_empty() || device.key_packages.iter().any(|bytes| bytes.is_empty());
    if empty || device.key_packages.len() > KEY_PACKAGES_BATCH_MAX {
        return Err(ApiError::detailed(ErrorCode::Malformed, "key_packages"));
    }
    Ok(())
}

/// The tokens of a session that a registration or an enrolment began, while it lives.
pub(super) async fn respond(
    app: &App,
    client: ClientKind,
    id: IdempotencyId,
    answer: Answer,
) -> Result<Response, ApiError> {
    match app.db.read(async |conn| sessions::find(conn, answer.session.session_id).await).await? {
        Some(SessionState::Live(_)) => {}
        Some(SessionState::DeviceRevoked) => return Err(ErrorCode::DeviceRevoked.into()),
        Some(SessionState::Over) | None => return Err(ErrorCode::Unauthenticated.into()),
    }
    let token = app.credentials.refresh_tokens.first(answer.session.session_id, id);
    tokens(app, client, answer.session, &token)
}

/// The answer to every log-in and refresh: tokens, the refresh token as a cookie or in the body.
pub(super) fn tokens(
    app: &App,
    client: ClientKind,
    session: Session,
    refresh_token: &RefreshToken,
) -> Result<Response, ApiError> {
    let Session { session_id, device_id, account_id } = session;
    let (access_token, access_expires_at) =
        app.access_tokens.issue(account_id, device_id, session_id, app.clock.now())?;
    let body = SessionTokens {
        account_id,
        device_id,
        session_id,
        access_token,
        access_expires_at,
        refresh_token: (client == ClientKind::Native).then(|| refresh_token.to_wire()),
    };
    let mut response = Json(body).into_response();
    if client == ClientKind::Browser {
        response.headers_mut().append(header::SET_COOKIE, refresh_cookie::set(&app.config, refresh_token)?);
    }
    Ok(response)
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let version = match refusal {
            Refusal::VersionConflict { current } => Some(current),
            Refusal::Malformed(_) | Refusal::SignatureInvalid(_) | Refusal::DeviceLimit => None,
        };
        let facts =
            protocol::Facts { detail: Some(refusal.to_string()), version, ..protocol::Facts::default() };
        Self::with(refusal.code(), facts)
    }
}
