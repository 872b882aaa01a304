//! The Sotto relay: keeps public keys, fingerprints and ciphertext, and delivers. It links no MLS library.
#![expect(
    clippy::missing_errors_doc,
    reason = "used by this binary and its tests alone; the error enums say their causes"
)]

pub mod acknowledgements;
pub mod admin;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod body;
pub mod clock;
pub mod coarse_address;
mod commits;
pub mod config;
pub mod credentials;
pub mod device_lists;
pub mod edge;
pub mod error;
pub mod factors;
pub mod live_sessions;
pub mod log;
pub mod mail;
mod mailbox;
pub mod membership;
mod notices;
pub mod opaque;
mod path;
pub mod posts;
pub mod rates;
pub mod refresh_cookie;
pub mod route;
mod routes;
pub mod secrets;
pub mod socket;
pub mod storage;
mod sweep;
pub mod tokens;
pub mod tombstones;
pub mod upkeep;
mod web_files;

use axum::Router;
use protocol::ErrorCode;

use app::App;
use error::ApiError;
use protocol::limits::{BUNDLE_BODY_BYTES_MAX, CBOR_BODY_BYTES_MAX, JSON_BODY_BYTES_MAX};
use rates::RateClass;
use route::Route;
use routes::sessions::{device, factor, login, own, refresh};
use routes::{
    account_data, account_deletion, accounts, audit, blobs as containers, devices, factors as own_factors,
    groups, key_packages, records, relay, removals, socket as socket_route,
};

/// Every route of the relay. A route is for devices unless it says that it is open.
pub fn routes() -> Vec<Route> {
    let mut routes = identities();
    routes.extend(deliveries());
    routes
}

/// The relay itself, accounts, sessions, devices, their log and their factors.
fn identities() -> Vec<Route> {
    vec![
        Route::get("/v1/health", relay::health).open(RateClass::Read),
        Route::get("/v1/ready", relay::ready).open(RateClass::Read),
        Route::get("/v1/relay", relay::describe).open(RateClass::Open),
        Route::get("/v1/accounts/available/{handle}", accounts::available).open(RateClass::Open),
        Route::post("/v1/accounts/register/start", accounts::register_start)
            .open(RateClass::Registration)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/accounts/register/finish", accounts::register_finish)
            .open(RateClass::Registration)
            .body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/accounts/by-handle/{handle}", accounts::by_handle).class(RateClass::Directory),
        Route::get("/v1/accounts/{account_id}", accounts::by_id),
        Route::get("/v1/accounts/me/data", account_data::show),
        Route::post("/v1/accounts/me/deletion", account_deletion::delete).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/login/start", login::start)
            .open(RateClass::Login)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/login/finish", login::finish)
            .open(RateClass::Login)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/recovery", login::recover).open(RateClass::Login).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/factor", factor::show).open(RateClass::Login).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/factor/email", factor::send_email)
            .open(RateClass::Login)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/enrolment", login::enrolment)
            .open(RateClass::Login)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/password/start", login::password_start)
            .open(RateClass::Login)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/device/challenge", device::challenge)
            .open(RateClass::Open)
            .body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/device", device::log_in).open(RateClass::Open).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/sessions/refresh", refresh::refresh).open(RateClass::Open).body(JSON_BODY_BYTES_MAX),
        Route::get("/v1/sessions", own::list),
        Route::post("/v1/sessions/endings", own::end).body(JSON_BODY_BYTES_MAX),
        Route::delete("/v1/sessions/current", refresh::log_out),
        Route::get("/v1/devices", devices::list),
        Route::post("/v1/devices", devices::enrol).open(RateClass::Login).body(CBOR_BODY_BYTES_MAX),
        Route::post("/v1/devices/revocations", removals::revoke).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/devices/removals", removals::remove).body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/audit", audit::list),
        Route::get("/v1/factors", own_factors::list),
        Route::post("/v1/factors/totp/start", own_factors::start_totp).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/totp", own_factors::confirm_totp).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/totp/removal", own_factors::remove_totp).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/email/start", own_factors::start_email).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/email", own_factors::confirm_email).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/email/removal", own_factors::remove_email).body(JSON_BODY_BYTES_MAX),
        Route::post("/v1/factors/recovery-codes", own_factors::renew_recovery_codes)
            .body(JSON_BODY_BYTES_MAX),
    ]
}

/// Keys, records, files, and the groups' logs.
fn deliveries() -> Vec<Route> {
    vec![
        Route::post("/v1/key-packages", key_packages::publish).body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/key-packages/count", key_packages::count),
        Route::post("/v1/key-packages/claim", key_packages::claim)
            .class(RateClass::Claim)
            .body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/records", records::changes),
        Route::put("/v1/records", records::put_all).body(CBOR_BODY_BYTES_MAX),
        Route::get("/v1/records/{collection}/{record_id}", records::get),
        Route::put("/v1/records/{collection}/{record_id}", records::put).body(CBOR_BODY_BYTES_MAX),
        Route::delete("/v1/records/{collection}/{record_id}", records::delete),
        Route::put("/v1/blobs/{blob_id}", containers::put).class(RateClass::Upload).streamed(),
        Route::get("/v1/blobs/{blob_id}", containers::get),
        Route::delete("/v1/blobs/{blob_id}", containers::delete),
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
