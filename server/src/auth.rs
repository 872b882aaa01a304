//! Who is calling: the access token of the `Authorization` header, or of the socket's first frame (S-1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use protocol::{AccountId, DeviceId, ErrorCode, SessionId, UnixMillis};

use crate::app::App;
use crate::error::ApiError;
use crate::live_sessions::Ended;
use crate::tokens::access::AccessTokenError;

/// A device with a live session. Routes for devices put it into the request before their handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallingDevice {
    pub account_id: AccountId,
    pub device_id: DeviceId,
    pub session_id: SessionId,
    /// When the token ends.
    pub expires_at: UnixMillis,
}

impl App {
    /// Checks an access token against the clock and the live sessions.
    pub fn authenticate(&self, token: &str) -> Result<CallingDevice, ApiError> {
        let claims = self.access_tokens.verify(token, self.clock.now()).map_err(|error| match error {
            AccessTokenError::Expired => ErrorCode::TokenExpired,
            AccessTokenError::Invalid | AccessTokenError::NotMade => ErrorCode::Unauthenticated,
        })?;
        if self.sessions.device(claims.sid) != Some(claims.device) {
            // An ended session is no revoked device: that one signs out for good, this one signs in again.
            let code = match self.sessions.ended(claims.sid) {
                Some(Ended::Revoked) => ErrorCode::DeviceRevoked,
                Some(Ended::Deleted) => ErrorCode::AccountDeleted,
                None => ErrorCode::Unauthenticated,
            };
            return Err(code.into());
        }
        Ok(CallingDevice {
            account_id: claims.sub,
            device_id: claims.device,
            session_id: claims.sid,
            expires_at: claims.expires_at(),
        })
    }
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(ErrorCode::Unauthenticated)?;
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(ErrorCode::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(ErrorCode::Unauthenticated.into())
    }
}

impl<S: Sync> FromRequestParts<S> for CallingDevice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| ErrorCode::Unauthenticated.into())
    }
}
