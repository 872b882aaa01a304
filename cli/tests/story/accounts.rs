use client_core::client::{Client, CommandErrorCode, Outcome};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    person::{PASSWORD, Person, display_name, heard, refusal, soon},
    relay::Relay,
    wire::Wire,
};

async fn status_of(relay: &Relay, path: &str, token: &str) -> u16 {
    let stream = TcpStream::connect(relay.address()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, relay.address().to_string())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Empty::<bytes::Bytes>::new().boxed())
        .unwrap();
    sender.send_request(request).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_handle_is_refused_and_the_store_stays_empty() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let _ada = Person::registered(&wire, "ada").await;
    let other = Person::newcomer(&wire).await;

    let account = client_core::client::NewAccount {
        handle: "ada".to_owned(),
        display_name: display_name("ada"),
        colour: 1,
        password: zeroize::Zeroizing::new(PASSWORD.to_owned()),
        device_name: "first".to_owned(),
        invite: zeroize::Zeroizing::default(),
    };
    let outcome =
        soon("an answer", other.host.command(|client, cx| client.create_account(account, cx))).await;

    assert_eq!(refusal(outcome), CommandErrorCode::HandleTaken);
    assert_eq!(other.host.with(|client, _| client.profile()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_right_one_works_afterwards() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let second = Person::newcomer(&wire).await;

    let wrong = second.log_in("ada", "a horse, a battery and a stable").await;

    assert_eq!(refusal(wrong), CommandErrorCode::WrongPassword);
    assert_eq!(second.host.with(|client, _| client.profile()).await.unwrap(), None);
    second.log_in("ada", PASSWORD).await.unwrap();
    assert_eq!(second.profile().await.fingerprint, ada.profile().await.fingerprint);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_key_opens_the_account_and_sets_a_new_password() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let fingerprint = ada.profile().await.fingerprint;
    let key = ada.host.with(|client, _| client.recovery_key()).await.unwrap().unwrap().join("-");
    let new_password = "another horse, another battery";

    let recovered = Person::newcomer(&wire).await;
    recovered.recover("ada", &key, new_password).await.unwrap();

    assert_eq!(recovered.profile().await.fingerprint, fingerprint);
    let third = Person::newcomer(&wire).await;
    assert_eq!(refusal(third.log_in("ada", PASSWORD).await), CommandErrorCode::WrongPassword);
    third.log_in("ada", new_password).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_and_a_foreign_recovery_key_are_told_apart() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let own = ada.host.with(|client, _| client.recovery_key()).await.unwrap().unwrap().join("-");
    let foreign = bob.host.with(|client, _| client.recovery_key()).await.unwrap().unwrap().join("-");
    let swapped = if own.ends_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{swapped}", &own[..own.len() - 1]);
    let newcomer = Person::newcomer(&wire).await;

    let outcome = newcomer.recover("ada", &mistyped, "another horse, another battery").await;
    assert_eq!(refusal(outcome), CommandErrorCode::RecoveryKeyMistyped);
    let outcome = newcomer.recover("ada", &foreign, "another horse, another battery").await;
    assert_eq!(refusal(outcome), CommandErrorCode::RecoveryKeyWrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_writes_while_nobody_else_is_online() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    let mut bob_hears = bob.host.listen();
    ada.says(group, "from the first device").await;
    heard(&mut bob_hears, "from the first device").await;
    let (ada, bob) = (ada.closes().await, bob.closes().await);

    let second = Person::logged_in(&wire, "ada", PASSWORD).await;
    assert_eq!(second.conversation("bob").await, group);
    second.says(group, "from the second device").await;
    second.closes().await;

    let bob = Person::catches_up(&wire, bob, "from the second device").await;
    let bobs = bob.texts(group).await;
    assert_eq!(bobs, ["from the first device", "from the second device"]);
    let ada = Person::catches_up(&wire, ada, "from the second device").await;
    let own = ada.messages(group).await.into_iter().rfind(|message| message.seq.is_some()).unwrap();
    assert!(own.mine, "the first device knows that its own account wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_revokes_the_device_at_once_and_leaves_nothing_here() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let first = Person::registered(&wire, "ada").await;
    let second = Person::logged_in(&wire, "ada", PASSWORD).await;
    let token =
        second.host.with(|client, _| client.access_token().map(str::to_owned)).await.unwrap().unwrap();
    assert_eq!(status_of(&relay, "/v1/devices", &token).await, 200);

    let done = soon("a log-out", second.host.command(Client::log_out)).await.unwrap();
    second.host.wipe().await.unwrap();

    assert!(matches!(done, Outcome::Done {}));
    assert_eq!(status_of(&relay, "/v1/devices", &token).await, 401);
    assert_eq!(std::fs::read_dir(second.directory.path()).unwrap().count(), 0);
    first.online().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_right_after_a_start_waits_for_a_token_and_revokes_the_device() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let first = Person::registered(&wire, "ada").await;
    let second = Person::logged_in(&wire, "ada", PASSWORD).await;
    let token =
        second.host.with(|client, _| client.access_token().map(str::to_owned)).await.unwrap().unwrap();
    let directory = second.closes().await;
    let host = sotto_cli::host::Host::open(directory.path(), wire.url().parse().unwrap()).await.unwrap();
    assert_eq!(host.with(|client, _| client.access_token().map(str::to_owned)).await.unwrap(), None);

    soon("a log-out", host.command(Client::log_out)).await.unwrap();
    host.wipe().await.unwrap();

    assert_eq!(status_of(&relay, "/v1/devices", &token).await, 401);
    first.online().await;
}
