//! The relay's part of second factors (O-2): what is checked here guards the release of the wraps, and nothing else.
//! Seeds are sealed and codes hashed under keys outside the database.

pub mod email;
pub mod recovery_codes;
pub mod totp;

use std::io;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use protocol::{
    AccountId, UnixMillis,
    factors::{EmailAddress, Factor, FactorCode},
};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::secrets::{Purpose, Secrets};
use crate::storage::factors::{self, CodeUse};
use crate::storage::{Connection, email_codes};
use totp::{SEED_BYTES, Seed};

/// The keys outside the database.
pub struct FactorKeys {
    seeds: RandomizedNonceKey,
    recovery_codes: hmac::Key,
    email_codes: hmac::Key,
}

/// A second factor that is shown for a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub account_id: AccountId,
    pub ticket_id: [u8; 16],
    pub factor: &'a Factor,
}

/// Begins the associated data of a sealed seed, before the account's id.
const SEED_LABEL: &[u8] = b"sotto/v1/relay/totp-seed";
/// The same of a sealed e-mail address.
const ADDRESS_LABEL: &[u8] = b"sotto/v1/relay/email-address";

impl FactorKeys {
    pub fn new(secrets: &Secrets) -> io::Result<Self> {
        let key = secrets.derive(Purpose::FactorSeeds);
        let seeds = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice())
            .map_err(|_| io::Error::other("a key could not be made"))?;
        Ok(Self {
            seeds,
            recovery_codes: secrets.hmac_key(Purpose::RecoveryCodes),
            email_codes: secrets.hmac_key(Purpose::EmailCodes),
        })
    }

    /// A seed as the database keeps it: nonce 12, seed 20, tag 16.
    pub fn seal(&self, account: AccountId, seed: &Seed) -> Result<Vec<u8>, ApiError> {
        self.seal_for(SEED_LABEL, account, seed.as_slice())
    }

    fn open(&self, account: AccountId, sealed: &[u8]) -> Result<Seed, ApiError> {
        let seed = self.open_for(SEED_LABEL, account, sealed)?;
        <[u8; SEED_BYTES]>::try_from(seed.as_slice()).map(Zeroizing::new).map_err(ApiError::internal)
    }

    /// An address as the database keeps it: nonce 12, address, tag 16.
    pub fn seal_address(&self, account: AccountId, address: &EmailAddress) -> Result<Vec<u8>, ApiError> {
        self.seal_for(ADDRESS_LABEL, account, address.as_str().as_bytes())
    }

    /// The address of a row.
    pub fn open_address(&self, account: AccountId, sealed: &[u8]) -> Result<EmailAddress, ApiError> {
        let address = self.open_for(ADDRESS_LABEL, account, sealed)?;
        let text = std::str::from_utf8(&address).map_err(ApiError::internal)?;
        text.parse().map_err(ApiError::internal)
    }

    fn seal_for(&self, label: &[u8], account: AccountId, plaintext: &[u8]) -> Result<Vec<u8>, ApiError> {
        let mut sealed = Zeroizing::new(plaintext.to_vec());
        let nonce = self
            .seeds
            .seal_in_place_append_tag(place(label, account), &mut *sealed)
            .map_err(|_| ApiError::internal("a factor could not be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    fn open_for(
        &self,
        label: &[u8],
        account: AccountId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let damaged = || ApiError::internal("a factor does not open");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.seeds.open_in_place(nonce, place(label, account), &mut sealed).map_err(|_| damaged())?;
        Ok(Zeroizing::new(opened.to_vec()))
    }

    /// Checks a second factor and uses it up.
    pub async fn take(
        &self,
        conn: &mut Connection,
        attempt: Attempt<'_>,
        now: UnixMillis,
    ) -> Result<CodeUse, ApiError> {
        let account = attempt.account_id;
        match attempt.factor {
            Factor::Totp { code } => {
                let Some(stored) = factors::find_totp(conn, account).await? else {
                    return Ok(CodeUse::Wrong);
                };
                let seed = self.open(account, &stored.sealed_seed)?;
                match totp::matching_step(&seed, code, now) {
                    Some(step) => Ok(factors::use_totp_step(conn, account, step).await?),
                    None => Ok(CodeUse::Wrong),
                }
            }
            Factor::Email { code } => {
                let hash = self.hash_email_code(&attempt.ticket_id, code);
                Ok(email_codes::use_code(conn, attempt.ticket_id, hash, now).await?)
            }
            Factor::RecoveryCode { code } => {
                let hash = recovery_codes::hash(&self.recovery_codes, account, code);
                Ok(factors::use_recovery_code(conn, account, hash, now).await?)
            }
        }
    }

    /// What the database keeps of a code that is sent by e-mail.
    pub fn hash_email_code(&self, ticket_id: &[u8; 16], code: &FactorCode) -> [u8; 32] {
        email::hash(&self.email_codes, ticket_id, code)
    }

    /// What the database keeps of recovery codes.
    pub fn hash_codes(&self, account: AccountId, codes: &[FactorCode]) -> Vec<[u8; 32]> {
        codes.iter().map(|code| recovery_codes::hash(&self.recovery_codes, account, code)).collect()
    }
}

fn place(label: &[u8], account: AccountId) -> Aad<Vec<u8>> {
    Aad::from([label, account.as_bytes().as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::FactorKeys;
    use crate::secrets::Secrets;
    use protocol::AccountId;
    use zeroize::Zeroizing;

    const ADA: AccountId = AccountId::from_bytes([1; 16]);
    const BEN: AccountId = AccountId::from_bytes([2; 16]);

    fn keys() -> FactorKeys {
        FactorKeys::new(&Secrets::open(tempfile::tempdir().unwrap().path()).unwrap()).unwrap()
    }

    #[test]
    fn a_sealed_seed_opens_in_its_own_row_of_its_own_relay_only() {
        let keys = keys();
        let sealed = keys.seal(ADA, &Zeroizing::new([7; 20])).unwrap();

        assert_eq!(*keys.open(ADA, &sealed).unwrap(), [7; 20]);
        assert!(keys.open(BEN, &sealed).is_err());
        assert!(self::keys().open(ADA, &sealed).is_err());
        for place in 0..sealed.len() {
            assert!(keys.open(ADA, &sealed[..place]).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn a_sealed_address_opens_in_its_own_row_and_as_nothing_else() {
        let keys = keys();
        let address = "ada@example.org".parse().unwrap();
        let sealed = keys.seal_address(ADA, &address).unwrap();

        assert_eq!(keys.open_address(ADA, &sealed).unwrap(), address);
        assert!(keys.open_address(BEN, &sealed).is_err());
        assert!(keys.open(ADA, &sealed).is_err());
        assert!(keys.open_address(ADA, &keys.seal(ADA, &Zeroizing::new([7; 20])).unwrap()).is_err());
    }

    #[test]
    fn the_same_code_of_two_accounts_has_two_hashes() {
        let keys = keys();
        let code = ["K7M2X9TWBC".parse().unwrap()];

        assert_ne!(keys.hash_codes(ADA, &code), keys.hash_codes(BEN, &code));
    }
}
