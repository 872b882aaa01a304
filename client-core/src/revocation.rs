//! Signed revocations of devices (K-2, K-8): what lets any member of a group remove a device that must go.

use protocol::{
    AccountId, DeviceId, IdentityKey, UnixMillis,
    layout::LayoutError,
    revocation::{Revocation, RevocationBody},
};

use crate::identity::{IdentitySecret, verifies};

/// A revocation that the account's identity key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRevocation(Revocation);

/// Why a revocation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Not the bytes of a revocation.
    #[error("these bytes are not a revocation: {0}")]
    Malformed(#[from] LayoutError),
    /// It speaks of another account than the identity key's.
    #[error("the revocation is another account's")]
    WrongAccount,
    /// The identity key did not sign it.
    #[error("the revocation's signature does not verify")]
    BadSignature,
}

impl VerifiedRevocation {
    /// Reads an encoded revocation and verifies it under the identity key of `account`.
    ///
    /// # Errors
    /// [`RevocationError`], by cause.
    pub fn verify(
        bytes: &[u8],
        account: AccountId,
        identity_key: &IdentityKey,
    ) -> Result<Self, RevocationError> {
        let revocation = Revocation::decode(bytes)?;
        if revocation.body.account != account {
            return Err(RevocationError::WrongAccount);
        }
        let signed = revocation.body.signed_bytes();
        if !verifies(identity_key.as_bytes(), &signed, &revocation.signature) {
            return Err(RevocationError::BadSignature);
        }
        Ok(Self(revocation))
    }

    /// What it says.
    pub const fn body(&self) -> &RevocationBody {
        &self.0.body
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

impl IdentitySecret {
    /// Revokes a device of `account` for ever.
    pub fn revoke(&self, account: AccountId, device: DeviceId, revoked_at: UnixMillis) -> VerifiedRevocation {
        let body = RevocationBody { account, device, revoked_at };
        let signature = self.sign(&body.signed_bytes());
        VerifiedRevocation(Revocation { body, signature })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, DeviceId, UnixMillis};

    use super::{RevocationError, VerifiedRevocation};
    use crate::account_seed::AccountSeed;

    const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);

    #[test]
    fn a_revocation_holds_for_its_account_and_identity_only() {
        let [identity, stranger] = [1, 2].map(|byte| AccountSeed::from_bytes([byte; 32]).identity());
        let other_account = AccountId::from_bytes([9; 16]);

        let revocation = identity.revoke(ACCOUNT, DeviceId::from_bytes([2; 16]), UnixMillis(3));
        let bytes = revocation.encode();

        assert_eq!(VerifiedRevocation::verify(&bytes, ACCOUNT, &identity.public()), Ok(revocation));
        assert_eq!(
            VerifiedRevocation::verify(&bytes, other_account, &identity.public()),
            Err(RevocationError::WrongAccount)
        );
        assert_eq!(
            VerifiedRevocation::verify(&bytes, ACCOUNT, &stranger.public()),
            Err(RevocationError::BadSignature)
        );
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let identity = AccountSeed::from_bytes([1; 32]).identity();
        let bytes = identity.revoke(ACCOUNT, DeviceId::from_bytes([2; 16]), UnixMillis(3)).encode();
        let verify = |bytes: &[u8]| VerifiedRevocation::verify(bytes, ACCOUNT, &identity.public());

        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(verify(&bytes[..length]).is_err());
        }
    }
}
