//! A device that is killed after any operation goes on from what it saved.

use super::{Changes, Device, GROUP, accepted, device_id, two};
use crate::mls::{Group, OwnUpdate};

/// What two values of the same group must agree in.
fn fingerprint(group: &Group) -> (u64, Vec<u8>, bool, bool, usize, String) {
    (
        group.epoch(),
        group.epoch_authenticator(),
        group.is_active(),
        group.has_pending_commit(),
        group.members().len(),
        format!("{:?} {:?}", group.rules(), group.pending_deltas()),
    )
}

/// Saves, drops and rebuilds the group.
fn killed(device: &mut Device, mut group: Group) -> Group {
    device.save(group.take_changes());
    let before = fingerprint(&group);
    drop(group);
    let group = device.load();
    assert_eq!(fingerprint(&group), before);
    group
}

#[test]
fn after_every_operation_the_group_is_rebuilt_from_what_was_saved() {
    let ([mut alice, mut bob], [mut at_alice, mut at_bob]) = two();
    at_alice = killed(&mut alice, at_alice);
    let update = || Changes { own_update: OwnUpdate::Always, ..Changes::default() };

    for round in 0_u8..3 {
        let message = at_alice.encrypt(&alice.own, &[round], b"").unwrap();
        at_alice = killed(&mut alice, at_alice);
        assert_eq!(at_bob.decrypt(&message).unwrap().content.as_slice(), [round]);
        at_bob = killed(&mut bob, at_bob);
        assert!(at_bob.decrypt(&message).is_err(), "the key was used before the kill");

        at_alice.commit(&alice.own, update()).unwrap();
        at_alice = killed(&mut alice, at_alice);
        at_alice.discard_pending().unwrap();
        at_alice = killed(&mut alice, at_alice);

        let bundle = at_alice.commit(&alice.own, update()).unwrap();
        at_alice = killed(&mut alice, at_alice);
        assert!(at_alice.is_pending_commit(&bundle.commit));
        accepted(&mut at_bob, &alice, &bundle);
        at_bob = killed(&mut bob, at_bob);
        at_alice.merge_pending().unwrap();
        at_alice = killed(&mut alice, at_alice);
        assert_eq!(at_alice.epoch_authenticator(), at_bob.epoch_authenticator());
    }
}

#[test]
fn what_was_not_saved_did_not_happen() {
    let ([alice, _], [mut at_alice, mut at_bob]) = two();
    let before = fingerprint(&at_alice);

    at_alice.commit(&alice.own, Changes { own_update: OwnUpdate::Always, ..Changes::default() }).unwrap();
    drop(at_alice);
    let mut at_alice = alice.load();

    assert_eq!(fingerprint(&at_alice), before);
    let message = at_alice.encrypt(&alice.own, b"still here", b"").unwrap();
    assert_eq!(at_bob.decrypt(&message).unwrap().content.as_slice(), b"still here");
}

#[test]
fn a_change_set_holds_real_differences_only() {
    let ([mut alice, _], [mut at_alice, mut at_bob]) = two();

    let message = at_alice.encrypt(&alice.own, b"x", b"").unwrap();
    let sent = at_alice.take_changes();
    at_bob.decrypt(&message).unwrap();
    let read = at_bob.take_changes();

    assert_eq!((sent.len(), read.len()), (1, 1), "one record per message");
    alice.save(sent);
    assert!(at_alice.take_changes().is_empty());
}

#[test]
fn a_used_key_package_goes_in_the_change_set_of_its_group() {
    let (mut alice, mut bob) = (Device::new(1, 1), Device::new(2, 1));
    let mut group = Group::create(&alice.own, GROUP).unwrap();
    let add = vec![bob.key_package()];
    let kept = bob.disk.len();
    let bundle = group.commit(&alice.own, Changes { add, ..Changes::default() }).unwrap();
    alice.save(group.take_changes());

    let welcome = bundle.welcome.unwrap();
    let (mut joined, inviter) = crate::mls::join_from_welcome(bob.store(), &bob.own, &welcome).unwrap();
    assert_eq!(bob.disk.len(), kept, "nothing is gone before it is saved");
    bob.save(joined.take_changes());

    assert_eq!(inviter.device(), device_id(1, 1));
    assert!(!bob.disk.keys().any(|key| key.starts_with(b"key_package/")));
    assert!(crate::mls::join_from_welcome(bob.store(), &bob.own, &welcome).is_err(), "used up");
}

#[test]
fn deleting_a_group_leaves_no_record() {
    let ([mut alice, _], [at_alice, _]) = two();

    alice.save(at_alice.delete());

    assert!(alice.disk.is_empty(), "{:?}", alice.disk.keys());
}
