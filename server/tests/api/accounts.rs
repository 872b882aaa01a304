use crate::device::{DeviceKeys, TestAccount, fresh, wraps};
use crate::relay::{Call, TestRelay, on_both_engines};
use axum::http::StatusCode;
use protocol::{
    AccountId, ErrorCode,
    accounts::{DirectoryEntry, HandleAvailability, RegisterFinish, RelayInfo, WrapKind},
    limits::CBOR_BODY_BYTES_MAX,
    sessions::SessionTokens,
    values::{Bytes, List},
};

const FINISH: &str = "/v1/accounts/register/finish";

async fn available(relay: &TestRelay, handle: &str) -> bool {
    let answer = relay.send(Call::get(format!("/v1/accounts/available/{handle}"))).await;
    answer.json::<HandleAvailability>().available
}

/// A registration that a client would send, changed.
async fn refused(relay: &TestRelay, change: impl FnOnce(&mut RegisterFinish)) -> ErrorCode {
    let account = TestAccount::new("refused");
    let mut request = account.registration(relay, &DeviceKeys::fresh(relay.now())).await;
    change(&mut request);
    let code = relay.send(Call::post(FINISH).cbor(&request)).await.code();
    assert!(available(relay, "refused").await, "something was written");
    code
}

#[tokio::test]
async fn a_registered_account_is_found_by_its_exact_handle_and_by_its_id() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let by_handle: DirectoryEntry =
            device.send(&relay, Call::get("/v1/accounts/by-handle/Ada")).await.json();
        let by_id = Call::get(format!("/v1/accounts/{}", ada.account_id));
        let by_id: DirectoryEntry = device.send(&relay, by_id).await.json();

        assert_eq!(by_handle.account_id, ada.account_id);
        assert_eq!(by_id, by_handle);
        for missing in ["by-handle/ad", "by-handle/adaa", "AAAAAAAAAAAAAAAAAAAAAA", "nonsense"] {
            let answer = device.send(&relay, Call::get(format!("/v1/accounts/{missing}"))).await;
            assert_eq!(answer.code() == ErrorCode::NotFound, missing != "by-handle/ad", "{missing}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_handle_is_available_until_it_is_taken() {
    on_both_engines(async |relay| {
        assert!(available(&relay, "ada").await);

        TestAccount::new("ada").register(&relay).await;

        assert!(!available(&relay, "ada").await);
        assert!(!available(&relay, "ADA").await);
        let (start, _) = TestAccount::new("ada").start_registration(&relay).await;
        assert_eq!(start.code(), ErrorCode::HandleTaken);
        let malformed = relay.send(Call::get("/v1/accounts/available/a%20b")).await;
        assert_eq!(malformed.code(), ErrorCode::Malformed);
    })
    .await;
}

#[tokio::test]
async fn of_two_who_want_a_handle_at_once_one_gets_it() {
    on_both_engines(async |relay| {
        let [one, other] = [TestAccount::new("ada"), TestAccount::new("ada")];
        let first = one.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
        let second = other.registration(&relay, &DeviceKeys::fresh(relay.now())).await;

        let answers = tokio::join!(
            relay.send(Call::post(FINISH).cbor(&first)),
            relay.send(Call::post(FINISH).cbor(&second)),
        );

        let (won, lost) = if answers.0.status.is_success() { answers } else { (answers.1, answers.0) };
        won.json::<SessionTokens>();
        assert_eq!(lost.code(), ErrorCode::HandleTaken);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_finish_answers_with_the_same_session() {
    on_both_engines(async |relay| {
        let account = TestAccount::new("ada");
        let request = account.registration(&relay, &DeviceKeys::fresh(relay.now())).await;

        let first: SessionTokens = relay.send(Call::post(FINISH).cbor(&request)).await.json();
        relay.advance_seconds(3600);
        let again: SessionTokens = relay.send(Call::post(FINISH).cbor(&request)).await.json();

        assert_eq!(first.session_id, again.session_id);
        assert_eq!(first.refresh_token, again.refresh_token);
        let call = Call::get("/v1/devices").bearer(&again.access_token.0);
        assert_eq!(relay.send(call).await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn ten_equal_finishes_at_once_make_one_account() {
    on_both_engines(async |relay| {
        let account = TestAccount::new("ada");
        let request = account.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
        let calls: Vec<_> = (0..10).map(|_| relay.send(Call::post(FINISH).cbor(&request))).collect();

        let answers = futures_util::future::join_all(calls).await;

        let sessions: Vec<SessionTokens> = answers.iter().map(|answer| answer.json()).collect();
        assert!(sessions.iter().all(|tokens| tokens.session_id == sessions[0].session_id));
    })
    .await;
}

#[tokio::test]
async fn the_same_id_with_another_content_is_a_conflict() {
    on_both_engines(async |relay| {
        let [ada, ben] = [TestAccount::new("ada"), TestAccount::new("ben")];
        let first = ada.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
        relay.send(Call::post(FINISH).cbor(&first)).await.json::<SessionTokens>();
        let mut other = ben.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
        other.idempotency_id = first.idempotency_id;

        let answer = relay.send(Call::post(FINISH).cbor(&other)).await;

        assert_eq!(answer.code(), ErrorCode::IdempotencyConflict);
        assert!(available(&relay, "ben").await);
    })
    .await;
}

#[tokio::test]
async fn an_account_id_that_is_in_use_is_refused() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        ada.register(&relay).await;
        let mut imitation = TestAccount::new("imitation");
        imitation.account_id = ada.account_id;
        let request = imitation.registration(&relay, &DeviceKeys::fresh(relay.now())).await;

        let answer = relay.send(Call::post(FINISH).cbor(&request)).await;

        assert_eq!(answer.code(), ErrorCode::IdempotencyConflict);
        assert!(available(&relay, "imitation").await);
    })
    .await;
}

#[tokio::test]
async fn a_device_id_that_is_in_use_leaves_nothing_behind() {
    on_both_engines(async |relay| {
        let keys = DeviceKeys::fresh(relay.now());
        let [ada, ben] = [TestAccount::new("ada"), TestAccount::new("ben")];
        let first = ada.registration(&relay, &keys).await;
        relay.send(Call::post(FINISH).cbor(&first)).await.json::<SessionTokens>();
        let second = ben.registration(&relay, &keys).await;

        let answer = relay.send(Call::post(FINISH).cbor(&second)).await;

        assert_eq!(answer.code(), ErrorCode::Malformed);
        assert!(available(&relay, "ben").await);
    })
    .await;
}

#[tokio::test]
async fn a_registration_that_does_not_hold_together_is_refused_and_changes_nothing() {
    let relay = TestRelay::start().await;
    let other = TestAccount::new("other");
    let keys = DeviceKeys::fresh(relay.now());

    let foreign_list = other.first_list(&keys);
    let foreign_device = other.certify(&keys, 1);
    let refusals = [
        refused(&relay, |request| request.account_id = AccountId::from_bytes(fresh())).await,
        refused(&relay, |request| request.device_list = Bytes::new(foreign_list).unwrap()).await,
        refused(&relay, |request| request.device = foreign_device).await,
        refused(&relay, |request| request.device_list = Bytes::new([]).unwrap()).await,
        refused(&relay, |request| request.registration_upload = Bytes::new(vec![0; 191]).unwrap()).await,
        refused(&relay, |request| request.wraps = List::default()).await,
        refused(&relay, |request| request.wraps = wraps(&[(WrapKind::Password, 0), (WrapKind::Recovery, 0)]))
            .await,
        refused(&relay, |request| request.device.last_resort = Bytes::new([]).unwrap()).await,
    ];

    assert_eq!(refusals, [ErrorCode::Malformed; 8]);
}

#[tokio::test]
async fn a_registration_with_a_broken_signature_is_refused_and_changes_nothing() {
    let relay = TestRelay::start().await;
    let break_list = |request: &mut RegisterFinish| {
        let mut list = request.device_list.to_vec();
        *list.last_mut().unwrap() ^= 1;
        request.device_list = Bytes::new(list).unwrap();
    };
    let break_certificate = |request: &mut RegisterFinish| {
        let mut certificate = request.device.certificate.to_vec();
        *certificate.last_mut().unwrap() ^= 1;
        request.device.certificate = Bytes::new(certificate).unwrap();
    };

    assert_eq!(refused(&relay, break_list).await, ErrorCode::SignatureInvalid);
    assert_eq!(refused(&relay, break_certificate).await, ErrorCode::SignatureInvalid);
}

#[tokio::test]
async fn a_ticket_of_another_step_or_time_is_refused() {
    let relay = TestRelay::start().await;
    let forged = refused(&relay, |request| request.ticket = Bytes::new(vec![7; 100]).unwrap()).await;
    let late = refused(&relay, |_| relay.advance_seconds(601)).await;

    assert_eq!([forged, late], [ErrorCode::TicketInvalid; 2]);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_kind_is_refused() {
    let relay = TestRelay::start().await;
    let large =
        Call::post(FINISH).header("content-type", "application/cbor").bytes(vec![0; CBOR_BODY_BYTES_MAX + 1]);
    let json = Call::post(FINISH).header("content-type", "application/json").bytes(b"{}".to_vec());

    assert_eq!(relay.send(large).await.code(), ErrorCode::BodyTooLarge);
    assert_eq!(relay.send(json).await.code(), ErrorCode::UnsupportedMediaType);
}

#[tokio::test]
async fn every_truncation_of_a_registration_is_refused() {
    let relay = TestRelay::start().await;
    let account = TestAccount::new("ada");
    let request = account.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
    let bytes = protocol::socket::to_bytes(&request);
    for length in (0..bytes.len()).step_by(7) {
        let call =
            Call::post(FINISH).header("content-type", "application/cbor").bytes(bytes[..length].to_vec());
        assert_eq!(relay.send(call).await.code(), ErrorCode::Malformed, "{length} bytes");
    }
    assert!(available(&relay, "ada").await);
}

#[tokio::test]
async fn the_relay_tells_what_everybody_may_know() {
    let relay = TestRelay::start().await;

    let info: RelayInfo = relay.send(Call::get("/v1/relay")).await.json();

    assert_eq!(info.relay_id, relay.app.relay_id);
    assert_eq!(relay.restart().await.app.relay_id, info.relay_id);
}

#[tokio::test]
async fn an_account_is_still_whole_after_a_restart() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let relay = relay.restart().await;

        assert_eq!(device.send(&relay, Call::get("/v1/devices")).await.status, StatusCode::OK);
        assert_eq!(ada.open(&relay).await.account_id, ada.account_id);
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_id_is_forgotten_after_a_day() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let request = ada.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
    relay.send(Call::post(FINISH).cbor(&request)).await.json::<SessionTokens>();
    relay.advance_seconds(86_401);
    relay.app.forget_identities().await.unwrap();

    let late = relay.send(Call::post(FINISH).cbor(&request)).await;

    assert_eq!(late.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let relay = TestRelay::start().await;

    let directory = relay.app.blobs.directory().parent().unwrap();

    assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
}
