//! The ten checks of `crypto.md`, which the library leaves to its user. Only the group's own state and the commit
//! decide here, so that all honest members decide alike; what is local (pins, device lists) is told by
//! [`local_concerns`] beside a merged commit and never refuses one.

use super::{
    error::Violation,
    leaf::{Member, certificate_of, credential, verify_certificate},
    rules::Rules,
};
use crate::identity::verifies;
use openmls::{
    group::{PublicGroup, QueuedProposal, StagedCommit},
    prelude::{LeafNode, Lifetime, Proposal, ProposalOrRefType, Sender},
    treesync::LeafNodeSource,
};
use protocol::{
    AccountId, Deltas, DeviceId, Role,
    certificate::Certificate,
    limits::{GROUP_ACCOUNTS_MAX, GROUP_LEAVES_MAX, SUITE},
    public_keys::{IdentityKey, LeafKey},
    revocation::Revocation,
};
use std::collections::{BTreeMap, BTreeSet};

/// The MLS lifetime of every leaf: all of time, since the library holds it against the wall clock on every add (check 8).
pub(crate) fn all_of_time() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// Check 1: the credential is exactly (account, device) of a certificate that verifies under the identity key in it,
/// and the leaf signs with the certified key. A certificate among `known` has been verified before.
pub(crate) fn check_1_leaf(leaf: &LeafNode, known: &[Member]) -> Result<Certificate, Violation> {
    let certificate = certificate_of(leaf)?;
    let body = &certificate.body;
    if *leaf.credential() != credential(body.account, body.device) {
        return Err(Violation::Credential);
    }
    if leaf.signature_key().as_slice() != body.leaf_key.as_bytes() {
        return Err(Violation::LeafKey);
    }
    if body.suite != SUITE {
        return Err(Violation::Suite);
    }
    if !known.iter().any(|member| member.certificate == certificate) && !verify_certificate(&certificate) {
        return Err(Violation::Certificate);
    }
    check_8_lifetime(leaf)?;
    Ok(certificate)
}

/// Check 2, for a whole ratchet tree (of a welcome, a group info, a reloaded group): every leaf passes check 1,
/// and all together pass checks 3 and 4 and fit the rules.
pub(crate) fn check_2_tree(
    tree: &PublicGroup,
    rules: &Rules,
    known: &[Member],
) -> Result<Vec<Member>, Violation> {
    let mut members = Vec::new();
    for member in tree.members() {
        let leaf = tree.leaf(member.index).ok_or(Violation::Certificate)?;
        members.push(Member { leaf_index: member.index.u32(), certificate: check_1_leaf(leaf, known)? });
    }
    let certificates = check_4_one_leaf_per_device(members.iter().map(|member| &member.certificate))?;
    check_3_one_identity(&certificates)?;
    check_membership(&certificates, rules)?;
    Ok(members)
}

/// Check 3, for a leaf that replaces another: account, device and identity key stay.
pub(crate) fn check_3_replacement(old: &Certificate, new: &Certificate) -> Result<(), Violation> {
    if (old.body.account, old.body.device) != (new.body.account, new.body.device) {
        return Err(Violation::AnotherDevice);
    }
    if old.body.identity_key != new.body.identity_key {
        return Err(Violation::IdentityChanged(new.body.account));
    }
    Ok(())
}

/// Check 3, for all leaves: those of one account have one identity key.
fn check_3_one_identity(leaves: &BTreeMap<DeviceId, Certificate>) -> Result<(), Violation> {
    let mut identities = BTreeMap::new();
    for body in leaves.values().map(|leaf| &leaf.body) {
        if *identities.entry(body.account).or_insert(body.identity_key) != body.identity_key {
            return Err(Violation::IdentityChanged(body.account));
        }
    }
    Ok(())
}

/// Check 4: one leaf per device.
fn check_4_one_leaf_per_device<'a>(
    leaves: impl Iterator<Item = &'a Certificate>,
) -> Result<BTreeMap<DeviceId, Certificate>, Violation> {
    let mut by_device = BTreeMap::new();
    for leaf in leaves {
        if by_device.insert(leaf.body.device, leaf.clone()).is_some() {
            return Err(Violation::DeviceTwice(leaf.body.device));
        }
    }
    Ok(by_device)
}

/// Accounts with a leaf are exactly those with a role, one of them is admin, no revoked device has a leaf, and the
/// limits hold.
fn check_membership(leaves: &BTreeMap<DeviceId, Certificate>, rules: &Rules) -> Result<(), Violation> {
    let accounts: BTreeSet<_> = leaves.values().map(|leaf| leaf.body.account).collect();
    if leaves.len() > GROUP_LEAVES_MAX {
        return Err(Violation::TooMany("leaves"));
    }
    if accounts.len() > GROUP_ACCOUNTS_MAX {
        return Err(Violation::TooMany("accounts"));
    }
    if !accounts.iter().eq(rules.roles.keys()) || !rules.roles.values().any(|role| *role == Role::Admin) {
        return Err(Violation::Roles);
    }
    match leaves.keys().find(|device| rules.revoked.contains(device)) {
        Some(device) => Err(Violation::Revoked(*device)),
        None => Ok(()),
    }
}

