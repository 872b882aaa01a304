//! Sessions: log-in by password, recovery key or a device's signature, refresh, log-out.

pub(crate) mod device;
pub(crate) mod factor;
pub(crate) mod login;
pub(super) mod opened;
pub(crate) mod own;
pub(crate) mod refresh;
