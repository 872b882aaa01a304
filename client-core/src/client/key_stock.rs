//! This device's stock of key packages at the relay (D-12): 50 at first, refilled below 20.

use protocol::{
    certificate::Certificate,
    key_packages::{KeyPackageBytes, KeyPackageCount, KeyPackageList, PublishKeyPackages},
    limits::{KEY_PACKAGES_LOW, KEY_PACKAGES_STOCK},
    socket::from_bytes,
    values::{Bytes, List},
};

use super::{
    Client, CommandError, CommandErrorCode, Context,
    pending::{Ask, Purpose},
    requests::Method,
    stored::StoredSecret,
};
use crate::mls::{GroupStore, KeyPackageKind, OwnLeaf, make_key_packages};

/// The device's leaf of its certificate and MLS signature key.
pub(crate) fn own_leaf(certificate: &[u8], leaf_key: &StoredSecret) -> Result<OwnLeaf, CommandError> {
    let certificate = Certificate::decode(certificate).map_err(|_| CommandErrorCode::StoreFailed)?;
    let key = ed25519_dalek::SigningKey::from_bytes(&leaf_key.0);
    OwnLeaf::new(certificate, key).map_err(|_| CommandErrorCode::StoreFailed.into())
}

impl Client {
    /// Makes one-use key packages; their private keys are in the change set.
    pub(super) fn make_key_packages(
        &mut self,
        own: &OwnLeaf,
        count: usize,
        cx: &mut Context<'_>,
    ) -> Result<KeyPackageList, CommandError> {
        let packages = self.make(own, KeyPackageKind::OneUse, count, cx)?;
        List::new(packages).map_err(|_| CommandErrorCode::Misuse.into())
    }

    /// Makes the last-resort key package (RFC 9420 §16.8).
    pub(super) fn make_last_resort(
        &mut self,
        own: &OwnLeaf,
        cx: &mut Context<'_>,
    ) -> Result<KeyPackageBytes, CommandError> {
        let packages = self.make(own, KeyPackageKind::LastResort, 1, cx)?;
        packages.into_iter().next().ok_or_else(|| CommandErrorCode::Misuse.into())
    }

    fn make(
        &mut self,
        own: &OwnLeaf,
        kind: KeyPackageKind,
        count: usize,
        cx: &mut Context<'_>,
    ) -> Result<Vec<KeyPackageBytes>, CommandError> {
        let mut store = GroupStore::default();
        let made = make_key_packages(&mut store, own, kind, count, cx.now);
        let made = made.map_err(|_| CommandErrorCode::StoreFailed)?;
        self.save_mls(store.take_changes(), cx);
        let bytes = made.into_iter().map(|package| Bytes::new(package.bytes));
        bytes.collect::<Result<_, _>>().map_err(|_| CommandErrorCode::Misuse.into())
    }

    pub(super) fn handle_key_package_count(&mut self, body: &[u8], cx: &mut Context<'_>) {
        if let Ok(count) = from_bytes::<KeyPackageCount>(body) {
            self.stock_key_packages(count.available, cx);
        }
    }

    /// Publishes as many as are missing, once fewer than [`KEY_PACKAGES_LOW`] are left.
    pub(super) fn stock_key_packages(&mut self, available: u64, cx: &mut Context<'_>) {
        let available = usize::try_from(available).unwrap_or(usize::MAX);
        if available >= KEY_PACKAGES_LOW || self.requests.has(&Purpose::PublishKeyPackages) {
            return;
        }
        let Ok(own) = self.own_leaf() else { return };
        if let Ok(key_packages) = self.make_key_packages(&own, KEY_PACKAGES_STOCK - available, cx) {
            let publish = PublishKeyPackages { key_packages, last_resort: None };
            let ask = Ask::cbor(Method::Post, "/v1/key-packages", &publish);
            self.ask(ask, Purpose::PublishKeyPackages);
        }
    }
}
