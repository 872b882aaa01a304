//! Handlers, one file per noun: who, what, one transaction, answer.

pub(crate) mod relay;
