use super::{
    Change, ChangeKind, ChangesAfter, ChangesPage, Collection, DeleteRecord, PutRecord, PutRecords, Record,
    RecordVersion, RecordWrite, RecordsPut, WriteOutcome,
};
use crate::{
    RecordId,
    limits::{CHANGES_PAGE_MAX, RECORD_BYTES_MAX, RECORDS_BATCH_MAX},
    socket::{from_bytes, to_bytes},
    values::{Bytes, List},
};

const RECORD: RecordId = RecordId::from_bytes([0x33; 16]);

fn collection(name: &str) -> Collection {
    name.parse().unwrap()
}

fn write() -> RecordWrite {
    RecordWrite {
        collection: collection("contacts"),
        record_id: RECORD,
        expected_version: 4,
        ciphertext: Bytes::new([7, 8]).unwrap(),
    }
}

fn put_records() -> PutRecords {
    PutRecords { writes: List::new(vec![write()]).unwrap() }
}

fn records_put() -> RecordsPut {
    let outcomes =
        vec![WriteOutcome::Stored { version: 5, change: 300 }, WriteOutcome::Conflict { version: 0 }];
    RecordsPut { outcomes: List::new(outcomes).unwrap() }
}

fn page() -> ChangesPage {
    let change = Change {
        change: 9,
        collection: collection("settings"),
        record_id: RECORD,
        version: 2,
        kind: ChangeKind::Deleted,
        ciphertext: Bytes::new([1]).unwrap(),
    };
    ChangesPage { changes: List::new(vec![change]).unwrap(), upto: 9, head: 12 }
}

#[test]
fn a_batch_is_these_bytes() {
    let mut expected = vec![0xa1, 0x00, 0x81]; // {0: [write]}
    expected.extend([0xa4, 0x00, 0x68]); // write: four fields; 0: collection
    expected.extend(b"contacts");
    expected.extend([0x01, 0x50]); // 1: record id
    expected.extend([0x33; 16]);
    expected.extend([0x02, 0x04]); // 2: expected version
    expected.extend([0x03, 0x42, 7, 8]); // 3: ciphertext

    assert_eq!(to_bytes(&put_records()), expected);
}

#[test]
fn the_answer_to_a_batch_is_these_bytes() {
    let mut expected = vec![0xa1, 0x00, 0x82]; // {0: [outcome, outcome]}
    expected.extend([0x82, 0x00, 0xa2, 0x00, 0x05, 0x01, 0x19, 0x01, 0x2c]); // [0, {0: version, 1: change}]
    expected.extend([0x82, 0x01, 0xa1, 0x00, 0x00]); // [1, {0: version}]

    assert_eq!(to_bytes(&records_put()), expected);
}

#[test]
fn a_page_of_changes_is_these_bytes() {
    let mut expected = vec![0xa3, 0x00, 0x81]; // {0: [change], …
    expected.extend([0xa6, 0x00, 0x09]); // change: six fields; 0: its number
    expected.extend([0x01, 0x68]); // 1: collection
    expected.extend(b"settings");
    expected.extend([0x02, 0x50]); // 2: record id
    expected.extend([0x33; 16]);
    expected.extend([0x03, 0x02]); // 3: version
    expected.extend([0x04, 0x01]); // 4: deleted
    expected.extend([0x05, 0x41, 1]); // 5: the note
    expected.extend([0x01, 0x09, 0x02, 0x0c]); // … 1: up to, 2: head}

    assert_eq!(to_bytes(&page()), expected);
}

#[test]
fn every_body_reads_back() {
    let record = Record { version: 3, ciphertext: Bytes::new([1, 2]).unwrap() };
    let put = PutRecord { expected_version: 2, ciphertext: Bytes::new([1, 2]).unwrap() };
    let stored = RecordVersion { version: 3, change: 17 };

    assert_eq!(from_bytes(&to_bytes(&record)).ok(), Some(record));
    assert_eq!(from_bytes(&to_bytes(&put)).ok(), Some(put));
    assert_eq!(from_bytes(&to_bytes(&stored)).ok(), Some(stored));
    assert_eq!(from_bytes(&to_bytes(&put_records())).ok(), Some(put_records()));
    assert_eq!(from_bytes(&to_bytes(&records_put())).ok(), Some(records_put()));
    assert_eq!(from_bytes(&to_bytes(&page())).ok(), Some(page()));
}

#[test]
fn queries_keep_their_names() {
    let all = ChangesAfter { after: 7, collection: None };
    let one = ChangesAfter { after: 7, collection: Some(collection("contacts")) };
    let delete = DeleteRecord { version: 3, note: Bytes::new([1, 2, 3]).unwrap() };

    assert_eq!(serde_json::to_string(&all).unwrap(), r#"{"after":7}"#);
    assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"after":7,"collection":"contacts"}"#);
    assert_eq!(serde_json::to_string(&delete).unwrap(), r#"{"version":3,"note":"AQID"}"#);
    assert_eq!(serde_json::from_str::<ChangesAfter>("{}").unwrap(), ChangesAfter::default());
}

#[test]
fn names_of_collections_are_short_and_plain() {
    for name in ["a", "vault", "drive-entries_2", &"c".repeat(32)] {
        assert!(name.parse::<Collection>().is_ok(), "{name}");
    }
    for name in ["", "Vault", "2nd", "-a", "a b", "a/b", "ü", "a.b", &"c".repeat(33)] {
        assert!(name.parse::<Collection>().is_err(), "{name}");
    }
    assert!(from_bytes::<Collection>(&[0x65, b'V', b'a', b'u', b'l', b't']).is_err());
    assert!(serde_json::from_str::<Collection>("\"a/b\"").is_err());
}

#[test]
fn one_more_than_a_limit_is_refused() {
    let writes = vec![write(); RECORDS_BATCH_MAX + 1];
    let change = page().changes.into_vec().remove(0);
    let long = [vec![0xa2, 0x00, 0x01, 0x01, 0x5a, 0x00, 0x04, 0x00, 0x01], vec![0; RECORD_BYTES_MAX + 1]];

    assert!(List::<_, RECORDS_BATCH_MAX>::new(writes).is_err());
    assert!(List::<_, CHANGES_PAGE_MAX>::new(vec![change; CHANGES_PAGE_MAX + 1]).is_err());
    assert!(from_bytes::<Record>(&long.concat()).is_err());
}

#[test]
fn truncated_and_random_bytes_are_refused_without_a_panic() {
    let bodies = [to_bytes(&put_records()), to_bytes(&records_put()), to_bytes(&page())];
    for body in &bodies {
        for end in 0..body.len() {
            let cut = &body[..end];
            assert!(from_bytes::<PutRecords>(cut).is_err());
            assert!(from_bytes::<RecordsPut>(cut).is_err());
            assert!(from_bytes::<ChangesPage>(cut).is_err());
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    for round in 0..20_000_usize {
        // Random bytes, and good ones with one of them changed.
        let mut bytes: Vec<u8> = match bodies.get(round % 4) {
            Some(body) => body.clone(),
            None => (0..round % 97).map(|_| next()).collect(),
        };
        let place = usize::from(next());
        if let Some(byte) = bytes.get_mut(place) {
            *byte = next();
        }
        let _ = from_bytes::<PutRecords>(&bytes);
        let _ = from_bytes::<RecordsPut>(&bytes);
        let _ = from_bytes::<ChangesPage>(&bytes);
        let _ = from_bytes::<Record>(&bytes);
        let _ = from_bytes::<RecordVersion>(&bytes);
    }
}