/// The epoch before a commit: what decides whether the commit is allowed.
pub(crate) struct Before<'a> {
    pub(crate) epoch: u64,
    pub(crate) members: &'a [Member],
    pub(crate) rules: &'a Rules,
}

/// A commit that has passed checks 1 to 4, 6 and 7.
pub(crate) struct Outcome {
    /// The committer's leaf after the commit.
    pub(crate) committer: Certificate,
    /// All leaves after the commit.
    pub(crate) leaves: BTreeMap<DeviceId, Certificate>,
    /// The rules after the commit.
    pub(crate) rules: Rules,
    /// What the commit does; its authenticated data must say the same (check 9).
    pub(crate) deltas: Deltas,
}

/// What the proposals of a commit do to the leaves.
struct Proposed {
    added: Vec<Certificate>,
    removed: Vec<Member>,
}

/// Checks 1 to 4, 6 and 7 for a commit, before it is merged.
pub(crate) fn check_commit(
    before: &Before<'_>,
    commit: &StagedCommit,
    sender: &Sender,
    told: &[Revocation],
) -> Result<Outcome, Violation> {
    let rules = Rules::from_context(commit.group_context())?;
    check_revocations(before, &rules, told)?;
    let proposed = read_proposals(before, commit, sender)?;
    let path = commit.update_path_leaf_node().map(|leaf| check_1_leaf(leaf, before.members)).transpose()?;
    let committer = match sender {
        Sender::Member(index) => {
            let old = before.members.iter().find(|member| member.index() == *index);
            let old = old.ok_or(Violation::WrongKind)?;
            let new = path.unwrap_or_else(|| old.certificate.clone());
            check_3_replacement(&old.certificate, &new)?;
            check_6_roles(before, &rules, &proposed, old, told)?;
            new
        }
        Sender::NewMemberCommit => {
            let new = path.ok_or(Violation::ExternalCommit("no leaf of its own"))?;
            if !told.is_empty() {
                return Err(Violation::ExternalCommit("it carries revocations"));
            }
            check_7_external_commit(before, &rules, &proposed, &new)?;
            new
        }
        Sender::External(_) | Sender::NewMemberProposal => return Err(Violation::WrongKind),
    };
    let leaves = leaves_after(before, &proposed, &committer, sender)?;
    check_3_one_identity(&leaves)?;
    check_membership(&leaves, &rules)?;
    let added = leaves_entering(&proposed, &committer, sender);
    let mut deltas = deltas_of(before, &added, &proposed.removed, &rules);
    deltas.revocations = told.to_vec();
    Ok(Outcome { committer, leaves, rules, deltas })
}

/// The revocations that a commit carries (K-8): each by the identity key of a member account, and of a device that
/// never enters again from this commit on.
fn check_revocations(before: &Before<'_>, rules: &Rules, told: &[Revocation]) -> Result<(), Violation> {
    for revocation in told {
        let body = &revocation.body;
        let identity = before.members.iter().find(|member| member.account() == body.account);
        let signed = identity.is_some_and(|member| {
            verifies(member.identity_key().as_bytes(), &body.signed_bytes(), &revocation.signature)
        });
        if !signed || !rules.revoked.contains(&body.device) {
            return Err(Violation::Revocation(body.device));
        }
    }
    Ok(())
}

fn read_proposals(
    before: &Before<'_>,
    commit: &StagedCommit,
    sender: &Sender,
) -> Result<Proposed, Violation> {
    let mut proposed = Proposed { added: Vec::new(), removed: Vec::new() };
    for queued in commit.queued_proposals() {
        check_proposal_kind(queued, sender)?;
        match queued.proposal() {
            Proposal::Add(add) => {
                let leaf = add.key_package().leaf_node();
                proposed.added.push(check_1_leaf(leaf, before.members)?);
            }
            Proposal::Remove(remove) => {
                let gone = before.members.iter().find(|member| member.index() == remove.removed());
                proposed.removed.push(gone.ok_or(Violation::Proposal)?.clone());
            }
            _ => {}
        }
    }
    Ok(proposed)
}

