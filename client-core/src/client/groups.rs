//! Groups on this device: which MLS state is in memory, and the log, entry by entry (D-1, D-10, R-1, R-2).
//!
//! | stage ↓ / input → | entry of the log | own bundle posted | own bundle refused |
//! |---|---|---|---|
//! | creating | own commit: → active | → active | forget the group, or join the one that exists |
//! | joining | own commit: → active; else waits | → active | fetch the group info again |
//! | active | message, commit, own renewal | waits for the log | a renewal: later |
//! | ended | skipped | – | – |

use std::collections::{BTreeSet, VecDeque};

use protocol::{
    AccountId, GroupId, UnixMillis,
    groups::{Acknowledge, Cursor, EntriesPage, Entry, EntryKind, Gap},
    socket::{ClientFrame, from_bytes},
    values::List,
};

use super::{
    Client, CommandError, CommandErrorCode, Context, Notice, UnreadableReason,
    content::ApplicationContent,
    history::LoadPurpose,
    key_stock::own_leaf,
    pending::{Ask, Purpose},
    requests::Load,
    stored::{self, GroupStage, Summary},
};
use crate::mls::{self, Group, GroupStore, Merged, OwnLeaf, PendingJoin, Unreadable};

/// Groups whose MLS state is in memory at once.
pub(crate) const LOADED_GROUPS_MAX: usize = 32;
/// Entries of one group that wait for its state to be loaded; the rest is fetched again.
const INCOMING_MAX: usize = 1024;
/// Records of one group's MLS state.
pub(crate) const GROUP_RECORDS_MAX: u32 = 4096;

/// A group's MLS state, as far as it is in memory.
pub(crate) enum Mls {
    Unloaded,
    Loading,
    Group(Box<Group>),
    Joining(Box<PendingJoin>),
}

/// A group and what is under way in it.
pub(crate) struct Slot {
    pub(crate) summary: Summary,
    pub(crate) mls: Mls,
    pub(crate) incoming: VecDeque<Entry>,
    /// Outbox items on their way over the current connection, by order.
    pub(crate) flights: BTreeSet<u64>,
    /// Nothing is sent before the log is processed up to here (D-5).
    pub(crate) hold_until: u64,
    last_used: u64,
}

impl Slot {
    pub(crate) fn new(summary: Summary) -> Self {
        Self {
            summary,
            mls: Mls::Unloaded,
            incoming: VecDeque::new(),
            flights: BTreeSet::new(),
            hold_until: 0,
            last_used: 0,
        }
    }
}

impl Client {
    pub(super) fn cursors(&self) -> Vec<Cursor> {
        let active = self.groups.values().filter(|slot| slot.summary.stage == GroupStage::Active);
        active.map(|slot| Cursor { group_id: slot.summary.group_id, seq: slot.summary.cursor }).collect()
    }

    /// After a connection: bundles go again, the outbox flushes. Joins go on once it is known which welcomes wait.
    pub(super) fn resume_groups(&mut self, cx: &mut Context<'_>) {
        let bundles: Vec<_> = self.bundles.keys().copied().collect();
        for group in bundles {
            self.post_bundle(group);
        }
        let own = self.own_account().ok();
        let groups: Vec<_> =
            self.groups.iter().map(|(id, slot)| (*id, slot.summary.stage, slot.summary.peer)).collect();
        for (group, stage, peer) in groups {
            // Whoever has no name yet was being looked up when this device was stopped.
            if own != Some(peer) && self.contact_view(peer).is_none() {
                self.fetch_account(peer);
            }
            if stage == GroupStage::Active {
                self.flush(group, cx);
            }
        }
    }

    pub(super) fn forget_flights(&mut self) {
        for slot in self.groups.values_mut() {
            slot.flights.clear();
            slot.incoming.clear();
        }
    }

    pub(super) fn save_summary(&mut self, group: GroupId, cx: &mut Context<'_>) {
        if let Some(slot) = self.groups.get(&group) {
            self.journal.put(stored::summary_key(group), &slot.summary, cx.rng);
        }
    }

    pub(super) fn own_leaf(&self) -> Result<OwnLeaf, CommandError> {
        let account = self.account.as_ref().ok_or(CommandErrorCode::Misuse)?;
        own_leaf(&account.certificate, &account.leaf_key)
    }

    // ---- loading MLS state on demand

    /// Whether the group's state is in memory; asks for it otherwise.
    pub(super) fn is_loaded(&mut self, group: GroupId) -> bool {
        let used = self.next_load;
        let Some(slot) = self.groups.get_mut(&group) else {
            return false;
        };
        slot.last_used = used;
        match slot.mls {
            Mls::Group(_) | Mls::Joining(_) => true,
            Mls::Loading => false,
            Mls::Unloaded => {
                slot.mls = Mls::Loading;
                self.load(mls::group_prefix(group), None, GROUP_RECORDS_MAX, LoadPurpose::Group(group));
                false
            }
        }
    }

