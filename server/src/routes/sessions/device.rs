//! Log-in of an enrolled device by its signature: needs no password, and no budget of guesses can lock it out (O-1).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::{
    ErrorCode,
    audit::AuditKind,
    sessions::{DeviceChallenge, DeviceLogin, DeviceNonce},
    signed,
    values::Exactly,
};

use crate::app::App;
use crate::body::Json;
use crate::coarse_address::CoarseAddress;
use crate::device_lists::signature_holds;
use crate::error::ApiError;
use crate::refresh_cookie::ClientKind;
use crate::routes::answers;
use crate::secrets::random;
use crate::storage::audit::{self, Event};
use crate::storage::devices::AuthKey;
use crate::storage::{devices, requests, sessions, tombstones};
use crate::tokens::refresh::RefreshToken;

/// `POST /v1/sessions/device/challenge`: answered for unknown devices too.
pub(crate) async fn challenge(
    State(app): State<App>,
    Json(request): Json<DeviceChallenge>,
) -> Result<Json<DeviceNonce>, ApiError> {
    let nonce = app
        .credentials
        .nonces
        .issue(request.account_id, request.device_id, app.clock.now())
        .map_err(ApiError::internal)?;
    Ok(Json(DeviceNonce { nonce: Exactly(nonce) }))
}

/// `POST /v1/sessions/device`: a new session; the device's earlier ones end.
pub(crate) async fn log_in(
    State(app): State<App>,
    address: CoarseAddress,
    headers: HeaderMap,
    Json(request): Json<DeviceLogin>,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let DeviceLogin { account_id, device_id, nonce, signature } = request;
    let checked = app.credentials.nonces.check(&nonce, account_id, device_id, now);
    let checked = checked.ok_or(ErrorCode::TicketInvalid)?;
    let mark = app.credentials.tombstones.account(account_id);
    let found = app
        .db
        .read(async |conn| match devices::find_auth_key(conn, account_id, device_id).await? {
            Some(found) => Ok(found),
            None if tombstones::exist(conn, &[mark]).await? => Err(ApiError::new(ErrorCode::AccountDeleted)),
            None => Err(ErrorCode::WrongCredentials.into()),
        })
        .await?;
    let AuthKey { key, revoked } = found;
    let signed = signed::login(app.relay_id, account_id, device_id, &nonce);
    if !signature_holds(key.as_bytes(), &signed, &signature) {
        return Err(ErrorCode::WrongCredentials.into());
    }
    if revoked {
        return Err(ErrorCode::DeviceRevoked.into());
    }
    let token = RefreshToken::from_bytes(random().map_err(ApiError::internal)?);
    let session = answers::fresh_session(account_id, device_id)?;
    let begun = app.begin_session(&session);
    let ended = app
        .db
        .write(async |conn| {
            if !requests::spend_ticket(conn, checked.id, checked.expires_at).await? {
                return Err(ApiError::new(ErrorCode::TicketInvalid));
            }
            if !devices::is_live(conn, device_id).await? {
                return Err(ApiError::new(ErrorCode::DeviceRevoked));
            }
            sessions::insert(conn, &session, token.hash(), now).await?;
            sessions::update_use(conn, session.session_id, &address, now).await?;
            devices::update_seen(conn, device_id, now).await?;
            let ended = sessions::revoke_others(conn, device_id, session.session_id, now).await?;
            audit::insert(conn, account_id, Event::device(AuditKind::SessionBegun, device_id), now).await?;
            Ok(ended)
        })
        .await?;
    begun.keep();
    for session in ended {
        app.end_session(session);
    }
    answers::tokens(&app, ClientKind::of(&headers), session, &token)
}
