//! Device certificates (K-2): signed by the account's identity key, checked wherever a leaf comes in.

use protocol::{
    AccountId, DeviceAuthKey, DeviceId, LeafKey, UnixMillis,
    certificate::{Certificate, CertificateBody},
    layout::LayoutError,
    limits::SUITE,
};

use crate::identity::{IdentitySecret, verifies};

/// A certificate whose signature is the identity key's that it names. Whose identity key that is, is for the caller
/// to compare with what it has pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCertificate(Certificate);

/// The public halves of a device's own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicePublicKeys {
    /// The device.
    pub device: DeviceId,
    /// Its MLS signature key.
    pub leaf_key: LeafKey,
    /// The key with which it logs in.
    pub device_auth_key: DeviceAuthKey,
}

/// Why a certificate was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not the bytes of a certificate.
    #[error("these bytes are not a certificate: {0}")]
    Malformed(#[from] LayoutError),
    /// It names a cipher suite that this version does not use.
    #[error("the certificate is for cipher suite {suite:#06x}")]
    WrongSuite {
        /// The suite it names.
        suite: u16,
    },
    /// The identity key did not sign it.
    #[error("the certificate's signature does not verify")]
    BadSignature,
    /// It is another account's, another device's or another leaf key's.
    #[error("the certificate belongs to another leaf")]
    WrongLeaf,
}

impl VerifiedCertificate {
    /// Reads and verifies an encoded certificate.
    ///
    /// # Errors
    /// [`CertificateError`] but for [`CertificateError::WrongLeaf`].
    pub fn verify(bytes: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::decode(bytes)?;
        let body = &certificate.body;
        if body.suite != SUITE {
            return Err(CertificateError::WrongSuite { suite: body.suite });
        }
        if !verifies(body.identity_key.as_bytes(), &body.signed_bytes(), &certificate.signature) {
            return Err(CertificateError::BadSignature);
        }
        Ok(Self(certificate))
    }

    /// Checks that it is the certificate of a leaf with this credential and signature key (check 1 of `crypto.md`).
    ///
    /// # Errors
    /// [`CertificateError::WrongLeaf`].
    pub fn check_leaf(
        &self,
        account: AccountId,
        device: DeviceId,
        leaf_key: LeafKey,
    ) -> Result<(), CertificateError> {
        let body = &self.0.body;
        if (body.account, body.device, body.leaf_key) == (account, device, leaf_key) {
            Ok(())
        } else {
            Err(CertificateError::WrongLeaf)
        }
    }

    /// What it says.
    pub const fn body(&self) -> &CertificateBody {
        &self.0.body
    }

    /// Its bytes, as they stand in the leaf extension and at the relay.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

impl IdentitySecret {
    /// Certifies a device of `account`.
    pub fn certify(
        &self,
        account: AccountId,
        keys: DevicePublicKeys,
        created_at: UnixMillis,
    ) -> VerifiedCertificate {
        let body = CertificateBody {
            account,
            device: keys.device,
            leaf_key: keys.leaf_key,
            device_auth_key: keys.device_auth_key,
            created_at,
            suite: SUITE,
            identity_key: self.public(),
        };
        let signature = self.sign(&body.signed_bytes());
        VerifiedCertificate(Certificate { body, signature })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, DeviceAuthKey, DeviceId, LeafKey, UnixMillis, certificate::Certificate};

    use super::{CertificateError, DevicePublicKeys, VerifiedCertificate};
    use crate::account_seed::AccountSeed;

    const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
    const KEYS: DevicePublicKeys = DevicePublicKeys {
        device: DeviceId::from_bytes([2; 16]),
        leaf_key: LeafKey::from_bytes([3; 32]),
        device_auth_key: DeviceAuthKey::from_bytes([4; 32]),
    };

    fn certificate() -> VerifiedCertificate {
        AccountSeed::from_bytes([9; 32]).identity().certify(ACCOUNT, KEYS, UnixMillis(5))
    }

    #[test]
    fn a_certificate_verifies_and_names_its_leaf() {
        let verified = VerifiedCertificate::verify(&certificate().encode()).unwrap();

        assert_eq!(verified, certificate());
        assert_eq!(verified.check_leaf(ACCOUNT, KEYS.device, KEYS.leaf_key), Ok(()));
    }

    #[test]
    fn a_certificate_does_not_fit_another_leaf() {
        let certificate = certificate();
        let other_account = AccountId::from_bytes([7; 16]);
        let other_device = DeviceId::from_bytes([7; 16]);
        let other_key = LeafKey::from_bytes([7; 32]);

        for refused in [
            certificate.check_leaf(other_account, KEYS.device, KEYS.leaf_key),
            certificate.check_leaf(ACCOUNT, other_device, KEYS.leaf_key),
            certificate.check_leaf(ACCOUNT, KEYS.device, other_key),
        ] {
            assert_eq!(refused, Err(CertificateError::WrongLeaf));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let bytes = certificate().encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(VerifiedCertificate::verify(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(matches!(
                VerifiedCertificate::verify(&bytes[..length]),
                Err(CertificateError::Malformed(_))
            ));
        }
    }

    #[test]
    fn another_identity_key_cannot_take_over_a_certificate() {
        let mut taken = Certificate::decode(&certificate().encode()).unwrap();
        taken.body.identity_key = AccountSeed::from_bytes([8; 32]).identity().public();

        assert_eq!(VerifiedCertificate::verify(&taken.encode()), Err(CertificateError::BadSignature));
    }

    #[test]
    fn another_suite_is_refused_even_if_signed() {
        let identity = AccountSeed::from_bytes([9; 32]).identity();
        let mut certificate = Certificate::decode(&certificate().encode()).unwrap();
        certificate.body.suite = 1;
        certificate.signature = identity.sign(&certificate.body.signed_bytes());

        assert_eq!(
            VerifiedCertificate::verify(&certificate.encode()),
            Err(CertificateError::WrongSuite { suite: 1 })
        );
    }

    #[test]
    fn a_signature_made_for_something_else_is_refused() {
        let identity = AccountSeed::from_bytes([9; 32]).identity();
        let mut certificate = Certificate::decode(&certificate().encode()).unwrap();
        let bytes = certificate.body.signed_bytes();
        certificate.signature = identity.sign(&bytes[28..]);

        assert_eq!(VerifiedCertificate::verify(&certificate.encode()), Err(CertificateError::BadSignature));
    }
}