    pub(super) fn load(&mut self, prefix: String, before: Option<String>, limit: u32, purpose: LoadPurpose) {
        let id = self.next_load;
        self.next_load += 1;
        self.loads.insert(id, purpose);
        self.loads_out.push_back(Load { id, prefix, before, limit });
    }

    pub(super) fn handle_group_loaded(
        &mut self,
        group: GroupId,
        records: Vec<(Vec<u8>, Vec<u8>)>,
        cx: &mut Context<'_>,
    ) {
        let empty = records.is_empty();
        let active = self.groups.get(&group).is_some_and(|slot| slot.summary.stage == GroupStage::Active);
        let pending = PendingJoin::load(GroupStore::load(records), group).map(|pending| match pending {
            // It was being joined from outside too when a welcome let this device in.
            Ok(join) if active => Err(join.discard()),
            pending => pending,
        });
        let loaded = match pending {
            Ok(Ok(join)) => Ok(Mls::Joining(Box::new(join))),
            Ok(Err(_)) if empty => Ok(Mls::Unloaded),
            Ok(Err(store)) => Group::load(store, group).and_then(|mut group| {
                group.forget_past_epochs()?;
                Ok(Mls::Group(Box::new(group)))
            }),
            Err(error) => Err(error),
        };
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        match loaded {
            Ok(Mls::Unloaded) | Err(_) => {
                slot.mls = Mls::Unloaded;
                self.rejoin(group, UnreadableReason::CorruptStore, cx);
            }
            Ok(mls) => {
                slot.mls = mls;
                self.unload_others(group);
                self.judge_members(group, cx);
                self.run_group(group, cx);
            }
        }
    }

    /// Saves are write-through, so letting go of a group is free.
    pub(super) fn unload_others(&mut self, keep: GroupId) {
        let mut loaded: Vec<_> = self
            .groups
            .iter()
            .filter(|(id, slot)| {
                **id != keep && matches!(slot.mls, Mls::Group(_)) && slot.incoming.is_empty()
            })
            .map(|(id, slot)| (slot.last_used, *id))
            .collect();
        loaded.sort_unstable();
        let excess = (loaded.len() + 1).saturating_sub(LOADED_GROUPS_MAX);
        for (_, id) in loaded.into_iter().take(excess) {
            if let Some(slot) = self.groups.get_mut(&id) {
                slot.mls = Mls::Unloaded;
            }
        }
    }

    pub(super) fn save_mls(&mut self, changes: Vec<mls::Change>, cx: &mut Context<'_>) {
        for (key, value) in changes {
            // Keys of the MLS store are ASCII by construction.
            let Ok(key) = String::from_utf8(key) else { continue };
            match value {
                Some(value) => self.journal.put_bytes(key, &value, cx.rng),
                None => self.journal.delete(key),
            }
        }
    }

    pub(super) fn save_group(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(Slot { mls, summary, .. }) = self.groups.get_mut(&group) else { return };
        let changes = match mls {
            Mls::Group(mls) => {
                summary.epoch = summary.epoch.max(mls.epoch());
                mls.take_changes()
            }
            Mls::Joining(join) => join.take_changes(),
            Mls::Unloaded | Mls::Loading => return,
        };
        self.save_mls(changes, cx);
    }

    // ---- the log

    pub(super) fn handle_entries(&mut self, group: GroupId, entries: Vec<Entry>, cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        for entry in entries {
            if slot.incoming.len() < INCOMING_MAX {
                slot.incoming.push_back(entry);
            }
        }
        self.run_group(group, cx);
    }

    pub(super) fn handle_entry_waiting(&mut self, cursor: Cursor, _: &mut Context<'_>) {
        self.fetch_entries(cursor.group_id);
    }

    pub(super) fn fetch_entries(&mut self, group: GroupId) {
        let Some(slot) = self.groups.get(&group) else {
            return;
        };
        let after = slot.incoming.back().map_or(slot.summary.cursor, |entry| entry.seq);
        let path = format!("/v1/groups/{group}/entries?after={after}");
        self.requests.push_unless_unsent(Ask::get(path), Purpose::Entries(group));
    }

    pub(super) fn handle_entries_page(&mut self, group: GroupId, body: &[u8], cx: &mut Context<'_>) {
        let Ok(page) = from_bytes::<EntriesPage>(body) else {
            return;
        };
        if let Some(gap) = page.gap {
            self.handle_gap(group, gap, cx);
        }
        let last = page.entries.last().map(|entry| entry.seq);
        if page.gap.is_none() && self.is_cut_off(group, page.entries.first().map(|entry| entry.seq)) {
            return self.rejoin(group, UnreadableReason::MissingCommit, cx);
        }
        self.handle_entries(group, page.entries.into_vec(), cx);
        if last.is_some_and(|last| last < page.head) {
            self.fetch_entries(group);
        }
    }

