use std::path::Path;

use client_core::{sealed::open_local, secret::LocalStoreKey};
use minicbor::{Decoder, data::Type};
use protocol::GroupId;
use sqlx::{Row as _, SqlitePool, sqlite::SqliteConnectOptions};

use crate::{
    canaries::{Canary, Trace, find},
    files::{hand_over, noise},
    person::{PASSWORD, Person, display_name, heard},
    relay::{Relay, files_below},
    wire::Wire,
};

/// Fields of the core's account record that are secret: leaf key, device-auth key, root keys, recovery key and
/// refresh token.
const LEAF_KEY: u32 = 5;
const DEVICE_AUTH_KEY: u32 = 6;
const ROOT_KEYS: u32 = 8;
const RECOVERY_KEY: u32 = 13;
const REFRESH_TOKEN: u32 = 14;

/// The secrets of the account record in a closed client's store.
async fn secrets_of(directory: &Path, whose: &str) -> Vec<Canary> {
    let key: [u8; 32] = std::fs::read(directory.join("store.key")).unwrap().try_into().unwrap();
    let options = SqliteConnectOptions::new().filename(directory.join("store.sqlite"));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let row =
        sqlx::query("select value from records where key = 'account/state'").fetch_one(&pool).await.unwrap();
    let sealed: Vec<u8> = row.get(0);
    pool.close().await;
    let record = open_local(&LocalStoreKey::from_bytes(key), "account/state", &sealed).unwrap();
    let mut canaries = vec![Canary::new(format!("{whose} store key"), key)];
    let mut decoder = Decoder::new(&record);
    for _ in 0..decoder.map().unwrap().unwrap() {
        let field = decoder.u32().unwrap();
        let name = match field {
            LEAF_KEY => "leaf key",
            DEVICE_AUTH_KEY => "device-auth key",
            ROOT_KEYS => "root key",
            RECOVERY_KEY => "recovery key",
            REFRESH_TOKEN => "refresh token",
            _ => {
                decoder.skip().unwrap();
                continue;
            }
        };
        let name = format!("{whose} {name}");
        match field {
            ROOT_KEYS => {
                for _ in 0..decoder.array().unwrap().unwrap() {
                    assert_eq!(decoder.array().unwrap(), Some(2));
                    decoder.u32().unwrap();
                    canaries.push(Canary::new(name.clone(), decoder.bytes().unwrap()));
                }
            }
            _ => match decoder.datatype().unwrap() {
                Type::Bytes => canaries.push(Canary::new(name, decoder.bytes().unwrap())),
                Type::String => canaries.push(Canary::new(name, decoder.str().unwrap())),
                other => panic!("{name} is {other}"),
            },
        }
    }
    canaries
}

/// The two talk in turns; gives what they said.
async fn talk((ada, bob): (&Person, &Person), group: GroupId) -> Vec<String> {
    let mut bob_hears = bob.host.listen();
    let mut ada_hears = ada.host.listen();
    let texts: Vec<String> =
        (0..20).map(|number| format!("The heron of the canal, number {number:04}")).collect();
    for (number, text) in texts.iter().enumerate() {
        if number % 2 == 0 {
            ada.says(group, text).await;
            heard(&mut bob_hears, text).await;
        } else {
            bob.says(group, text).await;
            heard(&mut ada_hears, text).await;
        }
    }
    texts
}

