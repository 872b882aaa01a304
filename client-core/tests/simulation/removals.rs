//! Removed devices (K-8): one that was copied whole before, with a relay that goes on serving it.

use protocol::{DeviceId, GroupId};
use sotto_client_core::client::{
    CommandErrorCode, Content, Event, FactorChoice, LogIn, Notice, Outcome, SignOutReason, Trust,
};
use zeroize::Zeroizing;

use crate::{
    stories::{say, start_chat, texts},
    world::{PASSWORD, World},
};

fn device_of(world: &World, host: usize) -> DeviceId {
    world.hosts[host].client.as_ref().unwrap().profile().unwrap().device_id
}

fn devices(world: &World, host: usize) -> usize {
    world.hosts[host].client.as_ref().unwrap().devices().len()
}

/// Removes `gone` from `host`, with the password.
fn remove(world: &mut World, host: usize, gone: &[usize]) {
    let ids = gone.iter().map(|gone| device_of(world, *gone)).collect();
    remove_ids(world, host, ids);
}

fn remove_ids(world: &mut World, host: usize, ids: Vec<DeviceId>) {
    let password = Zeroizing::new(PASSWORD.to_owned());
    let command = world.call(host, |client, cx| client.remove_devices(ids, &password, cx));
    world.outcome(host, command).expect("removed");
    world.settle();
}

fn notices(world: &mut World, host: usize, group: GroupId) -> Vec<Notice> {
    let notice = |content: Content| match content {
        Content::Notice(notice) => Some(notice),
        _ => None,
    };
    world.messages(host, group).into_iter().filter_map(|message| notice(message.content)).collect()
}

/// Ada with two devices, Ben with one, talking.
fn two_talk(seed: u64) -> (World, [usize; 3], GroupId) {
    let mut world = World::new(seed);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let group = start_chat(&mut world, ada, "ben");
    let second = world.log_in("ada");
    say(&mut world, ada, group, "before");
    (world, [ada, second, ben], group)
}

#[test]
fn a_removed_device_is_signed_out_and_leaves_every_group() {
    let (mut world, [ada, second, ben], group) = two_talk(21);

    remove(&mut world, ada, &[second]);
    say(&mut world, ben, group, "after");

    assert!(world.hosts[second].events.contains(&Event::SignedOut { reason: SignOutReason::Revoked }));
    assert_eq!(devices(&world, ada), 1);
    assert_eq!(texts(&mut world, ada, group), ["before", "after"]);
    for host in [ada, ben] {
        let removed = |notice: &Notice| matches!(notice, Notice::DeviceRemoved { .. });
        assert_eq!(notices(&mut world, host, group).iter().filter(|notice| removed(notice)).count(), 1);
    }
}

#[test]
fn a_wrong_password_removes_nothing() {
    let (mut world, [ada, second, _], _) = two_talk(22);
    let gone = vec![device_of(&world, second)];

    let wrong = Zeroizing::new("not the password".to_owned());
    let command = world.call(ada, |client, cx| client.remove_devices(gone, &wrong, cx));
    let outcome = world.outcome(ada, command);

    assert_eq!(outcome.unwrap_err().code, CommandErrorCode::WrongPassword);
    assert_eq!([devices(&world, ada), devices(&world, second)], [2, 2]);
    remove(&mut world, ada, &[second]);
}

#[test]
fn a_removal_waits_for_the_second_factor_and_may_be_begun_anew() {
    let (mut world, [ada, second, _], _) = two_talk(29);
    for account in world.relay.accounts.values_mut() {
        account.code = Some("123456");
    }
    let gone = vec![device_of(&world, second)];
    let password = Zeroizing::new(PASSWORD.to_owned());
    let begin = |world: &mut World| {
        let command = world.call(ada, |client, cx| client.remove_devices(gone.clone(), &password, cx));
        world.run();
        assert!(matches!(world.ended(ada, command), Some(Ok(Outcome::Factor { .. }))));
        assert_eq!(devices(world, ada), 2);
    };

    begin(&mut world);
    begin(&mut world);
    let shown = world.call(ada, |client, cx| client.show_factor(FactorChoice::Totp, "123456", cx));
    world.outcome(ada, shown).expect("removed");
    // The other one asks again when its access token is over.
    world.advance(600_000);
    world.settle();

    assert_eq!(devices(&world, ada), 1);
    assert!(world.hosts[second].events.contains(&Event::SignedOut { reason: SignOutReason::Revoked }));
}

