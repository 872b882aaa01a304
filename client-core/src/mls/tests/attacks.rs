//! The two attacks that OpenMLS lets pass, and the negative tests of checks 1 to 4, 6, 7, 9 and 10.

use super::{
    Changes, Device, GROUP, Raw, account, alice_and_mallory, certificate_extension, certify, credential_of,
    device_id, key, refused,
};
use crate::mls::{
    Error, RelayFault, Violation,
    leaf::{CERTIFICATE_EXTENSION, capabilities, credential},
    rules::Rules,
};
use ed25519_dalek::SigningKey;
use openmls::{
    group::MlsGroup,
    prelude::{
        Extension, Extensions, LeafNode, LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn, NewSignerBundle,
        ProcessedMessageContent, UnknownExtension,
        tls_codec::{Deserialize as _, Serialize as _},
    },
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider as _;
use protocol::{Deltas, DeviceId, Role, certificate::Certificate, groups::CommitEnvelope, values::Exactly};

/// Mallory's commit with a new leaf of her choice.
fn commit_with_leaf(
    mallory: &mut Raw,
    number: u8,
    device: DeviceId,
    new_key: &SigningKey,
    extensions: Extensions<LeafNode>,
) -> (Vec<u8>, CommitEnvelope) {
    let deltas = Deltas::default().encode().unwrap();
    let credential_with_key = credential_of(number, device, new_key);
    let leaf = LeafNodeParameters::builder()
        .with_credential_with_key(credential_with_key.clone())
        .with_capabilities(capabilities())
        .with_extensions(extensions)
        .build();
    let certificate = certify(number, device, new_key, new_key);
    let signer = super::OwnLeaf::new(certificate, new_key.clone()).unwrap();
    let provider = &mallory.provider;
    let mls = mallory.mls.as_mut().unwrap();
    let epoch = mls.epoch().as_u64();
    mls.set_aad(deltas.clone());
    let bundle = mls
        .commit_builder()
        .leaf_node_parameters(leaf)
        .force_self_update(true)
        .load_psks(provider.storage())
        .unwrap()
        .build_with_new_signer(
            provider.rand(),
            provider.crypto(),
            &mallory.device.own,
            NewSignerBundle { signer: &signer, credential_with_key },
            |_| true,
        )
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    mallory.pack(epoch, bundle, &deltas)
}

/// What OpenMLS alone says to a commit: `true` if it would be merged.
fn raw_openmls_accepts(reader: &mut Raw, commit: &[u8]) -> bool {
    let message = MlsMessageIn::tls_deserialize_exact(commit).unwrap().try_into_protocol_message().unwrap();
    let Ok(processed) = reader.mls.as_mut().unwrap().process_message(&reader.provider, message) else {
        return false;
    };
    matches!(processed.into_content(), ProcessedMessageContent::StagedCommitMessage(_))
}

/// Alice with our client, Bob and Mallory on bare OpenMLS.
fn alice_bob_mallory() -> (Device, crate::mls::Group, Raw, Raw) {
    let alice = Device::new(1, 1);
    let (mut bob, mut mallory) = (Raw::new(3, 1), Raw::new(2, 1));
    let mut group = crate::mls::Group::create(&alice.own, GROUP).unwrap();
    let add = vec![bob.key_package(), mallory.key_package()];
    let bundle = group.commit(&alice.own, Changes { add, ..Changes::default() }).unwrap();
    group.merge_pending().unwrap();
    bob.join(bundle.welcome.as_ref().unwrap());
    mallory.join(bundle.welcome.as_ref().unwrap());
    (alice, group, bob, mallory)
}

#[test]
fn a_member_can_not_take_another_persons_identity_in_its_update_path() {
    let (_, mut group, mut bob, mut mallory) = alice_bob_mallory();
    let stolen = key(7, 7, 7);
    let alices = certify(1, device_id(1, 1), &stolen, &stolen);

    let (commit, envelope) =
        commit_with_leaf(&mut mallory, 1, device_id(1, 1), &stolen, certificate_extension(&alices));

    assert!(raw_openmls_accepts(&mut bob, &commit), "the library lets it pass: the check is ours");
    assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(Violation::AnotherDevice));
}

