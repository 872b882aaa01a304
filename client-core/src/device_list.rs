//! Signed device lists (K-2): how an account's first list and its successors are made, verified, and compared with
//! the one known before, so that the relay can neither add a ghost device nor go back.

use protocol::{
    AccountId, DeviceId, IdentityKey, UnixMillis,
    device_list::{DeviceList, DeviceListBody, DeviceListEntry, FIRST_VERSION, NO_PREVIOUS},
    layout::LayoutError,
    limits::{DEVICE_LIST_ENTRIES_MAX, DEVICES_MAX},
};
use sha2::{Digest as _, Sha256};

use crate::{
    certificate::VerifiedCertificate,
    identity::{IdentitySecret, verifies},
    root_key::RootKey,
};

/// A device list that the identity key which it names has signed. Whose identity key that is, is for the caller to
/// compare with what it has pinned; [`DeviceListChain`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedDeviceList {
    body: DeviceListBody,
    encoded: Vec<u8>,
    hash: [u8; 32],
}

/// Why a device list was refused or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceListError {
    /// Not the bytes of a device list, or outside its limits.
    #[error("these bytes are not a device list: {0}")]
    Malformed(#[from] LayoutError),
    /// The identity key did not sign it.
    #[error("the device list's signature does not verify")]
    BadSignature,
    /// The draft is another identity's.
    #[error("the list names another identity key")]
    WrongIdentity,
    /// The certificate to be listed is another account's or another identity's.
    #[error("the certificate belongs to another account")]
    WrongCertificate,
    /// The device is listed already; a revoked id never comes back.
    #[error("the device is listed already")]
    DeviceListed,
    /// The device is not listed, or revoked already.
    #[error("no such live device is listed")]
    NoSuchDevice,
    /// The account has as many live devices as it may.
    #[error("the account has {DEVICES_MAX} devices already")]
    TooManyDevices,
}

impl VerifiedDeviceList {
    /// Reads and verifies an encoded list.
    ///
    /// # Errors
    /// [`DeviceListError::Malformed`], [`DeviceListError::BadSignature`].
    pub fn verify(bytes: &[u8]) -> Result<Self, DeviceListError> {
        let list = DeviceList::decode(bytes)?;
        let signed = list.body.signed_bytes()?;
        if !verifies(list.body.identity_key.as_bytes(), &signed, &list.signature) {
            return Err(DeviceListError::BadSignature);
        }
        Ok(Self { body: list.body, encoded: bytes.to_vec(), hash: Sha256::digest(bytes).into() })
    }

    /// What it says.
    pub const fn body(&self) -> &DeviceListBody {
        &self.body
    }

    /// Its bytes.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// SHA-256 of its bytes: what its successor links to.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The devices that it marks as revoked.
    pub fn revoked(&self) -> impl Iterator<Item = DeviceId> {
        self.body.entries.iter().filter(|entry| !entry.is_live()).map(|entry| entry.device)
    }

    /// Whether it lists this certificate's device, live and with the same keys (check 5 of `crypto.md`).
    pub fn lists(&self, certificate: &VerifiedCertificate) -> bool {
        let certified = certificate.body();
        certified.account == self.body.account
            && certified.identity_key == self.body.identity_key
            && self.body.entry(certified.device).is_some_and(|entry| {
                entry.is_live()
                    && entry.leaf_key == certified.leaf_key
                    && entry.device_auth_key == certified.device_auth_key
            })
    }

    /// Whether `root_key` is the one that the list commits to.
    pub fn commits_to(&self, root_key: &RootKey) -> bool {
        root_key.generation() == self.body.root_generation
            && root_key.commitment(self.body.account) == self.body.root_commitment
    }
}

/// A device list that is being written.
#[derive(Debug, Clone)]
pub struct DeviceListDraft(DeviceListBody);