#[test]
fn a_copied_device_reads_nothing_after_its_removal_though_the_relay_helps_it() {
    let (mut world, [ada, second, ben], group) = two_talk(23);
    let third = world.log_in("ada");
    let copied = device_of(&world, second);
    world.kill(second);
    world.relay.delivers_to_revoked = true;

    remove_ids(&mut world, ada, vec![copied]);
    say(&mut world, ben, group, "to ada alone");
    say(&mut world, ada, group, "from ada");
    let peer = world.hosts[ada].client.as_ref().unwrap().conversations()[0].peer.account_id;
    let details = world.hosts[ada].client.as_ref().unwrap().contact_details(peer).unwrap();
    world.call(ada, |client, cx| client.confirm_match(peer, &details.fingerprint, cx)).unwrap();
    world.settle();
    world.start(second);
    world.settle();

    assert_eq!(texts(&mut world, ada, group), ["before", "to ada alone", "from ada"]);
    assert_eq!(texts(&mut world, second, group), ["before"], "nothing sent afterwards");
    let trust = |host: usize| world.hosts[host].client.as_ref().unwrap().conversations()[0].peer.trust;
    assert_ne!(trust(second), trust(ada), "nothing saved afterwards");
    assert_eq!(trust(third), trust(ada), "the remaining device has the new root key");
}

#[test]
fn a_copied_device_comes_into_no_group_and_writes_into_none() {
    let (mut world, [ada, second, ben], group) = two_talk(24);
    let copied = device_of(&world, second);
    world.kill(second);
    world.relay.delivers_to_revoked = true;
    remove_ids(&mut world, ada, vec![copied]);

    world.start(second);
    let _ = world.call(second, |client, cx| client.send_text(group, "from the thief", cx));
    world.settle();
    say(&mut world, ben, group, "still here");

    assert_eq!(texts(&mut world, ada, group), ["before", "still here"]);
    assert_eq!(texts(&mut world, ben, group), ["before", "still here"]);
}

#[test]
fn a_copied_device_signs_no_list_and_brings_no_device_in() {
    let (mut world, [ada, second, ben], group) = two_talk(31);
    let copied = device_of(&world, second);
    world.kill(second);
    world.relay.delivers_to_revoked = true;
    remove_ids(&mut world, ada, vec![copied]);
    world.start(second);
    world.settle();

    // Both take the account's seed, which no device keeps.
    let guess = Zeroizing::new("a guess of the thief".to_owned());
    let owner = vec![device_of(&world, ada)];
    let removal = world.call(second, |client, cx| client.remove_devices(owner, &guess, cx));
    let removal = world.outcome(second, removal).unwrap_err().code;
    let newcomer = world.add_host();
    let log_in = LogIn { handle: "ada".into(), password: guess.clone(), device_name: String::new() };
    let enrolment = world.call(newcomer, |client, cx| client.log_in(log_in, cx));
    let enrolment = world.outcome(newcomer, enrolment).unwrap_err().code;

    assert_eq!([removal, enrolment], [CommandErrorCode::WrongPassword; 2]);
    say(&mut world, ben, group, "still the two of us");
    assert_eq!(devices(&world, ada), 1);
    assert_eq!(texts(&mut world, ada, group), ["before", "still the two of us"]);
}

#[test]
fn a_peer_takes_the_device_out_when_the_remover_is_gone() {
    let (mut world, [ada, second, ben], group) = two_talk(25);
    world.kill(ben);
    let gone = vec![device_of(&world, second)];
    let password = Zeroizing::new(PASSWORD.to_owned());
    world.call(ada, |client, cx| client.remove_devices(gone, &password, cx));
    while world.hosts[ada].client.as_ref().unwrap().devices().len() > 1 {
        assert!(world.step());
    }
    world.kill(ada);

    world.start(ben);
    world.settle();
    say(&mut world, ben, group, "after");

    assert!(notices(&mut world, ben, group).iter().any(|n| matches!(n, Notice::DeviceRemoved { .. })));
    world.start(ada);
    world.settle();
    assert_eq!(texts(&mut world, ada, group), ["before", "after"]);
}