#[test]
fn check_1_a_path_leaf_must_carry_a_certificate_that_fits_it() {
    let (mallorys, new_key) = (device_id(2, 1), key(8, 2, 1));
    let identity = key(1, 2, 0);
    let good = certify(2, mallorys, &new_key, &identity);
    let mut forged = good.clone();
    forged.body.created_at.0 += 1;
    let mut other_suite = good;
    other_suite.body.suite = 1;
    let other_key = certify(2, mallorys, &key(8, 8, 8), &identity);
    let other_device = certify(2, device_id(2, 9), &new_key, &identity);
    let junk = Extensions::single(Extension::Unknown(CERTIFICATE_EXTENSION, UnknownExtension(vec![1; 201])));
    let cases = [
        (certificate_extension(&forged), Violation::Certificate),
        (certificate_extension(&other_suite), Violation::Suite),
        (certificate_extension(&other_key), Violation::LeafKey),
        (certificate_extension(&other_device), Violation::Credential),
        (junk.unwrap(), Violation::Certificate),
    ];

    for (extensions, violation) in cases {
        let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
        let (commit, envelope) = commit_with_leaf(&mut mallory, 2, mallorys, &new_key, extensions);
        assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(violation));
    }
}

#[test]
fn check_3_a_path_leaf_may_renew_its_key_but_keeps_account_device_and_identity() {
    let new_key = key(8, 2, 1);
    let renewed = certify(2, device_id(2, 1), &new_key, &key(1, 2, 0));
    let new_identity = certify(2, device_id(2, 1), &new_key, &key(6, 6, 6));
    let another_device = certify(2, device_id(2, 2), &new_key, &key(1, 2, 0));
    let another_account = certify(4, device_id(2, 1), &new_key, &key(1, 4, 0));
    let cases = [
        (2, device_id(2, 1), new_identity, Violation::IdentityChanged(account(2))),
        (2, device_id(2, 2), another_device, Violation::AnotherDevice),
        (4, device_id(2, 1), another_account, Violation::AnotherDevice),
    ];

    for (number, device, certificate, violation) in cases {
        let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
        let extensions = certificate_extension(&certificate);
        let (commit, envelope) = commit_with_leaf(&mut mallory, number, device, &new_key, extensions);
        assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(violation));
    }
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Member);
    let (commit, envelope) =
        commit_with_leaf(&mut mallory, 2, device_id(2, 1), &new_key, certificate_extension(&renewed));
    assert_eq!(group.process_commit(&commit, &envelope).unwrap().committer, renewed);
}

/// A commit by Mallory that adds one device with the certificate given.
fn add_with_certificate(
    certificate: &Certificate,
    leaf: &SigningKey,
    lifetime: openmls::prelude::Lifetime,
) -> Error {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let body = &certificate.body;
    let newcomer = Raw::new(5, 1);
    let signer = super::OwnLeaf::new(certify(5, body.device, leaf, leaf), leaf.clone()).unwrap();
    let credential_with_key = openmls::prelude::CredentialWithKey {
        credential: credential(body.account, body.device),
        signature_key: leaf.verifying_key().to_bytes().to_vec().into(),
    };
    let package = openmls::prelude::KeyPackage::builder()
        .key_package_lifetime(lifetime)
        .leaf_node_capabilities(capabilities())
        .leaf_node_extensions(certificate_extension(certificate))
        .build(crate::mls::leaf::suite(), &newcomer.provider, &signer, credential_with_key)
        .unwrap()
        .into_key_package();
    let mut rules = group.rules().clone();
    rules.roles.entry(body.account).or_insert(Role::Member);
    let roles = (group.rules().role(body.account).is_none()).then_some((body.account, Some(Role::Member)));
    let deltas = Deltas {
        added: vec![(body.account, body.device)],
        roles: roles.into_iter().collect(),
        ..Deltas::default()
    };
    let (commit, envelope) = mallory.commit_with(&deltas, |builder| {
        builder
            .propose_adds([package])
            .propose_group_context_extensions(rules.to_extensions().unwrap())
            .unwrap()
    });
    refused(&mut group, &commit, &envelope)
}

