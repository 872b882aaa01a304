//! Revoked devices leave every group (K-8): whoever sees that a signed list marks a device as revoked commits its
//! removal and puts its id into the group's rules, with the signed revocation. While its leaf is there, nothing is sent.

use std::collections::BTreeSet;

use protocol::{
    AccountId, DeviceId, GroupId,
    groups::EntryKind,
    revocation::{REVOCATION_BYTES, Revocation},
    values::Bytes,
};

use super::{
    Client, Context,
    groups::Mls,
    stored::{BundleKind, GroupStage, PendingBundle},
};
use crate::{
    device_list::VerifiedDeviceList,
    mls::{Changes, Group},
    revocation::VerifiedRevocation,
};

impl Client {
    /// The signed revocations of an account, as far as they verify under its known identity key.
    pub(super) fn verified_revocations(
        list: &VerifiedDeviceList,
        revocations: &[Bytes<REVOCATION_BYTES>],
    ) -> Vec<Bytes<REVOCATION_BYTES>> {
        let body = list.body();
        let holds = |bytes: &&Bytes<REVOCATION_BYTES>| {
            VerifiedRevocation::verify(bytes, body.account, &body.identity_key).is_ok()
        };
        revocations.iter().filter(holds).cloned().collect()
    }

    /// Makes the commit that a group still needs, once everything before it is processed.
    pub(super) fn tend_group(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let due = self.groups.get(&group).is_some_and(|slot| {
            let summary = &slot.summary;
            summary.untended
                && summary.stage == GroupStage::Active
                && !summary.is_closed()
                && slot.incoming.is_empty()
                && summary.cursor >= slot.hold_until
        });
        if !due || !self.session.is_caught_up() || self.bundles.contains_key(&group) || !self.is_loaded(group)
        {
            return;
        }
        if let Some(changes) = self.wanted_changes(group) {
            self.commit_changes(group, changes, cx);
        }
    }

    /// After everything that was missed.
    pub(super) fn tend_all(&mut self, cx: &mut Context<'_>) {
        let groups: Vec<GroupId> = self.groups.keys().copied().collect();
        for group in groups {
            self.tend_group(group, cx);
        }
        self.tend_self(cx);
    }

    /// Whether a member account's list revokes a device that the group's rules don't know as revoked.
    pub(super) fn is_untended(&self, group: GroupId) -> bool {
        self.wanted_changes(group).is_some()
    }

    fn wanted_changes(&self, group: GroupId) -> Option<Changes> {
        let Some(Mls::Group(mls)) = self.groups.get(&group).map(|slot| &slot.mls) else {
            return None;
        };
        let accounts: BTreeSet<AccountId> = mls.members().iter().map(|member| member.account()).collect();
        let mut changes = Changes::default();
        for account in accounts {
            let Some((list, revocations)) = self.list_and_revocations(account) else { continue };
            let revoked: BTreeSet<DeviceId> =
                list.revoked().filter(|device| !mls.rules().revoked.contains(device)).collect();
            self.remove_revoked(mls, account, &revoked, &mut changes);
            let carried = revocations.iter().filter_map(|bytes| Revocation::decode(bytes).ok());
            let carried = carried.filter(|revocation| changes.revoke.contains(&revocation.body.device));
            changes.revocations.extend(carried);
        }
        (!changes.revoke.is_empty()).then_some(changes)
    }

    /// The last leaf of an account stays until another of its devices is in: else nobody of it could join (K-7).
    fn remove_revoked(
        &self,
        mls: &Group,
        account: AccountId,
        revoked: &BTreeSet<DeviceId>,
        changes: &mut Changes,
    ) {
        let leaves = || mls.members().iter().filter(|member| member.account() == account);
        let stays = leaves().any(|member| !revoked.contains(&member.device()));
        for device in revoked {
            let has_leaf = leaves().any(|member| member.device() == *device);
            let own = self.account.as_ref().is_some_and(|own| own.device_id == *device);
            if own || has_leaf && !stays {
                continue;
            }
            if has_leaf {
                changes.remove.push(*device);
            }
            changes.revoke.push(*device);
        }
    }

    /// What the lists of these accounts mark as revoked.
    pub(super) fn revoked_devices(&self, accounts: [AccountId; 2]) -> Vec<DeviceId> {
        let lists = accounts.into_iter().filter_map(|account| self.list_and_revocations(account));
        lists.flat_map(|(list, _)| list.revoked().collect::<Vec<_>>()).collect()
    }

    pub(super) fn list_and_revocations(
        &self,
        account: AccountId,
    ) -> Option<(VerifiedDeviceList, &[Bytes<REVOCATION_BYTES>])> {
        let own = self.account.as_ref().filter(|own| own.account_id == account);
        let (list, revocations) = match own {
            Some(own) => (&own.device_list, &own.revocations),
            None => {
                let record = self.device_lists.get(&account)?;
                (&record.device_list, &record.revocations)
            }
        };
        Some((VerifiedDeviceList::verify(list).ok()?, revocations))
    }

    fn commit_changes(&mut self, group: GroupId, changes: Changes, cx: &mut Context<'_>) {
        let Ok(own) = self.own_leaf() else { return };
        let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls) else {
            return;
        };
        // What every member would refuse is not sent; the group then waits for somebody who may do more.
        let Ok(bundle) = mls.commit(&own, changes) else { return };
        let Ok(signed) = self.sign_bundle(group, EntryKind::Commit, &bundle, cx) else { return };
        self.save_group(group, cx);
        let pending = PendingBundle {
            group_id: group,
            kind: BundleKind::Commit,
            body: protocol::socket::to_bytes(&signed),
            commit_hash: bundle.commit_hash,
        };
        self.put_bundle(pending, cx);
    }

    /// The relay took another commit for this epoch, or does not take this one: it is made anew after catching up.
    pub(super) fn commit_refused(&mut self, group: GroupId, head: Option<u64>, cx: &mut Context<'_>) {
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.hold_until = slot.hold_until.max(head.unwrap_or(0));
            if let Mls::Group(mls) = &mut slot.mls
                && mls.has_pending_commit()
            {
                // One that the log has overtaken is gone already.
                let _ = mls.discard_pending();
            }
        }
        self.save_group(group, cx);
        if head.is_some() {
            self.run_group(group, cx);
        }
    }

    /// A commit of the log took the slot for which this device's own was made.
    pub(super) fn commit_merged(&mut self, group: GroupId) {
        if self.bundles.get(&group).is_some_and(|bundle| bundle.kind == BundleKind::Commit) {
            self.drop_bundle(group);
        }
    }
}
