//! Devices: enrolment of a new one into an opened account (K-7), and what the relay knows of one's own.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, IdempotencyId,
    accounts::{OpaqueMessage, Ticket, Wrap},
    key_packages::{KeyPackageBytes, KeyPackageList},
    limits::{CERTIFICATE_BYTES_MAX, DEVICE_LIST_BYTES_MAX, DEVICE_LIST_ENTRIES_MAX, WRAPS_MAX},
    revocation::REVOCATION_BYTES,
    values::{Bytes, List, UnixMillis},
};

/// A device as it comes into being: certified and with its stock of key packages.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewDevice {
    /// Made by the client.
    #[n(0)]
    pub device_id: DeviceId,
    /// Encoded [`crate::certificate::Certificate`].
    #[n(1)]
    pub certificate: Bytes<CERTIFICATE_BYTES_MAX>,
    /// One-use key packages.
    #[n(2)]
    pub key_packages: KeyPackageList,
    /// The one that may be reused (RFC 9420 §16.8).
    #[n(3)]
    pub last_resort: KeyPackageBytes,
}

/// `POST /v1/devices` (CBOR): enrols a device in one compare-and-set over the device list (K-7).
/// [`crate::ErrorCode::VersionConflict`]: fetch the opened account again, check, sign again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolDevice {
    /// The same id again answers as the first time.
    #[n(0)]
    pub idempotency_id: IdempotencyId,
    /// Of the opened account.
    #[n(1)]
    pub enrolment_ticket: Ticket,
    /// The new device.
    #[n(2)]
    pub device: NewDevice,
    /// Encoded device list, version n + 1.
    #[n(3)]
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// After log-in with the recovery key: the new password, in the same transaction (O-7).
    #[n(4)]
    pub new_password: Option<NewPassword>,
    /// Signed revocations of the devices that this list is the first to mark.
    #[cbor(n(5), default)]
    pub revocations: RevocationList,
}

/// Encoded [`crate::revocation::Revocation`]s.
pub type RevocationList = List<Bytes<REVOCATION_BYTES>, DEVICE_LIST_ENTRIES_MAX>;

/// `POST /v1/devices/revocations` (JSON): the first step of a removal (K-8). The devices' sessions, keys and key
/// packages end at once, whatever becomes of the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokeDevices {
    /// Of the opened account, which is the caller's; not spent.
    pub enrolment_ticket: Ticket,
    /// Which; one that is revoked already changes nothing.
    pub devices: List<DeviceId, DEVICE_LIST_ENTRIES_MAX>,
}

/// `POST /v1/devices/removals` (CBOR): the second step of a removal, one compare-and-set over the device list (K-8).
/// The same request again answers as the first time, for as long as its list is the current one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RemoveDevices {
    /// Of the opened account, which is the caller's; spent by the removal that succeeds.
    #[n(0)]
    pub enrolment_ticket: Ticket,
    /// Encoded device list, version n + 1: devices are marked as revoked, none comes in, the root generation is the
    /// next one.
    #[n(1)]
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// The new root key under the root-wrap key.
    #[n(2)]
    pub root_wrap: Wrap,
    /// One for each device that this list is the first to mark.
    #[n(3)]
    pub revocations: RevocationList,
}

/// The answer to [`RemoveDevices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DevicesRemoved {
    /// The version of the device list.
    #[n(0)]
    pub version: u64,
}

/// A new OPAQUE record and the wraps that go with it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewPassword {
    /// From [`crate::accounts::RegisterStarted`].
    #[n(0)]
    pub ticket: Ticket,
    /// OPAQUE RegistrationUpload.
    #[n(1)]
    pub registration_upload: OpaqueMessage,
    /// Replace the wraps of the same kind and generation.
    #[n(2)]
    pub wraps: List<Wrap, WRAPS_MAX>,
}

/// `GET /v1/devices`: one's own devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnDevices {
    /// The current signed list.
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// What the relay knows beside it.
    pub devices: List<DeviceStatus, DEVICE_LIST_ENTRIES_MAX>,
}

/// The relay's view of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceStatus {
    /// Which device.
    pub device_id: DeviceId,
    /// When it was enrolled.
    pub created_at: UnixMillis,
    /// To the hour.
    pub last_seen_at: UnixMillis,
    /// Signed out or removed; absent while live.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revoked_at: Option<UnixMillis>,
}
