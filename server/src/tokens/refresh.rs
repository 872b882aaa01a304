//! Refresh tokens: 32 bytes, kept hashed, changed at each use. The successor is an HMAC of the predecessor, so that a
//! lost answer can be given again without keeping the token.

use std::fmt;

use aws_lc_rs::hmac;
use protocol::{IdempotencyId, SessionId, values::Exactly};
use zeroize::ZeroizeOnDrop;

use crate::secrets::{self, Purpose, Secrets, tag};

/// A refresh token; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct RefreshToken([u8; 32]);

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl RefreshToken {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What the database keeps.
    pub fn hash(&self) -> [u8; 32] {
        secrets::sha256(&self.0)
    }

    /// For the answer's body.
    pub const fn to_wire(&self) -> Exactly<32> {
        Exactly(self.0)
    }

    /// For the cookie.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Derives refresh tokens.
pub struct RefreshTokens(hmac::Key);

impl RefreshTokens {
    pub fn new(secrets: &Secrets) -> Self {
        Self(secrets.hmac_key(Purpose::RefreshTokens))
    }

    /// The first token of a session: the same again for the same request, so that its answer can be repeated (O-7).
    pub fn first(&self, session: SessionId, request: IdempotencyId) -> RefreshToken {
        RefreshToken(tag(&self.0, &[b"first", session.as_bytes(), request.as_bytes()]))
    }

    /// The token that follows `token`.
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        RefreshToken(tag(&self.0, &[b"next", &token.0]))
    }
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;

    #[test]
    fn debug_shows_no_token() {
        assert_eq!(format!("{:?}", RefreshToken::from_bytes([1; 32])), "***");
    }
}
