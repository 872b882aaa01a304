//! Root keys: one per generation, renewed when a device is removed (K-8). Every device keeps them in its sealed
//! store; the keys that seal the account's records come from them.

use core::fmt;

use protocol::AccountId;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    derive::derive,
    labels::{ARCHIVE_KEY, Label, ROOT_COMMITMENT, SETTINGS_KEY, VAULT_KEY},
    secret::secret_bytes,
};

secret_bytes!(
    /// Seals the vault.
    VaultKey,
    32
);
secret_bytes!(
    /// Seals the archive of decrypted messages.
    ArchiveKey,
    32
);
secret_bytes!(
    /// Seals the settings.
    SettingsKey,
    32
);

/// A root key and its generation, counted from 1. Its keys are bound to account and generation.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey {
    generation: u32,
    bytes: [u8; 32],
}

impl RootKey {
    /// A fresh root key of `generation`.
    pub fn generate(generation: u32, rng: &mut impl CryptoRng) -> Self {
        let mut key = Self { generation, bytes: [0; 32] };
        rng.fill_bytes(&mut key.bytes);
        key
    }

    /// A root key that was kept in the sealed store or opened from its wrap.
    pub const fn from_bytes(generation: u32, bytes: [u8; 32]) -> Self {
        Self { generation, bytes }
    }

    /// Its generation.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The secret bytes: to be sealed or wrapped.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// What the device list says of it, so that no relay can pass off another root key (K-2).
    pub fn commitment(&self, account: AccountId) -> [u8; 32] {
        self.derive(ROOT_COMMITMENT, account)
    }

    /// The key of the vault.
    pub fn vault_key(&self, account: AccountId) -> VaultKey {
        VaultKey::from_bytes(self.derive(VAULT_KEY, account))
    }

    /// The key of the archive.
    pub fn archive_key(&self, account: AccountId) -> ArchiveKey {
        ArchiveKey::from_bytes(self.derive(ARCHIVE_KEY, account))
    }

    /// The key of the settings.
    pub fn settings_key(&self, account: AccountId) -> SettingsKey {
        SettingsKey::from_bytes(self.derive(SETTINGS_KEY, account))
    }

    fn derive(&self, label: Label, account: AccountId) -> [u8; 32] {
        *derive(label, &self.bytes, &[account.as_bytes(), &self.generation.to_be_bytes()])
    }
}

impl PartialEq for RootKey {
    fn eq(&self, other: &Self) -> bool {
        let same = subtle::ConstantTimeEq::ct_eq(&self.bytes[..], &other.bytes[..]);
        self.generation == other.generation && bool::from(same)
    }
}

impl Eq for RootKey {}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey(generation {}, ***)", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use protocol::AccountId;

    use super::RootKey;

    #[test]
    fn keys_of_another_account_or_generation_differ() {
        let [here, there] = [1, 2].map(|byte| AccountId::from_bytes([byte; 16]));
        let [first, second] = [1, 2].map(|generation| RootKey::from_bytes(generation, [9; 32]));

        assert_eq!(first.vault_key(here), first.vault_key(here));
        assert_ne!(first.vault_key(here), first.vault_key(there));
        assert_ne!(first.vault_key(here), second.vault_key(here));
        assert_ne!(first.commitment(here), second.commitment(here));
        assert_ne!(first.vault_key(here).expose(), first.archive_key(here).expose());
        assert_ne!(first.archive_key(here).expose(), first.settings_key(here).expose());
    }

    /// Computed apart from this code, and fixed for ever: a change would lock every vault.
    #[test]
    fn the_vault_key_has_its_golden_bytes() {
        let key = RootKey::from_bytes(1, [9; 32]).vault_key(AccountId::from_bytes([1; 16]));

        assert_eq!(key.expose()[..8], GOLDEN_VAULT);
    }

    const GOLDEN_VAULT: [u8; 8] = [0x44, 0xc8, 0x74, 0xc1, 0x71, 0x60, 0x42, 0xa6];
}
