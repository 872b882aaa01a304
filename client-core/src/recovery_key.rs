//! The recovery key: 160 random bits that a person writes down, as nine groups of four Crockford base32 characters.
//! The ninth group is a 20-bit checksum, so a typing error is told at once and mostly where it is.

use core::fmt;

use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    derive::{derive, prefixed},
    labels::{RECOVERY_AUTH, RECOVERY_CHECKSUM, RECOVERY_KEK},
    secret::secret_bytes,
};

/// Groups of a written recovery key.
pub const GROUPS: usize = 9;
/// Characters of a group.
pub const GROUP_CHARACTERS: usize = 4;

const BYTES: usize = 20;
const SYMBOLS: usize = GROUPS * GROUP_CHARACTERS;
const KEY_SYMBOLS: usize = SYMBOLS - GROUP_CHARACTERS;
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M',
    'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

secret_bytes!(
    /// KEK₂: wraps the account seed under the recovery key.
    RecoveryKek,
    32
);
secret_bytes!(
    /// The log-in half of a recovery key; the relay keeps its SHA-256.
    RecoveryAuth,
    32
);

impl RecoveryAuth {
    /// What the relay stores.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// A recovery key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryKey([u8; BYTES]);

/// Why a written recovery key can't be right. Groups are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryKeyError {
    /// A character that no recovery key has.
    #[error("group {group} has a character that is not part of a recovery key")]
    UnknownCharacter {
        /// The group it stands in.
        group: usize,
    },
    /// Characters are missing.
    #[error("the recovery key ends in group {group}")]
    TooShort {
        /// The first incomplete group.
        group: usize,
    },
    /// There are more than 36 characters.
    #[error("the recovery key has more than nine groups")]
    TooLong,
    /// The characters don't fit their checksum.
    #[error("the recovery key has a typing error")]
    Checksum {
        /// The group in which one wrong or two swapped characters would explain it, if there is just one such.
        likely_group: Option<usize>,
    },
}

impl RecoveryKey {
    /// A fresh recovery key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self([0; BYTES]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// Reads what a person typed: small letters, spaces and dashes are fine, O means 0, I and L mean 1.
    ///
    /// # Errors
    /// [`RecoveryKeyError`], by cause.
    pub fn parse(text: &str) -> Result<Self, RecoveryKeyError> {
        let symbols = parse_symbols(text)?;
        let key = Self(key_bytes(&symbols));
        if checksum(&key.0).as_slice() == symbols.get(KEY_SYMBOLS..).unwrap_or_default() {
            return Ok(key);
        }
        Err(RecoveryKeyError::Checksum { likely_group: likely_group(&symbols) })
    }

    /// The nine groups as they are written down.
    pub fn groups(&self) -> [Zeroizing<String>; GROUPS] {
        let symbols = self.symbols();
        let mut groups = symbols.chunks(GROUP_CHARACTERS);
        core::array::from_fn(|_| {
            let symbols = groups.next().unwrap_or_default();
            Zeroizing::new(symbols.iter().copied().map(character).collect())
        })
    }

    /// Whether `typed` is group `number` (from 1), read as leniently as [`Self::parse`] reads.
    pub fn group_matches(&self, number: usize, typed: &str) -> bool {
        let groups = self.groups();
        let expected = number.checked_sub(1).and_then(|index| groups.get(index));
        let typed: Option<Zeroizing<String>> = typed
            .chars()
            .filter(|&c| !is_separator(c))
            .map(|c| symbol(c).map(character))
            .collect::<Option<String>>()
            .map(Zeroizing::new);
        match (expected, typed) {
            (Some(expected), Some(typed)) => {
                bool::from(subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), typed.as_bytes()))
            }
            _ => false,
        }
    }

    /// The whole key as it is written down: groups joined by dashes.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SYMBOLS + GROUPS));
        for (index, group) in self.groups().iter().enumerate() {
            if index > 0 {
                text.push('-');
            }
            text.push_str(group);
        }
        text
    }

    /// KEK₂, which wraps the account seed.
    pub fn kek(&self) -> RecoveryKek {
        RecoveryKek(*derive(RECOVERY_KEK, &self.0, &[]))
    }

    /// The half that is shown to the relay at log-in; it tells nothing about [`Self::kek`].
    pub fn auth(&self) -> RecoveryAuth {
        RecoveryAuth(*derive(RECOVERY_AUTH, &self.0, &[]))
    }

    fn symbols(&self) -> Zeroizing<Vec<u8>> {
        let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
        for chunk in self.0.chunks(5) {
            let bits = chunk.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
            symbols.extend((0..8).rev().map(|place| five_bits(bits >> (place * 5))));
        }
        symbols.extend(checksum(&self.0));
        symbols
    }
}

