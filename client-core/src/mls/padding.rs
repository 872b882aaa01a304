//! Padding of message content (D-9): lengths fall into buckets, so that a ciphertext's size says little.

use super::error::{Misuse, Violation};
use crate::padding::bucket;
use protocol::limits::MESSAGE_BYTES_MAX;
use zeroize::Zeroizing;

/// Bytes of the length that stands before the content, big-endian.
const LENGTH_BYTES: usize = 4;
/// What the framing of MLS adds at most: header, signature, tags, authenticated data.
const FRAMING_BYTES: usize = 4096;

/// The padded size of `content_bytes` bytes: 256 B, 1, 4, 16, 64 KiB, then Padmé (at most 12 % more).
pub fn padded_bytes(content_bytes: usize) -> usize {
    let length = content_bytes.saturating_add(LENGTH_BYTES);
    usize::try_from(bucket(length as u64)).unwrap_or(usize::MAX)
}

/// `length u32 | content | zeros`, in a bucket's size.
pub(crate) fn pad(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, Misuse> {
    let size = padded_bytes(content.len());
    let length = u32::try_from(content.len()).map_err(|_| Misuse::TooLarge)?;
    if size.saturating_add(FRAMING_BYTES) > MESSAGE_BYTES_MAX {
        return Err(Misuse::TooLarge);
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(size));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(size, 0);
    Ok(padded)
}

/// What [`pad`] wrapped; anything else is refused.
pub(crate) fn unpad(padded: &[u8]) -> Result<Zeroizing<Vec<u8>>, Violation> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(Violation::Padding)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Violation::Padding)?;
    let (content, zeros) = rest.split_at_checked(length).ok_or(Violation::Padding)?;
    if padded_bytes(length) != padded.len() || zeros.iter().any(|byte| *byte != 0) {
        return Err(Violation::Padding);
    }
    Ok(Zeroizing::new(content.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{pad, padded_bytes, unpad};

    #[test]
    fn sizes_fall_into_the_buckets_and_then_grow_by_twelve_percent_at_most() {
        let sizes: Vec<_> = [0, 252, 253, 1020, 4092, 16_380, 65_532].map(padded_bytes).into();

        assert_eq!(sizes, [256, 256, 1024, 1024, 4096, 16_384, 65_536]);
        for content in (65_533..400_000).step_by(997) {
            let padded = padded_bytes(content);
            assert!(padded >= content + 4 && padded * 100 <= (content + 4) * 112, "{content}");
        }
    }

    #[test]
    fn content_of_every_length_comes_back() {
        for length in [0, 1, 251, 252, 253, 5_000, 70_000] {
            let content = vec![7; length];

            assert_eq!(unpad(&pad(&content).unwrap()).unwrap().to_vec(), content);
        }
    }

    #[test]
    fn truncations_wrong_lengths_and_stray_bytes_are_refused() {
        let good = pad(b"hello").unwrap().to_vec();

        for end in 0..good.len() {
            assert!(unpad(&good[..end]).is_err(), "{end}");
        }
        for (at, value) in [(0, 1), (2, 1), (3, 255), (9, 1), (255, 1)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(unpad(&bad).is_err(), "{at}");
        }
        assert!(unpad(&[good.as_slice(), &[0; 256]].concat()).is_err());
    }

    #[test]
    fn content_above_the_limit_is_refused() {
        assert!(pad(&vec![0; 600_000]).is_err());
    }
}
