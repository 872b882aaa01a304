//! A conversation is between the two people whom it names: whoever else would be in it gets nothing to read.

use ed25519_dalek::{Signer as _, SigningKey};
use protocol::{
    AccountId, DeviceAuthKey, DeviceId, GroupId, IdentityKey, LeafKey, Role, Signature,
    certificate::{Certificate, CertificateBody},
    limits::SUITE,
    values::Bytes,
};
use sotto_client_core::{
    client::{CommandErrorCode, Content, Outcome, OwnProfile},
    mls::{
        Changes, CheckedKeyPackage, ExpectedDevice, Group, GroupStore, KeyPackageKind, OwnLeaf,
        check_key_package, make_key_packages,
    },
};

use crate::world::World;

pub(crate) fn profile(world: &World, host: usize) -> OwnProfile {
    world.hosts[host].client.as_ref().unwrap().profile().unwrap()
}

pub(crate) fn start_chat(world: &mut World, host: usize, handle: &str) -> GroupId {
    let command = world.call(host, |client, cx| client.start_conversation(handle, cx));
    match world.outcome(host, command) {
        Ok(Outcome::Conversation { group_id }) => group_id,
        other => panic!("no conversation: {other:?}"),
    }
}

/// A device of an account that nobody registered.
pub(crate) fn stranger(world: &World, number: u8) -> OwnLeaf {
    let [identity, leaf] = [SigningKey::from_bytes(&[number; 32]), SigningKey::from_bytes(&[number + 1; 32])];
    let body = CertificateBody {
        account: AccountId::from_bytes([number; 16]),
        device: DeviceId::from_bytes([number; 16]),
        leaf_key: LeafKey::from_bytes(leaf.verifying_key().to_bytes()),
        device_auth_key: DeviceAuthKey::from_bytes(leaf.verifying_key().to_bytes()),
        created_at: world.now,
        suite: SUITE,
        identity_key: IdentityKey::from_bytes(identity.verifying_key().to_bytes()),
    };
    let signature = Signature::from_bytes(identity.sign(&body.signed_bytes()).to_bytes());
    OwnLeaf::new(Certificate { body, signature }, leaf).unwrap()
}

fn invited(world: &World, own: &OwnLeaf) -> CheckedKeyPackage {
    let made = make_key_packages(&mut GroupStore::default(), own, KeyPackageKind::OneUse, 1, world.now);
    let body = &own.certificate().body;
    let expected = ExpectedDevice {
        account: body.account,
        device: body.device,
        identity_key: body.identity_key,
        leaf_key: body.leaf_key,
    };
    check_key_package(&made.unwrap()[0].bytes, &expected, world.now).unwrap()
}

fn claimed(world: &mut World, host: usize) -> CheckedKeyPackage {
    let OwnProfile { account_id: account, device_id: device, .. } = profile(world, host);
    let package = world.relay.claim_one(device);
    checked(world, (account, device), &package)
}

/// A key package of a registered device.
pub(crate) fn checked(
    world: &World,
    (account, device): (AccountId, DeviceId),
    package: &[u8],
) -> CheckedKeyPackage {
    let list = world.relay.device_list(account);
    let entry = list.live().find(|entry| entry.device == device).unwrap();
    let expected =
        ExpectedDevice { account, device, identity_key: list.identity_key, leaf_key: entry.leaf_key };
    check_key_package(package, &expected, world.now).unwrap()
}

#[test]
fn a_welcome_to_a_group_of_more_than_two_people_makes_no_conversation() {
    for others in [1, 2] {
        let mut world = World::new(31);
        let ada = world.register("ada");
        let group = GroupId::from_bytes([9; 16]);
        let creator = stranger(&world, 10);
        let mut mls = Group::create(&creator, group).unwrap();
        let mut changes = Changes { add: vec![claimed(&mut world, ada)], ..Changes::default() };
        changes.roles = vec![(profile(&world, ada).account_id, Role::Admin)];
        if others == 2 {
            changes.add.push(invited(&world, &stranger(&world, 20)));
        }
        let welcome = Bytes::new(mls.commit(&creator, changes).unwrap().welcome.unwrap()).unwrap();

        world.relay.invite(profile(&world, ada).device_id, group, &welcome);
        world.settle();

        let told = world.call(ada, |client, cx| client.send_text(group, "who is here?", cx));
        match others {
            1 => assert!(told.is_ok(), "two people are a conversation"),
            _ => assert_eq!(told.unwrap_err().code, CommandErrorCode::NotFound),
        }
    }
}

#[test]
fn a_relay_that_names_a_friend_for_a_strangers_group_gets_nothing_sent_there() {
    let mut world = World::new(32);
    let [ada, _ben, mallory] = [world.register("ada"), world.register("ben"), world.register("mallory")];
    start_chat(&mut world, ada, "ben");
    let group = start_chat(&mut world, mallory, "ada");
    let friend = world.hosts[ada].client.as_ref().unwrap().conversations();
    let friend = friend.iter().find(|conversation| conversation.peer.handle == "ben").unwrap();
    world.relay.misname(profile(&world, mallory).account_id, friend.peer.account_id);

    let second = world.log_in("ada");
    world.settle();

    let told = world.call(second, |client, cx| client.send_text(group, "only for ben", cx));
    assert_eq!(told.unwrap_err().code, CommandErrorCode::NotAllowed);
    let texts = world.messages(mallory, group);
    assert!(!texts.iter().any(|message| matches!(message.content, Content::Text { .. })));
}
