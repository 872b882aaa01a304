//! Recovery codes: ten times fifty random bits, shown once. The database keeps HMACs, so that a stolen one gives
//! nothing to guess at.

use aws_lc_rs::hmac;
use protocol::{AccountId, factors::FactorCode, limits::RECOVERY_CODES};

use crate::error::ApiError;
use crate::secrets::{random, tag};

/// Characters of a code: fifty bits.
const CHARS: usize = 10;
/// Crockford's base 32: no I, L, O or U.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M',
    'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

/// Fresh codes for an account.
pub fn generate() -> Result<Vec<FactorCode>, ApiError> {
    (0..RECOVERY_CODES).map(|_| generate_one()).collect()
}

fn generate_one() -> Result<FactorCode, ApiError> {
    let bytes: [u8; CHARS] = random().map_err(ApiError::internal)?;
    let text: String = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).collect();
    text.parse().map_err(ApiError::internal)
}

/// What the database keeps. Letters that look like digits are read as them, as Crockford has it.
pub fn hash(key: &hmac::Key, account: AccountId, code: &FactorCode) -> [u8; 32] {
    let read: String = code
        .as_str()
        .chars()
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    tag(key, &[account.as_bytes().as_slice(), read.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::{CHARS, generate, hash};
    use aws_lc_rs::hmac;
    use protocol::AccountId;
    use std::collections::HashSet;

    #[test]
    fn codes_are_ten_and_differ() {
        let codes = generate().unwrap();
        let distinct: HashSet<&str> = codes.iter().map(|code| code.as_str()).collect();

        assert_eq!((codes.len(), distinct.len()), (10, 10));
        assert!(distinct.iter().all(|code| code.len() == CHARS));
    }

    #[test]
    fn letters_that_look_like_digits_are_read_as_digits() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let of = |text: &str| hash(&key, AccountId::from_bytes([1; 16]), &text.parse().unwrap());

        assert_eq!(of("0011111111"), of("oO-iIlL-1111"));
        assert_ne!(of("0011111111"), of("0011111112"));
    }
}
