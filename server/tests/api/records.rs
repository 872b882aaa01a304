use crate::device::{TestAccount, TestDevice, fresh};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    ErrorCode, RecordId,
    limits::{
        CBOR_BODY_BYTES_MAX, CHANGES_PAGE_BYTES_MAX, CHANGES_PAGE_MAX, RECORD_BYTES_MAX, RECORDS_BATCH_MAX,
        TOMBSTONE_BYTES_MAX,
    },
    records::{
        ChangeKind, ChangesPage, PutRecord, PutRecords, Record, RecordVersion, RecordWrite, RecordsPut,
        WriteOutcome,
    },
    values::{Bytes, List},
};
use sotto::config::Limits;
use std::collections::BTreeSet;

fn path(record: RecordId) -> String {
    format!("/v1/records/vault/{record}")
}

fn contact(record: RecordId) -> String {
    format!("/v1/records/contacts/{record}")
}

fn new_id() -> RecordId {
    RecordId::from_bytes(fresh())
}

fn write(record_id: RecordId, expected_version: u64, text: &[u8]) -> RecordWrite {
    let ciphertext = Bytes::new(text).unwrap();
    RecordWrite { collection: "contacts".parse().unwrap(), record_id, expected_version, ciphertext }
}

fn stored(version: u64, change: u64) -> WriteOutcome {
    WriteOutcome::Stored { version, change }
}

async fn put_at(relay: &TestRelay, device: &TestDevice, path: String, expected: u64, text: &[u8]) -> Answer {
    let request = PutRecord { expected_version: expected, ciphertext: Bytes::new(text).unwrap() };
    device.send(relay, Call::put(path).cbor(&request)).await
}

async fn put(relay: &TestRelay, device: &TestDevice, record: RecordId, expected: u64, text: &[u8]) -> Answer {
    put_at(relay, device, path(record), expected, text).await
}

async fn put_all(relay: &TestRelay, device: &TestDevice, writes: Vec<RecordWrite>) -> Answer {
    let batch = PutRecords { writes: List::new(writes).unwrap() };
    device.send(relay, Call::put("/v1/records").cbor(&batch)).await
}

async fn get(relay: &TestRelay, device: &TestDevice, record: RecordId) -> Record {
    device.send(relay, Call::get(path(record))).await.cbor()
}

async fn delete(relay: &TestRelay, device: &TestDevice, record: RecordId, version: u64) -> Answer {
    let note = URL_SAFE_NO_PAD.encode(b"deleted by me");
    device.send(relay, Call::delete(format!("{}?version={version}&note={note}", contact(record)))).await
}

async fn changes(relay: &TestRelay, device: &TestDevice, query: &str) -> ChangesPage {
    device.send(relay, Call::get(format!("/v1/records?{query}"))).await.cbor()
}

/// Number, version and text of each change.
fn shown(page: &ChangesPage) -> Vec<(u64, u64, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    page.changes.iter().map(|change| (change.change, change.version, text(&change.ciphertext))).collect()
}

async fn with_limits(change: impl Fn(&mut Limits)) -> [TestRelay; 2] {
    let url = crate::postgres::fresh_database().await;
    [
        TestRelay::with(|config| change(&mut config.limits)).await,
        TestRelay::with(|config| {
            config.database = sotto::storage::connection::DatabaseAddress::Postgres(url);
            change(&mut config.limits);
        })
        .await,
    ]
}

// ---- one record

#[tokio::test]
async fn a_record_is_written_version_by_version() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let put: RecordVersion = put(&relay, &device, ada.vault_record_id, 1, b"second").await.cbor();

        assert_eq!(put, RecordVersion { version: 2, change: 2 });
        let stored = get(&relay, &device, ada.vault_record_id).await;
        assert_eq!((stored.version, &*stored.ciphertext), (2, &b"second"[..]));
        assert_eq!(ada.open(&relay).await.vault.version, 2);
    })
    .await;
}

