//! Trees that come in whole: by welcome, by group info, from our own disk (check 2), and handshakes that no client
//! of ours sends.

use super::{
    Changes, Device, GROUP, Raw, account, alice_and_mallory, certificate_extension, certify, device_id, key,
    refused, two,
};
use crate::mls::{
    Error, Group, PendingJoin, RelayFault, Violation,
    checks::all_of_time,
    group::mls_group_id,
    join_from_welcome,
    leaf::{capabilities, suite},
    rules::Rules,
};
use openmls::{
    group::MlsGroup,
    prelude::{
        Extension, Extensions, ExternalSender, GroupContext, KeyPackage, LeafNode, MlsGroupCreateConfig,
        PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, tls_codec::Serialize as _,
    },
};
use openmls_traits::OpenMlsProvider as _;
use protocol::{Deltas, Role};

/// What Mallory's own group looks like before she invites Alice.
struct Trap {
    leaf: Extensions<LeafNode>,
    context: Extensions<GroupContext>,
    /// Somebody whom she adds beside Alice.
    beside: Option<KeyPackage>,
}

fn trap(edit: impl FnOnce(&mut Rules)) -> Trap {
    let mut rules = Rules::of_creator(account(2));
    rules.roles.insert(account(1), Role::Member);
    edit(&mut rules);
    let leaf = Device::new(2, 1).own.extensions().unwrap();
    Trap { leaf, context: rules.to_extensions().unwrap(), beside: None }
}

/// Welcome and group info of the trap.
fn spring(trap: Trap, alice: &mut Device) -> (Vec<u8>, Vec<u8>) {
    let mallory = Raw::new(2, 1);
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(suite())
        .capabilities(capabilities())
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .lifetime(all_of_time())
        .use_ratchet_tree_extension(true)
        .with_group_context_extensions(trap.context)
        .with_leaf_node_extensions(trap.leaf)
        .unwrap()
        .build();
    let own = &mallory.device.own;
    let id = mls_group_id(GROUP);
    let mut mls = MlsGroup::new_with_group_id(&mallory.provider, own, &config, id, own.credential()).unwrap();
    let bundle = mls
        .commit_builder()
        .propose_adds([alice.key_package().key_package].into_iter().chain(trap.beside))
        .load_psks(mallory.provider.storage())
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(true)
        .build(mallory.provider.rand(), mallory.provider.crypto(), own, |_| true)
        .unwrap()
        .stage_commit(&mallory.provider)
        .unwrap();
    let (_, welcome, info) = bundle.into_messages();
    (welcome.unwrap().tls_serialize_detached().unwrap(), info.unwrap().tls_serialize_detached().unwrap())
}

fn traps() -> Vec<(Trap, Violation)> {
    let mut forged = Device::new(2, 1).own.certificate().clone();
    forged.body.created_at.0 += 1;
    let with_leaf = |certificate| Trap { leaf: certificate_extension(certificate), ..trap(|_| ()) };
    let other_key = certify(2, device_id(2, 1), &key(8, 8, 8), &key(1, 2, 0));
    let other_device = certify(2, device_id(2, 2), &key(2, 2, 1), &key(1, 2, 0));
    let second_identity = {
        let leaf = key(2, 1, 2);
        let certificate = certify(1, device_id(1, 2), &leaf, &key(6, 6, 6));
        let signer = super::OwnLeaf::new(certificate.clone(), leaf).unwrap();
        KeyPackage::builder()
            .key_package_lifetime(all_of_time())
            .leaf_node_capabilities(capabilities())
            .leaf_node_extensions(certificate_extension(&certificate))
            .build(suite(), &Raw::new(1, 2).provider, &signer, signer.credential())
            .unwrap()
            .into_key_package()
    };
    vec![
        (with_leaf(&forged), Violation::Certificate),
        (with_leaf(&other_key), Violation::LeafKey),
        (with_leaf(&other_device), Violation::Credential),
        (Trap { beside: Some(second_identity), ..trap(|_| ()) }, Violation::IdentityChanged(account(1))),
        (
            trap(|rules| {
                rules.roles.remove(&account(1));
            }),
            Violation::Roles,
        ),
        (
            trap(|rules| {
                rules.roles.insert(account(7), Role::Member);
            }),
            Violation::Roles,
        ),
        (
            trap(|rules| {
                rules.roles.insert(account(2), Role::Member);
            }),
            Violation::Roles,
        ),
        (
            trap(|rules| {
                rules.revoked.insert(device_id(1, 1));
            }),
            Violation::Revoked(device_id(1, 1)),
        ),
        (trap(|rules| rules.suite_profile = 7), Violation::Rules),
        (Trap { context: with_external_sender(), ..trap(|_| ()) }, Violation::Rules),
    ]
}

