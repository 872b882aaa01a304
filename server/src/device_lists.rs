//! Checks what a new device brings: certificate and signed device list (K-2). The relay can't sign either; by checking
//! it keeps broken accounts out, while clients check everything again for themselves.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use protocol::{
    AccountId, DeviceId, ErrorCode,
    certificate::Certificate,
    device_list::{DeviceList, DeviceListEntry, FIRST_VERSION},
    devices::NewDevice,
    layout::LayoutError,
    limits::SUITE,
    public_keys::{DeviceAuthKey, IdentityKey},
    revocation::{REVOCATION_BYTES, Revocation},
    values::Bytes,
};

use crate::secrets::{equal, sha256};

/// Why a device or its list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not the layout, or it says what may not be said; names the field.
    #[error("{0}")]
    Malformed(&'static str),
    /// The identity key did not sign it.
    #[error("{0} has no valid signature of the identity key")]
    SignatureInvalid(&'static str),
    /// The list follows another version than the current one.
    #[error("the current version is {current}")]
    VersionConflict { current: u64 },
    /// More devices than an account may have.
    #[error("the account has as many devices as it may have")]
    DeviceLimit,
}

impl Refusal {
    /// The code of the answer.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Malformed(_) => ErrorCode::Malformed,
            Self::SignatureInvalid(_) => ErrorCode::SignatureInvalid,
            Self::VersionConflict { .. } => ErrorCode::VersionConflict,
            Self::DeviceLimit => ErrorCode::DeviceLimit,
        }
    }
}

/// A device list that verified, and what the relay must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedList {
    pub identity_key: IdentityKey,
    pub version: u64,
    pub root_generation: u32,
    /// The keys with which the new device logs in.
    pub device_auth_key: DeviceAuthKey,
    /// Devices that this list says are revoked.
    pub revoked: Vec<DeviceId>,
    /// Those among them that no list before said it of.
    pub marked: Vec<DeviceId>,
}

/// A list by which devices were removed, and what the relay must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRemoval {
    pub identity_key: IdentityKey,
    pub version: u64,
    /// The generation of the root key, one above the last.
    pub root_generation: u32,
    /// Devices that this list is the first to mark as revoked.
    pub marked: Vec<DeviceId>,
}

/// A revocation that verified: the device, and its bytes.
pub type CheckedRevocation<'a> = (DeviceId, &'a [u8]);

/// Checks an account's first list: one device, the new one.
pub fn check_first(account: AccountId, device: &NewDevice, list: &[u8]) -> Result<CheckedList, Refusal> {
    let list = decode(list)?;
    if list.body.version != FIRST_VERSION {
        return Err(Refusal::Malformed("device_list.version"));
    }
    if list.body.entries.len() != 1 {
        return Err(Refusal::Malformed("device_list.entries"));
    }
    check_signed(account, device, &list)
}

/// Checks the list that follows `current`, of the same account and identity key.
pub fn check_next(
    account: AccountId,
    current: &[u8],
    device: &NewDevice,
    list: &[u8],
) -> Result<CheckedList, Refusal> {
    let list = decode(list)?;
    let hash = sha256(current);
    let current = decode(current)?;
    if list.body.version != current.body.version.saturating_add(1) {
        return Err(Refusal::VersionConflict { current: current.body.version });
    }
    if list.body.identity_key != current.body.identity_key {
        return Err(Refusal::SignatureInvalid("device_list"));
    }
    let checked = check_signed(account, device, &list)?;
    let kept = is_kept(&current, &list);
    if !equal(&list.body.previous_hash, &hash) {
        return Err(Refusal::Malformed("device_list.previous_hash"));
    }
    let added = list.body.entries.len() == current.body.entries.len() + 1;
    if !kept || !added || current.body.entry(device.device_id).is_some() {
        return Err(Refusal::Malformed("device_list.entries"));
    }
    if list.body.root_generation < current.body.root_generation {
        return Err(Refusal::Malformed("device_list.root_generation"));
    }
    Ok(CheckedList { marked: marked(&current, &list), ..checked })
}

/// Checks the list that follows `current` and removes devices (K-8): none comes in, `remover` stays, at least one is
/// marked, and the root key is the next generation's.
pub fn check_removal(
    account: AccountId,
    current: &[u8],
    remover: DeviceId,
    list: &[u8],
) -> Result<CheckedRemoval, Refusal> {
    let list = decode(list)?;
    let hash = sha256(current);
    let current = decode(current)?;
    if list.body.version != current.body.version.saturating_add(1) {
        return Err(Refusal::VersionConflict { current: current.body.version });
    }
    let identity_key = current.body.identity_key;
    let signed = list.body.signed_bytes().map_err(|_| Refusal::Malformed("device_list"))?;
    if list.body.identity_key != identity_key
        || !signature_holds(identity_key.as_bytes(), &signed, list.signature.as_bytes())
    {
        return Err(Refusal::SignatureInvalid("device_list"));
    }
    if list.body.account != account || !equal(&list.body.previous_hash, &hash) {
        return Err(Refusal::Malformed("device_list.previous_hash"));
    }
    let marked = marked(&current, &list);
    let same = is_kept(&current, &list) && list.body.entries.len() == current.body.entries.len();
    let stays = list.body.entry(remover).is_some_and(DeviceListEntry::is_live);
    if !same || !stays || marked.is_empty() {
        return Err(Refusal::Malformed("device_list.entries"));
    }
    if list.body.root_generation != current.body.root_generation.saturating_add(1) {
        return Err(Refusal::Malformed("device_list.root_generation"));
    }
    let root_generation = list.body.root_generation;
    Ok(CheckedRemoval { identity_key, version: list.body.version, root_generation, marked })
}

