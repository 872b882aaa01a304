//! Ed25519 (RFC 8032) keys of ours: the account's identity key (K-1) and a device's log-in key (K-2).
//! Signatures of others are verified strictly: no small-order key or point, no second encoding.

use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use protocol::{
    AccountId, DeviceAuthKey, DeviceId, GroupId, IdentityKey, MessageId, RelayId, Signature, signed,
};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The account's identity key with its private half. Comes from the account seed and is wiped with it.
#[derive(Clone)]
pub struct IdentitySecret(SigningKey);

impl IdentitySecret {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half, as it stands in certificates and device lists.
    pub fn public(&self) -> IdentityKey {
        IdentityKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentitySecret(***)")
    }
}

/// The key with which a device logs in and vouches for its commits; made on the device, never leaves it.
#[derive(Clone)]
pub struct DeviceAuthSecret(SigningKey);

impl DeviceAuthSecret {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self(SigningKey::from_bytes(&seed))
    }

    /// A key that was kept in the sealed store.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret bytes: to be sealed into the local store.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half, as it stands in the device's certificate.
    pub fn public(&self) -> DeviceAuthKey {
        DeviceAuthKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs a log-in to `relay` with the nonce that it gave (O-1).
    pub fn sign_login(
        &self,
        relay: RelayId,
        account: AccountId,
        device: DeviceId,
        nonce: &[u8; 32],
    ) -> Signature {
        let message = signed::login(relay, account, device, nonce);
        Signature::from_bytes(self.0.sign(&message).to_bytes())
    }

    /// Signs a commit and the deltas that the relay applies with it (D-8).
    pub fn sign_commit(
        &self,
        group: GroupId,
        epoch: u64,
        message_id: MessageId,
        parts: CommitParts<'_>,
    ) -> Signature {
        let [commit_hash, deltas_hash] =
            [parts.commit, parts.deltas].map(|bytes| Sha256::digest(bytes).into());
        let message = signed::commit(group, epoch, message_id, &commit_hash, &deltas_hash);
        Signature::from_bytes(self.0.sign(&message).to_bytes())
    }
}

/// The two parts of a commit bundle that a committer signs together.
#[derive(Debug, Clone, Copy)]
pub struct CommitParts<'a> {
    /// The MLS message.
    pub commit: &'a [u8],
    /// The encoded deltas.
    pub deltas: &'a [u8],
}

impl fmt::Debug for DeviceAuthSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceAuthSecret(***)")
    }
}

/// Whether `signature` over `message` is `key`'s, by strict verification.
pub(crate) fn verifies(key: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use protocol::{AccountId, DeviceId, RelayId, Signature, signed};

    use super::{DeviceAuthSecret, IdentitySecret, verifies};

    /// The eight points of small order, in each encoding that decompresses.
    const SMALL_ORDER: [[u8; 32]; 8] = [
        small(&[], 0x00),
        small(&[1], 0x00),
        small(&[], 0x80),
        small(&[1], 0x80),
        [
            0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
        ],
        [
            0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
    ];

    const fn small(first: &[u8], last: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        if !first.is_empty() {
            bytes[0] = first[0];
        }
        bytes[31] = last;
        bytes
    }

    #[test]
    fn a_signature_holds_for_its_key_and_message_only() {
        let [key, other] = [1, 2].map(|byte| IdentitySecret::from_seed(&[byte; 32]));
        let signature = key.sign(b"message");
        let mut flipped = *signature.as_bytes();
        flipped[0] ^= 1;

        assert!(verifies(key.public().as_bytes(), b"message", &signature));
        assert!(!verifies(key.public().as_bytes(), b"massage", &signature));
        assert!(!verifies(other.public().as_bytes(), b"message", &signature));
        assert!(!verifies(key.public().as_bytes(), b"message", &Signature::from_bytes(flipped)));
    }

    /// With key and R of small order and S = 0, plain verification would accept one message in eight or more.
    #[test]
    fn keys_of_small_order_sign_nothing() {
        for key in SMALL_ORDER {
            for r in SMALL_ORDER {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&r);
                for message in 0..32_u8 {
                    assert!(!verifies(&key, &[message], &Signature::from_bytes(signature)));
                }
            }
        }
    }

    /// S + L is the same scalar: a second encoding of one signature.
    #[test]
    fn a_signature_with_a_large_scalar_is_refused() {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let key = IdentitySecret::from_seed(&[1; 32]);
        let mut bytes = *key.sign(b"message").as_bytes();
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }

        assert!(!verifies(key.public().as_bytes(), b"message", &Signature::from_bytes(bytes)));
    }

    #[test]
    fn a_log_in_is_signed_for_one_relay_and_nonce() {
        let device = DeviceAuthSecret::from_bytes(&[3; 32]);
        let place = |relay| {
            (RelayId::from_bytes([relay; 16]), AccountId::from_bytes([2; 16]), DeviceId::from_bytes([3; 16]))
        };
        let (relay, account, id) = place(1);

        let signature = device.sign_login(relay, account, id, &[4; 32]);

        let holds = |relay, nonce: [u8; 32]| {
            let (relay, account, id) = place(relay);
            verifies(device.public().as_bytes(), &signed::login(relay, account, id, &nonce), &signature)
        };
        assert!(holds(1, [4; 32]));
        assert!(!holds(9, [4; 32]));
        assert!(!holds(1, [9; 32]));
    }
}
