//! What a commit may do to a group, as far as the relay can see it: the deltas of the envelope against the members and
//! roles that it keeps (D-8). The members check the same against the commit itself.

use protocol::deltas::{Deltas, Role};
use protocol::groups::GroupKind;
use protocol::limits::{GROUP_ACCOUNTS_MAX, GROUP_LEAVES_MAX};
use protocol::{AccountId, DeviceId};
use std::collections::{BTreeMap, BTreeSet};

/// Who has a leaf, and who may do what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    pub devices: BTreeMap<DeviceId, AccountId>,
    pub roles: BTreeMap<AccountId, Role>,
}

/// The device that commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committer {
    pub account_id: AccountId,
    pub device_id: DeviceId,
}

/// Why deltas are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltasError {
    /// To somebody who is not in it, the group does not exist.
    NotAMember,
    /// The committer's role does not allow this.
    Forbidden,
    /// They don't fit the group.
    Unfit(&'static str),
    /// The group would become too large.
    TooLarge,
}

impl Membership {
    /// The group that a first commit makes.
    pub fn created(
        kind: GroupKind,
        peer: Option<AccountId>,
        creator: Committer,
        deltas: &Deltas,
    ) -> Result<Self, DeltasError> {
        if !deltas.removed.is_empty() {
            return Err(DeltasError::Unfit("a new group has nobody to remove"));
        }
        let after = Self::default().after(deltas)?;
        if after.devices.get(&creator.device_id) != Some(&creator.account_id) {
            return Err(DeltasError::Unfit("the creator's device is not among the added"));
        }
        match (kind, peer) {
            (GroupKind::Many, None) => {}
            (GroupKind::Direct, Some(peer))
                if after.roles.keys().eq(&BTreeSet::from([creator.account_id, peer])) => {}
            (GroupKind::Direct, Some(_)) => {
                return Err(DeltasError::Unfit("a direct group has its two accounts"));
            }
            (GroupKind::Direct, None) | (GroupKind::Many, Some(_)) => {
                return Err(DeltasError::Unfit("a direct group names its peer, another one does not"));
            }
        }
        Ok(after)
    }

    /// The group after a member's commit. `revoked`: those of the removed that any member may remove.
    pub fn committed(
        &self,
        kind: GroupKind,
        committer: Committer,
        deltas: &Deltas,
        revoked: &BTreeSet<DeviceId>,
    ) -> Result<Self, DeltasError> {
        if self.devices.get(&committer.device_id) != Some(&committer.account_id) {
            return Err(DeltasError::NotAMember);
        }
        if deltas.removed.iter().any(|(_, device)| *device == committer.device_id) {
            return Err(DeltasError::Unfit("nobody commits its own removal"));
        }
        let after = self.after(deltas)?;
        if kind == GroupKind::Direct && !after.roles.keys().all(|account| self.roles.contains_key(account)) {
            return Err(DeltasError::Unfit("a direct group takes no further account"));
        }
        let is_admin = self.roles.get(&committer.account_id) == Some(&Role::Admin);
        if is_admin || self.allowed_to_members(committer, deltas, revoked) {
            Ok(after)
        } else {
            Err(DeltasError::Forbidden)
        }
    }

    /// The group after an external commit: a device of a member account adds exactly itself, in the place of its old
    /// leaf if it has one.
    pub fn joined(&self, joiner: Committer, deltas: &Deltas) -> Result<Self, DeltasError> {
        if !self.roles.contains_key(&joiner.account_id) {
            return Err(DeltasError::NotAMember);
        }
        let own = vec![(joiner.account_id, joiner.device_id)];
        let old = if self.devices.contains_key(&joiner.device_id) { own.clone() } else { Vec::new() };
        if deltas.added != own || deltas.removed != old || !deltas.roles.is_empty() {
            return Err(DeltasError::Unfit(
                "an external commit adds its own device and removes its old leaf",
            ));
        }
        self.after(deltas)
    }

    /// A member looks after its own account's devices, brings devices of members (back) in, and removes revoked ones.
    fn allowed_to_members(
        &self,
        committer: Committer,
        deltas: &Deltas,
        revoked: &BTreeSet<DeviceId>,
    ) -> bool {
        let adds = deltas.added.iter().all(|(account, _)| self.roles.contains_key(account));
        let removes = deltas.removed.iter().all(|leaf| {
            leaf.0 == committer.account_id || revoked.contains(&leaf.1) || deltas.added.contains(leaf)
        });
        // An account whose last leaf goes is no longer a member, whoever removed the leaf.
        let roles = deltas.roles.iter().all(|(_, role)| role.is_none());
        adds && removes && roles
    }

    fn has_admin(&self) -> bool {
        self.roles.values().any(|role| *role == Role::Admin)
    }

    fn after(&self, deltas: &Deltas) -> Result<Self, DeltasError> {
        let mut after = self.clone();
        for (account, device) in &deltas.removed {
            if after.devices.remove(device) != Some(*account) {
                return Err(DeltasError::Unfit("a removed device has no leaf"));
            }
        }
        for (account, device) in &deltas.added {
            if after.devices.insert(*device, *account).is_some() {
                return Err(DeltasError::Unfit("an added device has a leaf"));
            }
        }
        for (account, role) in &deltas.roles {
            let before = match role {
                Some(role) => after.roles.insert(*account, *role),
                None => after.roles.remove(account),
            };
            if before == *role {
                return Err(DeltasError::Unfit("a role is named that does not change"));
            }
        }
        let accounts: BTreeSet<AccountId> = after.devices.values().copied().collect();
        if !accounts.iter().eq(after.roles.keys()) {
            return Err(DeltasError::Unfit("the accounts with a leaf are those with a role"));
        }
        // One whose only admin's account was deleted goes on without.
        let had_admin = self.roles.is_empty() || self.has_admin();
        if had_admin && !after.has_admin() {
            return Err(DeltasError::Unfit("a group has an admin"));
        }
        if after.devices.len() > GROUP_LEAVES_MAX || after.roles.len() > GROUP_ACCOUNTS_MAX {
            return Err(DeltasError::TooLarge);
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests;
