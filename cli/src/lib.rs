//! `sotto-cli`: a native client over `client-core`. [`host::Host`] drives the core: local store, HTTP, socket and
//! clock are here, every decision is the core's.

pub mod address;
pub mod config;
mod connect;
pub mod host;
mod http;
mod socket;
pub mod store;
pub mod terminal;
pub mod transfer;