#[test]
fn check_2_an_added_leaf_is_checked_like_any_other() {
    use crate::mls::checks::all_of_time;
    let leaf = key(2, 5, 1);
    let good = certify(5, device_id(5, 1), &leaf, &key(1, 5, 0));
    let mut forged = good.clone();
    forged.body.created_at.0 += 1;
    let mut other_suite = good.clone();
    other_suite.body.suite = 0x4d;
    let other_key = certify(5, device_id(5, 1), &key(4, 4, 4), &key(1, 5, 0));
    let second_identity = certify(1, device_id(1, 2), &leaf, &key(6, 6, 6));
    let second_leaf = certify(1, device_id(1, 1), &leaf, &key(1, 1, 0));
    let short = openmls::prelude::Lifetime::init(0, 4_000_000_000);

    let refusals = [
        add_with_certificate(&forged, &leaf, all_of_time()),
        add_with_certificate(&other_suite, &leaf, all_of_time()),
        add_with_certificate(&other_key, &leaf, all_of_time()),
        add_with_certificate(&second_identity, &leaf, all_of_time()),
        add_with_certificate(&second_leaf, &leaf, all_of_time()),
        add_with_certificate(&good, &leaf, short),
    ];

    let violations = [
        Violation::Certificate,
        Violation::Suite,
        Violation::LeafKey,
        Violation::IdentityChanged(account(1)),
        Violation::DeviceTwice(device_id(1, 1)),
        Violation::Dates,
    ];
    assert_eq!(refusals.to_vec(), violations.map(Error::PeerMisbehaved).to_vec());
}

#[test]
fn check_6_a_member_can_not_do_what_only_admins_may() {
    let roles = |changes: &[(u8, Option<Role>)]| Deltas {
        roles: changes.iter().map(|(number, role)| (account(*number), *role)).collect(),
        ..Deltas::default()
    };
    let change = |edit: fn(&mut Rules)| {
        let (_, group, _) = alice_and_mallory(Role::Member);
        let mut rules = group.rules().clone();
        edit(&mut rules);
        rules
    };
    let cases = [
        (
            roles(&[(2, Some(Role::Admin))]),
            change(|rules| {
                rules.roles.insert(account(2), Role::Admin);
            }),
        ),
        (
            roles(&[(1, Some(Role::Member)), (2, Some(Role::Admin))]),
            change(|rules| {
                rules.roles.insert(account(1), Role::Member);
                rules.roles.insert(account(2), Role::Admin);
            }),
        ),
        (roles(&[]), change(|rules| rules.minimum_client_version = 99)),
        (
            roles(&[]),
            change(|rules| {
                rules.revoked.insert(device_id(1, 2));
            }),
        ),
        (
            roles(&[]),
            change(|rules| {
                rules.revoked.insert(device_id(7, 7));
            }),
        ),
    ];

    for (deltas, rules) in cases {
        let (_, mut group, mut mallory) = alice_and_mallory(Role::Member);
        let (commit, envelope) = mallory.commit_with(&deltas, |builder| {
            builder.propose_group_context_extensions(rules.to_extensions().unwrap()).unwrap()
        });
        let error = refused(&mut group, &commit, &envelope);
        assert!(matches!(error, Error::PeerMisbehaved(Violation::NotAllowed(_))), "{error}");
    }
}

