//! The account's records (K-6): what all devices of a person know. A change is saved here first, then written by
//! compare-and-set; the loser reads the feed, merges and writes again. [`feed`] reads what others wrote.

mod feed;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    AccountId, ErrorCode, Problem, RecordId,
    limits::{CBOR_BODY_BYTES_MAX, RECORDS_BATCH_MAX},
    records::{PutRecords, RecordWrite, RecordsPut, WriteOutcome},
    socket::from_bytes,
    values::{Bytes, List},
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Client, Context, Event,
    journal::CorruptRecord,
    pending::{Ask, Purpose},
    requests::Method,
    stored::{self, FeedRecord, RecordEntry, StoredSecret},
};
use crate::{
    contact::Contact,
    records::{self as sealed, Collection, Place, RecordError, record_id},
    root_key::RootKey,
    settings::Settings,
    vault::Vault,
};

/// Bytes of ciphertext in one batch of writes; a body has room for the rest of it.
const BATCH_BYTES_MAX: usize = CBOR_BODY_BYTES_MAX - 128 * 1024;
/// The subject of the only record of its collection.
const ONLY: [u8; 16] = [0; 16];

/// A record by its place.
pub(crate) type Key = (Collection, RecordId);

/// What the relay showed of the account's records that was not taken, or did not take. Said once per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "documented in web/src/core/records.ts")]
pub enum RecordsTrouble {
    RolledBack,
    Forged,
    NewerVersion,
    Full,
}

/// Where this device stands with the account's records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The feed is read and saved up to this change.
    cursor: u64,
    /// The feed was once read to its end: what the other devices knew then is known here.
    complete: bool,
    entries: BTreeMap<Key, Entry>,
    /// Local changes that the relay has not confirmed.
    dirty: BTreeSet<Key>,
    /// Of the batch under way: what was written, and after how many changes here.
    in_flight: Vec<(Key, u64)>,
    /// The root generation under which it was sealed.
    in_flight_generation: u32,
    /// Refused by a conflict with a version that the feed has yet to show.
    conflicts: BTreeSet<Key>,
    /// What is under way may be older than what the relay has told since: the feed is read after its answer.
    behind: bool,
    /// The feed waits for a root key that this device does not hold yet.
    waiting: bool,
    troubles: BTreeSet<RecordsTrouble>,
}

/// What is kept of one record beside its content.
#[derive(Debug, Clone, Copy)]
struct Entry {
    subject: Subject,
    /// The version floor: what is older was seen already, and is not taken (K-6). 0: not at the relay yet.
    version: u64,
    /// The root generation that sealed it; an older one is not taken either.
    generation: u32,
    /// Changes made here since the start.
    edits: u64,
    /// The relay holds something there that this device can't take: it is not written over.
    blocked: bool,
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Vault,
    Contact(AccountId),
    Settings,
    /// It was deleted; the floor stays.
    Deleted,
}

impl Records {
    /// Of an account that begins on this device: nobody else has written anything.
    pub(crate) fn complete() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// The last change that was read.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The feed was once read to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Client {
    // ---- changes made here

    /// The vault is at the relay with this version, or about to be.
    pub(super) fn know_vault(&mut self, record: RecordId, version: u64, generation: u32) {
        let entry = Entry { subject: Subject::Vault, version, generation, edits: 0, blocked: false };
        self.records.entries.insert((Collection::Vault, record), entry);
    }

    pub(super) fn vault_changed(&mut self, cx: &mut Context<'_>) {
        if let Some(record) = self.account.as_ref().map(|account| account.vault_record) {
            self.record_changed((Collection::Vault, record), Subject::Vault, cx);
        }
    }

    pub(super) fn contact_changed(&mut self, account: AccountId, cx: &mut Context<'_>) {
        if let Some(key) = self.key_of(Collection::Contacts, account.as_bytes()) {
            self.record_changed(key, Subject::Contact(account), cx);
        }
    }

    pub(super) fn settings_changed(&mut self, cx: &mut Context<'_>) {
        if let Some(key) = self.key_of(Collection::Settings, &ONLY) {
            self.record_changed(key, Subject::Settings, cx);
        }
    }

    /// Saves a change here and sends it on.
    fn record_changed(&mut self, key: Key, subject: Subject, cx: &mut Context<'_>) {
        let new = Entry { subject, version: 0, generation: 0, edits: 0, blocked: false };
        let entry = self.records.entries.entry(key).or_insert(new);
        entry.subject = subject;
        entry.edits += 1;
        self.records.dirty.insert(key);
        self.save_record(key, cx);
        self.push_records(cx);
    }

    fn key_of(&self, collection: Collection, subject: &[u8; 16]) -> Option<Key> {
        let vault = self.vault.as_ref()?;
        Some((collection, record_id(vault.record_id_key(), collection, subject)))
    }

    // ---- the local store

    pub(super) fn save_record(&mut self, key: Key, cx: &mut Context<'_>) {
        let Some(entry) = self.records.entries.get(&key) else {
            return;
        };
        let record = RecordEntry {
            version: entry.version,
            generation: entry.generation,
            dirty: self.records.dirty.contains(&key),
            content: self.content_of(entry.subject).map_or_else(Vec::new, |content| content.to_vec()),
        };
        self.journal.put(stored::record_key(key.0.name(), key.1), &record, cx.rng);
    }

