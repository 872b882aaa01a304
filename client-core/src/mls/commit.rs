//! Commits: made, merged and processed. Each is checked before it is merged, one's own too.

use super::{
    checks::{Outcome, check_9_deltas, check_commit, deltas_of},
    error::{Error, Misuse, RelayFault, Unreadable, Violation},
    group::{Group, hash, library, read_tree, refusal, serialize},
    key_package::CheckedKeyPackage,
    leaf::{Member, OwnLeaf},
    provider::Provider,
    rules::Rules,
    storage::{GroupStore, StoreError, group_prefix},
};
use crate::identity::verifies;
use openmls::{
    group::{CommitBuilder, CommitMessageBundle, Initial},
    prelude::{
        ContentType, ProcessedMessage, ProcessedMessageContent, ProtocolMessage, Sender, StagedCommit,
        WireFormat,
    },
};
use openmls_traits::OpenMlsProvider as _;
use protocol::{
    AccountId, Deltas, DeviceId, GroupId, Role, Signature, certificate::Certificate, groups::CommitEnvelope,
    layout::Reader, limits::COMMIT_BYTES_MAX, revocation::Revocation, signed,
};

const PENDING_COMMIT: &str = "pending_commit";

/// What a commit of ours should do.
#[derive(Debug, Default)]
pub struct Changes {
    /// Devices to add; accounts that come in with them become members unless `roles` says more.
    pub add: Vec<CheckedKeyPackage>,
    /// Devices to remove; an account without a leaf loses its role.
    pub remove: Vec<DeviceId>,
    /// Roles to set.
    pub roles: Vec<(AccountId, Role)>,
    /// Removed devices that shall never enter again (K-8).
    pub revoke: Vec<DeviceId>,
    /// Their signed revocations, which let whoever is no admin remove another account's device.
    pub revocations: Vec<Revocation>,
    /// Whether our own leaf gets a new key.
    pub own_update: OwnUpdate,
}

/// Whether a commit renews the committer's own leaf (post-compromise security).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnUpdate {
    /// Only where MLS demands it: not when devices are merely added.
    #[default]
    WhereNeeded,
    /// Always.
    Always,
}

/// Everything that a commit sends, as one bundle (D-3). Save the change set before it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitBundle {
    /// The epoch that the commit ends.
    pub epoch: u64,
    /// The commit: a PrivateMessage, or the PublicMessage of an external commit.
    pub commit: Vec<u8>,
    /// SHA-256 of `commit`, by which it is recognised in the log.
    pub commit_hash: [u8; 32],
    /// For the added devices.
    pub welcome: Option<Vec<u8>>,
    /// Of the new epoch, with its ratchet tree.
    pub group_info: Vec<u8>,
    /// What the commit does.
    pub deltas: Deltas,
    /// The encoding of `deltas` for envelope and signature.
    pub deltas_bytes: Vec<u8>,
}

/// A commit that has been merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The epoch that has begun.
    pub epoch: u64,
    /// Who made the commit: the certificate of its leaf.
    pub committer: Certificate,
    /// What it did.
    pub deltas: Deltas,
    /// Whether it removed this device.
    pub removed_me: bool,
}

/// A commit of ours that the relay has not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) commit_hash: [u8; 32],
    pub(crate) deltas: Deltas,
}

impl Pending {
    /// `SHA-256(commit) 32 | deltas`
    pub(crate) fn encode(commit_hash: &[u8; 32], deltas_bytes: &[u8]) -> Vec<u8> {
        [commit_hash, deltas_bytes].concat()
    }

    pub(crate) fn read(store: &GroupStore, key: &str) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = store.read_own(key) else {
            return Ok(None);
        };
        let corrupt = || StoreError::Corrupt { key: key.to_owned() };
        let mut reader = Reader::new(&bytes);
        let commit_hash = reader.array().map_err(|_| corrupt())?;
        let deltas = Deltas::decode(reader.rest()).map_err(|_| corrupt())?;
        Ok(Some(Self { commit_hash, deltas }))
    }
}

