//! The last-resort key package: when it is replaced, and that nobody who was given the one before is shut out.

use protocol::{GroupId, Role, key_packages::KeyPackageBytes, values::Bytes};
use sotto_client_core::mls::{Changes, Group};

use crate::{
    strangers::{checked, profile, start_chat, stranger},
    world::World,
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn registered(seed: u64) -> (World, usize) {
    let mut world = World::new(seed);
    let ada = world.register("ada");
    (world, ada)
}

fn last_resort(world: &World, host: usize) -> KeyPackageBytes {
    world.relay.last_resort(profile(world, host).device_id)
}

/// Time goes by, with the device connected.
fn pass(world: &mut World, milliseconds: u64) {
    world.advance(milliseconds);
    world.settle();
}

/// Key packages whose private keys are in the device's store.
fn kept(world: &World, host: usize) -> usize {
    world.hosts[host].store.keys().filter(|key| key.starts_with("key_package/")).count()
}

/// Somebody invites the device by a last-resort key package; whether it comes in.
fn invites(world: &mut World, host: usize, package: &KeyPackageBytes, number: u8) -> bool {
    let group = GroupId::from_bytes([number; 16]);
    let creator = stranger(world, number);
    let (account, device) = (profile(world, host).account_id, profile(world, host).device_id);
    let add = vec![checked(world, (account, device), package)];
    let mut mls = Group::create(&creator, group).unwrap();
    let changes = Changes { add, roles: vec![(account, Role::Admin)], ..Changes::default() };
    let welcome = Bytes::new(mls.commit(&creator, changes).unwrap().welcome.unwrap()).unwrap();
    world.relay.invite(device, group, &welcome);
    world.settle();
    world.call(host, |client, cx| client.send_text(group, "I am in", cx)).is_ok()
}

#[test]
fn the_last_resort_key_package_is_replaced_weekly_and_its_keys_are_kept_one_time_longer() {
    let (mut world, ada) = registered(41);
    let first = last_resort(&world, ada);
    let stock = kept(&world, ada);

    pass(&mut world, 6 * DAY_MS);
    assert_eq!(last_resort(&world, ada), first);
    pass(&mut world, DAY_MS);
    let second = last_resort(&world, ada);
    assert_ne!(second, first);
    assert_eq!(kept(&world, ada), stock + 1);
    assert!(invites(&mut world, ada, &first, 51), "claimed before, used after");

    pass(&mut world, 8 * DAY_MS);
    assert_ne!(last_resort(&world, ada), second);
    assert_eq!(kept(&world, ada), stock + 1, "the first one's keys are gone");
    assert!(!invites(&mut world, ada, &first, 61));
    assert!(invites(&mut world, ada, &second, 71));
}

#[test]
fn a_used_last_resort_key_package_is_replaced_once_no_claim_of_it_lives() {
    let (mut world, ada) = registered(42);
    let ben = world.register("ben");
    let device = profile(&world, ada).device_id;
    world.kill(ada);
    let first = world.relay.use_up(device);
    start_chat(&mut world, ben, "ada");

    world.start(ada);
    world.settle();
    assert_eq!(last_resort(&world, ada), first, "another claim of it may be on its way");
    assert!(invites(&mut world, ada, &first, 51));
    pass(&mut world, HOUR_MS);

    assert_ne!(last_resort(&world, ada), first);
    pass(&mut world, 2 * HOUR_MS);
    assert!(invites(&mut world, ada, &first, 61), "its keys stay until the next is due");
}

#[test]
fn a_device_that_is_killed_while_it_replaces_it_has_the_keys_of_what_lies_at_the_relay() {
    let (mut world, ada) = registered(43);
    let (device, first) = (profile(&world, ada).device_id, last_resort(&world, ada));
    for lost in 0..3 {
        world.faults.lose_request = 1000;
        world.advance(8 * DAY_MS);
        world.run();
        world.kill(ada);
        assert_eq!(world.relay.last_resort(device), first, "{lost}");
        world.start(ada);
        world.run();
    }
    world.faults.lose_request = 0;

    world.settle();

    let second = last_resort(&world, ada);
    assert_ne!(second, first);
    assert!(invites(&mut world, ada, &first, 51));
    assert!(invites(&mut world, ada, &second, 61));
}