impl PartialEq for RecoveryKey {
    fn eq(&self, other: &Self) -> bool {
        bool::from(subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]))
    }
}

impl Eq for RecoveryKey {}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(***)")
    }
}

/// The first 20 bits of SHA-256 over label and key, as four symbols.
fn checksum(key: &[u8; BYTES]) -> [u8; GROUP_CHARACTERS] {
    let mut hash = Sha256::new();
    hash.update(prefixed(RECOVERY_CHECKSUM));
    hash.update(key);
    let bits = hash.finalize().iter().take(8).fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
    [59, 54, 49, 44].map(|shift| five_bits(bits >> shift))
}

fn five_bits(bits: u64) -> u8 {
    let [.., low] = bits.to_be_bytes();
    low & 0x1f
}

fn key_bytes(symbols: &[u8]) -> [u8; BYTES] {
    let mut key = [0; BYTES];
    for (bytes, symbols) in key.chunks_mut(5).zip(symbols.chunks(8)) {
        let bits = symbols.iter().fold(0_u64, |bits, &symbol| bits << 5 | u64::from(symbol));
        bytes.copy_from_slice(bits.to_be_bytes().get(3..).unwrap_or_default());
    }
    key
}

fn parse_symbols(text: &str) -> Result<Zeroizing<Vec<u8>>, RecoveryKeyError> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
    for c in text.chars().filter(|&c| !is_separator(c)) {
        if symbols.len() == SYMBOLS {
            return Err(RecoveryKeyError::TooLong);
        }
        let group = symbols.len() / GROUP_CHARACTERS + 1;
        symbols.push(symbol(c).ok_or(RecoveryKeyError::UnknownCharacter { group })?);
    }
    if symbols.len() < SYMBOLS {
        return Err(RecoveryKeyError::TooShort { group: symbols.len() / GROUP_CHARACTERS + 1 });
    }
    Ok(symbols)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '‐' | '‑' | '–' | '—' | '_' | '.' | ',')
}

fn symbol(c: char) -> Option<u8> {
    let folded = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = ALPHABET.iter().position(|&known| known == folded)?;
    u8::try_from(position).ok()
}

fn character(symbol: u8) -> char {
    ALPHABET.get(usize::from(symbol)).copied().unwrap_or_default()
}

/// Tries each single wrong character and each swap of neighbours; names the group if only one explains the error.
fn likely_group(symbols: &[u8]) -> Option<usize> {
    let mut groups: Vec<usize> = Vec::new();
    let mut candidate = Zeroizing::new(symbols.to_vec());
    for (place, &typed) in symbols.iter().enumerate() {
        for other in (0..32).filter(|&other| other != typed) {
            set(&mut candidate, place, other);
            if fits(&candidate) {
                groups.push(place / GROUP_CHARACTERS + 1);
            }
        }
        set(&mut candidate, place, typed);
        if place + 1 < symbols.len() {
            candidate.swap(place, place + 1);
            if fits(&candidate) {
                groups.push(place / GROUP_CHARACTERS + 1);
            }
            candidate.swap(place, place + 1);
        }
    }
    groups.dedup();
    match groups.as_slice() {
        [group] => Some(*group),
        _ => None,
    }
}

fn set(symbols: &mut [u8], place: usize, value: u8) {
    if let Some(symbol) = symbols.get_mut(place) {
        *symbol = value;
    }
}

