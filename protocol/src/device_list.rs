//! The signed list of an account's devices (K-2): what makes a device real to everybody.
//! Layout and its limits only; signing, verifying and the chain of versions are `client-core`'s.

use crate::{
    AccountId, DeviceId, UnixMillis,
    layout::{LayoutError, Reader},
    limits::{DEVICE_LIST_ENTRIES_MAX, DEVICES_MAX, SEALING_KEY_BYTES_MAX},
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    signed::labelled,
};

/// Stands before the signed bytes of a device list.
pub const DEVICE_LIST_LABEL: &str = "sotto/v1/device-list";
/// The version of an account's first list; it links to nothing.
pub const FIRST_VERSION: u64 = 1;
/// The previous hash that stands in the first list.
pub const NO_PREVIOUS: [u8; 32] = [0; 32];
/// The generation of an account's first root key.
pub const FIRST_ROOT_GENERATION: u32 = 1;

/// One device of the list, live or revoked.
///
/// | device | leaf key | device-auth key | created | revoked (0 = live) |
/// |---:|---:|---:|---:|---:|
/// | 16 | 32 | 32 | 8 | 8 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceListEntry {
    /// The device.
    pub device: DeviceId,
    /// Its MLS signature key.
    pub leaf_key: LeafKey,
    /// The key with which it logs in.
    pub device_auth_key: DeviceAuthKey,
    /// When it was certified.
    pub created_at: UnixMillis,
    /// When it was revoked; `None` while it is live. Never 0, which stands for `None` in the bytes.
    pub revoked_at: Option<UnixMillis>,
}

impl DeviceListEntry {
    /// Whether the device may act for its account.
    pub const fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }

    fn encode_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.device.as_bytes());
        bytes.extend_from_slice(self.leaf_key.as_bytes());
        bytes.extend_from_slice(self.device_auth_key.as_bytes());
        bytes.extend_from_slice(&self.created_at.0.to_be_bytes());
        let revoked_at = self.revoked_at.map_or(0, |at| at.0);
        bytes.extend_from_slice(&revoked_at.to_be_bytes());
    }

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, LayoutError> {
        Ok(Self {
            device: DeviceId::from_bytes(reader.array()?),
            leaf_key: LeafKey::from_bytes(reader.array()?),
            device_auth_key: DeviceAuthKey::from_bytes(reader.array()?),
            created_at: UnixMillis(reader.u64()?),
            revoked_at: match reader.u64()? {
                0 => None,
                at => Some(UnixMillis(at)),
            },
        })
    }
}

/// What a device list says.
///
/// | field | bytes |
/// |---|---:|
/// | account | 16 |
/// | identity key | 32 |
/// | version | 8 |
/// | SHA-256 of the whole previous encoded list (zeros in version 1) | 32 |
/// | root generation | 4 |
/// | root commitment | 32 |
/// | version of the vault at which the generation before ended (0 in the first generation) | 8 |
/// | change of the account's records at which it ended (0 in the first generation) | 8 |
/// | length of the sealing key, sealing key | 2 + n |
/// | count of entries, entries sorted by device id | 2 + 96 · count |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceListBody {
    /// The account.
    pub account: AccountId,
    /// The key that signs.
    pub identity_key: IdentityKey,
    /// Counts the account's lists, from [`FIRST_VERSION`].
    pub version: u64,
    /// SHA-256 of the encoded list of `version - 1`, or [`NO_PREVIOUS`].
    pub previous_hash: [u8; 32],
    /// The generation of the root key that is in use (K-8), from [`FIRST_ROOT_GENERATION`].
    pub root_generation: u32,
    /// Commits to that root key.
    pub root_commitment: [u8; 32],
    /// The head at which the generation before ended (K-8): a later version of the vault that is sealed under an
    /// older generation is refused.
    pub vault_head: u64,
    /// The same for all records, by their feed: a later change that is sealed under an older generation is refused.
    pub records_head: u64,
    /// The account's public sealing key; empty while the account has none.
    pub sealing_key: Vec<u8>,
    /// Every device that the account ever had, sorted by id.
    pub entries: Vec<DeviceListEntry>,
}

impl DeviceListBody {
    /// The entry of `device`, live or revoked.
    pub fn entry(&self, device: DeviceId) -> Option<&DeviceListEntry> {
        self.entries.iter().find(|entry| entry.device == device)
    }

    /// The entries of devices that may act.
    pub fn live(&self) -> impl Iterator<Item = &DeviceListEntry> {
        self.entries.iter().filter(|entry| entry.is_live())
    }