/// A group that lets somebody outside propose.
fn with_external_sender() -> Extensions<GroupContext> {
    let mut rules = Rules::of_creator(account(2));
    rules.roles.insert(account(1), Role::Member);
    let mut extensions = rules.to_extensions().unwrap();
    let eve = Device::new(6, 1).own.credential();
    let senders = vec![ExternalSender::new(eve.signature_key, eve.credential)];
    extensions.add(Extension::ExternalSenders(senders)).unwrap();
    extensions
}

#[test]
fn check_2_a_welcome_to_a_tree_that_fails_a_check_is_refused_and_its_key_package_stays() {
    for (trap, violation) in traps() {
        let mut alice = Device::new(1, 1);
        let (welcome, _) = spring(trap, &mut alice);
        let before = alice.disk.clone();

        let refusal = join_from_welcome(alice.store(), &alice.own, &welcome).unwrap_err();

        assert_eq!(refusal, Error::PeerMisbehaved(violation));
        assert_eq!(alice.disk, before);
    }
}

#[test]
fn check_2_a_group_info_with_a_tree_that_fails_a_check_is_refused() {
    for (trap, violation) in traps() {
        let mut alice = Device::new(1, 1);
        let (_, info) = spring(trap, &mut alice);
        let second = Device::new(1, 3);

        let refusal = PendingJoin::prepare(second.store(), &second.own, GROUP, &info, 0).unwrap_err();

        assert_eq!(refusal, Error::PeerMisbehaved(violation));
    }
}

#[test]
fn an_honest_welcome_of_a_foreign_client_is_joined() {
    let mut alice = Device::new(1, 1);
    let (welcome, _) = spring(trap(|_| ()), &mut alice);

    let (group, inviter) = join_from_welcome(alice.store(), &alice.own, &welcome).unwrap();

    assert_eq!((group.epoch(), inviter.device()), (1, device_id(2, 1)));
}

#[test]
fn a_group_for_newer_clients_is_not_joined() {
    let mut alice = Device::new(1, 1);
    let (welcome, info) = spring(trap(|rules| rules.minimum_client_version = 99), &mut alice);
    let second = Device::new(1, 3);

    let by_welcome = join_from_welcome(alice.store(), &alice.own, &welcome).unwrap_err();
    let by_info = PendingJoin::prepare(second.store(), &second.own, GROUP, &info, 0).unwrap_err();

    assert_eq!(by_welcome, Error::NewerClientNeeded { minimum: 99 });
    assert_eq!(by_info, Error::NewerClientNeeded { minimum: 99 });
}

