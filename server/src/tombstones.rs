//! What stays of a deleted account: marks that say "there was one", by which its handle and ids are never given out
//! again. Made under a key outside the database, so that the database alone tells nobody's name.

use aws_lc_rs::hmac;
use protocol::{AccountId, DeviceId, Handle};

use crate::secrets::{Purpose, Secrets, tag};

/// One mark.
pub type Mark = [u8; 32];

/// The key of the marks.
pub struct Tombstones {
    key: hmac::Key,
}

impl Tombstones {
    pub fn new(secrets: &Secrets) -> Self {
        Self { key: secrets.hmac_key(Purpose::Tombstones) }
    }

    pub fn handle(&self, handle: &Handle) -> Mark {
        tag(&self.key, &[b"handle", handle.as_str().as_bytes()])
    }

    pub fn account(&self, account: AccountId) -> Mark {
        tag(&self.key, &[b"account", account.as_bytes()])
    }

    pub fn device(&self, device: DeviceId) -> Mark {
        tag(&self.key, &[b"device", device.as_bytes()])
    }
}