#[tokio::test]
async fn a_stale_write_names_the_stored_version_and_changes_nothing() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        for expected in [0, 2, u64::MAX >> 1, u64::MAX] {
            let problem = put(&relay, &device, ada.vault_record_id, expected, b"stale").await.problem();
            assert_eq!((problem.code, problem.facts.version), (ErrorCode::VersionConflict, Some(1)));
        }
        assert_eq!(&*get(&relay, &device, ada.vault_record_id).await.ciphertext, b"the first vault");
        assert_eq!(changes(&relay, &device, "after=0").await.head, 1);
    })
    .await;
}

#[tokio::test]
async fn of_ten_writes_at_once_one_wins() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let calls: Vec<_> = (0..10).map(|_| put(&relay, &device, ada.vault_record_id, 1, b"mine")).collect();

        let answers = futures_util::future::join_all(calls).await;

        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
        assert_eq!(get(&relay, &device, ada.vault_record_id).await.version, 2);
    })
    .await;
}

#[tokio::test]
async fn another_accounts_record_is_not_found() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;
    let ben = TestAccount::new("ben").register(&relay).await;

    let read = ben.send(&relay, Call::get(path(ada.vault_record_id))).await;
    let written = put(&relay, &ben, ada.vault_record_id, 1, b"mine").await;
    let made = put(&relay, &ben, new_id(), 0, b"more").await;

    let codes = [read.code(), written.code(), made.code()];
    assert_eq!(codes, [ErrorCode::NotFound; 3]);
}

#[tokio::test]
async fn the_same_id_in_another_account_or_collection_is_another_record() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada").register(&relay).await;
        let ben = TestAccount::new("ben").register(&relay).await;
        let id = new_id();

        put_at(&relay, &ada, contact(id), 0, b"hers").await.cbor::<RecordVersion>();
        put_at(&relay, &ben, contact(id), 0, b"his").await.cbor::<RecordVersion>();
        put_at(&relay, &ada, format!("/v1/records/settings/{id}"), 0, b"other").await.cbor::<RecordVersion>();

        let hers: Record = ada.send(&relay, Call::get(contact(id))).await.cbor();
        assert_eq!(&*hers.ciphertext, b"hers");
        assert_eq!(changes(&relay, &ben, "after=1").await.changes.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn names_and_ids_that_are_none_are_not_found() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    for path in [
        format!("/v1/records/Drive/{}", ada.vault_record_id),
        format!("/v1/records/drive/{}", ada.vault_record_id),
        "/v1/records/vault/nonsense".into(),
        "/v1/records/vault/..%2f..%2fetc".into(),
    ] {
        assert_eq!(device.send(&relay, Call::get(path)).await.code(), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn empty_too_large_and_malformed_records_are_refused() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let raw = |bytes: Vec<u8>| {
        Call::put(path(ada.vault_record_id)).header("content-type", "application/cbor").bytes(bytes)
    };
    let mut over = vec![0xa2, 0x00, 0x01, 0x01, 0x5a];
    over.extend(u32::try_from(RECORD_BYTES_MAX + 1).unwrap().to_be_bytes());
    over.extend(vec![0; RECORD_BYTES_MAX + 1]);

    assert_eq!(put(&relay, &device, ada.vault_record_id, 1, b"").await.code(), ErrorCode::Malformed);
    assert_eq!(device.send(&relay, raw(over)).await.code(), ErrorCode::Malformed);
    assert_eq!(device.send(&relay, raw(vec![])).await.code(), ErrorCode::Malformed);
    assert_eq!(
        device.send(&relay, raw(vec![0; CBOR_BODY_BYTES_MAX + 1])).await.code(),
        ErrorCode::BodyTooLarge
    );
    assert_eq!(get(&relay, &device, ada.vault_record_id).await.version, 1);
}

// ---- many records

#[tokio::test]
async fn each_write_of_a_batch_is_a_compare_and_set_of_its_own() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let [one, two, three] = [new_id(), new_id(), new_id()];
        put_all(&relay, &device, vec![write(one, 0, b"1"), write(two, 0, b"2")]).await.cbor::<RecordsPut>();

        let batch = vec![
            write(one, 1, b"1b"),
            write(two, 5, b"2b"),
            write(three, 0, b"3"),
            write(one_more(), 1, b"x"),
        ];
        let answer: RecordsPut = put_all(&relay, &device, batch).await.cbor();

        let conflict = |version| WriteOutcome::Conflict { version };
        assert_eq!(*answer.outcomes, [stored(2, 4), conflict(1), stored(1, 5), conflict(0)]);
        let page = changes(&relay, &device, "after=1").await;
        let expected = [(3, 1, "2"), (4, 2, "1b"), (5, 1, "3")]
            .map(|(at, version, text)| (at, version, text.to_owned()));
        assert_eq!(shown(&page), expected);
        assert_eq!((page.upto, page.head), (5, 5));
    })
    .await;
}

