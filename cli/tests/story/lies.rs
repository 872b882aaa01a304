use client_core::{
    account_seed::AccountSeed,
    certificate::DevicePublicKeys,
    client::{Client, CommandErrorCode, Content, Delivery, Event, ListFault, Notice, RefusedListView, Trust},
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
    person::{PASSWORD, Person, heard, refusal, soon},
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

/// How a list may be wrong though the directory names the right account.
fn lies_about_lists(old: &[u8]) -> [(ListFault, Vec<u8>); 3] {
    let entry: DirectoryEntry = serde_json::from_slice(old).unwrap();
    let with = |list: Vec<u8>| {
        let entry = DirectoryEntry { device_list: Bytes::new(list).unwrap(), ..entry.clone() };
        serde_json::to_vec(&entry).unwrap()
    };
    let mut unsigned = entry.device_list.to_vec();
    *unsigned.last_mut().unwrap() ^= 1;
    [
        (ListFault::RolledBack, old.to_vec()),
        (ListFault::BadlySigned, with(unsigned)),
        (ListFault::BadlySigned, with(b"no list at all".to_vec())),
    ]
}

fn notices(messages: &[client_core::client::Message]) -> Vec<Notice> {
    let notice = |message: &client_core::client::Message| match &message.content {
        Content::Notice(notice) => Some(*notice),
        _ => None,
    };
    messages.iter().filter_map(notice).collect()
}

async fn refused_list_is(
    events: &mut sotto_cli::host::Listener,
    wanted: impl Fn(Option<RefusedListView>) -> bool,
) -> client_core::client::Conversation {
    let told = events.until(|event| match event {
        Event::ConversationChanged { conversation } if wanted(conversation.peer.refused_list) => {
            Some(conversation)
        }
        _ => None,
    });
    soon("what became of the list", told).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_device_list_is_told_and_sending_waits_until_the_right_one_is_given() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let account = ada.profile().await.account_id;
    let old = wire.last_answer(|path| path == format!("/v1/accounts/{account}"));
    let old = old.expect("bob looked ada up");
    let mut bob_hears = bob.host.listen();
    // A second device: from now on version 1 is an old list.
    let second = Person::logged_in(&wire, "ada", PASSWORD).await;
    assert_eq!(second.conversation("bob").await, group);
    second.says(group, "From my second device.").await;
    heard(&mut bob_hears, "From my second device.").await;
    bob.says(group, "I see both of you.").await;

    for (fault, lie) in lies_about_lists(&old) {
        wire.lie(move |path, _| path.starts_with("/v1/accounts/").then(|| lie.clone()));
        wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 3 });

        let told = refused_list_is(&mut bob_hears, |list| list.is_some()).await;
        assert_eq!(told.peer.refused_list, Some(RefusedListView { fault, heeded: false }));
        let words = format!("Who reads this? {fault:?}");
        let id = bob.writes(group, &words).await;
        bob.host.with(Client::connect).await.unwrap();
        let waiting = bob.messages(group).await.into_iter().find(|message| message.message_id == id);
        assert_eq!(waiting.unwrap().delivery, Delivery::Queued, "{fault:?}");
        let refused = Notice::DeviceListRefused { account_id: account, fault };
        assert!(notices(&bob.messages(group).await).contains(&refused), "{fault:?}");

        let mut ada_hears = ada.host.listen();
        wire.lie(|_, _| None);
        wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 3 });
        refused_list_is(&mut bob_hears, |list| list.is_none()).await;
        heard(&mut ada_hears, &words).await;
        let repaired = Notice::DeviceListRepaired { account_id: account };
        assert!(notices(&bob.messages(group).await).contains(&repaired), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_go_on_with_the_known_list_and_the_same_lie_is_told_once() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, bob, group) = acquainted(&wire).await;
    let account = ada.profile().await.account_id;
    let mut bob_hears = bob.host.listen();
    wire.lie(|path, body| {
        let directory = path.starts_with("/v1/accounts/") && !path.contains("/register/");
        directory.then(|| {
            let mut entry: DirectoryEntry = serde_json::from_slice(body).unwrap();
            entry.device_list = Bytes::new(b"no list at all".to_vec()).unwrap();
            serde_json::to_vec(&entry).unwrap()
        })
    });
    wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 2 });
    refused_list_is(&mut bob_hears, |list| list.is_some()).await;

    bob.host.with(move |client, cx| client.heed_refused_list(account, cx)).await.unwrap().unwrap();

    bob.says(group, "I go on.").await;
    wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 2 });
    bob.says(group, "And on.").await;
    let told = notices(&bob.messages(group).await);
    let refused = |notice: &&Notice| matches!(notice, Notice::DeviceListRefused { .. });
    assert_eq!(told.iter().filter(refused).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_list_of_ones_own_devices_is_told() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let (ada, _bob, _) = acquainted(&wire).await;
    let account = ada.profile().await.account_id;
    let mut ada_hears = ada.host.listen();
    let profile = |event| match event {
        Event::ProfileChanged { profile } => Some(profile.refused_list),
        _ => None,
    };

    swap_identity(&wire, account);
    let told = soon("a changed profile", ada_hears.until(profile)).await.unwrap();
    wire.lie(|_, _| None);
    wire.inject(&RelayFrame::DeviceListChanged { account_id: account, version: 2 });
    let repaired = soon("a changed profile", ada_hears.until(profile)).await.unwrap();

    assert_eq!((told, repaired), (Some(ListFault::AnotherIdentity), None));
}
