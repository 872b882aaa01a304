//! The store of MLS state: a map over the records that the host loaded, which journals every write into a
//! change set for one transaction. An attempt that fails drops its writes, so a refused commit or welcome
//! leaves no trace. Values are plaintext here; the layer above seals them.

use protocol::{AccountId, GroupId};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{cell::RefCell, collections::BTreeMap};
use zeroize::Zeroizing;

/// Prefix of the private halves of this device's key packages.
pub const KEY_PACKAGE_PREFIX: &str = "key_package/";

/// Prefix of one group's state: `group/<22 characters of the id>/`.
pub fn group_prefix(group: GroupId) -> String {
    format!("group/{group}/")
}

/// A key of a record and its new value; `None` deletes it.
pub type Change = (Vec<u8>, Option<Zeroizing<Vec<u8>>>);

/// Why the store can't give or take a value. Always the own device's fault: a corrupt or foreign record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A record does not read as the type that belongs under its key.
    #[error("the record {key} is corrupt")]
    Corrupt {
        /// The key, which holds no secret.
        key: String,
    },
    /// A value of OpenMLS could not be written.
    #[error("a value can't be encoded")]
    Encode,
    /// The group id is not one of ours (16 bytes).
    #[error("a group id that is not 16 bytes")]
    ForeignGroupId,
    /// Signature keys and pre-shared keys are not kept here.
    #[error("this kind of value is not kept in the store")]
    NotKept,
    /// The records contradict each other.
    #[error("the records of the group contradict each other")]
    Inconsistent,
}

pub(super) type Value = Zeroizing<Vec<u8>>;
type Layer = BTreeMap<Vec<u8>, Option<Value>>;

/// Which state of a group the library sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Room {
    /// `group/<id>/…`
    #[default]
    Current,
    /// `group/<id>/pending/…`: an external commit that the relay has not accepted yet.
    Pending,
}

#[derive(Default)]
struct Layers {
    /// What the host has on disk.
    saved: BTreeMap<Vec<u8>, Value>,
    /// Writes since the last `take_changes`.
    journal: Layer,
    /// Writes of the attempt under way.
    attempt: Option<Layer>,
    room: Room,
}

impl Layers {
    fn read(&self, key: &[u8]) -> Option<&Value> {
        if let Some(value) = self.attempt.as_ref().and_then(|attempt| attempt.get(key)) {
            return value.as_ref();
        }
        match self.journal.get(key) {
            Some(value) => value.as_ref(),
            None => self.saved.get(key),
        }
    }

    fn write(&mut self, key: Vec<u8>, value: Option<Value>) {
        self.attempt.as_mut().unwrap_or(&mut self.journal).insert(key, value);
    }

    fn keys_with_prefix(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> = self.saved.keys().chain(self.journal.keys()).cloned().collect();
        keys.extend(self.attempt.iter().flat_map(BTreeMap::keys).cloned());
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| key.starts_with(prefix) && self.read(key).is_some());
        keys
    }
}

/// The records of one group and, for a join by welcome, those of the key packages.
///
/// | key | value |
/// |---|---|
/// | `group/<id>/<what>` | state of the group, by OpenMLS in CBOR |
/// | `group/<id>/pending_commit` | our commit that the relay has not accepted yet |
/// | `group/<id>/pending/<what>` | state of the group after our external commit, until it is accepted |
/// | `key_package/<reference>` | private keys of a key package, by OpenMLS in CBOR |
#[derive(Default)]
pub struct GroupStore {
    layers: RefCell<Layers>,
}

impl std::fmt::Debug for GroupStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupStore(***)")
    }
}

impl GroupStore {
    /// Takes the records as the host has them on disk, opened by the layer above.
    pub fn load(records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let saved = records.into_iter().map(|(key, value)| (key, Zeroizing::new(value))).collect();
        Self { layers: RefCell::new(Layers { saved, ..Layers::default() }) }
    }

