use super::{Committer, DeltasError, Membership};
use protocol::deltas::{Deltas, Role};
use protocol::groups::GroupKind;
use protocol::{AccountId, DeviceId};
use std::collections::BTreeSet;

fn account(byte: u8) -> AccountId {
    AccountId::from_bytes([byte; 16])
}

/// The device `n` of an account has the byte `account * 16 + n`.
fn leaf(byte: u8) -> (AccountId, DeviceId) {
    (account(byte / 16), DeviceId::from_bytes([byte; 16]))
}

fn committer(byte: u8) -> Committer {
    let (account_id, device_id) = leaf(byte);
    Committer { account_id, device_id }
}

fn deltas(added: &[u8], removed: &[u8], roles: &[(u8, Option<Role>)]) -> Deltas {
    Deltas {
        added: added.iter().map(|byte| leaf(*byte)).collect(),
        removed: removed.iter().map(|byte| leaf(*byte)).collect(),
        roles: roles.iter().map(|(byte, role)| (account(*byte), *role)).collect(),
        revocations: Vec::new(),
    }
}

const ADMIN: Option<Role> = Some(Role::Admin);
const MEMBER: Option<Role> = Some(Role::Member);

/// Account 1 (admin) with devices 0x10, 0x11; accounts 2 and 3 (members) with 0x20, 0x30.
fn group() -> Membership {
    let first = deltas(&[0x10, 0x11, 0x20, 0x30], &[], &[(1, ADMIN), (2, MEMBER), (3, MEMBER)]);
    Membership::created(GroupKind::Many, None, committer(0x10), &first).unwrap()
}

fn commit(by: u8, deltas: &Deltas) -> Result<Membership, DeltasError> {
    group().committed(GroupKind::Many, committer(by), deltas, &BTreeSet::new())
}

#[test]
fn an_admin_adds_removes_and_changes_roles() {
    assert!(commit(0x10, &deltas(&[0x40], &[], &[(4, MEMBER)])).is_ok());
    assert!(commit(0x10, &deltas(&[], &[0x20], &[(2, None)])).is_ok());
    assert!(commit(0x10, &deltas(&[], &[], &[(2, ADMIN)])).is_ok());
}

#[test]
fn a_member_looks_after_devices_of_members_only() {
    assert!(commit(0x20, &deltas(&[0x21], &[], &[])).is_ok());
    assert!(commit(0x20, &deltas(&[0x31], &[], &[])).is_ok());
    assert!(commit(0x20, &deltas(&[0x30], &[0x30], &[])).is_ok());
    assert!(commit(0x20, &deltas(&[], &[], &[])).is_ok());
    for refused in [
        deltas(&[0x40], &[], &[(4, MEMBER)]),
        deltas(&[], &[0x11], &[]),
        deltas(&[], &[0x30], &[(3, None)]),
        deltas(&[], &[], &[(2, ADMIN)]),
    ] {
        assert_eq!(commit(0x20, &refused), Err(DeltasError::Forbidden), "{refused:?}");
    }
}

#[test]
fn any_member_removes_a_revoked_device() {
    let revoked = BTreeSet::from([leaf(0x11).1]);

    let after = group().committed(GroupKind::Many, committer(0x20), &deltas(&[], &[0x11], &[]), &revoked);

    assert!(!after.unwrap().devices.contains_key(&leaf(0x11).1));
}

#[test]
fn a_stranger_and_a_removed_device_find_no_group() {
    assert_eq!(commit(0x50, &deltas(&[], &[], &[])), Err(DeltasError::NotAMember));
    assert_eq!(commit(0x12, &deltas(&[], &[], &[])), Err(DeltasError::NotAMember));
    assert_eq!(group().joined(committer(0x50), &deltas(&[0x50], &[], &[])), Err(DeltasError::NotAMember));
}

#[test]
fn deltas_that_do_not_fit_the_group_are_refused() {
    for unfit in [
        deltas(&[0x20], &[], &[]),
        deltas(&[], &[0x21], &[]),
        deltas(&[0x40], &[], &[]),
        deltas(&[], &[0x20], &[]),
        deltas(&[], &[], &[(2, MEMBER)]),
        deltas(&[], &[], &[(1, MEMBER)]),
        deltas(&[], &[], &[(4, MEMBER)]),
        deltas(&[], &[0x10], &[]),
    ] {
        assert!(matches!(commit(0x10, &unfit), Err(DeltasError::Unfit(_))), "{unfit:?}");
    }
}

#[test]
fn an_external_commit_adds_its_own_device_and_nothing_else() {
    assert!(group().joined(committer(0x21), &deltas(&[0x21], &[], &[])).is_ok());
    assert!(group().joined(committer(0x20), &deltas(&[0x20], &[0x20], &[])).is_ok());
    for unfit in [
        deltas(&[0x21, 0x22], &[], &[]),
        deltas(&[0x21], &[0x20], &[]),
        deltas(&[], &[], &[]),
        deltas(&[0x21], &[], &[(2, ADMIN)]),
    ] {
        assert!(matches!(group().joined(committer(0x21), &unfit), Err(DeltasError::Unfit(_))), "{unfit:?}");
    }
}

#[test]
fn a_direct_group_has_its_two_accounts_and_stays_so() {
    let pair = deltas(&[0x10, 0x20], &[], &[(1, ADMIN), (2, ADMIN)]);
    let create = |peer, deltas| Membership::created(GroupKind::Direct, peer, committer(0x10), deltas);

    let group = create(Some(account(2)), &pair).unwrap();

    assert!(create(Some(account(3)), &pair).is_err());
    assert!(create(None, &pair).is_err());
    assert!(create(Some(account(1)), &deltas(&[0x10], &[], &[(1, ADMIN)])).is_ok());
    let third = deltas(&[0x30], &[], &[(3, MEMBER)]);
    let refused = group.committed(GroupKind::Direct, committer(0x10), &third, &BTreeSet::new());
    assert!(matches!(refused, Err(DeltasError::Unfit(_))));
}

#[test]
fn a_group_keeps_within_its_limits() {
    let added: Vec<_> = (0..1001u128).map(|n| (account(1), DeviceId::from_bytes(n.to_be_bytes()))).collect();
    let creator = Committer { account_id: account(1), device_id: added[0].1 };
    let first = Deltas { added, roles: vec![(account(1), ADMIN)], ..Deltas::default() };

    let refused = Membership::created(GroupKind::Many, None, creator, &first);

    assert_eq!(refused, Err(DeltasError::TooLarge));
}
