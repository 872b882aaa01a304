//! The vault (K-6): what all devices of an account know: profile, contacts and whom one has verified, names of
//! devices, the relay's pinned key, settings. CBOR with integer keys, padded to a bucket, sealed with the vault key.
//!
//! Two devices may change it at once; the loser of the compare-and-set merges and tries again. Each entry carries the
//! time of its last change, and the later change wins; of two changes in one millisecond, the greater value. So
//! merging gives the same vault in any order. A device whose clock is behind still writes after what it has seen.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use protocol::{AccountId, DeviceId, IdentityKey, RecordId, UnixMillis, limits::GROUPS_PER_ACCOUNT_MAX};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    opaque::RelayKey,
    padding::bucket,
    root_key::RootKey,
    sealed::{RecordPlace, SealError, open_record, seal_record},
};

/// The collection of the relay that holds the vault.
pub const VAULT_COLLECTION: &str = "vault";
/// The version of the content. A device that meets a higher one asks for an update instead of dropping what it
/// does not know.
pub const VAULT_VERSION: u32 = 1;
/// Contacts of one account.
pub const CONTACTS_MAX: usize = GROUPS_PER_ACCOUNT_MAX;
/// Names of devices, of those long gone too.
pub const DEVICE_NAMES_MAX: usize = 64;
/// Settings of one account.
pub const SETTINGS_MAX: usize = 64;
/// UTF-8 bytes of any text in the vault.
pub const VAULT_TEXT_BYTES_MAX: usize = 256;

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
    const fn record(&self) -> RecordPlace<'static> {
        RecordPlace {
            account: self.account,
            collection: VAULT_COLLECTION,
            record: self.record,
            version: self.version,
        }
    }
}

/// Why a vault was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It does not open here.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A newer version of the program wrote it.
    #[error("the vault was written by a newer version ({version})")]
    NewerVersion {
        /// The version of its content.
        version: u32,
    },
    /// It opens, but is not a vault.
    #[error("the vault's content is malformed")]
    Malformed,
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

/// How a contact calls itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ContactNames {
    /// The handle by which it is found.
    #[n(0)]
    pub handle: String,
    /// The name that it gave itself.
    #[n(1)]
    pub display_name: String,
    /// Index into the palette.
    #[n(2)]
    pub colour: u8,
}

impl ContactNames {
    fn clipped(self) -> Self {
        Self { handle: clipped(self.handle), display_name: clipped(self.display_name), colour: self.colour }
    }
}

/// What one knows of a contact's identity key (K-4, K-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ContactTrust {
    /// The key that was seen first, or accepted since.
    #[n(0)]
    pub identity_key: IdentityKey,
    /// When the person said "they match"; `None`: never compared.
    #[n(1)]
    pub verified_at: Option<UnixMillis>,
    /// Another key that was seen since, about which the person has not decided yet.
    #[n(2)]
    pub changed_key: Option<IdentityKey>,
}

/// A contact. Names and trust are changed and merged apart, so that a new name never undoes a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    names: Dated<ContactNames>,
    trust: Dated<ContactTrust>,
}

impl Contact {
    /// How it calls itself.
    pub const fn names(&self) -> &ContactNames {
        &self.names.value
    }

    /// What is known of its identity key.
    pub const fn trust(&self) -> &ContactTrust {
        &self.trust.value
    }

    /// When that was last changed.
    pub const fn trust_changed_at(&self) -> UnixMillis {
        self.trust.changed_at
    }
}

/// The vault's content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vault {
    profile: Dated<Profile>,
    contacts: BTreeMap<AccountId, Contact>,
    device_names: BTreeMap<DeviceId, Dated<String>>,
    relay_key: Option<Dated<[u8; 32]>>,
    settings: BTreeMap<String, Dated<String>>,
}

impl Vault {
    /// The vault of a new account.
    pub fn new(display_name: &str, colour: u8, relay_key: RelayKey) -> Self {
        let profile = Profile { display_name: clipped(display_name.to_owned()), colour };
        Self { profile: Dated::first(profile), relay_key: Some(Dated::first(relay_key.0)), ..Self::default() }
    }

