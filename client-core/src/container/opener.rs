//! Reads containers: from the start to the end, or anywhere once the length is proven.

use core::ops::Range;

use aead_stream::StreamPrimitive as _;
use protocol::{BlobId, layout::Reader};
use subtle::ConstantTimeEq as _;

use super::{
    CHUNK, CHUNK_BYTES, ChunkKeys, ContainerError, Extent, FileKey, HEADER, PREFIX, SEALED_CHUNK,
    SEALED_CHUNK_BYTES, TAG_BYTES, padded_bytes,
};
use crate::labels::{CONTENT, Label};

/// Opens a container from its first chunk to its last. What it gives is authentic, but only [`Self::finish`] says
/// that nothing is missing at the end.
pub struct Opener {
    keys: ChunkKeys,
    extent: Extent,
    content_left: u64,
    next: u32,
}

impl Opener {
    /// Begins with the first 72 bytes of a container of which only the length is known: what it gives includes the
    /// padding.
    ///
    /// # Errors
    /// [`ContainerError::NotAContainer`], [`ContainerError::UnsupportedVersion`], [`ContainerError::WrongKey`],
    /// [`ContainerError::WrongLength`].
    pub fn new(
        key: &FileKey,
        blob: BlobId,
        header: &[u8],
        container_bytes: u64,
    ) -> Result<Self, ContainerError> {
        let extent = Extent::of_container(container_bytes)?;
        Self::labelled(CONTENT, key.expose(), blob, header, extent)
    }

    /// Begins with the first 72 bytes of the container of `content_bytes` of content, which stand in the message that
    /// brought the key; gives exactly the content. Expects [`super::container_bytes`] bytes.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn for_content(
        key: &FileKey,
        blob: BlobId,
        header: &[u8],
        content_bytes: u64,
    ) -> Result<Self, ContainerError> {
        let extent = Extent::of_plaintext(padded_bytes(content_bytes))?;
        let mut opener = Self::labelled(CONTENT, key.expose(), blob, header, extent)?;
        opener.content_left = content_bytes;
        Ok(opener)
    }

    pub(super) fn labelled(
        label: Label,
        key: &[u8; 32],
        blob: BlobId,
        header: &[u8],
        extent: Extent,
    ) -> Result<Self, ContainerError> {
        let mut reader = Reader::new(header);
        let read = (reader.array(), reader.array(), reader.array(), reader.finish());
        let (Ok(prefix), Ok(salt), Ok(claimed), Ok(())) = read else {
            return Err(ContainerError::NotAContainer);
        };
        check_prefix(&prefix)?;
        let keys = ChunkKeys::derive(label, key, blob, &salt);
        let claimed: [u8; 32] = claimed;
        if !bool::from(keys.commitment.ct_eq(&claimed)) {
            return Err(ContainerError::WrongKey);
        }
        Ok(Self { keys, extent, content_left: extent.plaintext_bytes, next: 0 })
    }

    /// Opens the next chunks: whole ones, any number of them. Returns their content without padding.
    ///
    /// # Errors
    /// [`ContainerError::OutOfTurn`] for anything but whole chunks; [`ContainerError::BadChunk`],
    /// [`ContainerError::BadPadding`]: give up and tell the person.
    pub fn open_chunks(&mut self, sealed: &[u8]) -> Result<Vec<u8>, ContainerError> {
        let mut content = Vec::with_capacity(sealed.len());
        for chunk in sealed.chunks(SEALED_CHUNK_BYTES) {
            if self.next >= self.extent.chunks || chunk.len() != self.sealed_bytes_of(self.next) {
                return Err(ContainerError::OutOfTurn);
            }
            let plaintext = self.open_chunk(self.next, chunk)?;
            let kept = usize::try_from(self.content_left).unwrap_or(usize::MAX).min(plaintext.len());
            let (kept, padding) = plaintext.split_at(kept);
            if padding.iter().any(|&byte| byte != 0) {
                return Err(ContainerError::BadPadding);
            }
            content.extend_from_slice(kept);
            self.content_left = self.content_left.saturating_sub(kept.len() as u64);
            self.next = self.next.saturating_add(1);
        }
        Ok(content)
    }

    /// Bytes of the next `count` sealed chunks, or of those that are left; `None`: all are opened.
    pub fn sealed_wanted(&self, count: u32) -> Option<usize> {
        let count = count.min(self.extent.chunks.saturating_sub(self.next));
        if count == 0 {
            return None;
        }
        let plaintext = self.extent.plaintext_bytes_of(self.next, count);
        let tags = u64::from(count).saturating_mul(TAG_BYTES as u64);
        usize::try_from(plaintext.saturating_add(tags)).ok()
    }

    /// Says that the last chunk was opened: the content is whole.
    ///
    /// # Errors
    /// [`ContainerError::OutOfTurn`] when chunks are missing.
    pub fn finish(self) -> Result<(), ContainerError> {
        if self.next == self.extent.chunks { Ok(()) } else { Err(ContainerError::OutOfTurn) }
    }

    /// Goes over to reading anywhere, once the last chunk has proven the length (F-3).
    ///
    /// # Errors
    /// [`ContainerError::BadChunk`] when it is not the last chunk of a container of this length.
    pub fn into_ranges(self, last_chunk: &[u8]) -> Result<RangeOpener, ContainerError> {
        self.open_chunk(self.extent.chunks - 1, last_chunk)?;
        Ok(RangeOpener(self))
    }

    /// Where the last chunk lies in the container.
    pub const fn last_chunk(&self) -> Range<u64> {
        let start = HEADER + (self.extent.chunks as u64 - 1) * SEALED_CHUNK;
        start..self.extent.container_bytes()
    }

    /// Bytes of the whole container.
    pub const fn container_bytes(&self) -> u64 {
        self.extent.container_bytes()
    }

    fn open_chunk(&self, index: u32, sealed: &[u8]) -> Result<Vec<u8>, ContainerError> {
        let bad = ContainerError::BadChunk { index };
        if sealed.len() != self.sealed_bytes_of(index) {
            return Err(bad);
        }
        let mut chunk = sealed.to_vec();
        self.keys
            .stream
            .decrypt_in_place(index, self.extent.is_last(index), &[], &mut chunk)
            .map_err(|_| bad)?;
        Ok(chunk)
    }

    fn sealed_bytes_of(&self, index: u32) -> usize {
        let plaintext = self.extent.plaintext_bytes_of(index, 1);
        usize::try_from(plaintext).unwrap_or(CHUNK_BYTES) + TAG_BYTES
    }
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Opener(chunk {} of {}, ***)", self.next, self.extent.chunks)
    }
}