/// The relay passes everything on and learns nothing: no text, name, file, password, private key or token, in any of
/// the encodings, in its database, WAL, blobs, log at trace or the frames of its sockets. The access token stands in
/// `authenticate` frames and `Authorization`, as it must, and nowhere on disk or in the log.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_say_or_hold_reaches_the_relay() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    let texts = talk((&ada, &bob), group).await;
    let pattern = b"kingfishers catch fire, dragonflies draw flame; ";
    let file: Vec<u8> = pattern.iter().copied().cycle().take(300_000).collect();
    hand_over((&ada, &bob), group, "tombolo-and-isthmus.txt", &file).await;
    let unpatterned = noise(500_000);
    hand_over((&bob, &ada), group, "unpatterned-bytes.bin", &unpatterned).await;
    let second = Person::logged_in(&wire, "ada", PASSWORD).await;
    second.says(second.conversation("bob").await, "The second device says hello").await;
    let recovery_key = ada.host.with(|client, _| client.recovery_key()).await.unwrap().unwrap();
    let access_token =
        ada.host.with(|client, _| client.access_token().map(str::to_owned)).await.unwrap().unwrap();

    let (ada, bob, second) = (ada.closes().await, bob.closes().await, second.closes().await);
    let mut canaries: Vec<Canary> = texts.iter().map(|text| Canary::new("a text", text.as_str())).collect();
    canaries.extend([
        Canary::new("the second device's text", "The second device says hello"),
        Canary::new("a file name", "tombolo-and-isthmus.txt"),
        Canary::new("a file name", "unpatterned-bytes.bin"),
        Canary::new("a file's pattern", *pattern),
        Canary::new("a file's first bytes", &unpatterned[..32]),
        Canary::new("a file's middle", &unpatterned[250_000..250_032]),
        Canary::new("a display name", display_name("ada")),
        Canary::new("a display name", display_name("bob")),
        Canary::new("the password", PASSWORD),
        Canary::new("the recovery key", recovery_key.join("-")),
        Canary::new("the recovery key without dashes", recovery_key.concat()),
    ]);
    let mut secrets = Vec::new();
    for (directory, whose) in [(&ada, "ada's"), (&bob, "bob's"), (&second, "ada's second")] {
        secrets.extend(secrets_of(directory.path(), whose).await);
    }
    assert!(secrets.len() >= 15, "every device has a leaf, auth, root and store key and a refresh token");

    let mut traces: Vec<Trace> = relay
        .files()
        .into_iter()
        .map(|(path, bytes)| Trace::new(path.display().to_string(), bytes))
        .collect();
    traces.push(Trace::new("the log", relay.log()));
    let disk_and_log = find(&[Canary::new("the access token", access_token)], &traces);
    traces.push(Trace::new("the frames", wire.frames()));
    let tokens_aside = find(&secrets, &traces);
    traces.push(Trace::new("the bodies", wire.bodies()));
    let everywhere = find(&canaries, &traces);

    assert!(
        traces.iter().any(|trace| trace.name.ends_with(".sqlite") || trace.name.ends_with("-wal")),
        "a database"
    );
    assert!(
        traces.iter().all(|trace| trace.name != "the frames" || trace.bytes.len() > 5_000),
        "frames were recorded"
    );
    assert!(relay.log().len() > 1_000, "the log was recorded");
    assert_eq!(everywhere, [""; 0]);
    assert_eq!(tokens_aside, [""; 0]);
    assert_eq!(disk_and_log, [""; 0]);
}

/// What a client keeps on its own disk is sealed: whoever copies the store without its key reads nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_its_key_shows_nothing() {
    let relay = Relay::start();
    let wire = Wire::to(relay.address()).await;
    let ada = Person::registered(&wire, "ada").await;
    let _bob = Person::registered(&wire, "bob").await;
    let group = ada.conversation("bob").await;
    ada.says(group, "The heron of the canal, once more").await;
    let ada = ada.closes().await;

    let mut canaries = secrets_of(ada.path(), "ada's").await;
    canaries.push(Canary::new("a text", "The heron of the canal, once more"));
    canaries.push(Canary::new("the password", PASSWORD));
    canaries.push(Canary::new("a display name", display_name("ada")));
    let store = files_below(ada.path()).into_iter().filter(|(path, _)| !path.ends_with("store.key"));
    let traces: Vec<Trace> =
        store.map(|(path, bytes)| Trace::new(path.display().to_string(), bytes)).collect();

    assert!(traces.iter().any(|trace| trace.bytes.len() > 1_000), "there is a store");
    assert_eq!(find(&canaries, &traces), [""; 0]);
}
