//! Seeded schedules of harm: lost and doubled requests, lost answers, cut connections, kills at every persist point,
//! devices that join while others write, leaves renewed by all at once. Afterwards all devices agree, and nothing that
//! was shown as sent is lost or shown twice.

use std::collections::{BTreeMap, BTreeSet};

use protocol::GroupId;
use sotto_client_core::client::{Appearance, Choices, Contact, Content, Delivery, Event, Message};

use crate::world::{Faults, World};

const HANDLES: [&str; 2] = ["ada", "ben"];
const MESSAGES: usize = 12;
const LEAF_AGE_MS: u64 = 7 * 86_400_000;

/// Two accounts with `devices` devices between them, made once: each seed starts from a copy.
pub(crate) fn prepared(devices: usize) -> World {
    let mut world = World::new(0);
    for handle in HANDLES {
        world.register(handle);
    }
    for index in HANDLES.len()..devices {
        world.log_in(HANDLES[index % HANDLES.len()]);
    }
    world
}

/// Lives one schedule and checks what is left.
///
/// # Panics
/// With the seed, when a device disagrees or a message is lost or doubled.
pub(crate) fn live(prepared: &World, seed: u64) {
    let mut world = prepared.replay(seed);
    let devices = world.hosts.len();
    for host in 0..devices {
        world.start(host);
    }
    world.run();
    world.faults = Faults { lose_request: 60, lose_response: 60, double_request: 60, cut: 25, kill: 8 };
    let group = meet(&mut world, seed);
    let mut sent: BTreeSet<String> = BTreeSet::new();
    for number in 0..MESSAGES {
        // Every second schedule lives through the days after which all leaves are due for a new key.
        if seed % 2 == 1 && number == MESSAGES / 2 {
            world.advance(LEAF_AGE_MS);
        }
        let host = world.below(devices);
        let text = format!("{seed}/{number}");
        if write(&mut world, host, group, &text) {
            sent.insert(text);
        }
        change_what_all_devices_know(&mut world);
        for _ in 0..world.below(40) {
            world.step();
        }
        if world.below(3) == 0 {
            world.advance(700);
        }
    }
    world.faults = Faults::default();
    world.settle();
    world.settle();
    check(&mut world, group, &sent, seed);
    check_what_all_devices_know(&mut world, seed);
}

/// Somebody chooses a setting or another name, or compares keys, or takes that back, on any device.
fn change_what_all_devices_know(world: &mut World) {
    let host = world.below(world.hosts.len());
    let (flag, what) = (world.below(2) == 0, world.below(6));
    let appearance = [Appearance::System, Appearance::Light, Appearance::Dark][world.below(3)];
    let choices = match what {
        0 => Choices { appearance: Some(appearance), ..Choices::default() },
        1 => Choices { notify_shows_name: Some(flag), ..Choices::default() },
        2 => Choices { notify_shows_text: Some(flag), ..Choices::default() },
        3 => return change_profile(world, host),
        _ => return change_trust(world, host, flag),
    };
    world.call(host, |client, cx| client.change_settings(choices, cx)).expect("there is an account");
}

fn change_profile(world: &mut World, host: usize) {
    let (name, colour) = (format!("name {}", world.below(1000)), u8::try_from(world.below(6)).unwrap());
    world.call(host, |client, cx| client.change_profile(&name, colour, cx)).expect("a name of ours");
}

fn change_trust(world: &mut World, host: usize, verify: bool) {
    let client = world.hosts[host].client.as_ref();
    let peer = client.and_then(|client| client.conversations().first().map(|found| found.peer.account_id));
    let Some(peer) = peer else { return };
    world.call(host, |client, cx| {
        let details = client.contact_details(peer).expect("the peer is known");
        if verify {
            client.confirm_match(peer, &details.fingerprint, cx).expect("nobody's key changed");
        } else {
            client.withdraw_verification(peer, cx).expect("the peer is known");
        }
    });
}

/// What a device knows of the person's choices and of the peer.
fn known(world: &World, host: usize) -> (Choices, Vec<Contact>, Vec<Option<String>>) {
    let client = world.hosts[host].client.as_ref().expect("a live client");
    let peers = client.conversations().into_iter().map(|conversation| conversation.peer).collect();
    let names = client.devices().into_iter().map(|device| device.name).collect();
    (client.settings(), peers, names)
}

