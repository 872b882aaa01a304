//! The relay about itself.

use axum::extract::State;
use protocol::accounts::RelayInfo;
use protocol::limits::PROTOCOL_VERSION;
use serde::Serialize;

use crate::app::App;
use crate::body::Json;
use crate::error::ApiError;
use crate::storage;

/// Answer of the two probes.
#[derive(Serialize)]
pub(crate) struct Status {
    status: &'static str,
}

/// `GET /v1/health`: the process is up.
pub(crate) async fn health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// `GET /v1/ready`: the database answers.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Status>, ApiError> {
    app.db.read(async |conn| storage::ping(conn).await).await?;
    Ok(Json(Status { status: "ok" }))
}

/// `GET /v1/relay`: what everybody may know.
pub(crate) async fn describe(State(app): State<App>) -> Json<RelayInfo> {
    Json(RelayInfo {
        relay_id: app.relay_id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: PROTOCOL_VERSION,
        blob_bytes_max: app.config.limits.blob_bytes_max,
        message_ttl_seconds: app.config.message_ttl_seconds,
        registration: app.config.registration,
    })
}
