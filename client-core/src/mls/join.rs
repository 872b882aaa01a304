//! Two ways into a group: a welcome, and an external commit by a device of a member account (K-7, R-2).

use super::{
    checks::{Before, check_2_tree, deltas_of},
    commit::{CommitBundle, Pending},
    error::{Error, Misuse, RelayFault, Violation},
    group::{Group, hash, join_config, library, read_tree, require_version, serialize},
    leaf::{Member, OwnLeaf, capabilities},
    provider::{Provider, crypto},
    rules::Rules,
    storage::{Change, GroupStore, StoreError, group_prefix},
};
use openmls::{
    group::{MlsGroup, ProposalStore, PublicGroup, StagedWelcome},
    messages::group_info::VerifiableGroupInfo,
    prelude::{
        LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn, WelcomeError, tls_codec::Deserialize as _,
    },
};
use protocol::{
    AccountId, GroupId,
    limits::{GROUP_INFO_BYTES_MAX, WELCOME_BYTES_MAX},
};
use std::collections::BTreeSet;

/// Joins the group of a welcome. `store` holds the records under `key_package/` (all of them, or the one it is for).
/// The used key package is deleted in the group's change set; a refused welcome leaves nothing.
///
/// Returns the group and who invited.
///
/// # Errors
/// [`RelayFault::WrongDevice`] when no key package of ours fits, [`RelayFault::Malformed`],
/// [`Error::PeerMisbehaved`] when the tree fails a check, [`Error::NewerClientNeeded`].
pub fn join_from_welcome(store: GroupStore, own: &OwnLeaf, welcome: &[u8]) -> Result<(Group, Member), Error> {
    if welcome.len() > WELCOME_BYTES_MAX {
        return Err(RelayFault::Malformed.into());
    }
    let message = MlsMessageIn::tls_deserialize_exact(welcome).map_err(|_| RelayFault::Malformed)?;
    let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
        return Err(RelayFault::Malformed.into());
    };
    let provider = Provider::new(store)?;
    let staged = StagedWelcome::build_from_welcome(&provider, &join_config(), welcome)
        .and_then(|builder| builder.skip_lifetime_validation().build())
        .map_err(welcome_refusal)?;
    let inviter = staged.welcome_sender_index().u32();
    let mls = staged.into_group(&provider).map_err(welcome_refusal)?;
    let (rules, members) = read_tree(&mls, &[])?;
    require_version(&rules)?;
    require_own_leaf(&mls, &members, own)?;
    let inviter =
        members.into_iter().find(|member| member.leaf_index == inviter).ok_or(Violation::WrongKind)?;
    let id = GroupId::try_from(mls.group_id().as_slice()).map_err(|_| RelayFault::Malformed)?;
    Ok((Group::load(provider.store, id)?, inviter))
}

fn require_own_leaf(mls: &MlsGroup, members: &[Member], own: &OwnLeaf) -> Result<(), Error> {
    let index = mls.own_leaf_index().u32();
    let leaf = members.iter().find(|member| member.leaf_index == index);
    if leaf.is_some_and(|leaf| leaf.certificate == *own.certificate()) {
        Ok(())
    } else {
        Err(RelayFault::WrongDevice.into())
    }
}

fn welcome_refusal(error: WelcomeError<StoreError>) -> Error {
    match error {
        WelcomeError::StorageError(error) => error.into(),
        WelcomeError::NoMatchingKeyPackage | WelcomeError::JoinerSecretNotFound => {
            RelayFault::WrongDevice.into()
        }
        WelcomeError::GroupAlreadyExists => Misuse::Refused.into(),
        other => Violation::Mls(other.to_string()).into(),
    }
}

/// An external commit of ours that the relay has not accepted yet. The state after it lies under
/// `group/<id>/pending/`, beside the group's old state if there is one.
pub struct PendingJoin {
    id: GroupId,
    store: GroupStore,
    pending: Pending,
}

impl std::fmt::Debug for PendingJoin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PendingJoin({:?}, ***)", self.id)
    }
}

impl PendingJoin {
    /// Prepares to join, or to rejoin with the same leaf key, the group of a stored group info. `store` holds the
    /// records under [`group_prefix`], if there are any. `epoch_seen` is the highest epoch of the group that this
    /// device knows of. An earlier pending join of the group is replaced.
    ///
    /// Returns the join, its bundle, and the accounts in the group.
    ///
    /// # Errors
    /// [`RelayFault::Malformed`], [`RelayFault::OldGroupInfo`], [`RelayFault::WrongGroup`],
    /// [`Error::PeerMisbehaved`] when the tree or its signer fails a check, [`Misuse::NotAMember`] when the account
    /// is no member or the device is revoked, [`Misuse::WrongKeys`] when the old leaf has another leaf key.
    pub fn prepare(
        store: GroupStore,
        own: &OwnLeaf,
        id: GroupId,
        group_info: &[u8],
        epoch_seen: u64,
    ) -> Result<(Self, CommitBundle, BTreeSet<AccountId>), Error> {
        let info = parse_group_info(group_info)?;
        if info.group_id().as_slice() != id.as_bytes() {
            return Err(RelayFault::WrongGroup.into());
        }
        let epoch = info.epoch().as_u64();
        if epoch < epoch_seen {
            return Err(RelayFault::OldGroupInfo.into());
        }
        let (rules, members) = read_group_info(&info)?;
        require_version(&rules)?;
        let old = own_old_leaf(own, &rules, &members)?;
        let before = Before { epoch, members: &members, rules: &rules };
        let added = std::slice::from_ref(own.certificate());
        let deltas = deltas_of(&before, added, old.as_slice(), &rules);
        let deltas_bytes = deltas.encode().map_err(|_| Misuse::TooLarge)?;

        let provider = Provider::new(store)?;
        provider.store.delete_pending(id);
        provider.store.use_pending_room();
        let (commit, group_info) = build_external_commit(&provider, own, info, &deltas_bytes)?;
        let commit_hash = hash(&commit);
        provider.store.write_own(&join_key(id), Some(Pending::encode(&commit_hash, &deltas_bytes)));
        provider.store.use_current_room();
        let pending = Pending { commit_hash, deltas: deltas.clone() };
        let bundle =
            CommitBundle { epoch, commit, commit_hash, welcome: None, group_info, deltas, deltas_bytes };
        let accounts = members.iter().map(Member::account).collect();
        Ok((Self { id, store: provider.store, pending }, bundle, accounts))
    }