fn fits(symbols: &[u8]) -> bool {
    let key = Zeroizing::new(key_bytes(symbols));
    checksum(&key).as_slice() == symbols.get(KEY_SYMBOLS..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::{RecoveryKey, RecoveryKeyError};

    fn key() -> RecoveryKey {
        RecoveryKey(core::array::from_fn(|index| u8::try_from(index * 13).unwrap()))
    }

    /// Computed apart from this code, and fixed for ever: people keep it on paper.
    #[test]
    fn a_recovery_key_has_its_golden_text() {
        assert_eq!(key().to_text().as_str(), GOLDEN_TEXT);
        assert_eq!(key().kek().expose()[..4], GOLDEN_KEK);
        assert_eq!(key().auth().expose()[..4], GOLDEN_AUTH);
    }

    const GOLDEN_TEXT: &str = "006H-M9SM-8575-PT3N-GA7S-SADP-RF8D-VTQQ-1PHQ";
    const GOLDEN_KEK: [u8; 4] = [0x24, 0x42, 0xc5, 0xd5];
    const GOLDEN_AUTH: [u8; 4] = [0x3c, 0xe4, 0x3e, 0x48];

    #[test]
    fn random_keys_read_back_from_their_text() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for _ in 0..200 {
            let key = RecoveryKey::generate(&mut rng);
            assert_eq!(RecoveryKey::parse(&key.to_text()), Ok(key));
        }
    }

    #[test]
    fn small_letters_look_alikes_and_separators_are_read() {
        let text = key().to_text().to_lowercase();
        let spaced = text.replace('-', " – ");
        let confused = text.replace('0', "o").replace('1', "L");

        for typed in [&text, &spaced, &confused, &text.replace('-', ""), &format!("  {text}\n")] {
            assert_eq!(RecoveryKey::parse(typed), Ok(key()), "{typed}");
        }
    }

    #[test]
    fn one_wrong_character_is_found_in_its_group() {
        let text = key().to_text();
        let plain: Vec<char> = text.chars().filter(|&c| c != '-').collect();
        for (place, &c) in plain.iter().enumerate() {
            let mut typed = plain.clone();
            typed[place] = if c == 'Z' { '2' } else { 'Z' };
            let typed: String = typed.into_iter().collect();

            let expected = RecoveryKeyError::Checksum { likely_group: Some(place / 4 + 1) };
            assert_eq!(RecoveryKey::parse(&typed), Err(expected));
        }
    }

    #[test]
    fn swapped_characters_and_groups_are_refused() {
        let groups = key().groups();
        let mut swapped: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
        swapped.swap(2, 5);

        assert!(matches!(RecoveryKey::parse(&swapped.join("-")), Err(RecoveryKeyError::Checksum { .. })));
    }

    #[test]
    fn unknown_characters_and_wrong_lengths_name_their_group() {
        let text = key().to_text();
        let with_u = format!("{}U{}", &text[..11], &text[12..]);
        let longer = format!("{}0", text.as_str());

        assert_eq!(RecoveryKey::parse(&with_u), Err(RecoveryKeyError::UnknownCharacter { group: 3 }));
        assert_eq!(RecoveryKey::parse(""), Err(RecoveryKeyError::TooShort { group: 1 }));
        assert_eq!(RecoveryKey::parse(&text[..text.len() - 1]), Err(RecoveryKeyError::TooShort { group: 9 }));
        assert_eq!(RecoveryKey::parse(&longer), Err(RecoveryKeyError::TooLong));
        for length in 0..text.len() {
            assert!(RecoveryKey::parse(&text[..length]).is_err());
        }
    }

    #[test]
    fn a_retyped_group_matches_itself_only() {
        let [first, second, ..] = key().groups();

        assert!(key().group_matches(1, &first.to_lowercase()));
        assert!(key().group_matches(2, &format!(" {} ", second.as_str())));
        assert!(!key().group_matches(1, &second));
        assert!(!key().group_matches(0, &first));
        assert!(!key().group_matches(10, &first));
        assert!(!key().group_matches(1, ""));
        assert!(!key().group_matches(1, &first[..3]));
    }

    #[test]
    fn the_two_halves_of_a_key_differ() {
        assert_ne!(key().kek().expose(), key().auth().expose());
        assert_ne!(key().auth().hash(), *key().auth().expose());
    }
}
