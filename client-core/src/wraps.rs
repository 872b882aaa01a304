//! Wrapped keys: the account seed under the password's or the recovery key's key, a root key under the root-wrap
//! key. Only who has the secret above can have made one, so the relay can't slip in keys of its own.
//!
//! | magic `SWRP` | version 1 | suite 1 | kind | account | generation | nonce | commitment | ciphertext |
//! |---:|---:|---:|---:|---:|---:|---:|---:|---:|
//! | 4 | 1 | 1 | 1 | 16 | 4 | 24 | 32 | 48 |
//!
//! okm = HKDF-SHA-256(salt = nonce, ikm = the key above, info = label || magic … generation) → AEAD key 32 |
//! commitment 32. Ciphertext: XChaCha20-Poly1305 with everything before it as associated data. The commitment is
//! compared in constant time before anything is opened, since the AEAD does not commit to its key.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use protocol::{AccountId, accounts::WrapKind, layout::Reader};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    account_seed::{AccountSeed, PasswordKek, RootWrapKey},
    derive::{expand, prefixed},
    labels::{Label, WRAP},
    recovery_key::RecoveryKek,
    root_key::RootKey,
};

/// Bytes of every wrap.
pub const WRAP_BYTES: usize = PREFIX_BYTES + NONCE_BYTES + COMMITMENT_BYTES + 32 + TAG_BYTES;

const MAGIC: &[u8; 4] = b"SWRP";
const VERSION: u8 = 1;
/// XChaCha20-Poly1305 with HKDF-SHA-256.
const SUITE: u8 = 1;
const PREFIX_BYTES: usize = 4 + 3 + 16 + 4;
pub(crate) const NONCE_BYTES: usize = 24;
pub(crate) const COMMITMENT_BYTES: usize = 32;
pub(crate) const TAG_BYTES: usize = 16;

/// Why a wrap was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Too short, too long, or not a wrap of this version.
    #[error("these bytes are not a wrap of this version")]
    Malformed,
    /// A wrap of another account, kind or generation than was asked for.
    #[error("the wrap belongs elsewhere")]
    Misplaced,
    /// Not made with this key, or changed since.
    #[error("the wrap does not open with this key")]
    Refused,
}

/// The key that wraps an account seed.
#[derive(Debug, Clone, Copy)]
pub enum SeedKek<'a> {
    /// KEK₁.
    Password(&'a PasswordKek),
    /// KEK₂.
    Recovery(&'a RecoveryKek),
}

impl SeedKek<'_> {
    /// The kind of wrap that this key makes.
    pub const fn kind(self) -> WrapKind {
        match self {
            Self::Password(_) => WrapKind::Password,
            Self::Recovery(_) => WrapKind::Recovery,
        }
    }

    const fn bytes(&self) -> &[u8; 32] {
        match self {
            Self::Password(kek) => kek.expose(),
            Self::Recovery(kek) => kek.expose(),
        }
    }
}

/// Wraps the account seed of `account`. Generation 0.
pub fn wrap_seed(
    kek: SeedKek<'_>,
    account: AccountId,
    seed: &AccountSeed,
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let place = Place { kind: kek.kind(), account, generation: 0 };
    place.wrap(kek.bytes(), seed.expose(), rng)
}

/// Opens what [`wrap_seed`] made.
///
/// # Errors
/// [`WrapError`], by cause.
pub fn unwrap_seed(kek: SeedKek<'_>, account: AccountId, wrap: &[u8]) -> Result<AccountSeed, WrapError> {
    let place = Place { kind: kek.kind(), account, generation: 0 };
    place.unwrap(kek.bytes(), wrap).map(|seed| AccountSeed::from_bytes(*seed))
}

/// Wraps a root key of `account`.
pub fn wrap_root(
    root_wrap_key: &RootWrapKey,
    account: AccountId,
    root_key: &RootKey,
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let place = Place { kind: WrapKind::Root, account, generation: root_key.generation() };
    place.wrap(root_wrap_key.expose(), root_key.expose(), rng)
}

/// Opens what [`wrap_root`] made for `generation`. Compare [`RootKey::commitment`] with the device list.
///
/// # Errors
/// [`WrapError`], by cause.
pub fn unwrap_root(
    root_wrap_key: &RootWrapKey,
    account: AccountId,
    generation: u32,
    wrap: &[u8],
) -> Result<RootKey, WrapError> {
    let place = Place { kind: WrapKind::Root, account, generation };
    place.unwrap(root_wrap_key.expose(), wrap).map(|key| RootKey::from_bytes(generation, *key))
}

/// What a wrap is of.
struct Place {
    kind: WrapKind,
    account: AccountId,
    generation: u32,
}

impl Place {
    fn wrap(&self, kek: &[u8; 32], secret: &[u8; 32], rng: &mut impl CryptoRng) -> Vec<u8> {
        wrap_under(WRAP, kek, self.prefix(), secret, rng)
    }

