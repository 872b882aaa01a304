//! What happened: drained by the host after saves and requests, and shown only then.

use protocol::{AccountId, GroupId, MessageId, invites::RegistrationMode};
use serde::Serialize;

use super::{
    audit::AuditView,
    error::{CommandError, CommandErrorCode},
    knowledge::{RelayKnowledge, SessionView},
    records::RecordsTrouble,
    views::{
        Connection, Contact, ContactDetails, Conversation, FactorPrompt, Factors, Message, MessagePage,
        OwnProfile, ScanOutcome, SecretText,
    },
};
use crate::settings::Choices;

/// Names a command that takes more than one step; its [`Event::CommandDone`] carries the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CommandId(pub u64);

/// One event. Those that the page sees serialize to `CoreEvent` of `web/src/core/calls.ts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "documented in web/src/core/calls.ts")]
pub enum Event {
    /// For the host, not for the page: a command has ended.
    CommandDone {
        command: CommandId,
        outcome: Result<Outcome, CommandError>,
    },
    ConnectionChanged {
        connection: Connection,
        queued: u32,
    },
    ProfileChanged {
        profile: OwnProfile,
    },
    DevicesChanged,
    SettingsChanged {
        settings: Choices,
    },
    RecordsTroubled {
        trouble: RecordsTrouble,
    },
    ConversationChanged {
        conversation: Conversation,
    },
    ConversationRemoved {
        group_id: GroupId,
    },
    MessageChanged {
        message: Message,
    },
    MessageRemoved {
        group_id: GroupId,
        message_id: MessageId,
    },
    MessageReceived {
        message: Message,
    },
    ContactChanged {
        account_id: AccountId,
    },
    KeyChanged {
        group_id: GroupId,
        contact: Contact,
    },
    SignedOut {
        reason: SignOutReason,
    },
    Fatal {
        code: CommandErrorCode,
    },
}

/// Why the device is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "documented in web/src/core/calls.ts")]
pub enum SignOutReason {
    LoggedOut,
    Revoked,
    Deleted,
}

/// What a command gives; `Serialize` gives the `result` of the page's call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "documented in web/src/core/calls.ts")]
pub enum Outcome {
    Account { profile: OwnProfile },
    Handle { availability: Availability },
    Registration { mode: RegistrationMode },
    Conversation { group_id: GroupId },
    Page(MessagePage),
    Details(ContactDetails),
    Scan { outcome: ScanOutcome },
    File(FileAccess),
    Audit(AuditView),
    Sessions(Vec<SessionView>),
    Knowledge(RelayKnowledge),
    Factor { factor: FactorPrompt },
    Factors(Factors),
    TotpSecret { secret: SecretText },
    RecoveryCodes { codes: Vec<SecretText> },
    Done {},
}

/// Whether a handle may be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "one word each")]
pub enum Availability {
    Free,
    Taken,
    Invalid,
}

/// What the host needs to fetch and open a file with the container's `Opener`; never shown to the page.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileAccess {
    /// Where the container lies.
    pub blob_id: protocol::BlobId,
    /// Bytes of the plaintext.
    pub size_bytes: u64,
    /// Opens the container; kept inside wasm.
    #[serde(skip)]
    pub file_key: zeroize::Zeroizing<[u8; 32]>,
}

impl core::fmt::Debug for FileAccess {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FileAccess({})", self.blob_id)
    }
}
