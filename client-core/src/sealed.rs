//! Sealed records: XChaCha20-Poly1305 with a random nonce; the associated data names the place, so that nothing can
//! be swapped or rolled back unnoticed (K-6).
//!
//! At the relay, associated data = label | account 16 | collection length 1, collection | record 16 | version 8 |
//! the six bytes before the nonce:
//!
//! | version 1 | suite 1 | root generation | nonce | ciphertext |
//! |---:|---:|---:|---:|---:|
//! | 1 | 1 | 4 | 24 | n + 16 |
//!
//! In the local store, associated data = label | key of the value (`table/key`) | the ten bytes before the nonce.
//! The account is the store key's, of which every store has its own:
//!
//! | version 1 | suite 1 | write counter | nonce | ciphertext |
//! |---:|---:|---:|---:|---:|
//! | 1 | 1 | 8 | 24 | n + 16 |

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use protocol::{AccountId, RecordId, layout::Reader};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    derive::prefixed,
    labels::{LOCAL_VALUE, RECORD},
    secret::LocalStoreKey,
};

const VERSION: u8 = 1;
/// XChaCha20-Poly1305.
const SUITE: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Why something sealed was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short, or not of this version.
    #[error("these bytes are not sealed by this version")]
    Malformed,
    /// Sealed with a root key of another generation.
    #[error("the record is sealed with root generation {generation}")]
    OtherGeneration {
        /// The generation that it names.
        generation: u32,
    },
    /// Sealed with another key, for another place, or changed since.
    #[error("the sealed bytes do not open here")]
    Refused,
}

/// Where a record lies at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace<'a> {
    /// Whose record.
    pub account: AccountId,
    /// In which collection.
    pub collection: &'a str,
    /// Which record.
    pub record: RecordId,
    /// Which version of it, from 1.
    pub version: u64,
}

impl RecordPlace<'_> {
    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let mut bytes = prefixed(RECORD);
        bytes.extend_from_slice(self.account.as_bytes());
        bytes.push(u8::try_from(self.collection.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(self.collection.as_bytes());
        bytes.extend_from_slice(self.record.as_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(header);
        bytes
    }
}

/// Seals a record with the key that root generation `generation` gives for its collection.
pub(crate) fn seal_record(
    key: &[u8; 32],
    generation: u32,
    place: &RecordPlace<'_>,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut header = vec![VERSION, SUITE];
    header.extend_from_slice(&generation.to_be_bytes());
    let associated_data = place.associated_data(&header);
    seal(key, header, &associated_data, plaintext, rng)
}

/// Opens what [`seal_record`] made.
pub(crate) fn open_record(
    key: &[u8; 32],
    generation: u32,
    place: &RecordPlace<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let claimed = record_generation(sealed)?;
    if claimed != generation {
        return Err(SealError::OtherGeneration { generation: claimed });
    }
    let (header, rest) = sealed.split_at_checked(6).ok_or(SealError::Malformed)?;
    open(key, &place.associated_data(header), rest)
}

/// The root generation that a sealed record of the relay names; not authenticated until it is opened.
///
/// # Errors
/// [`SealError::Malformed`].
pub fn record_generation(sealed: &[u8]) -> Result<u32, SealError> {
    let mut reader = Reader::new(sealed);
    match reader.array() {
        Ok([VERSION, SUITE]) => reader.u32().map_err(|_| SealError::Malformed),
        _ => Err(SealError::Malformed),
    }
}

/// Seals a value of the local store under its key `place` (`table/key`). `counter` grows with every write.
pub fn seal_local(
    key: &LocalStoreKey,
    place: &str,
    counter: u64,
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut header = vec![VERSION, SUITE];
    header.extend_from_slice(&counter.to_be_bytes());
    let associated_data = local_associated_data(place, &header);
    seal(key.expose(), header, &associated_data, plaintext, rng)
}

/// Opens what [`seal_local`] made for the same place.
///
/// # Errors
/// [`SealError`], by cause.
pub fn open_local(key: &LocalStoreKey, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (header, rest) = sealed.split_at_checked(10).ok_or(SealError::Malformed)?;
    if !header.starts_with(&[VERSION, SUITE]) {
        return Err(SealError::Malformed);
    }
    open(key.expose(), &local_associated_data(place, header), rest)
}

/// Seals what opens under `old` under `new` instead, in the same place and with the same counter.
///
/// # Errors
/// [`SealError`], by cause.
pub fn reseal_local(
    old: &LocalStoreKey,
    new: &LocalStoreKey,
    place: &str,
    sealed: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let plaintext = open_local(old, place, sealed)?;
    let mut reader = Reader::new(sealed.get(2..).ok_or(SealError::Malformed)?);
    let counter = reader.u64().map_err(|_| SealError::Malformed)?;
    Ok(seal_local(new, place, counter, &plaintext, rng))
}

/// The place ends where the header, of fixed width, begins.
fn local_associated_data(place: &str, header: &[u8]) -> Vec<u8> {
    let mut bytes = prefixed(LOCAL_VALUE);
    bytes.extend_from_slice(place.as_bytes());
    bytes.extend_from_slice(header);
    bytes
}

fn seal(
    key: &[u8; 32],
    header: Vec<u8>,
    associated_data: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let payload = Payload { msg: plaintext, aad: associated_data };
    let ciphertext = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload);
    debug_assert!(ciphertext.is_ok(), "the cipher takes 256 GiB");
    let mut sealed = header;
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext.unwrap_or_default());
    sealed
}

