//! What the core keeps in the local store, with integer keys so that later versions can add fields. Keys of records:
//!
//! | key | value |
//! |---|---|
//! | `account/state` | [`AccountRecord`] |
//! | `account/audit` | the newest place of the audit log that was seen |
//! | `record/feed` | [`FeedRecord`]: how far the feed of the account's records is read |
//! | `record/<collection>/<record>` | [`RecordEntry`]: a record as last merged |
//! | `contact/<account>` | [`ContactRecord`] |
//! | `summary/<group>` | [`Summary`] |
//! | `bundle/<group>` | [`PendingBundle`]: a commit whose acceptance is not known yet (R-1) |
//! | `outbox/<group>/<order>` | [`OutboxItem`] |
//! | `message/<group>/<seq>.<n>` | a message or notice as the screen shows it |
//! | `file/<group>/<message>` | [`FileRecord`]: the key of a file that was sent or received |
//! | `group/<group>/…`, `key_package/…` | MLS state (`mls::storage`) |

use minicbor::{Decode, Encode};
use protocol::{
    AccountId, BlobId, DeviceId, GroupId, MessageId, RecordId, RelayId, SessionId, UnixMillis,
    revocation::REVOCATION_BYTES, values::Bytes,
};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::views::{Content, Delivery, FileView, LastLine, ListFault};

/// The prefixes of which the host gives every record to [`super::Client::open`].
pub const BOOT_PREFIXES: [&str; 6] = ["account/", "bundle/", "contact/", "outbox/", "record/", "summary/"];

pub(crate) const ACCOUNT_KEY: &str = "account/state";
pub(crate) const AUDIT_KEY: &str = "account/audit";
pub(crate) const FEED_KEY: &str = "record/feed";
/// Counts up with every collection that this client learns to keep: the feed is then read anew.
pub(crate) const RECORDS_SCHEMA: u32 = 1;

pub(crate) fn record_key(collection: &str, record: RecordId) -> String {
    format!("record/{collection}/{record}")
}

pub(crate) fn contact_key(account: AccountId) -> String {
    format!("contact/{account}")
}

pub(crate) fn summary_key(group: GroupId) -> String {
    format!("summary/{group}")
}

pub(crate) fn bundle_key(group: GroupId) -> String {
    format!("bundle/{group}")
}

pub(crate) fn outbox_key(group: GroupId, order: u64) -> String {
    format!("outbox/{group}/{order:016x}")
}

pub(crate) fn messages_prefix(group: GroupId) -> String {
    format!("message/{group}/")
}

pub(crate) fn message_key(group: GroupId, seq: u64, line: u16) -> String {
    format!("message/{group}/{seq:016x}.{line:04x}")
}

pub(crate) fn file_key(group: GroupId, message: MessageId) -> String {
    format!("file/{group}/{message}")
}

/// 32 secret bytes at rest: only ever inside sealed records.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct StoredSecret(pub(crate) [u8; 32]);

impl core::fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

impl<C> Encode<C> for StoredSecret {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for StoredSecret {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("32 bytes"))?;
        Ok(Self(bytes))
    }
}

/// A secret text at rest: only ever inside sealed records.
#[derive(Clone)]
pub(crate) struct StoredText(pub(crate) Zeroizing<String>);

impl core::fmt::Debug for StoredText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

impl<C> Encode<C> for StoredText {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for StoredText {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(Zeroizing::new(d.str()?.to_owned())))
    }
}

/// How far the account has come on this device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) enum Stage {
    /// The registration's finish was saved and perhaps sent; it is offered until it is answered (O-7).
    #[n(0)]
    Registering {
        #[cbor(n(0), with = "minicbor::bytes")]
        body: Vec<u8>,
    },
    /// Likewise the enrolment's (K-7).
    #[n(1)]
    Enrolling {
        #[cbor(n(0), with = "minicbor::bytes")]
        body: Vec<u8>,
    },
    /// The relay knows this device.
    #[n(2)]
    Enrolled,
}

