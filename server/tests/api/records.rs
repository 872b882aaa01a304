use crate::device::{TestAccount, TestDevice, fresh};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use protocol::{
    ErrorCode, RecordId,
    limits::{CBOR_BODY_BYTES_MAX, RECORD_BYTES_MAX},
    records::{PutRecord, Record, RecordVersion},
    values::Bytes,
};

fn path(record: RecordId) -> String {
    format!("/v1/records/vault/{record}")
}

async fn put(relay: &TestRelay, device: &TestDevice, record: RecordId, expected: u64, text: &[u8]) -> Answer {
    let request = PutRecord { expected_version: expected, ciphertext: Bytes::new(text).unwrap() };
    device.send(relay, Call::put(path(record)).cbor(&request)).await
}

async fn get(relay: &TestRelay, device: &TestDevice, record: RecordId) -> Record {
    device.send(relay, Call::get(path(record))).await.cbor()
}

#[tokio::test]
async fn a_record_is_written_version_by_version() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let put: RecordVersion = put(&relay, &device, ada.vault_record_id, 1, b"second").await.cbor();

        assert_eq!(put.version, 2);
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
    let made = put(&relay, &ben, RecordId::from_bytes(fresh()), 0, b"more").await;

    let codes = [read.code(), written.code(), made.code()];
    assert_eq!(codes, [ErrorCode::NotFound; 3]);
}

#[tokio::test]
async fn other_collections_and_ids_that_are_none_are_not_found() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    for path in [
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