impl Group {
    /// Prepares a commit. Nothing is merged; it is kept as pending until [`Self::merge_pending`] or
    /// [`Self::discard_pending`].
    ///
    /// # Errors
    /// [`Error::Misuse`] by the table above, when a device to remove is no member, or when every member would
    /// refuse the commit; [`Error::NewerClientNeeded`].
    pub fn commit(&mut self, own: &OwnLeaf, changes: Changes) -> Result<CommitBundle, Error> {
        self.require_ready()?;
        self.require_own(own)?;
        if self.state.pending.is_some() {
            return Err(Misuse::CommitPending.into());
        }
        self.attempt(|group| group.stage(own, changes))
    }

    /// Merges the pending commit after the relay accepted it.
    ///
    /// # Errors
    /// [`Misuse::NoCommitPending`], [`Misuse::NotAMember`], [`Error::Store`].
    pub fn merge_pending(&mut self) -> Result<Merged, Error> {
        self.require_active()?;
        if self.state.pending.is_none() {
            return Err(Misuse::NoCommitPending.into());
        }
        self.attempt(|group| {
            let pending = group.state.mls.pending_commit().ok_or(StoreError::Inconsistent)?;
            let sender = Sender::Member(group.state.mls.own_leaf_index());
            let told = group.state.pending.as_ref().map(|pending| pending.deltas.revocations.clone());
            let outcome = check_commit(&group.before(), pending, &sender, &told.unwrap_or_default())?;
            group.state.mls.merge_pending_commit(&group.provider).map_err(library)?;
            group.finish_merge(outcome)
        })
    }

    /// Drops the pending commit after the relay refused it.
    ///
    /// # Errors
    /// [`Misuse::NoCommitPending`], [`Misuse::NotAMember`], [`Error::Store`].
    pub fn discard_pending(&mut self) -> Result<(), Error> {
        self.require_active()?;
        if self.state.pending.is_none() {
            return Err(Misuse::NoCommitPending.into());
        }
        self.attempt(|group| {
            group.state.mls.clear_pending_commit(&group.provider.store)?;
            group.provider.store.write_own(&pending_key(group.id), None);
            group.state.pending = None;
            Ok(())
        })
    }

    /// Checks another device's commit (checks 1–4, 6, 7, 9 and the signature of its envelope) and merges it.
    /// A pending commit of ours is dropped, since the slot of the epoch is taken.
    ///
    /// # Errors
    /// Each of them leaves the group at its epoch: [`Error::PeerMisbehaved`], which every honest member finds
    /// alike; [`Error::RelayMisbehaved`]; [`Error::OutOfSync`]; [`Error::Unreadable`] when it does not decrypt;
    /// [`Misuse::OwnCommit`].
    pub fn process_commit(&mut self, commit: &[u8], envelope: &CommitEnvelope) -> Result<Merged, Error> {
        self.require_ready()?;
        if self.is_pending_commit(commit) {
            return Err(Misuse::OwnCommit.into());
        }
        let message = self.parse(commit, COMMIT_BYTES_MAX)?;
        if message.content_type() != ContentType::Commit {
            return Err(Violation::WrongKind.into());
        }
        self.require_epoch(message.epoch().as_u64())?;
        let signed = SignedCommit::new(self, commit, envelope);
        if message.wire_format() == WireFormat::PrivateMessage {
            // The committer has a leaf already: who did not sign it is known before anything is decrypted.
            signed.verify(self.state.members.iter().find(|member| member.device() == envelope.device_id))?;
        }
        self.attempt(|group| group.check_and_merge(message, &signed, envelope))
    }

    /// Whether a commit of ours waits for the relay.
    pub const fn has_pending_commit(&self) -> bool {
        self.state.pending.is_some()
    }

    /// What the pending commit does.
    pub fn pending_deltas(&self) -> Option<&Deltas> {
        self.state.pending.as_ref().map(|pending| &pending.deltas)
    }

    /// Whether these bytes, from the log, are our pending commit: by hash, since the library's own recognition is
    /// not authenticated.
    pub fn is_pending_commit(&self, commit: &[u8]) -> bool {
        self.state.pending.as_ref().is_some_and(|pending| pending.commit_hash == hash(commit))
    }

