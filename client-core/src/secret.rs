//! Secret bytes: wiped when dropped, compared in constant time, `***` in `Debug`, never serialized.

/// A newtype over `N` secret bytes.
macro_rules! secret_bytes {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Takes the bytes as they are. The caller wipes its own copy.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The secret bytes: for a key derivation, or to be sealed.
            pub const fn expose(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                bool::from(subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]))
            }
        }

        impl Eq for $name {}

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

/// A [`secret_bytes`] that is made of randomness.
macro_rules! generated_secret_bytes {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        crate::secret::secret_bytes!($(#[$doc])* $name, $length);

        impl $name {
            /// Fresh randomness.
            pub fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
                let mut secret = Self([0; $length]);
                rng.fill_bytes(&mut secret.0);
                secret
            }
        }
    };
}

pub(crate) use {generated_secret_bytes, secret_bytes};

generated_secret_bytes!(
    /// Seals the values of a device's local store; made on the device, never leaves it.
    LocalStoreKey,
    32
);

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::LocalStoreKey;
    use crate::{
        account_seed::{AccountSeed, PasswordKek, RootWrapKey},
        container::{FileKey, MetadataKey, ReadCapability},
        identity::DeviceAuthSecret,
        opaque::{ExportKey, Login, Password, Registration, SessionKey},
        records::RecordIdKey,
        recovery_key::{RecoveryAuth, RecoveryKek, RecoveryKey},
        root_key::{ArchiveKey, RootKey, SettingsKey, VaultKey},
    };

    /// One line per secret type of this crate: a new one is added here.
    #[test]
    fn no_secret_shows_in_debug() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let password = || Password::new("xyzzy".to_owned());
        let seed = AccountSeed::from_bytes([0xab; 32]);
        let shown = [
            format!("{seed:?}"),
            format!("{:?}", seed.identity()),
            format!("{:?}", RootWrapKey::from_bytes([0xab; 32])),
            format!("{:?}", PasswordKek::from_bytes([0xab; 32])),
            format!("{:?}", RecoveryKek::from_bytes([0xab; 32])),
            format!("{:?}", RecoveryAuth::from_bytes([0xab; 32])),
            format!("{:?}", RecoveryKey::generate(&mut rng)),
            format!("{:?}", RootKey::from_bytes(3, [0xab; 32])),
            format!("{:?}", VaultKey::from_bytes([0xab; 32])),
            format!("{:?}", ArchiveKey::from_bytes([0xab; 32])),
            format!("{:?}", SettingsKey::from_bytes([0xab; 32])),
            format!("{:?}", LocalStoreKey::from_bytes([0xab; 32])),
            format!("{:?}", RecordIdKey::from_bytes([0xab; 32])),
            format!("{:?}", DeviceAuthSecret::from_bytes(&[0xab; 32])),
            format!("{:?}", FileKey::from_bytes([0xab; 32])),
            format!("{:?}", MetadataKey::from_bytes([0xab; 32])),
            format!("{:?}", ReadCapability::from_bytes([0xab; 32])),
            format!("{:?}", ExportKey::from_bytes([0xab; 64])),
            format!("{:?}", SessionKey::from_bytes([0xab; 64])),
            format!("{:?}", password()),
            format!("{:?}", Registration::start(password(), &mut rng).unwrap().0),
            format!("{:?}", Login::start(password(), &mut rng).unwrap().0),
        ];

        let snapshot = [
            "AccountSeed(***)",
            "IdentitySecret(***)",
            "RootWrapKey(***)",
            "PasswordKek(***)",
            "RecoveryKek(***)",
            "RecoveryAuth(***)",
            "RecoveryKey(***)",
            "RootKey(generation 3, ***)",
            "VaultKey(***)",
            "ArchiveKey(***)",
            "SettingsKey(***)",
            "LocalStoreKey(***)",
            "RecordIdKey(***)",
            "DeviceAuthSecret(***)",
            "FileKey(***)",
            "MetadataKey(***)",
            "ReadCapability(***)",
            "ExportKey(***)",
            "SessionKey(***)",
            "Password(***)",
            "Registration(***)",
            "Login(***)",
        ];
        assert_eq!(shown.as_slice(), snapshot.as_slice());
    }

    #[test]
    fn secrets_compare_by_every_byte() {
        let mut bytes = [7; 32];
        let secret = LocalStoreKey::from_bytes(bytes);
        for index in 0..32 {
            bytes[index] ^= 1;
            assert_ne!(secret, LocalStoreKey::from_bytes(bytes));
            bytes[index] ^= 1;
        }
        assert_eq!(secret, LocalStoreKey::from_bytes(bytes));
    }
}
