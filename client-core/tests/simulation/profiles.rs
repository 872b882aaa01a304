//! How people show themselves: told inside their conversations, agreed on by their own devices.

use protocol::GroupId;
use sotto_client_core::client::{CommandErrorCode, Event, Outcome, OwnProfile};

use crate::world::World;

/// Ada on two devices, in a conversation with Ben.
struct Story {
    world: World,
    ada: usize,
    ben: usize,
    second: usize,
    group: GroupId,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben] = [world.register("ada"), world.register("ben")];
        let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
        let Ok(Outcome::Conversation { group_id: group }) = world.outcome(ada, command) else {
            panic!("no conversation");
        };
        let second = world.log_in("ada");
        world.settle();
        Self { world, ada, ben, second, group }
    }

    fn change(&mut self, host: usize, name: &str, colour: u8) {
        self.world.call(host, |client, cx| client.change_profile(name, colour, cx)).unwrap();
    }

    fn own(&self, host: usize) -> OwnProfile {
        self.world.hosts[host].client.as_ref().unwrap().profile().unwrap()
    }

    /// How Ben's screen shows Ada.
    fn shown_to_ben(&self) -> (String, u8) {
        let client = self.world.hosts[self.ben].client.as_ref().unwrap();
        let peer =
            client.conversations().into_iter().find(|found| found.group_id == self.group).unwrap().peer;
        (peer.display_name, peer.colour)
    }

    fn away(&mut self, host: usize) {
        self.world.call(host, |client, cx| client.go_offline(cx));
    }

    fn back(&mut self, host: usize) {
        self.world.call(host, |client, cx| client.connect(cx));
        self.world.settle();
    }
}

fn name(text: &str, colour: u8) -> (String, u8) {
    (text.to_owned(), colour)
}

#[test]
fn a_new_name_reaches_the_peer_and_ones_other_device() {
    let mut story = Story::new(70);

    story.change(story.ada, "Ada Lovelace", 4);
    story.world.settle();

    assert_eq!(story.shown_to_ben(), name("Ada Lovelace", 4));
    assert_eq!(story.own(story.second).display_name, "Ada Lovelace");
    assert_eq!(story.own(story.second).colour, 4);
}

#[test]
fn a_new_name_is_no_line_of_the_conversation_and_nothing_unread() {
    let mut story = Story::new(71);
    let unread = |story: &Story| {
        let client = story.world.hosts[story.ben].client.as_ref().unwrap();
        client.conversations()[0].unread
    };
    let before = unread(&story);
    story.world.hosts[story.ben].events.clear();

    story.change(story.ada, "Ada Lovelace", 4);
    story.world.settle();

    assert_eq!(unread(&story), before);
    let line = |event: &Event| matches!(event, Event::MessageReceived { .. } | Event::MessageChanged { .. });
    assert!(!story.world.hosts[story.ben].events.iter().any(line));
}

#[test]
fn a_name_chosen_first_and_sent_last_does_not_win() {
    let mut story = Story::new(72);
    story.away(story.second);
    story.change(story.second, "Ada, earlier", 1);
    story.world.now.0 += 60_000;
    story.change(story.ada, "Ada, later", 2);
    story.world.settle();

    story.back(story.second);

    assert_eq!(story.shown_to_ben(), name("Ada, later", 2));
    for host in [story.ada, story.second] {
        assert_eq!((story.own(host).display_name, story.own(host).colour), name("Ada, later", 2));
    }
}

#[test]
fn a_device_that_signs_in_later_tells_the_name_as_it_is_now() {
    let mut story = Story::new(73);
    story.change(story.ada, "Ada Lovelace", 4);
    story.world.settle();

    let third = story.world.log_in("ada");
    story.world.settle();

    assert_eq!(story.own(third).display_name, "Ada Lovelace");
    assert_eq!(story.shown_to_ben(), name("Ada Lovelace", 4));
}

#[test]
fn no_name_and_no_such_colour_are_refused() {
    let mut story = Story::new(74);

    for (display_name, colour) in [("", 0), ("  \u{202e} ", 0), (&*"x".repeat(65), 0), ("Ada", 6)] {
        let refused =
            story.world.call(story.ada, |client, cx| client.change_profile(display_name, colour, cx));
        assert_eq!(refused.unwrap_err().code, CommandErrorCode::DisplayNameInvalid);
    }
}
