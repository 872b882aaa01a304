//! Makes one container, chunk after chunk.

use aead_stream::StreamPrimitive as _;
use protocol::BlobId;
use rand_core::CryptoRng;

use super::{
    CHUNK_BYTES, ChunkKeys, ContainerError, Extent, FileKey, HEADER_BYTES, Opener, PREFIX,
    SEALED_CHUNK_BYTES, padded_bytes,
};
use crate::labels::{CONTENT, Label};

/// Seals one content once. While [`Self::content_wanted`] says `Some(n)`, give the next `n` bytes of the content to
/// [`Self::seal_chunks`] and append what it returns to the container, which begins with [`Self::header`].
pub struct Sealer {
    keys: ChunkKeys,
    /// Opens what was sealed, before it is given out (F-5).
    check: Opener,
    header: [u8; HEADER_BYTES],
    extent: Extent,
    content_left: u64,
    next: u32,
}

impl Sealer {
    /// Begins a container for `content_bytes` of content, padded (F-4), under a fresh salt.
    ///
    /// # Errors
    /// [`ContainerError::TooLarge`].
    pub fn new(
        key: &FileKey,
        blob: BlobId,
        content_bytes: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ContainerError> {
        let plaintext = PlaintextBytes { content: content_bytes, padded: padded_bytes(content_bytes) };
        Self::padded(CONTENT, key.expose(), blob, plaintext, rng)
    }

    /// A container padded as the caller says.
    pub(super) fn padded(
        label: Label,
        key: &[u8; 32],
        blob: BlobId,
        plaintext: PlaintextBytes,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ContainerError> {
        let extent = Extent::of_plaintext(plaintext.padded)?;
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let keys = ChunkKeys::derive(label, key, blob, &salt);
        let mut header = [0; HEADER_BYTES];
        let fields = PREFIX.iter().chain(&salt).chain(&keys.commitment);
        for (byte, field) in header.iter_mut().zip(fields) {
            *byte = *field;
        }
        let check = Opener::labelled(label, key, blob, &header, extent)?;
        Ok(Self { keys, check, header, extent, content_left: plaintext.content, next: 0 })
    }

    /// Seals the next `count` chunks, or those that are left. `content` is exactly what [`Self::content_wanted`] of
    /// the same `count` said; padding is added here.
    ///
    /// # Errors
    /// [`ContainerError::OutOfTurn`] when `content` has another length: nothing happened.
    /// [`ContainerError::Verification`]: throw the container away and begin again.
    pub fn seal_chunks(&mut self, count: u32, content: &[u8]) -> Result<Vec<u8>, ContainerError> {
        if self.content_wanted(count) != Some(content.len()) {
            return Err(ContainerError::OutOfTurn);
        }
        self.content_left = self.content_left.saturating_sub(content.len() as u64);
        let count = count.min(self.extent.chunks.saturating_sub(self.next));
        let mut sealed = Vec::with_capacity(SEALED_CHUNK_BYTES.saturating_mul(count as usize));
        let mut rest = content;
        for _ in 0..count {
            let (chunk, behind) = rest.split_at(rest.len().min(CHUNK_BYTES));
            rest = behind;
            self.seal_chunk(chunk, &mut sealed)?;
        }
        Ok(sealed)
    }

    fn seal_chunk(&mut self, content: &[u8], sealed: &mut Vec<u8>) -> Result<(), ContainerError> {
        let index = self.next;
        let length = self.extent.plaintext_bytes_of(index, 1);
        let length = usize::try_from(length).map_err(|_| ContainerError::TooLarge)?;
        let mut chunk = Vec::with_capacity(SEALED_CHUNK_BYTES);
        chunk.extend_from_slice(content);
        chunk.resize(length, 0);
        self.keys
            .stream
            .encrypt_in_place(index, self.extent.is_last(index), &[], &mut chunk)
            .map_err(|_| ContainerError::TooLarge)?;
        let opened = self.check.open_chunks(&chunk).map_err(|_| ContainerError::Verification)?;
        let (opened_content, padding) =
            opened.split_at_checked(content.len()).ok_or(ContainerError::Verification)?;
        if opened_content != content || padding.iter().any(|&byte| byte != 0) {
            return Err(ContainerError::Verification);
        }
        sealed.extend_from_slice(&chunk);
        self.next = index.saturating_add(1);
        Ok(())
    }

    /// Content bytes that the next `count` chunks take: fewer at the end, 0 where only padding is left; `None`: the
    /// container is complete.
    pub fn content_wanted(&self, count: u32) -> Option<usize> {
        if count == 0 || self.next >= self.extent.chunks {
            return None;
        }
        let room = self.extent.plaintext_bytes_of(self.next, count);
        usize::try_from(room.min(self.content_left)).ok()
    }

    /// The first bytes of the container.
    pub const fn header(&self) -> &[u8; HEADER_BYTES] {
        &self.header
    }

    /// Bytes of the whole container.
    pub const fn container_bytes(&self) -> u64 {
        self.extent.container_bytes()
    }

    /// Chunks of the whole container.
    pub const fn chunk_count(&self) -> u32 {
        self.extent.chunks
    }
}

impl core::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sealer(chunk {} of {}, ***)", self.next, self.extent.chunks)
    }
}

/// Bytes of the content, and of content and padding.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaintextBytes {
    pub(super) content: u64,
    pub(super) padded: u64,
}