#[test]
fn check_6_a_member_can_not_remove_another_persons_device_or_add_an_account() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Member);
    let index = group.members()[0].index();
    let mut without_alice = group.rules().clone();
    without_alice.roles.remove(&account(1));
    without_alice.roles.insert(account(2), Role::Admin);
    let removal = Deltas {
        removed: vec![(account(1), device_id(1, 1))],
        roles: vec![(account(1), None), (account(2), Some(Role::Admin))],
        ..Deltas::default()
    };

    let (commit, envelope) = mallory.commit_with(&removal, |builder| {
        builder
            .propose_removals([index])
            .propose_group_context_extensions(without_alice.to_extensions().unwrap())
            .unwrap()
    });
    let error = refused(&mut group, &commit, &envelope);
    assert!(matches!(error, Error::PeerMisbehaved(Violation::NotAllowed(_))), "{error}");

    let (_, mut group, mut mallory) = alice_and_mallory(Role::Member);
    let carol = Raw::new(4, 1).key_package();
    let mut with_carol = group.rules().clone();
    with_carol.roles.insert(account(4), Role::Member);
    let addition = Deltas {
        added: vec![(account(4), device_id(4, 1))],
        roles: vec![(account(4), Some(Role::Member))],
        ..Deltas::default()
    };
    let (commit, envelope) = mallory.commit_with(&addition, |builder| {
        builder
            .propose_adds([carol.key_package])
            .propose_group_context_extensions(with_carol.to_extensions().unwrap())
            .unwrap()
    });
    assert_eq!(
        refused(&mut group, &commit, &envelope),
        Error::PeerMisbehaved(Violation::NotAllowed("adding an account"))
    );
}

#[test]
fn nobody_not_even_an_admin_breaks_the_rules_of_the_rules() {
    type Edit = fn(&mut Rules);
    let edits: [(Edit, Violation); 5] = [
        (|rules| rules.suite_profile = 1, Violation::Rules),
        (|rules| rules.roles.values_mut().for_each(|role| *role = Role::Member), Violation::Roles),
        (
            |rules| {
                rules.roles.insert(account(9), Role::Member);
            },
            Violation::Roles,
        ),
        (
            |rules| {
                rules.roles.remove(&account(1));
            },
            Violation::Roles,
        ),
        (
            |rules| {
                rules.revoked.insert(device_id(1, 1));
            },
            Violation::Revoked(device_id(1, 1)),
        ),
    ];

    for (edit, violation) in edits {
        let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
        let mut rules = group.rules().clone();
        edit(&mut rules);
        let (commit, envelope) = mallory.commit_with(&Deltas::default(), |builder| {
            builder.propose_group_context_extensions(rules.to_extensions().unwrap()).unwrap()
        });
        assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(violation));
    }
}

#[test]
fn check_9_a_commit_that_contradicts_its_deltas_is_refused() {
    let leaf = (account(2), device_id(2, 1));
    let lies = [
        Deltas { added: vec![leaf], ..Deltas::default() },
        Deltas { removed: vec![leaf], ..Deltas::default() },
        Deltas { added: vec![leaf], removed: vec![leaf], ..Deltas::default() },
        Deltas { roles: vec![(account(2), Some(Role::Admin))], ..Deltas::default() },
        Deltas { roles: vec![(account(1), None)], ..Deltas::default() },
    ];

    for lie in lies {
        let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
        let (commit, envelope) = mallory.commit_with(&lie, |builder| builder.force_self_update(true));
        assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(Violation::Deltas));
    }
}

#[test]
fn check_9_deltas_for_the_relay_that_differ_from_those_inside_are_refused() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let lie = Deltas { added: vec![(account(4), device_id(4, 1))], ..Deltas::default() };
    let (commit, _) = mallory.commit_with(&Deltas::default(), |builder| builder.force_self_update(true));
    let envelope = mallory.device.envelope(1, &commit, &lie.encode().unwrap());

    assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(Violation::Envelope));
}