    /// The bytes that the identity key signs: label length 1, label, body.
    ///
    /// # Errors
    /// See [`Self::check`].
    pub fn signed_bytes(&self) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = labelled(DEVICE_LIST_LABEL);
        self.encode_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Checks what holds for every list: versions and generations start at 1, only the first list links to
    /// nothing, ids ascend, limits are kept.
    ///
    /// # Errors
    /// [`LayoutError::OutOfRange`] names the field.
    pub fn check(&self) -> Result<(), LayoutError> {
        let first = self.version == FIRST_VERSION;
        let ascending =
            self.entries.iter().zip(self.entries.iter().skip(1)).all(|(one, next)| one.device < next.device);
        let revoked_at_zero = self.entries.iter().any(|entry| entry.revoked_at == Some(UnixMillis(0)));
        let rules = [
            (self.version >= FIRST_VERSION, "version"),
            (first == (self.previous_hash == NO_PREVIOUS), "previous_hash"),
            (self.root_generation >= FIRST_ROOT_GENERATION, "root_generation"),
            (self.sealing_key.len() <= SEALING_KEY_BYTES_MAX, "sealing_key"),
            (ascending && self.entries.len() <= DEVICE_LIST_ENTRIES_MAX, "entries"),
            (!revoked_at_zero, "revoked_at"),
            (self.live().count() <= DEVICES_MAX, "live entries"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, field)) => Err(LayoutError::OutOfRange { field }),
            None => Ok(()),
        }
    }

    fn encode_to(&self, bytes: &mut Vec<u8>) -> Result<(), LayoutError> {
        self.check()?;
        bytes.extend_from_slice(self.account.as_bytes());
        bytes.extend_from_slice(self.identity_key.as_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.previous_hash);
        bytes.extend_from_slice(&self.root_generation.to_be_bytes());
        bytes.extend_from_slice(&self.root_commitment);
        bytes.extend_from_slice(&self.vault_head.to_be_bytes());
        bytes.extend_from_slice(&self.records_head.to_be_bytes());
        bytes.extend_from_slice(&length_u16(self.sealing_key.len(), "sealing_key")?);
        bytes.extend_from_slice(&self.sealing_key);
        bytes.extend_from_slice(&length_u16(self.entries.len(), "entries")?);
        for entry in &self.entries {
            entry.encode_to(bytes);
        }
        Ok(())
    }

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, LayoutError> {
        let mut body = Self {
            account: AccountId::from_bytes(reader.array()?),
            identity_key: IdentityKey::from_bytes(reader.array()?),
            version: reader.u64()?,
            previous_hash: reader.array()?,
            root_generation: reader.u32()?,
            root_commitment: reader.array()?,
            vault_head: reader.u64()?,
            records_head: reader.u64()?,
            sealing_key: Vec::new(),
            entries: Vec::new(),
        };
        let length = usize::from(reader.u16()?);
        if length > SEALING_KEY_BYTES_MAX {
            return Err(LayoutError::OutOfRange { field: "sealing_key" });
        }
        body.sealing_key = reader.slice(length)?.to_vec();
        let count = usize::from(reader.u16()?);
        if count > DEVICE_LIST_ENTRIES_MAX {
            return Err(LayoutError::OutOfRange { field: "entries" });
        }
        for _ in 0..count {
            body.entries.push(DeviceListEntry::decode_from(reader)?);
        }
        body.check()?;
        Ok(body)
    }
}

fn length_u16(length: usize, field: &'static str) -> Result<[u8; 2], LayoutError> {
    u16::try_from(length).map(u16::to_be_bytes).map_err(|_| LayoutError::OutOfRange { field })
}

/// A device list whose signature nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList {
    /// What it says.
    pub body: DeviceListBody,
    /// The identity key's signature over [`DeviceListBody::signed_bytes`].
    pub signature: Signature,
}

impl DeviceList {
    /// Body, signature 64.
    ///
    /// # Errors
    /// See [`DeviceListBody::check`].
    pub fn encode(&self) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = Vec::new();
        self.body.encode_to(&mut bytes)?;
        bytes.extend_from_slice(self.signature.as_bytes());
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] wrote. The signature is not checked.
    ///
    /// # Errors
    /// When the bytes end too early or too late, or [`DeviceListBody::check`] refuses what they say.
    pub fn decode(bytes: &[u8]) -> Result<Self, LayoutError> {
        let mut reader = Reader::new(bytes);
        let body = DeviceListBody::decode_from(&mut reader)?;
        let signature = Signature::from_bytes(reader.array()?);
        reader.finish()?;
        Ok(Self { body, signature })
    }
}

#[cfg(test)]
mod tests;