/// All devices of a person know the same; now and then, a new one too.
fn check_what_all_devices_know(world: &mut World, seed: u64) {
    if seed.is_multiple_of(8) && world.hosts.len() < 8 {
        world.log_in(HANDLES[world.hosts.len() % HANDLES.len()]);
        world.settle();
    }
    for host in HANDLES.len()..world.hosts.len() {
        let first = known(world, host % HANDLES.len());
        assert_eq!(known(world, host), first, "seed {seed}: device {host} knows something else");
    }
    for host in 0..HANDLES.len() {
        let own = world.hosts[host].client.as_ref().and_then(|client| client.profile()).expect("an account");
        let (_, peers, _) = known(world, (host + 1) % HANDLES.len());
        let shown = peers.iter().map(|peer| (peer.display_name.clone(), peer.colour)).collect::<Vec<_>>();
        assert_eq!(shown, [(own.display_name, own.colour)], "seed {seed}: the peer shows {host} otherwise");
    }
}

/// Both people may start the chat; whoever is killed on the way starts again.
fn meet(world: &mut World, seed: u64) -> GroupId {
    let starters: &[usize] = if seed.is_multiple_of(3) { &[0, 1] } else { &[0] };
    for _ in 0..200 {
        for starter in starters {
            let peer = HANDLES[1 - starter % 2];
            world.call(*starter, |client, cx| client.start_conversation(peer, cx));
        }
        for _ in 0..60 {
            world.step();
        }
        world.advance(1_000);
        let conversations =
            world.hosts[0].client.as_ref().map(|client| client.conversations()).unwrap_or_default();
        // Of two who start at once one's group never comes to be: it gives way to the other's.
        if let [conversation] = conversations.as_slice()
            && world.relay.knows(conversation.group_id)
        {
            return conversation.group_id;
        }
    }
    panic!("seed {seed}: no conversation");
}

/// `false`: the device does not know the group yet, or was killed before it could save the text.
fn write(world: &mut World, host: usize, group: GroupId, text: &str) -> bool {
    let before = outbox(world, host);
    let accepted = world.call(host, |client, cx| client.send_text(group, text, cx)).is_ok();
    accepted && outbox(world, host) > before || shows(world, host, text)
}

fn outbox(world: &World, host: usize) -> usize {
    world.hosts[host].store.keys().filter(|key| key.starts_with("outbox/")).count()
}

/// The device has told its person that the text is written.
fn shows(world: &World, host: usize, text: &str) -> bool {
    let written = |event: &Event| matches!(event, Event::MessageChanged { message } if message.content == Content::Text { text: text.into() });
    world.hosts[host].events.iter().any(written)
}

fn check(world: &mut World, group: GroupId, sent: &BTreeSet<String>, seed: u64) {
    let mut logs: Vec<BTreeMap<u64, String>> = Vec::new();
    for host in 0..world.hosts.len() {
        let messages = world.messages(host, group);
        logs.push(log_of(&messages, host, seed));
    }
    // Whoever came in first has the whole log.
    let full = logs.iter().max_by_key(|log| log.len()).expect("a device").clone();
    for text in sent {
        assert!(full.values().any(|shown| shown == text), "seed {seed}: {text} is lost");
    }
    // A device that joined later has a suffix of the log; what two devices both have is the same.
    for (host, log) in logs.iter().enumerate() {
        let from = log.keys().next().copied().unwrap_or(u64::MAX);
        let expected: BTreeMap<u64, String> =
            full.range(from..).map(|(seq, text)| (*seq, text.clone())).collect();
        assert_eq!(*log, expected, "seed {seed}: device {host} disagrees");
    }
}

/// Texts by seq: each once, none waiting, none unreadable.
fn log_of(messages: &[Message], host: usize, seed: u64) -> BTreeMap<u64, String> {
    let mut log = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in messages {
        let Content::Text { text } = &message.content else { continue };
        assert!(
            matches!(message.delivery, Delivery::Sent | Delivery::Received),
            "seed {seed}: device {host} still waits with {text}"
        );
        let seq =
            message.seq.unwrap_or_else(|| panic!("seed {seed}: device {host}: {text} is not in the log"));
        assert!(seen.insert(text.clone()), "seed {seed}: device {host} shows {text} twice");
        log.insert(seq, text.clone());
    }
    log
}

#[test]
fn all_devices_converge_and_nothing_is_lost_over_300_schedules() {
    let worlds: Vec<World> = (2..=8).map(prepared).collect();

    for seed in 0..300_u64 {
        live(&worlds[usize::try_from(seed).unwrap() % worlds.len()], seed);
    }
}
