//! Device certificates (K-2): the account's identity key says which keys a device has.
//! Layout only; signing and verifying are `client-core`'s.

use crate::{
    AccountId, DeviceId, UnixMillis,
    layout::{LayoutError, Reader},
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    signed::labelled,
};

/// Stands before the signed bytes of a device certificate.
pub const CERTIFICATE_LABEL: &str = "sotto/v1/device-certificate";
/// Bytes of an encoded certificate.
pub const CERTIFICATE_BYTES: usize = 202;

/// What a device certificate says.
///
/// | account | device | leaf key | device-auth key | created | suite | identity key |
/// |---:|---:|---:|---:|---:|---:|---:|
/// | 16 | 16 | 32 | 32 | 8 | 2 | 32 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateBody {
    /// The account that the device belongs to.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its MLS signature key.
    pub leaf_key: LeafKey,
    /// The key with which it logs in.
    pub device_auth_key: DeviceAuthKey,
    /// When it was certified.
    pub created_at: UnixMillis,
    /// The MLS cipher suite of its leaf key (RFC 9420 §17.1).
    pub suite: u16,
    /// The key that signs.
    pub identity_key: IdentityKey,
}

impl CertificateBody {
    /// The bytes that the identity key signs: label length 1, label, body.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = labelled(CERTIFICATE_LABEL);
        self.encode_to(&mut bytes);
        bytes
    }

    fn encode_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.account.as_bytes());
        bytes.extend_from_slice(self.device.as_bytes());
        bytes.extend_from_slice(self.leaf_key.as_bytes());
        bytes.extend_from_slice(self.device_auth_key.as_bytes());
        bytes.extend_from_slice(&self.created_at.0.to_be_bytes());
        bytes.extend_from_slice(&self.suite.to_be_bytes());
        bytes.extend_from_slice(self.identity_key.as_bytes());
    }
}

/// A device certificate whose signature nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it says.
    pub body: CertificateBody,
    /// The identity key's signature over [`CertificateBody::signed_bytes`].
    pub signature: Signature,
}

impl Certificate {
    /// Body, signature 64: 202 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CERTIFICATE_BYTES);
        self.body.encode_to(&mut bytes);
        bytes.extend_from_slice(self.signature.as_bytes());
        bytes
    }

    /// Reads what [`Self::encode`] wrote. The signature is not checked.
    ///
    /// # Errors
    /// When there are more or fewer than [`CERTIFICATE_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LayoutError> {
        let mut reader = Reader::new(bytes);
        let body = CertificateBody {
            account: AccountId::from_bytes(reader.array()?),
            device: DeviceId::from_bytes(reader.array()?),
            leaf_key: LeafKey::from_bytes(reader.array()?),
            device_auth_key: DeviceAuthKey::from_bytes(reader.array()?),
            created_at: UnixMillis(reader.u64()?),
            suite: reader.u16()?,
            identity_key: IdentityKey::from_bytes(reader.array()?),
        };
        let signature = Signature::from_bytes(reader.array()?);
        reader.finish()?;
        Ok(Self { body, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::{CERTIFICATE_BYTES, Certificate, CertificateBody};
    use crate::{
        AccountId, DeviceId, UnixMillis,
        layout::tests::torture,
        public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    };

    fn certificate() -> Certificate {
        Certificate {
            body: CertificateBody {
                account: AccountId::from_bytes([1; 16]),
                device: DeviceId::from_bytes([2; 16]),
                leaf_key: LeafKey::from_bytes([3; 32]),
                device_auth_key: DeviceAuthKey::from_bytes([4; 32]),
                created_at: UnixMillis(0x0102_0304_0506_0708),
                suite: 0x004e,
                identity_key: IdentityKey::from_bytes([5; 32]),
            },
            signature: Signature::from_bytes([6; 64]),
        }
    }

    fn golden_body() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend([1; 16]); // account
        bytes.extend([2; 16]); // device
        bytes.extend([3; 32]); // leaf key
        bytes.extend([4; 32]); // device-auth key
        bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]); // created at, ms
        bytes.extend([0x00, 0x4e]); // suite
        bytes.extend([5; 32]); // identity key
        bytes
    }

    #[test]
    fn a_certificate_has_its_golden_bytes() {
        let mut golden = golden_body();
        golden.extend([6; 64]); // signature

        assert_eq!(certificate().encode(), golden);
        assert_eq!(golden.len(), CERTIFICATE_BYTES);
        assert_eq!(Certificate::decode(&golden), Ok(certificate()));
    }

    #[test]
    fn the_signed_bytes_of_a_certificate_are_label_then_body() {
        let mut golden = vec![27];
        golden.extend_from_slice(b"sotto/v1/device-certificate");
        golden.extend(golden_body());

        assert_eq!(certificate().body.signed_bytes(), golden);
    }

    #[test]
    fn a_certificate_has_one_encoding() {
        torture(&certificate().encode(), |bytes| {
            Certificate::decode(bytes).ok().map(|certificate| certificate.encode())
        });
    }
}
