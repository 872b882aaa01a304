//! Fingerprints, safety numbers and the QR that two people compare (K-4).

use core::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{AccountId, IdentityKey, layout::Reader};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::labels::IDENTITY;

/// Begins the text of a QR.
pub const QR_PREFIX: &str = "sotto-verify:v1:";

const QR_BYTES: usize = 2 * (16 + 32);

/// SHA-256(`sotto/v1/identity` || account id || identity key).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// An account and its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprinted {
    /// The account.
    pub account: AccountId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl Fingerprint {
    /// The fingerprint of an account.
    pub fn of(account: AccountId, identity_key: &IdentityKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(IDENTITY.as_bytes());
        hash.update(account.as_bytes());
        hash.update(identity_key.as_bytes());
        Self(hash.finalize().into())
    }

    /// The first half: 8 groups of 4 hex digits.
    pub fn short(&self) -> String {
        self.hex_groups(8)
    }

    /// All of it: 16 groups of 4 hex digits.
    pub fn whole(&self) -> String {
        self.hex_groups(16)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn hex_groups(&self, groups: usize) -> String {
        let groups: Vec<String> = self
            .0
            .chunks_exact(2)
            .take(groups)
            .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        groups.join(" ")
    }

    /// Six groups of five digits: each the next five bytes, big-endian, mod 100,000.
    fn digits(&self) -> Vec<String> {
        self.0
            .chunks_exact(5)
            .map(|bytes| {
                let number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
                format!("{:05}", number % 100_000)
            })
            .collect()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.short())
    }
}

/// The safety number of two people: 60 digits in 12 groups, the lower half first, so it is the same on both sides.
pub fn safety_number(one: &Fingerprint, other: &Fingerprint) -> String {
    let mut halves = [one.digits(), other.digits()];
    halves.sort();
    halves.concat().join(" ")
}

/// The text of the QR that `me` shows to `contact`: prefix, base64url(my id 16 | my fingerprint 32 | id and
/// fingerprint of the contact as I know them).
pub fn qr_text(me: &Fingerprinted, contact: &Fingerprinted) -> String {
    let bytes: Vec<u8> = [me, contact]
        .iter()
        .flat_map(|one| one.account.as_bytes().iter().chain(&one.fingerprint.0))
        .copied()
        .collect();
    format!("{QR_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What a scanned QR says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrVerdict {
    /// Both sides know the same two keys.
    Match,
    /// Somebody sees another key than the other.
    Mismatch(Mismatch),
    /// It is a QR of other people.
    NotForUs,
    /// It is no QR of this kind or version.
    Malformed,
}

/// Whose keys differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The contact's key is another than the one that I know.
    Theirs,
    /// The contact knows another key of mine than I have.
    Mine,
    /// Both.
    Both,
}

/// Compares a QR that `contact` showed with what `me` knows, in constant time.
pub fn compare_qr(text: &str, me: &Fingerprinted, contact: &Fingerprinted) -> QrVerdict {
    let Some((shown_by, shown_to)) = parse_qr(text) else {
        return QrVerdict::Malformed;
    };
    if shown_by.account != contact.account || shown_to.account != me.account {
        return QrVerdict::NotForUs;
    }
    let theirs: Choice = shown_by.fingerprint.0.ct_eq(&contact.fingerprint.0);
    let mine: Choice = shown_to.fingerprint.0.ct_eq(&me.fingerprint.0);
    match (bool::from(theirs), bool::from(mine)) {
        (true, true) => QrVerdict::Match,
        (false, true) => QrVerdict::Mismatch(Mismatch::Theirs),
        (true, false) => QrVerdict::Mismatch(Mismatch::Mine),
        (false, false) => QrVerdict::Mismatch(Mismatch::Both),
    }
}

