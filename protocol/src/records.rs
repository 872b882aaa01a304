//! Records: a small encrypted key-value store per account. In this version the collection `vault` only.

use minicbor::{Decode, Encode};

use crate::{limits::RECORD_BYTES_MAX, values::Bytes};

/// The collections that this version of the relay keeps.
pub const COLLECTIONS: [&str; 1] = ["vault"];

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

/// The answer to [`PutRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordVersion {
    /// The version now stored.
    #[n(0)]
    pub version: u64,
}