impl DeviceListDraft {
    /// The account's first list, with no device yet.
    pub fn first(account: AccountId, identity_key: IdentityKey, root_key: &RootKey) -> Self {
        Self(DeviceListBody {
            account,
            identity_key,
            version: FIRST_VERSION,
            previous_hash: NO_PREVIOUS,
            root_generation: root_key.generation(),
            root_commitment: root_key.commitment(account),
            vault_head: 0,
            records_head: 0,
            sealing_key: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// The list after `known`: one version up, linked, otherwise the same.
    pub fn after(known: &VerifiedDeviceList) -> Self {
        Self(DeviceListBody {
            version: known.body.version.saturating_add(1),
            previous_hash: known.hash,
            ..known.body.clone()
        })
    }

    /// Lists a certified device. When the list is full, the device that was revoked longest ago makes room.
    ///
    /// # Errors
    /// [`DeviceListError::WrongCertificate`], [`DeviceListError::DeviceListed`],
    /// [`DeviceListError::TooManyDevices`].
    pub fn add(&mut self, certificate: &VerifiedCertificate) -> Result<(), DeviceListError> {
        let certified = certificate.body();
        let body = &mut self.0;
        if certified.account != body.account || certified.identity_key != body.identity_key {
            return Err(DeviceListError::WrongCertificate);
        }
        if body.entry(certified.device).is_some() {
            return Err(DeviceListError::DeviceListed);
        }
        if body.live().count() >= DEVICES_MAX {
            return Err(DeviceListError::TooManyDevices);
        }
        if body.entries.len() >= DEVICE_LIST_ENTRIES_MAX {
            let oldest = body.entries.iter().filter_map(|entry| entry.revoked_at).min();
            body.entries.retain(|entry| entry.revoked_at.is_none() || entry.revoked_at != oldest);
        }
        body.entries.push(DeviceListEntry {
            device: certified.device,
            leaf_key: certified.leaf_key,
            device_auth_key: certified.device_auth_key,
            created_at: certified.created_at,
            revoked_at: None,
        });
        body.entries.sort_by_key(|entry| entry.device);
        Ok(())
    }

    /// Marks a device as revoked. Sign a revocation too, and renew the root key (K-8).
    ///
    /// # Errors
    /// [`DeviceListError::NoSuchDevice`].
    pub fn revoke(&mut self, device: DeviceId, now: UnixMillis) -> Result<(), DeviceListError> {
        let entry = self
            .0
            .entries
            .iter_mut()
            .find(|entry| entry.device == device && entry.is_live())
            .ok_or(DeviceListError::NoSuchDevice)?;
        entry.revoked_at = Some(UnixMillis(now.0.max(1)));
        Ok(())
    }

    /// Commits to a new root key; the generation before ends at version `vault_head` of the vault, and at change
    /// `records_head` of the account's records.
    pub fn renew_root(&mut self, root_key: &RootKey, vault_head: u64, records_head: u64) {
        self.0.root_generation = root_key.generation();
        self.0.root_commitment = root_key.commitment(self.0.account);
        self.0.vault_head = vault_head;
        self.0.records_head = records_head;
    }

    /// Signs the list.
    ///
    /// # Errors
    /// [`DeviceListError::WrongIdentity`] when the draft names another identity key.
    pub fn sign(self, identity: &IdentitySecret) -> Result<VerifiedDeviceList, DeviceListError> {
        if self.0.identity_key != identity.public() {
            return Err(DeviceListError::WrongIdentity);
        }
        let signature = identity.sign(&self.0.signed_bytes()?);
        let list = DeviceList { body: self.0, signature };
        let encoded = list.encode()?;
        Ok(VerifiedDeviceList { hash: Sha256::digest(&encoded).into(), body: list.body, encoded })
    }
}

/// The newest list of an account that was accepted, and the rule for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceListChain {
    head: VerifiedDeviceList,
}

/// Whether an account's identity key may differ from the known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityRule {
    /// It must be the known one.
    Pinned,
    /// The person decided to accept a changed one (K-1).
    ChangeAccepted,
}

/// How an accepted list follows the known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// It is the known one.
    Same,
    /// The next version, linked by its hash.
    Next,
    /// A later version; the lists between were not shown, so the link is not proven.
    Gap {
        /// How many are missing.
        missing: u64,
    },
}