#[test]
fn an_envelope_that_its_committer_did_not_sign_is_the_relays_fault() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Admin);
    let (commit, good) = mallory.commit_with(&Deltas::default(), |builder| builder.force_self_update(true));
    let lie = Deltas { added: vec![(account(4), device_id(4, 1))], ..Deltas::default() };
    let bad_signature = CommitEnvelope { signature: Exactly([1; 64]), ..good.clone() };
    let other_deltas = CommitEnvelope {
        deltas: protocol::values::Bytes::new(lie.encode().unwrap()).unwrap(),
        ..good.clone()
    };
    let other_id = CommitEnvelope { message_id: protocol::MessageId::from_bytes([6; 16]), ..good.clone() };
    let other_device = CommitEnvelope { device_id: device_id(1, 1), ..good.clone() };
    let other_account = CommitEnvelope { account_id: account(1), ..good.clone() };
    let stranger = CommitEnvelope { device_id: device_id(8, 8), ..good.clone() };

    for envelope in [bad_signature, other_deltas, other_id, other_device, other_account, stranger] {
        let error = refused(&mut group, &commit, &envelope);
        assert!(matches!(error, Error::RelayMisbehaved(_)), "{error}");
    }
    group.process_commit(&commit, &good).unwrap();
}

#[test]
fn check_10_the_author_is_the_senders_leaf_whatever_the_content_says() {
    let (_, mut group, mut mallory) = alice_and_mallory(Role::Member);
    let claim = [account(1).as_bytes().as_slice(), b"I am Alice"].concat();
    let padded = crate::mls::padding::pad(&claim).unwrap();
    let provider = &mallory.provider;
    let mls = mallory.mls.as_mut().unwrap();
    mls.set_aad(claim);
    let message = mls.create_message(provider, &mallory.device.own, &padded).unwrap();

    let read = group.decrypt(&message.tls_serialize_detached().unwrap()).unwrap();

    assert_eq!((read.account, read.device), (account(2), device_id(2, 1)));
}

/// An external commit as `joiner` pleases, on bare OpenMLS.
fn external_commit(
    group_info: &[u8],
    joiner: &Device,
    extensions: Extensions<LeafNode>,
    deltas: &Deltas,
) -> (Vec<u8>, CommitEnvelope) {
    let provider = OpenMlsRustCrypto::default();
    let message = MlsMessageIn::tls_deserialize_exact(group_info).unwrap();
    let MlsMessageBodyIn::GroupInfo(info) = message.extract() else { panic!() };
    let epoch = info.epoch().as_u64();
    let deltas = deltas.encode().unwrap();
    let leaf =
        LeafNodeParameters::builder().with_capabilities(capabilities()).with_extensions(extensions).build();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_config(crate::mls::group::join_config())
        .with_aad(deltas.clone())
        .build_group(&provider, info, joiner.own.credential())
        .unwrap()
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &joiner.own, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let commit = bundle.into_commit().tls_serialize_detached().unwrap();
    let envelope = joiner.envelope(epoch, &commit, &deltas);
    (commit, envelope)
}

fn group_info_of(mallory: &mut Raw) -> Vec<u8> {
    let provider = &mallory.provider;
    let mls = mallory.mls.as_mut().unwrap();
    mls.export_group_info(provider.crypto(), &mallory.device.own, true)
        .unwrap()
        .tls_serialize_detached()
        .unwrap()
}

fn joins(device: &Device) -> Deltas {
    Deltas { added: vec![(device.own.account(), device.own.device())], ..Deltas::default() }
}

#[test]
fn an_outsider_can_not_join_by_external_commit_although_the_library_lets_it() {
    let (_, mut group, mut bob, mut mallory) = alice_bob_mallory();
    let eve = Device::new(6, 1);
    let info = group_info_of(&mut mallory);

    let (commit, envelope) = external_commit(&info, &eve, eve.own.extensions().unwrap(), &joins(&eve));

    assert!(raw_openmls_accepts(&mut bob, &commit), "accepted although the group is ciphertext-only");
    let error = refused(&mut group, &commit, &envelope);
    assert_eq!(error, Error::PeerMisbehaved(Violation::ExternalCommit("its account is no member")));
}

