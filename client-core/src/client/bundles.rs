//! Commit bundles of this device: signed, saved, offered until the relay has answered (D-3, R-1).

use protocol::{
    ErrorCode, GroupId, MessageId, Problem, UnixMillis,
    groups::{CommitBundle, EntryKind, Posted},
    socket::from_bytes,
    values::{Bytes, Exactly, List},
};

use super::{
    Client, CommandError, CommandErrorCode, Context, Event, Notice,
    pending::{Ask, Purpose},
    random,
    requests::Method,
    stored::{self, BundleKind, GroupStage, PendingBundle},
};
use crate::{
    identity::{CommitParts, DeviceAuthSecret},
    mls::{self},
};

use super::{
    groups::{Mls, Slot},
    renewal::LeafKey,
};

impl Client {
    /// The bundle of a commit, with the committer's signature (D-8).
    pub(super) fn sign_bundle(
        &self,
        group: GroupId,
        kind: EntryKind,
        bundle: &mls::CommitBundle,
        cx: &mut Context<'_>,
    ) -> Result<CommitBundle, CommandError> {
        let account = self.account.as_ref().ok_or(CommandErrorCode::Misuse)?;
        let too_large = |_| CommandError::from(CommandErrorCode::Misuse);
        let message_id = MessageId::from_bytes(random(cx.rng));
        let parts = CommitParts { commit: &bundle.commit, deltas: &bundle.deltas_bytes };
        let key = DeviceAuthSecret::from_bytes(&account.device_auth_key.0);
        let signature = key.sign_commit(group, bundle.epoch, message_id, parts);
        let invited = bundle.deltas.added.iter().map(|(_, device)| *device);
        let welcome_devices = match bundle.welcome {
            Some(_) => invited.filter(|device| *device != account.device_id).collect(),
            None => Vec::new(),
        };
        let welcome = bundle.welcome.clone().map(Bytes::new).transpose().map_err(too_large)?;
        Ok(CommitBundle {
            message_id,
            group_id: group,
            epoch: bundle.epoch,
            kind,
            commit: Bytes::new(bundle.commit.clone()).map_err(too_large)?,
            deltas: Bytes::new(bundle.deltas_bytes.clone()).map_err(too_large)?,
            group_info: Bytes::new(bundle.group_info.clone()).map_err(too_large)?,
            welcome,
            welcome_devices: List::new(welcome_devices).map_err(too_large)?,
            claims: List::default(),
            signature: Exactly(*signature.as_bytes()),
        })
    }

    /// Saves a bundle and offers it until its fate is known.
    pub(super) fn put_bundle(&mut self, bundle: PendingBundle, cx: &mut Context<'_>) {
        let group = bundle.group_id;
        self.journal.put(stored::bundle_key(group), &bundle, cx.rng);
        self.bundles.insert(group, bundle);
        self.post_bundle(group);
    }

    pub(super) fn post_bundle(&mut self, group: GroupId) {
        let Some(bundle) = self.bundles.get(&group) else {
            return;
        };
        let path = match bundle.kind {
            BundleKind::Create => "/v1/groups".to_owned(),
            BundleKind::Join | BundleKind::Renew | BundleKind::Commit => {
                format!("/v1/groups/{group}/commits")
            }
        };
        let ask = Ask::cbor_bytes(Method::Post, path, bundle.body.clone());
        self.ask(ask, Purpose::Bundle(group));
    }

    pub(super) fn drop_bundle(&mut self, group: GroupId) {
        if self.bundles.remove(&group).is_some() {
            self.journal.delete(stored::bundle_key(group));
            self.requests.forget(&Purpose::Bundle(group));
        }
    }

    pub(super) fn handle_bundle_posted(&mut self, group: GroupId, body: &[u8], cx: &mut Context<'_>) {
        match from_bytes::<Posted>(body) {
            // What came before it in the log comes first.
            Ok(posted) if posted.group_id == group && self.is_renewing(group) => {}
            Ok(posted) if posted.group_id == group => {
                self.bundle_accepted(group, posted.seq, posted.received_at, cx);
            }
            _ => self.emit(Event::Fatal { code: CommandErrorCode::RelayMisbehaved }),
        }
    }

