//! The socket (S-1 … S-7): who is online, and one task per connection.

pub(crate) mod connection;
pub mod hub;
pub(crate) mod progress;
