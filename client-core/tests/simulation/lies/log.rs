//! Lies in the log of a group: what was never said, said elsewhere, or said before.

use std::cell::RefCell;

use protocol::{
    ErrorCode,
    groups::{EntriesPage, Entry, EntryKind, Gap},
    socket::RelayFrame,
    values::{Bytes, List},
};
use sotto_client_core::client::{CommandErrorCode, Content, Delivery, Notice, UnreadableReason};

use super::{Talk, cbor_of, flipped};
use crate::{
    strangers::start_chat,
    world::{FrameLie, honest, honest_frames},
};

/// Changes the entries that go to one host.
fn entries_to(host: usize, change: impl Fn(Vec<Entry>) -> Vec<Entry> + 'static) -> FrameLie {
    Box::new(move |to, frame| match frame {
        RelayFrame::Entries { group_id, entries } if to == host => {
            let entries = change(entries.into_vec());
            if entries.is_empty() {
                return Vec::new();
            }
            vec![RelayFrame::Entries { group_id, entries: List::new(entries).ok().unwrap() }]
        }
        frame => vec![frame],
    })
}

fn unreadable(reason: UnreadableReason) -> Notice {
    Notice::Unreadable { reason }
}

fn with_content(entry: &Entry, content: &[u8]) -> Entry {
    Entry { content: Bytes::new(content.to_vec()).unwrap(), ..entry.clone() }
}

#[test]
fn a_message_with_changed_bytes_is_told_and_shown_as_nothing() {
    let mut talk = Talk::new(170);
    talk.world.frame_lie = entries_to(talk.ben, |entries| {
        let change = |entry: &Entry| with_content(entry, &flipped(&entry.content, entry.content.len() - 1));
        entries.iter().map(change).collect()
    });

    talk.say(talk.ada, "changed on the way");
    talk.world.settle();

    assert!(talk.notices(talk.ben).contains(&unreadable(UnreadableReason::BadData)));
    assert_eq!(talk.texts(talk.ben), ["before"]);
}

#[test]
fn a_cut_message_is_told_and_shown_as_nothing() {
    let mut talk = Talk::new(171);
    talk.world.frame_lie = entries_to(talk.ben, |entries| {
        entries.iter().map(|entry| with_content(entry, &entry.content[..10])).collect()
    });

    talk.say(talk.ada, "cut on the way");
    talk.world.settle();

    assert!(talk.notices(talk.ben).contains(&unreadable(UnreadableReason::BadData)));
    assert_eq!(talk.texts(talk.ben), ["before"]);
}

/// The relay gives Ben, in the next message's place, one that he has read already.
fn replay(seed: u64) -> Talk {
    let mut talk = Talk::new(seed);
    talk.say(talk.ada, "once");
    talk.world.settle();
    let log = talk.world.relay.log(talk.group);
    let said = log.iter().rev().find(|entry| entry.kind == EntryKind::Message).unwrap().clone();
    talk.world.frame_lie = entries_to(talk.ben, move |entries| {
        entries.iter().map(|entry| with_content(entry, &said.content)).collect()
    });
    talk.say(talk.ada, "kept back");
    talk.world.settle();
    talk
}

#[test]
fn a_replayed_message_is_told_and_not_shown_again() {
    let mut talk = replay(172);

    assert_eq!(talk.texts(talk.ben), ["before", "once"]);
    assert!(talk.notices(talk.ben).contains(&unreadable(UnreadableReason::KeyDeleted)));
}

#[test]
fn a_message_replayed_to_its_own_author_is_told_and_not_shown_again() {
    let mut talk = Talk::new(173);
    talk.say(talk.ada, "mine");
    talk.world.settle();
    let log = talk.world.relay.log(talk.group);
    let mine = log.iter().rev().find(|entry| entry.kind == EntryKind::Message).unwrap().clone();
    talk.world.frame_lie = entries_to(talk.ada, move |entries| {
        entries.iter().map(|entry| with_content(entry, &mine.content)).collect()
    });

    talk.say(talk.ben, "kept back");
    talk.world.settle();

    assert_eq!(talk.texts(talk.ada), ["before", "mine"]);
    assert!(talk.notices(talk.ada).contains(&unreadable(UnreadableReason::BadData)));
}