    pub(super) fn save_feed(&mut self, cx: &mut Context<'_>) {
        let Records { cursor, complete, .. } = self.records;
        let feed = FeedRecord { cursor, complete, schema: stored::RECORDS_SCHEMA };
        self.journal.put(stored::FEED_KEY.to_owned(), &feed, cx.rng);
    }

    /// A record of the local store, at start.
    pub(super) fn open_record(&mut self, key: &str, sealed: &[u8]) -> Result<(), CorruptRecord> {
        if key == stored::FEED_KEY {
            let feed: FeedRecord = self.journal.open(key, sealed)?;
            // A version that keeps more collections reads what the one before has left out.
            self.records.cursor = if feed.schema == stored::RECORDS_SCHEMA { feed.cursor } else { 0 };
            self.records.complete = feed.complete;
            return Ok(());
        }
        let place = key.split_once('/').and_then(|(_, place)| place.split_once('/')).ok_or(CorruptRecord)?;
        let collection = Collection::from_name(place.0).ok_or(CorruptRecord)?;
        let record: RecordId = place.1.parse().map_err(|_| CorruptRecord)?;
        let stored: RecordEntry = self.journal.open(key, sealed)?;
        let subject = self.open_content(collection, &stored.content).map_err(|_| CorruptRecord)?;
        let RecordEntry { version, generation, dirty, .. } = stored;
        let entry = Entry { subject, version, generation, edits: 0, blocked: false };
        self.records.entries.insert((collection, record), entry);
        if dirty {
            self.records.dirty.insert((collection, record));
        }
        Ok(())
    }

    fn open_content(&mut self, collection: Collection, content: &[u8]) -> Result<Subject, RecordError> {
        if content.is_empty() {
            return Ok(Subject::Deleted);
        }
        match collection {
            Collection::Vault => {
                self.vault = Some(Vault::decode(content)?);
                Ok(Subject::Vault)
            }
            Collection::Contacts => {
                let contact = Contact::decode(content)?;
                let account = contact.account();
                self.contacts.insert(account, contact);
                Ok(Subject::Contact(account))
            }
            Collection::Settings => {
                self.settings = Settings::decode(content)?;
                Ok(Subject::Settings)
            }
        }
    }

    /// Nothing of the account's records stays in memory.
    pub(super) fn clear_records(&mut self) {
        self.vault = None;
        self.contacts.clear();
        self.settings = Settings::default();
        self.records = Records::default();
    }

    /// Nothing of them stays in the local store.
    pub(super) fn forget_records(&mut self) {
        for (collection, record) in self.records.entries.keys() {
            self.journal.delete(stored::record_key(collection.name(), *record));
        }
        self.journal.delete(stored::FEED_KEY.to_owned());
    }

    fn content_of(&self, subject: Subject) -> Option<Zeroizing<Vec<u8>>> {
        match subject {
            Subject::Vault => self.vault.as_ref().map(Vault::encode),
            Subject::Contact(account) => self.contacts.get(&account).map(Contact::encode),
            Subject::Settings => Some(self.settings.encode()),
            Subject::Deleted => None,
        }
    }

    // ---- writing

    /// Writes what the relay has not confirmed, unless something is under way whose end comes back here.
    pub(super) fn push_records(&mut self, cx: &mut Context<'_>) {
        let busy = self.requests.has(&Purpose::PutRecords) || self.requests.has(&Purpose::Changes);
        let ready = self.records.complete && !self.records.waiting;
        // Without the newest root key nothing is sealed: the others would refuse it (K-8).
        if busy || !ready || self.enrolled().is_none() || self.lacks_root() {
            return;
        }
        let (in_flight, writes) = self.next_batch(cx);
        let Ok(writes) = List::new(writes) else { return };
        if !writes.is_empty() {
            self.records.in_flight = in_flight;
            self.records.in_flight_generation = self.newest_root().map_or(0, |key| key.generation());
            self.ask(Ask::cbor(Method::Put, "/v1/records", &PutRecords { writes }), Purpose::PutRecords);
        }
    }

