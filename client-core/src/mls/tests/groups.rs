//! Groups among honest devices.

use super::{Changes, Device, GROUP, accepted, account, device_id, group_of, refused, same_state, two};
use crate::mls::{Error, Group, Misuse, OwnUpdate, RelayFault, Unreadable, Violation};
use protocol::Role;

#[test]
fn two_people_write_to_each_other() {
    let (devices, [mut alice, mut bob]) = two();

    let hello = alice.encrypt(&devices[0].own, b"hello", b"\x01").unwrap();
    let read = bob.decrypt(&hello).unwrap();
    let answer = bob.encrypt(&devices[1].own, b"hello yourself", b"\x01").unwrap();

    assert_eq!((read.account, read.content.as_slice()), (account(1), b"hello".as_slice()));
    assert_eq!((read.authenticated_data, read.epoch), (b"\x01".to_vec(), 1));
    assert_eq!(alice.decrypt(&answer).unwrap().content.as_slice(), b"hello yourself");
    same_state(&[alice, bob]);
}

#[test]
fn the_first_commit_tells_the_creator_too() {
    let mut bob = Device::new(2, 1);
    let alice = Device::new(1, 1);
    let mut group = Group::create(&alice.own, GROUP).unwrap();

    let changes = Changes { add: vec![bob.key_package()], ..Changes::default() };
    let deltas = group.commit(&alice.own, changes).unwrap().deltas;

    assert_eq!(deltas.added, [(account(1), device_id(1, 1)), (account(2), device_id(2, 1))]);
    assert_eq!(deltas.roles, [(account(1), Some(Role::Admin)), (account(2), Some(Role::Member))]);
}

#[test]
fn nothing_is_merged_before_the_relay_accepted_and_a_refused_commit_leaves_no_trace() {
    let (mut devices, [mut alice, _]) = two();
    let before = (alice.epoch(), alice.epoch_authenticator(), devices[0].disk.clone());

    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = alice.commit(&devices[0].own, changes).unwrap();
    assert!(alice.is_pending_commit(&bundle.commit) && alice.epoch() == before.0);
    assert_eq!(alice.commit(&devices[0].own, Changes::default()).unwrap_err(), Misuse::CommitPending.into());
    alice.discard_pending().unwrap();
    devices[0].save(alice.take_changes());

    assert_eq!((alice.epoch(), alice.epoch_authenticator()), (before.0, before.1));
    // The bytes of the commit have used up a handshake key: that stays used. Everything else is as it was.
    let changed: Vec<_> = devices[0].disk.iter().filter(|(k, v)| before.2.get(*k) != Some(*v)).collect();
    assert!(changed.iter().all(|(key, _)| key.ends_with(b"message_secrets")), "{}", changed.len());
    assert_eq!(alice.merge_pending().unwrap_err(), Misuse::NoCommitPending.into());
}

#[test]
fn of_two_commits_for_an_epoch_the_accepted_one_replaces_the_other() {
    let (devices, [mut alice, mut bob]) = two();
    let update = || Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let first = alice.commit(&devices[0].own, update()).unwrap();
    let second = bob.commit(&devices[1].own, update()).unwrap();

    let merged = accepted(&mut bob, &devices[0], &first);
    alice.merge_pending().unwrap();

    assert_eq!((merged.epoch, merged.committer.body.device), (2, device_id(1, 1)));
    assert!(!bob.has_pending_commit());
    let late = alice.process_commit(&second.commit, &devices[1].envelope_of(&second));
    assert_eq!(late.unwrap_err(), RelayFault::SecondCommit.into());
    same_state(&[alice, bob]);
}

#[test]
fn ones_own_commit_in_the_log_is_recognised_by_its_hash() {
    let (devices, [mut alice, _]) = two();
    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = alice.commit(&devices[0].own, changes).unwrap();

    let own = alice.process_commit(&bundle.commit, &devices[0].envelope_of(&bundle));

    assert_eq!(own.unwrap_err(), Misuse::OwnCommit.into());
    assert_eq!(alice.merge_pending().unwrap().epoch, 2);
}

