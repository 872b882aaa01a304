//! The client of a Sotto relay, sans-I/O: bytes and `now` go in, requests, changes to save and events come out.
//! No clock, no randomness and no I/O of its own, so every test repeats.
#![warn(missing_docs)]

pub mod account_seed;
pub mod audit;
pub mod certificate;
pub mod client;
pub mod contact;
pub mod container;
mod dated;
mod derive;
pub mod device_list;
pub mod fingerprint;
pub mod identity;
mod labels;
pub mod mls;
pub mod opaque;
mod padding;
pub mod records;
pub mod recovery_key;
pub mod revocation;
pub mod root_key;
pub mod sealed;
pub mod secret;
pub mod settings;
pub mod store_lock;
mod stretching;
pub mod vault;
pub mod wraps;

pub use rand_core;
