//! Leaf self-updates: when they come, and that nobody is lost by them.

use protocol::{DeviceId, GroupId};
use sotto_client_core::client::Outcome;

use crate::world::World;

const DAY_MS: u64 = 86_400_000;

fn chatting(seed: u64) -> (World, [usize; 2], GroupId) {
    let mut world = World::new(seed);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
    let Ok(Outcome::Conversation { group_id }) = world.outcome(ada, command) else {
        panic!("no conversation")
    };
    (world, [ada, ben], group_id)
}

fn device(world: &World, host: usize) -> DeviceId {
    world.hosts[host].client.as_ref().unwrap().profile().unwrap().device_id
}

/// Days pass, with everybody looking in now and then.
fn pass(world: &mut World, days: u64) {
    for _ in 0..days * 4 {
        world.advance(DAY_MS / 4);
        world.settle();
    }
}

fn chat_goes_on(world: &mut World, hosts: [usize; 2], group: GroupId) {
    for host in hosts {
        let before = world.messages(hosts[0], group).len();
        world.call(host, |client, cx| client.send_text(group, "still here", cx)).unwrap();
        world.settle();
        assert_eq!(world.messages(hosts[0], group).len(), before + 1);
        assert_eq!(world.messages(hosts[1], group).len(), before + 1);
    }
}

#[test]
fn an_invited_device_renews_its_leaf_within_a_day_and_its_inviter_does_not_yet() {
    let (mut world, [ada, ben], group) = chatting(21);

    pass(&mut world, 2);

    let committers = world.relay.committers(group);
    assert_eq!(committers, [device(&world, ada), device(&world, ben)], "the creation, then ben's new leaf");
    chat_goes_on(&mut world, [ada, ben], group);
}

#[test]
fn every_leaf_is_renewed_within_each_seven_days() {
    let (mut world, [ada, ben], group) = chatting(22);

    pass(&mut world, 16);

    let committers = world.relay.committers(group);
    for host in [ada, ben] {
        let own = device(&world, host);
        let renewals = committers.iter().skip(1).filter(|committer| **committer == own).count();
        assert!((2..=4).contains(&renewals), "{renewals}");
    }
    chat_goes_on(&mut world, [ada, ben], group);
}

#[test]
fn a_leaf_is_renewed_after_a_thousand_messages_of_its_own() {
    let (mut world, [ada, ben], group) = chatting(23);
    let own = device(&world, ada);
    let before = world.relay.committers(group).iter().filter(|committer| **committer == own).count();

    for _ in 0..1_001 {
        world.call(ada, |client, cx| client.send_text(group, "again", cx)).unwrap();
        world.run();
    }
    world.settle();

    let after = world.relay.committers(group).iter().filter(|committer| **committer == own).count();
    assert_eq!(after, before + 1);
    assert_eq!(world.messages(ben, group).len(), 1_001);
}

#[test]
fn a_device_that_was_killed_while_it_renewed_its_leaf_goes_on() {
    let (mut world, [ada, ben], group) = chatting(24);
    world.faults.lose_response = 1000;
    world.advance(8 * DAY_MS);
    world.run();
    for host in [ada, ben] {
        world.kill(host);
        world.start(host);
    }
    world.run();
    world.faults.lose_response = 0;

    pass(&mut world, 1);

    chat_goes_on(&mut world, [ada, ben], group);
}
