//! Key packages (RFC 9420 §10): one-use invitation keys of devices, claimed atomically (D-12).

use minicbor::{Decode, Encode};

use crate::{
    AccountId, ClaimId, DeviceId,
    limits::{DEVICE_LIST_BYTES_MAX, DEVICES_MAX, KEY_PACKAGE_BYTES_MAX, KEY_PACKAGES_BATCH_MAX},
    values::{Bytes, List},
};

/// One encoded MLS key package.
pub type KeyPackageBytes = Bytes<KEY_PACKAGE_BYTES_MAX>;
/// Key packages of one request.
pub type KeyPackageList = List<KeyPackageBytes, KEY_PACKAGES_BATCH_MAX>;

/// `POST /v1/key-packages` (CBOR): adds to the calling device's stock.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PublishKeyPackages {
    /// One-use key packages.
    #[n(0)]
    pub key_packages: KeyPackageList,
    /// Replaces the last-resort one.
    #[n(1)]
    pub last_resort: Option<KeyPackageBytes>,
}

/// The answer to [`PublishKeyPackages`] and to `GET /v1/key-packages/count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyPackageCount {
    /// One-use key packages left, expired ones not counted.
    #[n(0)]
    pub available: u64,
}

/// `POST /v1/key-packages/claim` (CBOR): takes one per live device of `account_id`, atomically; the calling device
/// itself is left out, so that claiming one's own account gives one's other devices.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClaimKeyPackages {
    /// The same id gives the same packages for an hour.
    #[n(0)]
    pub claim_id: ClaimId,
    /// Whose devices.
    #[n(1)]
    pub account_id: AccountId,
}

/// The answer to [`ClaimKeyPackages`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClaimedKeyPackages {
    /// The account's current signed device list.
    #[n(0)]
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// One per live device that has any.
    #[n(1)]
    pub key_packages: List<ClaimedKeyPackage, DEVICES_MAX>,
}

/// A claimed key package.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClaimedKeyPackage {
    /// Whose it is.
    #[n(0)]
    pub device_id: DeviceId,
    /// The package.
    #[n(1)]
    pub key_package: KeyPackageBytes,
    /// It was the device's last-resort one.
    #[n(2)]
    pub last_resort: bool,
}
