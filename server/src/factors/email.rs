//! Codes by e-mail: eight digits, bound to the ticket that they are for, kept as HMACs.

use aws_lc_rs::hmac;
use protocol::factors::FactorCode;

use crate::error::ApiError;
use crate::secrets::{random, tag};

/// Of the mail.
pub const SUBJECT: &str = "Your code for Sotto";

const MODULUS: u64 = 100_000_000;

/// A fresh code.
pub fn generate() -> Result<FactorCode, ApiError> {
    let number = u64::from_be_bytes(random().map_err(ApiError::internal)?);
    format!("{:08}", number % MODULUS).parse().map_err(ApiError::internal)
}

/// What the database keeps.
pub fn hash(key: &hmac::Key, ticket_id: &[u8; 16], code: &FactorCode) -> [u8; 32] {
    tag(key, &[ticket_id.as_slice(), code.as_str().as_bytes()])
}

/// The mail that carries a code.
pub fn text(code: &FactorCode, relay: &str) -> String {
    let (first, second) = code.as_str().split_at_checked(4).unwrap_or((code.as_str(), ""));
    format!(
        "Your code for Sotto at {relay}:\r\n\r\n    {first} {second}\r\n\r\n\
         It is good for ten minutes at most, and only where you asked for it. Nobody of this relay will ever ask you \
         for it.\r\n\r\nIf you did not ask for it, somebody knows your password: change it.\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{generate, hash, text};
    use aws_lc_rs::hmac;

    #[test]
    fn codes_are_eight_digits() {
        for _ in 0..200 {
            let code = generate().unwrap();
            assert!(code.as_str().len() == 8 && code.as_str().bytes().all(|b| b.is_ascii_digit()));
        }
    }

    #[test]
    fn the_same_code_of_two_tickets_has_two_hashes() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let code = "12345678".parse().unwrap();

        assert_ne!(hash(&key, &[1; 16], &code), hash(&key, &[2; 16], &code));
    }

    #[test]
    fn the_mail_shows_the_code_in_two_groups_and_which_relay_it_is_for() {
        let mail = text(&"12345678".parse().unwrap(), "https://chat.example.org");

        assert!(mail.contains("\r\n    1234 5678\r\n") && mail.contains("https://chat.example.org"));
    }
}
