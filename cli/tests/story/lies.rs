use client_core::{
    account_seed::AccountSeed,
    certificate::DevicePublicKeys,
    client::{Client, CommandErrorCode, Delivery, Event, Trust},
    device_list::DeviceListDraft,
    root_key::RootKey,
};
use getrandom::SysRng;
use protocol::{
    AccountId, DeviceAuthKey, DeviceId, LeafKey, UnixMillis, accounts::DirectoryEntry,
    device_list::DeviceList, socket::RelayFrame, values::Bytes,
};
use rand_core::UnwrapErr;

use crate::{
    person::{Person, heard, refusal, soon},
    relay::Relay,
    wire::Wire,
};

/// The directory's answer with another identity in it: everything is signed well, by keys that the relay made.
fn impersonated(answer: &[u8]) -> Vec<u8> {
    let mut entry: DirectoryEntry = serde_json::from_slice(answer).unwrap();
    let honest = DeviceList::decode(&entry.device_list).unwrap().body;
    let mut rng = UnwrapErr(SysRng);
    let identity = AccountSeed::generate(&mut rng).identity();
    let root_key = RootKey::generate(1, &mut rng);
    let keys = DevicePublicKeys {
        device: DeviceId::from_bytes([7; 16]),
        leaf_key: LeafKey::from_bytes([8; 32]),
        device_auth_key: DeviceAuthKey::from_bytes([9; 32]),
    };
    let certificate = identity.certify(entry.account_id, keys, UnixMillis(1_700_000_000_000));
    let mut list = DeviceListDraft::first(honest.account, identity.public(), &root_key);
    list.add(&certificate).unwrap();
    entry.device_list = Bytes::new(list.sign(&identity).unwrap().encoded()).unwrap();
    serde_json::to_vec(&entry).unwrap()
}

async fn acquainted(wire: &Wire) -> (Person, Person, protocol::GroupId) {
    let ada = Person::registered(wire, "ada").await;
    let bob = Person::registered(wire, "bob").await;
    let mut bob_hears = bob.host.listen();
    let group = ada.conversation("bob").await;
    ada.says(group, "It is really me.").await;
    heard(&mut bob_hears, "It is really me.").await;
    (ada, bob, group)
}

/// From now on the directory gives another identity for `account`, and everybody is told to look.
fn swap_identity(wire: &Wire, account: AccountId) {
    wire.lie(|path, body| {
        let directory = path.starts_with("/v1/accounts/") && !path.contains("/register/");
        directory.then(|| impersonated(body))
    });
    wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 2 });
}

async fn key_changed(events: &mut sotto_cli::host::Listener) -> client_core::client::Contact {
    let told = events.until(|event| match event {
        Event::KeyChanged { contact, .. } => Some(contact),
        _ => None,
    });
    soon("the notice of a changed key", told).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_identity_is_told_and_stops_sending_to_a_verified_contact() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let account = ada.profile().await.account_id;
    let fingerprint = bob.details(group).await.fingerprint;
    let compared = fingerprint.clone();
    bob.host.with(move |client, cx| client.confirm_match(account, &compared, cx)).await.unwrap().unwrap();
    let mut bob_hears = bob.host.listen();

    swap_identity(&wire, account);

    let contact = key_changed(&mut bob_hears).await;
    assert_eq!(contact.account_id, account);
    assert!(matches!(contact.trust, Trust::Changed { was_verified: true, .. }), "{:?}", contact.trust);
    let id = bob.writes(group, "Is it you?").await;
    bob.host.with(Client::connect).await.unwrap();
    ada.says(group, "Still really me.").await;
    heard(&mut bob_hears, "Still really me.").await;
    let waiting = bob.messages(group).await.into_iter().find(|message| message.message_id == id).unwrap();
    assert_eq!(waiting.delivery, Delivery::Queued, "nothing goes out until the person decides");

    let stale =
        bob.host.with(move |client, cx| client.confirm_match(account, &fingerprint, cx)).await.unwrap();
    assert_eq!(
        stale.map_err(|error| error.code),
        Err(CommandErrorCode::KeyChanged),
        "what was compared before says nothing of the key that is shown now"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_identity_of_an_unverified_contact_is_told_too() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, _) = acquainted(&wire).await;
    let account = ada.profile().await.account_id;
    let mut bob_hears = bob.host.listen();

    swap_identity(&wire, account);

    let contact = key_changed(&mut bob_hears).await;
    assert!(matches!(contact.trust, Trust::Changed { was_verified: false, .. }), "{:?}", contact.trust);
}

/// At first contact the swapped identity has no key packages that fit it: the ones of the real device are refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_swapped_at_first_contact_can_not_be_joined_with_the_real_devices() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let _ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    wire.lie(|path, body| path.starts_with("/v1/accounts/by-handle/").then(|| impersonated(body)));

    let started = bob.host.command(|client, cx| client.start_conversation("ada", cx));
    let outcome = soon("an answer", started).await;

    let code = refusal(outcome);
    let told = [
        CommandErrorCode::RelayMisbehaved,
        CommandErrorCode::PeerMisbehaved,
        CommandErrorCode::PeerUnreachable,
    ];
    assert!(told.contains(&code), "{code:?}");
    assert_eq!(bob.host.with(|client, _| client.conversations()).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_answers_with_somebody_else_is_refused() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let _ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    wire.lie(|path, body| {
        path.starts_with("/v1/accounts/by-handle/").then(|| {
            let mut entry: DirectoryEntry = serde_json::from_slice(body).unwrap();
            entry.handle = "eve".parse().unwrap();
            serde_json::to_vec(&entry).unwrap()
        })
    });

    let started = bob.host.command(|client, cx| client.start_conversation("ada", cx));

    assert_eq!(refusal(soon("an answer", started).await), CommandErrorCode::RelayMisbehaved);
}