/// Checks signed revocations: one for each of `marked`, and no other.
pub fn check_revocations<'a>(
    account: AccountId,
    identity_key: &IdentityKey,
    marked: &[DeviceId],
    revocations: &'a [Bytes<REVOCATION_BYTES>],
) -> Result<Vec<CheckedRevocation<'a>>, Refusal> {
    let mut checked: Vec<CheckedRevocation<'a>> = Vec::with_capacity(revocations.len());
    for bytes in revocations {
        let revocation = Revocation::decode(bytes).map_err(|_| Refusal::Malformed("revocations"))?;
        let body = &revocation.body;
        if !signature_holds(identity_key.as_bytes(), &body.signed_bytes(), revocation.signature.as_bytes()) {
            return Err(Refusal::SignatureInvalid("revocations"));
        }
        let twice = checked.iter().any(|(device, _)| *device == body.device);
        if body.account != account || twice || !marked.contains(&body.device) {
            return Err(Refusal::Malformed("revocations"));
        }
        checked.push((body.device, bytes));
    }
    if checked.len() == marked.len() { Ok(checked) } else { Err(Refusal::Malformed("revocations")) }
}

/// Checks one Ed25519 signature (RFC 8032).
pub fn signature_holds(key: &[u8; 32], signed: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(signed, signature).is_ok()
}

/// Everything that needs no earlier list.
fn check_signed(account: AccountId, device: &NewDevice, list: &DeviceList) -> Result<CheckedList, Refusal> {
    let certificate =
        Certificate::decode(&device.certificate).map_err(|_| Refusal::Malformed("device.certificate"))?;
    let body = &certificate.body;
    if list.body.account != account {
        return Err(Refusal::Malformed("device_list.account"));
    }
    if body.account != account || body.device != device.device_id || body.suite != SUITE {
        return Err(Refusal::Malformed("device.certificate"));
    }
    let identity = list.body.identity_key;
    let signed = list.body.signed_bytes().map_err(|_| Refusal::Malformed("device_list"))?;
    if !signature_holds(identity.as_bytes(), &signed, list.signature.as_bytes()) {
        return Err(Refusal::SignatureInvalid("device_list"));
    }
    let signed = body.signed_bytes();
    if body.identity_key != identity
        || !signature_holds(identity.as_bytes(), &signed, certificate.signature.as_bytes())
    {
        return Err(Refusal::SignatureInvalid("device.certificate"));
    }
    let entry = list.body.entry(device.device_id).ok_or(Refusal::Malformed("device_list.entries"))?;
    let same_keys = entry.leaf_key == body.leaf_key && entry.device_auth_key == body.device_auth_key;
    if !entry.is_live() || !same_keys || entry.created_at != body.created_at {
        return Err(Refusal::Malformed("device_list.entries"));
    }
    Ok(CheckedList {
        identity_key: identity,
        version: list.body.version,
        root_generation: list.body.root_generation,
        device_auth_key: entry.device_auth_key,
        revoked: list
            .body
            .entries
            .iter()
            .filter(|entry| !entry.is_live())
            .map(|entry| entry.device)
            .collect(),
        marked: Vec::new(),
    })
}

/// Whether every device of the list before is still there, as it may be.
fn is_kept(current: &DeviceList, list: &DeviceList) -> bool {
    let followed = |old: &DeviceListEntry| list.body.entry(old.device).is_some_and(|new| follows(old, new));
    current.body.entries.iter().all(followed)
}

/// The devices that were live in the list before and are not in this one.
fn marked(current: &DeviceList, list: &DeviceList) -> Vec<DeviceId> {
    let gone = |device: &DeviceId| list.body.entry(*device).is_some_and(|entry| !entry.is_live());
    current.body.live().map(|entry| entry.device).filter(gone).collect()
}

/// A device keeps its keys, and never comes back once it is revoked.
fn follows(old: &DeviceListEntry, new: &DeviceListEntry) -> bool {
    let same = DeviceListEntry { revoked_at: old.revoked_at, ..*new } == *old;
    same && (old.is_live() || new.revoked_at == old.revoked_at)
}

fn decode(list: &[u8]) -> Result<DeviceList, Refusal> {
    DeviceList::decode(list).map_err(|error| match error {
        LayoutError::OutOfRange { field: "live entries" } => Refusal::DeviceLimit,
        _ => Refusal::Malformed("device_list"),
    })
}

#[cfg(test)]
mod tests;
