//! What OpenMLS needs from outside: cryptography (RustCrypto, or libcrux by cargo feature), randomness and our store.

use super::{error::Error, storage::GroupStore};
use openmls_traits::OpenMlsProvider;

#[cfg(feature = "libcrux")]
pub(crate) type Crypto = openmls_libcrux_crypto::CryptoProvider;
#[cfg(not(feature = "libcrux"))]
pub(crate) type Crypto = openmls_rust_crypto::RustCrypto;

/// The cryptography of MLS.
#[cfg(feature = "libcrux")]
pub(crate) fn crypto() -> Result<Crypto, Error> {
    Crypto::new().map_err(|_| Error::Store(super::StoreError::Inconsistent))
}

/// The cryptography of MLS.
#[cfg(not(feature = "libcrux"))]
#[expect(clippy::unnecessary_wraps, reason = "the other provider can fail to start")]
pub(crate) fn crypto() -> Result<Crypto, Error> {
    Ok(Crypto::default())
}

/// Cryptography and the records of one group.
pub(crate) struct Provider {
    crypto: Crypto,
    pub(crate) store: GroupStore,
}

impl Provider {
    pub(crate) fn new(store: GroupStore) -> Result<Self, Error> {
        Ok(Self { crypto: crypto()?, store })
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = GroupStore;

    fn storage(&self) -> &GroupStore {
        &self.store
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &Crypto {
        &self.crypto
    }
}
