//! What the relay hands out to be shown again: access tokens, refresh tokens, tickets and nonces.

pub mod access;
pub mod nonces;
pub mod refresh;
pub mod tickets;
