//! What all devices of a person know: contacts and settings, on several devices at once, and a relay that lies.

use protocol::{
    AccountId, ErrorCode, Facts, Problem,
    records::{ChangeKind, ChangesPage, RecordsPut, WriteOutcome},
    socket::{from_bytes, to_bytes},
    values::{Bytes, List},
};
use sotto_client_core::client::{
    Appearance, Choices, Event, Method, Outcome, RecordsTrouble, Request, Trust,
};

use crate::world::{Lie, World};

type Answer = (u16, Vec<u8>);

/// Ada on two devices, in a conversation with Ben.
struct Story {
    world: World,
    ada: usize,
    second: usize,
    ben: AccountId,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let [ada, ben_host] = [world.register("ada"), world.register("ben")];
        let command = world.call(ada, |client, cx| client.start_conversation("ben", cx));
        assert!(matches!(world.outcome(ada, command), Ok(Outcome::Conversation { .. })));
        let second = world.log_in("ada");
        world.settle();
        let ben = world.hosts[ben_host].client.as_ref().unwrap().profile().unwrap().account_id;
        Self { world, ada, second, ben }
    }

    fn choose(&mut self, host: usize, choices: Choices) {
        self.world.call(host, |client, cx| client.change_settings(choices, cx)).unwrap();
    }

    fn verify(&mut self, host: usize) {
        let ben = self.ben;
        self.world.call(host, |client, cx| {
            let details = client.contact_details(ben).unwrap();
            client.confirm_match(ben, &details.fingerprint, cx).unwrap();
        });
    }

    fn settings(&self, host: usize) -> Choices {
        self.world.hosts[host].client.as_ref().unwrap().settings()
    }

    fn is_verified(&self, host: usize) -> bool {
        let client = self.world.hosts[host].client.as_ref().unwrap();
        matches!(client.contact_details(self.ben).unwrap().contact.trust, Trust::Verified { .. })
    }

    /// The device comes back to the relay after having been away.
    fn reconnect(&mut self, host: usize) {
        self.world.call(host, |client, cx| client.go_offline(cx));
        self.world.call(host, |client, cx| client.connect(cx));
        self.world.settle();
    }

    fn was_told(&self, host: usize, trouble: RecordsTrouble) -> bool {
        self.world.hosts[host].events.contains(&Event::RecordsTroubled { trouble })
    }

    fn was_told_of_any(&self, host: usize) -> bool {
        let trouble = |event: &Event| matches!(event, Event::RecordsTroubled { .. });
        self.world.hosts[host].events.iter().any(trouble)
    }
}

fn dark() -> Choices {
    Choices { appearance: Some(Appearance::Dark), ..Choices::default() }
}

fn quiet() -> Choices {
    Choices { notify_shows_name: Some(false), ..Choices::default() }
}

/// Changes pages of the feed and nothing else.
fn in_the_feed(request: &Request, (status, body): Answer, change: impl Fn(&mut ChangesPage)) -> Answer {
    if !request.path.starts_with("/v1/records?") {
        return (status, body);
    }
    let mut page: ChangesPage = from_bytes(&body).unwrap();
    change(&mut page);
    (status, to_bytes(&page))
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

// ---- a relay that lies

/// Verified and dark on both devices; then the second one reads the feed anew from a relay that lies.
fn after_lie(seed: u64, lie: Lie) -> Story {
    let mut story = Story::new(seed);
    story.verify(story.ada);
    story.choose(story.ada, dark());
    story.world.settle();
    assert!(story.is_verified(story.second) && story.settings(story.second) == dark());
    story.world.call(story.second, |client, cx| client.go_offline(cx));
    story.choose(story.ada, quiet());
    story.world.call(story.ada, |client, cx| client.withdraw_verification(story.ben, cx)).unwrap();
    story.world.settle();
    story.world.hosts[story.second].events.clear();
    story.world.lie = lie;
    story.reconnect(story.second);
    story
}

/// The second device holds on to what it has seen, and says what the relay did.
fn assert_refused(story: &Story, trouble: RecordsTrouble) {
    assert_eq!(story.settings(story.second), dark());
    assert!(story.is_verified(story.second));
    assert!(story.was_told(story.second, trouble), "{:?}", story.world.hosts[story.second].events);
}

#[test]
fn an_honest_relay_is_believed() {
    let story = after_lie(50, |_, answer| answer);

    assert!(!story.is_verified(story.second));
    assert!(!story.was_told_of_any(story.second));
}

#[test]
fn a_feed_that_ends_before_ones_cursor_is_a_rollback() {
    let story = after_lie(51, |request, answer| {
        in_the_feed(request, answer, |page| {
            *page = ChangesPage { changes: List::default(), upto: 1, head: 1 };
        })
    });

    assert_refused(&story, RecordsTrouble::RolledBack);
}

#[test]
fn an_older_version_under_a_newer_number_is_a_rollback() {
    let story = after_lie(52, |request, answer| {
        in_the_feed(request, answer, |page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.version = 1);
            page.changes = List::new(changes).unwrap();
        })
    });

    // The contact's first version: unverified, under its own floor.
    assert_refused(&story, RecordsTrouble::RolledBack);
}