/// The account and this device's own keys (`crypto.md`, "Keys of an account").
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct AccountRecord {
    #[n(0)]
    pub(crate) account_id: AccountId,
    #[n(1)]
    pub(crate) device_id: DeviceId,
    #[n(2)]
    pub(crate) handle: String,
    #[n(3)]
    pub(crate) relay_id: RelayId,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) identity_key: [u8; 32],
    #[n(5)]
    pub(crate) leaf_key: StoredSecret,
    #[n(6)]
    pub(crate) device_auth_key: StoredSecret,
    #[cbor(n(7), with = "minicbor::bytes")]
    pub(crate) certificate: Vec<u8>,
    /// Generation and root key.
    #[n(8)]
    pub(crate) root_keys: Vec<(u32, StoredSecret)>,
    #[cbor(n(9), with = "minicbor::bytes")]
    pub(crate) device_list: Vec<u8>,
    #[n(10)]
    pub(crate) vault_record: RecordId,
    #[n(12)]
    pub(crate) device_created_at: UnixMillis,
    /// Until it was typed back.
    #[n(13)]
    pub(crate) recovery_key: Option<StoredText>,
    /// Native hosts only; browsers have a cookie.
    #[n(14)]
    pub(crate) refresh_token: Option<StoredSecret>,
    #[n(15)]
    pub(crate) session_id: Option<SessionId>,
    #[n(16)]
    pub(crate) stage: Stage,
    /// A removal that was signed and is not answered.
    #[n(18)]
    pub(crate) removal: Option<PendingRemoval>,
    /// Root keys to which no known list commits yet.
    #[cbor(n(19), default)]
    pub(crate) root_offers: Vec<(u32, StoredSecret)>,
    /// One's other devices are owed the root keys.
    #[cbor(n(20), default)]
    pub(crate) root_unsent: bool,
    /// Signed revocations of one's own devices.
    #[cbor(n(21), default)]
    pub(crate) revocations: Vec<Bytes<REVOCATION_BYTES>>,
    /// The last list of one's own that the relay gave and that was refused, until it gives the right one again.
    #[n(30)]
    pub(crate) refused_list: Option<RefusedList>,
    /// The key package that invites this device when the others are used up.
    #[n(31)]
    pub(crate) last_resort: Option<LastResort>,
}

/// The last-resort key package of this device (RFC 9420 §16.8), and the one before.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LastResort {
    /// When it was made, then when the relay took it.
    #[n(0)]
    pub(crate) since: UnixMillis,
    /// Where its private keys are.
    #[n(1)]
    pub(crate) record: String,
    /// Where those of the one before are: an invitation with it may be on its way.
    #[n(2)]
    pub(crate) previous: Option<String>,
    /// Somebody has invited this device with it.
    #[n(3)]
    pub(crate) used: bool,
    /// Its bytes, until the relay has them.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) unpublished: Option<Vec<u8>>,
}

/// A device list that the relay gave and that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct RefusedList {
    #[n(0)]
    pub(crate) fault: ListFault,
    /// Of the refused list's bytes: the same one is told once.
    #[n(1)]
    pub(crate) hash: Hash,
    /// The person goes on with the known list.
    #[n(2)]
    pub(crate) heeded: bool,
}

/// How far the feed of the account's records is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct FeedRecord {
    #[n(0)]
    pub(crate) cursor: u64,
    /// It was once read to its end.
    #[n(1)]
    pub(crate) complete: bool,
    /// [`RECORDS_SCHEMA`] of who read it.
    #[n(2)]
    pub(crate) schema: u32,
}

/// One of the account's records.
#[derive(Clone, Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
pub(crate) struct RecordEntry {
    /// The version floor (K-6).
    #[n(0)]
    pub(crate) version: u64,
    /// The root generation that sealed it.
    #[n(1)]
    pub(crate) generation: u32,
    /// Changed here, and not confirmed by the relay.
    #[n(2)]
    pub(crate) dirty: bool,
    /// As last merged; empty: deleted.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) content: Vec<u8>,
}

/// A removal of devices: the encoded body of the request, and the root key that comes with it.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct PendingRemoval {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) body: Vec<u8>,
    #[n(1)]
    pub(crate) generation: u32,
    #[n(2)]
    pub(crate) root_key: StoredSecret,
}

/// A contact's device list as last verified (K-2): the floor below which the relay can't go back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct ContactRecord {
    #[n(0)]
    pub(crate) account_id: AccountId,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) device_list: Vec<u8>,
    /// A list that was refused since.
    #[n(2)]
    pub(crate) refused: Option<RefusedList>,
    /// Signed revocations of its devices.
    #[cbor(n(3), default)]
    pub(crate) revocations: Vec<Bytes<REVOCATION_BYTES>>,
}

/// Where a group stands on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum GroupStage {
    /// The creating bundle is on its way.
    #[n(0)]
    Creating,
    /// Known from the relay; this device has no leaf yet and joins by external commit (K-7).
    #[n(1)]
    Joining,
    /// A member.
    #[n(2)]
    Active,
    /// This device's leaf was removed, or the group can't be followed any more.
    #[n(3)]
    Ended,
}

