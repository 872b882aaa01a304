//! Frames of `/v1/socket` (S-1 … S-7): one CBOR item per binary WebSocket message, `[kind, {key: value, …}]`.
//! Unknown keys are skipped; an unknown kind is kept as [`Received::Unknown`], so that an older client lives on.

use minicbor::{Decode, Encode};

use crate::{
    AccountId, ErrorCode, GroupId, MessageId, RecordId, WelcomeId,
    groups::{Acknowledge, Cursor, Entry, Gap, Posted},
    limits::{CURSORS_MAX, ENTRIES_PAGE_MAX},
    messages::PostMessage,
    records::Collection,
    sessions::AccessToken,
    values::{List, UnixMillis},
};

/// From the client.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum ClientFrame {
    /// First of all, and again before the token ends (S-1, S-5).
    #[n(0)]
    Authenticate {
        /// The access JWT.
        #[n(0)]
        token: AccessToken,
    },
    /// Once after [`RelayFrame::Authenticated`]: asks for everything after the cursors (S-2). Groups not named start
    /// at the relay's stored cursor.
    #[n(1)]
    Hello {
        /// [`crate::limits::CLIENT_VERSION`] of the client.
        #[n(0)]
        client_version: u32,
        /// How far the device has durably come.
        #[n(1)]
        cursors: List<Cursor, CURSORS_MAX>,
    },
    /// Appends an application message; answered by [`RelayFrame::Posted`] or [`RelayFrame::Refused`].
    #[n(2)]
    Post(#[n(0)] PostMessage),
    /// Frees credit and lets the relay forget (D-10).
    #[n(3)]
    Acknowledge(#[n(0)] Acknowledge),
    /// The client has noted what retention cut (S-2); entries of the group go on after it.
    #[n(4)]
    ConfirmGap(#[n(0)] Cursor),
    /// Answered by [`RelayFrame::Pong`]: browsers can't see the WebSocket's own pings.
    #[n(5)]
    Ping,
}

/// From the relay.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum RelayFrame {
    /// The token was taken.
    #[n(0)]
    Authenticated {
        /// Present another before this moment.
        #[n(0)]
        expires_at: UnixMillis,
    },
    /// Entries of one group, in order.
    #[n(1)]
    Entries {
        /// The group.
        #[n(0)]
        group_id: GroupId,
        /// At least one.
        #[n(1)]
        entries: List<Entry, ENTRIES_PAGE_MAX>,
    },
    /// The next entry of the group is too large for a frame: fetch it by HTTP (S-3). It counts as sent.
    #[n(2)]
    EntryWaiting(#[n(0)] Cursor),
    /// A welcome is in the inbox: fetch it by HTTP.
    #[n(3)]
    WelcomeWaiting {
        /// Its id.
        #[n(0)]
        welcome_id: WelcomeId,
        /// Its group.
        #[n(1)]
        group_id: GroupId,
    },
    /// Everything up to now was sent; what follows is live (S-2).
    #[n(4)]
    CaughtUp,
    /// Retention cut entries; confirm to go on (S-2).
    #[n(5)]
    Gap {
        /// The group.
        #[n(0)]
        group_id: GroupId,
        /// What is missing.
        #[n(1)]
        gap: Gap,
    },
    /// The message is on disk.
    #[n(6)]
    Posted(#[n(0)] Posted),
    /// The message was not taken.
    #[n(7)]
    Refused {
        /// Which message.
        #[n(0)]
        message_id: MessageId,
        /// Why.
        #[n(1)]
        code: ErrorCode,
        /// The group's epoch, of [`ErrorCode::StaleEpoch`].
        #[n(2)]
        epoch: Option<u64>,
        /// The group's last `seq`, of [`ErrorCode::StaleEpoch`].
        #[n(3)]
        head: Option<u64>,
        /// Where the id is stored, of [`ErrorCode::MessageConflict`].
        #[n(4)]
        seq: Option<u64>,
        /// Wait so long, seconds, of [`ErrorCode::RateLimited`].
        #[n(5)]
        retry_after_seconds: Option<u64>,
    },
    /// Publish more key packages (D-12).
    #[n(8)]
    KeyPackagesLow {
        /// Left now.
        #[n(0)]
        available: u64,
    },
    /// The device list of an account that shares a group with this device has a new version.
    #[n(9)]
    DeviceListChanged {
        /// Whose.
        #[n(0)]
        account_id: AccountId,
        /// Its version now.
        #[n(1)]
        version: u64,
    },
    /// The relay is going down: come back after this long (S-7).
    #[n(10)]
    Draining {
        /// Jittered by the relay, milliseconds.
        #[n(0)]
        reconnect_after_ms: u64,
    },
    /// A frame other than a post was refused.
    #[n(11)]
    Failed {
        /// Why.
        #[n(0)]
        code: ErrorCode,
    },
    /// Answers [`ClientFrame::Ping`].
    #[n(12)]
    Pong,
    /// Another device of the account wrote records; this is the last of them. Read the feed after one's cursor.
    #[n(13)]
    RecordChanged {
        /// In which collection.
        #[n(0)]
        collection: Collection,
        /// Which record.
        #[n(1)]
        record_id: RecordId,
        /// Its version now.
        #[n(2)]
        version: u64,
        /// The number of this change.
        #[n(3)]
        change: u64,
    },
    /// The other account of this direct group was deleted: the log can be read, and takes nothing more. Comes when it
    /// happens, and with every [`ClientFrame::Hello`] after.
    #[n(14)]
    GroupClosed {
        /// Which group.
        #[n(0)]
        group_id: GroupId,
    },
}

/// A frame that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<F> {
    /// One that this version knows.
    Known(F),
    /// A kind of a later version.
    Unknown(u32),
}

const CLIENT_KINDS: u32 = 6;
const RELAY_KINDS: u32 = 15;

fn kind(bytes: &[u8]) -> Result<u32, minicbor::decode::Error> {
    let mut d = minicbor::Decoder::new(bytes);
    match d.array()? {
        Some(2) => d.u32(),
        _ => Err(minicbor::decode::Error::message("a frame is an array of two")),
    }
}

fn exact<'b, F: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<F, minicbor::decode::Error> {
    let mut d = minicbor::Decoder::new(bytes);
    let frame = d.decode()?;
    if d.position() == bytes.len() {
        Ok(frame)
    } else {
        Err(minicbor::decode::Error::message("bytes after the frame"))
    }
}

impl ClientFrame {
    /// Reads one frame of a client.
    ///
    /// # Errors
    /// When the bytes are not exactly one frame within its limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Received<Self>, minicbor::decode::Error> {
        match kind(bytes)? {
            known if known < CLIENT_KINDS => exact(bytes).map(Received::Known),
            later => Ok(Received::Unknown(later)),
        }
    }
}

