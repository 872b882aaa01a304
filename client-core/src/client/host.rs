//! What the host gives, and what it is.

use protocol::UnixMillis;
use rand_core::CryptoRng;

/// Time and randomness of one call.
pub struct Context<'a> {
    /// The host's clock.
    pub now: UnixMillis,
    /// A cryptographically secure source.
    pub rng: &'a mut dyn CryptoRng,
}

/// Where the client lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// The refresh token is a cookie that the client never sees.
    Browser,
    /// The refresh token is kept sealed in the store.
    Native,
}