    /// The relay has the bundle: what it prepared becomes the group's state, and the group is active.
    pub(super) fn bundle_accepted(&mut self, group: GroupId, seq: u64, at: UnixMillis, cx: &mut Context<'_>) {
        // A member's commit is merged in the log's order.
        if self.bundles.get(&group).is_none_or(|bundle| bundle.kind == BundleKind::Commit) {
            return;
        }
        if !self.is_loaded(group) {
            // The answer came before the state: it is asked for again, which gives the same answer.
            return self.post_bundle(group);
        }
        let Some(slot) = self.groups.get_mut(&group) else {
            return;
        };
        let creating = slot.summary.stage == GroupStage::Creating;
        let adopted = match core::mem::replace(&mut slot.mls, Mls::Unloaded) {
            Mls::Group(mut mls) => mls.merge_pending().map(|_| Mls::Group(mls)),
            Mls::Joining(join) => join.adopt().map(|mls| Mls::Group(Box::new(mls))),
            mls @ (Mls::Unloaded | Mls::Loading) => Ok(mls),
        };
        let Ok(adopted) = adopted else {
            return self.emit(Event::Fatal { code: CommandErrorCode::StoreFailed });
        };
        slot.mls = adopted;
        slot.summary.stage = GroupStage::Active;
        slot.summary.cursor = seq;
        slot.summary.lines_at_cursor = 0;
        slot.summary.active_at = slot.summary.active_at.max(at);
        self.drop_bundle(group);
        if !creating {
            self.write_notice(group, Notice::JoinedHere, cx);
        }
        self.entered(group, LeafKey::Fresh, cx);
    }

    /// This device is in: contacts, profile, and whatever waited.
    pub(super) fn entered(&mut self, group: GroupId, key: LeafKey, cx: &mut Context<'_>) {
        self.leaf_renewed(group, key, cx);
        self.meet_members(group, cx);
        if !self.is_self_group(group) {
            self.send_profile(group, cx);
        }
        self.save_group(group, cx);
        self.save_summary(group, cx);
        self.acknowledge(group);
        self.emit_conversation(group);
        self.start_done(group);
        self.run_group(group, cx);
        self.tend_self(cx);
    }

    pub(super) fn handle_bundle_refused(&mut self, group: GroupId, problem: &Problem, cx: &mut Context<'_>) {
        let Some(kind) = self.bundles.get(&group).map(|bundle| bundle.kind) else {
            return;
        };
        if kind == BundleKind::Create && self.creation_waits(group, problem) {
            return self.post_bundle(group);
        }
        self.drop_bundle(group);
        match (kind, problem.code) {
            (BundleKind::Renew, ErrorCode::AccountGone) => self.group_closed(group, cx),
            (BundleKind::Renew, _) => self.renewal_refused(group, cx),
            (BundleKind::Commit, _) => self.commit_refused(group, problem.facts.head, cx),
            (BundleKind::Join, ErrorCode::StaleEpoch) => self.begin_join(group),
            (BundleKind::Join, _) => self.end_group(group, cx),
            (BundleKind::Create, code) => match (code, problem.facts.group_id) {
                (ErrorCode::GroupExists, Some(existing)) => self.give_way(group, existing, cx),
                _ => {
                    self.forget_group(group, cx);
                    self.start_ended(group, CommandError::from(problem));
                }
            },
        }
    }

    /// Whether a refused creation is asked for again: of two creators at the same moment the second one is not told at
    /// once which group there is; and what is not in memory can't be deleted yet.
    fn creation_waits(&mut self, group: GroupId, problem: &Problem) -> bool {
        let creating = self.groups.get(&group).is_some_and(|slot| slot.summary.stage == GroupStage::Creating);
        let untold = problem.code == ErrorCode::GroupExists && problem.facts.group_id.is_none();
        creating && (untold || !self.is_loaded(group))
    }

    /// A group that never came to be leaves nothing.
    pub(super) fn forget_group(&mut self, group: GroupId, cx: &mut Context<'_>) {
        if let Some(Slot { mls: Mls::Group(mls), .. }) = self.groups.remove(&group) {
            let changes = mls.delete();
            self.save_mls(changes, cx);
        }
        self.journal.delete(stored::summary_key(group));
    }
}
