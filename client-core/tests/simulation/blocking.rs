//! People one does not want to hear from: on all of one's devices, and without their being told.

use protocol::{AccountId, GroupId};
use sotto_client_core::client::{CommandErrorCode, Content, Event, Outcome};

use crate::world::World;

/// Ada on two devices, in a conversation with Ben.
struct Story {
    world: World,
    ada: usize,
    ben_host: usize,
    second: usize,
    ben: AccountId,
    group: GroupId,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben_host] = [world.register("ada"), world.register("ben")];
        let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
        let Ok(Outcome::Conversation { group_id: group }) = world.outcome(ada, command) else {
            panic!("no conversation");
        };
        let second = world.log_in("ada");
        world.settle();
        let ben = world.hosts[ben_host].client.as_ref().unwrap().profile().unwrap().account_id;
        Self { world, ada, ben_host, second, ben, group }
    }

    fn block(&mut self, host: usize) {
        let ben = self.ben;
        self.world.call(host, |client, cx| client.block_contact(ben, cx)).unwrap();
        self.world.settle();
    }

    fn unblock(&mut self, host: usize) {
        let ben = self.ben;
        self.world.call(host, |client, cx| client.unblock_contact(ben, cx)).unwrap();
        self.world.settle();
    }

    fn write(&mut self, host: usize, text: &str) {
        let group = self.group;
        self.world.call(host, |client, cx| client.send_text(group, text, cx)).unwrap();
        self.world.settle();
    }

    /// Whether the host was ever told of a line with these words.
    fn was_shown(&self, host: usize, words: &str) -> bool {
        let says = |event: &Event| matches!(event, Event::MessageReceived { message } if matches!(&message.content, Content::Text { text } if text == words));
        self.world.hosts[host].events.iter().any(says)
    }

    fn is_blocked(&self, host: usize) -> bool {
        let client = self.world.hosts[host].client.as_ref().unwrap();
        client.contact_details(self.ben).unwrap().contact.blocked
    }
}

#[test]
fn what_a_blocked_person_writes_is_shown_on_no_device_until_they_are_unblocked_on_any() {
    let mut story = Story::new(80);
    story.block(story.ada);
    assert!(story.is_blocked(story.ada) && story.is_blocked(story.second));

    story.write(story.ben_host, "are you there?");
    story.unblock(story.second);
    story.write(story.ben_host, "hello again");

    for host in [story.ada, story.second] {
        assert!(!story.is_blocked(host));
        assert!(!story.was_shown(host, "are you there?"));
        assert!(story.was_shown(host, "hello again"));
    }
}

#[test]
fn nothing_is_sent_to_a_blocked_person_and_they_are_told_nothing() {
    let mut story = Story::new(81);
    story.world.hosts[story.ben_host].events.clear();
    story.block(story.ada);

    let group = story.group;
    let refused = story.world.call(story.ada, |client, cx| client.send_text(group, "no", cx));
    story.world.call(story.second, |client, cx| client.change_profile("Ada Lovelace", 3, cx)).unwrap();
    story.world.settle();

    assert_eq!(refused.unwrap_err().code, CommandErrorCode::NotAllowed);
    assert_eq!(story.world.hosts[story.ben_host].events, []);
}

#[test]
fn a_name_that_was_changed_meanwhile_is_told_after_the_block() {
    let mut story = Story::new(82);
    story.block(story.ada);
    story.world.call(story.ada, |client, cx| client.change_profile("Ada Lovelace", 3, cx)).unwrap();
    story.world.settle();

    story.unblock(story.ada);

    let client = story.world.hosts[story.ben_host].client.as_ref().unwrap();
    assert_eq!(client.conversations()[0].peer.display_name, "Ada Lovelace");
}

#[test]
fn a_block_outlasts_a_restart_and_a_new_device_knows_of_it() {
    let mut story = Story::new(83);
    story.block(story.ada);

    story.world.kill(story.ada);
    story.world.start(story.ada);
    let third = story.world.log_in("ada");
    story.world.settle();

    assert!(story.is_blocked(story.ada) && story.is_blocked(third));
}

#[test]
fn nobody_unknown_can_be_blocked() {
    let mut story = Story::new(84);

    let stranger = AccountId::from_bytes([9; 16]);
    let refused = story.world.call(story.ada, |client, cx| client.block_contact(stranger, cx));

    assert_eq!(refused.unwrap_err().code, CommandErrorCode::NotFound);
}
