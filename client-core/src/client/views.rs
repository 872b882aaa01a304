//! What the screen shows, shaped as `web/src/core/calls.ts` says: `Serialize` gives exactly its types.

use minicbor::{Decode, Encode};
use protocol::{AccountId, DeviceId, GroupId, MessageId, UnixMillis};
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::CommandErrorCode;
use crate::audit::AuditRefusal;

/// `OwnProfile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnProfile {
    /// One's account.
    pub account_id: AccountId,
    /// This device.
    pub device_id: DeviceId,
    /// One's handle.
    pub handle: String,
    /// One's name, as others see it.
    pub display_name: String,
    /// Index into the palette, 0…5.
    pub colour: u8,
    /// 64 hex digits (K-4).
    pub fingerprint: String,
    /// The recovery key was typed back.
    pub recovery_key_confirmed: bool,
    /// When this device joined.
    pub device_created_at: UnixMillis,
    /// The relay has shown an audit log that contradicts what this device has seen.
    pub audit_refused: Option<AuditRefusal>,
    /// The relay gives a device list of one's own that was refused.
    pub refused_list: Option<ListFault>,
}

/// `FactorChoice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FactorChoice {
    /// A code of the authenticator app.
    Totp,
    /// A code that is sent by e-mail.
    Email,
    /// One of the recovery codes.
    RecoveryCode,
}

/// `FactorPrompt`: what the relay asks for before it opens the account (O-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FactorPrompt {
    /// One of these is enough.
    pub factors: Vec<FactorChoice>,
    /// After that the password is asked for again.
    pub expires_at: UnixMillis,
}

/// `Factors`: one's own second factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Factors {
    /// When the authenticator app was set up.
    pub totp_since: Option<UnixMillis>,
    /// Where codes are sent.
    pub email: Option<String>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u64,
}

/// A secret that is made to be shown to its owner, once. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// For the screen.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// `Limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// UTF-8 bytes of one text.
    pub text_max_bytes: usize,
    /// Bytes of one file.
    pub file_max_bytes: u64,
    /// UTF-8 bytes of a display name.
    pub display_name_max_bytes: usize,
    /// Characters of a handle.
    pub handle_max_chars: usize,
    /// Characters of a password, at least.
    pub password_min_chars: usize,
}

/// `Device`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Which.
    pub device_id: DeviceId,
    /// Its owner's name for it.
    pub name: Option<String>,
    /// When it was certified.
    pub created_at: UnixMillis,
    /// When the relay last saw it, to the hour; none before the relay was asked.
    pub last_seen_at: Option<UnixMillis>,
    /// The device that answers.
    pub current: bool,
}

/// `Trust` (K-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Trust {
    /// Never compared.
    Unverified,
    /// Compared.
    Verified {
        /// When.
        verified_at: UnixMillis,
    },
    /// Another identity key than before.
    Changed {
        /// Sending waits for a decision.
        was_verified: bool,
        /// When it was seen.
        changed_at: UnixMillis,
    },
}

/// `Contact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Who.
    pub account_id: AccountId,
    /// As the directory says.
    pub handle: String,
    /// As the contact says.
    pub display_name: String,
    /// Index into the palette, 0…5.
    pub colour: u8,
    /// What one knows of the key.
    pub trust: Trust,
    /// Nothing that it writes is shown, and nothing goes to it.
    pub blocked: bool,
    /// It wrote first, and nobody has answered.
    pub requested: bool,
    /// The relay gives a device list that was refused.
    pub refused_list: Option<RefusedListView>,
}

/// `RefusedList`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedListView {
    /// What is wrong with it.
    pub fault: ListFault,
    /// The person goes on with the known list; until then sending waits.
    pub heeded: bool,
}

/// `ListFault`: why a signed device list was refused (K-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[cbor(index_only)]
pub enum ListFault {
    /// Older than the known one.
    #[n(0)]
    RolledBack,
    /// Beside the known one, not after it.
    #[n(1)]
    Forked,
    /// No list, or a signature that does not verify.
    #[n(2)]
    BadlySigned,
    /// Another account's or another identity's.
    #[n(3)]
    AnotherIdentity,
    /// It takes back what an earlier one said of a device.
    #[n(4)]
    Inconsistent,
}

/// `ContactDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactDetails {
    /// The contact.
    #[serde(flatten)]
    pub contact: Contact,
    /// 64 hex digits (K-4).
    pub fingerprint: String,
    /// 12 groups of 5 digits (K-4).
    pub safety_number: Vec<String>,
    /// What one's own QR code says.
    pub qr_payload: String,
    /// Live devices in the signed list.
    pub device_count: u32,
}

/// `ScanOutcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ScanOutcome {
    /// Saved as verified.
    Match,
    /// This contact, other keys.
    Mismatch,
    /// Not about these two people.
    OtherPerson,
    /// Not one of our codes.
    NotSotto,
}

/// `Delivery` (D-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
#[cbor(map)]
pub enum Delivery {
    /// From somebody else, or a notice.
    #[n(0)]
    Received,
    /// Saved here.
    #[n(1)]
    Queued,
    /// On the relay's disk.
    #[n(2)]
    Sent,
    /// Given up until the person retries.
    #[n(3)]
    Failed {
        /// Why.
        #[n(0)]
        code: CommandErrorCode,
    },
}