/// Opens any part of a container whose length is proven.
pub struct RangeOpener(Opener);

impl RangeOpener {
    /// Which bytes of the container hold the chunks that `plaintext` (a range of bytes) touches; empty beyond the end.
    pub fn container_range(&self, plaintext: &Range<u64>) -> Range<u64> {
        let end = plaintext.end.min(self.plaintext_bytes());
        if plaintext.start >= end {
            return HEADER..HEADER;
        }
        let first = plaintext.start / CHUNK;
        let behind = end.div_ceil(CHUNK);
        let sealed_end = (HEADER + behind * SEALED_CHUNK).min(self.0.extent.container_bytes());
        HEADER + first * SEALED_CHUNK..sealed_end
    }

    /// Opens the chunks that [`Self::container_range`] named and returns exactly the bytes of `plaintext`, padding
    /// included where the range reaches into it.
    ///
    /// # Errors
    /// [`ContainerError::OutOfTurn`] when `sealed` is not that range; [`ContainerError::BadChunk`].
    pub fn open_range(&self, plaintext: &Range<u64>, sealed: &[u8]) -> Result<Vec<u8>, ContainerError> {
        let range = self.container_range(plaintext);
        if sealed.len() as u64 != range.end - range.start {
            return Err(ContainerError::OutOfTurn);
        }
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let first = plaintext.start / CHUNK;
        let mut opened = Vec::with_capacity(sealed.len());
        for (index, chunk) in (first..).zip(sealed.chunks(SEALED_CHUNK_BYTES)) {
            let index = u32::try_from(index).map_err(|_| ContainerError::OutOfTurn)?;
            opened.extend_from_slice(&self.0.open_chunk(index, chunk)?);
        }
        let start = usize::try_from(plaintext.start - first * CHUNK).unwrap_or(usize::MAX);
        let wanted = plaintext.end.min(self.plaintext_bytes()) - plaintext.start;
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let bytes = opened.get(start..start.saturating_add(wanted));
        bytes.map(<[u8]>::to_vec).ok_or(ContainerError::OutOfTurn)
    }

    /// Bytes of content and padding.
    pub const fn plaintext_bytes(&self) -> u64 {
        self.0.extent.plaintext_bytes
    }
}

impl core::fmt::Debug for RangeOpener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RangeOpener(***)")
    }
}

fn check_prefix(prefix: &[u8; 8]) -> Result<(), ContainerError> {
    if prefix == &PREFIX {
        Ok(())
    } else if prefix.first_chunk::<4>() == PREFIX.first_chunk::<4>() {
        Err(ContainerError::UnsupportedVersion)
    } else {
        Err(ContainerError::NotAContainer)
    }
}