fn open(key: &[u8; 32], associated_data: &[u8], rest: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Malformed)?;
    let payload = Payload { msg: ciphertext, aad: associated_data };
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| SealError::Refused)
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, RecordId};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::{RecordPlace, SealError, open_local, open_record, reseal_local, seal_local, seal_record};
    use crate::secret::LocalStoreKey;

    const KEY: [u8; 32] = [1; 32];
    const PLACE: RecordPlace<'static> = RecordPlace {
        account: AccountId::from_bytes([2; 16]),
        collection: "vault",
        record: RecordId::from_bytes([3; 16]),
        version: 4,
    };

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(1)
    }

    fn sealed() -> Vec<u8> {
        seal_record(&KEY, 5, &PLACE, b"plaintext", &mut rng())
    }

    /// Tag and associated data were computed apart from this code; the seeded randomness fixes the nonce.
    #[test]
    fn a_record_has_its_golden_bytes() {
        let sealed = sealed();

        assert_eq!(sealed[..6], [1, 1, 0, 0, 0, 5]); // version, suite, generation
        assert_eq!(sealed[39..], GOLDEN_RECORD_TAG);
        assert_eq!(sealed.len(), 6 + 24 + 9 + 16);
    }

    const GOLDEN_RECORD_TAG: [u8; 16] =
        [0x15, 0xf2, 0xdd, 0xae, 0x28, 0x55, 0x3b, 0x15, 0x17, 0x33, 0x01, 0xbc, 0xea, 0xf2, 0xdf, 0x23];

    /// Likewise.
    #[test]
    fn a_local_value_has_its_golden_bytes() {
        let sealed = seal_local(&LocalStoreKey::from_bytes(KEY), "table/key", 6, b"plaintext", &mut rng());

        assert_eq!(sealed[..10], [1, 1, 0, 0, 0, 0, 0, 0, 0, 6]); // version, suite, write counter
        assert_eq!(sealed[43..], GOLDEN_LOCAL_TAG);
        assert_eq!(sealed.len(), 10 + 24 + 9 + 16);
    }

    const GOLDEN_LOCAL_TAG: [u8; 16] =
        [0xc6, 0x63, 0x32, 0x2b, 0xfc, 0x46, 0x2b, 0x40, 0x43, 0x21, 0x4b, 0x51, 0xbd, 0xed, 0x6e, 0x4c];

    #[test]
    fn a_record_opens_in_its_place_only() {
        let elsewhere = [
            RecordPlace { account: AccountId::from_bytes([9; 16]), ..PLACE },
            RecordPlace { collection: "settings", ..PLACE },
            RecordPlace { record: RecordId::from_bytes([9; 16]), ..PLACE },
            RecordPlace { version: 3, ..PLACE },
        ];

        let opened = open_record(&KEY, 5, &PLACE, &sealed()).unwrap();
        assert_eq!(opened.as_slice(), b"plaintext");
        for place in elsewhere {
            assert_eq!(open_record(&KEY, 5, &place, &sealed()), Err(SealError::Refused));
        }
        assert_eq!(open_record(&[9; 32], 5, &PLACE, &sealed()), Err(SealError::Refused));
        assert_eq!(
            open_record(&KEY, 6, &PLACE, &sealed()),
            Err(SealError::OtherGeneration { generation: 5 })
        );
    }

    #[test]
    fn a_local_value_opens_under_its_key_only() {
        let key = LocalStoreKey::from_bytes(KEY);
        let sealed = seal_local(&key, "table/key", 6, b"plaintext", &mut rng());

        assert_eq!(open_local(&key, "table/key", &sealed).unwrap().as_slice(), b"plaintext");
        assert_eq!(open_local(&key, "table/other", &sealed), Err(SealError::Refused));
        assert_eq!(
            open_local(&LocalStoreKey::from_bytes([9; 32]), "table/key", &sealed),
            Err(SealError::Refused)
        );
    }

    #[test]
    fn what_is_sealed_anew_opens_under_the_new_key_only_and_keeps_place_and_counter() {
        let [old, new] = [1, 2].map(|byte| LocalStoreKey::from_bytes([byte; 32]));
        let sealed = seal_local(&old, "table/key", 6, b"plaintext", &mut rng());

        let anew = reseal_local(&old, &new, "table/key", &sealed, &mut rng()).unwrap();

        assert_eq!(open_local(&new, "table/key", &anew).unwrap().as_slice(), b"plaintext");
        assert_eq!(anew[..10], sealed[..10]);
        assert_eq!(open_local(&old, "table/key", &anew), Err(SealError::Refused));
        assert_eq!(open_local(&new, "table/other", &anew), Err(SealError::Refused));
        assert_eq!(reseal_local(&new, &old, "table/key", &sealed, &mut rng()), Err(SealError::Refused));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let key = LocalStoreKey::from_bytes(KEY);
        let local = seal_local(&key, "table/key", 6, b"plaintext", &mut rng());
        let record = sealed();
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_record(&KEY, 5, &PLACE, &flipped).is_err(), "bit {bit}");
        }
        for bit in 0..local.len() * 8 {
            let mut flipped = local.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_local(&key, "table/key", &flipped).is_err(), "bit {bit}");
        }
        for length in 0..record.len() {
            assert!(open_record(&KEY, 5, &PLACE, &record[..length]).is_err());
        }
        for length in 0..local.len() {
            assert!(open_local(&key, "table/key", &local[..length]).is_err());
        }
    }
}
