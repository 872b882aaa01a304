use std::os::unix::fs::PermissionsExt as _;

use client_core::client::{ChangeSet, Load};

use super::{Store, StoreError};

fn changes(changes: &[(&str, Option<&[u8]>)]) -> ChangeSet {
    ChangeSet {
        changes: changes.iter().map(|(key, value)| ((*key).to_owned(), value.map(<[u8]>::to_vec))).collect(),
    }
}

fn load(prefix: &str, before: Option<&str>, limit: u32) -> Load {
    Load { id: 1, prefix: prefix.to_owned(), before: before.map(str::to_owned), limit }
}

async fn keys(store: &Store, load: &Load) -> Vec<String> {
    let records = store.load(load).await.unwrap();
    records.into_iter().map(|(key, _)| key).collect()
}

#[tokio::test]
async fn a_change_set_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    store
        .write(&changes(&[("a/1", Some(b"one")), ("a/2", Some(b"two")), ("b/1", Some(b"three"))]))
        .await
        .unwrap();
    store.write(&changes(&[("a/1", None), ("a/2", Some(b"2"))])).await.unwrap();
    store.close().await;

    let store = Store::open(directory.path()).await.unwrap();
    let records = store.boot(&["a/"]).await.unwrap();

    assert_eq!(records, [("a/2".to_owned(), b"2".to_vec())]);
}

#[tokio::test]
async fn pages_go_down_from_a_key_and_keep_to_their_prefix() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let all = ["m/g/1", "m/g/2", "m/g/3", "m/h/1", "m/g~"].map(|key| (key, Some(b"x".as_slice())));
    store.write(&changes(&all)).await.unwrap();

    assert_eq!(keys(&store, &load("m/g/", None, 9)).await, ["m/g/1", "m/g/2", "m/g/3"]);
    assert_eq!(keys(&store, &load("m/g/", None, 2)).await, ["m/g/1", "m/g/2"]);
    assert_eq!(keys(&store, &load("m/g/", Some("m/g/3"), 9)).await, ["m/g/2", "m/g/1"]);
    assert_eq!(keys(&store, &load("m/g/", Some("z"), 1)).await, ["m/g/3"]);
}

#[tokio::test]
async fn whoever_opened_the_store_before_can_not_write_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(directory.path()).await.unwrap();
    let second = Store::open(directory.path()).await.unwrap();

    let late = first.write(&changes(&[("a/1", Some(b"late"))])).await;

    assert!(matches!(late, Err(StoreError::TakenOver)));
    assert_eq!(second.boot(&["a/"]).await.unwrap(), []);
}

#[tokio::test]
async fn the_key_stays_the_same_and_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();

    let key = store.key().unwrap();

    assert_eq!(*store.key().unwrap(), *key);
    let mode = std::fs::metadata(directory.path().join("store.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_damaged_key_is_told_and_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    for damaged in [&[7; 31][..], &[7; 33][..]] {
        std::fs::write(directory.path().join("store.key"), damaged).unwrap();

        assert!(matches!(store.key(), Err(StoreError::KeyDamaged)));
    }
}

#[tokio::test]
async fn a_wiped_store_leaves_neither_key_nor_records() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    store.key().unwrap();
    store.write(&changes(&[("a/1", Some(b"one"))])).await.unwrap();

    store.wipe().await.unwrap();

    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
