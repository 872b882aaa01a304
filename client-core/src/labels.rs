//! The one table of everything that separates a use of a key from another: HKDF labels, hash prefixes and
//! signature contexts. A label never changes its meaning; a new meaning gets a new label.

/// Names one use of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label(&'static str);

impl Label {
    pub(crate) const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Label = Label($text);)*

        #[cfg(test)]
        const DERIVATIONS: &[Label] = &[$($name),*];
    };
}

labels! {
    // Account seed, root key (`crypto.md`, "Keys of an account")
    /// Account seed → Ed25519 seed of the identity key.
    IDENTITY_SECRET = "sotto/v1/identity-secret";
    /// Account seed → key that wraps the root keys.
    ROOT_WRAP_KEY = "sotto/v1/root-wrap-key";
    /// Root key → key of the vault.
    VAULT_KEY = "sotto/v1/vault-key";
    /// Root key → key of the archive.
    ARCHIVE_KEY = "sotto/v1/archive-key";
    /// Root key → key of the settings.
    SETTINGS_KEY = "sotto/v1/settings-key";
    /// Root key → what the device list says of it.
    ROOT_COMMITMENT = "sotto/v1/root-commitment";

    // Password and recovery key
    /// OPAQUE export key → KEK₁.
    PASSWORD_KEK = "sotto/v1/password-kek";
    /// Recovery key → KEK₂.
    RECOVERY_KEK = "sotto/v1/recovery-kek";
    /// Recovery key → what it shows the relay at log-in.
    RECOVERY_AUTH = "sotto/v1/recovery-auth";
    /// Hashed before the bits of a recovery key for its checksum.
    RECOVERY_CHECKSUM = "sotto/v1/recovery-checksum";

    // Sealed things
    /// Key of record ids → the id of one record.
    RECORD_ID = "sotto/v1/record-id";
    /// Key-encryption key → AEAD key and commitment of one wrap.
    WRAP = "sotto/v1/wrap";
    /// Key stretched from a passphrase → AEAD key and commitment of the wrapped store key.
    STORE_LOCK = "sotto/v1/store-lock";
    /// Begins the associated data of a record at the relay.
    RECORD = "sotto/v1/record";
    /// Begins the associated data of a value in the local store.
    LOCAL_VALUE = "sotto/v1/local-value";

    // Files (F-1, F-4, F-9)
    /// File key → payload key, nonce prefix and commitment of the content.
    CONTENT = "sotto/v1/content";
    /// Metadata key → AEAD key and commitment of the small container.
    METADATA = "sotto/v1/metadata";
    /// File key → read capability.
    READ = "sotto/v1/read";

    // Fingerprints (K-4)
    /// Hashed before account id and identity key.
    IDENTITY = "sotto/v1/identity";
}

/// The contexts under which keys sign, and that of OPAQUE; their layouts are `protocol`'s.
#[cfg(test)]
const SIGNATURES: &[&str] = &[
    protocol::certificate::CERTIFICATE_LABEL,
    protocol::device_list::DEVICE_LIST_LABEL,
    protocol::revocation::REVOCATION_LABEL,
    protocol::audit::AUDIT_LABEL,
    protocol::signed::LOGIN_LABEL,
    protocol::signed::COMMIT_LABEL,
    protocol::signed::OPAQUE_CONTEXT,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DERIVATIONS, SIGNATURES};

    #[test]
    fn no_two_uses_share_a_label() {
        let labels: Vec<&str> =
            DERIVATIONS.iter().map(|label| label.0).chain(SIGNATURES.iter().copied()).collect();
        let distinct: HashSet<&str> = labels.iter().copied().collect();

        assert_eq!(distinct.len(), labels.len());
        assert!(labels.iter().all(|label| label.starts_with("sotto/v1/")));
        assert!(labels.iter().all(|label| label.len() < 256), "a label's length is one byte");
    }
}
