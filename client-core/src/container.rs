//! Container v1: how a file is encrypted (`files.md`, F-1 … F-9).
//!
//! ```text
//! header, 72 B  = magic `SOTF` 4 | suite 1 | chunk_log2 1 (=16) | flags 2 (=0) | salt 32 | commitment 32
//! okm           = HKDF-SHA-256(ikm = file key, salt, info = "sotto/v1/content" || first 8 header bytes || blob id)
//!                 → payload key 32 | nonce prefix 7 | commitment 32
//! chunk i       = ChaCha20-Poly1305(payload key, nonce = prefix || u32be(i) || last (0|1), 65,536 B) + 16 B tag
//! ```
//!
//! STREAM, BE32 (Hoang et al., 2015). The last chunk has last = 1; nothing is one empty last chunk; each length has
//! one encoding. A [`Sealer`] makes one container, with a salt of its own, chunk after chunk: so no key and nonce
//! ever meet two plaintexts, whatever the caller does. An [`Opener`] reads from the start to the end, a
//! [`RangeOpener`] anywhere.

mod metadata;
mod opener;
mod sealer;

use aead_stream::{Key, NewStream as _, Nonce, StreamBE32};
use chacha20poly1305::ChaCha20Poly1305;
use protocol::BlobId;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use metadata::{
    FileMetadata, MEDIA_TYPE_BYTES_MAX, MetadataError, MetadataKey, NAME_BYTES_MAX, THUMBNAIL_BYTES_MAX,
};
pub use opener::{Opener, RangeOpener};
pub use sealer::Sealer;

use crate::{
    derive::{derive, expand},
    labels::{Label, READ},
    padding::padme,
    secret::{generated_secret_bytes, secret_bytes},
};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 72;
/// Plaintext bytes of a chunk; the last one has fewer, mostly.
pub const CHUNK_BYTES: usize = 65_536;
/// Bytes of a whole chunk with its tag.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// What no content is padded to less than, bytes (F-4).
pub const PADDED_BYTES_MIN: u64 = 4096;

const TAG_BYTES: usize = 16;
const MAGIC: &[u8; 4] = b"SOTF";
/// ChaCha20-Poly1305. 2 is kept for AES-256-GCM (F-6).
const SUITE: u8 = 1;
const CHUNK_LOG2: u8 = 16;
const PREFIX: [u8; 8] = [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], SUITE, CHUNK_LOG2, 0, 0];

generated_secret_bytes!(
    /// Seals one version of one file.
    FileKey,
    32
);
secret_bytes!(
    /// Who shows it may read the blob (F-9); travels with the file key.
    ReadCapability,
    32
);

impl FileKey {
    /// The capability to read `blob`.
    pub fn read_capability(&self, blob: BlobId) -> ReadCapability {
        ReadCapability(*derive(READ, &self.0, &[blob.as_bytes()]))
    }
}

impl ReadCapability {
    /// What the relay stores.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// Why a container was not opened or not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// It does not begin with the header of a container.
    #[error("this is not a container")]
    NotAContainer,
    /// Its suite, chunk size or flags are of another version.
    #[error("the container was made by another version")]
    UnsupportedVersion,
    /// It was not made with this key for this blob, or its header was changed (F-2).
    #[error("the key does not fit the container")]
    WrongKey,
    /// No container is this long, or not the one for this content.
    #[error("the container has a wrong length")]
    WrongLength,
    /// A chunk was changed, moved or cut off (F-3).
    #[error("chunk {index} of the container does not open")]
    BadChunk {
        /// The chunk, counted from 0.
        index: u32,
    },
    /// What follows the content is not padding.
    #[error("the container's padding is not empty")]
    BadPadding,
    /// The caller gave fewer or more bytes than the next chunks take, or stopped before the end.
    #[error("these bytes are not the ones that come next")]
    OutOfTurn,
    /// What was sealed did not open again: a fault of this machine's memory (F-5).
    #[error("sealed bytes did not open again")]
    Verification,
    /// The content is too large for a container.
    #[error("the content is too large")]
    TooLarge,
}

/// Bytes of the container of `content_bytes` of content, padded: Padmé, at least [`PADDED_BYTES_MIN`] (F-4).
///
/// # Errors
/// [`ContainerError::TooLarge`].
pub fn container_bytes(content_bytes: u64) -> Result<u64, ContainerError> {
    Extent::of_plaintext(padded_bytes(content_bytes)).map(|extent| extent.container_bytes())
}

fn padded_bytes(content_bytes: u64) -> u64 {
    padme(content_bytes).max(PADDED_BYTES_MIN)
}

const CHUNK: u64 = CHUNK_BYTES as u64;
const SEALED_CHUNK: u64 = SEALED_CHUNK_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;

/// How many chunks there are, and how many plaintext bytes in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    plaintext_bytes: u64,
    /// At least 1.
    chunks: u32,
}

impl Extent {
    fn of_plaintext(plaintext_bytes: u64) -> Result<Self, ContainerError> {
        let chunks =
            u32::try_from(plaintext_bytes.div_ceil(CHUNK).max(1)).map_err(|_| ContainerError::TooLarge)?;
        Ok(Self { plaintext_bytes, chunks })
    }

    /// One encoding per length: an empty last chunk stands alone or not at all.
    fn of_container(container_bytes: u64) -> Result<Self, ContainerError> {
        let body = container_bytes.checked_sub(HEADER).ok_or(ContainerError::WrongLength)?;
        let chunks = body.div_ceil(SEALED_CHUNK).max(1);
        let plaintext_bytes = body.checked_sub(chunks * TAG).ok_or(ContainerError::WrongLength)?;
        let extent = Self::of_plaintext(plaintext_bytes)?;
        if u64::from(extent.chunks) == chunks { Ok(extent) } else { Err(ContainerError::WrongLength) }
    }

    const fn container_bytes(self) -> u64 {
        HEADER + self.plaintext_bytes + self.chunks as u64 * TAG
    }

    const fn is_last(self, index: u32) -> bool {
        index + 1 == self.chunks
    }

    /// Plaintext bytes of the chunks from `first` on, at most `count` of them.
    fn plaintext_bytes_of(self, first: u32, count: u32) -> u64 {
        let start = u64::from(first) * CHUNK;
        let end = (u64::from(first) + u64::from(count)) * CHUNK;
        end.min(self.plaintext_bytes).saturating_sub(start.min(self.plaintext_bytes))
    }
}

/// What the key gives for one container.
struct ChunkKeys {
    stream: StreamBE32<ChaCha20Poly1305>,
    commitment: [u8; 32],
}

impl ChunkKeys {
    fn derive(label: Label, key: &[u8; 32], blob: BlobId, salt: &[u8; 32]) -> Self {
        let info = [label.as_bytes(), &PREFIX, blob.as_bytes()].concat();
        let okm: Zeroizing<[u8; 71]> = expand(Some(salt), key, &info);
        let mut payload_key = Zeroizing::new([0; 32]);
        let mut nonce_prefix = [0; 7];
        let mut commitment = [0; 32];
        let parts = payload_key.iter_mut().chain(&mut nonce_prefix).chain(&mut commitment);
        for (part, byte) in parts.zip(okm.iter()) {
            *part = *byte;
        }
        let payload_key: &Key<ChaCha20Poly1305> = (&*payload_key).into();
        let nonce = Nonce::<ChaCha20Poly1305, StreamBE32<ChaCha20Poly1305>>::from(nonce_prefix);
        Self { stream: StreamBE32::new(payload_key, &nonce), commitment }
    }
}

#[cfg(test)]
mod tests;
