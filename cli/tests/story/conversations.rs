use client_core::client::{Content, Trust};

use crate::{
    person::{Person, display_name, heard},
    relay::Relay,
    wire::Wire,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_meet_by_handle_and_talk_both_ways() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let (mut ada_hears, mut bob_hears) = (ada.host.listen(), bob.host.listen());

    let group = ada.conversation("bob").await;
    ada.says(group, "Can you read this?").await;
    let question = heard(&mut bob_hears, "Can you read this?").await;
    bob.says(group, "Every word.").await;
    let answer = heard(&mut ada_hears, "Every word.").await;

    assert_eq!(question.author_id, Some(ada.profile().await.account_id));
    assert_eq!(answer.author_id, Some(bob.profile().await.account_id));
    assert_eq!(bob.conversation("ada").await, group, "both have the same conversation");
    assert_eq!(ada.texts(group).await, ["Can you read this?", "Every word."]);
    assert_eq!(bob.texts(group).await, ["Can you read this?", "Every word."]);
    assert_eq!(ada.details(group).await.contact.display_name, display_name("bob"));
    assert_eq!(bob.details(group).await.contact.display_name, display_name("ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_people_see_the_same_safety_number_and_keep_it_as_verified() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let mut bob_hears = bob.host.listen();
    let group = ada.conversation("bob").await;
    ada.says(group, "Compare with me.").await;
    heard(&mut bob_hears, "Compare with me.").await;

    let (of_bob, of_ada) = (ada.details(group).await, bob.details(group).await);

    assert_eq!(of_bob.safety_number, of_ada.safety_number);
    assert_eq!(of_bob.safety_number.concat().len(), 60);
    assert_eq!(of_bob.fingerprint, bob.profile().await.fingerprint);
    assert_eq!(of_ada.fingerprint, ada.profile().await.fingerprint);
    let (peer, fingerprint) = (ada.peer(group).await, of_bob.fingerprint);
    ada.host.with(move |client, cx| client.confirm_match(peer, &fingerprint, cx)).await.unwrap().unwrap();
    let ada = Person::reopened(&wire, ada.closes().await).await;
    assert!(matches!(ada.details(group).await.contact.trust, Trust::Verified { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_somebody_who_is_away_wait_in_order() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    let bob = bob.closes().await;
    let texts: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
    for text in &texts {
        ada.says(group, text).await;
    }

    let bob = Person::catches_up(&wire, bob, "line 29").await;

    assert_eq!(bob.texts(group).await, texts);
    let strangers = bob.messages(group).await;
    assert!(
        strangers.iter().all(|message| !message.mine || !matches!(message.content, Content::Text { .. })),
        "nothing of it is shown as one's own"
    );
}
