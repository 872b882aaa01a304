//! The feed of changes: read after one's cursor, each record authenticated by its place and held against the version
//! floor, merged, and saved together with the cursor.

use protocol::{
    AccountId,
    device_list::DeviceList,
    records::{Change, ChangeKind, ChangesPage},
    socket::from_bytes,
};
use zeroize::Zeroizing;

use super::{Entry, Key, ONLY, RecordsTrouble, Subject};
use crate::{
    client::{
        Client, Context, Event, Notice,
        pending::{Ask, Purpose},
    },
    contact::{CONTACTS_MAX, Contact, Standing},
    records::{self as sealed, Collection, Place, RecordError, record_id},
    sealed::record_generation,
    settings::Settings,
    vault::Vault,
};

/// What became of one change.
enum Taken {
    /// Merged, refused or not ours to read: the feed goes on.
    Passed,
    /// It can't be opened before a newer root key has come: the feed waits here.
    Waits,
}

/// Content that was opened.
enum Opened {
    Vault(Vault),
    Contact(Contact),
    Settings(Settings),
    /// One of this account's devices deleted it.
    Deleted,
}

impl Client {
    /// A connection begins: what was said of the last one may be said again, what was blocked is tried again.
    pub(in crate::client) fn begin_feed(&mut self) {
        self.records.troubles.clear();
        self.records.waiting = false;
        for entry in self.records.entries.values_mut() {
            entry.blocked = false;
        }
        self.fetch_changes();
    }

    /// The relay tells of a change by another device.
    pub(in crate::client) fn handle_record_changed(&mut self, change: u64) {
        if change > self.records.cursor {
            self.fetch_changes();
        }
    }

    /// Reads on. What is under way is answered first, since its answer moves the cursor, and leads back here.
    pub(in crate::client) fn fetch_changes(&mut self) {
        if self.enrolled().is_none() {
            return;
        }
        if self.requests.has(&Purpose::PutRecords) || self.requests.has(&Purpose::Changes) {
            self.records.behind = true;
            return;
        }
        let cursor = self.records.cursor;
        self.ask(Ask::get(format!("/v1/records?after={cursor}")), Purpose::Changes);
    }

    pub(in crate::client) fn handle_changes(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let before = self.records.cursor;
        let behind = core::mem::take(&mut self.records.behind);
        let Ok(page) = from_bytes::<ChangesPage>(body) else {
            return self.tell_trouble(RecordsTrouble::Forged);
        };
        if page.head < before {
            self.tell_trouble(RecordsTrouble::RolledBack);
            return self.feed_ended(cx);
        }
        let (mut reached, mut waits) = (before, false);
        for change in page.changes.iter() {
            if change.change <= reached {
                return self.tell_trouble(RecordsTrouble::Forged);
            }
            if let Taken::Waits = self.take_change(change, cx) {
                waits = true;
                break;
            }
            reached = change.change;
        }
        if !waits {
            reached = reached.max(page.upto.min(page.head));
        }
        self.records.cursor = reached;
        self.save_feed(cx);
        self.records.waiting = waits;
        // More pages, or a change that was told while this one was on its way.
        let more = behind || (reached < page.head && reached > before);
        if more && !waits {
            self.fetch_changes();
        } else {
            self.feed_ended(cx);
        }
    }

    /// What the other devices knew is known here: this device may meet people, and write.
    fn feed_ended(&mut self, cx: &mut Context<'_>) {
        if !self.records.complete {
            self.records.complete = true;
            self.save_feed(cx);
            self.fetch_welcomes();
            self.resume_groups(cx);
        }
        // A version that the relay has named and does not show.
        let hidden = core::mem::take(&mut self.records.conflicts).into_iter();
        let hidden = hidden.filter(|key| self.records.entries.get(key).is_some_and(|entry| entry.blocked));
        if hidden.count() > 0 && !self.records.waiting {
            self.tell_trouble(RecordsTrouble::RolledBack);
        }
        self.reseal_records(cx);
    }

