use std::collections::BTreeSet;

use client_core::client::{Delivery, Event};
use protocol::MessageId;

use crate::{
    person::{Person, heard, soon, text_of},
    relay::Relay,
    wire::Wire,
};

const BURST: usize = 200;
/// The relay is killed when so many are ticked, and again.
const KILLS: [usize; 2] = [20, 90];

/// Messages shown as sent before the relay died are on its disk; those that were not are sent again. Each arrives
/// once, in the order in which it was written.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_as_sent_survives_kill_9_once_and_in_order() {
    let mut relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    let (mut ticks, mut hears) = (ada.host.listen(), bob.host.listen());
    let texts: Vec<String> = (0..BURST).map(|number| format!("burst {number}")).collect();
    let mut waiting: BTreeSet<MessageId> = BTreeSet::new();
    for text in &texts {
        waiting.insert(ada.writes(group, text).await);
    }

    let mut kills = KILLS.into_iter().peekable();
    while !waiting.is_empty() {
        let ticked = ticks.until(|event| match event {
            Event::MessageChanged { message } if matches!(message.delivery, Delivery::Sent) => {
                Some(message.message_id)
            }
            _ => None,
        });
        waiting.remove(&soon("a tick", ticked).await.unwrap());
        if kills.next_if(|ticked| BURST - waiting.len() >= *ticked).is_some() {
            relay.kill();
            relay.start_again();
            ada.online().await;
            bob.online().await;
        }
    }

    assert_eq!(kills.next(), None, "the relay was killed in the middle, every time");
    let mut heard = Vec::new();
    while heard.len() < BURST {
        let came = hears.until(|event| match event {
            Event::MessageReceived { message } => text_of(&message),
            _ => None,
        });
        heard.push(soon("the rest of the burst", came).await.unwrap());
    }
    assert_eq!(heard, texts, "as it came");
    assert_eq!(bob.texts(group).await, texts, "as the recipient keeps it");
    assert_eq!(ada.texts(group).await, texts, "as the sender keeps it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dies_with_a_full_outbox_sends_each_message_once() {
    let mut relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    ada.says(group, "first").await;
    relay.kill();
    for number in 0..20 {
        ada.writes(group, &format!("queued {number}")).await;
    }
    let ada = ada.closes().await;

    relay.start_again();
    let mut bob_hears = bob.host.listen();
    let ada = Person::reopened(&wire, ada).await;
    ada.says(group, "last").await;
    heard(&mut bob_hears, "last").await;

    let mut expected = vec!["first".to_owned()];
    expected.extend((0..20).map(|number| format!("queued {number}")));
    expected.push("last".to_owned());
    assert_eq!(ada.texts(group).await, expected);
    assert_eq!(bob.texts(group).await, expected);
}
