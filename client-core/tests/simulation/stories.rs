use sotto_client_core::client::{
    CommandErrorCode, Content, Delivery, Event, FileDraft, LogIn, Notice, Outcome, Recover, SignOutReason,
};
use zeroize::Zeroizing;

use crate::world::{PASSWORD, World};

pub(crate) fn texts(world: &mut World, host: usize, group: protocol::GroupId) -> Vec<String> {
    let text = |content: Content| match content {
        Content::Text { text } => Some(text),
        _ => None,
    };
    world.messages(host, group).into_iter().filter_map(|message| text(message.content)).collect()
}

pub(crate) fn start_chat(world: &mut World, host: usize, handle: &str) -> protocol::GroupId {
    let command = world.call(host, |client, cx| client.start_conversation(handle, cx));
    match world.outcome(host, command) {
        Ok(Outcome::Conversation { group_id }) => group_id,
        other => panic!("no conversation: {other:?}"),
    }
}

pub(crate) fn say(world: &mut World, host: usize, group: protocol::GroupId, text: &str) {
    world.call(host, |client, cx| client.send_text(group, text, cx)).expect("in the outbox");
    world.settle();
}

#[test]
fn two_people_chat_both_ways() {
    let mut world = World::new(1);
    let [ada, ben] = [world.register("ada"), world.register("ben")];

    let group = start_chat(&mut world, ada, "ben");
    say(&mut world, ada, group, "hello");
    say(&mut world, ben, group, "hello yourself");

    assert_eq!(texts(&mut world, ada, group), ["hello", "hello yourself"]);
    assert_eq!(texts(&mut world, ben, group), ["hello", "hello yourself"]);
    let sent = world.messages(ada, group).into_iter().filter(|message| message.mine);
    assert!(sent.clone().count() == 1 && sent.clone().all(|message| message.delivery == Delivery::Sent));
    let peer = world.hosts[ben].client.as_ref().unwrap().conversations()[0].peer.clone();
    assert_eq!((peer.handle.as_str(), peer.display_name.as_str()), ("ada", "ADA"));
}

/// Two people meet at once, and one of them is killed on the way: whoever is shown a conversation writes three texts in
/// it. Gives the conversation that stayed.
fn meet_at_once(world: &mut World) -> protocol::GroupId {
    let kill_at = world.below(60);
    for (host, other) in [(0, "ben"), (1, "ada")] {
        world.start(host);
        world.call(host, |client, cx| client.start_conversation(other, cx));
    }
    let mut written = [0, 0];
    for step in 0..300 {
        if step == kill_at {
            world.kill(0);
            world.start(0);
        }
        if !world.step() {
            world.advance(31_000);
        }
        for (host, count) in written.iter_mut().enumerate() {
            let shown = world.hosts[host].client.as_ref().unwrap().conversations();
            let Some(shown) = shown.first().filter(|_| *count < 3) else { continue };
            let text = format!("{host}/{count}");
            world.call(host, |client, cx| client.send_text(shown.group_id, &text, cx)).unwrap();
            *count += 1;
        }
    }
    assert_eq!(written, [3, 3]);
    world.settle();
    let shown = [0, 1].map(|host| world.hosts[host].client.as_ref().unwrap().conversations());
    assert_eq!(shown.each_ref().map(Vec::len), [1, 1], "one conversation for both");
    assert_eq!(shown[0][0].group_id, shown[1][0].group_id);
    shown[0][0].group_id
}

#[test]
fn of_two_who_start_at_once_one_gives_way_and_what_they_write_arrives_once_and_in_order() {
    let prepared = crate::faults::prepared(2);
    for seed in 0..60 {
        let mut world = prepared.replay(seed);

        let group = meet_at_once(&mut world);

        let [at_ada, at_ben] = [0, 1].map(|host| texts(&mut world, host, group));
        assert_eq!(at_ada, at_ben, "seed {seed}");
        for author in ["0/", "1/"] {
            let own: Vec<_> = at_ada.iter().filter(|text| text.starts_with(author)).cloned().collect();
            assert_eq!(own, [0, 1, 2].map(|number| format!("{author}{number}")), "seed {seed}");
        }
        for host in [0, 1] {
            let dead = |key: &&String| key.starts_with("group/") && !key.contains(&group.to_string());
            assert_eq!(world.hosts[host].store.keys().find(dead), None, "seed {seed}");
        }
    }
}

#[test]
fn a_new_device_joins_with_nobody_else_online_and_writes_at_once() {
    let mut world = World::new(2);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let group = start_chat(&mut world, ada, "ben");
    say(&mut world, ada, group, "before");
    world.kill(ada);
    world.kill(ben);

    let second = world.log_in("ada");
    say(&mut world, second, group, "from my new browser");

    assert_eq!(texts(&mut world, second, group), ["from my new browser"]);
    world.start(ben);
    world.settle();
    assert_eq!(texts(&mut world, ben, group), ["before", "from my new browser"]);
    world.start(ada);
    world.settle();
    assert_eq!(texts(&mut world, ada, group), ["before", "from my new browser"]);
    let notices = world.messages(ben, group);
    let added = |content: &Content| matches!(content, Content::Notice(Notice::DeviceAdded { .. }));
    assert_eq!(notices.iter().filter(|message| added(&message.content)).count(), 1);
}

