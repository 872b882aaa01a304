//! The lock of a local store: its key under a key that is stretched from a passphrase. Nothing else in the browser then
//! opens the store.
//!
//! | magic `SLCK` | version 1 | suite 1 | kind 1 | salt | nonce | commitment | ciphertext |
//! |---:|---:|---:|---:|---:|---:|---:|---:|
//! | 4 | 1 | 1 | 1 | 16 | 24 | 32 | 48 |
//!
//! Key = Argon2id(passphrase, salt), 64 MiB, three passes, one lane: suite 1 says so, the bytes can't ask for less. The
//! rest is as in [`crate::wraps`], with magic … salt as the place. Store keys are random, so the key itself says to which
//! store a lock belongs. Passphrases are UTF-8 in NFC, as passwords are.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    labels::STORE_LOCK,
    secret::LocalStoreKey,
    stretching::stretch,
    wraps::{COMMITMENT_BYTES, NONCE_BYTES, TAG_BYTES, WrapError, unwrap_under, wrap_under},
};

/// Bytes of every lock.
pub const STORE_LOCK_BYTES: usize = PREFIX_BYTES + NONCE_BYTES + COMMITMENT_BYTES + 32 + TAG_BYTES;

const PREFIX_BYTES: usize = HEAD.len() + SALT_BYTES;
const SALT_BYTES: usize = 16;
/// Magic, version, suite (Argon2id, XChaCha20-Poly1305 with HKDF-SHA-256), kind (passphrase).
const HEAD: [u8; 7] = *b"SLCK\x01\x01\x01";

/// A passphrase that can't be used: it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the passphrase cannot be used")]
pub struct Unusable;

/// Locks a store key under a passphrase. Takes as long as the key stretching.
///
/// # Errors
/// [`Unusable`].
pub fn lock_store(
    key: &LocalStoreKey,
    passphrase: &str,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, Unusable> {
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    let kek = stretched(passphrase, &salt).ok_or(Unusable)?;
    Ok(wrap_under(STORE_LOCK, &kek, [HEAD.as_slice(), &salt].concat(), key.expose(), rng))
}

/// Opens what [`lock_store`] made. Takes as long as the key stretching.
///
/// # Errors
/// [`WrapError::Refused`]: another passphrase, or changed since; [`WrapError::Malformed`].
pub fn unlock_store(lock: &[u8], passphrase: &str) -> Result<LocalStoreKey, WrapError> {
    if lock.len() != STORE_LOCK_BYTES || !lock.starts_with(&HEAD) {
        return Err(WrapError::Malformed);
    }
    let (prefix, _) = lock.split_at_checked(PREFIX_BYTES).ok_or(WrapError::Malformed)?;
    let salt = prefix.get(HEAD.len()..).ok_or(WrapError::Malformed)?;
    let kek = stretched(passphrase, salt).ok_or(WrapError::Refused)?;
    unwrap_under(STORE_LOCK, &kek, prefix, lock).map(|key| LocalStoreKey::from_bytes(*key))
}

fn stretched(passphrase: &str, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if passphrase.is_empty() {
        return None;
    }
    stretch(passphrase.as_bytes(), salt, key.as_mut_slice()).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::{HEAD, STORE_LOCK_BYTES, Unusable, lock_store, unlock_store};
    use crate::{secret::LocalStoreKey, wraps::WrapError};

    const PASSPHRASE: &str = "four copper kettles";

    fn key() -> LocalStoreKey {
        LocalStoreKey::from_bytes([4; 32])
    }

    fn locked() -> Vec<u8> {
        lock_store(&key(), PASSPHRASE, &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    /// Commitment and ciphertext were computed apart from this code, with the cheap parameters of tests; the seeded
    /// randomness fixes salt and nonce.
    #[test]
    fn a_lock_has_its_golden_bytes() {
        let lock = locked();

        assert_eq!(lock[..7], HEAD); // magic, version, suite, kind
        assert_eq!(lock[47..55], GOLDEN_COMMITMENT);
        assert_eq!(lock[79..87], GOLDEN_CIPHERTEXT);
        assert_eq!(lock.len(), STORE_LOCK_BYTES);
    }

    const GOLDEN_COMMITMENT: [u8; 8] = [0x94, 0x91, 0x5b, 0x59, 0x87, 0x06, 0x70, 0x2c];
    const GOLDEN_CIPHERTEXT: [u8; 8] = [0x59, 0xcf, 0x93, 0xcd, 0x2a, 0x95, 0x19, 0xee];

    #[test]
    fn a_lock_opens_with_its_passphrase_only() {
        let lock = locked();

        assert_eq!(unlock_store(&lock, PASSPHRASE), Ok(key()));
        for wrong in ["four copper kettle", "Four copper kettles", " four copper kettles", ""] {
            assert_eq!(unlock_store(&lock, wrong), Err(WrapError::Refused), "{wrong:?}");
        }
    }

    #[test]
    fn no_passphrase_is_no_lock() {
        let refused = lock_store(&key(), "", &mut ChaCha20Rng::seed_from_u64(1));

        assert_eq!(refused, Err(Unusable));
    }

    #[test]
    fn two_locks_of_one_store_look_unrelated() {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let another = lock_store(&key(), PASSPHRASE, &mut rng).unwrap();
        let lock = locked();

        assert_ne!(lock[7..23], another[7..23]);
        assert_ne!(lock[23..47], another[23..47]);
        assert_ne!(lock[47..79], another[47..79]);
        assert_ne!(lock[79..], another[79..]);
    }

    #[test]
    fn every_changed_byte_and_every_truncation_is_refused() {
        let lock = locked();
        for place in 0..lock.len() {
            let mut changed = lock.clone();
            changed[place] ^= 1;
            assert!(unlock_store(&changed, PASSPHRASE).is_err(), "byte {place}");
        }
        for length in 0..lock.len() {
            assert_eq!(unlock_store(&lock[..length], PASSPHRASE), Err(WrapError::Malformed));
        }
        let longer = [lock.as_slice(), &[0]].concat();
        assert_eq!(unlock_store(&longer, PASSPHRASE), Err(WrapError::Malformed));
    }

    /// A ciphertext with a tag that fits under the AEAD key, but somebody else's commitment.
    #[test]
    fn a_wrong_commitment_is_refused_even_if_the_rest_is_whole() {
        let mut spliced = locked();
        let another = lock_store(&key(), PASSPHRASE, &mut ChaCha20Rng::seed_from_u64(7)).unwrap();
        spliced[47..79].copy_from_slice(&another[47..79]);

        assert_eq!(unlock_store(&spliced, PASSPHRASE), Err(WrapError::Refused));
    }
}