fn one_more() -> RecordId {
    RecordId::from_bytes([0xee; 16])
}

#[tokio::test]
async fn the_same_batch_twice_conflicts_with_itself_and_changes_nothing() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let batch = vec![write(new_id(), 0, b"1"), write(new_id(), 0, b"2")];
        put_all(&relay, &device, batch.clone()).await.cbor::<RecordsPut>();

        let again: RecordsPut = put_all(&relay, &device, batch).await.cbor();

        assert_eq!(*again.outcomes, [WriteOutcome::Conflict { version: 1 }; 2]);
        assert_eq!(changes(&relay, &device, "after=0").await.head, 3);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_empty_doubled_too_long_or_reaches_for_a_foreign_vault_is_refused_whole() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let id = new_id();
    let foreign = RecordWrite { collection: "vault".parse().unwrap(), ..write(new_id(), 0, b"mine") };
    let mut long = vec![0xa1, 0x00, 0x99];
    long.extend(u16::try_from(RECORDS_BATCH_MAX + 1).unwrap().to_be_bytes());
    long.resize(40_000, 0);
    let long = Call::put("/v1/records").header("content-type", "application/cbor").bytes(long);

    let empty = put_all(&relay, &device, vec![]).await;
    let doubled = put_all(&relay, &device, vec![write(id, 0, b"1"), write(id, 1, b"2")]).await;
    let hollow = put_all(&relay, &device, vec![write(id, 0, b"1"), write(new_id(), 0, b"")]).await;
    let reaching = put_all(&relay, &device, vec![write(id, 0, b"1"), foreign]).await;

    for answer in [empty, doubled, hollow, device.send(&relay, long).await] {
        assert_eq!(answer.code(), ErrorCode::Malformed);
    }
    assert_eq!(reaching.code(), ErrorCode::NotFound);
    assert_eq!(changes(&relay, &device, "after=0").await.head, 1);
}

// ---- the feed

#[tokio::test]
async fn the_feed_shows_each_record_once_as_it_stands_in_order_of_its_last_change() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let [one, two] = [new_id(), new_id()];
        put_at(&relay, &device, contact(one), 0, b"one").await.cbor::<RecordVersion>();
        put_at(&relay, &device, contact(two), 0, b"two").await.cbor::<RecordVersion>();
        put_at(&relay, &device, contact(one), 1, b"one again").await.cbor::<RecordVersion>();

        let page = changes(&relay, &device, "after=0").await;

        let expected = [(1, 1, "the first vault"), (3, 1, "two"), (4, 2, "one again")];
        assert_eq!(shown(&page), expected.map(|(at, version, text)| (at, version, text.to_owned())));
        assert!(changes(&relay, &device, "after=4").await.changes.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_cursor_beyond_the_head_gets_nothing_and_the_head() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;

        for cursor in [2, u64::MAX >> 1, u64::MAX] {
            let page = changes(&relay, &device, &format!("after={cursor}")).await;
            assert_eq!((page.changes.len(), page.upto, page.head), (0, 1, 1));
        }
        let nonsense = device.send(&relay, Call::get("/v1/records?after=-1")).await;
        assert_eq!(nonsense.code(), ErrorCode::Malformed);
    })
    .await;
}

#[tokio::test]
async fn the_feed_of_one_collection_leaves_the_others_out() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        put_at(&relay, &device, contact(new_id()), 0, b"one").await.cbor::<RecordVersion>();
        let settings = format!("/v1/records/settings/{}", new_id());
        put_at(&relay, &device, settings, 0, b"dark").await.cbor::<RecordVersion>();

        let page = changes(&relay, &device, "after=0&collection=contacts").await;
        let none = device.send(&relay, Call::get("/v1/records?collection=No")).await;

        assert_eq!(shown(&page), [(2, 1, "one".to_owned())]);
        assert_eq!((page.upto, page.head), (3, 3));
        assert_eq!(none.code(), ErrorCode::Malformed);
    })
    .await;
}