/// Check 6, the kinds: by value, by the committer, and of those that our clients make.
fn check_proposal_kind(queued: &QueuedProposal, sender: &Sender) -> Result<(), Violation> {
    let external = *sender == Sender::NewMemberCommit;
    let known = match queued.proposal() {
        Proposal::Add(_) | Proposal::GroupContextExtensions(_) => !external,
        Proposal::Remove(_) => true,
        Proposal::ExternalInit(_) => external,
        _ => false,
    };
    let by_value = queued.proposal_or_ref_type() == ProposalOrRefType::Proposal && queued.sender() == sender;
    if known && by_value { Ok(()) } else { Err(Violation::Proposal) }
}

fn leaves_after(
    before: &Before<'_>,
    proposed: &Proposed,
    committer: &Certificate,
    sender: &Sender,
) -> Result<BTreeMap<DeviceId, Certificate>, Violation> {
    let replaced = |member: &Member| matches!(sender, Sender::Member(index) if *index == member.index());
    let stay = before
        .members
        .iter()
        .filter(|member| !proposed.removed.contains(member) && !replaced(member))
        .map(|member| &member.certificate);
    check_4_one_leaf_per_device(stay.chain(&proposed.added).chain([committer]))
}

fn leaves_entering(proposed: &Proposed, committer: &Certificate, sender: &Sender) -> Vec<Certificate> {
    let joins = (*sender == Sender::NewMemberCommit).then(|| committer.clone());
    proposed.added.iter().cloned().chain(joins).collect()
}

/// Check 6: the committer's role of the epoch before allows each change.
///
/// | change | admin | member |
/// |---|---|---|
/// | update one's own leaf; bring a device of a member account (back) in | yes | yes |
/// | remove a device of one's own account, revoked or not | yes | yes |
/// | remove and revoke another account's device with its signed revocation | yes | yes |
/// | add an account, remove another account's device, change a role, revoke another account's device | yes | no |
/// | change the suite, forget a revoked device | no | no |
fn check_6_roles(
    before: &Before<'_>,
    rules: &Rules,
    proposed: &Proposed,
    committer: &Member,
    told: &[Revocation],
) -> Result<(), Violation> {
    let own = committer.account();
    let is_revoked = |device: DeviceId| told.iter().any(|revocation| revocation.body.device == device);
    if rules.suite_profile != before.rules.suite_profile {
        return Err(Violation::NotAllowed("changing the suite"));
    }
    if !before.rules.revoked.is_subset(&rules.revoked) {
        return Err(Violation::NotAllowed("forgetting a revoked device"));
    }
    if before.rules.role(own) == Some(Role::Admin) {
        return Ok(());
    }
    if proposed.added.iter().any(|leaf| before.rules.role(leaf.body.account).is_none()) {
        return Err(Violation::NotAllowed("adding an account"));
    }
    let comes_back = |member: &Member| {
        proposed.added.iter().any(|leaf| check_3_replacement(&member.certificate, leaf).is_ok())
    };
    let may_go =
        |member: &Member| member.account() == own || comes_back(member) || is_revoked(member.device());
    if !proposed.removed.iter().all(may_go) {
        return Err(Violation::NotAllowed("removing another account's device"));
    }
    if rules.roles != before.rules.roles {
        return Err(Violation::NotAllowed("changing a role"));
    }
    if rules.minimum_client_version != before.rules.minimum_client_version {
        return Err(Violation::NotAllowed("changing the minimum client version"));
    }
    let own_device = |device: &DeviceId| {
        let own = before.members.iter().any(|member| member.account() == own && member.device() == *device);
        own || is_revoked(*device)
    };
    if !rules.revoked.difference(&before.rules.revoked).all(own_device) {
        return Err(Violation::NotAllowed("revoking another account's device"));
    }
    Ok(())
}

/// Check 7: an external commit comes from a certified device whose account has a leaf; it removes exactly its own
/// old leaf, or nothing if it has none, and changes no rule.
fn check_7_external_commit(
    before: &Before<'_>,
    rules: &Rules,
    proposed: &Proposed,
    joiner: &Certificate,
) -> Result<(), Violation> {
    let body = &joiner.body;
    let of_account = before.members.iter().find(|member| member.account() == body.account);
    let of_account = of_account.ok_or(Violation::ExternalCommit("its account is no member"))?;
    if of_account.identity_key() != body.identity_key {
        return Err(Violation::IdentityChanged(body.account));
    }
    let old: Vec<_> = before.members.iter().filter(|member| member.device() == body.device).collect();
    if old.iter().any(|member| member.account() != body.account) {
        return Err(Violation::AnotherDevice);
    }
    if !proposed.removed.iter().eq(old) {
        return Err(Violation::ExternalCommit("it does not remove exactly its own old leaf"));
    }
    if rules != before.rules {
        return Err(Violation::ExternalCommit("it changes the rules"));
    }
    Ok(())
}