#[test]
fn a_client_that_became_too_old_pauses_and_does_not_fork() {
    let (alice, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let mut rules = group.rules().clone();
    rules.minimum_client_version = 99;

    let (commit, envelope) = mallory.commit_with(&Deltas::default(), |builder| {
        builder.propose_group_context_extensions(rules.to_extensions().unwrap()).unwrap()
    });
    assert_eq!(group.process_commit(&commit, &envelope).unwrap().epoch, 2);

    let paused = Error::NewerClientNeeded { minimum: 99 };
    assert_eq!(group.encrypt(&alice.own, b"x", b"").unwrap_err(), paused);
    assert_eq!(group.commit(&alice.own, Changes::default()).unwrap_err(), paused);
    assert_eq!(group.process_commit(&commit, &envelope).unwrap_err(), paused);
}

#[test]
fn truncated_changed_and_misdirected_welcomes_are_refused() {
    let mut alice = Device::new(1, 1);
    let (welcome, _) = spring(trap(|_| ()), &mut alice);
    let mut bob = Device::new(2, 1);
    bob.key_package();

    for end in (0..welcome.len()).step_by(53) {
        assert!(join_from_welcome(alice.store(), &alice.own, &welcome[..end]).is_err(), "{end}");
    }
    for at in (0..welcome.len()).step_by(211) {
        let mut changed = welcome.clone();
        changed[at] ^= 1;
        assert!(join_from_welcome(alice.store(), &alice.own, &changed).is_err(), "{at}");
    }
    let misdirected = join_from_welcome(bob.store(), &bob.own, &welcome).unwrap_err();
    assert_eq!(misdirected, RelayFault::WrongDevice.into());
}

#[test]
fn check_2_corrupt_records_are_refused_when_a_group_is_loaded() {
    let ([alice, _], _) = two();
    let records: Vec<_> = alice.disk.iter().map(|(key, value)| (key.clone(), value.clone())).collect();

    for (key, value) in &records {
        let load = |value: Option<Vec<u8>>| {
            let mut disk = alice.disk.clone();
            match value {
                Some(value) => disk.insert(key.clone(), value),
                None => disk.remove(key),
            };
            Group::load(super::GroupStore::load(disk), GROUP)
        };
        let name = String::from_utf8_lossy(key);
        assert!(
            load(Some(value[..value.len() / 2].to_vec())).is_err() || name.contains("epoch_keys"),
            "{name}"
        );
        for at in (0..value.len()).step_by(value.len() / 40 + 1) {
            let mut changed = value.clone();
            changed[at] ^= 0x55;
            drop(load(Some(changed)));
        }
        drop(load(None));
    }
}

#[test]
fn check_2_a_tree_on_disk_with_a_forged_certificate_is_refused() {
    let ([mut alice, bob], _) = two();
    let identity = bob.own.certificate().body.identity_key;
    let mut needle = Vec::new();
    for byte in identity.as_bytes() {
        needle.extend(minicbor::to_vec(byte).unwrap());
    }
    let (_, tree) = alice.disk.iter_mut().find(|(key, _)| key.ends_with(b"/tree")).unwrap();
    let at = tree.windows(needle.len()).position(|window| window == needle).unwrap();
    let other = key(6, 6, 6).verifying_key().to_bytes();
    let mut replacement = Vec::new();
    for byte in other {
        replacement.extend(minicbor::to_vec(byte).unwrap());
    }
    tree.splice(at..at + needle.len(), replacement);

    let refusal = Group::load(alice.store(), GROUP).unwrap_err();

    assert_eq!(refusal, Error::PeerMisbehaved(Violation::Certificate));
}

#[test]
fn standalone_proposals_are_refused_and_so_is_a_commit_to_them() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let index = group.members()[0].index();
    let provider = &mallory.provider;
    let mls = mallory.mls.as_mut().unwrap();
    let (proposal, _) = mls.propose_remove_member(provider, &mallory.device.own, index).unwrap();
    let proposal = proposal.tls_serialize_detached().unwrap();

    assert_eq!(group.decrypt(&proposal).unwrap_err(), Violation::WrongKind.into());
    let envelope = mallory.device.envelope(1, &proposal, &Deltas::default().encode().unwrap());
    assert_eq!(refused(&mut group, &proposal, &envelope), Violation::WrongKind.into());
    let deltas = Deltas { removed: vec![(account(1), device_id(1, 1))], ..Deltas::default() };
    let (commit, envelope) = mallory.commit_with(&deltas, |builder| builder.consume_proposal_store(true));
    let error = refused(&mut group, &commit, &envelope);
    assert!(matches!(error, Error::PeerMisbehaved(_)), "{error}");
}

#[test]
fn a_members_commit_in_clear_is_refused() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let plaintext = openmls::prelude::MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .build();
    mallory.mls.as_mut().unwrap().set_configuration(mallory.provider.storage(), &plaintext).unwrap();

    let (commit, envelope) =
        mallory.commit_with(&Deltas::default(), |builder| builder.force_self_update(true));

    assert!(matches!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(_)));
}

#[test]
fn check_7_external_proposals_are_refused() {
    let (_, mut group, mallory) = alice_and_mallory(Role::Admin);
    let eve = Raw::new(6, 1);
    let own = &eve.device.own;
    let proposal = openmls::prelude::JoinProposal::new::<crate::mls::GroupStore>(
        eve.key_package().key_package,
        mls_group_id(GROUP),
        1.into(),
        own,
    )
    .unwrap();
    let bytes = proposal.tls_serialize_detached().unwrap();
    let envelope = mallory.device.envelope(1, &bytes, &Deltas::default().encode().unwrap());

    assert_eq!(refused(&mut group, &bytes, &envelope), Violation::WrongKind.into());
    assert_eq!(group.decrypt(&bytes).unwrap_err(), Violation::WrongKind.into());
}
