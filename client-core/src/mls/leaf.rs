//! A leaf is a device: its credential is (account, device), and it carries the device certificate (K-2, K-3).

use super::{
    error::{Misuse, Violation},
    rules::RULES_EXTENSION,
};
use crate::identity::verifies;
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialWithKey, Extension, ExtensionType,
    Extensions, LeafNode, LeafNodeIndex, UnknownExtension,
};
use openmls_traits::{
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use protocol::{
    AccountId, DeviceId,
    certificate::Certificate,
    limits::SUITE,
    public_keys::{DeviceAuthKey, IdentityKey},
};

/// The leaf extension that holds the encoded device certificate, of the private-use range (RFC 9420 §17.3).
pub(crate) const CERTIFICATE_EXTENSION: u16 = 0xF501;
/// The key-package extension that holds the real dates (check 8).
pub(crate) const DATES_EXTENSION: u16 = 0xF503;

/// The cipher suite of all groups: `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` (0x004E).
pub(crate) const fn suite() -> Ciphersuite {
    Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519
}

/// What our leaves can do. The suite is listed by hand: the library does not count it among its defaults.
pub(crate) fn capabilities() -> Capabilities {
    let ours = [
        ExtensionType::LastResort,
        ExtensionType::Unknown(CERTIFICATE_EXTENSION),
        ExtensionType::Unknown(RULES_EXTENSION),
        ExtensionType::Unknown(DATES_EXTENSION),
    ];
    Capabilities::new(None, Some(&[suite()]), Some(&ours), None, None)
}

/// A member of a group: one device at one leaf. Its certificate has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its place in the ratchet tree.
    pub leaf_index: u32,
    /// Account, device, keys.
    pub certificate: Certificate,
}

impl Member {
    /// The account of the device.
    pub const fn account(&self) -> AccountId {
        self.certificate.body.account
    }

    /// The device.
    pub const fn device(&self) -> DeviceId {
        self.certificate.body.device
    }

    /// The identity key that certified it.
    pub const fn identity_key(&self) -> IdentityKey {
        self.certificate.body.identity_key
    }

    /// The key that signs beside its commits.
    pub const fn device_auth_key(&self) -> DeviceAuthKey {
        self.certificate.body.device_auth_key
    }

    pub(crate) fn index(&self) -> LeafNodeIndex {
        LeafNodeIndex::new(self.leaf_index)
    }
}

/// This device's own leaf: its certificate and the MLS signature key. The key is wiped when dropped.
pub struct OwnLeaf {
    certificate: Certificate,
    key: SigningKey,
}

impl std::fmt::Debug for OwnLeaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnLeaf({:?}, ***)", self.certificate.body.device)
    }
}

impl OwnLeaf {
    /// Takes the device's certificate and its MLS signature key.
    ///
    /// # Errors
    /// [`Misuse::WrongCertificate`] when it does not verify or certifies another key.
    pub fn new(certificate: Certificate, key: SigningKey) -> Result<Self, Misuse> {
        let same_key = certificate.body.leaf_key.as_bytes() == key.verifying_key().as_bytes();
        if same_key && certificate.body.suite == SUITE && verify_certificate(&certificate) {
            Ok(Self { certificate, key })
        } else {
            Err(Misuse::WrongCertificate)
        }
    }

    /// The device's certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The account of this device.
    pub const fn account(&self) -> AccountId {
        self.certificate.body.account
    }

    /// This device.
    pub const fn device(&self) -> DeviceId {
        self.certificate.body.device
    }

    pub(crate) fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: credential(self.account(), self.device()),
            signature_key: self.key.verifying_key().as_bytes().to_vec().into(),
        }
    }

    pub(crate) fn extensions(&self) -> Result<Extensions<LeafNode>, Misuse> {
        let certificate = UnknownExtension(self.certificate.encode());
        Extensions::single(Extension::Unknown(CERTIFICATE_EXTENSION, certificate))
            .map_err(|_| Misuse::Refused)
    }
}

impl Signer for OwnLeaf {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// The MLS credential of a device: account id, device id (K-3).
pub(crate) fn credential(account: AccountId, device: DeviceId) -> Credential {
    BasicCredential::new([account.as_bytes().as_slice(), device.as_bytes()].concat()).into()
}

/// The certificate of a leaf, not yet verified.
pub(crate) fn certificate_of(leaf: &LeafNode) -> Result<Certificate, Violation> {
    let bytes = leaf.extensions().unknown(CERTIFICATE_EXTENSION).ok_or(Violation::Certificate)?;
    Certificate::decode(&bytes.0).map_err(|_| Violation::Certificate)
}

/// Whether the identity key in the certificate signed it (RFC 8032, strict).
pub(crate) fn verify_certificate(certificate: &Certificate) -> bool {
    verifies(
        certificate.body.identity_key.as_bytes(),
        &certificate.body.signed_bytes(),
        &certificate.signature,
    )
}
