use protocol::{
    AccountId, DeviceAuthKey, DeviceId, LeafKey, UnixMillis,
    device_list::{DeviceList, DeviceListBody},
};

use super::{
    ChainError, DeviceListChain, DeviceListDraft, DeviceListError, IdentityRule, Succession,
    VerifiedDeviceList,
};
use crate::{
    account_seed::AccountSeed,
    certificate::{DevicePublicKeys, VerifiedCertificate},
    identity::IdentitySecret,
    root_key::RootKey,
};

const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);

fn identity() -> IdentitySecret {
    AccountSeed::from_bytes([9; 32]).identity()
}

fn root(generation: u32) -> RootKey {
    RootKey::from_bytes(generation, [5; 32])
}

fn device(id: u8) -> DeviceId {
    DeviceId::from_bytes([id; 16])
}

fn certificate_by(identity: &IdentitySecret, id: u8) -> VerifiedCertificate {
    let keys = DevicePublicKeys {
        device: device(id),
        leaf_key: LeafKey::from_bytes([id; 32]),
        device_auth_key: DeviceAuthKey::from_bytes([id ^ 0xff; 32]),
    };
    identity.certify(ACCOUNT, keys, UnixMillis(u64::from(id)))
}

fn certificate(id: u8) -> VerifiedCertificate {
    certificate_by(&identity(), id)
}

fn first() -> VerifiedDeviceList {
    let mut draft = DeviceListDraft::first(ACCOUNT, identity().public(), &root(1));
    draft.add(&certificate(1)).unwrap();
    draft.sign(&identity()).unwrap()
}

fn after(known: &VerifiedDeviceList, change: impl FnOnce(&mut DeviceListDraft)) -> VerifiedDeviceList {
    let mut draft = DeviceListDraft::after(known);
    change(&mut draft);
    draft.sign(&identity()).unwrap()
}

/// A list that the account's own key signed although no draft would make it.
fn forge(known: &VerifiedDeviceList, change: impl FnOnce(&mut DeviceListBody)) -> VerifiedDeviceList {
    after(known, |draft| change(&mut draft.0))
}

fn refusal(known: &VerifiedDeviceList, next: &VerifiedDeviceList) -> Option<ChainError> {
    DeviceListChain::start(known.clone()).check(next, IdentityRule::Pinned).err()
}

#[test]
fn a_signed_list_verifies_and_lists_its_devices() {
    let list = VerifiedDeviceList::verify(first().encoded()).unwrap();

    assert_eq!(list, first());
    assert!(list.lists(&certificate(1)));
    assert!(list.commits_to(&root(1)));
}

