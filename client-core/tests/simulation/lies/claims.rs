//! Lies to whoever starts a conversation: key packages of somebody else, and lists that came with them.

use protocol::{
    key_packages::{ClaimedKeyPackage, ClaimedKeyPackages},
    values::{Bytes, List},
};
use sotto_client_core::{
    client::CommandErrorCode,
    mls::{GroupStore, KeyPackageKind, make_key_packages},
};

use super::{cbor_of, flipped, impostor, start_error};
use crate::{
    strangers::{profile, start_chat, stranger},
    world::{Lie, World, honest},
};

const CLAIM: &str = "/v1/key-packages/claim";
const DAY_MS: u64 = 86_400_000;

fn claimed_as(change: impl Fn(&mut ClaimedKeyPackages) + 'static) -> Lie {
    cbor_of(CLAIM, change)
}

/// Changes each package of a claim.
fn packages_as(change: impl Fn(&ClaimedKeyPackage) -> ClaimedKeyPackage + 'static) -> Lie {
    claimed_as(move |claimed| {
        let packages = claimed.key_packages.iter().map(&change).collect();
        claimed.key_packages = List::new(packages).unwrap();
    })
}

fn ada_ben_and_mallory(seed: u64) -> (World, usize) {
    let mut world = World::new(seed);
    let ada = world.register("ada");
    world.register("ben");
    world.register("mallory");
    (world, ada)
}

/// Ada is told this, no conversation comes of it, and at an honest relay there is one at once.
#[track_caller]
fn assert_told((mut world, ada): (World, usize), lie: Lie, expected: CommandErrorCode) {
    world.lie = lie;

    assert_eq!(start_error(&mut world, ada, "ben"), expected);

    assert!(world.hosts[ada].client.as_ref().unwrap().conversations().is_empty());
    world.lie = honest();
    start_chat(&mut world, ada, "ben");
}

#[test]
fn a_key_package_of_another_person_is_refused() {
    let (mut world, ada) = ada_ben_and_mallory(150);
    let mallory = world.relay.claim_one(profile(&world, 2).device_id);
    let swapped =
        packages_as(move |claimed| ClaimedKeyPackage { key_package: mallory.clone(), ..claimed.clone() });

    assert_told((world, ada), swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_key_package_that_nobody_certified_is_refused() {
    let (world, ada) = ada_ben_and_mallory(151);
    let own = stranger(&world, 66);
    let made =
        make_key_packages(&mut GroupStore::default(), &own, KeyPackageKind::OneUse, 1, world.now).unwrap();
    let forged = Bytes::new(made[0].bytes.clone()).unwrap();
    let swapped =
        packages_as(move |claimed| ClaimedKeyPackage { key_package: forged.clone(), ..claimed.clone() });

    assert_told((world, ada), swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_key_package_with_changed_bytes_is_refused() {
    for place in [0, 1, 100, 1_000, 2_000] {
        let changed = packages_as(move |claimed| {
            let bytes = flipped(&claimed.key_package, place % claimed.key_package.len());
            ClaimedKeyPackage { key_package: Bytes::new(bytes).unwrap(), ..claimed.clone() }
        });

        assert_told(ada_ben_and_mallory(152), changed, CommandErrorCode::RelayMisbehaved);
    }
}

#[test]
fn a_key_package_of_another_device_of_the_same_person_is_refused() {
    let (mut world, ada) = ada_ben_and_mallory(153);
    let second = world.log_in("ben");
    world.settle();
    let others = world.relay.claim_one(profile(&world, second).device_id);
    let swapped =
        packages_as(move |claimed| ClaimedKeyPackage { key_package: others.clone(), ..claimed.clone() });

    assert_told((world, ada), swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_device_that_the_list_does_not_name_is_refused() {
    let ghost = packages_as(|claimed| ClaimedKeyPackage {
        device_id: protocol::DeviceId::from_bytes([66; 16]),
        ..claimed.clone()
    });

    assert_told(ada_ben_and_mallory(154), ghost, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn one_device_twice_is_refused() {
    let doubled = claimed_as(|claimed| {
        let mut packages = claimed.key_packages.clone().into_vec();
        packages.extend(packages.clone());
        claimed.key_packages = List::new(packages).unwrap();
    });

    assert_told(ada_ben_and_mallory(155), doubled, CommandErrorCode::PeerMisbehaved);
}

#[test]
fn no_key_package_at_all_is_told() {
    let none = claimed_as(|claimed| claimed.key_packages = List::default());

    assert_told(ada_ben_and_mallory(156), none, CommandErrorCode::PeerUnreachable);
}

#[test]
fn a_forged_list_beside_the_key_packages_is_refused() {
    let (mut world, ada) = ada_ben_and_mallory(157);
    let ben = profile(&world, 1).account_id;
    let list = impostor(&mut world, ben).list;
    let forged = claimed_as(move |claimed| claimed.device_list = Bytes::new(list.clone()).unwrap());

    assert_told((world, ada), forged, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn an_older_list_beside_the_key_packages_is_refused() {
    let (mut world, ada) = ada_ben_and_mallory(158);
    let older = world.relay.opening_of("ben").device_list;
    world.log_in("ben");
    world.settle();
    let rolled_back = claimed_as(move |claimed| claimed.device_list = older.clone());

    assert_told((world, ada), rolled_back, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_last_resort_key_package_kept_for_longer_than_it_lasts_is_refused() {
    let (mut world, ada) = ada_ben_and_mallory(159);
    let old = world.relay.last_resort(profile(&world, 1).device_id);
    for _ in 0..121 {
        world.advance(DAY_MS);
        world.settle();
    }
    world.lie = packages_as(move |claimed| ClaimedKeyPackage { key_package: old.clone(), ..claimed.clone() });

    assert_eq!(start_error(&mut world, ada, "ben"), CommandErrorCode::RelayMisbehaved);
}

#[test]
fn what_is_no_answer_to_a_claim_is_refused() {
    let nonsense = super::bytes_of(CLAIM, |body| *body = b"<html>".to_vec());

    assert_told(ada_ben_and_mallory(160), nonsense, CommandErrorCode::RelayMisbehaved);
}
