//! The pending change set: every write of a call, sealed, for one transaction of the host.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{requests::ChangeSet, stored::encode};
use crate::{sealed, secret::LocalStoreKey};

/// A record that does not open under its key and place, or does not read as what belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of the local store is corrupt")]
pub struct CorruptRecord;

pub(crate) struct Journal {
    key: LocalStoreKey,
    counter: u64,
    changes: BTreeMap<String, Option<Vec<u8>>>,
}

impl Journal {
    pub(crate) fn new(key: LocalStoreKey, counter: u64) -> Self {
        Self { key, counter, changes: BTreeMap::new() }
    }

    pub(crate) fn put<T: Encode<()>>(&mut self, key: String, record: &T, rng: &mut dyn CryptoRng) {
        let plaintext = encode(record);
        self.put_bytes(key, &plaintext, rng);
    }

    pub(crate) fn put_bytes(&mut self, key: String, plaintext: &[u8], mut rng: &mut dyn CryptoRng) {
        self.counter += 1;
        let sealed = sealed::seal_local(&self.key, &key, self.counter, plaintext, &mut rng);
        self.changes.insert(key, Some(sealed));
    }

    pub(crate) fn delete(&mut self, key: String) {
        self.changes.insert(key, None);
    }

    pub(crate) fn take(&mut self) -> Option<ChangeSet> {
        if self.changes.is_empty() {
            return None;
        }
        Some(ChangeSet { changes: core::mem::take(&mut self.changes).into_iter().collect() })
    }

    /// Forgets what was not taken: the store is about to be wiped.
    pub(crate) fn clear(&mut self) {
        self.changes.clear();
    }

    pub(crate) fn open_bytes(&self, key: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CorruptRecord> {
        sealed::open_local(&self.key, key, sealed).map_err(|_| CorruptRecord)
    }

    pub(crate) fn open<T: for<'b> Decode<'b, ()>>(
        &self,
        key: &str,
        sealed: &[u8],
    ) -> Result<T, CorruptRecord> {
        let plaintext = self.open_bytes(key, sealed)?;
        minicbor::decode(&plaintext).map_err(|_| CorruptRecord)
    }
}
