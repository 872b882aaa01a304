//! The vault (K-6): what makes the devices of an account one account: profile, names of devices, the relay's pinned
//! key, the key that names its records. CBOR with integer keys, padded to a bucket, sealed with the vault key.
//!
//! Two devices may change it at once; the loser of the compare-and-set merges and tries again. Each entry is dated
//! ([`crate::dated`]), so that merging gives the same vault in any order.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use protocol::{AccountId, DeviceId, RecordId, UnixMillis};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    dated::{Dated, merge_optional},
    opaque::RelayKey,
    records::{self, Collection, Place, RecordError, RecordIdKey, clipped},
    root_key::RootKey,
};

/// The version of the content. A device that meets a higher one asks for an update instead of dropping what it
/// does not know.
pub const VAULT_VERSION: u32 = 1;
/// Names of devices, of those long gone too.
pub const DEVICE_NAMES_MAX: usize = 64;

/// Where the vault lies at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultPlace {
    /// Whose vault.
    pub account: AccountId,
    /// Its record.
    pub record: RecordId,
    /// The version of the record, from 1.
    pub version: u64,
}

impl VaultPlace {
    const fn place(self) -> Place {
        let Self { account, record, version } = self;
        Place { account, collection: Collection::Vault, record, version }
    }
}

/// How one shows oneself to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// What others see.
    #[n(0)]
    pub display_name: String,
    /// Index into the palette.
    #[n(1)]
    pub colour: u8,
}

/// The vault's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    profile: Dated<Profile>,
    device_names: BTreeMap<DeviceId, Dated<String>>,
    relay_key: Option<Dated<[u8; 32]>>,
    record_id_key: RecordIdKey,
}

impl Vault {
    /// The vault of a new account.
    pub fn new(display_name: &str, colour: u8, relay_key: RelayKey, rng: &mut impl CryptoRng) -> Self {
        let profile = Profile { display_name: clipped(display_name.to_owned()), colour };
        Self {
            profile: Dated::first(profile),
            device_names: BTreeMap::new(),
            relay_key: Some(Dated::first(relay_key.0)),
            record_id_key: RecordIdKey::generate(rng),
        }
    }

    /// Opens the record of the relay. Compare its version with the floor kept on this device (K-6).
    ///
    /// # Errors
    /// [`RecordError`], by cause.
    pub fn open(root_key: &RootKey, place: VaultPlace, sealed: &[u8]) -> Result<Self, RecordError> {
        Self::decode(&records::open(root_key, place.place(), sealed)?)
    }

    /// Reads the content, as the local store keeps it.
    ///
    /// # Errors
    /// [`RecordError::NewerVersion`], [`RecordError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let content: Content = records::decode(bytes, VAULT_VERSION)?;
        if content.texts_fit() { Ok(content.into()) } else { Err(RecordError::Malformed) }
    }

    /// Changes the profile; tells whether it is another one now.
    pub fn set_profile(&mut self, mut profile: Profile, now: UnixMillis) -> bool {
        profile.display_name = clipped(profile.display_name);
        self.profile.set(profile, now)
    }

    /// Names one of the own devices. Above [`DEVICE_NAMES_MAX`], the name that was given longest ago goes.
    pub fn name_device(&mut self, device: DeviceId, name: &str, now: UnixMillis) {
        let name = clipped(name.to_owned());
        match self.device_names.get_mut(&device) {
            Some(dated) => {
                dated.set(name, now);
            }
            None => {
                self.device_names.insert(device, Dated::at(name, now));
            }
        }
        self.drop_oldest_names();
    }

    /// Pins the relay's OPAQUE key (O-5).
    pub fn pin_relay_key(&mut self, key: RelayKey, now: UnixMillis) {
        match &mut self.relay_key {
            Some(pinned) => {
                pinned.set(key.0, now);
            }
            None => self.relay_key = Some(Dated::at(key.0, now)),
        }
    }

    /// Takes in what another device wrote. The order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        self.profile.merge(other.profile);
        for (device, name) in other.device_names {
            match self.device_names.get_mut(&device) {
                Some(known) => known.merge(name),
                None => {
                    self.device_names.insert(device, name);
                }
            }
        }
        self.drop_oldest_names();
        merge_optional(&mut self.relay_key, other.relay_key);
        // Made once, with the account: only a damaged vault could have another one.
        if other.record_id_key.expose() < self.record_id_key.expose() {
            self.record_id_key = other.record_id_key;
        }
    }

    /// Seals the content for `place`, padded to a bucket. The record's own limit is checked by whoever sends it.
    pub fn seal(&self, root_key: &RootKey, place: VaultPlace, rng: &mut impl CryptoRng) -> Vec<u8> {
        records::seal(root_key, place.place(), &self.encode(), rng)
    }

    /// The content, for the local store.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        records::encode(Content::from(self))
    }

    /// How one shows oneself to others.
    pub const fn profile(&self) -> &Profile {
        &self.profile.value
    }

    /// When that was last changed.
    pub const fn profile_changed_at(&self) -> UnixMillis {
        self.profile.changed_at
    }

    /// The name of one of the own devices.
    pub fn device_name(&self, device: DeviceId) -> Option<&str> {
        self.device_names.get(&device).map(|name| name.value.as_str())
    }

    /// The relay's pinned OPAQUE key.
    pub fn relay_key(&self) -> Option<RelayKey> {
        self.relay_key.as_ref().map(|pinned| RelayKey(pinned.value))
    }

    /// Gives the account's other records their ids.
    pub const fn record_id_key(&self) -> &RecordIdKey {
        &self.record_id_key
    }

    fn drop_oldest_names(&mut self) {
        while self.device_names.len() > DEVICE_NAMES_MAX {
            let oldest = self.device_names.iter().min_by_key(|(device, name)| (name.changed_at, **device));
            let oldest = oldest.map(|(&device, _)| device);
            oldest.and_then(|device| self.device_names.remove(&device));
        }
    }
}

mod content;
use content::Content;

#[cfg(test)]
mod tests;
