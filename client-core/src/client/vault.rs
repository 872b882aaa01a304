//! The vault at the relay (K-6): changed here, written by compare-and-set, merged with what other devices wrote.

use protocol::{
    AccountId,
    records::{PutRecord, Record, RecordVersion},
    socket::from_bytes,
    values::Bytes,
};

use super::{
    Client, Context, Event,
    pending::{Ask, Purpose},
    requests::Method,
    stored::{self},
};
use crate::{
    root_key::RootKey,
    vault::{Vault, VaultPlace},
};

impl Client {
    pub(super) fn save_vault_locally(&mut self, cx: &mut Context<'_>) {
        let encoded = self.vault.encode();
        self.journal.put_bytes(stored::VAULT_KEY.to_owned(), &encoded, cx.rng);
    }

    /// Saves a change here and sends it on.
    pub(super) fn vault_changed(&mut self, cx: &mut Context<'_>) {
        if let Some(account) = &mut self.account {
            account.vault_dirty = true;
        }
        self.save_vault_locally(cx);
        self.save_account(cx);
        self.put_vault(cx);
    }

    fn put_vault(&mut self, cx: &mut Context<'_>) {
        let busy = self.requests.has(&Purpose::PutVault) || self.requests.has(&Purpose::GetVault);
        let Some(account) = self.account.as_ref().filter(|account| account.vault_dirty) else {
            return;
        };
        if busy || self.enrolled().is_none() {
            return;
        }
        let Some(root_key) = newest_root(&account.root_keys) else {
            return;
        };
        let expected_version = account.vault_version;
        let place = VaultPlace {
            account: account.account_id,
            record: account.vault_record,
            version: expected_version + 1,
        };
        let Ok(ciphertext) = Bytes::new(self.vault.seal(&root_key, place, &mut cx.rng)) else {
            return;
        };
        let path = format!("/v1/records/vault/{}", account.vault_record);
        let ask = Ask::cbor(Method::Put, path, &PutRecord { expected_version, ciphertext });
        if let Some(account) = &mut self.account {
            account.vault_dirty = false;
        }
        self.ask(ask, Purpose::PutVault);
    }

    pub(super) fn handle_vault_stored(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Ok(RecordVersion { version }) = from_bytes(body) else {
            return;
        };
        if let Some(account) = &mut self.account {
            account.vault_version = account.vault_version.max(version);
        }
        self.save_account(cx);
        self.put_vault(cx);
    }

    /// A newer version is at the relay: fetched, merged, and written again if something of ours is missing in it.
    pub(super) fn vault_conflict(&mut self) {
        if let Some(account) = &mut self.account {
            account.vault_dirty = true;
        }
        self.fetch_vault();
    }

    pub(super) fn handle_vault_changed(&mut self, version: u64) {
        if self.account.as_ref().is_some_and(|account| account.vault_version < version) {
            self.fetch_vault();
        }
    }

    pub(super) fn fetch_vault(&mut self) {
        let Some(account) = &self.account else { return };
        let ask = Ask::get(format!("/v1/records/vault/{}", account.vault_record));
        self.requests.push_unless_unsent(ask, Purpose::GetVault);
    }

    pub(super) fn handle_vault(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Ok(record) = from_bytes::<Record>(body) else {
            return;
        };
        let Some(account) = &mut self.account else { return };
        // The version floor: what is older than anything seen is a rollback and is not taken (K-6).
        if record.version < account.vault_version {
            return;
        }
        let newer = record.version > account.vault_version;
        let place =
            VaultPlace { account: account.account_id, record: account.vault_record, version: record.version };
        let Some(root_key) = newest_root(&account.root_keys) else {
            return;
        };
        let Ok(theirs) = Vault::open(&root_key, place, &record.ciphertext) else {
            return;
        };
        account.vault_version = record.version;
        if newer {
            let before = self.vault.clone();
            self.vault.merge(theirs.clone());
            account.vault_dirty |= self.vault != theirs;
            let changed = before != self.vault;
            self.save_vault_locally(cx);
            self.save_account(cx);
            if changed {
                self.show_vault();
            }
        }
        self.put_vault(cx);
    }

    fn show_vault(&mut self) {
        self.emit_profile();
        self.emit(Event::DevicesChanged);
        let contacts: Vec<AccountId> = self.vault.contacts().map(|(account, _)| account).collect();
        for account in contacts {
            self.show_contact(account);
        }
    }
}

fn newest_root(keys: &[(u32, stored::StoredSecret)]) -> Option<RootKey> {
    let (generation, key) = keys.iter().max_by_key(|(generation, _)| *generation)?;
    Some(RootKey::from_bytes(*generation, key.0))
}