/// Check 8, the part that a commit decides: the lifetime of a leaf is all of time.
fn check_8_lifetime(leaf: &LeafNode) -> Result<(), Violation> {
    match leaf.leaf_node_source() {
        LeafNodeSource::KeyPackage(lifetime) if *lifetime != all_of_time() => Err(Violation::Dates),
        _ => Ok(()),
    }
}

/// Check 9: the authenticated data of a commit is the encoding of what it does.
pub(crate) fn check_9_deltas(authenticated_data: &[u8], outcome: &Outcome) -> Result<(), Violation> {
    let told = Deltas::decode(authenticated_data).map_err(|_| Violation::AuthenticatedData)?;
    if told == outcome.deltas { Ok(()) } else { Err(Violation::Deltas) }
}

/// What a commit does, as envelope and authenticated data tell it. The first commit of a group tells its creator too.
pub(crate) fn deltas_of(
    before: &Before<'_>,
    added: &[Certificate],
    removed: &[Member],
    rules: &Rules,
) -> Deltas {
    let leaf = |certificate: &Certificate| (certificate.body.account, certificate.body.device);
    let mut deltas = Deltas {
        added: added.iter().map(leaf).collect(),
        removed: removed.iter().map(|member| leaf(&member.certificate)).collect(),
        roles: Vec::new(),
        revocations: Vec::new(),
    };
    let nobody = BTreeMap::new();
    let mut roles_before = &before.rules.roles;
    if before.epoch == 0 {
        deltas.added.extend(before.members.iter().map(|member| leaf(&member.certificate)));
        roles_before = &nobody;
    }
    let accounts: BTreeSet<_> = roles_before.keys().chain(rules.roles.keys()).collect();
    for account in accounts {
        let (old, new) = (roles_before.get(account), rules.roles.get(account));
        if old != new {
            deltas.roles.push((*account, new.copied()));
        }
    }
    deltas.sorted()
}

/// What this device knows of an account from outside the group (check 5).
#[derive(Debug, Clone)]
pub struct KnownAccount {
    /// The identity key that is pinned.
    pub identity_key: IdentityKey,
    /// The devices of its current signed list; `None` when the list is not at hand.
    pub devices: Option<Vec<KnownDevice>>,
}

/// A device of an account's signed list.
#[derive(Debug, Clone, Copy)]
pub struct KnownDevice {
    /// The device.
    pub device: DeviceId,
    /// Its listed MLS signature key.
    pub leaf_key: LeafKey,
    /// Whether the list says that it may not act any more.
    pub revoked: bool,
}

/// Check 5: what this device alone can judge. Reading goes on; sending stops and the person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalConcern {
    /// Nothing is pinned for the account yet.
    UnknownAccount {
        /// The account.
        account: AccountId,
        /// The identity key that its leaves show.
        shown: IdentityKey,
    },
    /// The leaves of the account show another identity key than the pinned one.
    IdentityChanged {
        /// The account.
        account: AccountId,
        /// The key that is pinned.
        pinned: IdentityKey,
        /// The key that the leaves show.
        shown: IdentityKey,
    },
    /// A leaf of a device that the account's list does not name, or names with another key.
    NotListed {
        /// The account.
        account: AccountId,
        /// The device.
        device: DeviceId,
    },
    /// A leaf of a device that the account's list marks as revoked: it has to go (K-8).
    Revoked {
        /// The account.
        account: AccountId,
        /// The device.
        device: DeviceId,
    },
}

/// Judges the members of a group by pins and device lists (check 5), one concern per account or device.
pub fn local_concerns(members: &[Member], known: &BTreeMap<AccountId, KnownAccount>) -> Vec<LocalConcern> {
    let mut concerns = Vec::new();
    for member in members {
        let (account, device, shown) = (member.account(), member.device(), member.identity_key());
        let concern = match known.get(&account) {
            None => Some(LocalConcern::UnknownAccount { account, shown }),
            Some(known) if known.identity_key != shown => {
                Some(LocalConcern::IdentityChanged { account, pinned: known.identity_key, shown })
            }
            Some(KnownAccount { devices: Some(devices), .. }) => {
                let leaf_key = member.certificate.body.leaf_key;
                let listed =
                    devices.iter().find(|listed| listed.device == device && listed.leaf_key == leaf_key);
                match listed {
                    None => Some(LocalConcern::NotListed { account, device }),
                    Some(KnownDevice { revoked: true, .. }) => {
                        Some(LocalConcern::Revoked { account, device })
                    }
                    Some(_) => None,
                }
            }
            Some(KnownAccount { devices: None, .. }) => None,
        };
        if let Some(concern) = concern.filter(|concern| !concerns.contains(concern)) {
            concerns.push(concern);
        }
    }
    concerns
}
