//! Leaf self-updates: every device gives its leaf a new key after seven days or a thousand messages of its own, and within
//! a day of being invited, so that who once copied its keys loses sight of the group (post-compromise security). The
//! times are spread by the given randomness, so that a group's devices don't meet in one epoch.

use protocol::{GroupId, UnixMillis, groups::EntryKind};
use rand_core::CryptoRng;

use super::{
    Client, CommandError, CommandErrorCode, Context,
    groups::Mls,
    stored::{BundleKind, GroupStage, PendingBundle},
};
use crate::mls::{Changes, OwnUpdate};

const DAY_MS: u64 = 86_400_000;
/// A leaf's key is renewed after so long at most.
const LEAF_AGE_MS_MAX: u64 = 7 * DAY_MS;
/// And after so many messages of this device.
const LEAF_MESSAGES_MAX: u32 = 1_000;
/// Another commit took the epoch, or the relay refused: the next try comes within this time.
const RETRY_MS_MAX: u64 = 600_000;
/// Renewals whose fate is not known yet, in all groups.
const RENEWALS_AT_ONCE: usize = 4;

/// How this device came by the key of its leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKey {
    /// Made for this group just now: by creating, joining from outside, or renewing.
    Fresh,
    /// From a key package that had lain at the relay.
    Invited,
}

impl Client {
    /// Sets when the leaf is due next.
    pub(super) fn leaf_renewed(&mut self, group: GroupId, key: LeafKey, cx: &mut Context<'_>) {
        let wait = match key {
            LeafKey::Fresh => LEAF_AGE_MS_MAX - below(DAY_MS, cx.rng),
            LeafKey::Invited => below(DAY_MS, cx.rng),
        };
        self.set_leaf_due(group, wait, cx);
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.summary.sent_with_leaf = Some(0);
        }
        self.save_summary(group, cx);
    }

    fn set_leaf_due(&mut self, group: GroupId, wait_ms: u64, cx: &Context<'_>) {
        if let Some(slot) = self.groups.get_mut(&group) {
            slot.summary.leaf_due_at = Some(UnixMillis(cx.now.0.saturating_add(wait_ms)));
        }
    }

    /// A message was encrypted with this leaf.
    pub(super) fn count_leaf_message(&mut self, group: GroupId) {
        if let Some(slot) = self.groups.get_mut(&group) {
            let sent = slot.summary.sent_with_leaf.unwrap_or(0);
            slot.summary.sent_with_leaf = Some(sent.saturating_add(1));
        }
    }

    pub(super) fn renew_leaves(&mut self, cx: &mut Context<'_>) {
        let groups: Vec<_> = self.groups.keys().copied().collect();
        for group in groups {
            self.renew_leaf(group, cx);
        }
    }

    /// Renews the leaf if it is due and nothing else is under way in the group.
    pub(super) fn renew_leaf(&mut self, group: GroupId, cx: &mut Context<'_>) {
        let Some(slot) = self.groups.get(&group).filter(|slot| !slot.summary.is_closed()) else { return };
        let summary = &slot.summary;
        let Some(due_at) = summary.leaf_due_at else {
            // From before leaves were renewed: nobody knows how old it is.
            if summary.stage == GroupStage::Active {
                self.leaf_renewed(group, LeafKey::Invited, cx);
            }
            return;
        };
        let due = due_at <= cx.now || summary.sent_with_leaf.unwrap_or(0) >= LEAF_MESSAGES_MAX;
        let quiet = slot.incoming.is_empty() && summary.cursor >= slot.hold_until;
        let under_way = self.bundles.values().filter(|bundle| bundle.kind == BundleKind::Renew).count();
        let free = !self.bundles.contains_key(&group) && under_way < RENEWALS_AT_ONCE;
        if !(due && quiet && free && summary.stage == GroupStage::Active && self.session.is_open()) {
            return;
        }
        if self.is_loaded(group) && self.offer_renewal(group, cx).is_err() {
            self.set_leaf_due(group, RETRY_MS_MAX, cx);
            self.save_summary(group, cx);
        }
    }

    fn offer_renewal(&mut self, group: GroupId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let own = self.own_leaf()?;
        self.discard_renewal(group, cx);
        let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls) else {
            return Ok(());
        };
        let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
        let commit = mls.commit(&own, changes).map_err(|_| CommandErrorCode::OutOfSync)?;
        let body = self.sign_bundle(group, EntryKind::Commit, &commit, cx)?;
        self.save_group(group, cx);
        let bundle = PendingBundle {
            group_id: group,
            kind: BundleKind::Renew,
            body: protocol::socket::to_bytes(&body),
            commit_hash: commit.commit_hash,
        };
        self.put_bundle(bundle, cx);
        Ok(())
    }

    /// A renewal whose bundle is gone will never be in the log.
    fn discard_renewal(&mut self, group: GroupId, cx: &mut Context<'_>) {
        if let Some(Mls::Group(mls)) = self.groups.get_mut(&group).map(|slot| &mut slot.mls)
            && mls.has_pending_commit()
            && mls.discard_pending().is_ok()
        {
            self.save_group(group, cx);
        }
    }

    /// Whether the fate of a renewal is open: nothing is encrypted meanwhile for an epoch that may be over.
    pub(super) fn is_renewing(&self, group: GroupId) -> bool {
        self.bundles.get(&group).is_some_and(|bundle| bundle.kind == BundleKind::Renew)
    }

    /// The log shows that the renewal was taken.
    pub(super) fn renewal_merged(&mut self, group: GroupId, cx: &mut Context<'_>) {
        self.drop_bundle(group);
        self.leaf_renewed(group, LeafKey::Fresh, cx);
    }

    /// Another commit took the epoch, or the relay would not have it: tried again after a pause.
    pub(super) fn renewal_refused(&mut self, group: GroupId, cx: &mut Context<'_>) {
        self.discard_renewal(group, cx);
        let wait = below(RETRY_MS_MAX, cx.rng);
        self.set_leaf_due(group, wait, cx);
        self.save_summary(group, cx);
        self.flush(group, cx);
    }
}

fn below(bound: u64, rng: &mut dyn CryptoRng) -> u64 {
    rng.next_u64() % bound
}
