//! Refresh with rotation, and log-out.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, audit::AuditKind, sessions::Refresh};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::coarse_address::CoarseAddress;
use crate::error::ApiError;
use crate::refresh_cookie::{self, ClientKind};
use crate::routes::answers;
use crate::storage::audit::{self, Event};
use crate::storage::devices;
use crate::storage::sessions::{self, Rotation};
use crate::tokens::refresh::RefreshToken;

/// `POST /v1/sessions/refresh`: the same token again gives the same successor for a minute, while that is unused.
pub(crate) async fn refresh(
    State(app): State<App>,
    address: CoarseAddress,
    headers: HeaderMap,
    Json(request): Json<Refresh>,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let client = ClientKind::of(&headers);
    let token = match (client, request.refresh_token) {
        (ClientKind::Native, Some(token)) => RefreshToken::from_bytes(*token),
        (ClientKind::Native, None) => return Err(ErrorCode::Unauthenticated.into()),
        (ClientKind::Browser, _) => refresh_cookie::read(&app.config, &headers)?,
    };
    let successor = app.credentials.refresh_tokens.successor(&token);
    let rotation = app
        .db
        .write(async |conn| {
            let rotation = sessions::rotate(conn, token.hash(), successor.hash(), now).await?;
            match rotation {
                Rotation::Rotated(session) => {
                    devices::update_seen(conn, session.device_id, now).await?;
                    sessions::update_use(conn, session.session_id, &address, now).await?;
                }
                Rotation::Reused(session) => {
                    let event = Event::device(AuditKind::RefreshReused, session.device_id);
                    audit::insert(conn, session.account_id, event, now).await?;
                }
                Rotation::Refused | Rotation::DeviceRevoked => {}
            }
            Ok::<_, ApiError>(rotation)
        })
        .await?;
    match rotation {
        Rotation::Rotated(session) => answers::tokens(&app, client, session, &successor),
        Rotation::Refused => Err(ErrorCode::Unauthenticated.into()),
        Rotation::DeviceRevoked => Err(ErrorCode::DeviceRevoked.into()),
        Rotation::Reused(session) => {
            app.end_session(session.session_id);
            Err(ErrorCode::Unauthenticated.into())
        }
    }
}

/// `DELETE /v1/sessions/current`: log-out. Session and device are revoked at once (K-7).
pub(crate) async fn log_out(State(app): State<App>, device: CallingDevice) -> Result<Response, ApiError> {
    let now = app.clock.now();
    app.db
        .write(async |conn| {
            if devices::revoke(conn, device.account_id, device.device_id, now).await? {
                let event = Event::device(AuditKind::DeviceSignedOut, device.device_id);
                audit::insert(conn, device.account_id, event, now).await?;
            }
            Ok::<_, ApiError>(())
        })
        .await?;
    app.revoke_device(device.device_id);
    let cookie = refresh_cookie::clear(&app.config)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