impl RelayFrame {
    /// Reads one frame of the relay.
    ///
    /// # Errors
    /// When the bytes are not exactly one frame within its limits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Received<Self>, minicbor::decode::Error> {
        match kind(bytes)? {
            known if known < RELAY_KINDS => exact(bytes).map(Received::Known),
            later => Ok(Received::Unknown(later)),
        }
    }
}

/// The item's bytes; writing to memory does not fail.
pub fn to_bytes<T: Encode<()>>(item: &T) -> Vec<u8> {
    minicbor::to_vec(item).unwrap_or_default()
}

/// Reads exactly one CBOR item: a body of an HTTP request or answer.
///
/// # Errors
/// When the bytes are not exactly one such item within its limits.
pub fn from_bytes<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, minicbor::decode::Error> {
    exact(bytes)
}

/// Close codes of the socket (S-4), with what they tell the client to do.
pub mod close {
    /// Another connection of the same device took over.
    pub const REPLACED: u16 = 4000;
    /// The access token ended without a successor: refresh, reconnect.
    pub const TOKEN_EXPIRED: u16 = 4001;
    /// The device was removed or signed out: stop.
    pub const DEVICE_REVOKED: u16 = 4002;
    /// The client read too slowly: reconnect, fetch from storage.
    pub const SLOW: u16 = 4003;
    /// The relay shuts down: reconnect with jitter.
    pub const SHUTTING_DOWN: u16 = 4004;
    /// A frame could not be read or came out of turn.
    pub const MALFORMED: u16 = 4005;
    /// No valid token within five seconds.
    pub const UNAUTHENTICATED: u16 = 4006;
    /// This client is older than the relay takes.
    pub const CLIENT_TOO_OLD: u16 = 4007;
    /// The account was deleted: stop, and forget it.
    pub const ACCOUNT_DELETED: u16 = 4008;
    /// Every close code with its name, for API.md.
    pub const TABLE: [(u16, &str); 9] = [
        (REPLACED, "replaced"),
        (TOKEN_EXPIRED, "token_expired"),
        (DEVICE_REVOKED, "device_revoked"),
        (SLOW, "slow"),
        (SHUTTING_DOWN, "shutting_down"),
        (MALFORMED, "malformed"),
        (UNAUTHENTICATED, "unauthenticated"),
        (CLIENT_TOO_OLD, "client_too_old"),
        (ACCOUNT_DELETED, "account_deleted"),
    ];
}

#[cfg(test)]
mod tests;