#[test]
fn a_message_of_another_group_is_told_and_shown_as_nothing() {
    let mut talk = Talk::new(174);
    let carol = talk.world.register("carol");
    let other = start_chat(&mut talk.world, carol, "ben");
    talk.world.call(carol, |client, cx| client.send_text(other, "to ben from carol", cx)).unwrap();
    talk.world.settle();
    let spliced = talk.world.relay.log(other).pop().unwrap();
    talk.world.frame_lie = entries_to(talk.ben, move |entries| {
        entries.iter().map(|entry| with_content(entry, &spliced.content)).collect()
    });

    talk.say(talk.ada, "kept back");
    talk.world.settle();

    assert_eq!(talk.texts(talk.ben), ["before"]);
    let told = talk.notices(talk.ben);
    assert!(told.iter().any(|notice| matches!(notice, Notice::Unreadable { .. })), "{told:?}");
}

#[test]
fn a_message_that_was_left_out_is_fetched_and_a_relay_that_will_not_give_it_is_told() {
    let mut talk = Talk::new(175);
    let left_out = talk.world.relay.log(talk.group).len() as u64 + 1;
    talk.world.frame_lie = entries_to(talk.ben, move |entries| {
        entries.into_iter().filter(|entry| entry.seq != left_out).collect()
    });
    talk.say(talk.ada, "left out of a frame");
    talk.world.settle();
    talk.say(talk.ada, "after it");
    talk.world.settle();

    assert_eq!(talk.texts(talk.ben), ["before", "left out of a frame", "after it"], "asked for again");

    let withheld = talk.world.relay.log(talk.group).len() as u64 + 1;
    let without = move |entries: Vec<Entry>| -> Vec<Entry> {
        entries.into_iter().filter(|entry| entry.seq != withheld).collect()
    };
    talk.world.frame_lie = entries_to(talk.ben, without);
    let kept_back = cbor_of("/v1/groups/", move |page: &mut EntriesPage| {
        page.entries = List::new(without(page.entries.clone().into_vec())).ok().unwrap();
    });
    talk.world.lie =
        Box::new(
            move |host, request, answer| {
                if request.path.contains("/entries?") { kept_back(host, request, answer) } else { answer }
            },
        );
    talk.say(talk.ada, "withheld");
    talk.world.run();
    talk.say(talk.ada, "after that");
    talk.world.run();

    assert!(talk.world.hosts[talk.ben].events.iter().any(|event| {
        matches!(event, sotto_client_core::client::Event::MessageChanged { message }
            if message.content == Content::Notice(unreadable(UnreadableReason::MissingCommit)))
    }));
}

#[test]
fn a_gap_that_retention_has_not_made_is_told() {
    let mut talk = Talk::new(176);
    let head = talk.world.relay.log(talk.group).len() as u64;
    let group = talk.group;
    talk.world.frame_lie = Box::new(move |to, frame| match frame {
        RelayFrame::Entries { .. } if to == 1 => {
            vec![RelayFrame::Gap { group_id: group, gap: Gap { from: head + 1, to: head + 1 } }]
        }
        frame => vec![frame],
    });

    talk.say(talk.ada, "said to be cut");
    talk.world.settle();

    assert!(talk.notices(talk.ben).contains(&Notice::Gap { count: 1 }));
}

/// Ada's second device comes into the group by a commit of which the relay says something else to Ben.
fn after_commit(seed: u64, change: impl Fn(&Entry) -> Entry + 'static) -> Talk {
    let mut talk = Talk::new(seed);
    talk.world.frame_lie = entries_to(talk.ben, move |entries| {
        let lie =
            |entry: &Entry| if entry.kind == EntryKind::Message { entry.clone() } else { change(entry) };
        entries.iter().map(lie).collect()
    });
    talk.world.log_in("ada");
    talk.world.run();
    talk
}

/// Ben is told that this conversation can't be trusted any more; nothing goes out into it.
#[track_caller]
fn assert_ended(mut talk: Talk, reason: UnreadableReason) {
    let told = talk.notices(talk.ben);
    assert!(told.contains(&unreadable(reason)), "{told:?}");
    let (ben, group) = (talk.ben, talk.group);
    let refused = talk.world.call(ben, |client, cx| client.send_text(group, "anybody?", cx));
    assert_eq!(refused.unwrap_err().code, CommandErrorCode::NotAllowed);
    assert!(talk.world.hosts[ben].client.as_ref().unwrap().conversations()[0].ended);
}

#[test]
fn a_commit_that_contradicts_its_deltas_ends_the_conversation_loudly() {
    let other = |entry: &Entry| {
        let mut envelope = entry.commit.clone().unwrap();
        envelope.deltas = Bytes::new(flipped(&envelope.deltas, envelope.deltas.len() - 1)).unwrap();
        Entry { commit: Some(envelope), ..entry.clone() }
    };

    assert_ended(after_commit(177, other), UnreadableReason::Forked);
}

