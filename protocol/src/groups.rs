//! Groups: ordered logs of ciphertext (`delivery.md`). Commits are compare-and-set and travel as one bundle (D-3).

use minicbor::{Decode, Encode};

use crate::{
    AccountId, ClaimId, DeviceId, GroupId, MessageId, WelcomeId,
    limits::{
        CLAIMS_PER_COMMIT_MAX, COMMIT_BYTES_MAX, CURSORS_MAX, DELTAS_BYTES_MAX, ENTRIES_PAGE_MAX,
        GROUP_ACCOUNTS_MAX, GROUP_INFO_BYTES_MAX, GROUP_LEAVES_MAX, GROUPS_PAGE_MAX, WELCOME_BYTES_MAX,
        WELCOMES_PAGE_MAX,
    },
    values::{Bytes, Exactly, List, UnixMillis},
};

/// What a group is to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum GroupKind {
    /// The one live conversation of two accounts, or of an account with itself.
    #[n(1)]
    Direct,
    /// Any number of accounts.
    #[n(2)]
    Many,
}

/// `POST /v1/groups` (CBOR): group, first commit, welcomes and group info at once. A live direct group of the same
/// pair answers [`crate::ErrorCode::GroupExists`] with its id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CreateGroup {
    /// Direct or many.
    #[n(0)]
    pub kind: GroupKind,
    /// Direct groups: the other account (one's own for notes to self).
    #[n(1)]
    pub peer: Option<AccountId>,
    /// The commit from epoch 0; its deltas name the creator's device too.
    #[n(2)]
    pub bundle: CommitBundle,
}

/// `POST /v1/groups/{group_id}/commits` (CBOR): everything that a commit changes, all or nothing (D-3).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommitBundle {
    /// The post's id (D-4).
    #[n(0)]
    pub message_id: MessageId,
    /// The group.
    #[n(1)]
    pub group_id: GroupId,
    /// The epoch that the commit ends.
    #[n(2)]
    pub epoch: u64,
    /// [`EntryKind::Commit`] or [`EntryKind::ExternalCommit`].
    #[n(3)]
    pub kind: EntryKind,
    /// MLS PrivateMessage, or PublicMessage of an external commit.
    #[n(4)]
    pub commit: Bytes<COMMIT_BYTES_MAX>,
    /// Encoded [`crate::Deltas`].
    #[n(5)]
    pub deltas: Bytes<DELTAS_BYTES_MAX>,
    /// MLS GroupInfo of the new epoch, with its ratchet tree.
    #[n(6)]
    pub group_info: Bytes<GROUP_INFO_BYTES_MAX>,
    /// MLS Welcome for the added devices.
    #[n(7)]
    pub welcome: Option<Bytes<WELCOME_BYTES_MAX>>,
    /// Into whose inboxes it goes.
    #[n(8)]
    pub welcome_devices: List<DeviceId, GROUP_LEAVES_MAX>,
    /// Claims that this commit uses up.
    #[n(9)]
    pub claims: List<ClaimId, CLAIMS_PER_COMMIT_MAX>,
    /// Ed25519 by the committer's device-auth key over [`crate::signed::commit`] (D-8).
    #[n(10)]
    pub signature: Exactly<64>,
}

/// What an entry of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EntryKind {
    /// MLS application message.
    #[n(0)]
    Message,
    /// MLS commit by a member.
    #[n(1)]
    Commit,
    /// MLS external commit by a device that joins or rejoins.
    #[n(2)]
    ExternalCommit,
}

/// One accepted entry of a group's log (D-1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    #[n(0)]
    pub seq: u64,
    /// What it is.
    #[n(1)]
    pub kind: EntryKind,
    /// The epoch in which it was made.
    #[n(2)]
    pub epoch: u64,
    /// The relay's clock.
    #[n(3)]
    pub received_at: UnixMillis,
    /// The ciphertext.
    #[n(4)]
    pub content: Bytes<COMMIT_BYTES_MAX>,
    /// Of commits only.
    #[n(5)]
    pub commit: Option<CommitEnvelope>,
}

/// What the relay knows of a commit, signed by its committer (D-8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommitEnvelope {
    /// The committer's account.
    #[n(0)]
    pub account_id: AccountId,
    /// The committer.
    #[n(1)]
    pub device_id: DeviceId,
    /// The post's id.
    #[n(2)]
    pub message_id: MessageId,
    /// Encoded [`crate::Deltas`].
    #[n(3)]
    pub deltas: Bytes<DELTAS_BYTES_MAX>,
    /// See [`CommitBundle::signature`].
    #[n(4)]
    pub signature: Exactly<64>,
}

