//! What a file is called, and what it is: a small container of its own, under its own key (F-4).
//!
//! Plaintext: length 4, CBOR, zeros up to a multiple of 256. Sealed as a container of one chunk, with the label
//! `sotto/v1/metadata` in place of the content's.

use minicbor::{Decode, Encode};
use protocol::{BlobId, UnixMillis};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    CHUNK_BYTES, ContainerError, Extent, HEADER_BYTES, Opener,
    sealer::{PlaintextBytes, Sealer},
};
use crate::{labels::METADATA, secret::generated_secret_bytes};

/// UTF-8 bytes of a file's name.
pub const NAME_BYTES_MAX: usize = 255;
/// UTF-8 bytes of a media type.
pub const MEDIA_TYPE_BYTES_MAX: usize = 128;
/// Bytes of a thumbnail.
pub const THUMBNAIL_BYTES_MAX: usize = 48 * 1024;

const STEP_BYTES: usize = 256;

generated_secret_bytes!(
    /// Seals the metadata of one version of one file.
    MetadataKey,
    32
);

/// What a file is called, and what it is.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FileMetadata {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its media type, as the sender's system says.
    #[n(1)]
    pub media_type: String,
    /// Bytes of the content, without padding.
    #[n(2)]
    pub content_bytes: u64,
    /// When it was last modified on the sender's disk.
    #[n(3)]
    pub modified_at: Option<UnixMillis>,
    /// A small picture of it; empty: none.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub thumbnail: Vec<u8>,
}

/// Why metadata was not sealed or not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Its container does not open.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It opens, but is not metadata within its limits.
    #[error("the metadata is malformed")]
    Malformed,
    /// A field is longer than its limit.
    #[error("the metadata is too long")]
    TooLong,
}

impl FileMetadata {
    /// Seals it for the blob that it describes.
    ///
    /// # Errors
    /// [`MetadataError::TooLong`].
    pub fn seal(
        &self,
        key: &MetadataKey,
        blob: BlobId,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, MetadataError> {
        if !self.fits() {
            return Err(MetadataError::TooLong);
        }
        let encoded = Zeroizing::new(minicbor::to_vec(self).map_err(|_| MetadataError::TooLong)?);
        let length = u32::try_from(encoded.len()).map_err(|_| MetadataError::TooLong)?;
        let plaintext = Zeroizing::new([length.to_be_bytes().as_slice(), &encoded].concat());
        let lengths = PlaintextBytes {
            content: plaintext.len() as u64,
            padded: plaintext.len().next_multiple_of(STEP_BYTES) as u64,
        };
        let mut sealer = Sealer::padded(METADATA, key.expose(), blob, lengths, rng)?;
        let mut container = sealer.header().to_vec();
        container.extend(sealer.seal_chunks(1, &plaintext)?);
        Ok(container)
    }

    /// Opens what [`Self::seal`] made for the same blob.
    ///
    /// # Errors
    /// [`MetadataError::Container`], [`MetadataError::Malformed`].
    pub fn open(key: &MetadataKey, blob: BlobId, container: &[u8]) -> Result<Self, MetadataError> {
        let (header, sealed) =
            container.split_at_checked(HEADER_BYTES).ok_or(ContainerError::NotAContainer)?;
        let extent = Extent::of_container(container.len() as u64)?;
        if extent.chunks != 1 {
            return Err(ContainerError::WrongLength.into());
        }
        let mut opener = Opener::labelled(METADATA, key.expose(), blob, header, extent)?;
        let plaintext = Zeroizing::new(opener.open_chunks(sealed)?);
        opener.finish()?;
        let (length, rest) = plaintext.split_first_chunk::<4>().ok_or(MetadataError::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| MetadataError::Malformed)?;
        let encoded = rest.get(..length).ok_or(MetadataError::Malformed)?;
        let metadata: Self = minicbor::decode(encoded).map_err(|_| MetadataError::Malformed)?;
        if metadata.fits() { Ok(metadata) } else { Err(MetadataError::Malformed) }
    }

    const fn fits(&self) -> bool {
        const { assert!(NAME_BYTES_MAX + MEDIA_TYPE_BYTES_MAX + THUMBNAIL_BYTES_MAX + 1024 <= CHUNK_BYTES) };
        self.name.len() <= NAME_BYTES_MAX
            && self.media_type.len() <= MEDIA_TYPE_BYTES_MAX
            && self.thumbnail.len() <= THUMBNAIL_BYTES_MAX
    }
}

/// Names of files are secrets of their sender.
impl core::fmt::Debug for FileMetadata {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FileMetadata(***)")
    }
}

#[cfg(test)]
mod tests {
    use protocol::{BlobId, UnixMillis};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::{FileMetadata, MetadataError, MetadataKey, NAME_BYTES_MAX, THUMBNAIL_BYTES_MAX};
    use crate::container::{ContainerError, FileKey, Opener};

    const BLOB: BlobId = BlobId::from_bytes([2; 16]);

    fn metadata() -> FileMetadata {
        FileMetadata {
            name: "holiday.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            content_bytes: 12_345,
            modified_at: Some(UnixMillis(6)),
            thumbnail: vec![7; 100],
        }
    }

    fn sealed() -> (MetadataKey, Vec<u8>) {
        let key = MetadataKey::from_bytes([1; 32]);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let container = metadata().seal(&key, BLOB, &mut rng).unwrap();
        (key, container)
    }

    #[test]
    fn metadata_reads_back_and_shows_its_size_in_steps() {
        let (key, container) = sealed();

        assert_eq!(FileMetadata::open(&key, BLOB, &container), Ok(metadata()));
        assert_eq!(container.len(), 72 + 256 + 16);
        assert_eq!(format!("{:?}", metadata()), "FileMetadata(***)");
    }

    #[test]
    fn metadata_opens_with_its_key_for_its_blob_only() {
        let (key, container) = sealed();
        let other = BlobId::from_bytes([3; 16]);
        let refused = Err(MetadataError::Container(ContainerError::WrongKey));

        assert_eq!(FileMetadata::open(&key, other, &container), refused);
        assert_eq!(FileMetadata::open(&MetadataKey::from_bytes([9; 32]), BLOB, &container), refused);
        let as_content =
            Opener::new(&FileKey::from_bytes(*key.expose()), BLOB, &container[..72], container.len() as u64);
        assert_eq!(as_content.err(), Some(ContainerError::WrongKey));
    }

    #[test]
    fn metadata_above_its_limits_is_not_sealed() {
        let (key, _) = sealed();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut largest = metadata();
        largest.name = "n".repeat(NAME_BYTES_MAX);
        largest.thumbnail = vec![1; THUMBNAIL_BYTES_MAX];
        let container = largest.seal(&key, BLOB, &mut rng).unwrap();
        assert_eq!(FileMetadata::open(&key, BLOB, &container), Ok(largest.clone()));

        largest.thumbnail.push(1);
        assert_eq!(largest.seal(&key, BLOB, &mut rng), Err(MetadataError::TooLong));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let (key, container) = sealed();
        for bit in 0..container.len() * 8 {
            let mut flipped = container.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(FileMetadata::open(&key, BLOB, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..container.len() {
            assert!(FileMetadata::open(&key, BLOB, &container[..length]).is_err());
        }
    }
}
