//! The Sotto relay: keeps public keys, fingerprints and ciphertext, and delivers. It links no MLS library.
#![expect(
    clippy::missing_errors_doc,
    reason = "used by this binary and its tests alone; the error enums say their causes"
)]

pub mod app;
pub mod auth;
pub mod body;
pub mod clock;
pub mod config;
pub mod device_lists;
pub mod edge;
pub mod error;
pub mod live_sessions;
pub mod opaque;
pub mod rates;
pub mod route;
mod routes;
pub mod secrets;
pub mod storage;
pub mod tokens;
mod web_files;

use axum::Router;
use protocol::ErrorCode;

use app::App;
use error::ApiError;
use rates::RateClass;
use route::Route;
use routes::relay;

/// Every route of the relay. A route is for devices unless it says that it is open.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/health", relay::health).open(RateClass::Read),
        Route::get("/v1/ready", relay::ready).open(RateClass::Read),
        Route::get("/v1/relay", relay::describe).open(RateClass::Open),
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