#[test]
fn both_people_start_the_chat_at_once_and_meet_in_one_group() {
    let mut world = World::new(3);
    let [ada, ben] = [world.register("ada"), world.register("ben")];

    let hers = world.call(ada, |client, cx| client.start_conversation("ben", cx));
    let his = world.call(ben, |client, cx| client.start_conversation("ada", cx));

    let (hers, his) = (world.outcome(ada, hers), world.outcome(ben, his));
    let (Ok(Outcome::Conversation { group_id }), Ok(Outcome::Conversation { group_id: same })) = (hers, his)
    else {
        panic!("a conversation each");
    };
    assert_eq!(group_id, same);
    say(&mut world, ben, group_id, "hi");
    assert_eq!(texts(&mut world, ada, group_id), ["hi"]);
}

#[test]
fn a_wrong_password_is_told_and_leaves_nothing() {
    let mut world = World::new(4);
    world.register("ada");
    let host = world.add_host();
    let log_in = |password: &str| LogIn {
        handle: "ada".into(),
        password: Zeroizing::new(password.into()),
        device_name: String::new(),
    };

    let wrong = world.call(host, |client, cx| client.log_in(log_in("wrong password"), cx));
    let outcome = world.outcome(host, wrong);

    assert_eq!(outcome.unwrap_err().code, CommandErrorCode::WrongPassword);
    assert!(!world.hosts[host].store.contains_key("account/state"));
    let right = world.call(host, |client, cx| client.log_in(log_in(PASSWORD), cx));
    assert!(world.outcome(host, right).is_ok());
}

#[test]
fn the_recovery_key_opens_the_account_and_sets_a_new_password() {
    let mut world = World::new(5);
    let ada = world.register("ada");
    let key = world.hosts[ada].client.as_ref().unwrap().recovery_key().unwrap().join(" ");
    let host = world.add_host();
    let recover = Recover {
        handle: "ada".into(),
        recovery_key: Zeroizing::new(key),
        new_password: Zeroizing::new("another long password".into()),
        device_name: "New".into(),
    };

    let command = world.call(host, |client, cx| client.recover_account(recover, cx));

    assert!(world.outcome(host, command).is_ok());
    let third = world.add_host();
    let log_in = LogIn {
        handle: "ada".into(),
        password: Zeroizing::new("another long password".into()),
        device_name: String::new(),
    };
    let command = world.call(third, |client, cx| client.log_in(log_in, cx));
    assert!(world.outcome(third, command).is_ok());
    assert_eq!(world.hosts[third].client.as_ref().unwrap().devices().len(), 3);
}

#[test]
fn they_match_on_one_device_is_verified_on_the_other() {
    let mut world = World::new(6);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let group = start_chat(&mut world, ada, "ben");
    let second = world.log_in("ada");
    let peer = world.hosts[ada].client.as_ref().unwrap().conversations()[0].peer.account_id;
    let own = world.hosts[ben].client.as_ref().unwrap().conversations()[0].peer.account_id;
    let details = world.hosts[ada].client.as_ref().unwrap().contact_details(peer).unwrap();
    let theirs = world.hosts[ben].client.as_ref().unwrap().contact_details(own).unwrap();

    world.call(ada, |client, cx| client.confirm_match(peer, &details.fingerprint, cx)).unwrap();
    world.settle();

    assert_eq!(details.safety_number, theirs.safety_number);
    let seen = world.hosts[second].client.as_ref().unwrap().contact_details(peer).unwrap();
    assert!(matches!(seen.contact.trust, sotto_client_core::client::Trust::Verified { .. }));
    let scanned = world.call(ben, |client, cx| client.scan_qr(own, &details.qr_payload, cx)).unwrap();
    assert_eq!(scanned, sotto_client_core::client::ScanOutcome::Match);
    let _ = group;
}

#[test]
fn a_signed_out_device_is_revoked_and_its_place_freed() {
    let mut world = World::new(7);
    let ada = world.register("ada");
    let second = world.log_in("ada");

    let command = world.call(second, |client, cx| client.log_out(cx));

    assert!(world.outcome(second, command).is_ok());
    assert!(world.hosts[second].client.as_ref().unwrap().profile().is_none());
    let third = world.log_in("ada");
    assert_eq!(world.hosts[third].client.as_ref().unwrap().devices().len(), 2);
    world.settle();
    assert_eq!(world.hosts[ada].client.as_ref().unwrap().devices().len(), 2);
}

