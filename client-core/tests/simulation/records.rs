//! What all devices of a person know: contacts and settings, on several devices at once.

use protocol::AccountId;
use sotto_client_core::client::{Appearance, Choices, Event, Outcome, Trust};

use crate::world::World;

/// Ada on two devices, in a conversation with Ben.
pub(crate) struct Story {
    pub(crate) world: World,
    pub(crate) ada: usize,
    pub(crate) second: usize,
    pub(crate) ben: AccountId,
}

impl Story {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben_host] = [world.register("ada"), world.register("ben")];
        let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
        assert!(matches!(world.outcome(ada, command), Ok(Outcome::Conversation { .. })));
        let second = world.log_in("ada");
        world.settle();
        let ben = world.hosts[ben_host].client.as_ref().unwrap().profile().unwrap().account_id;
        Self { world, ada, second, ben }
    }

    pub(crate) fn choose(&mut self, host: usize, choices: Choices) {
        self.world.call(host, |client, cx| client.change_settings(choices, cx)).unwrap();
    }

    pub(crate) fn verify(&mut self, host: usize) {
        let ben = self.ben;
        self.world.call(host, |client, cx| {
            let details = client.contact_details(ben).unwrap();
            client.confirm_match(ben, &details.fingerprint, cx).unwrap();
        });
    }

    pub(crate) fn settings(&self, host: usize) -> Choices {
        self.world.hosts[host].client.as_ref().unwrap().settings()
    }

    pub(crate) fn is_verified(&self, host: usize) -> bool {
        let client = self.world.hosts[host].client.as_ref().unwrap();
        matches!(client.contact_details(self.ben).unwrap().contact.trust, Trust::Verified { .. })
    }

    /// The device comes back to the relay after having been away.
    pub(crate) fn reconnect(&mut self, host: usize) {
        self.world.call(host, |client, cx| client.go_offline(cx));
        self.world.call(host, |client, cx| client.connect(cx));
        self.world.settle();
    }

    pub(crate) fn was_told_of_any(&self, host: usize) -> bool {
        let trouble = |event: &Event| matches!(event, Event::RecordsTroubled { .. });
        self.world.hosts[host].events.iter().any(trouble)
    }
}

pub(crate) fn dark() -> Choices {
    Choices { appearance: Some(Appearance::Dark), ..Choices::default() }
}

pub(crate) fn quiet() -> Choices {
    Choices { notify_shows_name: Some(false), ..Choices::default() }
}

// ---- several devices

#[test]
fn a_choice_on_one_device_shows_on_the_other_without_a_reconnect() {
    let mut story = Story::new(40);

    story.choose(story.ada, dark());
    story.world.run();

    assert_eq!(story.settings(story.second), dark());
    let told = Event::SettingsChanged { settings: dark() };
    assert!(story.world.hosts[story.second].events.contains(&told));
}

#[test]
fn choices_made_on_both_devices_at_once_are_both_kept() {
    let mut story = Story::new(41);

    story.choose(story.ada, dark());
    story.choose(story.second, quiet());
    story.world.settle();

    let both = Choices { appearance: Some(Appearance::Dark), ..quiet() };
    assert_eq!([story.settings(story.ada), story.settings(story.second)], [both, both]);
    assert!(!story.was_told_of_any(story.ada) && !story.was_told_of_any(story.second));
}

#[test]
fn what_was_chosen_offline_is_merged_with_what_was_chosen_meanwhile() {
    let mut story = Story::new(42);
    story.world.call(story.second, |client, cx| client.go_offline(cx));

    story.choose(story.ada, dark());
    story.verify(story.ada);
    story.choose(story.second, quiet());
    story.world.settle();
    story.reconnect(story.second);

    let both = Choices { appearance: Some(Appearance::Dark), ..quiet() };
    assert_eq!([story.settings(story.ada), story.settings(story.second)], [both, both]);
    assert!(story.is_verified(story.second));
}

#[test]
fn a_new_device_knows_choices_and_who_was_verified_when_it_shows_its_first_conversation() {
    let mut story = Story::new(43);
    story.verify(story.ada);
    story.choose(story.ada, dark());
    story.world.settle();

    let third = story.world.log_in("ada");
    story.world.settle();

    assert_eq!(story.settings(third), dark());
    assert!(story.is_verified(third));
    let unverified = |event: &Event| matches!(event, Event::ConversationChanged { conversation } if conversation.peer.trust == Trust::Unverified);
    assert!(!story.world.hosts[third].events.iter().any(unverified), "it never showed anything else");
}

#[test]
fn a_choice_that_was_saved_before_a_kill_reaches_the_other_device() {
    let mut story = Story::new(44);
    story.choose(story.ada, dark());

    story.world.kill(story.ada);
    story.world.settle();
    assert_eq!(story.settings(story.second), Choices::default(), "it was not sent yet");
    story.world.start(story.ada);
    story.world.settle();

    assert_eq!(story.settings(story.second), dark());
}

#[test]
fn a_write_whose_answer_was_lost_is_found_in_the_feed_and_not_written_twice() {
    let mut story = Story::new(45);
    story.world.faults.lose_response = 1000;
    story.choose(story.ada, dark());
    story.world.run();
    story.world.faults.lose_response = 0;

    story.world.settle();
    story.choose(story.second, quiet());
    story.world.settle();

    let both = Choices { appearance: Some(Appearance::Dark), ..quiet() };
    assert_eq!([story.settings(story.ada), story.settings(story.second)], [both, both]);
    assert!(!story.was_told_of_any(story.ada) && !story.was_told_of_any(story.second));
}