#[tokio::test]
async fn pages_are_bounded_in_records_and_in_bytes_and_miss_nothing() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let large = vec![7; RECORD_BYTES_MAX];
        for _ in 0..6 {
            put_at(&relay, &device, contact(new_id()), 0, &large).await.cbor::<RecordVersion>();
        }
        for _ in 0..5 {
            let batch = (0..RECORDS_BATCH_MAX).map(|_| write(new_id(), 0, b"small")).collect();
            put_all(&relay, &device, batch).await.cbor::<RecordsPut>();
        }

        let (mut cursor, mut seen, mut pages) = (0, BTreeSet::new(), 0);
        loop {
            let page = changes(&relay, &device, &format!("after={cursor}")).await;
            let bytes: usize = page.changes.iter().map(|change| change.ciphertext.len()).sum();
            assert!(page.changes.len() <= CHANGES_PAGE_MAX && bytes <= CHANGES_PAGE_BYTES_MAX);
            seen.extend(page.changes.iter().map(|change| change.change));
            cursor = page.upto;
            pages += 1;
            if cursor == page.head {
                break;
            }
        }

        assert_eq!(seen, (1..=7 + 5 * RECORDS_BATCH_MAX as u64).collect());
        assert_eq!(pages, 3);
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_while_many_write_misses_no_change() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let ids: Vec<RecordId> = (0..60).map(|_| new_id()).collect();
        let writes = futures_util::future::join_all(
            ids.iter().map(|id| put_at(&relay, &device, contact(*id), 0, b"one of many")),
        );
        let read = async {
            let (mut cursor, mut seen) = (1, BTreeSet::new());
            while seen.len() < ids.len() {
                let page = changes(&relay, &device, &format!("after={cursor}")).await;
                seen.extend(page.changes.iter().map(|change| change.record_id));
                cursor = page.upto;
                tokio::task::yield_now().await;
            }
            seen
        };

        let (_, seen) = tokio::join!(writes, tokio::time::timeout(std::time::Duration::from_secs(60), read));

        assert_eq!(seen.expect("every record is seen"), ids.into_iter().collect());
    })
    .await;
}

// ---- deletion

#[tokio::test]
async fn a_deletion_leaves_a_tombstone_that_the_feed_shows() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let id = new_id();
        put_at(&relay, &device, contact(id), 0, b"a contact").await.cbor::<RecordVersion>();

        let deleted: RecordVersion = delete(&relay, &device, id, 1).await.cbor();

        assert_eq!(deleted, RecordVersion { version: 2, change: 3 });
        assert_eq!(device.send(&relay, Call::get(contact(id))).await.code(), ErrorCode::NotFound);
        let page = changes(&relay, &device, "after=1").await;
        assert_eq!(shown(&page), [(3, 2, "deleted by me".to_owned())]);
        assert_eq!(page.changes[0].kind, ChangeKind::Deleted);
    })
    .await;
}

#[tokio::test]
async fn after_a_deletion_only_the_next_version_may_be_written() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let id = new_id();
        put_at(&relay, &device, contact(id), 0, b"a contact").await.cbor::<RecordVersion>();
        delete(&relay, &device, id, 1).await.cbor::<RecordVersion>();

        for stale in [0, 1] {
            let problem = put_at(&relay, &device, contact(id), stale, b"again").await.problem();
            assert_eq!((problem.code, problem.facts.version), (ErrorCode::VersionConflict, Some(2)));
        }
        let again: RecordVersion = put_at(&relay, &device, contact(id), 2, b"again").await.cbor();

        assert_eq!(again.version, 3);
        let record: Record = device.send(&relay, Call::get(contact(id))).await.cbor();
        assert_eq!(&*record.ciphertext, b"again");
    })
    .await;
}

