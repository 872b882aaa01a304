//! The signed revocation of one device (K-2, K-8): any member of a group may act on it.
//! Layout only; signing and verifying are `client-core`'s.

use crate::{
    AccountId, DeviceId, UnixMillis,
    layout::{LayoutError, Reader},
    public_keys::Signature,
    signed::labelled,
};

/// Stands before the signed bytes of a revocation.
pub const REVOCATION_LABEL: &str = "sotto/v1/device-revocation";
/// Bytes of an encoded revocation.
pub const REVOCATION_BYTES: usize = 104;

/// What a revocation says.
///
/// | account | device | revoked at |
/// |---:|---:|---:|
/// | 16 | 16 | 8 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationBody {
    /// The account whose identity key signs.
    pub account: AccountId,
    /// The device that never comes back.
    pub device: DeviceId,
    /// When it was revoked.
    pub revoked_at: UnixMillis,
}

impl RevocationBody {
    /// The bytes that the identity key signs: label length 1, label, body.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = labelled(REVOCATION_LABEL);
        self.encode_to(&mut bytes);
        bytes
    }

    fn encode_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.account.as_bytes());
        bytes.extend_from_slice(self.device.as_bytes());
        bytes.extend_from_slice(&self.revoked_at.0.to_be_bytes());
    }
}

/// A revocation whose signature nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What it says.
    pub body: RevocationBody,
    /// The identity key's signature over [`RevocationBody::signed_bytes`].
    pub signature: Signature,
}

impl Revocation {
    /// Body, signature 64: 104 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(REVOCATION_BYTES);
        self.body.encode_to(&mut bytes);
        bytes.extend_from_slice(self.signature.as_bytes());
        bytes
    }

    /// Reads what [`Self::encode`] wrote. The signature is not checked.
    ///
    /// # Errors
    /// When there are more or fewer than [`REVOCATION_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LayoutError> {
        let mut reader = Reader::new(bytes);
        let body = RevocationBody {
            account: AccountId::from_bytes(reader.array()?),
            device: DeviceId::from_bytes(reader.array()?),
            revoked_at: UnixMillis(reader.u64()?),
        };
        let signature = Signature::from_bytes(reader.array()?);
        reader.finish()?;
        Ok(Self { body, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::{REVOCATION_BYTES, Revocation, RevocationBody};
    use crate::{AccountId, DeviceId, UnixMillis, layout::tests::torture, public_keys::Signature};

    fn revocation() -> Revocation {
        Revocation {
            body: RevocationBody {
                account: AccountId::from_bytes([1; 16]),
                device: DeviceId::from_bytes([2; 16]),
                revoked_at: UnixMillis(3),
            },
            signature: Signature::from_bytes([4; 64]),
        }
    }

    #[test]
    fn a_revocation_has_its_golden_bytes() {
        let mut body = Vec::new();
        body.extend([1; 16]); // account
        body.extend([2; 16]); // device
        body.extend([0, 0, 0, 0, 0, 0, 0, 3]); // revoked at, ms
        let mut encoded = body.clone();
        encoded.extend([4; 64]); // signature
        let mut signed = vec![26];
        signed.extend_from_slice(b"sotto/v1/device-revocation");
        signed.extend(body);

        assert_eq!(revocation().encode(), encoded);
        assert_eq!(encoded.len(), REVOCATION_BYTES);
        assert_eq!(revocation().body.signed_bytes(), signed);
        assert_eq!(Revocation::decode(&encoded), Ok(revocation()));
    }

    #[test]
    fn a_revocation_has_one_encoding() {
        torture(&revocation().encode(), |bytes| {
            Revocation::decode(bytes).ok().map(|revocation| revocation.encode())
        });
    }
}
