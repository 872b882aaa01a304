//! People who write first, and people whom one removes.

use protocol::GroupId;
use sotto_client_core::client::{Content, Event, Trust};

use crate::{
    strangers::{profile, start_chat},
    world::World,
};

/// Ada has started a conversation with Ben, and said something.
struct Story {
    world: World,
    ada: usize,
    ben: usize,
    group: GroupId,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben] = [world.register("ada"), world.register("ben")];
        let group = start_chat(&mut world, ada, "ben");
        let mut story = Self { world, ada, ben, group };
        story.say(ada, "hello");
        story.world.settle();
        story
    }

    fn say(&mut self, host: usize, text: &str) {
        let group = self.group;
        self.world.call(host, |client, cx| client.send_text(group, text, cx)).unwrap();
        self.world.settle();
    }

    fn accept(&mut self, host: usize, from: usize) {
        let account = profile(&self.world, from).account_id;
        self.world.call(host, |client, cx| client.accept_contact(account, cx)).unwrap();
        self.world.settle();
    }

    fn remove(&mut self, host: usize, whom: usize) {
        let account = profile(&self.world, whom).account_id;
        self.world.call(host, |client, cx| client.remove_contact(account, cx)).unwrap();
    }

    /// Whether the only conversation of a host is a request; `None`: it shows no conversation.
    fn is_request(&self, host: usize) -> Option<bool> {
        let shown = self.world.hosts[host].client.as_ref().unwrap().conversations();
        shown.first().map(|conversation| conversation.peer.requested)
    }

    fn name_of_peer(&self, host: usize) -> String {
        self.world.hosts[host].client.as_ref().unwrap().conversations()[0].peer.display_name.clone()
    }

    fn texts(&mut self, host: usize) -> Vec<String> {
        let text = |message: sotto_client_core::client::Message| match message.content {
            Content::Text { text } => Some(text),
            _ => None,
        };
        self.world.messages(host, self.group).into_iter().filter_map(text).collect()
    }
}

#[test]
fn who_writes_first_is_a_request_and_learns_no_name_before_it_is_taken() {
    let mut story = Story::new(210);

    assert_eq!([story.is_request(story.ada), story.is_request(story.ben)], [Some(false), Some(true)]);
    assert_eq!(story.texts(story.ben), ["hello"]);
    assert_eq!([story.name_of_peer(story.ada), story.name_of_peer(story.ben)], ["ben", "ADA"]);

    story.accept(story.ben, story.ada);

    assert_eq!(story.is_request(story.ben), Some(false));
    assert_eq!(story.name_of_peer(story.ada), "BEN");
}

#[test]
fn an_answer_takes_the_request_on_all_devices() {
    let mut story = Story::new(211);
    let second = story.world.log_in("ben");
    story.world.settle();
    assert_eq!(story.is_request(second), Some(true));

    story.say(story.ben, "who is it?");

    assert_eq!([story.is_request(story.ben), story.is_request(second)], [Some(false), Some(false)]);
    assert_eq!(story.name_of_peer(story.ada), "BEN");
}

#[test]
fn a_removed_contact_leaves_all_devices_with_what_was_said_and_comes_back_as_a_request() {
    let mut story = Story::new(212);
    story.say(story.ben, "hello yourself");
    let ada = profile(&story.world, story.ada).account_id;
    story.world.call(story.ben, |client, cx| {
        let details = client.contact_details(ada).unwrap();
        client.confirm_match(ada, &details.fingerprint, cx).unwrap();
    });
    let second = story.world.log_in("ben");
    story.world.settle();

    story.remove(story.ben, story.ada);
    story.world.settle();

    for host in [story.ben, second] {
        assert_eq!(story.is_request(host), None);
        let told = Event::ConversationRemoved { group_id: story.group };
        assert!(story.world.hosts[host].events.contains(&told));
        assert_eq!(lines(&story.world, host), 0);
    }
    story.say(story.ada, "are you there?");
    for host in [story.ben, second] {
        assert_eq!(story.is_request(host), Some(true));
        assert_eq!(story.texts(host), ["are you there?"]);
        let details = story.world.hosts[host].client.as_ref().unwrap().contact_details(ada).unwrap();
        assert_eq!(details.contact.trust, Trust::Unverified);
    }
    assert_eq!(story.texts(story.ada), ["hello", "hello yourself", "are you there?"], "Ada keeps hers");
}

#[test]
fn a_device_that_was_killed_while_it_forgot_a_conversation_goes_on_forgetting() {
    let mut story = Story::new(213);
    for number in 0..5 {
        story.say(story.ada, &format!("number {number}"));
    }
    let before = story.world.hosts[story.ben].store.clone();
    let kept: Vec<(String, Vec<u8>)> =
        before.into_iter().filter(|(key, _)| key.starts_with("message/")).collect();
    assert!(kept.len() >= 6);
    story.remove(story.ben, story.ada);
    story.world.kill(story.ben);
    // The kill came before the lines were gone.
    story.world.hosts[story.ben].store.extend(kept);

    story.world.start(story.ben);
    story.world.settle();

    assert_eq!(lines(&story.world, story.ben), 0);
    assert_eq!(story.is_request(story.ben), None);
}

#[test]
fn starting_a_conversation_with_somebody_who_was_removed_brings_it_back_empty() {
    let mut story = Story::new(214);
    story.say(story.ben, "hello yourself");
    story.remove(story.ben, story.ada);
    story.world.settle();

    assert_eq!(start_chat(&mut story.world, story.ben, "ada"), story.group);

    assert_eq!(story.is_request(story.ben), Some(false));
    assert_eq!(story.texts(story.ben), [""; 0]);
    story.say(story.ben, "once more");
    assert!(story.texts(story.ada).contains(&"once more".to_owned()));
}

fn lines(world: &World, host: usize) -> usize {
    world.hosts[host].store.keys().filter(|key| key.starts_with("message/")).count()
}