    /// Rebuilds a pending join from the records under [`group_prefix`]; gives the store back if there is none.
    ///
    /// # Errors
    /// [`Error::Store`] when the records are corrupt.
    pub fn load(store: GroupStore, id: GroupId) -> Result<Result<Self, GroupStore>, Error> {
        match Pending::read(&store, &join_key(id))? {
            Some(pending) => Ok(Ok(Self { id, store, pending })),
            None => Ok(Err(store)),
        }
    }

    /// What was written since the last call, for one transaction.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.store.take_changes()
    }

    /// The group's id.
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// Whether these bytes, from the log, are our external commit.
    pub fn is_own_commit(&self, commit: &[u8]) -> bool {
        self.pending.commit_hash == hash(commit)
    }

    /// Puts the joined state in the place of the old one, after the relay accepted the commit.
    ///
    /// # Errors
    /// [`Error::Store`] when the records are corrupt.
    pub fn adopt(self) -> Result<Group, Error> {
        self.store.write_own(&join_key(self.id), None);
        self.store.swap_in_pending(self.id);
        Group::load(self.store, self.id)
    }

    /// Drops the joined state, after the relay refused the commit. The old state, if any, stays.
    pub fn discard(self) -> GroupStore {
        self.store.delete_pending(self.id);
        self.store
    }
}

fn join_key(id: GroupId) -> String {
    group_prefix(id) + "pending/join"
}

fn parse_group_info(bytes: &[u8]) -> Result<VerifiableGroupInfo, Error> {
    if bytes.len() > GROUP_INFO_BYTES_MAX {
        return Err(RelayFault::Malformed.into());
    }
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| RelayFault::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::GroupInfo(info) => Ok(info),
        _ => Err(RelayFault::Malformed.into()),
    }
}

/// Check 2 for the ratchet tree of a group info, before anything is built on it.
fn read_group_info(info: &VerifiableGroupInfo) -> Result<(Rules, Vec<Member>), Error> {
    let tree = info.extensions().ratchet_tree().ok_or(RelayFault::Malformed)?.ratchet_tree().clone();
    let scratch = GroupStore::default();
    let (tree, _) =
        PublicGroup::from_external(&crypto()?, &scratch, tree, info.clone(), ProposalStore::new())
            .map_err(|error| Violation::Mls(error.to_string()))?;
    let rules = Rules::from_context(tree.group_context())?;
    let members = check_2_tree(&tree, &rules, &[])?;
    Ok((rules, members))
}

/// Check 7, our side: may we join, and which leaf of ours goes?
fn own_old_leaf(own: &OwnLeaf, rules: &Rules, members: &[Member]) -> Result<Option<Member>, Error> {
    let account =
        members.iter().find(|member| member.account() == own.account()).ok_or(Misuse::NotAMember)?;
    if account.identity_key() != own.certificate().body.identity_key {
        return Err(Violation::IdentityChanged(own.account()).into());
    }
    if rules.revoked.contains(&own.device()) {
        return Err(Misuse::NotAMember.into());
    }
    let old = members.iter().find(|member| member.device() == own.device());
    // The library finds the old leaf by its signature key.
    match old {
        Some(old) if old.certificate.body.leaf_key != own.certificate().body.leaf_key => {
            Err(Misuse::WrongKeys.into())
        }
        old => Ok(old.cloned()),
    }
}

fn build_external_commit(
    provider: &Provider,
    own: &OwnLeaf,
    info: VerifiableGroupInfo,
    deltas_bytes: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    use openmls_traits::OpenMlsProvider as _;
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(capabilities())
        .with_extensions(own.extensions()?)
        .build();
    let (group, bundle) = MlsGroup::external_commit_builder()
        .with_config(join_config())
        .with_aad(deltas_bytes.to_vec())
        .skip_lifetime_validation()
        .build_group(provider, info, own.credential())
        .map_err(|error| Violation::Mls(error.to_string()))?
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .map_err(library)?
        .create_group_info(true)
        .use_ratchet_tree_extension(true)
        .build(provider.rand(), provider.crypto(), own, |_| true)
        .map_err(library)?
        .finalize(provider)
        .map_err(library)?;
    let (_, members) = read_tree(&group, &[])?;
    require_own_leaf(&group, &members, own)?;
    let (commit, _, group_info) = bundle.into_messages();
    let group_info = group_info.as_ref().map(serialize).transpose()?.ok_or(Misuse::Refused)?;
    Ok((serialize(&commit)?, group_info))
}