    /// Everything that is sealed under an older root key is written again under the newest (K-8). Who is later finds
    /// that it was done.
    pub(super) fn reseal_records(&mut self, cx: &mut Context<'_>) {
        let newest = self.newest_root().map_or(0, |key| key.generation());
        let old = |(_, entry): &(&Key, &Entry)| {
            entry.version > 0 && entry.generation < newest && entry.subject != Subject::Deleted
        };
        let keys: Vec<Key> = self.records.entries.iter().filter(old).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(entry) = self.records.entries.get_mut(&key) {
                entry.edits += 1;
            }
            if self.records.dirty.insert(key) {
                self.save_record(key, cx);
            }
        }
        self.push_records(cx);
    }

    fn next_batch(&self, cx: &mut Context<'_>) -> (Vec<(Key, u64)>, Vec<RecordWrite>) {
        let (mut in_flight, mut writes, mut bytes) = (Vec::new(), Vec::new(), 0);
        for key in &self.records.dirty {
            let Some(entry) = self.records.entries.get(key).filter(|entry| !entry.blocked) else {
                continue;
            };
            let Some(write) = self.seal_record(*key, entry, cx) else { continue };
            bytes += write.ciphertext.len();
            if writes.len() == RECORDS_BATCH_MAX || (bytes > BATCH_BYTES_MAX && !writes.is_empty()) {
                break;
            }
            in_flight.push((*key, entry.edits));
            writes.push(write);
        }
        (in_flight, writes)
    }

    fn seal_record(&self, key: Key, entry: &Entry, cx: &mut Context<'_>) -> Option<RecordWrite> {
        let account = self.account.as_ref()?.account_id;
        let (collection, record) = key;
        let place = Place { account, collection, record, version: entry.version + 1 };
        let content = self.content_of(entry.subject)?;
        let ciphertext = sealed::seal(&self.newest_root()?, place, &content, &mut cx.rng);
        Some(RecordWrite {
            collection: collection.name().parse().ok()?,
            record_id: record,
            expected_version: entry.version,
            ciphertext: Bytes::new(ciphertext).ok()?,
        })
    }

    pub(super) fn newest_root(&self) -> Option<RootKey> {
        let keys = &self.account.as_ref()?.root_keys;
        let (generation, key) = keys.iter().max_by_key(|(generation, _)| *generation)?;
        Some(RootKey::from_bytes(*generation, key.0))
    }

    /// The root key of one generation, if this device holds it.
    fn root_of(&self, generation: u32) -> Option<RootKey> {
        let keys: &[(u32, StoredSecret)] = &self.account.as_ref()?.root_keys;
        let (_, key) = keys.iter().find(|(held, _)| *held == generation)?;
        Some(RootKey::from_bytes(generation, key.0))
    }

    pub(super) fn handle_records_put(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let in_flight = core::mem::take(&mut self.records.in_flight);
        let outcomes =
            from_bytes(body).map(|RecordsPut { outcomes }| outcomes.into_vec()).unwrap_or_default();
        if outcomes.len() != in_flight.len() {
            // Neither taken nor tried again before the next connection.
            for (key, _) in in_flight {
                if let Some(entry) = self.records.entries.get_mut(&key) {
                    entry.blocked = true;
                }
            }
            self.tell_trouble(RecordsTrouble::Forged);
            return self.after_batch(false, cx);
        }
        let mut conflict = false;
        for ((key, edits), outcome) in in_flight.into_iter().zip(outcomes) {
            match outcome {
                WriteOutcome::Stored { version, change } => {
                    self.take_stored(key, edits, (version, change), cx);
                }
                WriteOutcome::Conflict { version } => conflict |= self.take_conflict(key, version),
            }
        }
        self.after_batch(conflict, cx);
    }

    fn after_batch(&mut self, conflict: bool, cx: &mut Context<'_>) {
        let behind = core::mem::take(&mut self.records.behind);
        if conflict || behind {
            self.fetch_changes();
        } else {
            self.push_records(cx);
        }
    }

    fn take_stored(&mut self, key: Key, edits: u64, (version, change): (u64, u64), cx: &mut Context<'_>) {
        let generation = self.records.in_flight_generation;
        let Some(entry) = self.records.entries.get_mut(&key) else {
            return;
        };
        if version != entry.version + 1 {
            entry.blocked = true;
            return self.tell_trouble(RecordsTrouble::Forged);
        }
        entry.version = version;
        entry.generation = generation;
        if entry.edits == edits {
            self.records.dirty.remove(&key);
        }
        self.save_record(key, cx);
        // Nothing lies between: there is no need to read one's own writes.
        if change == self.records.cursor + 1 {
            self.records.cursor = change;
            self.save_feed(cx);
        }
    }

    /// Whether the feed must show something newer, which is then merged and tried again; until then nothing is.
    fn take_conflict(&mut self, key: Key, version: u64) -> bool {
        let Some(entry) = self.records.entries.get_mut(&key) else {
            return false;
        };
        entry.blocked = true;
        if version > entry.version {
            self.records.conflicts.insert(key);
            return true;
        }
        self.tell_trouble(RecordsTrouble::RolledBack);
        false
    }

    /// A refusal of the whole batch that repeating it would not change. The changes stay here, and are tried again
    /// with the next connection.
    pub(super) fn handle_records_refused(&mut self, problem: &Problem, cx: &mut Context<'_>) {
        for (key, _) in core::mem::take(&mut self.records.in_flight) {
            if let Some(entry) = self.records.entries.get_mut(&key) {
                entry.blocked = true;
            }
        }
        let full = problem.code == ErrorCode::LimitReached;
        self.tell_trouble(if full { RecordsTrouble::Full } else { RecordsTrouble::Forged });
        self.after_batch(false, cx);
    }

    fn tell_trouble(&mut self, trouble: RecordsTrouble) {
        if self.records.troubles.insert(trouble) {
            self.emit(Event::RecordsTroubled { trouble });
        }
    }
}

#[cfg(test)]
mod tests;
