//! The ways into a group: a welcome from the inbox, or an external commit (K-7, R-2).

use std::collections::btree_map;

use protocol::{
    AccountId, GroupId,
    groups::{EntryKind, GroupKind, GroupSummary, GroupsPage, StoredGroupInfo, StoredWelcome, WelcomesPage},
    limits::GROUPS_PAGE_MAX,
    socket::from_bytes,
};

use super::{
    Client, CommandError, CommandErrorCode, Context, UnreadableReason,
    history::LoadPurpose,
    pending::{Ask, Purpose},
    renewal::LeafKey,
    stored::{BundleKind, GroupStage, PendingBundle},
};
use crate::mls::{self, GroupStore, PendingJoin};

use super::groups::{GROUP_RECORDS_MAX, Mls, Slot, new_summary, peer_among};

impl Client {
    /// The state here is behind or lost: an honest line, then in again with the same leaf key.
    pub(super) fn rejoin(&mut self, group: GroupId, why: UnreadableReason, cx: &mut Context<'_>) {
        self.write_unreadable(group, why, cx);
        if self.is_renewing(group) {
            // Taken or not, the leaf that comes in anew replaces it.
            self.drop_bundle(group);
        }
        self.commit_merged(group);
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        slot.summary.stage = GroupStage::Joining;
        slot.incoming.clear();
        self.save_summary(group, cx);
        self.begin_join(group);
    }

    pub(super) fn begin_join(&mut self, group: GroupId) {
        if !self.bundles.contains_key(&group) {
            self.ask(Ask::get(format!("/v1/groups/{group}/info")), Purpose::GroupInfo(group));
        }
    }

    pub(super) fn handle_group_info(&mut self, group: GroupId, body: &[u8], cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        if slot.summary.stage != GroupStage::Joining {
            return;
        }
        let store = match core::mem::replace(&mut slot.mls, Mls::Unloaded) {
            Mls::Group(group) => group.into_store(),
            Mls::Joining(join) => join.discard(),
            Mls::Unloaded | Mls::Loading => GroupStore::default(),
        };
        if self.prepare_join(group, store, body, cx).is_err() {
            self.write_unreadable(group, UnreadableReason::Forked, cx);
            self.end_group(group, cx);
        }
    }

