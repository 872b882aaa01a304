//! The Sotto relay: keeps public keys, fingerprints and ciphertext, and delivers. It links no MLS library.
#![expect(
    clippy::missing_errors_doc,
    reason = "used by this binary and its tests alone; the error enums say their causes"
)]

pub mod acknowledgements;
pub mod app;
pub mod auth;
pub mod body;
pub mod clock;
mod commits;
pub mod config;
pub mod device_lists;
pub mod edge;
pub mod error;
pub mod live_sessions;
pub mod membership;
pub mod opaque;
mod path;
pub mod posts;
pub mod rates;
pub mod route;
mod routes;
pub mod secrets;
pub mod socket;
pub mod storage;
mod sweep;
pub mod tokens;
mod web_files;

use axum::Router;
use protocol::ErrorCode;

use app::App;
use error::ApiError;
use protocol::limits::{BUNDLE_BODY_BYTES_MAX, CBOR_BODY_BYTES_MAX};
use rates::RateClass;
use route::Route;
use routes::{groups, relay, socket as socket_route};

/// Every route of the relay. A route is for devices unless it says that it is open.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/health", relay::health).open(RateClass::Read),
        Route::get("/v1/ready", relay::ready).open(RateClass::Read),
        Route::get("/v1/relay", relay::describe).open(RateClass::Open),
        Route::get("/v1/groups", groups::list),
        Route::post("/v1/groups", groups::create).body(BUNDLE_BODY_BYTES_MAX),
        Route::post("/v1/groups/acknowledgements", groups::acknowledge).body(CBOR_BODY_BYTES_MAX),
        Route::post("/v1/groups/{group_id}/commits", groups::commit).body(BUNDLE_BODY_BYTES_MAX),
        Route::post("/v1/groups/{group_id}/messages", groups::post).body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/groups/{group_id}/entries", groups::entries),
        Route::get("/v1/groups/{group_id}/info", groups::info),
        Route::get("/v1/welcomes", groups::welcomes),
        Route::delete("/v1/welcomes/{welcome_id}", groups::take_welcome),
        Route::get("/v1/socket", socket_route::open).open(RateClass::Open),
    ]
}

/// The whole service: routes, the web app behind them, and what stands in front of every answer.
pub fn router(app: &App) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.merge(route.mount(app));
    }
    let router = router
        .method_not_allowed_fallback(async || ApiError::new(ErrorCode::MethodNotAllowed))
        .fallback(web_files::serve)
        .with_state(app.clone());
    edge::headers::around(router, app)
}
