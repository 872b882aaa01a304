//! Key derivation: HKDF-SHA-256 (RFC 5869) with one label per use.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::labels::Label;

/// Derives `N` bytes (at most 8,160) from `secret`: info = label length 1, label, then `context`, whose parts must
/// have fixed widths.
pub(crate) fn derive<const N: usize>(label: Label, secret: &[u8], context: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut info = prefixed(label);
    for part in context {
        info.extend_from_slice(part);
    }
    expand(None, secret, &info)
}

/// HKDF with `info` exactly as given, for layouts that fix it.
pub(crate) fn expand<const N: usize>(salt: Option<&[u8]>, secret: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869 §2.3 allows 255 blocks") };
    let mut output = Zeroizing::new([0; N]);
    let expanded = Hkdf::<Sha256>::new(salt, secret).expand(info, output.as_mut_slice());
    debug_assert!(expanded.is_ok(), "the only error is a length above the one asserted");
    output
}

/// Label length 1, label: nothing that starts so is the start of another label's bytes.
pub(crate) fn prefixed(label: Label) -> Vec<u8> {
    let text = label.as_bytes();
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[length], text].concat()
}

#[cfg(test)]
mod tests {
    use super::{derive, expand};
    use crate::labels::{ARCHIVE_KEY, VAULT_KEY};

    /// RFC 5869, test case 1.
    #[test]
    fn expand_gives_the_bytes_of_the_standard() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();

        let output = expand::<42>(Some(&salt), &[0x0b; 22], &info);

        assert_eq!(
            output[..16],
            [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a]
        );
    }

    #[test]
    fn labels_and_contexts_separate() {
        let one = derive::<32>(VAULT_KEY, &[1; 32], &[&[0]]);

        assert_eq!(one, derive::<32>(VAULT_KEY, &[1; 32], &[&[0]]));
        assert_ne!(one, derive::<32>(ARCHIVE_KEY, &[1; 32], &[&[0]]));
        assert_ne!(one, derive::<32>(VAULT_KEY, &[1; 32], &[&[1]]));
        assert_ne!(one, derive::<32>(VAULT_KEY, &[2; 32], &[&[0]]));
    }
}