/// `GET /v1/groups/{group_id}/entries?after={seq}` (CBOR): a page of the log, in order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EntriesPage {
    /// At most [`ENTRIES_PAGE_MAX`].
    #[n(0)]
    pub entries: List<Entry, ENTRIES_PAGE_MAX>,
    /// The last `seq` of the group, or the removing commit's for a removed device.
    #[n(1)]
    pub head: u64,
    /// What retention has cut before the first entry (D-11).
    #[n(2)]
    pub gap: Option<Gap>,
}

/// Entries that the relay no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Gap {
    /// The first missing `seq`.
    #[n(0)]
    pub from: u64,
    /// The last missing `seq`.
    #[n(1)]
    pub to: u64,
}

/// The answer to a created group, a commit or a message: the entry is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Posted {
    /// The post's id.
    #[n(0)]
    pub message_id: MessageId,
    /// Its group.
    #[n(1)]
    pub group_id: GroupId,
    /// Its place in the log.
    #[n(2)]
    pub seq: u64,
    /// The relay's clock.
    #[n(3)]
    pub received_at: UnixMillis,
}

/// `GET /v1/groups?after={group_id}` (CBOR): groups of which the calling *account* is a member, by id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GroupsPage {
    /// At most [`GROUPS_PAGE_MAX`].
    #[n(0)]
    pub groups: List<GroupSummary, GROUPS_PAGE_MAX>,
}

/// One group as the relay sees it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GroupSummary {
    /// The group.
    #[n(0)]
    pub group_id: GroupId,
    /// Direct or many.
    #[n(1)]
    pub kind: GroupKind,
    /// Its current epoch.
    #[n(2)]
    pub epoch: u64,
    /// Its last `seq`.
    #[n(3)]
    pub head: u64,
    /// The member accounts.
    #[n(4)]
    pub accounts: List<AccountId, GROUP_ACCOUNTS_MAX>,
    /// What the calling device has acknowledged; absent when it has no leaf and may join by external commit.
    #[n(5)]
    pub acknowledged: Option<u64>,
    /// Versions of the member accounts' device lists, in the order of `accounts`: who was away when a list changed
    /// sees it here.
    #[n(6)]
    pub device_lists: List<u64, GROUP_ACCOUNTS_MAX>,
}

/// `GET /v1/groups/{group_id}/info` (CBOR): the stored group info, for devices of member accounts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StoredGroupInfo {
    /// Its epoch.
    #[n(0)]
    pub epoch: u64,
    /// The `seq` of the commit that began the epoch.
    #[n(1)]
    pub seq: u64,
    /// MLS GroupInfo with its ratchet tree.
    #[n(2)]
    pub group_info: Bytes<GROUP_INFO_BYTES_MAX>,
}

/// How far a device has durably come in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Cursor {
    /// The group.
    #[n(0)]
    pub group_id: GroupId,
    /// All entries up to this one.
    #[n(1)]
    pub seq: u64,
}

/// `POST /v1/groups/acknowledgements` (CBOR): cumulative per group; a lower cursor than the stored one changes
/// nothing (D-10).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Acknowledge {
    /// At most [`CURSORS_MAX`].
    #[n(0)]
    pub cursors: List<Cursor, CURSORS_MAX>,
}

/// `GET /v1/welcomes` (CBOR): the calling device's inbox, oldest first. `DELETE /v1/welcomes/{welcome_id}` takes one
/// out once the group is saved.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct WelcomesPage {
    /// At most [`WELCOMES_PAGE_MAX`].
    #[n(0)]
    pub welcomes: List<StoredWelcome, WELCOMES_PAGE_MAX>,
}

/// A welcome in an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StoredWelcome {
    /// Its id.
    #[n(0)]
    pub welcome_id: WelcomeId,
    /// The group.
    #[n(1)]
    pub group_id: GroupId,
    /// The `seq` of the commit that added the device: its cursor starts there.
    #[n(2)]
    pub seq: u64,
    /// MLS Welcome.
    #[n(3)]
    pub welcome: Bytes<WELCOME_BYTES_MAX>,
}
