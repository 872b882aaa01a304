//! External commits: a new device of a member account, and one that lost its state (K-7, R-1, R-2).

use super::{Changes, Device, GROUP, accepted, account, device_id, two};
use crate::mls::{Error, Misuse, OwnUpdate, PendingJoin, RelayFault};

/// Alice updates; gives the bundle whose group info the relay would keep.
fn newest_info(devices: &[Device; 2], groups: &mut [crate::mls::Group; 2]) -> Vec<u8> {
    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = groups[0].commit(&devices[0].own, changes).unwrap();
    groups[0].merge_pending().unwrap();
    accepted(&mut groups[1], &devices[0], &bundle);
    bundle.group_info
}

#[test]
fn a_new_device_joins_with_nobody_online_and_can_write_at_once() {
    let (devices, mut groups) = two();
    let info = newest_info(&devices, &mut groups);
    let mut second = Device::new(1, 2);

    let (mut join, bundle, accounts) =
        PendingJoin::prepare(second.store(), &second.own, GROUP, &info, 2).unwrap();
    second.save(join.take_changes());
    assert!(join.is_own_commit(&bundle.commit));
    assert_eq!(accounts, [account(1), account(2)].into());
    let mut at_second = join.adopt().unwrap();
    second.save(at_second.take_changes());
    let message = at_second.encrypt(&second.own, b"here I am", b"").unwrap();

    for group in &mut groups {
        let merged = accepted(group, &second, &bundle);
        assert_eq!(merged.deltas.added, [(account(1), device_id(1, 2))]);
        assert_eq!(group.decrypt(&message).unwrap().device, device_id(1, 2));
        assert_eq!(group.epoch_authenticator(), at_second.epoch_authenticator());
    }
}

#[test]
fn a_device_that_lost_its_state_rejoins_and_its_old_leaf_goes() {
    let (mut devices, mut groups) = two();
    let info = newest_info(&devices, &mut groups);
    devices[1].disk.clear();

    let (join, bundle, _) =
        PendingJoin::prepare(devices[1].store(), &devices[1].own, GROUP, &info, 0).unwrap();
    let at_bob = join.adopt().unwrap();
    let merged = accepted(&mut groups[0], &devices[1], &bundle);

    let bobs = (account(2), device_id(2, 1));
    assert_eq!((merged.deltas.added, merged.deltas.removed), (vec![bobs], vec![bobs]));
    assert_eq!(groups[0].members().len(), 2);
    assert_eq!(groups[0].epoch_authenticator(), at_bob.epoch_authenticator());
}

#[test]
fn a_refused_rejoin_leaves_the_old_state_and_survives_kills() {
    let (mut devices, mut groups) = two();
    let info = newest_info(&devices, &mut groups);
    devices[1].save(groups[1].take_changes());
    let before = devices[1].disk.clone();

    let (mut join, bundle, _) =
        PendingJoin::prepare(devices[1].store(), &devices[1].own, GROUP, &info, 2).unwrap();
    devices[1].save(join.take_changes());
    assert!(before.iter().all(|(key, value)| devices[1].disk.get(key) == Some(value)), "beside, not over");
    drop(join);
    let Ok(join) = PendingJoin::load(devices[1].store(), GROUP).unwrap() else { panic!("lost in the kill") };
    assert!(join.is_own_commit(&bundle.commit));
    let mut store = join.discard();
    devices[1].save(store.take_changes());

    assert_eq!(devices[1].disk, before);
    let mut at_bob = devices[1].load();
    let message = groups[0].encrypt(&devices[0].own, b"old state", b"").unwrap();
    assert_eq!(at_bob.decrypt(&message).unwrap().content.as_slice(), b"old state");
}

#[test]
fn an_adopted_rejoin_replaces_the_old_state_whole() {
    let (mut devices, mut groups) = two();
    let info = newest_info(&devices, &mut groups);
    devices[1].save(groups[1].take_changes());

    let (mut join, bundle, _) =
        PendingJoin::prepare(devices[1].store(), &devices[1].own, GROUP, &info, 2).unwrap();
    devices[1].save(join.take_changes());
    let Ok(join) = PendingJoin::load(devices[1].store(), GROUP).unwrap() else { panic!("lost in the kill") };
    let mut at_bob = join.adopt().unwrap();
    devices[1].save(at_bob.take_changes());
    accepted(&mut groups[0], &devices[1], &bundle);

    assert!(!devices[1].disk.keys().any(|key| String::from_utf8_lossy(key).contains("pending")));
    let mut at_bob = devices[1].load();
    let message = groups[0].encrypt(&devices[0].own, b"new state", b"").unwrap();
    assert_eq!(at_bob.decrypt(&message).unwrap().content.as_slice(), b"new state");
}

#[test]
fn a_group_info_that_is_old_foreign_or_broken_is_refused() {
    let (devices, mut groups) = two();
    let info = newest_info(&devices, &mut groups);
    let second = Device::new(1, 2);
    let prepare = |id, info: &[u8], seen| PendingJoin::prepare(second.store(), &second.own, id, info, seen);

    assert_eq!(prepare(GROUP, &info, 3).unwrap_err(), RelayFault::OldGroupInfo.into());
    let other = protocol::GroupId::from_bytes([8; 16]);
    assert_eq!(prepare(other, &info, 0).unwrap_err(), RelayFault::WrongGroup.into());
    for end in (0..info.len()).step_by(97) {
        assert!(prepare(GROUP, &info[..end], 0).is_err());
    }
    for at in (0..info.len()).step_by(41) {
        let mut changed = info.clone();
        changed[at] ^= 1;
        assert!(prepare(GROUP, &changed, 0).is_err(), "{at}");
    }
}

#[test]
fn an_outsider_and_a_revoked_device_do_not_even_try() {
    let (devices, mut groups) = two();
    let revoke =
        Changes { revoke: vec![device_id(1, 2)], own_update: OwnUpdate::Always, ..Changes::default() };
    let info = groups[0].commit(&devices[0].own, revoke).unwrap().group_info;
    let (outsider, revoked) = (Device::new(6, 1), Device::new(1, 2));

    for device in [outsider, revoked] {
        let refusal = PendingJoin::prepare(device.store(), &device.own, GROUP, &info, 0).unwrap_err();
        assert_eq!(refusal, Error::Misuse(Misuse::NotAMember));
    }
}
