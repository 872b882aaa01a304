//! The web app, embedded by `build.rs`: cache rules, brotli, and the page for every path without an extension.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use protocol::ErrorCode;

use crate::error::ApiError;

/// One file of `web/dist`.
struct WebFile {
    /// From the root, with a slash before it.
    path: &'static str,
    bytes: &'static [u8],
    /// The same, compressed beforehand.
    brotli: Option<&'static [u8]>,
}

const FILES: &[WebFile] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// Served while there is no web app in the binary.
const NOT_BUILT: WebFile = WebFile {
    path: "/index.html",
    bytes:
        b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sotto</title>\
        <h1>The relay is up</h1><p>Its web app is not built: run <code>cargo xtask build</code>.</p></html>\n",
    brotli: None,
};

/// Every path that no route has: a file, or the app's page.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path == "/v1" || path.starts_with("/v1/") {
        return ApiError::new(ErrorCode::NotFound).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return ApiError::new(ErrorCode::MethodNotAllowed).into_response();
    }
    match find(path) {
        Some(file) => answer(file, &headers),
        None => ApiError::new(ErrorCode::NotFound).into_response(),
    }
}

/// The page stands for every path whose last part has no extension; an unknown file is not found, else HTML would
/// be taken for a script.
fn find(path: &str) -> Option<&'static WebFile> {
    let has_extension = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let path = if has_extension { path } else { "/index.html" };
    let not_built = (FILES.is_empty() && path == "/index.html").then_some(&NOT_BUILT);
    FILES.iter().find(|file| file.path == path).or(not_built)
}

fn answer(file: &'static WebFile, headers: &HeaderMap) -> Response {
    let mut response = match file.brotli.filter(|_| takes_brotli(headers)) {
        Some(brotli) => {
            let mut response = Body::from(Bytes::from_static(brotli)).into_response();
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
            response
        }
        None => Body::from(Bytes::from_static(file.bytes)).into_response(),
    };
    // Names under /assets hold a hash of their bytes; everything else may change with the next version.
    let cache =
        if file.path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(file.path)));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    *response.status_mut() = StatusCode::OK;
    response
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("br") && !parts.any(|q| q == "q=0" || q == "q=0.0")
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
