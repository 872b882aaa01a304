//! The cookie that carries a browser's refresh token: never readable by scripts, never sent across sites.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{ErrorCode, limits::DEVICE_IDLE_SECONDS};

use crate::config::Config;
use crate::error::ApiError;
use crate::tokens::refresh::RefreshToken;

/// Request header that a page must set to refresh by cookie: no other site can, without our leave.
pub const REFRESH_HEADER: &str = "sotto-refresh";

/// Who asks for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Sends `Origin`; gets the refresh token as a cookie only.
    Browser,
    /// Gets the refresh token in the body.
    Native,
}

impl ClientKind {
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(header::ORIGIN) { Self::Browser } else { Self::Native }
    }
}

/// The cookie's name: bound to host and `/` by its prefix, wherever the browser takes one (https).
pub fn name(config: &Config) -> &'static str {
    if config.public_url.is_https() { "__Host-sotto-refresh" } else { "sotto-refresh" }
}

/// `Set-Cookie` with a token.
pub fn set(config: &Config, token: &RefreshToken) -> Result<HeaderValue, ApiError> {
    cookie(config, &URL_SAFE_NO_PAD.encode(token.as_bytes()), DEVICE_IDLE_SECONDS)
}

/// `Set-Cookie` that takes the token away.
pub fn clear(config: &Config) -> Result<HeaderValue, ApiError> {
    cookie(config, "", 0)
}

/// The token of a browser's request, which must come from our own page: `Sec-Fetch-Site: same-origin` and the header
/// [`REFRESH_HEADER`].
pub fn read(config: &Config, headers: &HeaderMap) -> Result<RefreshToken, ApiError> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let own = headers.get(REFRESH_HEADER).map(HeaderValue::as_bytes);
    if site != Some(b"same-origin") || own != Some(b"1") {
        return Err(ErrorCode::OriginRefused.into());
    }
    let value = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name(config))
        .map(|(_, value)| value);
    let mut bytes = [0; 32];
    match value.map(|value| URL_SAFE_NO_PAD.decode_slice(value, &mut bytes)) {
        Some(Ok(32)) => Ok(RefreshToken::from_bytes(bytes)),
        _ => Err(ErrorCode::Unauthenticated.into()),
    }
}

fn cookie(config: &Config, value: &str, max_age_seconds: u64) -> Result<HeaderValue, ApiError> {
    let secure = if config.public_url.is_https() { "; Secure" } else { "" };
    let name = name(config);
    let text =
        format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut header = HeaderValue::try_from(text).map_err(ApiError::internal)?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::{ClientKind, REFRESH_HEADER, clear, read, set};
    use crate::config::Config;
    use crate::tokens::refresh::RefreshToken;
    use axum::http::{HeaderMap, HeaderValue, header};
    use protocol::ErrorCode;

    fn config(public_url: &str) -> Config {
        let mut config = Config::from_sources(|_| Ok(None)).unwrap();
        config.public_url = public_url.parse().unwrap();
        config
    }

    fn request(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers.insert(REFRESH_HEADER, HeaderValue::from_static("1"));
        headers.insert(header::COOKIE, HeaderValue::try_from(cookie).unwrap());
        headers
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        let cookie = set(&config("https://chat.example.org"), &RefreshToken::from_bytes([0; 32])).unwrap();

        let value = "A".repeat(43);
        let expected = format!(
            "__Host-sotto-refresh={value}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(cookie.to_str().unwrap(), expected);
        assert!(cookie.is_sensitive());
    }

    #[test]
    fn on_plain_localhost_the_cookie_has_a_name_that_browsers_take() {
        let cookie = clear(&config("http://localhost:8080")).unwrap();

        let expected = "sotto-refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
        assert_eq!(cookie.to_str().unwrap(), expected);
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let config = config("https://chat.example.org");
        let headers = request(&format!("a=b; __Host-sotto-refresh={}; c=d", "A".repeat(43)));

        assert_eq!(read(&config, &headers).unwrap(), RefreshToken::from_bytes([0; 32]));
    }

    #[test]
    fn a_request_that_is_not_of_our_own_page_is_refused() {
        let config = config("https://chat.example.org");
        let cookie = format!("__Host-sotto-refresh={}", "A".repeat(43));
        for (name, value) in [
            ("sec-fetch-site", Some("cross-site")),
            ("sec-fetch-site", Some("same-site")),
            ("sec-fetch-site", Some("none")),
            ("sec-fetch-site", None),
            (REFRESH_HEADER, Some("0")),
            (REFRESH_HEADER, None),
        ] {
            let mut headers = request(&cookie);
            headers.remove(name);
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(
                read(&config, &headers).unwrap_err().code,
                ErrorCode::OriginRefused,
                "{name} {value:?}"
            );
        }
    }

    #[test]
    fn other_and_broken_cookies_are_no_token() {
        let config = config("https://chat.example.org");
        let good = "A".repeat(43);
        for cookie in [
            String::new(),
            format!("sotto-refresh={good}"),
            format!("__Host-sotto-refresh={good}A"),
            format!("__Host-sotto-refresh={}", &good[1..]),
            "__Host-sotto-refresh=".into(),
            "__Host-sotto-refresh".into(),
        ] {
            let refused = read(&config, &request(&cookie)).unwrap_err();
            assert_eq!(refused.code, ErrorCode::Unauthenticated, "{cookie}");
        }
    }

    #[test]
    fn who_sends_an_origin_is_a_browser() {
        let mut headers = HeaderMap::new();
        assert_eq!(ClientKind::of(&headers), ClientKind::Native);
        headers.insert(header::ORIGIN, HeaderValue::from_static("null"));
        assert_eq!(ClientKind::of(&headers), ClientKind::Browser);
    }
}