    fn take_change(&mut self, change: &Change, cx: &mut Context<'_>) -> Taken {
        let Some(collection) = Collection::from_name(change.collection.as_str()) else {
            return Taken::Passed;
        };
        let key = (collection, change.record_id);
        let entry = self.records.entries.get(&key).copied();
        let floor = entry.map_or(0, |entry| entry.version);
        if change.version < floor {
            self.tell_trouble(RecordsTrouble::RolledBack);
            return Taken::Passed;
        }
        let Ok(generation) = record_generation(&change.ciphertext) else {
            return self.refuse(key, RecordsTrouble::Forged);
        };
        if self.newest_root().is_none_or(|newest| newest.generation() < generation) {
            return Taken::Waits;
        }
        let opened = self.open_change(key, change, generation);
        if opened.is_ok() && self.has_ended(generation, change.change) {
            self.replace_ended(key, change.version, cx);
            return Taken::Passed;
        }
        if entry.is_some_and(|entry| generation < entry.generation) {
            return self.refuse(key, RecordsTrouble::RolledBack);
        }
        match opened {
            Ok(Opened::Deleted) => self.take_deletion(key, (change.version, generation), cx),
            Ok(opened) => self.take_opened(key, opened, (change.version, generation), cx),
            Err(RecordError::NewerVersion { .. }) => {
                return self.refuse(key, RecordsTrouble::NewerVersion);
            }
            Err(RecordError::Sealed(_) | RecordError::Malformed) => {
                return self.refuse(key, RecordsTrouble::Forged);
            }
        }
        Taken::Passed
    }

    /// Whether this generation of the root key had ended before the change: whoever wrote it did not have, or did not
    /// know of, the newest (K-8).
    fn has_ended(&self, generation: u32, change: u64) -> bool {
        let list = self.account.as_ref().and_then(|account| DeviceList::decode(&account.device_list).ok());
        list.is_some_and(|list| generation < list.body.root_generation && change > list.body.records_head)
    }

    /// What is known here is written over it; a device of one's own that wrote it merges that, and writes again.
    fn replace_ended(&mut self, key: Key, version: u64, cx: &mut Context<'_>) {
        let Some(entry) = self.records.entries.get_mut(&key) else { return };
        entry.version = entry.version.max(version);
        entry.edits += 1;
        entry.blocked = false;
        self.records.dirty.insert(key);
        self.save_record(key, cx);
    }

    /// What is known here stays, and is not written over what lies there.
    fn refuse(&mut self, key: Key, trouble: RecordsTrouble) -> Taken {
        if let Some(entry) = self.records.entries.get_mut(&key) {
            entry.blocked = true;
        }
        self.tell_trouble(trouble);
        Taken::Passed
    }

    /// Opens what lies at `key`, if that is the place of what it is about.
    fn open_change(&self, key: Key, change: &Change, generation: u32) -> Result<Opened, RecordError> {
        let (collection, record) = key;
        let account = self.account.as_ref().ok_or(RecordError::Malformed)?;
        let root_key = self.root_of(generation).ok_or(RecordError::Malformed)?;
        let place = Place { account: account.account_id, collection, record, version: change.version };
        let content: Zeroizing<Vec<u8>> = sealed::open(&root_key, place, &change.ciphertext)?;
        match (change.kind, collection) {
            // A note is empty, and nothing else is: neither passes for the other.
            (ChangeKind::Deleted, Collection::Contacts | Collection::Settings) if content.is_empty() => {
                Ok(Opened::Deleted)
            }
            (ChangeKind::Deleted, _) => Err(RecordError::Malformed),
            (ChangeKind::Written, Collection::Vault) if record == account.vault_record => {
                Vault::decode(&content).map(Opened::Vault)
            }
            (ChangeKind::Written, Collection::Contacts) => {
                let contact = Contact::decode(&content)?;
                self.check_place(key, contact.account().as_bytes())?;
                Ok(Opened::Contact(contact))
            }
            (ChangeKind::Written, Collection::Settings) => {
                self.check_place(key, &ONLY)?;
                Settings::decode(&content).map(Opened::Settings)
            }
            (ChangeKind::Written, Collection::Vault) => Err(RecordError::Malformed),
        }
    }

    fn check_place(&self, (collection, record): Key, subject: &[u8; 16]) -> Result<(), RecordError> {
        let vault = self.vault.as_ref().ok_or(RecordError::Malformed)?;
        let right = record_id(vault.record_id_key(), collection, subject) == record;
        if right { Ok(()) } else { Err(RecordError::Malformed) }
    }

