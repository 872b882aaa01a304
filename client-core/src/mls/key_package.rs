//! Key packages (RFC 9420 §10): one-use invitation keys, with the real dates in an extension of ours (check 8).

use super::{
    checks::{all_of_time, check_1_leaf},
    error::{Error, Misuse, RelayFault, Violation},
    leaf::{DATES_EXTENSION, OwnLeaf, capabilities, suite},
    provider::{Provider, crypto},
    storage::{GroupStore, StoreError},
};
use openmls::prelude::{
    Extension, Extensions, KeyPackage, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, ProtocolVersion,
    UnknownExtension,
    tls_codec::{Deserialize as _, Serialize as _},
};
use protocol::{
    AccountId, DeviceId, UnixMillis,
    certificate::Certificate,
    layout::Reader,
    limits::{KEY_PACKAGE_BYTES_MAX, KEY_PACKAGE_SECONDS, KEY_PACKAGES_BATCH_MAX, LAST_RESORT_SECONDS},
    public_keys::{IdentityKey, LeafKey},
};

/// How far ahead of ours the clock of a key package's maker may be.
const CLOCK_SKEW_SECONDS: u64 = 86_400;

/// Whether a key package may be used once or again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPackageKind {
    /// Used once, valid for 30 days.
    OneUse,
    /// The only one that may be reused (RFC 9420 §16.8), valid for 120 days.
    LastResort,
}

impl KeyPackageKind {
    const fn life_seconds(self) -> u64 {
        match self {
            Self::OneUse => KEY_PACKAGE_SECONDS,
            Self::LastResort => LAST_RESORT_SECONDS,
        }
    }
}

/// A key package to publish.
#[derive(Debug, Clone)]
pub struct NewKeyPackage {
    /// The encoded MLS message.
    pub bytes: Vec<u8>,
    /// When the relay and peers stop using it.
    pub expires_at: UnixMillis,
}

/// Makes `count` key packages of this device. Their private keys are in the change set of `store` under
/// `key_package/`; save it before the packages leave.
///
/// # Errors
/// [`Misuse::TooLarge`] for more than [`KEY_PACKAGES_BATCH_MAX`] at once, [`Error::Store`] when the store fails.
pub fn make_key_packages(
    store: &mut GroupStore,
    own: &OwnLeaf,
    kind: KeyPackageKind,
    count: usize,
    now: UnixMillis,
) -> Result<Vec<NewKeyPackage>, Error> {
    if count > KEY_PACKAGES_BATCH_MAX {
        return Err(Misuse::TooLarge.into());
    }
    let provider = Provider::new(std::mem::take(store))?;
    provider.store.begin();
    let made: Result<Vec<_>, Error> = (0..count).map(|_| make_one(&provider, own, kind, now)).collect();
    match made {
        Ok(_) => provider.store.adopt_attempt(),
        Err(_) => provider.store.drop_attempt(),
    }
    *store = provider.store;
    made
}

fn make_one(
    provider: &Provider,
    own: &OwnLeaf,
    kind: KeyPackageKind,
    now: UnixMillis,
) -> Result<NewKeyPackage, Error> {
    let expires_at = now.plus_seconds(kind.life_seconds());
    let dates = [now.0.to_be_bytes(), expires_at.0.to_be_bytes()].concat();
    let dates = Extension::Unknown(DATES_EXTENSION, UnknownExtension(dates));
    let mut builder = KeyPackage::builder()
        .key_package_lifetime(all_of_time())
        .key_package_extensions(Extensions::single(dates).map_err(|_| Misuse::Refused)?)
        .leaf_node_capabilities(capabilities())
        .leaf_node_extensions(own.extensions()?);
    if kind == KeyPackageKind::LastResort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder
        .build(suite(), provider, own, own.credential())
        .map_err(|_| Error::Store(StoreError::Encode))?;
    let message = MlsMessageOut::from(bundle.into_key_package());
    let bytes = message.tls_serialize_detached().map_err(|_| Error::Store(StoreError::Encode))?;
    Ok(NewKeyPackage { bytes, expires_at })
}

/// The device for which a key package was claimed, from its account's signed list.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedDevice {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The account's identity key.
    pub identity_key: IdentityKey,
    /// The listed MLS signature key of the device.
    pub leaf_key: LeafKey,
}

/// A key package that may be added to a group.
#[derive(Debug, Clone)]
pub struct CheckedKeyPackage {
    pub(crate) key_package: KeyPackage,
    pub(crate) certificate: Certificate,
    /// One-use or last resort.
    pub kind: KeyPackageKind,
}

impl CheckedKeyPackage {
    /// The device that it invites.
    pub const fn device(&self) -> DeviceId {
        self.certificate.body.device
    }

    /// The account that it invites.
    pub const fn account(&self) -> AccountId {
        self.certificate.body.account
    }
}

/// Checks a claimed key package: signatures, checks 1 and 8, and that it is that of the expected device.
///
/// # Errors
/// [`RelayFault`] when it is malformed, out of date or another device's; [`Violation`] when its device made it wrong.
pub fn check_key_package(
    bytes: &[u8],
    expected: &ExpectedDevice,
    now: UnixMillis,
) -> Result<CheckedKeyPackage, Error> {
    if bytes.len() > KEY_PACKAGE_BYTES_MAX {
        return Err(RelayFault::Malformed.into());
    }
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| RelayFault::Malformed)?;
    let MlsMessageBodyIn::KeyPackage(key_package) = message.extract() else {
        return Err(RelayFault::Malformed.into());
    };
    let key_package = key_package
        .validate(&crypto()?, ProtocolVersion::Mls10)
        .map_err(|error| Violation::Mls(error.to_string()))?;
    if key_package.ciphersuite() != suite() {
        return Err(Violation::Suite.into());
    }
    let certificate = check_1_leaf(key_package.leaf_node(), &[])?;
    let body = &certificate.body;
    let same = (body.account, body.device, body.identity_key, body.leaf_key)
        == (expected.account, expected.device, expected.identity_key, expected.leaf_key);
    if !same {
        return Err(RelayFault::WrongDevice.into());
    }
    let kind = check_8_dates(&key_package, now)?;
    Ok(CheckedKeyPackage { key_package, certificate, kind })
}

/// Check 8: whoever claims a key package holds its real dates against the clock.
fn check_8_dates(key_package: &KeyPackage, now: UnixMillis) -> Result<KeyPackageKind, Error> {
    let kind = if key_package.last_resort() { KeyPackageKind::LastResort } else { KeyPackageKind::OneUse };
    let dates = key_package.extensions().unknown(DATES_EXTENSION).ok_or(Violation::Dates)?;
    let mut reader = Reader::new(&dates.0);
    let (Ok(created_at), Ok(expires_at), Ok(())) = (reader.u64(), reader.u64(), reader.finish()) else {
        return Err(Violation::Dates.into());
    };
    if expires_at != UnixMillis(created_at).plus_seconds(kind.life_seconds()).0 {
        return Err(Violation::Dates.into());
    }
    if expires_at <= now.0 || created_at > now.plus_seconds(CLOCK_SKEW_SECONDS).0 {
        return Err(RelayFault::Expired.into());
    }
    Ok(kind)
}
