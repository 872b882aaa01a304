//! The way into the socket: Origin, room, upgrade (S-1).

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use protocol::limits::FRAME_BYTES_MAX;
use protocol::{ErrorCode, Facts};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::app::App;
use crate::auth::bearer;
use crate::edge::addresses::Seat;
use crate::error::ApiError;
use crate::rates::AddressKey;
use crate::route::PeerAddress;
use crate::socket::connection;

/// Bytes read at once; the default of 128 KiB would be held by every idle connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes written at once.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Bytes that may wait to be written: one batch of frames, then the write waits.
const WRITE_BUFFER_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// `GET /v1/socket`
pub(crate) async fn open(
    State(app): State<App>,
    headers: HeaderMap,
    peer: Option<Extension<PeerAddress>>,
    seat: Option<Extension<Arc<Seat>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    check_origin(&app, &headers)?;
    let upgrade = upgrade.map_err(|error| ApiError::detailed(ErrorCode::Malformed, error.body_text()))?;
    let address = peer.map_or_else(|| Ipv4Addr::UNSPECIFIED.into(), |Extension(peer)| peer.0);
    let unauthenticated = app.unauthenticated_sockets.enter(AddressKey::from(address)).ok_or_else(|| {
        ApiError::with(ErrorCode::RateLimited, Facts { retry_after_seconds: Some(5), ..Facts::default() })
    })?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX)
        .on_upgrade(async move |socket| {
            Box::pin(connection::run(app, socket, unauthenticated)).await;
            // The place among the connections was this one's until now.
            drop(seat);
        }))
}

/// A browser's Origin must be ours, exactly; a native client has none and signs in with a header.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::ORIGIN) {
        Some(origin) if origin.as_bytes() == app.config.public_url.as_str().as_bytes() => Ok(()),
        Some(_) => Err(ErrorCode::OriginRefused.into()),
        None => app.authenticate(bearer(headers).map_err(|_| ErrorCode::OriginRefused)?).map(|_| ()),
    }
}