    /// The relay has no entry that follows the cursor, and none was cut: this device's place in the group began anew.
    fn is_cut_off(&self, group: GroupId, first: Option<u64>) -> bool {
        let Some(slot) = self.groups.get(&group) else { return false };
        let next = slot.incoming.back().map_or(slot.summary.cursor, |entry| entry.seq) + 1;
        slot.summary.stage == GroupStage::Active && first.is_some_and(|first| first > next)
    }

    /// Retention cut entries: a line says so, and the log goes on after them (D-11).
    pub(super) fn handle_gap(&mut self, group: GroupId, gap: Gap, cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        if gap.to > slot.summary.cursor {
            let count = gap.to - slot.summary.cursor;
            slot.summary.cursor = gap.to;
            slot.summary.lines_at_cursor = 0;
            self.write_notice(group, Notice::Gap { count }, cx);
            self.save_summary(group, cx);
        }
        if self.session.is_open() {
            self.send_frame(&ClientFrame::ConfirmGap(Cursor { group_id: group, seq: gap.to }));
        }
    }

    /// Processes what can be processed, then acknowledges it and sends what waits.
    pub(super) fn run_group(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let before = self.groups.get(&group).map(|slot| slot.summary.cursor);
        while self.groups.get(&group).is_some_and(|slot| !slot.incoming.is_empty()) {
            if !self.next_entry(group, cx) {
                break;
            }
        }
        let after = self.groups.get(&group).map(|slot| slot.summary.cursor);
        if before != after {
            self.save_group(group, cx);
            self.save_summary(group, cx);
            self.acknowledge(group);
            self.emit_conversation(group);
        }
        self.tend_group(group, cx);
        self.flush(group, cx);
    }