#[test]
fn a_removed_device_can_not_read_the_next_epoch_and_never_enters_again() {
    let mut devices = [Device::new(1, 1), Device::new(2, 1), Device::new(2, 2)];
    let mut groups = group_of(&mut devices, &[]);
    let gone = device_id(2, 2);

    let changes = Changes { remove: vec![gone], revoke: vec![gone], ..Changes::default() };
    let bundle = groups[0].commit(&devices[0].own, changes).unwrap();
    groups[0].merge_pending().unwrap();
    accepted(&mut groups[1], &devices[0], &bundle);
    let removed = accepted(&mut groups[2], &devices[0], &bundle);
    let secret = groups[0].encrypt(&devices[0].own, b"without you", b"").unwrap();

    assert!(removed.removed_me && !groups[2].is_active());
    assert_eq!(groups[2].decrypt(&secret).unwrap_err(), Misuse::NotAMember.into());
    assert_eq!(groups[1].decrypt(&secret).unwrap().content.as_slice(), b"without you");
    let again = Changes { add: vec![devices[2].key_package()], ..Changes::default() };
    let refusal = groups[0].commit(&devices[0].own, again).unwrap_err();
    assert_eq!(refusal, Misuse::BreaksRules(Violation::Revoked(gone)).into());
}

#[test]
fn a_message_accepted_after_its_senders_removal_is_refused() {
    let mut devices = [Device::new(1, 1), Device::new(2, 1), Device::new(3, 1)];
    let mut groups = group_of(&mut devices, &[]);
    let late = groups[2].encrypt(&devices[2].own, b"too late", b"").unwrap();

    let changes = Changes { remove: vec![device_id(3, 1)], ..Changes::default() };
    let bundle = groups[0].commit(&devices[0].own, changes).unwrap();
    accepted(&mut groups[1], &devices[0], &bundle);

    assert_eq!(groups[1].decrypt(&late).unwrap_err(), Violation::SenderGone(device_id(3, 1)).into());
    assert_eq!(bundle.deltas.roles, [(account(3), None)]);
}

#[test]
fn a_message_is_read_once_and_within_two_epochs() {
    let (devices, [mut alice, mut bob]) = two();
    let messages: Vec<_> = (0..3).map(|n| alice.encrypt(&devices[0].own, &[n], b"").unwrap()).collect();
    assert_eq!(bob.decrypt(&messages[2]).unwrap().content.as_slice(), [2]);
    assert_eq!(bob.decrypt(&messages[2]).unwrap_err(), Unreadable::KeyGone.into());
    for epoch in 2..=4 {
        let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
        let bundle = alice.commit(&devices[0].own, changes).unwrap();
        alice.merge_pending().unwrap();
        assert_eq!(accepted(&mut bob, &devices[0], &bundle).epoch, epoch);
        if epoch == 3 {
            assert_eq!(bob.decrypt(&messages[1]).unwrap().content.as_slice(), [1]);
        }
    }

    assert_eq!(bob.decrypt(&messages[0]).unwrap_err(), Unreadable::EpochTooOld.into());
}

#[test]
fn a_message_from_an_epoch_not_reached_is_out_of_sync() {
    let (devices, [mut alice, mut bob]) = two();
    let changes = || Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    alice.commit(&devices[0].own, changes()).unwrap();
    alice.merge_pending().unwrap();
    let message = alice.encrypt(&devices[0].own, b"later", b"").unwrap();
    let commit = alice.commit(&devices[0].own, changes()).unwrap();

    assert_eq!(bob.decrypt(&message).unwrap_err(), Error::OutOfSync { epoch: 1, offered: 2 });
    let error = refused(&mut bob, &commit.commit, &devices[0].envelope_of(&commit));
    assert_eq!(error, Error::OutOfSync { epoch: 1, offered: 2 });
}

#[test]
fn truncated_changed_and_foreign_bytes_are_refused_without_a_panic() {
    let (devices, [mut alice, mut bob]) = two();
    let message = alice.encrypt(&devices[0].own, b"hello", b"").unwrap();
    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = alice.commit(&devices[0].own, changes).unwrap();

    for end in 0..message.len() {
        assert!(bob.decrypt(&message[..end]).is_err());
    }
    for at in 0..message.len() {
        let mut changed = message.clone();
        changed[at] ^= 1;
        assert!(bob.decrypt(&changed).is_err(), "{at}");
    }
    for end in (0..bundle.commit.len()).step_by(61) {
        let cut = &bundle.commit[..end];
        let envelope = devices[0].envelope(bundle.epoch, cut, &bundle.deltas_bytes);
        assert!(bob.process_commit(cut, &envelope).is_err());
    }
    assert!(bob.decrypt(&bundle.commit).is_err() && bob.decrypt(&[]).is_err());
    assert_eq!(bob.decrypt(&message).unwrap().content.as_slice(), b"hello");
    accepted(&mut bob, &devices[0], &bundle);
}