fn parse_qr(text: &str) -> Option<(Fingerprinted, Fingerprinted)> {
    let encoded = text.trim().strip_prefix(QR_PREFIX)?;
    let mut bytes = [0; QR_BYTES];
    if URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) != Ok(QR_BYTES) {
        return None;
    }
    let mut reader = Reader::new(&bytes);
    let mut one = || {
        Some(Fingerprinted {
            account: AccountId::from_bytes(reader.array().ok()?),
            fingerprint: Fingerprint(reader.array().ok()?),
        })
    };
    Some((one()?, one()?))
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, IdentityKey};

    use super::{
        Fingerprint, Fingerprinted, Mismatch, QR_PREFIX, QrVerdict, compare_qr, qr_text, safety_number,
    };

    fn person(account: u8, key: u8) -> Fingerprinted {
        let account = AccountId::from_bytes([account; 16]);
        Fingerprinted { account, fingerprint: Fingerprint::of(account, &IdentityKey::from_bytes([key; 32])) }
    }

    /// Computed apart from this code.
    #[test]
    fn a_fingerprint_and_a_safety_number_have_their_golden_text() {
        let (alice, bob) = (person(1, 3).fingerprint, person(2, 4).fingerprint);

        assert_eq!(alice.short(), GOLDEN_SHORT);
        assert_eq!(alice.whole(), GOLDEN_WHOLE);
        assert_eq!(safety_number(&alice, &bob), GOLDEN_SAFETY);
    }

    const GOLDEN_SHORT: &str = "f275 c167 803b 4641 768e e71e bd14 a4a1";
    const GOLDEN_WHOLE: &str =
        "f275 c167 803b 4641 768e e71e bd14 a4a1 8071 2980 b76f e170 8702 3cc6 a184 baeb";
    const GOLDEN_SAFETY: &str = "60514 03816 22363 73722 41988 22442 94848 65774 53444 34496 60551 85028";

    #[test]
    fn a_safety_number_is_the_same_on_both_sides_and_changes_with_a_key() {
        let (alice, bob) = (person(1, 3).fingerprint, person(2, 4).fingerprint);
        let mallory = person(2, 5).fingerprint;

        assert_eq!(safety_number(&alice, &bob), safety_number(&bob, &alice));
        assert_ne!(safety_number(&alice, &bob), safety_number(&alice, &mallory));
        assert_eq!(safety_number(&alice, &bob).split(' ').count(), 12);
    }

    #[test]
    fn one_key_of_two_accounts_has_two_fingerprints() {
        assert_ne!(person(1, 3).fingerprint, person(2, 3).fingerprint);
    }

    #[test]
    fn a_qr_says_whose_key_differs() {
        let (alice, bob) = (person(1, 3), person(2, 4));
        let (false_alice, false_bob) = (person(1, 8), person(2, 9));
        let scanned_by_bob = |text: &str| compare_qr(text, &bob, &alice);

        assert_eq!(scanned_by_bob(&qr_text(&alice, &bob)), QrVerdict::Match);
        assert_eq!(scanned_by_bob(&qr_text(&false_alice, &bob)), QrVerdict::Mismatch(Mismatch::Theirs));
        assert_eq!(scanned_by_bob(&qr_text(&alice, &false_bob)), QrVerdict::Mismatch(Mismatch::Mine));
        assert_eq!(scanned_by_bob(&qr_text(&false_alice, &false_bob)), QrVerdict::Mismatch(Mismatch::Both));
    }

    #[test]
    fn a_qr_of_others_or_ones_own_is_not_for_us() {
        let (alice, bob, carol) = (person(1, 3), person(2, 4), person(5, 6));

        for text in [qr_text(&carol, &bob), qr_text(&alice, &carol), qr_text(&bob, &alice)] {
            assert_eq!(compare_qr(&text, &bob, &alice), QrVerdict::NotForUs);
        }
    }

    #[test]
    fn truncations_and_other_texts_are_malformed() {
        let (alice, bob) = (person(1, 3), person(2, 4));
        let text = qr_text(&alice, &bob);
        for length in 0..text.len() {
            assert_eq!(compare_qr(&text[..length], &bob, &alice), QrVerdict::Malformed);
        }
        let longer = format!("{text}AAAA");
        let later = text.replace(":v1:", ":v2:");
        for text in [longer.as_str(), &later, "https://example.org/", QR_PREFIX, "ä"] {
            assert_eq!(compare_qr(text, &bob, &alice), QrVerdict::Malformed);
        }
    }
}
