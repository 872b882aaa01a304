//! The relay's part of second factors (O-2): what is checked here guards the release of the wraps, and nothing else.
//! Seeds are sealed and codes hashed under keys outside the database.

pub mod recovery_codes;
pub mod totp;

use std::io;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use protocol::{AccountId, UnixMillis, factors::Factor};
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::secrets::{Purpose, Secrets};
use crate::storage::Connection;
use crate::storage::factors::{self, CodeUse};
use totp::{SEED_BYTES, Seed};

/// The keys outside the database.
pub struct FactorKeys {
    seeds: RandomizedNonceKey,
    recovery_codes: hmac::Key,
}

/// Begins the associated data of a sealed seed, before the account's id.
const SEED_LABEL: &[u8] = b"sotto/v1/relay/totp-seed";

impl FactorKeys {
    pub fn new(secrets: &Secrets) -> io::Result<Self> {
        let key = secrets.derive(Purpose::FactorSeeds);
        let seeds = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice())
            .map_err(|_| io::Error::other("a key could not be made"))?;
        Ok(Self { seeds, recovery_codes: secrets.hmac_key(Purpose::RecoveryCodes) })
    }

    /// A seed as the database keeps it: nonce 12, seed 20, tag 16.
    pub fn seal(&self, account: AccountId, seed: &Seed) -> Result<Vec<u8>, ApiError> {
        let mut sealed = Zeroizing::new(seed.to_vec());
        let nonce = self
            .seeds
            .seal_in_place_append_tag(place(account), &mut *sealed)
            .map_err(|_| ApiError::internal("a seed could not be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    fn open(&self, account: AccountId, sealed: &[u8]) -> Result<Seed, ApiError> {
        let damaged = || ApiError::internal("a seed does not open");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let seed = self.seeds.open_in_place(nonce, place(account), &mut sealed).map_err(|_| damaged())?;
        <[u8; SEED_BYTES]>::try_from(&*seed).map(Zeroizing::new).map_err(|_| damaged())
    }

    /// Checks a second factor of `account` and uses it up.
    pub async fn take(
        &self,
        conn: &mut Connection,
        account: AccountId,
        factor: &Factor,
        now: UnixMillis,
    ) -> Result<CodeUse, ApiError> {
        match factor {
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
            Factor::RecoveryCode { code } => {
                let hash = recovery_codes::hash(&self.recovery_codes, account, code);
                Ok(factors::use_recovery_code(conn, account, hash, now).await?)
            }
        }
    }

    /// What the database keeps of recovery codes.
    pub fn hash_codes(&self, account: AccountId, codes: &[protocol::factors::FactorCode]) -> Vec<[u8; 32]> {
        codes.iter().map(|code| recovery_codes::hash(&self.recovery_codes, account, code)).collect()
    }
}

fn place(account: AccountId) -> Aad<Vec<u8>> {
    Aad::from([SEED_LABEL, account.as_bytes().as_slice()].concat())
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
    fn the_same_code_of_two_accounts_has_two_hashes() {
        let keys = keys();
        let code = ["K7M2X9TWBC".parse().unwrap()];

        assert_ne!(keys.hash_codes(ADA, &code), keys.hash_codes(BEN, &code));
    }
}
