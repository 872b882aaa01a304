//! The relay's own secrets: made once at the first start, files of mode 0600 in the data directory, outside the
//! database (O-5). Every other secret of the relay is derived from the root by a label of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::{digest, hmac, rand};
use protocol::RelayId;
use zeroize::Zeroizing;

/// Name of the root secret's file in the data directory.
const ROOT_FILE: &str = "relay.secret";
/// Bytes of the root secret.
const ROOT_BYTES: usize = 32;

/// What a derived secret is for. One label per use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    RelayId,
    AccessTokens,
    RefreshTokens,
    Tickets,
    UnknownHandles,
    GuessBudgets,
    DeviceNonces,
    MessageDoubles,
    FactorSeeds,
    RecoveryCodes,
    EmailCodes,
    Tombstones,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::RelayId => "sotto/v1/relay/id",
            Self::AccessTokens => "sotto/v1/relay/access-tokens",
            Self::RefreshTokens => "sotto/v1/relay/refresh-tokens",
            Self::Tickets => "sotto/v1/relay/tickets",
            Self::UnknownHandles => "sotto/v1/relay/unknown-handles",
            Self::GuessBudgets => "sotto/v1/relay/guess-budgets",
            Self::DeviceNonces => "sotto/v1/relay/device-nonces",
            Self::MessageDoubles => "sotto/v1/relay/message-doubles",
            Self::FactorSeeds => "sotto/v1/relay/factor-seeds",
            Self::RecoveryCodes => "sotto/v1/relay/recovery-codes",
            Self::EmailCodes => "sotto/v1/relay/email-codes",
            Self::Tombstones => "sotto/v1/relay/tombstones",
        }
    }
}

/// The root of the relay's secrets. `Debug` shows nothing of it.
pub struct Secrets {
    root: hmac::Key,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Reads the root secret of `data_dir`, or makes it at the first start.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let root = read_or_make(&data_dir.join(ROOT_FILE), || {
            let mut fresh = Zeroizing::new(vec![0; ROOT_BYTES]);
            fill_random(&mut fresh)?;
            Ok(fresh)
        })?;
        if root.len() == ROOT_BYTES {
            Ok(Self { root: hmac::Key::new(hmac::HMAC_SHA256, &root) })
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{ROOT_FILE} does not hold {ROOT_BYTES} bytes"),
            ))
        }
    }

    /// The 32 bytes for one purpose.
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(tag(&self.root, &[purpose.label().as_bytes()]))
    }

    /// The HMAC key for one purpose.
    pub fn hmac_key(&self, purpose: Purpose) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derive(purpose).as_slice())
    }

    /// The id of this relay: the same on every node that holds its secret.
    pub fn relay_id(&self) -> RelayId {
        let [id, _] = halves(*self.derive(Purpose::RelayId));
        RelayId::from_bytes(id)
    }
}

/// HMAC-SHA-256 over the parts. Callers give parts of fixed width, or one alone.
pub fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    bytes
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    hash
}

/// Compares without telling by time where the difference is.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// Fresh random bytes from the system.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// The first and the second sixteen bytes.
pub fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (to, from) in halves.iter_mut().flatten().zip(bytes) {
        *to = from;
    }
    halves
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    rand::fill(bytes).map_err(|_| io::Error::other("the system gave no randomness"))
}

/// Reads a secret file, or writes what `make` gives: whole or not at all, readable by its owner only.
pub fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> io::Result<Zeroizing<Vec<u8>>>,
) -> io::Result<Zeroizing<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => return Ok(Zeroizing::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let fresh = make()?;
    let unfinished = path.with_extension("new");
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&fresh)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Secrets, equal, sha256};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn secrets_outlive_a_restart_and_only_their_owner_reads_them() {
        let dir = tempfile::tempdir().unwrap();

        let first = Secrets::open(dir.path()).unwrap();
        let second = Secrets::open(dir.path()).unwrap();

        assert_eq!(first.relay_id(), second.relay_id());
        let mode = std::fs::metadata(dir.path().join(super::ROOT_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_relays_and_two_purposes_share_no_secret() {
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, other] = [&one, &other].map(|dir| Secrets::open(dir.path()).unwrap());

        assert_ne!(one.relay_id(), other.relay_id());
        assert_ne!(one.derive(Purpose::Tickets), one.derive(Purpose::RefreshTokens));
    }

    #[test]
    fn a_damaged_secret_is_refused_instead_of_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(super::ROOT_FILE), b"short").unwrap();

        assert!(Secrets::open(dir.path()).is_err());
        assert_eq!(std::fs::read(dir.path().join(super::ROOT_FILE)).unwrap(), b"short");
    }

    #[test]
    fn hashes_and_compares_are_the_standard_ones() {
        let abc = sha256(b"abc");

        assert_eq!(abc[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert!(equal(&abc, &sha256(b"abc")));
        assert!(!equal(&abc, &abc[..31]));
    }

    #[test]
    fn debug_shows_no_secret() {
        let dir = tempfile::tempdir().unwrap();

        assert_eq!(format!("{:?}", Secrets::open(dir.path()).unwrap()), "Secrets(***)");
    }
}