#[test]
fn an_uncertified_device_can_not_join_by_external_commit() {
    let (_, mut group, mut bob, mut mallory) = alice_bob_mallory();
    let info = group_info_of(&mut mallory);
    let ghost = Device::new(1, 2);
    let self_signed = certify(1, device_id(1, 2), &key(2, 1, 2), &key(6, 6, 6));
    let mut unsigned = ghost.own.certificate().clone();
    unsigned.body.created_at.0 += 1;
    let first_device = Device::new(1, 1).own.certificate().clone();
    let cases = [
        (certificate_extension(&self_signed), Violation::IdentityChanged(account(1))),
        (certificate_extension(&unsigned), Violation::Certificate),
        (certificate_extension(&first_device), Violation::Credential),
    ];

    for (extensions, violation) in cases {
        let (commit, envelope) = external_commit(&info, &ghost, extensions, &joins(&ghost));
        assert!(raw_openmls_accepts(&mut bob, &commit));
        assert_eq!(refused(&mut group, &commit, &envelope), Error::PeerMisbehaved(violation));
    }
}

#[test]
fn an_external_commit_can_not_remove_somebody_else() {
    let (_, mut group, mut bob, mut mallory) = alice_bob_mallory();
    let info = group_info_of(&mut mallory);
    // A leaf is found by its signature key: Mallory's second device uses the key of the first.
    let (identity, first_key) = (key(1, 2, 0), key(2, 2, 1));
    let certificate = certify(2, device_id(2, 2), &first_key, &identity);
    let mut second = Device::new(2, 2);
    second.own = super::OwnLeaf::new(certificate, first_key).unwrap();
    let deltas = Deltas { removed: vec![(account(2), device_id(2, 1))], ..joins(&second) };

    let (commit, envelope) = external_commit(&info, &second, second.own.extensions().unwrap(), &deltas);

    assert!(raw_openmls_accepts(&mut bob, &commit));
    let error = refused(&mut group, &commit, &envelope);
    assert!(matches!(error, Error::PeerMisbehaved(Violation::ExternalCommit(_))), "{error}");
}

#[test]
fn a_second_leaf_of_a_device_can_not_join_by_external_commit() {
    let (_, mut group, _, mut mallory) = alice_bob_mallory();
    let info = group_info_of(&mut mallory);
    let new_key = key(8, 2, 1);
    let mut twin = Device::new(2, 1);
    twin.own = super::OwnLeaf::new(certify(2, device_id(2, 1), &new_key, &key(1, 2, 0)), new_key).unwrap();

    let (commit, envelope) = external_commit(&info, &twin, twin.own.extensions().unwrap(), &joins(&twin));

    let error = refused(&mut group, &commit, &envelope);
    assert!(matches!(error, Error::PeerMisbehaved(Violation::ExternalCommit(_))), "{error}");
}

#[test]
fn an_external_commit_whose_envelope_names_another_device_is_the_relays_fault() {
    let (_, mut group, _, mut mallory) = alice_bob_mallory();
    let info = group_info_of(&mut mallory);
    let second = Device::new(2, 2);

    let (commit, good) = external_commit(&info, &second, second.own.extensions().unwrap(), &joins(&second));
    let renamed = CommitEnvelope { device_id: device_id(2, 1), ..good.clone() };
    let unsigned = CommitEnvelope { signature: Exactly([0; 64]), ..good.clone() };

    assert_eq!(refused(&mut group, &commit, &renamed), Error::RelayMisbehaved(RelayFault::Committer));
    assert_eq!(refused(&mut group, &commit, &unsigned), Error::RelayMisbehaved(RelayFault::CommitSignature));
    group.process_commit(&commit, &good).unwrap();
}
