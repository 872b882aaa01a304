//! The account seed: the top of an account's keys (`crypto.md`, "Keys of an account"). It is opened with a fresh
//! factor, used to sign or to open root keys, and wiped.

use crate::{
    derive::derive,
    identity::IdentitySecret,
    labels::{IDENTITY_SECRET, PASSWORD_KEK, ROOT_WRAP_KEY},
    opaque::ExportKey,
    secret::{generated_secret_bytes, secret_bytes},
};

generated_secret_bytes!(
    /// 32 random bytes; made once, on the account's first device.
    AccountSeed,
    32
);

secret_bytes!(
    /// Wraps the root keys of all generations.
    RootWrapKey,
    32
);

secret_bytes!(
    /// KEK₁: wraps the account seed under the password.
    PasswordKek,
    32
);

impl AccountSeed {
    /// The account's identity key (K-1).
    pub fn identity(&self) -> IdentitySecret {
        IdentitySecret::from_seed(&derive(IDENTITY_SECRET, &self.0, &[]))
    }

    /// The key that wraps the account's root keys.
    pub fn root_wrap_key(&self) -> RootWrapKey {
        RootWrapKey(*derive(ROOT_WRAP_KEY, &self.0, &[]))
    }
}

impl PasswordKek {
    /// KEK₁ of the export key that OPAQUE gives for the right password.
    pub fn derive(export_key: &ExportKey) -> Self {
        Self(*derive(PASSWORD_KEK, export_key.expose(), &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountSeed, PasswordKek};
    use crate::opaque::ExportKey;

    /// Computed apart from this code, and fixed for ever: a change would lock every account out.
    #[test]
    fn the_keys_of_a_seed_have_their_golden_bytes() {
        let seed = AccountSeed::from_bytes([7; 32]);

        let identity = seed.identity().public();
        let root_wrap = seed.root_wrap_key();
        let kek = PasswordKek::derive(&ExportKey::from_bytes([8; 64]));

        assert_eq!(identity.as_bytes()[..8], GOLDEN_IDENTITY);
        assert_eq!(root_wrap.expose()[..8], GOLDEN_ROOT_WRAP);
        assert_eq!(kek.expose()[..8], GOLDEN_KEK);
    }

    const GOLDEN_IDENTITY: [u8; 8] = [0x40, 0x23, 0xae, 0xed, 0xf4, 0x9d, 0x14, 0x16];
    const GOLDEN_ROOT_WRAP: [u8; 8] = [0xe3, 0x33, 0x74, 0x41, 0x55, 0xea, 0x72, 0xb5];
    const GOLDEN_KEK: [u8; 8] = [0x99, 0x21, 0x81, 0x5b, 0xbf, 0x76, 0x13, 0xfb];
}