    fn take_opened(
        &mut self,
        key: Key,
        opened: Opened,
        (version, generation): (u64, u32),
        cx: &mut Context<'_>,
    ) {
        let subject = match &opened {
            Opened::Vault(_) => Subject::Vault,
            Opened::Contact(contact) => Subject::Contact(contact.account()),
            Opened::Settings(_) => Subject::Settings,
            Opened::Deleted => Subject::Deleted,
        };
        let edits = self.records.entries.get(&key).map_or(0, |entry| entry.edits);
        let entry = Entry { subject, version, generation, edits, blocked: false };
        self.records.entries.insert(key, entry);
        // Dirty: what is merged says more than what lies there.
        let dirty = match opened {
            Opened::Vault(theirs) => self.merge_vault(theirs),
            Opened::Contact(theirs) => self.merge_contact(theirs, cx),
            Opened::Settings(theirs) => self.merge_settings(theirs),
            Opened::Deleted => false,
        };
        if dirty {
            self.records.dirty.insert(key);
        } else {
            self.records.dirty.remove(&key);
        }
        self.save_record(key, cx);
    }

    fn merge_vault(&mut self, theirs: Vault) -> bool {
        let Some(vault) = &mut self.vault else {
            self.vault = Some(theirs);
            return false;
        };
        let before = vault.clone();
        vault.merge(theirs.clone());
        let (changed, dirty) = (*vault != before, *vault != theirs);
        if changed {
            self.emit_profile();
            self.emit(Event::DevicesChanged);
        }
        dirty
    }

    fn merge_settings(&mut self, theirs: Settings) -> bool {
        let before = self.settings.clone();
        self.settings.merge(theirs.clone());
        if self.settings != before {
            self.emit(Event::SettingsChanged { settings: self.settings.choices() });
        }
        self.settings != theirs
    }

    fn merge_contact(&mut self, theirs: Contact, cx: &mut Context<'_>) -> bool {
        let account = theirs.account();
        let Some(contact) = self.contacts.get_mut(&account) else {
            if self.contacts.len() < CONTACTS_MAX {
                self.contacts.insert(account, theirs);
                self.show_new_contact(account, cx);
            }
            return false;
        };
        let before = contact.clone();
        contact.merge(theirs.clone());
        let (after, dirty) = (contact.clone(), *contact != theirs);
        if after != before {
            if after.trust().changed_key.is_some() && after.trust().changed_key != before.trust().changed_key
            {
                self.tell_key_changed(account, after.trust().verified_at.is_some(), cx);
            }
            self.show_contact(account);
            self.flush_groups_with(account, cx);
            if after.standing() != before.standing() && after.standing() == Standing::Removed {
                self.contact_removed(account, cx);
            }
            self.welcome_back(account, cx);
        }
        dirty
    }

    /// Nobody looks at a contact without a conversation: the screen hears of it with its first one.
    fn show_new_contact(&mut self, account: AccountId, cx: &mut Context<'_>) {
        if !self.groups_with(account).is_empty() {
            self.show_contact(account);
            self.flush_groups_with(account, cx);
        }
    }

    fn flush_groups_with(&mut self, account: AccountId, cx: &mut Context<'_>) {
        for group in self.groups_with(account) {
            self.flush(group, cx);
        }
    }

    /// One of the account's devices deleted it. What was changed here meanwhile outlives the deletion.
    fn take_deletion(&mut self, key: Key, (version, generation): (u64, u32), cx: &mut Context<'_>) {
        let before = self.records.entries.get(&key).copied();
        let dirty = self.records.dirty.contains(&key);
        let subject = before.map_or(Subject::Deleted, |entry| entry.subject);
        let edits = before.map_or(0, |entry| entry.edits);
        let after = if dirty { subject } else { Subject::Deleted };
        self.records
            .entries
            .insert(key, Entry { subject: after, version, generation, edits, blocked: false });
        self.save_record(key, cx);
        if dirty {
            return;
        }
        match subject {
            Subject::Contact(account) => {
                self.contacts.remove(&account);
                self.emit(Event::ContactChanged { account_id: account });
            }
            Subject::Settings => {
                self.settings = Settings::default();
                self.emit(Event::SettingsChanged { settings: self.settings.choices() });
            }
            Subject::Vault | Subject::Deleted => {}
        }
    }

    /// A changed key is told in every conversation with its owner (K-4).
    pub(in crate::client) fn tell_key_changed(
        &mut self,
        account: AccountId,
        was_verified: bool,
        cx: &mut Context<'_>,
    ) {
        let notice = Notice::KeyChanged { account_id: account, was_verified };
        for group in self.groups_with(account) {
            self.write_notice(group, notice, cx);
            if let Some(contact) = self.contact_view(account) {
                self.emit(Event::KeyChanged { group_id: group, contact });
            }
        }
    }
}
