//! Sessions: log-in with OPAQUE or the recovery key, by a device's signature, and the tokens of a device.
//! A session always belongs to a device: log-in opens the account, enrolment ([`crate::devices`]) makes the device.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, DeviceId, RecordId, SessionId,
    accounts::{OpaqueMessage, Ticket, Wrap},
    limits::{DEVICE_LIST_BYTES_MAX, DEVICE_LIST_ENTRIES_MAX, RECORD_BYTES_MAX, WRAPS_MAX},
    values::{Bytes, Exactly, Handle, List, UnixMillis},
};

/// `POST /v1/sessions/login/start`: counts as a guess (O-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginStart {
    /// Whose account.
    pub handle: Handle,
    /// OPAQUE KE1.
    pub credential_request: OpaqueMessage,
}

/// The answer to [`LoginStart`], of the same shape for unknown handles (O-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginStarted {
    /// Goes back with the finish; single use, five minutes (O-2).
    pub ticket: Ticket,
    /// OPAQUE KE2.
    pub credential_response: OpaqueMessage,
}

/// `POST /v1/sessions/login/finish`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginFinish {
    /// From [`LoginStarted`].
    pub ticket: Ticket,
    /// OPAQUE KE3.
    pub credential_finalization: OpaqueMessage,
}

/// `POST /v1/sessions/recovery`: log-in with the recovery key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryLogin {
    /// Whose account.
    pub handle: Handle,
    /// The log-in half of the recovery key; the relay compares its SHA-256.
    pub recovery_auth: Exactly<32>,
}

/// What opens an account on a new device: the answer to [`LoginFinish`] and [`RecoveryLogin`] (unless the account
/// asks for a second factor: [`crate::factors::Opening`]), to [`crate::factors::ShowFactor`] and [`EnrolmentState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenedAccount {
    /// The account.
    pub account_id: AccountId,
    /// Its handle.
    pub handle: Handle,
    /// Lets one device enrol within ten minutes (`POST /v1/devices`).
    pub enrolment_ticket: Ticket,
    /// All wraps of the account.
    pub wraps: List<Wrap, WRAPS_MAX>,
    /// The current signed device list.
    pub device_list: Bytes<DEVICE_LIST_BYTES_MAX>,
    /// Devices that the relay has revoked (signed out, idle) and the list still shows as live: the next list
    /// marks them (K-7).
    pub revoked_devices: List<DeviceId, DEVICE_LIST_ENTRIES_MAX>,
    /// The vault.
    pub vault: StoredVault,
}

/// The vault as the relay keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredVault {
    /// Its record id in the collection `vault`.
    pub record_id: RecordId,
    /// Its version, from 1.
    pub version: u64,
    /// Sealed under the vault key.
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// `POST /v1/sessions/enrolment`: the opened account again, after an enrolment met a newer device list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolmentState {
    /// Still valid afterwards.
    pub enrolment_ticket: Ticket,
}

/// `POST /v1/sessions/password/start`: a new OPAQUE registration for an opened account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasswordStart {
    /// Of the opened account.
    pub enrolment_ticket: Ticket,
    /// OPAQUE RegistrationRequest.
    pub registration_request: OpaqueMessage,
}

/// `POST /v1/sessions/device/challenge`: asks for a nonce to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceChallenge {
    /// Whose device.
    pub account_id: AccountId,
    /// Which device.
    pub device_id: DeviceId,
}

/// The nonce; answered for unknown devices too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceNonce {
    /// Single use, one minute.
    pub nonce: Exactly<32>,
}

/// `POST /v1/sessions/device`: log-in by the device-auth key (O-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceLogin {
    /// Whose device.
    pub account_id: AccountId,
    /// Which device.
    pub device_id: DeviceId,
    /// From [`DeviceNonce`].
    pub nonce: Exactly<32>,
    /// Ed25519 over [`crate::signed::login`].
    pub signature: Exactly<64>,
}

/// `POST /v1/sessions/refresh`. Browsers send the cookie and an empty object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Refresh {
    /// Native clients only: 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Exactly<32>>,
}

/// The tokens of a device: the answer to every log-in, enrolment and refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionTokens {
    /// Whose.
    pub account_id: AccountId,
    /// Which device.
    pub device_id: DeviceId,
    /// The family of refresh tokens.
    pub session_id: SessionId,
    /// JWT for the `Authorization: Bearer` header and the socket's first frame.
    pub access_token: AccessToken,
    /// When the access token ends.
    pub access_expires_at: UnixMillis,
    /// Absent for browsers, which get the cookie.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refresh_token: Option<Exactly<32>>,
}

/// `GET /v1/sessions`: one's own live sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnSessions {
    /// The newest last.
    pub sessions: List<OwnSession, DEVICE_LIST_ENTRIES_MAX>,
}

/// One live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnSession {
    /// Which session.
    pub session_id: SessionId,
    /// Of which device.
    pub device_id: DeviceId,
    /// When the device signed in.
    pub created_at: UnixMillis,
    /// To the hour.
    pub last_used_at: UnixMillis,
    /// The network of its last log-in or refresh: IPv4 /24, IPv6 /48. Kept while the session lives, and no longer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
}

/// `POST /v1/sessions/endings`: signs other devices of one's own out. Takes the fresh proof of [`crate::factors::FreshProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndSessions {
    /// Of the account as it was opened within ten minutes; not spent.
    pub enrolment_ticket: Ticket,
    /// Which; absent: all but the caller's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_id: Option<SessionId>,
}

/// A JWT; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessToken(pub String);

impl core::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

impl<C> minicbor::Encode<C> for AccessToken {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for AccessToken {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        let text = d.str()?;
        if text.len() > crate::limits::ACCESS_TOKEN_CHARS_MAX {
            return Err(minicbor::decode::Error::message("an access token is shorter").at(position));
        }
        Ok(Self(text.to_owned()))
    }
}
