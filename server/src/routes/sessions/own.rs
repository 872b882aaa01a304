//! The caller's own sessions.

use axum::extract::State;
use protocol::sessions::OwnSessions;
use protocol::values::List;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::storage::sessions;

/// `GET /v1/sessions`
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Json<OwnSessions>, ApiError> {
    let live = app.db.read(async |conn| sessions::list_of_account(conn, device.account_id).await).await?;
    Ok(Json(OwnSessions { sessions: List::new(live).map_err(ApiError::internal)? }))
}