#[test]
fn changed_bytes_are_refused() {
    let story = after_lie(53, |request, answer| {
        in_the_feed(request, answer, |page| {
            let mut changes = page.changes.clone().into_vec();
            for change in &mut changes {
                let mut bytes = change.ciphertext.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                change.ciphertext = Bytes::new(bytes).unwrap();
            }
            page.changes = List::new(changes).unwrap();
        })
    });

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn records_that_changed_places_are_refused() {
    let story = after_lie(54, |request, answer| {
        in_the_feed(request, answer, |page| {
            let mut changes = page.changes.clone().into_vec();
            if let [one, two, ..] = changes.as_mut_slice() {
                core::mem::swap(&mut one.ciphertext, &mut two.ciphertext);
            }
            page.changes = List::new(changes).unwrap();
        })
    });

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn a_deletion_that_no_device_has_signed_off_is_refused() {
    let story = after_lie(55, |request, answer| {
        in_the_feed(request, answer, |page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.kind = ChangeKind::Deleted);
            page.changes = List::new(changes).unwrap();
        })
    });

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn numbers_out_of_order_and_what_is_no_page_are_refused() {
    let backwards = after_lie(56, |request, answer| {
        in_the_feed(request, answer, |page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.change = 1);
            page.changes = List::new(changes).unwrap();
        })
    });
    let nonsense = after_lie(57, |request, (status, body)| {
        if request.path.starts_with("/v1/records?") { (status, vec![0xff]) } else { (status, body) }
    });

    assert_refused(&backwards, RecordsTrouble::Forged);
    assert_refused(&nonsense, RecordsTrouble::Forged);
}

#[test]
fn conflicts_with_versions_that_the_feed_does_not_show_end_and_are_told() {
    let mut story = Story::new(58);
    story.world.lie = |request, (status, body)| {
        if let Some(cursor) = request.path.strip_prefix("/v1/records?after=") {
            let head = cursor.parse().unwrap();
            return (status, to_bytes(&ChangesPage { changes: List::default(), upto: head, head }));
        }
        if request.method != Method::Put {
            return (status, body);
        }
        let RecordsPut { outcomes } = from_bytes(&body).unwrap();
        let outcomes = outcomes.iter().map(|_| WriteOutcome::Conflict { version: 99 }).collect();
        (status, to_bytes(&RecordsPut { outcomes: List::new(outcomes).unwrap() }))
    };

    story.choose(story.ada, dark());
    // Comes to rest, or panics.
    story.world.settle();

    assert!(story.was_told(story.ada, RecordsTrouble::RolledBack));
    assert_eq!(story.settings(story.ada), dark(), "what was chosen here stays");
}

#[test]
fn a_full_account_is_told_and_writes_when_there_is_room_again() {
    let mut story = Story::new(59);
    story.world.call(story.second, |client, cx| client.go_offline(cx));
    let before = story.world.relay.clone();
    story.world.lie = |request, (status, body)| {
        if request.method != Method::Put {
            return (status, body);
        }
        let problem = Problem::new(ErrorCode::LimitReached, Facts::default());
        (problem.status, serde_json::to_vec(&problem).unwrap())
    };

    story.choose(story.ada, dark());
    story.world.settle();
    assert!(story.was_told(story.ada, RecordsTrouble::Full));
    story.world.lie = |_, answer| answer;
    // Nothing was stored while the relay refused.
    story.world.relay = before;
    story.reconnect(story.ada);
    story.reconnect(story.second);

    assert_eq!(story.settings(story.second), dark());
}