    fn stage(&mut self, own: &OwnLeaf, changes: Changes) -> Result<CommitBundle, Error> {
        let removed = self.find_removed(own, &changes.remove)?;
        let added: Vec<_> = changes.add.iter().map(|package| package.certificate.clone()).collect();
        let rules = self.rules_after(&changes, &added, &removed);
        let mut deltas = deltas_of(&self.before(), &added, &removed, &rules);
        deltas.revocations = changes.revocations;
        let deltas = deltas.sorted();
        let deltas_bytes = deltas.encode().map_err(|_| Misuse::TooLarge)?;
        let extensions = (rules != self.state.rules).then(|| rules.to_extensions()).transpose();
        let extensions = extensions.map_err(Misuse::BreaksRules)?;

        self.state.mls.set_aad(deltas_bytes.clone());
        let mut builder: CommitBuilder<'_, Initial> = self
            .state
            .mls
            .commit_builder()
            .force_self_update(changes.own_update == OwnUpdate::Always)
            .propose_adds(changes.add.into_iter().map(|package| package.key_package))
            .propose_removals(removed.iter().map(Member::index));
        if let Some(extensions) = extensions {
            builder = builder.propose_group_context_extensions(extensions).map_err(library)?;
        }
        let bundle = build(&self.provider, own, builder)?;
        let (commit, welcome, group_info) = bundle.into_messages();
        let bundle = CommitBundle {
            epoch: self.epoch(),
            commit_hash: [0; 32],
            commit: serialize(&commit)?,
            welcome: welcome.as_ref().map(serialize).transpose()?,
            group_info: group_info.as_ref().map(serialize).transpose()?.ok_or(Misuse::Refused)?,
            deltas,
            deltas_bytes,
        };
        self.keep_pending(bundle)
    }

    /// Holds our own commit against the checks that everybody else will make, and stores it as pending.
    fn keep_pending(&mut self, mut bundle: CommitBundle) -> Result<CommitBundle, Error> {
        bundle.commit_hash = hash(&bundle.commit);
        let staged = self.state.mls.pending_commit().ok_or(StoreError::Inconsistent)?;
        let sender = Sender::Member(self.state.mls.own_leaf_index());
        let told = &bundle.deltas.revocations;
        let outcome = check_commit(&self.before(), staged, &sender, told).map_err(Misuse::BreaksRules)?;
        check_9_deltas(&bundle.deltas_bytes, &outcome).map_err(Misuse::BreaksRules)?;
        if bundle.commit.len() > COMMIT_BYTES_MAX {
            return Err(Misuse::TooLarge.into());
        }
        let record = Pending::encode(&bundle.commit_hash, &bundle.deltas_bytes);
        self.provider.store.write_own(&pending_key(self.id), Some(record));
        self.state.pending = Some(Pending { commit_hash: bundle.commit_hash, deltas: bundle.deltas.clone() });
        Ok(bundle)
    }

    fn find_removed(&self, own: &OwnLeaf, devices: &[DeviceId]) -> Result<Vec<Member>, Misuse> {
        devices
            .iter()
            .map(|device| {
                let member = self.state.members.iter().find(|member| member.device() == *device);
                member.filter(|_| *device != own.device()).cloned().ok_or(Misuse::NoSuchMember)
            })
            .collect()
    }

    fn rules_after(&self, changes: &Changes, added: &[Certificate], removed: &[Member]) -> Rules {
        let mut rules = self.state.rules.clone();
        let stays = |account: AccountId| {
            let kept = self.state.members.iter().filter(|member| !removed.contains(member));
            kept.map(Member::account)
                .chain(added.iter().map(|leaf| leaf.body.account))
                .any(|kept| kept == account)
        };
        rules.roles.retain(|account, _| stays(*account));
        for leaf in added {
            rules.roles.entry(leaf.body.account).or_insert(Role::Member);
        }
        rules.roles.extend(changes.roles.iter().copied());
        rules.revoked.extend(changes.revoke.iter().copied());
        rules
    }

