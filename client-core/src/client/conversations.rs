//! Starting a conversation by handle: directory, key packages of the peer's and one's own devices, one bundle (D-3, D-7).

use protocol::{
    AccountId, ClaimId, GroupId, Handle, Role, UnixMillis,
    accounts::DirectoryEntry,
    device_list::DeviceListBody,
    groups::{CreateGroup, EntryKind, GroupKind},
    key_packages::{ClaimKeyPackages, ClaimedKeyPackages},
    socket::from_bytes,
    values::List,
};

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Outcome,
    groups::{Mls, Slot, new_summary},
    pending::{Ask, Purpose},
    random,
    refused_lists::verify_list,
    requests::Method,
    stored::{BundleKind, GroupStage, PendingBundle},
};
use crate::{
    fingerprint::Fingerprint,
    mls::{self, Changes, CheckedKeyPackage, ExpectedDevice, Group},
};

/// A conversation that is being started; one at a time.
pub(crate) struct Starting {
    command: CommandId,
    handle: Handle,
    /// The fingerprint that somebody's own link names.
    expected: Option<String>,
    step: StartStep,
}

enum StartStep {
    Directory,
    ClaimPeer { peer: AccountId, claim: ClaimId },
    ClaimOwn { peer: AccountId, claims: Vec<ClaimId>, invited: Vec<CheckedKeyPackage> },
    Created { group: GroupId },
}

impl Client {
    /// Starts, or finds, the conversation with the account that has this handle.
    pub fn start_conversation(&mut self, handle: &str, cx: &mut Context<'_>) -> CommandId {
        self.start(handle, None, cx)
    }

    /// The same by somebody's own link: only with whom it names by the fingerprint of the key, 64 hex digits (K-4).
    pub fn start_conversation_by_link(
        &mut self,
        handle: &str,
        fingerprint: &str,
        cx: &mut Context<'_>,
    ) -> CommandId {
        self.start(handle, Some(fingerprint.to_owned()), cx)
    }

    fn start(&mut self, handle: &str, expected: Option<String>, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        match self.checked_start(handle) {
            Err(code) => self.finish(command, Err(code.into())),
            Ok(handle) => {
                self.ask(Ask::get(format!("/v1/accounts/by-handle/{handle}")), Purpose::StartDirectory);
                self.starting = Some(Starting { command, handle, expected, step: StartStep::Directory });
            }
        }
        self.session_tick(cx);
        command
    }

    fn checked_start(&self, handle: &str) -> Result<Handle, CommandErrorCode> {
        let account = self.enrolled().ok_or(CommandErrorCode::Misuse)?;
        let handle: Handle =
            handle.trim().trim_start_matches('@').parse().map_err(|_| CommandErrorCode::HandleInvalid)?;
        if handle.as_str() == account.handle {
            return Err(CommandErrorCode::OwnHandle);
        }
        if self.starting.is_some() { Err(CommandErrorCode::Misuse) } else { Ok(handle) }
    }

    pub(super) fn fail_start(&mut self, error: CommandError) {
        if let Some(starting) = self.starting.take() {
            self.finish(starting.command, Err(error));
        }
    }

    pub(super) fn handle_start_directory(&mut self, body: &[u8], cx: &mut Context<'_>) {
        if let Err(error) = self.start_claims(body, cx) {
            self.fail_start(error);
        }
    }

    fn start_claims(&mut self, body: &[u8], cx: &mut Context<'_>) -> Result<(), CommandError> {
        let entry: DirectoryEntry =
            serde_json::from_slice(body).map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let Some(starting) = &self.starting else {
            return Ok(());
        };
        let peer = entry.account_id;
        if entry.handle != starting.handle || peer == self.own_account()? {
            return Err(CommandErrorCode::RelayMisbehaved.into());
        }
        if let Some(expected) = &starting.expected
            && !is_named(expected, &entry)
        {
            return Err(CommandErrorCode::LinkMismatch.into());
        }
        self.meet(&entry, cx)?;
        self.accept(peer, cx);
        if let Some(group) = self.groups_with(peer).into_iter().find(|group| self.is_alive(*group)) {
            self.await_group(group);
            return Ok(());
        }
        let claim = ClaimId::from_bytes(random(cx.rng));
        self.claim(peer, claim, Purpose::StartClaimPeer);
        if let Some(starting) = &mut self.starting {
            starting.step = StartStep::ClaimPeer { peer, claim };
        }
        Ok(())
    }

