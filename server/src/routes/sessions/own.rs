//! The caller's own sessions.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::{
    DeviceId, ErrorCode,
    audit::AuditKind,
    sessions::{EndSessions, OwnSessions},
    values::List,
};

use super::opened;
use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::storage::audit::{self, Event};
use crate::storage::sessions::{self, SessionState};
use crate::storage::{Connection, devices};

/// `GET /v1/sessions`
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Json<OwnSessions>, ApiError> {
    let live = app.db.read(async |conn| sessions::list_of_account(conn, device.account_id).await).await?;
    Ok(Json(OwnSessions { sessions: List::new(live).map_err(ApiError::internal)? }))
}

/// `POST /v1/sessions/endings`: signs devices out (K-7), at once and with their sockets: their keys begin no new session.
pub(crate) async fn end(
    State(app): State<App>,
    device: CallingDevice,
    Json(request): Json<EndSessions>,
) -> Result<StatusCode, ApiError> {
    let now = app.clock.now();
    opened::check_proof(&app, device.account_id, &request.enrolment_ticket).await?;
    let ended = app
        .db
        .write(async |conn| {
            if !devices::is_live(conn, device.device_id).await? {
                return Err(ApiError::new(ErrorCode::DeviceRevoked));
            }
            let mut ended = Vec::new();
            for other in meant(conn, device, &request).await? {
                if devices::revoke(conn, device.account_id, other, now).await? {
                    ended.push(other);
                }
            }
            for &other in &ended {
                let event = Event::device(AuditKind::SessionEnded, other);
                audit::insert(conn, device.account_id, event, now).await?;
            }
            Ok(ended)
        })
        .await?;
    for other in ended {
        app.revoke_device(other);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The devices whose sessions are to end.
async fn meant(
    conn: &mut Connection,
    caller: CallingDevice,
    request: &EndSessions,
) -> Result<Vec<DeviceId>, ApiError> {
    let Some(session) = request.session_id else {
        let live = devices::list_live(conn, caller.account_id).await?;
        return Ok(live.into_iter().filter(|&device| device != caller.device_id).collect());
    };
    match sessions::find(conn, session).await? {
        Some(SessionState::Live(found)) if found.account_id == caller.account_id => Ok(vec![found.device_id]),
        _ => Err(ApiError::not_found()),
    }
}
