use crate::device::{TestAccount, TestDevice, fresh};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{BlobId, ErrorCode};
use sotto::secrets::sha256;

/// A blob as its uploader knows it.
pub(crate) struct TestBlob {
    id: BlobId,
    capability: [u8; 32],
    bytes: Vec<u8>,
}

impl TestBlob {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { id: BlobId::from_bytes(fresh()), capability: fresh(), bytes: bytes.to_vec() }
    }

    fn path(&self) -> String {
        format!("/v1/blobs/{}", self.id)
    }

    pub(crate) fn put(&self) -> Call {
        Call::put(self.path())
            .header("sotto-capability-hash", URL_SAFE_NO_PAD.encode(sha256(&self.capability)))
            .header("content-length", self.bytes.len().to_string())
            .bytes(self.bytes.clone())
    }

    fn get(&self) -> Call {
        Call::get(self.path()).header("sotto-capability", URL_SAFE_NO_PAD.encode(self.capability))
    }
}

pub(crate) async fn uploaded(relay: &TestRelay, device: &TestDevice, bytes: &[u8]) -> TestBlob {
    let blob = TestBlob::of(bytes);
    assert_eq!(device.send(relay, blob.put()).await.status, StatusCode::CREATED);
    blob
}

/// Every file under the blob directory.
pub(crate) fn files(relay: &TestRelay) -> usize {
    fn count(directory: &std::path::Path) -> usize {
        std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }
    count(relay.app.blobs.directory())
}

async fn put_with(relay: &TestRelay, device: &TestDevice, change: impl FnOnce(Call) -> Call) -> Answer {
    let blob = TestBlob::of(b"x");
    let answer = device.send(relay, change(Call::put(blob.path()))).await;
    assert_eq!(files(relay), 0, "something was left behind");
    answer
}

#[tokio::test]
async fn a_blob_is_read_by_whoever_has_the_capability() {
    on_both_engines(async |relay| {
        let [ada, ben] =
            [TestAccount::new("ada").register(&relay).await, TestAccount::new("ben").register(&relay).await];
        let blob = uploaded(&relay, &ada, &vec![7; 3_000_000]).await;

        let read = ben.send(&relay, blob.get()).await;

        assert_eq!(read.status, StatusCode::OK);
        assert_eq!(read.body, blob.bytes);
        assert_eq!(read.header("content-type"), Some("application/octet-stream"));
        assert_eq!(read.header("content-disposition"), Some("attachment"));
        assert_eq!(read.header("content-security-policy"), Some("sandbox"));
        assert_eq!(read.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(read.header("content-length"), Some("3000000"));
        assert_eq!(read.header("accept-ranges"), Some("bytes"));
    })
    .await;
}

#[tokio::test]
async fn without_the_capability_there_is_nothing() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let blob = uploaded(&relay, &ada, b"ciphertext").await;
    let wrong = URL_SAFE_NO_PAD.encode([0; 32]);
    for call in [
        Call::get(blob.path()),
        Call::get(blob.path()).header("sotto-capability", wrong),
        Call::get(blob.path()).header("sotto-capability", "AAAA"),
        TestBlob { id: BlobId::from_bytes(fresh()), ..TestBlob::of(b"") }.get(),
        Call::get("/v1/blobs/nonsense"),
        Call::get("/v1/blobs/..%2f..%2fsotto.sqlite"),
    ] {
        assert_eq!(ada.send(&relay, call).await.code(), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn ranges_give_the_bytes_they_name() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let blob = uploaded(&relay, &ada, b"0123456789").await;

    let middle = ada.send(&relay, blob.get().header("range", "bytes=3-5")).await;
    let rest = ada.send(&relay, blob.get().header("range", "bytes=8-")).await;
    let beyond = ada.send(&relay, blob.get().header("range", "bytes=10-")).await;

    assert_eq!((middle.status, &*middle.body), (StatusCode::PARTIAL_CONTENT, &b"345"[..]));
    assert_eq!(middle.header("content-range"), Some("bytes 3-5/10"));
    assert_eq!(&*rest.body, b"89");
    assert_eq!(beyond.code(), ErrorCode::RangeNotSatisfiable);
}

#[tokio::test]
async fn an_id_is_uploaded_once() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada").register(&relay).await;
        let blob = uploaded(&relay, &ada, b"first").await;
        let other = TestBlob { id: blob.id, ..TestBlob::of(b"other") };

        let again = ada.send(&relay, other.put()).await;

        assert_eq!(again.code(), ErrorCode::BlobExists);
        assert_eq!(ada.send(&relay, blob.get()).await.body, b"first");
        assert_eq!(files(&relay), 1);
    })
    .await;
}

