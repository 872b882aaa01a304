//! Lies about the account's records: the feed of vault, contacts and settings.

use protocol::{
    ErrorCode, Facts, Problem,
    records::{ChangeKind, ChangesPage, RecordsPut, WriteOutcome},
    socket::{from_bytes, to_bytes},
    values::{Bytes, List},
};
use sotto_client_core::client::{Event, Method, RecordsTrouble};

use super::{bytes_of, cbor_of};
use crate::{
    records::{Story, dark, quiet},
    world::{Lie, honest},
};

const FEED: &str = "/v1/records?";

fn was_told(story: &Story, host: usize, trouble: RecordsTrouble) -> bool {
    story.world.hosts[host].events.contains(&Event::RecordsTroubled { trouble })
}

/// Changes pages of the feed and nothing else.
fn in_the_feed(change: impl Fn(&mut ChangesPage) + 'static) -> Lie {
    cbor_of(FEED, change)
}

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
    assert!(was_told(story, story.second, trouble), "{:?}", story.world.hosts[story.second].events);
}

#[test]
fn an_honest_relay_is_believed() {
    let story = after_lie(50, honest());

    assert!(!story.is_verified(story.second));
    assert!(!story.was_told_of_any(story.second));
}

#[test]
fn a_feed_that_ends_before_ones_cursor_is_a_rollback() {
    let story = after_lie(
        51,
        in_the_feed(|page| {
            *page = ChangesPage { changes: List::default(), upto: 1, head: 1 };
        }),
    );

    assert_refused(&story, RecordsTrouble::RolledBack);
}

#[test]
fn an_older_version_under_a_newer_number_is_a_rollback() {
    let story = after_lie(
        52,
        in_the_feed(|page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.version = 1);
            page.changes = List::new(changes).unwrap();
        }),
    );

    // The contact's first version: unverified, under its own floor.
    assert_refused(&story, RecordsTrouble::RolledBack);
}

#[test]
fn changed_bytes_are_refused() {
    let story = after_lie(
        53,
        in_the_feed(|page| {
            let mut changes = page.changes.clone().into_vec();
            for change in &mut changes {
                let mut bytes = change.ciphertext.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                change.ciphertext = Bytes::new(bytes).unwrap();
            }
            page.changes = List::new(changes).unwrap();
        }),
    );

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn records_that_changed_places_are_refused() {
    let story = after_lie(
        54,
        in_the_feed(|page| {
            let mut changes = page.changes.clone().into_vec();
            if let [one, two, ..] = changes.as_mut_slice() {
                core::mem::swap(&mut one.ciphertext, &mut two.ciphertext);
            }
            page.changes = List::new(changes).unwrap();
        }),
    );

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn a_deletion_that_no_device_has_signed_off_is_refused() {
    let story = after_lie(
        55,
        in_the_feed(|page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.kind = ChangeKind::Deleted);
            page.changes = List::new(changes).unwrap();
        }),
    );

    assert_refused(&story, RecordsTrouble::Forged);
}

#[test]
fn numbers_out_of_order_and_what_is_no_page_are_refused() {
    let backwards = after_lie(
        56,
        in_the_feed(|page| {
            let mut changes = page.changes.clone().into_vec();
            changes.iter_mut().for_each(|change| change.change = 1);
            page.changes = List::new(changes).unwrap();
        }),
    );
    let nonsense = after_lie(57, bytes_of(FEED, |body| *body = vec![0xff]));

    assert_refused(&backwards, RecordsTrouble::Forged);
    assert_refused(&nonsense, RecordsTrouble::Forged);
}

#[test]
fn conflicts_with_versions_that_the_feed_does_not_show_end_and_are_told() {
    let mut story = Story::new(58);
    story.world.lie = Box::new(|_, request, (status, body)| {
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
    });

    story.choose(story.ada, dark());
    // Comes to rest, or panics.
    story.world.settle();

    assert!(was_told(&story, story.ada, RecordsTrouble::RolledBack));
    assert_eq!(story.settings(story.ada), dark(), "what was chosen here stays");
}

#[test]
fn a_full_account_is_told_and_writes_when_there_is_room_again() {
    let mut story = Story::new(59);
    story.world.call(story.second, |client, cx| client.go_offline(cx));
    let before = story.world.relay.clone();
    story.world.lie = Box::new(|_, request, (status, body)| {
        if request.method != Method::Put {
            return (status, body);
        }
        let problem = Problem::new(ErrorCode::LimitReached, Facts::default());
        (problem.status, serde_json::to_vec(&problem).unwrap())
    });

    story.choose(story.ada, dark());
    story.world.settle();
    assert!(was_told(&story, story.ada, RecordsTrouble::Full));
    story.world.lie = honest();
    // Nothing was stored while the relay refused.
    story.world.relay = before;
    story.reconnect(story.ada);
    story.reconnect(story.second);

    assert_eq!(story.settings(story.second), dark());
}