    /// Opens the record of the relay. Compare its version with the floor kept on this device (K-6).
    ///
    /// # Errors
    /// [`VaultError`], by cause.
    pub fn open(root_key: &RootKey, place: VaultPlace, sealed: &[u8]) -> Result<Self, VaultError> {
        let key = root_key.vault_key(place.account);
        let padded = open_record(key.expose(), root_key.generation(), &place.record(), sealed)?;
        let (length, rest) = padded.split_first_chunk::<4>().ok_or(VaultError::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| VaultError::Malformed)?;
        Self::decode(rest.get(..length).ok_or(VaultError::Malformed)?)
    }

    /// Reads the content, as the local store keeps it.
    ///
    /// # Errors
    /// [`VaultError::NewerVersion`], [`VaultError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let VersionOnly { version } = minicbor::decode(bytes).map_err(|_| VaultError::Malformed)?;
        if version > VAULT_VERSION {
            return Err(VaultError::NewerVersion { version });
        }
        let mut decoder = minicbor::Decoder::new(bytes);
        let content: Content = decoder.decode().map_err(|_| VaultError::Malformed)?;
        if decoder.position() != bytes.len() || version == 0 || !content.texts_fit() {
            return Err(VaultError::Malformed);
        }
        Ok(content.into())
    }

    /// Changes the profile.
    pub fn set_profile(&mut self, mut profile: Profile, now: UnixMillis) {
        profile.display_name = clipped(profile.display_name);
        self.profile.set(profile, now);
    }

    /// Names one of the own devices. Above [`DEVICE_NAMES_MAX`], the name that was given longest ago goes.
    pub fn name_device(&mut self, device: DeviceId, name: &str, now: UnixMillis) {
        set_in(&mut self.device_names, device, clipped(name.to_owned()), now);
        drop_oldest(&mut self.device_names, DEVICE_NAMES_MAX);
    }

    /// Changes a setting. Above [`SETTINGS_MAX`], the one that was changed longest ago goes.
    pub fn set_setting(&mut self, name: &str, value: &str, now: UnixMillis) {
        let (name, value) = (clipped(name.to_owned()), clipped(value.to_owned()));
        set_in(&mut self.settings, name, value, now);
        drop_oldest(&mut self.settings, SETTINGS_MAX);
    }

    /// Pins the relay's OPAQUE key (O-5).
    pub fn pin_relay_key(&mut self, key: RelayKey, now: UnixMillis) {
        match &mut self.relay_key {
            Some(pinned) => pinned.set(key.0, now),
            None => self.relay_key = Some(Dated::at(key.0, now)),
        }
    }

    /// Takes up a contact with the identity key that is trusted on first use. Does nothing if it is known.
    ///
    /// # Errors
    /// [`TooManyContacts`].
    pub fn add_contact(
        &mut self,
        account: AccountId,
        names: ContactNames,
        identity_key: IdentityKey,
        now: UnixMillis,
    ) -> Result<(), TooManyContacts> {
        if self.contacts.contains_key(&account) {
            return Ok(());
        }
        if self.contacts.len() >= CONTACTS_MAX {
            return Err(TooManyContacts);
        }
        let trust = ContactTrust { identity_key, verified_at: None, changed_key: None };
        let contact = Contact { names: Dated::at(names.clipped(), now), trust: Dated::at(trust, now) };
        self.contacts.insert(account, contact);
        Ok(())
    }

    /// Changes a contact's names, if it is known.
    pub fn set_contact_names(&mut self, account: AccountId, names: ContactNames, now: UnixMillis) {
        if let Some(contact) = self.contacts.get_mut(&account) {
            contact.names.set(names.clipped(), now);
        }
    }

    /// Changes what is known of a contact's identity key, if the contact is known.
    pub fn set_contact_trust(&mut self, account: AccountId, trust: ContactTrust, now: UnixMillis) {
        if let Some(contact) = self.contacts.get_mut(&account) {
            contact.trust.set(trust, now);
        }
    }

    /// Takes in what another device wrote. The order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        self.profile.merge(other.profile);
        for (account, contact) in other.contacts {
            match self.contacts.get_mut(&account) {
                Some(known) => {
                    known.names.merge(contact.names);
                    known.trust.merge(contact.trust);
                }
                None => {
                    self.contacts.insert(account, contact);
                }
            }
        }
        while self.contacts.len() > CONTACTS_MAX {
            let oldest =
                self.contacts.iter().min_by_key(|(account, contact)| (contact.trust.changed_at, **account));
            let oldest = oldest.map(|(&account, _)| account);
            oldest.and_then(|account| self.contacts.remove(&account));
        }
        merge_in(&mut self.device_names, other.device_names);
        drop_oldest(&mut self.device_names, DEVICE_NAMES_MAX);
        merge_in(&mut self.settings, other.settings);
        drop_oldest(&mut self.settings, SETTINGS_MAX);
        self.relay_key = match (self.relay_key.take(), other.relay_key) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
    }

    /// Seals the content for `place`, padded to a bucket. The record's own limit is checked by whoever sends it.
    pub fn seal(&self, root_key: &RootKey, place: VaultPlace, rng: &mut impl CryptoRng) -> Vec<u8> {
        let content = self.encode();
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let padded_length = bucket(u64::from(length).saturating_add(4));
        let mut padded = Zeroizing::new(Vec::with_capacity(content.len().saturating_mul(2)));
        padded.extend_from_slice(&length.to_be_bytes());
        padded.extend_from_slice(&content);
        padded.resize(usize::try_from(padded_length).unwrap_or(content.len()), 0);
        let key = root_key.vault_key(place.account);
        seal_record(key.expose(), root_key.generation(), &place.record(), &padded, rng)
    }

    /// The content, for the local store.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let encoded = minicbor::to_vec(Content::from(self));
        debug_assert!(encoded.is_ok(), "a vector takes any number of bytes");
        Zeroizing::new(encoded.unwrap_or_default())
    }

    /// How one shows oneself to others.
    pub const fn profile(&self) -> &Profile {
        &self.profile.value
    }

    /// A contact.
    pub fn contact(&self, account: AccountId) -> Option<&Contact> {
        self.contacts.get(&account)
    }

    /// All contacts, by account.
    pub fn contacts(&self) -> impl Iterator<Item = (AccountId, &Contact)> {
        self.contacts.iter().map(|(&account, contact)| (account, contact))
    }

    /// The name of one of the own devices.
    pub fn device_name(&self, device: DeviceId) -> Option<&str> {
        self.device_names.get(&device).map(|name| name.value.as_str())
    }

    /// A setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| setting.value.as_str())
    }

    /// The relay's pinned OPAQUE key.
    pub fn relay_key(&self) -> Option<RelayKey> {
        self.relay_key.as_ref().map(|pinned| RelayKey(pinned.value))
    }
}