#[test]
fn a_device_that_slept_through_a_removal_gets_the_new_key_though_the_remover_is_gone() {
    let (mut world, [ada, second, ben], group) = two_talk(28);
    let third = world.log_in("ada");
    world.kill(third);
    remove(&mut world, ada, &[second]);
    let peer = world.hosts[ada].client.as_ref().unwrap().conversations()[0].peer.account_id;
    let details = world.hosts[ada].client.as_ref().unwrap().contact_details(peer).unwrap();
    world.call(ada, |client, cx| client.confirm_match(peer, &details.fingerprint, cx)).unwrap();
    world.settle();
    world.kill(ada);

    world.start(third);
    world.settle();
    say(&mut world, third, group, "awake");

    let trust = |host: usize| world.hosts[host].client.as_ref().unwrap().conversations()[0].peer.trust;
    assert!(matches!(trust(third), Trust::Verified { .. }), "it reads what was saved under the new key");
    assert_eq!(texts(&mut world, ben, group), ["before", "awake"]);
}

#[test]
fn a_signed_out_device_leaves_the_groups_when_the_next_list_marks_it() {
    let (mut world, [ada, second, ben], group) = two_talk(26);
    let command = world.call(second, |client, cx| client.log_out(cx));
    world.outcome(second, command).expect("signed out");
    assert_eq!(world.hosts[ben].client.as_ref().unwrap().conversations().len(), 1);

    let third = world.log_in("ada");
    say(&mut world, ben, group, "after");

    assert!(notices(&mut world, ben, group).iter().any(|n| matches!(n, Notice::DeviceRemoved { .. })));
    assert_eq!(texts(&mut world, third, group), ["after"]);
    assert_eq!(texts(&mut world, ada, group), ["before", "after"]);
}

#[test]
fn removing_all_others_works_while_they_are_offline() {
    let (mut world, [ada, second, ben], group) = two_talk(27);
    let third = world.log_in("ada");
    let gone = vec![device_of(&world, second), device_of(&world, third)];
    world.kill(second);
    world.kill(third);
    let password = Zeroizing::new(PASSWORD.to_owned());

    let command = world.call(ada, |client, cx| client.remove_devices(gone, &password, cx));
    world.outcome(ada, command).expect("removed");
    say(&mut world, ben, group, "after");

    assert_eq!(devices(&world, ada), 1);
    for host in [second, third] {
        world.start(host);
        world.settle();
        assert!(world.hosts[host].client.as_ref().unwrap().profile().is_none());
    }
    let fourth = world.log_in("ada");
    say(&mut world, fourth, group, "a new one");
    assert_eq!(texts(&mut world, ada, group), ["before", "after", "a new one"]);
}

/// Every point at which the remover can die, and every answer that can be lost.
#[test]
fn a_removal_survives_kills_and_lost_answers_at_every_step() {
    for steps in 0..40 {
        let (mut world, [ada, second, ben], group) = two_talk(30);
        let third = world.log_in("ada");
        let gone = vec![device_of(&world, second)];
        let password = Zeroizing::new(PASSWORD.to_owned());
        world.call(ada, |client, cx| client.remove_devices(gone.clone(), &password, cx));
        for _ in 0..steps {
            world.step();
        }

        world.kill(ada);
        world.start(ada);
        world.settle();
        if devices(&world, ada) == 3 {
            let command = world.call(ada, |client, cx| client.remove_devices(gone, &password, cx));
            world.outcome(ada, command).expect("removed");
        }
        world.settle();
        say(&mut world, ben, group, "after");
        say(&mut world, third, group, "and on");

        assert_eq!([devices(&world, ada), devices(&world, third)], [2, 2], "killed after {steps}");
        let ada_has = texts(&mut world, ada, group);
        assert_eq!(ada_has, ["before", "after", "and on"], "killed after {steps}");
        let fourth = world.log_in("ada");
        assert_eq!(devices(&world, fourth), 3, "the account opens, killed after {steps}");
    }
}
