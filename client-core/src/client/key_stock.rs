//! This device's stock of key packages at the relay (D-12): 50 at first, refilled below 20; the last-resort one, which
//! may invite more than once, replaced weekly and after use.

use protocol::{
    UnixMillis,
    certificate::Certificate,
    key_packages::{KeyPackageBytes, KeyPackageCount, KeyPackageList, PublishKeyPackages},
    limits::{CLAIM_SECONDS, KEY_PACKAGES_LOW, KEY_PACKAGES_STOCK},
    socket::from_bytes,
    values::{Bytes, List},
};

use super::{
    Client, CommandError, CommandErrorCode, Context,
    pending::{Ask, Purpose},
    requests::Method,
    stored::{LastResort, StoredSecret},
};
use crate::mls::{GroupStore, KeyPackageKind, OwnLeaf, make_key_packages};

/// The last-resort key package is replaced after a week,
const LAST_RESORT_MS: u64 = 7 * 86_400_000;
/// or, once used, when it is older than a claim lives: the one before it then invites nobody any more.
const LAST_RESORT_USED_MS: u64 = CLAIM_SECONDS * 1_000;

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
        let (packages, _) = self.make(own, KeyPackageKind::OneUse, count, cx)?;
        List::new(packages).map_err(|_| CommandErrorCode::Misuse.into())
    }

    /// Makes a last-resort key package (RFC 9420 §16.8), and says where its private keys are.
    pub(super) fn make_last_resort(
        &mut self,
        own: &OwnLeaf,
        cx: &mut Context<'_>,
    ) -> Result<(KeyPackageBytes, String), CommandError> {
        let (packages, records) = self.make(own, KeyPackageKind::LastResort, 1, cx)?;
        let made = packages.into_iter().zip(records).next();
        made.ok_or_else(|| CommandErrorCode::Misuse.into())
    }

    fn make(
        &mut self,
        own: &OwnLeaf,
        kind: KeyPackageKind,
        count: usize,
        cx: &mut Context<'_>,
    ) -> Result<(Vec<KeyPackageBytes>, Vec<String>), CommandError> {
        let mut store = GroupStore::default();
        let made = make_key_packages(&mut store, own, kind, count, cx.now);
        let made = made.map_err(|_| CommandErrorCode::StoreFailed)?;
        let changes = store.take_changes();
        let records = changes.iter().filter_map(|(key, _)| String::from_utf8(key.clone()).ok()).collect();
        self.save_mls(changes, cx);
        let bytes = made.into_iter().map(|package| Bytes::new(package.bytes));
        let bytes = bytes.collect::<Result<_, _>>().map_err(|_| CommandErrorCode::Misuse)?;
        Ok((bytes, records))
    }

    pub(super) fn handle_key_package_count(&mut self, body: &[u8], cx: &mut Context<'_>) {
        if let Ok(count) = from_bytes::<KeyPackageCount>(body) {
            self.stock_key_packages(count.available, cx);
        }
        self.renew_last_resort(cx);
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

    // ---- the last-resort one

    /// A welcome was for it: whoever got it too may still invite with it for a while.
    pub(super) fn last_resort_used(&mut self, cx: &mut Context<'_>) {
        if let Some(last_resort) = self.account.as_mut().and_then(|account| account.last_resort.as_mut()) {
            last_resort.used = true;
            self.save_account(cx);
        }
        self.renew_last_resort(cx);
    }

    /// Replaces it when it is due, and publishes it until the relay has it.
    pub(super) fn renew_last_resort(&mut self, cx: &mut Context<'_>) {
        let Some(account) = self.enrolled() else { return };
        if self.requests.has(&Purpose::PublishLastResort) {
            return;
        }
        let unpublished = match &account.last_resort {
            Some(LastResort { unpublished: Some(bytes), .. }) => {
                Bytes::new(bytes.clone()).map_err(|_| CommandErrorCode::StoreFailed.into())
            }
            Some(known) if !known.is_due(cx.now) => return,
            Some(_) | None => self.replace_last_resort(cx),
        };
        let Ok(last_resort) = unpublished else { return };
        let publish = PublishKeyPackages { key_packages: List::default(), last_resort: Some(last_resort) };
        self.ask(Ask::cbor(Method::Post, "/v1/key-packages", &publish), Purpose::PublishLastResort);
    }

    /// The private keys of the one before stay until the next time, for invitations on their way.
    fn replace_last_resort(&mut self, cx: &mut Context<'_>) -> Result<KeyPackageBytes, CommandError> {
        let own = self.own_leaf()?;
        let (bytes, record) = self.make_last_resort(&own, cx)?;
        let account = self.account.as_mut().ok_or(CommandErrorCode::Misuse)?;
        let before = account.last_resort.take();
        let oldest = before.as_ref().and_then(|before| before.previous.clone());
        account.last_resort = Some(LastResort {
            since: cx.now,
            record,
            previous: before.map(|before| before.record),
            used: false,
            unpublished: Some(bytes.to_vec()),
        });
        self.save_account(cx);
        if let Some(oldest) = oldest {
            self.journal.delete(oldest);
        }
        Ok(bytes)
    }

    pub(super) fn last_resort_published(&mut self, cx: &mut Context<'_>) {
        if let Some(last_resort) = self.account.as_mut().and_then(|account| account.last_resort.as_mut()) {
            last_resort.unpublished = None;
            last_resort.since = cx.now;
            self.save_account(cx);
        }
    }
}

impl LastResort {
    fn is_due(&self, now: UnixMillis) -> bool {
        let life_ms = if self.used { LAST_RESORT_USED_MS } else { LAST_RESORT_MS };
        now.0 >= self.since.0.saturating_add(life_ms)
    }
}