    /// Everything that differs from what the host has, for one transaction; afterwards the store counts it as
    /// saved. Call it after every operation and write before anything is sent or shown.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let layers = self.layers.get_mut();
        let journal = std::mem::take(&mut layers.journal);
        let mut changes = Vec::new();
        for (key, value) in journal {
            if layers.saved.get(&key) == value.as_ref() {
                continue;
            }
            match &value {
                Some(value) => layers.saved.insert(key.clone(), value.clone()),
                None => layers.saved.remove(&key),
            };
            changes.push((key, value));
        }
        changes
    }

    /// Lets go of all saved records outside `prefix`.
    pub(crate) fn keep_only(&mut self, prefix: &str) {
        self.layers.get_mut().saved.retain(|key, _| key.starts_with(prefix.as_bytes()));
    }

    /// Opens an attempt: later writes are adopted or dropped as a whole.
    pub(crate) fn begin(&self) {
        self.layers.borrow_mut().attempt = Some(Layer::new());
    }

    /// Drops the writes of the attempt.
    pub(crate) fn drop_attempt(&self) {
        self.layers.borrow_mut().attempt = None;
    }

    /// Moves the writes of the attempt into the journal.
    pub(crate) fn adopt_attempt(&self) {
        let mut layers = self.layers.borrow_mut();
        if let Some(attempt) = layers.attempt.take() {
            layers.journal.extend(attempt);
        }
    }

    /// From now on the library reads and writes the state under `pending/`.
    pub(crate) fn use_pending_room(&self) {
        self.layers.borrow_mut().room = Room::Pending;
    }

    /// From now on the library reads and writes the group's own state.
    pub(crate) fn use_current_room(&self) {
        self.layers.borrow_mut().room = Room::Current;
    }

    /// Puts the state under `pending/` in the place of the group's state.
    pub(crate) fn swap_in_pending(&self, group: GroupId) {
        let mut layers = self.layers.borrow_mut();
        let current = group_prefix(group).into_bytes();
        let pending = pending_prefix(group).into_bytes();
        for key in layers.keys_with_prefix(&current) {
            if !key.starts_with(&pending) {
                layers.write(key, None);
            }
        }
        for key in layers.keys_with_prefix(&pending) {
            let value = layers.read(&key).cloned();
            let place = key.strip_prefix(pending.as_slice()).unwrap_or_default();
            layers.write([current.as_slice(), place].concat(), value);
            layers.write(key, None);
        }
    }

    /// Deletes the state under `pending/`.
    pub(crate) fn delete_pending(&self, group: GroupId) {
        self.delete_with_prefix(&pending_prefix(group));
    }

    /// Deletes everything of the group.
    pub(crate) fn delete_group(&self, group: GroupId) {
        self.delete_with_prefix(&group_prefix(group));
    }

    fn delete_with_prefix(&self, prefix: &str) {
        let mut layers = self.layers.borrow_mut();
        for key in layers.keys_with_prefix(prefix.as_bytes()) {
            layers.write(key, None);
        }
    }

    /// A record of ours beside the library's.
    pub(crate) fn read_own(&self, key: &str) -> Option<Value> {
        self.layers.borrow().read(key.as_bytes()).cloned()
    }

    /// Writes or deletes a record of ours.
    pub(crate) fn write_own(&self, key: &str, value: Option<Vec<u8>>) {
        self.layers.borrow_mut().write(key.as_bytes().to_vec(), value.map(Zeroizing::new));
    }

    pub(super) fn put(&self, key: String, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = encode(value)?;
        self.layers.borrow_mut().write(key.into_bytes(), Some(bytes));
        Ok(())
    }

    pub(super) fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, StoreError> {
        match self.layers.borrow().read(key.as_bytes()) {
            None => Ok(None),
            Some(bytes) => minicbor_serde::from_slice(bytes)
                .map(Some)
                .map_err(|_| StoreError::Corrupt { key: key.to_owned() }),
        }
    }

    pub(super) fn remove(&self, key: String) {
        self.layers.borrow_mut().write(key.into_bytes(), None);
    }

    pub(super) fn forget(&self, group: &impl Serialize, what: &str) -> Result<(), StoreError> {
        self.remove(self.of_group(group, what)?);
        Ok(())
    }

    pub(super) fn list<V: DeserializeOwned>(&self, key: &str) -> Result<Vec<V>, StoreError> {
        Ok(self.get(key)?.unwrap_or_default())
    }

    /// `group/<id>/[pending/]<what>`
    pub(super) fn of_group(&self, group: &impl Serialize, what: &str) -> Result<String, StoreError> {
        // The trait hides the type of the id; its serde form is the only way to the bytes.
        let id: openmls::group::GroupId =
            minicbor_serde::from_slice(&encode(group)?).map_err(|_| StoreError::ForeignGroupId)?;
        let id = GroupId::try_from(id.as_slice()).map_err(|_| StoreError::ForeignGroupId)?;
        let prefix = match self.layers.borrow().room {
            Room::Current => group_prefix(id),
            Room::Pending => pending_prefix(id),
        };
        Ok(prefix + what)
    }
}

fn pending_prefix(group: GroupId) -> String {
    group_prefix(group) + "pending/"
}

pub(super) fn encode(value: &impl Serialize) -> Result<Value, StoreError> {
    minicbor_serde::to_vec(value).map(Zeroizing::new).map_err(|_| StoreError::Encode)
}

/// A short name for a long key.
fn digest(key: &impl Serialize) -> Result<String, StoreError> {
    let hash: [u8; 32] = Sha256::digest(encode(key)?.as_slice()).into();
    let mut id = [0; 16];
    id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    Ok(AccountId::from_bytes(id).to_string())
}

/// The last part of the keys of a group's records.
pub(super) mod key {
    pub(crate) const TREE: &str = "tree";
    pub(crate) const CONTEXT: &str = "context";
    pub(crate) const INTERIM_HASH: &str = "interim_transcript_hash";
    pub(crate) const CONFIRMATION_TAG: &str = "confirmation_tag";
    pub(crate) const CONFIG: &str = "config";
    pub(crate) const STATE: &str = "state";
    pub(crate) const MESSAGE_SECRETS: &str = "message_secrets";
    pub(crate) const RESUMPTION: &str = "resumption";
    pub(crate) const OWN_LEAF_INDEX: &str = "own_leaf_index";
    pub(crate) const OWN_LEAF_NODES: &str = "own_leaf_nodes";
    pub(crate) const EPOCH_SECRETS: &str = "epoch_secrets";
    pub(crate) const PROPOSALS: &str = "proposals";
}

pub(super) fn epoch_keys(epoch: &impl Serialize, leaf_index: u32) -> Result<String, StoreError> {
    Ok(format!("epoch_keys/{}/{leaf_index}", digest(epoch)?))
}

pub(super) fn key_package(reference: &impl Serialize) -> Result<String, StoreError> {
    Ok(format!("{KEY_PACKAGE_PREFIX}{}", digest(reference)?))
}

pub(super) fn leaf_key(public_key: &impl Serialize) -> Result<String, StoreError> {
    Ok(format!("{KEY_PACKAGE_PREFIX}leaf/{}", digest(public_key)?))
}
