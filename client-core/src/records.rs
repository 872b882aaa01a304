//! Records of an account at the relay: which collections this client keeps, under which ids, sealed by which keys of
//! the root key (`crypto.md`, "Keys of an account"). Content is CBOR with integer keys whose first field is the version
//! of its format, padded to a bucket: | length 4 | content | zeros |. A deletion's note is an empty content.

use minicbor::Decode;
use protocol::{AccountId, RecordId};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    derive::derive,
    labels::RECORD_ID,
    padding::bucket,
    root_key::RootKey,
    sealed::{RecordPlace, SealError, open_record, seal_record},
    secret::generated_secret_bytes,
};

generated_secret_bytes!(
    /// Gives records their ids, so that two devices mean the same record without asking, and the relay can't tell
    /// whom a record is about. Kept in the vault; it outlives every root generation.
    RecordIdKey,
    32
);

/// UTF-8 bytes of any text in a record.
pub const RECORD_TEXT_BYTES_MAX: usize = 256;

/// The collections that this version of the client keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collection {
    /// One record: what makes an account's devices one account. Sealed with the vault key.
    Vault,
    /// One record per contact: names, pinned key, verification. Sealed with the vault key.
    Contacts,
    /// One record: what the person has chosen for all devices. Sealed with the settings key.
    Settings,
}

impl Collection {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Vault, Self::Contacts, Self::Settings];

    /// Its name at the relay.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Contacts => "contacts",
            Self::Settings => "settings",
        }
    }

    /// The collection of that name; `None`: one of a newer version.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Vault => 0,
            Self::Contacts => 1,
            Self::Settings => 2,
        }
    }
}

/// Where a record of this client lies at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whose record.
    pub account: AccountId,
    /// In which collection.
    pub collection: Collection,
    /// Which record.
    pub record: RecordId,
    /// Its version, from 1.
    pub version: u64,
}

impl Place {
    const fn record(&self) -> RecordPlace<'static> {
        RecordPlace {
            account: self.account,
            collection: self.collection.name(),
            record: self.record,
            version: self.version,
        }
    }

    fn key(&self, root_key: &RootKey) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match self.collection {
            Collection::Vault | Collection::Contacts => *root_key.vault_key(self.account).expose(),
            Collection::Settings => *root_key.settings_key(self.account).expose(),
        })
    }
}

/// Why a record was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not open here.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A newer version of the program wrote it.
    #[error("the record was written by a newer version ({version})")]
    NewerVersion {
        /// The version of its format.
        version: u32,
    },
    /// It opens, but does not read as what belongs there.
    #[error("the record's content is malformed")]
    Malformed,
}

/// The id of the record that is about `subject` (16 zero bytes: the only one of its collection).
pub fn record_id(key: &RecordIdKey, collection: Collection, subject: &[u8; 16]) -> RecordId {
    RecordId::from_bytes(*derive(RECORD_ID, key.expose(), &[&[collection.number()], subject]))
}

/// Seals content for `place`, padded to a bucket. The record's own limit is checked by whoever sends it.
pub fn seal(root_key: &RootKey, place: Place, content: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let padded_length = bucket(u64::from(length).saturating_add(4));
    let mut padded = Zeroizing::new(Vec::with_capacity(content.len().saturating_mul(2).max(256)));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(usize::try_from(padded_length).unwrap_or(content.len()), 0);
    let key = place.key(root_key);
    seal_record(&key, root_key.generation(), &place.record(), &padded, rng)
}

/// Opens what [`seal`] made. Compare its version with the floor kept on this device (K-6).
///
/// # Errors
/// [`RecordError::Sealed`], [`RecordError::Malformed`].
pub fn open(root_key: &RootKey, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    let key = place.key(root_key);
    let padded = open_record(&key, root_key.generation(), &place.record(), sealed)?;
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(RecordError::Malformed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| RecordError::Malformed)?;
    let content = rest.get(..length).ok_or(RecordError::Malformed)?;
    Ok(Zeroizing::new(content.to_vec()))
}

/// The version alone, which every content begins with.
#[derive(Decode)]
#[cbor(map)]
struct VersionOnly {
    #[n(0)]
    version: u32,
}

/// Reads content whose format is at most `newest`.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8], newest: u32) -> Result<T, RecordError> {
    let VersionOnly { version } = minicbor::decode(bytes).map_err(|_| RecordError::Malformed)?;
    if version > newest {
        return Err(RecordError::NewerVersion { version });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let content = decoder.decode().map_err(|_| RecordError::Malformed)?;
    if decoder.position() != bytes.len() || version == 0 {
        return Err(RecordError::Malformed);
    }
    Ok(content)
}

/// The bytes of a content; writing to memory does not fail.
pub(crate) fn encode<T: minicbor::Encode<()>>(content: T) -> Zeroizing<Vec<u8>> {
    let encoded = minicbor::to_vec(content);
    debug_assert!(encoded.is_ok(), "a vector takes any number of bytes");
    Zeroizing::new(encoded.unwrap_or_default())
}

/// Texts of records are cut to [`RECORD_TEXT_BYTES_MAX`] on the way in: what is written can always be read again.
pub(crate) fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(RECORD_TEXT_BYTES_MAX));
    text
}

/// Whether texts that were read keep to their limit.
pub(crate) fn texts_fit<'t>(texts: impl IntoIterator<Item = &'t String>) -> bool {
    texts.into_iter().all(|text| text.len() <= RECORD_TEXT_BYTES_MAX)
}

#[cfg(test)]
mod tests;