    /// Takes one entry; `false` when it must wait.
    fn next_entry(&mut self, group: GroupId, cx: &mut Context<'_>) -> bool {
        let Some(slot) = self.groups.get_mut(&group) else {
            return false;
        };
        let Some(seq) = slot.incoming.front().map(|entry| entry.seq) else {
            return false;
        };
        let (cursor, stage) = (slot.summary.cursor, slot.summary.stage);
        if seq <= cursor && stage == GroupStage::Active || stage == GroupStage::Ended {
            slot.incoming.pop_front();
            return true;
        }
        if stage == GroupStage::Active && seq > cursor + 1 {
            slot.incoming.clear();
            self.fetch_entries(group);
            return false;
        }
        // Before it is in and while no commit of its own can be in the log, this device has nothing to read it with.
        let waits = stage != GroupStage::Active && !self.bundles.contains_key(&group);
        if waits || !self.is_loaded(group) {
            return false;
        }
        if stage != GroupStage::Active {
            return self.find_own_bundle(group, cx);
        }
        let Some(entry) = self.groups.get_mut(&group).and_then(|slot| slot.incoming.pop_front()) else {
            return false;
        };
        match entry.kind {
            EntryKind::Message => self.take_message(group, &entry, cx),
            EntryKind::Commit | EntryKind::ExternalCommit => self.take_commit(group, &entry, cx),
        }
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.summary.cursor = slot.summary.cursor.max(entry.seq);
        }
        true
    }

    /// Before this device is in: only its own bundle in the log moves the group on.
    fn find_own_bundle(&mut self, group: GroupId, cx: &mut Context<'_>) -> bool {
        let Some(entry) = self.groups.get_mut(&group).and_then(|slot| slot.incoming.front().cloned()) else {
            return false;
        };
        if self.bundles.get(&group).is_some_and(|bundle| bundle.commit_hash == stored::hash(&entry.content)) {
            self.bundle_accepted(group, entry.seq, entry.received_at, cx);
            return true;
        }
        false
    }

    fn take_message(&mut self, group: GroupId, entry: &Entry, cx: &mut Context<'_>) {
        self.open_line(group, entry.seq);
        if self.take_own_message(group, entry, cx) {
            return;
        }
        let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls) else {
            return;
        };
        match mls.decrypt(&entry.content) {
            Ok(decrypted) => match ApplicationContent::decode(&decrypted.content) {
                Ok(content) => self.take_content(group, (decrypted.account, content), entry, cx),
                Err(_) => self.write_unreadable(group, UnreadableReason::BadData, cx),
            },
            Err(error) => self.write_unreadable(group, reason(&error), cx),
        }
    }

    fn take_commit(&mut self, group: GroupId, entry: &Entry, cx: &mut Context<'_>) {
        self.open_line(group, entry.seq);
        let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls) else {
            return;
        };
        let own = mls.is_pending_commit(&entry.content);
        let merged = match (&entry.commit, own) {
            (_, true) => mls.merge_pending(),
            (Some(envelope), false) => mls.process_commit(&entry.content, envelope),
            (None, false) => Err(mls::RelayFault::Malformed.into()),
        };
        match merged {
            Ok(merged) => {
                if own {
                    self.renewal_merged(group, cx);
                } else {
                    self.commit_merged(group);
                }
                self.after_merge(group, &merged, cx);
            }
            // Whoever only can't decrypt rejoins; what breaks the rules is refused by all, and nobody rejoins past it.
            Err(mls::Error::Unreadable(_) | mls::Error::OutOfSync { .. } | mls::Error::Store(_)) => {
                self.rejoin(group, UnreadableReason::MissingCommit, cx);
            }
            Err(_) => {
                self.write_unreadable(group, UnreadableReason::Forked, cx);
                self.end_group(group, cx);
            }
        }
    }

    fn after_merge(&mut self, group: GroupId, merged: &Merged, cx: &mut Context<'_>) {
        if merged.removed_me {
            self.write_unreadable(group, UnreadableReason::Removed, cx);
            return self.end_group(group, cx);
        }
        let newcomers: BTreeSet<_> = merged.deltas.roles.iter().map(|(account, _)| *account).collect();
        for (account, device) in &merged.deltas.added {
            let back = merged.deltas.removed.contains(&(*account, *device));
            if !newcomers.contains(account) && !back {
                self.write_notice(group, Notice::DeviceAdded { account_id: *account }, cx);
                self.fetch_account(*account);
            }
        }
        // Until the account's list names the new device, nothing is sent to it.
        self.judge_members(group, cx);
        for (account, device) in &merged.deltas.removed {
            if !merged.deltas.added.contains(&(*account, *device)) {
                self.write_notice(group, Notice::DeviceRemoved { account_id: *account }, cx);
            }
        }
    }

    pub(super) fn acknowledge(&mut self, group: GroupId) {
        let Some(slot) = self.groups.get(&group) else {
            return;
        };
        if !self.session.is_open() || slot.summary.stage != GroupStage::Active {
            return;
        }
        let cursor = Cursor { group_id: group, seq: slot.summary.cursor };
        if let Ok(cursors) = List::new(vec![cursor]) {
            self.send_frame(&ClientFrame::Acknowledge(Acknowledge { cursors }));
        }
    }

    /// This device can't follow the group any more: nothing is sent or read, what was said stays.
    pub(super) fn end_group(&mut self, group: GroupId, cx: &mut Context<'_>) {
        self.drop_bundle(group);
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        slot.summary.stage = GroupStage::Ended;
        slot.incoming.clear();
        self.save_summary(group, cx);
        self.fail_outbox(group, CommandErrorCode::OutOfSync, cx);
        self.emit_conversation(group);
        self.start_ended(group, CommandErrorCode::OutOfSync.into());
    }
}

pub(crate) fn new_summary(group_id: GroupId, peer: AccountId, stage: GroupStage, now: UnixMillis) -> Summary {
    Summary {
        group_id,
        peer,
        stage,
        cursor: 0,
        unread: Vec::new(),
        last: None,
        active_at: now,
        lines_at_cursor: 0,
        profile_sent: false,
        unlisted_device: false,
        epoch: 0,
        leaf_due_at: None,
        sent_with_leaf: None,
        closed_at: None,
        revoked_leaf: false,
        untended: false,
    }
}

/// The other account of a group of two; one's own in a group with oneself. `None`: more people, or without oneself.
pub(crate) fn peer_among(accounts: &BTreeSet<AccountId>, own: AccountId) -> Option<AccountId> {
    let mut others = accounts.iter().filter(|account| **account != own);
    let peer = others.next().copied().unwrap_or(own);
    (accounts.contains(&own) && others.next().is_none()).then_some(peer)
}

///
fn reason(error: &mls::Error) -> UnreadableReason {
    match error {
        mls::Error::Unreadable(Unreadable::EpochTooOld) => UnreadableReason::EpochTooOld,
        mls::Error::Unreadable(Unreadable::KeyGone) => UnreadableReason::KeyDeleted,
        mls::Error::Unreadable(Unreadable::Ciphertext | Unreadable::Own) => UnreadableReason::BadData,
        mls::Error::PeerMisbehaved(_) | mls::Error::RelayMisbehaved(_) => UnreadableReason::BadData,
        mls::Error::OutOfSync { .. } => UnreadableReason::MissingCommit,
        mls::Error::NewerClientNeeded { .. } => UnreadableReason::NeedsNewerVersion,
        mls::Error::Misuse(_) => UnreadableReason::Removed,
        mls::Error::Store(_) => UnreadableReason::CorruptStore,
    }
}
