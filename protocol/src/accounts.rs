//! Accounts: registration with OPAQUE (RFC 9807) and the directory that finds an account by its exact handle.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, IdempotencyId, RecordId, RelayId,
    devices::{NewDevice, RevocationList},
    invites::{InviteCode, RegistrationMode},
    limits::{
        DEVICE_LIST_BYTES_MAX, OPAQUE_BYTES_MAX, RECORD_BYTES_MAX, TICKET_BYTES_MAX, WRAP_BYTES_MAX,
        WRAPS_MAX,
    },
    values::{Bytes, Exactly, Handle, List},
};

/// One OPAQUE message.
pub type OpaqueMessage = Bytes<OPAQUE_BYTES_MAX>;
/// A value that only the relay can read, carried by the client from one step to the next.
pub type Ticket = Bytes<TICKET_BYTES_MAX>;

/// `GET /v1/relay`: what everybody may know of this relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RelayInfo {
    /// Part of what devices sign at log-in.
    pub relay_id: RelayId,
    /// The relay's version, `0.1.0`.
    pub version: String,
    /// The version of this protocol.
    pub protocol_version: u32,
    /// Bytes of the largest blob that it takes.
    pub blob_bytes_max: u64,
    /// Entries are kept at most so long, seconds.
    pub message_ttl_seconds: u64,
    /// Who may register.
    pub registration: RegistrationMode,
}

/// `GET /v1/accounts/available/{handle}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HandleAvailability {
    /// Whether a registration with it would be taken now.
    pub available: bool,
}

/// `POST /v1/accounts/register/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterStart {
    /// The wanted handle.
    pub handle: Handle,
    /// OPAQUE RegistrationRequest.
    pub registration_request: OpaqueMessage,
    /// Where the relay asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<InviteCode>,
}

/// The answer to [`RegisterStart`] and [`crate::sessions::PasswordStart`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterStarted {
    /// Goes back with the finish.
    pub ticket: Ticket,
    /// OPAQUE RegistrationResponse.
    pub registration_response: OpaqueMessage,
}

/// One wrapped key of an account (`client-core`'s `wraps` knows the layout; the relay only keeps it).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cbor(map)]
pub struct Wrap {
    /// What it wraps under what.
    #[n(0)]
    pub kind: WrapKind,
    /// Root generation for [`WrapKind::Root`], else 0.
    #[n(1)]
    pub generation: u32,
    /// Header, commitment, nonce, ciphertext.
    #[n(2)]
    pub bytes: Bytes<WRAP_BYTES_MAX>,
}

/// What a wrap holds. An account has one of each, and one `Root` per generation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum WrapKind {
    /// The account seed under the password's key.
    #[n(1)]
    Password,
    /// The account seed under the recovery key's key.
    #[n(2)]
    Recovery,
    /// A root key under the root-wrap key.
    #[n(4)]
    Root,
}

/// `POST /v1/accounts/register/finish` (CBOR): the whole account in one transaction (O-7).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterFinish {
    /// The same id again answers as the first time.
    #[n(0)]
    pub idempotency_id: IdempotencyId,
    /// From [`RegisterStarted`]; holds the handle.
    #[n(1)]
    pub ticket: Ticket,
    /// Made by the client, since wraps and certificate are bound to it.
    #[n(2)]
    pub account_id: AccountId,
    /// OPAQUE RegistrationUpload.
    #[n(3)]
    pub registration_upload: OpaqueMessage,
    /// Password, recovery and root wraps.
    #[n(4)]
    pub wraps: List<Wrap, WRAPS_MAX>,
    /// SHA-256 of the recovery key's log-in half.
    #[n(5)]
    pub recovery_auth_hash: Exactly<32>,
    /// The vault's record id and its first ciphertext (version 1).
    #[n(6)]
    pub vault: NewVault,
    /// The first device.
    #[n(7)]
    pub device: NewDevice,
    /// Encoded device list, version 1.
    #[n(8)]
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
}

/// The first version of the vault.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NewVault {
    /// Its record id in the collection `vault`.
    #[n(0)]
    pub record_id: RecordId,
    /// Sealed under the vault key.
    #[n(1)]
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// `POST /v1/accounts/me/deletion`: deletes one's own account with everything in it, for good. Takes the fresh proof of
/// [`crate::factors::FreshProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteAccount {
    /// Of the account as it was opened within ten minutes.
    pub enrolment_ticket: Ticket,
    /// Its handle, typed by its owner.
    pub handle: Handle,
}

/// `GET /v1/accounts/by-handle/{handle}` and `GET /v1/accounts/{account_id}`: whom to talk to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DirectoryEntry {
    /// The account.
    pub account_id: AccountId,
    /// Its handle.
    pub handle: Handle,
    /// Its encoded, signed device list: the client checks it.
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// The signed revocations of its devices, the latest first: what a commit that removes one carries (K-8).
    #[serde(default)]
    pub revocations: RevocationList,
}
