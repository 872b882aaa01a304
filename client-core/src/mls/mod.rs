//! The MLS layer (RFC 9420) on OpenMLS: groups, key packages, and the ten checks of `crypto.md` that the library
//! leaves to its user. A [`Group`] is rebuilt from its records at any time; each operation leaves its writes
//! in the group's store for one transaction, and an operation that fails leaves none.

mod checks;
mod commit;
mod error;
mod group;
mod join;
mod key_package;
mod leaf;
mod padding;
mod provider;
mod rules;
mod storage;
mod storage_provider;

pub use checks::{KnownAccount, KnownDevice, LocalConcern, local_concerns};
pub use commit::{Changes, CommitBundle, Merged, OwnUpdate};
pub use error::{Error, Misuse, RelayFault, Unreadable, Violation};
pub use group::{Decrypted, Group};
pub use join::{PendingJoin, join_from_welcome};
pub use key_package::{
    CheckedKeyPackage, ExpectedDevice, KeyPackageKind, NewKeyPackage, check_key_package, make_key_packages,
};
pub use leaf::{Member, OwnLeaf};
pub use padding::padded_bytes;
pub use rules::Rules;
pub use storage::{Change, GroupStore, KEY_PACKAGE_PREFIX, StoreError, group_prefix};

#[cfg(test)]
mod tests;