    fn check_and_merge(
        &mut self,
        message: ProtocolMessage,
        signed: &SignedCommit,
        envelope: &CommitEnvelope,
    ) -> Result<Merged, Error> {
        let processed: ProcessedMessage =
            self.state.mls.process_message(&self.provider, message).map_err(refusal)?;
        let sender = processed.sender().clone();
        let authenticated_data = processed.aad().to_vec();
        let staged: StagedCommit = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
            ProcessedMessageContent::OwnPrivateMessage => return Err(Misuse::OwnCommit.into()),
            _ => return Err(Violation::WrongKind.into()),
        };
        if matches!(&sender, Sender::Member(index) if *index == self.state.mls.own_leaf_index()) {
            return Err(Unreadable::Own.into());
        }
        let told = Deltas::decode(&authenticated_data).map_err(|_| Violation::AuthenticatedData)?;
        let outcome = check_commit(&self.before(), &staged, &sender, &told.revocations)?;
        let committer = Member { leaf_index: 0, certificate: outcome.committer.clone() };
        if (committer.account(), committer.device()) != (envelope.account_id, envelope.device_id) {
            return Err(RelayFault::Committer.into());
        }
        signed.verify(Some(&committer))?;
        check_9_deltas(&authenticated_data, &outcome)?;
        if *authenticated_data != *envelope.deltas {
            return Err(Violation::Envelope.into());
        }
        self.state.mls.merge_staged_commit(&self.provider, staged).map_err(library)?;
        self.finish_merge(outcome)
    }

    /// Reads the merged tree again and compares it with what was checked.
    fn finish_merge(&mut self, outcome: Outcome) -> Result<Merged, Error> {
        self.provider.store.write_own(&pending_key(self.id), None);
        self.state.pending = None;
        let mut known = self.state.members.clone();
        known.extend(outcome.leaves.values().map(|leaf| Member { leaf_index: 0, certificate: leaf.clone() }));
        let (rules, members) = read_tree(&self.state.mls, &known)?;
        let same = members.len() == outcome.leaves.len()
            && members.iter().all(|member| outcome.leaves.get(&member.device()) == Some(&member.certificate));
        if !same || rules != outcome.rules {
            return Err(StoreError::Inconsistent.into());
        }
        self.state.rules = rules;
        self.state.members = members;
        Ok(Merged {
            epoch: self.epoch(),
            committer: outcome.committer,
            deltas: outcome.deltas,
            removed_me: !self.is_active(),
        })
    }
}

/// A commit as its envelope says that it was signed (D-8).
struct SignedCommit {
    bytes: Vec<u8>,
    signature: Signature,
}

impl SignedCommit {
    fn new(group: &Group, commit: &[u8], envelope: &CommitEnvelope) -> Self {
        let (commit_hash, deltas_hash) = (hash(commit), hash(&envelope.deltas));
        let bytes = signed::commit(group.id, group.epoch(), envelope.message_id, &commit_hash, &deltas_hash);
        Self { bytes, signature: Signature::from_bytes(envelope.signature.0) }
    }

    fn verify(&self, committer: Option<&Member>) -> Result<(), RelayFault> {
        let committer = committer.ok_or(RelayFault::Committer)?;
        if verifies(committer.device_auth_key().as_bytes(), &self.bytes, &self.signature) {
            Ok(())
        } else {
            Err(RelayFault::CommitSignature)
        }
    }
}

fn build(
    provider: &Provider,
    own: &OwnLeaf,
    builder: CommitBuilder<'_, Initial>,
) -> Result<CommitMessageBundle, Error> {
    builder
        .load_psks(provider.storage())
        .map_err(library)?
        .create_group_info(true)
        .use_ratchet_tree_extension(true)
        .build(provider.rand(), provider.crypto(), own, |_| true)
        .map_err(library)?
        .stage_commit(provider)
        .map_err(library)
}

pub(super) fn pending_key(id: GroupId) -> String {
    group_prefix(id) + PENDING_COMMIT
}
