//! What stands in front of every answer, errors and files included: security headers, the panic guard, the log line.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::future::ready;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::error::{ApiError, Cause};

/// The policy that the app runs under without a single violation (`web.md`, section 1).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    connect-src 'self'; worker-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; \
    manifest-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; \
    require-trusted-types-for 'script'; trusted-types app-url";

const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
];

const PERMISSIONS_POLICY: &str = "camera=(self), accelerometer=(), browsing-topics=(), display-capture=(), \
    geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// Puts the layers around all routes.
pub(crate) fn around(router: Router, app: &App) -> Router {
    let https = app.config.public_url.is_https();
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(log))
        .layer(middleware::map_response(move |response: Response| ready(with_headers(response, https))))
}

fn with_headers(mut response: Response, https: bool) -> Response {
    let fields = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        // A handler may be stricter: user files have a sandbox of their own.
        fields.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        fields.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    fields.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    ApiError::internal(words.unwrap_or_else(|| "a panic without words".to_owned())).into_response()
}

/// One line per answer of a route, by its pattern: never the path itself, which holds ids, nor a header. Routes of
/// ciphertext are left out unless they fail.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let status = response.status().as_u16();
    if let Some(Cause(cause)) = response.extensions().get::<Cause>() {
        tracing::error!(%method, path, status, cause, "failed");
    } else if is_json(&response) {
        tracing::debug!(%method, path, status, "answered");
    }
    response
}

fn is_json(response: &Response) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    value.is_some_and(|value| {
        value.starts_with(b"application/json") || value.starts_with(b"application/problem+json")
    })
}
