//! Records: a small encrypted key-value store per account, and the feed of its changes. The relay knows a record's
//! collection, id, version and size, and nothing else of it.

use core::{fmt, str::FromStr};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    RecordId,
    limits::{
        CHANGES_PAGE_MAX, COLLECTION_CHARS_MAX, RECORD_BYTES_MAX, RECORDS_BATCH_MAX, TOMBSTONE_BYTES_MAX,
    },
    values::{Bytes, List, OutOfRange},
};

/// The name of a collection: 1–32 of `a–z 0–9 _ -`, the first a letter. Any such name is one: what a client keeps in
/// it is the client's business. [`VAULT`] alone means something to the relay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection(String);

/// The collection of the one record that every account has from its registration to its end.
pub const VAULT: &str = "vault";

impl Collection {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is [`VAULT`].
    pub fn is_vault(&self) -> bool {
        self.0 == VAULT
    }
}

impl FromStr for Collection {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let length = (1..=COLLECTION_CHARS_MAX).contains(&text.len());
        let first = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if length && first && rest { Ok(Self(text.to_owned())) } else { Err(OutOfRange) }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for Collection {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Collection {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not a collection").at(position))
    }
}

impl Serialize for Collection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Collection {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a collection"))
    }
}

/// `GET /v1/records/{collection}/{record_id}` (CBOR).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Record {
    /// From 1.
    #[n(0)]
    pub version: u64,
    /// Sealed by the client; its associated data names the account, collection, record and version.
    #[n(1)]
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// `PUT /v1/records/{collection}/{record_id}` (CBOR): compare-and-set (K-6).
/// [`crate::ErrorCode::VersionConflict`] names the stored version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PutRecord {
    /// The version that this one follows; 0 makes the record.
    #[n(0)]
    pub expected_version: u64,
    /// Sealed for version `expected_version + 1`.
    #[n(1)]
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// Where a write stands now: the answer to [`PutRecord`] and to a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordVersion {
    /// The version now stored.
    #[n(0)]
    pub version: u64,
    /// The number of this change among all of the account.
    #[n(1)]
    pub change: u64,
}

/// `DELETE /v1/records/{collection}/{record_id}?version={…}&note={…}`: compare-and-set; what stays is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRecord {
    /// The version that the tombstone follows.
    pub version: u64,
    /// Sealed for `version + 1`: shows the other devices that one of them deleted it, and not the relay.
    pub note: Bytes<TOMBSTONE_BYTES_MAX>,
}

/// `PUT /v1/records` (CBOR): many records at once. Each is a compare-and-set of its own, in order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PutRecords {
    /// At least one; no record twice.
    #[n(0)]
    pub writes: List<RecordWrite, RECORDS_BATCH_MAX>,
}

/// One write of [`PutRecords`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordWrite {
    /// In which collection.
    #[n(0)]
    pub collection: Collection,
    /// Which record.
    #[n(1)]
    pub record_id: RecordId,
    /// See [`PutRecord::expected_version`].
    #[n(2)]
    pub expected_version: u64,
    /// See [`PutRecord::ciphertext`].
    #[n(3)]
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// The answer to [`PutRecords`]: one outcome per write, in order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordsPut {
    /// As many as writes.
    #[n(0)]
    pub outcomes: List<WriteOutcome, RECORDS_BATCH_MAX>,
}

/// What became of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum WriteOutcome {
    /// It is stored.
    #[n(0)]
    Stored {
        /// The version now stored.
        #[n(0)]
        version: u64,
        /// The number of this change among all of the account.
        #[n(1)]
        change: u64,
    },
    /// Another version is stored; nothing was written.
    #[n(1)]
    Conflict {
        /// The version now stored; 0: none.
        #[n(0)]
        version: u64,
    },
}

/// The query of `GET /v1/records`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangesAfter {
    /// Changes above this number.
    pub after: u64,
    /// Of this collection only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<Collection>,
}

/// `GET /v1/records?after={change}&collection={name}` (CBOR): each record that changed, once, as it stands now, in
/// order of its last change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChangesPage {
    /// In order.
    #[n(0)]
    pub changes: List<Change, CHANGES_PAGE_MAX>,
    /// Go on from here; at the end of the feed this is [`Self::head`].
    #[n(1)]
    pub upto: u64,
    /// The account's last change.
    #[n(2)]
    pub head: u64,
}

/// One record as it stands after its last change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Change {
    /// Its number among all changes of the account, from 1.
    #[n(0)]
    pub change: u64,
    /// In which collection.
    #[n(1)]
    pub collection: Collection,
    /// Which record.
    #[n(2)]
    pub record_id: RecordId,
    /// Its version.
    #[n(3)]
    pub version: u64,
    /// Whether the record is there.
    #[n(4)]
    pub kind: ChangeKind,
    /// What was written, or the note of the deletion.
    #[n(5)]
    pub ciphertext: Bytes<RECORD_BYTES_MAX>,
}

/// What the last change of a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ChangeKind {
    /// A write.
    #[n(0)]
    Written,
    /// A deletion: a tombstone, which only a write of the next version ends.
    #[n(1)]
    Deleted,
}

#[cfg(test)]
mod tests;