/// The account has [`CONTACTS_MAX`] contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for more than {CONTACTS_MAX} contacts")]
pub struct TooManyContacts;

/// A value and when it was last changed. Ordered by time, then by value: the greater one wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Dated<T> {
    changed_at: UnixMillis,
    value: T,
}

impl<T: Ord> Dated<T> {
    /// What a new account starts with: any change is later.
    const fn first(value: T) -> Self {
        Self { changed_at: UnixMillis(1), value }
    }

    const fn at(value: T, now: UnixMillis) -> Self {
        Self { changed_at: now, value }
    }

    fn set(&mut self, value: T, now: UnixMillis) {
        if self.value != value {
            self.changed_at = UnixMillis(now.0.max(self.changed_at.0.saturating_add(1)));
            self.value = value;
        }
    }

    fn merge(&mut self, other: Self) {
        if other > *self {
            *self = other;
        }
    }
}

/// Texts of the vault are cut to [`VAULT_TEXT_BYTES_MAX`] on the way in: what is written can always be read again.
fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(VAULT_TEXT_BYTES_MAX));
    text
}

fn set_in<K: Ord, T: Ord>(entries: &mut BTreeMap<K, Dated<T>>, key: K, value: T, now: UnixMillis) {
    match entries.get_mut(&key) {
        Some(entry) => entry.set(value, now),
        None => {
            entries.insert(key, Dated::at(value, now));
        }
    }
}

fn merge_in<K: Ord, T: Ord>(entries: &mut BTreeMap<K, Dated<T>>, others: BTreeMap<K, Dated<T>>) {
    for (key, other) in others {
        match entries.get_mut(&key) {
            Some(entry) => entry.merge(other),
            None => {
                entries.insert(key, other);
            }
        }
    }
}

fn drop_oldest<K: Ord + Clone, T: Ord>(entries: &mut BTreeMap<K, Dated<T>>, most: usize) {
    while entries.len() > most {
        let oldest =
            entries.iter().min_by_key(|(key, entry)| (entry.changed_at, *key)).map(|(key, _)| key.clone());
        oldest.and_then(|key| entries.remove(&key));
    }
}

mod content;
use content::{Content, VersionOnly};

#[cfg(test)]
mod tests;