/// `UnreadableReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of R-5")]
#[cbor(index_only)]
pub enum UnreadableReason {
    #[n(0)]
    MissingCommit,
    #[n(1)]
    EpochTooOld,
    #[n(2)]
    GenerationGap,
    #[n(3)]
    Removed,
    #[n(4)]
    Forked,
    #[n(5)]
    BadData,
    #[n(6)]
    KeyDeleted,
    #[n(7)]
    CorruptStore,
    #[n(8)]
    NeedsNewerVersion,
}

/// `FileContent`, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[cbor(map)]
pub struct FileView {
    /// Its name, free of path separators and bidirectional controls.
    #[n(0)]
    pub name: String,
    /// As the sender said.
    #[n(1)]
    pub mime_type: String,
    /// Bytes of the plaintext.
    #[n(2)]
    pub size_bytes: u64,
    /// May be empty.
    #[n(3)]
    pub caption: String,
    /// Pixels, of pictures.
    #[n(4)]
    pub image: Option<ImageSize>,
}

/// Pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "pixels")]
#[cbor(map)]
pub struct ImageSize {
    #[n(0)]
    pub width: u32,
    #[n(1)]
    pub height: u32,
}

/// `Content`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[cbor(map)]
pub enum Content {
    /// A text.
    #[n(0)]
    Text {
        /// Untrusted.
        #[n(0)]
        text: String,
    },
    /// A file.
    #[n(1)]
    File(#[n(0)] FileView),
    /// A line that no person wrote.
    #[n(2)]
    Notice(#[n(0)] Notice),
}

/// `Notice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(tag = "notice", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "documented in web/src/core/calls.ts")]
#[cbor(map)]
pub enum Notice {
    #[n(0)]
    JoinedHere,
    #[n(1)]
    KeyChanged {
        #[n(0)]
        account_id: AccountId,
        #[n(1)]
        was_verified: bool,
    },
    #[n(2)]
    Verified {
        #[n(0)]
        account_id: AccountId,
    },
    #[n(3)]
    VerificationWithdrawn {
        #[n(0)]
        account_id: AccountId,
    },
    #[n(4)]
    DeviceAdded {
        #[n(0)]
        account_id: AccountId,
    },
    #[n(5)]
    DeviceRemoved {
        #[n(0)]
        account_id: AccountId,
    },
    #[n(6)]
    Gap {
        #[n(0)]
        count: u64,
    },
    #[n(7)]
    Unreadable {
        #[n(0)]
        reason: UnreadableReason,
    },
    #[n(20)]
    DeviceListRefused {
        #[n(0)]
        account_id: AccountId,
        #[n(1)]
        fault: ListFault,
    },
    #[n(21)]
    DeviceListRepaired {
        #[n(0)]
        account_id: AccountId,
    },
    #[n(40)]
    AccountDeleted {
        #[n(0)]
        account_id: AccountId,
    },
}

/// `Message`; also what the local store keeps per (group, seq).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[cbor(map)]
pub struct Message {
    /// The id inside the ciphertext.
    #[n(0)]
    pub message_id: MessageId,
    /// Its group.
    #[n(1)]
    pub group_id: GroupId,
    /// Its place in the log; none in the outbox.
    #[n(2)]
    pub seq: Option<u64>,
    /// The sender's clock, for one's own; else the relay's.
    #[n(3)]
    pub sent_at: UnixMillis,
    /// None of notices.
    #[n(4)]
    pub author_id: Option<AccountId>,
    /// By one's own account.
    #[n(5)]
    pub mine: bool,
    /// Its tick.
    #[n(6)]
    pub delivery: Delivery,
    /// What it says.
    #[n(7)]
    pub content: Content,
}

/// The newest line of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "camelCase")]
#[cbor(map)]
pub struct LastLine {
    /// See [`Message::sent_at`].
    #[n(0)]
    pub sent_at: UnixMillis,
    /// See [`Message::mine`].
    #[n(1)]
    pub mine: bool,
    /// See [`Message::delivery`].
    #[n(2)]
    pub delivery: Delivery,
    /// See [`Message::content`].
    #[n(3)]
    pub content: Content,
}

/// `Conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Its group.
    pub group_id: GroupId,
    /// The other person.
    pub peer: Contact,
    /// The newest line.
    pub last: Option<LastLine>,
    /// Received and not read.
    pub unread: u32,
    /// The other person's account was deleted: nothing can be sent any more.
    pub closed: bool,
    /// For sorting.
    pub active_at: UnixMillis,
    /// This device can't follow it any more, until it is started again.
    pub ended: bool,
}

/// `MessagePage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagePage {
    /// By seq, then the outbox.
    pub messages: Vec<Message>,
    /// Nothing older is on this device.
    pub reached_start: bool,
    /// The first that was not read.
    pub first_unread_seq: Option<u64>,
}

/// `Connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Connection {
    /// On the way.
    Connecting,
    /// Caught up or catching up.
    Online,
    /// Waiting for the next try.
    Offline {
        /// When it comes.
        retry_at: Option<UnixMillis>,
    },
}