#[test]
fn a_commit_whose_envelope_names_somebody_else_ends_the_conversation_loudly() {
    let other = |entry: &Entry| {
        let mut envelope = entry.commit.clone().unwrap();
        envelope.account_id = protocol::AccountId::from_bytes([66; 16]);
        Entry { commit: Some(envelope), ..entry.clone() }
    };

    assert_ended(after_commit(178, other), UnreadableReason::Forked);
}

#[test]
fn a_commit_without_an_envelope_ends_the_conversation_loudly() {
    let bare = |entry: &Entry| Entry { commit: None, ..entry.clone() };

    assert_ended(after_commit(179, bare), UnreadableReason::Forked);
}

#[test]
fn a_commit_with_changed_bytes_ends_the_conversation_loudly_until_it_is_begun_again() {
    let changed = |entry: &Entry| with_content(entry, &flipped(&entry.content, entry.content.len() - 1));
    let mut talk = after_commit(180, changed);
    assert!(talk.notices(talk.ben).contains(&unreadable(UnreadableReason::Forked)));

    talk.world.frame_lie = honest_frames();
    assert_eq!(start_chat(&mut talk.world, talk.ben, "ada"), talk.group);
    talk.say(talk.ada, "together again");
    talk.world.settle();

    assert!(talk.texts(talk.ben).contains(&"together again".to_owned()));
    assert!(!talk.world.hosts[talk.ben].client.as_ref().unwrap().conversations()[0].ended);
}

#[test]
fn a_commit_shown_as_a_message_is_told_and_changes_nothing() {
    let mut talk =
        after_commit(181, |entry| Entry { kind: EntryKind::Message, commit: None, ..entry.clone() });

    assert!(talk.notices(talk.ben).iter().any(|notice| matches!(notice, Notice::Unreadable { .. })));
    assert_eq!(talk.texts(talk.ben), ["before"]);
}

#[test]
fn a_message_shown_as_a_commit_is_told_and_changes_nothing() {
    let mut talk = Talk::new(182);
    talk.world.frame_lie = entries_to(talk.ben, |entries| {
        entries.iter().map(|entry| Entry { kind: EntryKind::Commit, ..entry.clone() }).collect()
    });

    talk.say(talk.ada, "not a commit");
    talk.world.run();

    assert_ended(talk, UnreadableReason::Forked);
}

#[test]
fn two_winners_of_one_epoch_are_told_to_whoever_meets_the_other_history() {
    let mut talk = Talk::new(183);
    // Two histories of the same group: a device of Ada's comes in here, another one there.
    let mut elsewhere = talk.world.replay(2);
    elsewhere.start(talk.ada);
    elsewhere.start(talk.ben);
    elsewhere.log_in("ada");
    elsewhere.settle();
    let others = elsewhere.relay.log(talk.group).pop().unwrap();
    talk.world.log_in("ada");
    talk.world.settle();
    let shown: &RefCell<u64> = Box::leak(Box::new(RefCell::new(0)));
    talk.world.frame_lie = entries_to(talk.ben, move |entries| {
        *shown.borrow_mut() += 1;
        entries.iter().map(|entry| Entry { seq: entry.seq, ..others.clone() }).collect()
    });

    talk.say(talk.ada, "in this history");
    talk.world.run();

    assert!(*shown.borrow() > 0);
    let told = talk.notices(talk.ben);
    assert!(told.iter().any(|notice| matches!(notice, Notice::Unreadable { .. })), "{told:?}");
}

#[test]
fn a_message_that_the_relay_will_not_take_is_shown_as_failed_and_can_be_sent_again() {
    let mut talk = Talk::new(184);
    talk.world.frame_lie = Box::new(|_, frame| match frame {
        RelayFrame::Posted(posted) => vec![RelayFrame::Refused {
            message_id: posted.message_id,
            code: ErrorCode::Forbidden,
            epoch: None,
            head: None,
            seq: None,
            retry_after_seconds: None,
        }],
        RelayFrame::Entries { .. } => Vec::new(),
        frame => vec![frame],
    });

    talk.say(talk.ada, "refused");
    talk.world.run();

    let failed = talk.lines(talk.ada).pop().unwrap();
    assert_eq!(failed.delivery, Delivery::Failed { code: CommandErrorCode::NotAllowed });
    talk.world.frame_lie = honest_frames();
    talk.world.lie = honest();
    let (ada, group) = (talk.ada, talk.group);
    talk.world.call(ada, |client, cx| client.retry_message(group, failed.message_id, cx)).unwrap();
    talk.reconnect(ada);
    talk.reconnect(talk.ben);
    let refused = |text: &String| text == "refused";
    assert_eq!(
        talk.texts(talk.ben).into_iter().filter(refused).count(),
        1,
        "once, though it was stored twice"
    );
}
