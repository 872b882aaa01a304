//! The caller's own audit log.

use axum::extract::State;
use protocol::audit::AuditPage;
use serde::Deserialize;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::path::Query;
use crate::storage::audit;

/// `?after=`: the number of the last row that the caller has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterNumber {
    #[serde(default)]
    after: u64,
}

/// `GET /v1/audit`
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
    Query(AfterNumber { after }): Query<AfterNumber>,
) -> Result<Json<AuditPage>, ApiError> {
    let page = app.db.read(async |conn| audit::page(conn, device.account_id, after).await).await?;
    Ok(Json(page))
}
