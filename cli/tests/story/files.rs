use client_core::client::{CommandErrorCode, Content, Event, Message};
use protocol::GroupId;
use sotto_cli::transfer::{TransferError, get_file, send_file};

use crate::{
    person::{Person, sent, soon},
    relay::Relay,
    wire::Wire,
};

/// Bytes without a pattern that compresses or repeats; the same for the same length.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ length as u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = std::iter::repeat_with(next).take(length.div_ceil(8));
    let mut bytes: Vec<u8> = words.flatten().collect();
    bytes.truncate(length);
    bytes
}

/// `sender` sends `bytes` as a file called `name`; gives what `recipient` is shown of it.
pub(crate) async fn hand_over(
    (sender, recipient): (&Person, &Person),
    group: GroupId,
    name: &str,
    bytes: &[u8],
) -> Message {
    let path = sender.directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let (mut ticks, mut hears) = (sender.host.listen(), recipient.host.listen());
    let message = send_file(&sender.host, group, &path).await.unwrap();
    sent(&mut ticks, message).await;
    std::fs::remove_file(&path).unwrap();
    let came = hears.until(|event| match event {
        Event::MessageReceived { message } if matches!(message.content, Content::File(_)) => Some(message),
        _ => None,
    });
    soon(name, came).await.unwrap()
}

async fn acquainted(wire: &Wire) -> (Person, Person, GroupId) {
    let ada = Person::registered(wire, "ada").await;
    let bob = Person::registered(wire, "bob").await;
    let group = ada.conversation("bob").await;
    ada.says(group, "A file follows.").await;
    (ada, bob, group)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_20_mb_arrives_byte_for_byte() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let bytes = noise(20 * 1024 * 1024 + 7);

    let message = hand_over((&ada, &bob), group, "holiday.tar", &bytes).await;

    let Content::File(file) = &message.content else {
        panic!("no file");
    };
    assert_eq!((file.name.as_str(), file.size_bytes), ("holiday.tar", bytes.len() as u64));
    let path = bob.directory.path().join("saved");
    get_file(&bob.host, group, message.message_id, &path).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes, "the bytes differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_awkward_lengths_arrive_byte_for_byte() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;

    for length in [0, 1, 4096, 65_535, 65_536, 65_537, 8 * 65_536, 8 * 65_536 + 1] {
        let bytes = noise(length);
        let message = hand_over((&ada, &bob), group, "awkward", &bytes).await;
        let path = bob.directory.path().join(format!("saved-{length}"));
        get_file(&bob.host, group, message.message_id, &path).await.unwrap();

        assert!(std::fs::read(&path).unwrap() == bytes, "{length} bytes differ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_file_is_refused_and_leaves_nothing_behind() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let message = hand_over((&ada, &bob), group, "letter", &noise(200_000)).await;
    wire.lie(|path, body| {
        let mut body = body.to_vec();
        let middle = body.len() / 2;
        path.starts_with("/v1/blobs/").then(|| {
            body[middle] ^= 1;
            body
        })
    });

    let path = bob.directory.path().join("saved");
    let outcome = get_file(&bob.host, group, message.message_id, &path).await;

    assert!(matches!(outcome, Err(TransferError::Damaged(_))), "{outcome:?}");
    let left = std::fs::read_dir(bob.directory.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("saved")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_relay_cuts_short_is_refused() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let message = hand_over((&ada, &bob), group, "letter", &noise(200_000)).await;
    wire.lie(|path, body| path.starts_with("/v1/blobs/").then(|| body[..72 + 65_552].to_vec()));

    let path = bob.directory.path().join("saved");
    let outcome = get_file(&bob.host, group, message.message_id, &path).await;

    assert!(matches!(outcome, Err(TransferError::Damaged(_))), "{outcome:?}");
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_never_saved_over_another() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let message = hand_over((&ada, &bob), group, "letter", b"new").await;
    let path = bob.directory.path().join("saved");
    std::fs::write(&path, b"old").unwrap();

    let outcome = get_file(&bob.host, group, message.message_id, &path).await;

    assert!(matches!(outcome, Err(TransferError::File { .. })), "{outcome:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_file_has_none_to_save() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, _bob, group) = acquainted(&wire).await;
    let message = ada.says(group, "no file").await;

    let outcome = get_file(&ada.host, group, message, &ada.directory.path().join("saved")).await;

    let Err(TransferError::Host(sotto_cli::host::HostError::Command(error))) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.code, CommandErrorCode::NotFound);
}