    fn unwrap(&self, kek: &[u8; 32], wrap: &[u8]) -> Result<Zeroizing<[u8; 32]>, WrapError> {
        if wrap.len() != WRAP_BYTES {
            return Err(WrapError::Malformed);
        }
        let prefix = self.prefix();
        if wrap.get(..6) != prefix.get(..6) {
            return Err(WrapError::Malformed);
        }
        if !wrap.starts_with(&prefix) {
            return Err(WrapError::Misplaced);
        }
        unwrap_under(WRAP, kek, &prefix, wrap)
    }

    /// Magic, version, suite, kind, account, generation.
    fn prefix(&self) -> Vec<u8> {
        let kind = match self.kind {
            WrapKind::Password => 1,
            WrapKind::Recovery => 2,
            WrapKind::Root => 4,
        };
        let mut prefix = Vec::with_capacity(WRAP_BYTES);
        prefix.extend_from_slice(MAGIC);
        prefix.extend_from_slice(&[VERSION, SUITE, kind]);
        prefix.extend_from_slice(self.account.as_bytes());
        prefix.extend_from_slice(&self.generation.to_be_bytes());
        prefix
    }
}

/// Prefix, nonce, commitment, ciphertext: `secret` under `kek`, bound to `prefix`, which names its place.
pub(crate) fn wrap_under(
    label: Label,
    kek: &[u8; 32],
    prefix: Vec<u8>,
    secret: &[u8; 32],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let mut wrap = prefix;
    let (key, commitment) = keys(label, kek, &wrap, &nonce);
    wrap.extend_from_slice(&nonce);
    wrap.extend_from_slice(&commitment);
    let payload = Payload { msg: secret, aad: &wrap };
    let ciphertext = XChaCha20Poly1305::new((&*key).into()).encrypt(&XNonce::from(nonce), payload);
    debug_assert!(ciphertext.is_ok(), "32 bytes are not too many");
    wrap.extend_from_slice(&ciphertext.unwrap_or_default());
    wrap
}