#[test]
fn a_log_out_is_done_when_the_relay_hangs_up_before_it_answers() {
    let mut world = World::new(9);
    let ada = world.register("ada");
    let command = world.call(ada, |client, cx| client.log_out(cx));
    let revoked = Some(protocol::socket::close::DEVICE_REVOKED);

    world.call(ada, |client, cx| client.handle_socket_closed(revoked, cx));

    assert!(world.outcome(ada, command).is_ok());
    let logged_out = Event::SignedOut { reason: SignOutReason::LoggedOut };
    assert!(world.hosts[ada].events.contains(&logged_out));
}

#[test]
fn a_log_out_without_an_access_token_gets_one_and_then_revokes_the_device() {
    let mut world = World::new(11);
    let ada = world.register("ada");
    let second = world.log_in("ada");
    world.kill(second);
    world.start(second);
    assert!(world.hosts[second].client.as_ref().unwrap().access_token().is_none());

    let command = world.call(second, |client, cx| client.log_out(cx));

    assert!(world.outcome(second, command).is_ok());
    assert!(world.hosts[second].client.as_ref().unwrap().profile().is_none());
    world.log_in("ada");
    world.settle();
    assert_eq!(world.hosts[ada].client.as_ref().unwrap().devices().len(), 2);
}

#[test]
fn a_log_out_that_the_relay_does_not_hear_of_fails_within_ten_seconds_and_changes_nothing() {
    let mut world = World::new(12);
    let ada = world.register("ada");
    world.faults.lose_request = 1000;

    let command = world.call(ada, |client, cx| client.log_out(cx));
    for _ in 0..10 {
        world.run();
        world.advance(1_000);
    }

    let offline = Event::CommandDone { command, outcome: Err(CommandErrorCode::Offline.into()) };
    assert!(world.hosts[ada].events.contains(&offline));
    assert!(world.hosts[ada].client.as_ref().unwrap().profile().is_some());
    world.faults.lose_request = 0;
    let again = world.call(ada, |client, cx| client.log_out(cx));
    assert!(world.outcome(ada, again).is_ok());
}

#[test]
fn a_log_out_whose_answer_was_lost_is_still_a_log_out() {
    let mut world = World::new(13);
    let ada = world.register("ada");
    world.faults.lose_response = 1000;
    let command = world.call(ada, |client, cx| client.log_out(cx));
    world.run();
    world.faults.lose_response = 0;
    for _ in 0..10 {
        world.advance(500);
        world.run();
    }

    assert!(world.outcome(ada, command).is_ok());
    assert!(world.hosts[ada].events.contains(&Event::SignedOut { reason: SignOutReason::LoggedOut }));
}

#[test]
fn a_cancelled_upload_is_deleted_at_the_relay_though_its_first_request_was_lost() {
    let mut world = World::new(14);
    let [ada, _] = [world.register("ada"), world.register("ben")];
    let group = start_chat(&mut world, ada, "ben");
    let draft = FileDraft {
        name: "plan.pdf".into(),
        mime_type: "application/pdf".into(),
        caption: String::new(),
        size_bytes: 5,
        image: None,
    };
    let upload = world.call(ada, |client, cx| client.begin_file(group, draft, cx)).unwrap();
    world.settle();
    world.faults.lose_request = 1000;

    world.call(ada, |client, cx| client.cancel_file(upload.message_id, cx)).unwrap();
    world.run();
    world.faults.lose_request = 0;
    world.settle();

    assert_eq!(world.relay.deleted_blobs, [upload.blob_id.to_string()]);
    assert_eq!(texts(&mut world, ada, group), [""; 0]);
}

#[test]
fn a_revoked_device_answers_the_command_that_waits() {
    let mut world = World::new(10);
    let ada = world.register("ada");
    world.register("ben");
    let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
    let revoked = Some(protocol::socket::close::DEVICE_REVOKED);

    world.call(ada, |client, cx| client.handle_socket_closed(revoked, cx));

    let error = world.outcome(ada, command).unwrap_err();
    assert_eq!(error.code, CommandErrorCode::SignedOut);
    assert!(world.hosts[ada].events.contains(&Event::SignedOut { reason: SignOutReason::Revoked }));
}

#[test]
fn a_device_that_was_killed_while_registering_finishes_when_it_starts_again() {
    let mut world = World::new(8);
    world.faults.lose_response = 1000;
    let host = world.add_host();
    world.faults.lose_response = 0;
    let account = sotto_client_core::client::NewAccount {
        handle: "ada".into(),
        display_name: "Ada".into(),
        colour: 0,
        password: Zeroizing::new(PASSWORD.into()),
        device_name: String::new(),
        invite: Zeroizing::default(),
    };
    world.call(host, |client, cx| client.create_account(account, cx));
    while !world.hosts[host].store.contains_key("account/state") {
        world.step();
    }

    world.kill(host);
    world.start(host);
    world.settle();

    let client = world.hosts[host].client.as_ref().unwrap();
    assert_eq!(client.profile().unwrap().handle, "ada");
    assert!(client.access_token().is_some());
    assert!(client.recovery_key().is_some());
}
