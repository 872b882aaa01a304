//! Handlers, one file per noun: who, what, one transaction, answer.

pub(crate) mod groups;
pub(crate) mod relay;
pub(crate) mod socket;