#[tokio::test]
async fn of_ten_uploads_at_once_one_wins_with_its_own_bytes() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada").register(&relay).await;
        let id = BlobId::from_bytes(fresh());
        let blobs: Vec<_> = (0..10).map(|n| TestBlob { id, ..TestBlob::of(&[n; 100]) }).collect();

        let calls = blobs.iter().map(|blob| ada.send(&relay, blob.put()));
        let answers = futures_util::future::join_all(calls).await;

        let winners: Vec<_> =
            answers.iter().zip(&blobs).filter(|(answer, _)| answer.status.is_success()).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(ada.send(&relay, winners[0].1.get()).await.body, winners[0].1.bytes);
        assert_eq!(files(&relay), 1);
    })
    .await;
}

#[tokio::test]
async fn only_who_has_a_reference_deletes_and_then_the_file_is_gone() {
    on_both_engines(async |relay| {
        let [ada, ben] =
            [TestAccount::new("ada").register(&relay).await, TestAccount::new("ben").register(&relay).await];
        let blob = uploaded(&relay, &ada, b"ciphertext").await;

        let others = ben.send(&relay, Call::delete(blob.path())).await;
        let own = ada.send(&relay, Call::delete(blob.path())).await;
        let again = ada.send(&relay, Call::delete(blob.path())).await;

        assert_eq!(others.code(), ErrorCode::NotFound);
        assert_eq!(own.status, StatusCode::NO_CONTENT);
        assert_eq!(again.code(), ErrorCode::NotFound);
        assert_eq!(ada.send(&relay, blob.get()).await.code(), ErrorCode::NotFound);
        assert_eq!(files(&relay), 0);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_leaves_nothing() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let hash = URL_SAFE_NO_PAD.encode([0; 32]);
    let with = |length: &str, bytes: &[u8]| {
        let (hash, length, bytes) = (hash.clone(), length.to_owned(), bytes.to_vec());
        move |call: Call| {
            call.header("sotto-capability-hash", hash).header("content-length", length).bytes(bytes)
        }
    };

    let short = put_with(&relay, &ada, with("11", b"0123456789")).await;
    let long = put_with(&relay, &ada, with("9", b"0123456789")).await;
    let empty = put_with(&relay, &ada, with("0", b"")).await;
    let nonsense = put_with(&relay, &ada, with("ten", b"0123456789")).await;
    let unknown =
        put_with(&relay, &ada, |call| call.header("sotto-capability-hash", hash.clone()).bytes(vec![0]))
            .await;

    assert_eq!([short.code(), long.code(), empty.code()], [ErrorCode::Malformed; 3]);
    assert_eq!([nonsense.code(), unknown.code()], [ErrorCode::LengthRequired; 2]);
}

#[tokio::test]
async fn an_upload_without_a_capability_hash_or_too_large_is_refused() {
    let relay = TestRelay::with(|config| config.limits.blob_bytes_max = 10).await;
    let ada = TestAccount::new("ada").register(&relay).await;

    let bare = put_with(&relay, &ada, |call| call.header("content-length", "1").bytes(vec![0])).await;
    let large = ada.send(&relay, TestBlob::of(b"01234567890").put()).await;
    let largest = ada.send(&relay, TestBlob::of(b"0123456789").put()).await;

    assert_eq!(bare.code(), ErrorCode::Malformed);
    assert_eq!(large.code(), ErrorCode::BodyTooLarge);
    assert_eq!(largest.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_sweep_takes_orphans_after_a_day_and_nothing_else() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let blob = uploaded(&relay, &ada, b"named").await;
    let orphan = TestBlob::of(b"orphan");
    let path = relay.app.blobs.path(orphan.id);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"orphan").unwrap();
    let sweep = async || {
        for round in 0..=255 {
            relay.app.tidy(round).await.unwrap();
        }
    };

    sweep().await;
    assert!(path.exists());
    relay.advance_seconds(86_401);
    sweep().await;

    assert!(!path.exists());
    let mut ada = ada;
    ada.log_in(&relay).await;
    assert_eq!(ada.send(&relay, blob.get()).await.body, b"named");
}

#[tokio::test]
async fn a_file_that_was_to_go_when_the_relay_died_goes_with_the_next_sweep() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada").register(&relay).await;
        let blob = uploaded(&relay, &ada, b"ciphertext").await;
        let now = relay.now();
        relay
            .app
            .db
            .write(async |conn| {
                sotto::storage::blobs::take_reference(conn, ada.account_id, blob.id, now).await
            })
            .await
            .unwrap();
        assert_eq!(files(&relay), 1);

        relay.app.forget_blobs(0).await.unwrap();

        assert_eq!(files(&relay), 0);
    })
    .await;
}
