//! Handlers, one file per noun: who, what, one transaction, answer.

pub(crate) mod account_data;
pub(crate) mod account_deletion;
pub(crate) mod accounts;
mod answers;
pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod devices;
pub(crate) mod factors;
pub(crate) mod groups;
pub(crate) mod key_packages;
pub(crate) mod records;
pub(crate) mod relay;
pub(crate) mod removals;
pub(crate) mod sessions;
pub(crate) mod socket;