    /// Ends the start with a group that there is, or once it is there.
    fn await_group(&mut self, group: GroupId) {
        if let Some(starting) = &mut self.starting {
            starting.step = StartStep::Created { group };
        }
        if self.groups.get(&group).is_some_and(|slot| slot.summary.stage != GroupStage::Creating) {
            self.start_done(group);
        }
    }

    fn is_alive(&self, group: GroupId) -> bool {
        self.groups.get(&group).is_some_and(|slot| slot.summary.stage != GroupStage::Ended)
    }

    pub(super) fn claim(&mut self, account_id: AccountId, claim_id: ClaimId, purpose: Purpose) {
        let ask =
            Ask::cbor(Method::Post, "/v1/key-packages/claim", &ClaimKeyPackages { claim_id, account_id });
        self.ask(ask, purpose);
    }

    pub(super) fn handle_start_claim(&mut self, body: &[u8], cx: &mut Context<'_>) {
        if let Err(error) = self.take_claim(body, cx) {
            self.fail_start(error);
        }
    }

    fn take_claim(&mut self, body: &[u8], cx: &mut Context<'_>) -> Result<(), CommandError> {
        let claimed: ClaimedKeyPackages = from_bytes(body).map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let Some(mut starting) = self.starting.take() else {
            return Ok(());
        };
        let step = core::mem::replace(&mut starting.step, StartStep::Directory);
        self.starting = Some(starting);
        let step = match step {
            StartStep::ClaimPeer { peer, claim } => {
                let invited = self.check_claimed(peer, &claimed, cx.now)?;
                if invited.is_empty() {
                    return Err(CommandErrorCode::PeerUnreachable.into());
                }
                let (own, own_claim) = (self.own_account()?, ClaimId::from_bytes(random(cx.rng)));
                self.claim(own, own_claim, Purpose::StartClaimOwn);
                StartStep::ClaimOwn { peer, claims: vec![claim, own_claim], invited }
            }
            StartStep::ClaimOwn { peer, claims, mut invited } => {
                let own = self.own_account()?;
                invited.extend(self.check_claimed(own, &claimed, cx.now)?);
                let group = self.create_group(peer, invited, claims, cx)?;
                StartStep::Created { group }
            }
            step @ (StartStep::Directory | StartStep::Created { .. }) => step,
        };
        if let Some(starting) = &mut self.starting {
            starting.step = step;
        }
        Ok(())
    }

    /// Every claimed key package against the account's signed list (checks 1, 2, 5, 8).
    pub(super) fn check_claimed(
        &self,
        account: AccountId,
        claimed: &ClaimedKeyPackages,
        now: UnixMillis,
    ) -> Result<Vec<CheckedKeyPackage>, CommandError> {
        let list: DeviceListBody = self.known_list(account, &claimed.device_list)?;
        let mut checked = Vec::new();
        for package in claimed.key_packages.iter() {
            let entry = list.live().find(|entry| entry.device == package.device_id);
            let entry = entry.ok_or(CommandErrorCode::RelayMisbehaved)?;
            let expected = ExpectedDevice {
                account,
                device: entry.device,
                identity_key: list.identity_key,
                leaf_key: entry.leaf_key,
            };
            let package = mls::check_key_package(&package.key_package, &expected, now);
            checked.push(package.map_err(|_| CommandErrorCode::RelayMisbehaved)?);
        }
        Ok(checked)
    }