#[tokio::test]
async fn deleting_twice_stale_or_nothing_is_refused() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let id = new_id();
        put_at(&relay, &device, contact(id), 0, b"a contact").await.cbor::<RecordVersion>();

        assert_eq!(delete(&relay, &device, id, 7).await.code(), ErrorCode::VersionConflict);
        delete(&relay, &device, id, 1).await.cbor::<RecordVersion>();
        assert_eq!(delete(&relay, &device, id, 1).await.code(), ErrorCode::VersionConflict);
        assert_eq!(delete(&relay, &device, id, 2).await.code(), ErrorCode::VersionConflict);
        assert_eq!(delete(&relay, &device, new_id(), 0).await.code(), ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn the_vault_a_note_too_long_and_no_note_at_all_are_not_taken() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let id = new_id();
    put_at(&relay, &device, contact(id), 0, b"a contact").await.cbor::<RecordVersion>();
    let long = URL_SAFE_NO_PAD.encode([7; TOMBSTONE_BYTES_MAX + 1]);

    for path in [
        format!("{}?version=1&note=AQID", path(ada.vault_record_id)),
        format!("{}?version=1&note={long}", contact(id)),
        format!("{}?version=1&note=", contact(id)),
        format!("{}?version=1", contact(id)),
        contact(id),
    ] {
        assert_eq!(device.send(&relay, Call::delete(path)).await.code(), ErrorCode::Malformed);
    }
    assert_eq!(get(&relay, &device, ada.vault_record_id).await.version, 1);
}

// ---- quotas

#[tokio::test]
async fn the_number_of_records_is_exact_under_concurrency_and_the_refusal_says_so() {
    for relay in with_limits(|limits| limits.records_per_account_max = 11).await {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let calls: Vec<_> =
            (0..30).map(|_| put_at(&relay, &device, contact(new_id()), 0, b"one more")).collect();

        let answers = futures_util::future::join_all(calls).await;

        // The vault is one of the eleven.
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status.is_success());
        assert_eq!((taken.len(), refused.len()), (10, 20));
        let problem = refused[0].problem();
        assert_eq!(problem.code, ErrorCode::LimitReached);
        assert_eq!(problem.facts.detail.as_deref(), Some("limits.records_per_account_max"));
        // The vault is always taken, and so is what makes no new record.
        put(&relay, &device, ada.vault_record_id, 1, b"a newer vault").await.cbor::<RecordVersion>();
    }
}

#[tokio::test]
async fn a_batch_that_does_not_fit_whole_changes_nothing() {
    for relay in with_limits(|limits| limits.records_per_account_max = 3).await {
        let device = TestAccount::new("ada").register(&relay).await;

        let refused = put_all(&relay, &device, (0..3).map(|_| write(new_id(), 0, b"x")).collect()).await;
        let taken = put_all(&relay, &device, (0..2).map(|_| write(new_id(), 0, b"x")).collect()).await;

        assert_eq!(refused.code(), ErrorCode::LimitReached);
        assert_eq!(*taken.cbor::<RecordsPut>().outcomes, [stored(1, 2), stored(1, 3)]);
    }
}

#[tokio::test]
async fn the_bytes_of_records_are_counted_exactly_and_given_back_by_a_deletion() {
    for relay in with_limits(|limits| limits.record_bytes_per_account_max = RECORD_BYTES_MAX as u64).await {
        let device = TestAccount::new("ada").register(&relay).await;
        let room = RECORD_BYTES_MAX - b"the first vault".len();
        let (id, other) = (new_id(), new_id());

        let fits = put_at(&relay, &device, contact(id), 0, &vec![7; room]).await;
        let larger = put_at(&relay, &device, contact(id), 1, &vec![7; room + 1]).await;
        let more = put_at(&relay, &device, contact(other), 0, b"x").await;
        let same = put_at(&relay, &device, contact(id), 1, &vec![8; room]).await;
        delete(&relay, &device, id, 2).await.cbor::<RecordVersion>();
        let after = put_at(&relay, &device, contact(other), 0, &vec![7; room - b"deleted by me".len()]).await;

        assert!(fits.status.is_success() && same.status.is_success() && after.status.is_success());
        for answer in [larger, more] {
            let problem = answer.problem();
            assert_eq!(problem.code, ErrorCode::LimitReached);
            assert_eq!(problem.facts.detail.as_deref(), Some("limits.record_bytes_per_account_max"));
        }
    }
}