    pub(super) fn prepare_join(
        &mut self,
        group: GroupId,
        store: GroupStore,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let info: StoredGroupInfo = from_bytes(body).map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let own = self.own_leaf()?;
        let known = self.groups.get(&group).map(|slot| (slot.summary.epoch, slot.summary.peer));
        let (epoch_seen, peer) = known.ok_or(CommandErrorCode::Misuse)?;
        let (join, bundle, accounts) = PendingJoin::prepare(store, &own, group, &info.group_info, epoch_seen)
            .map_err(|_| CommandErrorCode::OutOfSync)?;
        if peer_among(&accounts, own.account()) != Some(peer) {
            return Err(CommandErrorCode::RelayMisbehaved.into());
        }
        let body = self.sign_bundle(group, EntryKind::ExternalCommit, &bundle, cx)?;
        let pending = PendingBundle {
            group_id: group,
            kind: BundleKind::Join,
            body: protocol::socket::to_bytes(&body),
            commit_hash: bundle.commit_hash,
        };
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.mls = Mls::Joining(Box::new(join));
        }
        self.save_group(group, cx);
        self.put_bundle(pending, cx);
        Ok(())
    }

    // ---- welcomes

    /// Not before this device knows what the others know of people: whom it meets first, it would pin anew (K-5).
    pub(super) fn fetch_welcomes(&mut self) {
        if !self.records.is_complete() {
            return;
        }
        self.requests.push_unless_unsent(Ask::get("/v1/welcomes"), Purpose::Welcomes);
    }

    pub(super) fn handle_welcomes(&mut self, body: &[u8]) {
        let Ok(page) = from_bytes::<WelcomesPage>(body) else {
            return;
        };
        // One that is taken and shows still was asked for before it was let go.
        let (known, new): (Vec<_>, Vec<_>) = page.welcomes.into_vec().into_iter().partition(|welcome| {
            self.groups.get(&welcome.group_id).is_some_and(|slot| slot.summary.stage == GroupStage::Active)
        });
        for welcome in known {
            self.take_welcome(&welcome);
        }
        if !new.is_empty() {
            let purpose = LoadPurpose::Welcomes(new);
            self.load(mls::KEY_PACKAGE_PREFIX.to_owned(), None, GROUP_RECORDS_MAX, purpose);
        } else if !self.requests.has(&Purpose::Welcomes) {
            // An answer that was under way may be older than what made this device ask once more.
            self.join_from_outside();
            self.list_groups(None);
        }
    }

    pub(super) fn take_welcome(&mut self, welcome: &StoredWelcome) {
        let id = welcome.welcome_id;
        self.ask(Ask::delete(format!("/v1/welcomes/{id}")), Purpose::TakeWelcome(id));
    }

    pub(super) fn handle_key_packages_loaded(
        &mut self,
        welcomes: Vec<StoredWelcome>,
        records: &[(Vec<u8>, Vec<u8>)],
        cx: &mut Context<'_>,
    ) {
        for welcome in welcomes {
            self.join_welcome(&welcome, records, cx);
            self.take_welcome(&welcome);
        }
        self.fetch_welcomes();
    }

    pub(super) fn join_welcome(
        &mut self,
        welcome: &StoredWelcome,
        records: &[(Vec<u8>, Vec<u8>)],
        cx: &mut Context<'_>,
    ) {
        let group = welcome.group_id;
        let known = self.groups.get(&group).map(|slot| (slot.summary.stage, slot.summary.peer));
        // A bundle on its way may be accepted already: then the welcome's leaf is not this device's any more.
        if known.is_some_and(|(stage, _)| stage != GroupStage::Joining) || self.bundles.contains_key(&group) {
            return;
        }
        let Ok(own) = self.own_leaf() else { return };
        let store = GroupStore::load(records.to_vec());
        match mls::join_from_welcome(store, &own, &welcome.welcome) {
            Ok((mut mls, _)) if mls.id() == group => {
                let accounts = mls.members().iter().map(mls::Member::account).collect();
                let peer = peer_among(&accounts, own.account());
                // More people than two, or another than the relay named: never shown as that one's conversation.
                let Some(peer) = peer.filter(|peer| known.is_none_or(|(_, named)| named == *peer)) else {
                    return;
                };
                let changes = mls.take_changes();
                // One of one use is gone with this welcome.
                let last_resort = !changes.iter().any(|(key, value)| {
                    value.is_none() && key.starts_with(mls::KEY_PACKAGE_PREFIX.as_bytes())
                });
                self.save_mls(changes, cx);
                let mut slot = Slot::new(new_summary(group, peer, GroupStage::Active, cx.now));
                slot.summary.cursor = welcome.seq;
                slot.mls = Mls::Group(Box::new(mls));
                if let Some(before) = self.groups.remove(&group) {
                    slot.incoming = before.incoming;
                }
                self.groups.insert(group, slot);
                self.unload_others(group);
                self.entered(group, LeafKey::Invited, cx);
                if last_resort {
                    self.last_resort_used(cx);
                }
                // What came before the welcome was taken fell on a group that was not known here.
                self.fetch_entries(group);
            }
            // Refused: the group is still there to be joined by external commit.
            Ok(_) | Err(_) => {}
        }
    }

    // ---- the relay's list of groups

    /// See [`Self::fetch_welcomes`].
    pub(super) fn list_groups(&mut self, after: Option<GroupId>) {
        if !self.records.is_complete() {
            return;
        }
        let path = after.map_or_else(|| "/v1/groups".to_owned(), |after| format!("/v1/groups?after={after}"));
        self.ask(Ask::get(path), Purpose::ListGroups);
    }

    pub(super) fn handle_groups_page(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Ok(page) = from_bytes::<GroupsPage>(body) else {
            return;
        };
        let Ok(own) = self.own_account() else { return };
        for listed in page.groups.iter() {
            for (account, version) in listed.accounts.iter().zip(listed.device_lists.iter()) {
                self.heard_of_list(*account, *version);
            }
        }
        for listed in page.groups.iter().filter(|listed| listed.kind == GroupKind::Direct) {
            if !self.groups.contains_key(&listed.group_id) {
                self.know_group(listed, own, cx);
            }
        }
        if page.groups.len() == GROUPS_PAGE_MAX {
            self.list_groups(page.groups.last().map(|listed| listed.group_id));
        } else {
            self.session.groups_listed = true;
            self.tend_self(cx);
        }
    }

    pub(super) fn know_group(&mut self, listed: &GroupSummary, own: AccountId, cx: &mut Context<'_>) {
        let Some(peer) = peer_among(&listed.accounts.iter().copied().collect(), own) else {
            return;
        };
        let summary = new_summary(listed.group_id, peer, GroupStage::Joining, cx.now);
        self.groups.insert(listed.group_id, Slot::new(summary));
        self.save_summary(listed.group_id, cx);
        self.fetch_welcomes();
    }

    /// No welcome waits: what this device is not in yet is joined by external commit. A welcome goes first, since who was
    /// invited reads from the invitation on, and who joins from outside only from then on.
    fn join_from_outside(&mut self) {
        let joining = self.groups.values().filter(|slot| slot.summary.stage == GroupStage::Joining);
        let joining: Vec<_> = joining.map(|slot| slot.summary.group_id).collect();
        for group in joining {
            self.begin_join(group);
        }
    }

    /// The relay named a group that exists already: this device joins it, by the welcome that waits or from outside.
    pub(super) fn join_existing(&mut self, group: GroupId, peer: AccountId, cx: &mut Context<'_>) {
        match self.groups.entry(group) {
            btree_map::Entry::Vacant(place) => {
                place.insert(Slot::new(new_summary(group, peer, GroupStage::Joining, cx.now)));
            }
            btree_map::Entry::Occupied(mut known) => known.get_mut().summary.stage = GroupStage::Joining,
        }
        self.save_summary(group, cx);
        self.fetch_welcomes();
    }
}