#[test]
fn a_list_does_not_list_strangers_revoked_devices_or_other_keys() {
    let stranger = AccountSeed::from_bytes([8; 32]).identity();
    let revoked = after(&first(), |draft| {
        draft.revoke(device(1), UnixMillis(7)).unwrap();
    });
    let other_keys = identity().certify(
        ACCOUNT,
        DevicePublicKeys {
            device: device(1),
            leaf_key: LeafKey::from_bytes([0xee; 32]),
            device_auth_key: DeviceAuthKey::from_bytes([0xfe; 32]),
        },
        UnixMillis(1),
    );

    assert!(!first().lists(&certificate(2)));
    assert!(!first().lists(&certificate_by(&stranger, 1)));
    assert!(!first().lists(&other_keys));
    assert!(!revoked.lists(&certificate(1)));
    assert!(!first().commits_to(&root(2)));
    assert!(!first().commits_to(&RootKey::from_bytes(1, [6; 32])));
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let bytes = first().encoded().to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(VerifiedDeviceList::verify(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(matches!(VerifiedDeviceList::verify(&bytes[..length]), Err(DeviceListError::Malformed(_))));
    }
}

#[test]
fn a_ghost_device_needs_the_identity_key() {
    let mut list = DeviceList::decode(first().encoded()).unwrap();
    let mut ghost = list.body.entries[0];
    ghost.device = device(2);
    list.body.entries.push(ghost);

    assert_eq!(VerifiedDeviceList::verify(&list.encode().unwrap()), Err(DeviceListError::BadSignature));
}

#[test]
fn a_draft_takes_certified_devices_of_its_account_once() {
    let stranger = AccountSeed::from_bytes([8; 32]).identity();
    let mut draft = DeviceListDraft::after(&first());

    assert_eq!(draft.add(&certificate_by(&stranger, 2)), Err(DeviceListError::WrongCertificate));
    assert_eq!(draft.add(&certificate(1)), Err(DeviceListError::DeviceListed));
    assert_eq!(draft.revoke(device(2), UnixMillis(1)), Err(DeviceListError::NoSuchDevice));
    draft.revoke(device(1), UnixMillis(1)).unwrap();
    assert_eq!(draft.add(&certificate(1)), Err(DeviceListError::DeviceListed));
    assert_eq!(draft.clone().sign(&stranger), Err(DeviceListError::WrongIdentity));
    for id in 2..=9 {
        draft.add(&certificate(id)).unwrap();
    }
    assert_eq!(draft.add(&certificate(10)), Err(DeviceListError::TooManyDevices));
}

#[test]
fn in_a_full_list_the_longest_revoked_device_makes_room() {
    let mut draft = DeviceListDraft::after(&first());
    for id in 2..=64 {
        draft.add(&certificate(id)).unwrap();
        draft.revoke(device(id), UnixMillis(1_000 - u64::from(id))).unwrap();
    }

    draft.add(&certificate(65)).unwrap();

    let list = draft.sign(&identity()).unwrap();
    assert_eq!(list.body().entries.len(), 64);
    assert_eq!(list.body().entry(device(64)), None);
    assert!(list.lists(&certificate(1)) && list.lists(&certificate(65)));
}

#[test]
fn a_chain_follows_linked_lists_and_flags_gaps() {
    let second = after(&first(), |draft| draft.add(&certificate(2)).unwrap());
    let third = after(&second, |draft| {
        draft.revoke(device(1), UnixMillis(5)).unwrap();
        draft.renew_root(&root(2), 0, 0);
    });
    let mut chain = DeviceListChain::start(first());

    let accept = |chain: &mut DeviceListChain, list: &VerifiedDeviceList| {
        chain.accept(list.clone(), IdentityRule::Pinned)
    };
    assert_eq!(accept(&mut chain, &first()), Ok(Succession::Same));
    assert_eq!(accept(&mut chain, &second), Ok(Succession::Next));
    assert_eq!(accept(&mut chain, &third), Ok(Succession::Next));
    assert_eq!(chain.head(), &third);

    let mut late = DeviceListChain::start(first());
    assert_eq!(accept(&mut late, &third), Ok(Succession::Gap { missing: 1 }));
}

#[test]
fn a_rollback_is_refused_and_changes_nothing() {
    let second = after(&first(), |draft| draft.add(&certificate(2)).unwrap());
    let mut chain = DeviceListChain::start(second.clone());

    let refused = chain.accept(first(), IdentityRule::Pinned);

    assert_eq!(refused, Err(ChainError::Rollback { known: 2, offered: 1 }));
    assert_eq!(chain.head(), &second);
}

#[test]
fn two_lists_of_one_version_are_a_fork() {
    let one = after(&first(), |draft| draft.add(&certificate(2)).unwrap());
    let other = after(&first(), |draft| draft.add(&certificate(3)).unwrap());
    let after_other = after(&other, |_| {});

    assert_eq!(refusal(&one, &other), Some(ChainError::Fork));
    assert_eq!(refusal(&one, &after_other), Some(ChainError::Fork));
}

#[test]
fn a_changed_identity_needs_a_decision() {
    let new = AccountSeed::from_bytes([8; 32]).identity();
    let mut draft = DeviceListDraft::after(&first());
    draft.0.identity_key = new.public();
    draft.0.entries.clear();
    draft.add(&certificate_by(&new, 7)).unwrap();
    let replaced = draft.sign(&new).unwrap();
    let chain = DeviceListChain::start(first());

    assert_eq!(chain.check(&replaced, IdentityRule::Pinned), Err(ChainError::IdentityChanged));
    assert_eq!(chain.check(&replaced, IdentityRule::ChangeAccepted), Ok(Succession::Next));
}

#[test]
fn a_list_of_another_account_never_follows() {
    let other = forge(&first(), |body| body.account = AccountId::from_bytes([2; 16]));

    assert_eq!(refusal(&first(), &other), Some(ChainError::OtherAccount));
}

#[test]
fn the_root_key_never_goes_back() {
    let renewed = after(&first(), |draft| draft.renew_root(&root(3), 4, 0));
    let back = after(&renewed, |draft| draft.renew_root(&root(2), 0, 0));
    let exchanged = after(&renewed, |draft| {
        draft.renew_root(&RootKey::from_bytes(3, [6; 32]), 4, 0);
    });

    assert_eq!(refusal(&renewed, &back), Some(ChainError::RootRollback));
    assert_eq!(refusal(&renewed, &exchanged), Some(ChainError::RootRollback));
}

#[test]
fn devices_keep_their_keys_and_stay_revoked() {
    let changed = forge(&first(), |body| {
        body.entries[0].leaf_key = LeafKey::from_bytes([7; 32]);
    });
    let vanished = forge(&first(), |body| body.entries.clear());
    let revoked = after(&first(), |draft| {
        draft.revoke(device(1), UnixMillis(5)).unwrap();
    });
    let revived = forge(&revoked, |body| body.entries[0].revoked_at = None);

    assert_eq!(refusal(&first(), &changed), Some(ChainError::DeviceChanged(device(1))));
    assert_eq!(refusal(&first(), &vanished), Some(ChainError::DeviceVanished(device(1))));
    assert_eq!(refusal(&revoked, &revived), Some(ChainError::DeviceRevived(device(1))));
}