/// Opens what [`wrap_under`] made with the same label and prefix.
pub(crate) fn unwrap_under(
    label: Label,
    kek: &[u8; 32],
    prefix: &[u8],
    wrap: &[u8],
) -> Result<Zeroizing<[u8; 32]>, WrapError> {
    let (header, ciphertext) =
        wrap.split_at_checked(prefix.len() + NONCE_BYTES + COMMITMENT_BYTES).ok_or(WrapError::Malformed)?;
    if ciphertext.len() != 32 + TAG_BYTES {
        return Err(WrapError::Malformed);
    }
    let mut reader = Reader::new(header.strip_prefix(prefix).ok_or(WrapError::Misplaced)?);
    let nonce: [u8; NONCE_BYTES] = reader.array().map_err(|_| WrapError::Malformed)?;
    let claimed: [u8; COMMITMENT_BYTES] = reader.array().map_err(|_| WrapError::Malformed)?;
    let (key, commitment) = keys(label, kek, prefix, &nonce);
    if !bool::from(commitment.ct_eq(&claimed)) {
        return Err(WrapError::Refused);
    }
    let payload = Payload { msg: ciphertext, aad: header };
    let opened = XChaCha20Poly1305::new((&*key).into())
        .decrypt(&XNonce::from(nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| WrapError::Refused)?;
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(&opened);
    Ok(secret)
}

/// AEAD key and commitment of one wrap.
fn keys(
    label: Label,
    kek: &[u8; 32],
    prefix: &[u8],
    nonce: &[u8; NONCE_BYTES],
) -> (Zeroizing<[u8; 32]>, [u8; 32]) {
    let mut info = prefixed(label);
    info.extend_from_slice(prefix);
    let okm: Zeroizing<[u8; 64]> = expand(Some(nonce), kek, &info);
    let mut key = Zeroizing::new([0; 32]);
    let mut commitment = [0; COMMITMENT_BYTES];
    for (to, from) in key.iter_mut().chain(&mut commitment).zip(okm.iter()) {
        *to = *from;
    }
    (key, commitment)
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, limits::WRAP_BYTES_MAX};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::{SeedKek, WRAP_BYTES, WrapError, unwrap_root, unwrap_seed, wrap_root, wrap_seed};
    use crate::{
        account_seed::{AccountSeed, PasswordKek, RootWrapKey},
        recovery_key::RecoveryKek,
        root_key::RootKey,
    };

    const ALICE: AccountId = AccountId::from_bytes([1; 16]);
    const BOB: AccountId = AccountId::from_bytes([2; 16]);

    fn wrapped() -> (PasswordKek, AccountSeed, Vec<u8>) {
        let kek = PasswordKek::from_bytes([3; 32]);
        let seed = AccountSeed::from_bytes([4; 32]);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let wrap = wrap_seed(SeedKek::Password(&kek), ALICE, &seed, &mut rng);
        (kek, seed, wrap)
    }

    /// Commitment and ciphertext were computed apart from this code; the seeded randomness fixes the nonce.
    #[test]
    fn a_wrap_has_its_golden_bytes() {
        let (_, _, wrap) = wrapped();

        let mut header = Vec::new();
        header.extend(b"SWRP"); // magic
        header.extend([1, 1]); // version, suite
        header.extend([1]); // kind: password
        header.extend([1; 16]); // account
        header.extend([0, 0, 0, 0]); // generation
        assert_eq!(wrap[..27], header);
        assert_eq!(wrap[51..59], GOLDEN_COMMITMENT);
        assert_eq!(wrap[83..91], GOLDEN_CIPHERTEXT);
        assert_eq!(wrap.len(), WRAP_BYTES);
        const { assert!(WRAP_BYTES <= WRAP_BYTES_MAX) };
    }

    const GOLDEN_COMMITMENT: [u8; 8] = [0x67, 0x90, 0x86, 0x7d, 0xf9, 0xfa, 0x7f, 0xec];
    const GOLDEN_CIPHERTEXT: [u8; 8] = [0xb3, 0x8f, 0x35, 0x64, 0xb5, 0x75, 0xf5, 0x28];

    #[test]
    fn a_wrapped_seed_opens_with_its_key_only() {
        let (kek, seed, wrap) = wrapped();
        let other = PasswordKek::from_bytes([9; 32]);

        assert_eq!(unwrap_seed(SeedKek::Password(&kek), ALICE, &wrap), Ok(seed));
        assert_eq!(unwrap_seed(SeedKek::Password(&other), ALICE, &wrap), Err(WrapError::Refused));
    }

    #[test]
    fn a_wrap_of_another_account_or_kind_is_misplaced() {
        let (kek, _, wrap) = wrapped();
        let recovery = RecoveryKek::from_bytes(*kek.expose());

        assert_eq!(unwrap_seed(SeedKek::Password(&kek), BOB, &wrap), Err(WrapError::Misplaced));
        assert_eq!(unwrap_seed(SeedKek::Recovery(&recovery), ALICE, &wrap), Err(WrapError::Misplaced));
    }

    #[test]
    fn a_wrap_rewritten_for_another_place_is_refused() {
        let (kek, _, mut wrap) = wrapped();
        wrap[7..23].copy_from_slice(BOB.as_bytes());

        assert_eq!(unwrap_seed(SeedKek::Password(&kek), BOB, &wrap), Err(WrapError::Refused));
    }

    #[test]
    fn a_root_key_opens_for_its_generation_only() {
        let root_wrap = RootWrapKey::from_bytes([5; 32]);
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let root = RootKey::generate(3, &mut rng);
        let wrap = wrap_root(&root_wrap, ALICE, &root, &mut rng);

        assert_eq!(unwrap_root(&root_wrap, ALICE, 3, &wrap), Ok(root));
        assert_eq!(unwrap_root(&root_wrap, ALICE, 2, &wrap), Err(WrapError::Misplaced));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let (kek, _, wrap) = wrapped();
        for bit in 0..wrap.len() * 8 {
            let mut flipped = wrap.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unwrap_seed(SeedKek::Password(&kek), ALICE, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..wrap.len() {
            let cut = &wrap[..length];
            assert_eq!(unwrap_seed(SeedKek::Password(&kek), ALICE, cut), Err(WrapError::Malformed));
        }
        let longer = [wrap.as_slice(), &[0]].concat();
        assert_eq!(unwrap_seed(SeedKek::Password(&kek), ALICE, &longer), Err(WrapError::Malformed));
    }

    /// A ciphertext with a tag that fits under the AEAD key, but somebody else's commitment.
    #[test]
    fn a_wrong_commitment_is_refused_even_if_the_rest_is_whole() {
        let (kek, seed, wrap) = wrapped();
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let another = wrap_seed(SeedKek::Password(&kek), ALICE, &seed, &mut rng);
        let mut spliced = wrap;
        spliced[51..83].copy_from_slice(&another[51..83]);

        assert_eq!(unwrap_seed(SeedKek::Password(&kek), ALICE, &spliced), Err(WrapError::Refused));
    }

    #[test]
    fn two_wraps_of_one_seed_look_unrelated() {
        let (kek, seed, wrap) = wrapped();
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let another = wrap_seed(SeedKek::Password(&kek), ALICE, &seed, &mut rng);

        assert_ne!(wrap[27..51], another[27..51]);
        assert_ne!(wrap[51..83], another[51..83]);
        assert_ne!(wrap[83..], another[83..]);
    }
}