/// What the core holds of every group, loaded or not.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Summary {
    #[n(0)]
    pub(crate) group_id: GroupId,
    #[n(1)]
    pub(crate) peer: AccountId,
    #[n(2)]
    pub(crate) stage: GroupStage,
    /// Everything up to this `seq` is processed and saved.
    #[n(3)]
    pub(crate) cursor: u64,
    /// Received and not read, ascending; at most [`UNREAD_MAX`], older ones are counted as read.
    #[n(4)]
    pub(crate) unread: Vec<u64>,
    #[n(5)]
    pub(crate) last: Option<LastLine>,
    #[n(6)]
    pub(crate) active_at: UnixMillis,
    /// Lines already written under the current cursor's `seq`.
    #[n(7)]
    pub(crate) lines_at_cursor: u16,
    /// This device has told the group its profile.
    #[n(8)]
    pub(crate) profile_sent: bool,
    /// A device is in the group that its account's list does not show: sending waits (check 5).
    #[n(9)]
    pub(crate) unlisted_device: bool,
    /// The highest epoch of the group that this device has been in: no older group info is joined.
    #[n(10)]
    pub(crate) epoch: u64,
    /// When this device's leaf gets a new key.
    #[n(20)]
    pub(crate) leaf_due_at: Option<UnixMillis>,
    /// Messages encrypted since it got one.
    #[n(21)]
    pub(crate) sent_with_leaf: Option<u32>,
    /// When the relay told that the peer's account was deleted: nothing can be sent any more.
    #[n(40)]
    pub(crate) closed_at: Option<UnixMillis>,
    /// A device is in the group that its account's list marks as revoked: sending waits until it is out (K-8).
    #[cbor(n(11), default)]
    pub(crate) revoked_leaf: bool,
    /// A list marks devices as revoked of which the group's rules don't know.
    #[cbor(n(12), default)]
    pub(crate) untended: bool,
}

impl Summary {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed_at.is_some()
    }
}

/// Unread messages that a summary counts one by one.
pub(crate) const UNREAD_MAX: usize = 1000;

/// A commit bundle whose acceptance is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct PendingBundle {
    #[n(0)]
    pub(crate) group_id: GroupId,
    #[n(1)]
    pub(crate) kind: BundleKind,
    /// The encoded body of the request.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) body: Vec<u8>,
    /// SHA-256 of the commit: finds it in the log.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(crate) commit_hash: [u8; 32],
}

/// Which route a bundle takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum BundleKind {
    #[n(0)]
    Create,
    #[n(1)]
    Join,
    /// A new key for this device's leaf; its fate is read in the log.
    #[n(2)]
    Renew,
    /// A commit that takes devices out; its fate is read in the log too.
    #[n(3)]
    Commit,
}

/// What a person wrote and the group's log does not show yet.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct OutboxItem {
    #[n(0)]
    pub(crate) group_id: GroupId,
    /// Its place among the outbox's items.
    #[n(1)]
    pub(crate) order: u64,
    /// The id inside, which the screen knows.
    #[n(2)]
    pub(crate) message_id: MessageId,
    /// The post's id, which the relay knows (D-4).
    #[n(3)]
    pub(crate) post_id: MessageId,
    #[n(4)]
    pub(crate) written_at: UnixMillis,
    /// The application content, encoded ([`super::content`]).
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) content: Vec<u8>,
    /// What the screen shows of it; profiles show nothing.
    #[n(6)]
    pub(crate) view: Option<Content>,
    #[n(7)]
    pub(crate) delivery: Delivery,
    /// The bytes as encrypted for one epoch; sent again as they are.
    #[n(8)]
    pub(crate) encrypted: Option<Encrypted>,
    /// SHA-256 of every encryption that was ever sent: any of them in the log is this message.
    #[n(9)]
    pub(crate) hashes: Vec<Hash>,
    /// The file's container is not at the relay yet.
    #[n(10)]
    pub(crate) awaits_upload: bool,
    /// Where the relay stored it.
    #[n(11)]
    pub(crate) seq: Option<u64>,
}

impl core::fmt::Debug for OutboxItem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OutboxItem({} {:?})", self.message_id, self.delivery)
    }
}

/// SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Hash(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 32]);

/// One encryption of an outbox item.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Encrypted {
    #[n(0)]
    pub(crate) epoch: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) ciphertext: Vec<u8>,
}

/// What opens a file.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct FileRecord {
    #[n(0)]
    pub(crate) blob_id: BlobId,
    #[n(1)]
    pub(crate) key: StoredSecret,
    #[n(2)]
    pub(crate) size_bytes: u64,
    #[n(3)]
    pub(crate) view: FileView,
}

/// SHA-256.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The record's bytes, wiped after use; writing to memory does not fail.
pub(crate) fn encode<T: Encode<()>>(record: &T) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(minicbor::to_vec(record).unwrap_or_default())
}