#[test]
fn ciphertexts_of_short_messages_have_one_size() {
    let (devices, [mut alice, _]) = two();

    let sizes: Vec<_> = [0, 1, 100, 252]
        .map(|length| alice.encrypt(&devices[0].own, &vec![7; length], b"").unwrap().len())
        .into();

    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
}

#[test]
fn exported_secrets_agree_and_change_with_the_epoch() {
    let (devices, [mut alice, mut bob]) = two();
    let before = alice.export_secret("sotto/v1/test", b"x", 32).unwrap();
    assert_eq!(before, bob.export_secret("sotto/v1/test", b"x", 32).unwrap());

    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = alice.commit(&devices[0].own, changes).unwrap();
    alice.merge_pending().unwrap();
    accepted(&mut bob, &devices[0], &bundle);

    assert_ne!(before, alice.export_secret("sotto/v1/test", b"x", 32).unwrap());
    assert_eq!(
        alice.export_secret("sotto/v1/test", b"x", 32).unwrap(),
        bob.export_secret("sotto/v1/test", b"x", 32).unwrap()
    );
}

#[test]
fn another_devices_keys_are_refused() {
    let (devices, [mut alice, _]) = two();

    assert_eq!(alice.encrypt(&devices[1].own, b"x", b"").unwrap_err(), Misuse::WrongKeys.into());
    assert_eq!(alice.commit(&devices[1].own, Changes::default()).unwrap_err(), Misuse::WrongKeys.into());
}

/// The other member runs OpenMLS on RustCrypto; ours runs on libcrux when that feature is on.
#[test]
fn members_on_different_cryptography_understand_each_other() {
    use openmls::prelude::{MlsMessageIn, ProcessedMessageContent, tls_codec::Deserialize as _};
    let (alice, mut group, mut peer) = super::alice_and_mallory(Role::Admin);
    let update = || Changes { own_update: OwnUpdate::Always, ..Changes::default() };

    for round in 2_u64..5 {
        let bundle = group.commit(&alice.own, update()).unwrap();
        group.merge_pending().unwrap();
        let message = group.encrypt(&alice.own, b"from ours", b"").unwrap();
        let mls = peer.mls.as_mut().unwrap();
        for bytes in [bundle.commit, message] {
            let message = MlsMessageIn::tls_deserialize_exact(bytes).unwrap();
            let message = message.try_into_protocol_message().unwrap();
            let processed = mls.process_message(&peer.provider, message).unwrap();
            if let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() {
                mls.merge_staged_commit(&peer.provider, *staged).unwrap();
            }
        }
        let (commit, envelope) =
            peer.commit_with(&protocol::Deltas::default(), |builder| builder.force_self_update(true));
        let mls = peer.mls.as_mut().unwrap();
        mls.merge_pending_commit(&peer.provider).unwrap();
        let merged = group.process_commit(&commit, &envelope).unwrap();
        assert_eq!(merged.epoch, round * 2 - 1);
        assert_eq!(mls.epoch_authenticator().as_slice(), group.epoch_authenticator());
    }
}

#[test]
fn ones_own_message_is_told_apart_from_a_broken_one() {
    let (devices, [mut alice, _]) = two();
    let message = alice.encrypt(&devices[0].own, b"x", b"").unwrap();

    assert_eq!(alice.decrypt(&message).unwrap_err(), Unreadable::Own.into());
}

#[test]
fn nothing_secret_shows_in_debug() {
    let (devices, [mut alice, _]) = two();
    let join = format!("{:?} {:?} {:?}", devices[0].own, alice, devices[0].store());
    let changes = alice.take_changes();

    assert_eq!(
        join,
        "OwnLeaf(DeviceId(AQEBAQEBAQEBAQEBAQEBAQ), ***) Group(GroupId(CQkJCQkJCQkJCQkJCQkJCQ), epoch 1, ***) \
         GroupStore(***)"
    );
    assert!(changes.is_empty());
}

#[test]
fn keys_of_past_epochs_younger_than_two_days_stay() {
    let (devices, [mut alice, mut bob]) = two();
    let message = alice.encrypt(&devices[0].own, b"x", b"").unwrap();
    let changes = Changes { own_update: OwnUpdate::Always, ..Changes::default() };
    let bundle = alice.commit(&devices[0].own, changes).unwrap();
    accepted(&mut bob, &devices[0], &bundle);

    bob.forget_past_epochs().unwrap();

    assert_eq!(bob.decrypt(&message).unwrap().content.as_slice(), b"x");
}