/// Why a list does not follow the known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It is another account's.
    #[error("the device list is another account's")]
    OtherAccount,
    /// The identity key is not the pinned one.
    #[error("the account's identity key has changed")]
    IdentityChanged,
    /// It is older than the known one.
    #[error("the device list was rolled back from version {known} to {offered}")]
    Rollback {
        /// The version known.
        known: u64,
        /// The version offered.
        offered: u64,
    },
    /// There are two lists of one version, or the next one links to another list than the known one.
    #[error("the account has two different device lists")]
    Fork,
    /// The root key went back to an older generation, or was exchanged within one.
    #[error("the root key's generation went back")]
    RootRollback,
    /// A revoked device is live again.
    #[error("a revoked device is listed again")]
    DeviceRevived(DeviceId),
    /// A device has other keys than before.
    #[error("a listed device has other keys")]
    DeviceChanged(DeviceId),
    /// A live device is missing without having been revoked.
    #[error("a live device is missing")]
    DeviceVanished(DeviceId),
}

impl DeviceListChain {
    /// Trusts `first`, as the first list of this account that is seen here.
    pub const fn start(first: VerifiedDeviceList) -> Self {
        Self { head: first }
    }

    /// The newest accepted list.
    pub const fn head(&self) -> &VerifiedDeviceList {
        &self.head
    }

    /// Accepts `next` as the newest list, or refuses it and stays as it is.
    ///
    /// # Errors
    /// [`ChainError`], by cause: each is the relay's or the account's fault and is told to the person.
    pub fn accept(&mut self, next: VerifiedDeviceList, rule: IdentityRule) -> Result<Succession, ChainError> {
        let succession = self.check(&next, rule)?;
        self.head = next;
        Ok(succession)
    }

    /// Says how `next` would follow, without accepting it.
    ///
    /// # Errors
    /// See [`Self::accept`].
    pub fn check(&self, next: &VerifiedDeviceList, rule: IdentityRule) -> Result<Succession, ChainError> {
        let (known, offered) = (&self.head.body, &next.body);
        if known.account != offered.account {
            return Err(ChainError::OtherAccount);
        }
        if known.identity_key != offered.identity_key && rule == IdentityRule::Pinned {
            return Err(ChainError::IdentityChanged);
        }
        let succession = self.check_version(next)?;
        if known.identity_key == offered.identity_key {
            check_root(known, offered)?;
            check_entries(known, offered, succession)?;
        }
        Ok(succession)
    }

    fn check_version(&self, next: &VerifiedDeviceList) -> Result<Succession, ChainError> {
        let (known, offered) = (self.head.body.version, next.body.version);
        match offered.checked_sub(known) {
            None => Err(ChainError::Rollback { known, offered }),
            Some(0) if next.hash == self.head.hash => Ok(Succession::Same),
            Some(0) => Err(ChainError::Fork),
            Some(1) if next.body.previous_hash == self.head.hash => Ok(Succession::Next),
            Some(1) => Err(ChainError::Fork),
            Some(ahead) => Ok(Succession::Gap { missing: ahead - 1 }),
        }
    }
}

fn check_root(known: &DeviceListBody, offered: &DeviceListBody) -> Result<(), ChainError> {
    let same_generation = known.root_generation == offered.root_generation;
    let exchanged = same_generation && known.root_commitment != offered.root_commitment;
    if offered.root_generation < known.root_generation || exchanged {
        Err(ChainError::RootRollback)
    } else {
        Ok(())
    }
}

/// Devices keep their keys, revoked ones stay revoked, and a live one goes only by being revoked (in a gap it may
/// have been revoked and have made room since).
fn check_entries(
    known: &DeviceListBody,
    offered: &DeviceListBody,
    succession: Succession,
) -> Result<(), ChainError> {
    for before in &known.entries {
        let Some(after) = offered.entry(before.device) else {
            if before.is_live() && succession == Succession::Next {
                return Err(ChainError::DeviceVanished(before.device));
            }
            continue;
        };
        let same_keys = before.leaf_key == after.leaf_key && before.device_auth_key == after.device_auth_key;
        if !same_keys || before.created_at != after.created_at {
            return Err(ChainError::DeviceChanged(before.device));
        }
        if !before.is_live() && after.is_live() {
            return Err(ChainError::DeviceRevived(before.device));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