    pub(super) fn create_group(
        &mut self,
        peer: AccountId,
        invited: Vec<CheckedKeyPackage>,
        claims: Vec<ClaimId>,
        cx: &mut Context<'_>,
    ) -> Result<GroupId, CommandError> {
        let refused = |_| CommandError::from(CommandErrorCode::PeerMisbehaved);
        let own = self.own_leaf()?;
        let group = GroupId::from_bytes(random(cx.rng));
        let mut mls = Group::create(&own, group).map_err(refused)?;
        // Revoked devices are kept out from the first epoch on (K-8).
        let changes = Changes {
            add: invited,
            roles: vec![(peer, Role::Admin)],
            revoke: self.revoked_devices([own.account(), peer]),
            ..Changes::default()
        };
        let bundle = mls.commit(&own, changes).map_err(refused)?;
        let changes = mls.take_changes();
        self.save_mls(changes, cx);
        let mut signed = self.sign_bundle(group, EntryKind::Commit, &bundle, cx)?;
        signed.claims = List::new(claims).map_err(|_| CommandErrorCode::Misuse)?;
        let create = CreateGroup { kind: GroupKind::Direct, peer: Some(peer), bundle: signed };
        let mut slot = Slot::new(new_summary(group, peer, GroupStage::Creating, cx.now));
        slot.mls = Mls::Group(Box::new(mls));
        self.groups.insert(group, slot);
        self.save_summary(group, cx);
        let pending = PendingBundle {
            group_id: group,
            kind: BundleKind::Create,
            body: protocol::socket::to_bytes(&create),
            commit_hash: bundle.commit_hash,
        };
        self.put_bundle(pending, cx);
        Ok(group)
    }

    /// The group that was being created, or joined instead, is there.
    pub(super) fn start_done(&mut self, group: GroupId) {
        if self.start_waits_for(group) {
            self.finish_start(group);
        }
    }

    /// The group that was to be created or joined can't be.
    pub(super) fn start_ended(&mut self, group: GroupId, error: CommandError) {
        if self.start_waits_for(group) {
            self.fail_start(error);
        }
    }

    fn start_waits_for(&self, group: GroupId) -> bool {
        self.starting.as_ref().is_some_and(
            |starting| matches!(starting.step, StartStep::Created { group: created } if created == group),
        )
    }

    fn finish_start(&mut self, group: GroupId) {
        if let Some(starting) = self.starting.take() {
            self.emit_conversation(group);
            self.finish(starting.command, Ok(Outcome::Conversation { group_id: group }));
        }
    }

    /// Somebody created the group of these two first: one's own never comes to be, and this device joins that one.
    pub(super) fn give_way(&mut self, group: GroupId, existing: GroupId, cx: &mut Context<'_>) {
        let peer_in = |client: &Self, group| client.groups.get(&group).map(|slot| slot.summary.peer);
        let peer = peer_in(self, group);
        self.forget_group(group, cx);
        let known = peer_in(self, existing);
        let Some(peer) = peer.filter(|peer| known.is_none_or(|known| known == *peer)) else {
            return self.start_ended(group, CommandErrorCode::RelayMisbehaved.into());
        };
        let waits = self.start_waits_for(group);
        if !self.is_alive(existing) {
            self.join_existing(existing, peer, cx);
            if let Some(starting) = self.starting.as_mut().filter(|_| waits) {
                starting.step = StartStep::Created { group: existing };
            }
        } else if waits {
            self.await_group(existing);
        }
    }
}

/// Whether the directory shows the key that a link names. A list that does not verify shows none.
fn is_named(fingerprint: &str, entry: &DirectoryEntry) -> bool {
    verify_list(entry.account_id, &entry.device_list).is_ok_and(|list| {
        let shown = Fingerprint::of(entry.account_id, &list.body().identity_key);
        shown.whole().replace(' ', "") == fingerprint
    })
}
