use crate::device::{DeviceKeys, TestAccount, TestDevice, fresh, wraps};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use protocol::{
    ErrorCode, IdempotencyId, UnixMillis,
    accounts::WrapKind,
    device_list::DeviceList,
    devices::{EnrolDevice, OwnDevices},
    limits::{CBOR_BODY_BYTES_MAX, DEVICES_MAX},
    sessions::{EnrolmentState, OpenedAccount, RecoveryLogin, SessionTokens},
    values::{Bytes, Exactly, List},
};

async fn enrol(relay: &TestRelay, request: &EnrolDevice) -> Answer {
    relay.send(Call::post("/v1/devices").cbor(request)).await
}

async fn own(relay: &TestRelay, device: &TestDevice) -> OwnDevices {
    device.send(relay, Call::get("/v1/devices")).await.json()
}

/// An account with one device, opened for a second one.
async fn opened(relay: &TestRelay) -> (TestAccount, TestDevice, OpenedAccount) {
    let ada = TestAccount::new("ada");
    let device = ada.register(relay).await;
    let opened = ada.open(relay).await;
    (ada, device, opened)
}

/// An enrolment that a client would send, changed: refused, and nothing was written.
async fn refused(change: impl FnOnce(&TestAccount, &OpenedAccount, &mut EnrolDevice)) -> ErrorCode {
    let relay = TestRelay::start().await;
    let (ada, device, opened) = opened(&relay).await;
    let keys = DeviceKeys::fresh(relay.now());
    let good = ada.enrolment(&opened, &keys);
    let mut request = good.clone();
    change(&ada, &opened, &mut request);

    let code = enrol(&relay, &request).await.code();

    assert_eq!(own(&relay, &device).await.device_list, opened.device_list);
    enrol(&relay, &good).await.json::<SessionTokens>();
    code
}

#[tokio::test]
async fn a_new_device_enrols_and_is_listed() {
    on_both_engines(async |relay| {
        let (ada, first, opened) = opened(&relay).await;
        let keys = DeviceKeys::fresh(relay.now());
        let request = ada.enrolment(&opened, &keys);

        let tokens: SessionTokens = enrol(&relay, &request).await.json();

        assert_eq!((tokens.account_id, tokens.device_id), (ada.account_id, keys.device_id));
        let own = own(&relay, &first).await;
        assert_eq!(own.device_list, request.device_list);
        assert_eq!(own.devices.len(), 2);
        assert!(own.devices.iter().all(|device| device.revoked_at.is_none()));
    })
    .await;
}

#[tokio::test]
async fn a_repeated_enrolment_answers_as_the_first_time() {
    on_both_engines(async |relay| {
        let (ada, _, opened) = opened(&relay).await;
        let request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));

        let calls: Vec<_> = (0..10).map(|_| enrol(&relay, &request)).collect();
        let answers = futures_util::future::join_all(calls).await;
        relay.advance_seconds(3600);
        let late: SessionTokens = enrol(&relay, &request).await.json();

        for answer in answers {
            let tokens: SessionTokens = answer.json();
            assert_eq!((tokens.session_id, tokens.refresh_token), (late.session_id, late.refresh_token));
        }
    })
    .await;
}

#[tokio::test]
async fn a_repeated_enrolment_of_a_device_that_was_signed_out_gives_no_tokens() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    let request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
    let tokens: SessionTokens = enrol(&relay, &request).await.json();
    relay.send(Call::delete("/v1/sessions/current").bearer(&tokens.access_token.0)).await;

    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::DeviceRevoked);
}

#[tokio::test]
async fn a_repeated_answer_brings_no_ended_session_back() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let keys = DeviceKeys::fresh(relay.now());
    let request = ada.registration(&relay, &keys).await;
    let call = Call::post("/v1/accounts/register/finish").cbor(&request);
    let first: SessionTokens = relay.send(call.clone()).await.json();
    let second = Call::post("/v1/sessions/refresh");
    let second = |token| second.clone().json(&protocol::sessions::Refresh { refresh_token: token });
    let next: SessionTokens = relay.send(second(first.refresh_token)).await.json();
    relay.send(second(next.refresh_token)).await.json::<SessionTokens>();
    assert_eq!(relay.send(second(first.refresh_token)).await.code(), ErrorCode::Unauthenticated);

    assert_eq!(relay.send(call).await.code(), ErrorCode::Unauthenticated);
    let old = relay.send(Call::get("/v1/devices").bearer(&first.access_token.0)).await;
    assert_eq!(old.code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn of_two_enrolments_at_once_the_second_signs_again() {
    on_both_engines(async |relay| {
        let (ada, _, opened) = opened(&relay).await;
        let other = ada.open(&relay).await;
        let keys = DeviceKeys::fresh(relay.now());
        let requests =
            [ada.enrolment(&opened, &DeviceKeys::fresh(relay.now())), ada.enrolment(&other, &keys)];

        let answers = tokio::join!(enrol(&relay, &requests[0]), enrol(&relay, &requests[1]));

        let (lost, ticket) = if answers.0.status.is_success() {
            (answers.1, other.enrolment_ticket)
        } else {
            (answers.0, opened.enrolment_ticket)
        };
        let problem = lost.problem();
        assert_eq!((problem.code, problem.facts.version), (ErrorCode::VersionConflict, Some(2)));
        let call = Call::post("/v1/sessions/enrolment").json(&EnrolmentState { enrolment_ticket: ticket });
        let again: OpenedAccount = relay.send(call).await.json();
        let request = ada.enrolment(&again, &DeviceKeys::fresh(relay.now()));
        enrol(&relay, &request).await.json::<SessionTokens>();
    })
    .await;
}

#[tokio::test]
async fn a_ticket_enrols_one_device() {
    on_both_engines(async |relay| {
        let (ada, _, opened) = opened(&relay).await;
        let first = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
        enrol(&relay, &first).await.json::<SessionTokens>();
        let after = OpenedAccount { device_list: first.device_list, ..opened };
        let second = ada.enrolment(&after, &DeviceKeys::fresh(relay.now()));

        assert_eq!(enrol(&relay, &second).await.code(), ErrorCode::TicketInvalid);
        let state = EnrolmentState { enrolment_ticket: after.enrolment_ticket };
        let again = relay.send(Call::post("/v1/sessions/enrolment").json(&state)).await;
        assert_eq!(again.code(), ErrorCode::TicketInvalid);
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_after_ten_minutes_is_refused() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    relay.advance_seconds(600);

    let request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));

    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn another_accounts_ticket_enrols_nothing() {
    let relay = TestRelay::start().await;
    let (ada, device, opened) = opened(&relay).await;
    let ben = TestAccount::new("ben");
    ben.register(&relay).await;
    let mut request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
    request.enrolment_ticket = ben.open(&relay).await.enrolment_ticket;

    assert!(!enrol(&relay, &request).await.status.is_success());
    assert_eq!(own(&relay, &device).await.devices.len(), 1);
}

#[tokio::test]
async fn the_same_id_with_another_device_is_a_conflict() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    let first = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
    enrol(&relay, &first).await.json::<SessionTokens>();
    let again = ada.open(&relay).await;
    let mut second = ada.enrolment(&again, &DeviceKeys::fresh(relay.now()));
    second.idempotency_id = first.idempotency_id;

    assert_eq!(enrol(&relay, &second).await.code(), ErrorCode::IdempotencyConflict);
}

#[tokio::test]
async fn a_list_or_certificate_with_a_broken_signature_is_refused() {
    let list = refused(|_, _, request| {
        let mut bytes = request.device_list.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        request.device_list = Bytes::new(bytes).unwrap();
    });
    let certificate = refused(|_, _, request| {
        let mut bytes = request.device.certificate.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        request.device.certificate = Bytes::new(bytes).unwrap();
    });

    assert_eq!([list.await, certificate.await], [ErrorCode::SignatureInvalid; 2]);
}

#[tokio::test]
async fn a_list_that_another_identity_signed_is_refused() {
    let code = refused(|ada, opened, request| {
        let mut other = TestAccount::new("other");
        other.account_id = ada.account_id;
        let keys = DeviceKeys::fresh(UnixMillis(1));
        let list = other.next_list(&opened.device_list, &keys, &[]);
        request.device = other.certify(&keys, 1);
        request.device_list = Bytes::new(list).unwrap();
    })
    .await;

    assert_eq!(code, ErrorCode::SignatureInvalid);
}

#[tokio::test]
async fn a_list_with_a_ghost_device_a_missing_device_or_another_history_is_refused() {
    let change = |change: fn(&mut protocol::device_list::DeviceListBody)| {
        refused(move |ada, _, request| {
            let mut body = DeviceList::decode(&request.device_list).unwrap().body;
            change(&mut body);
            request.device_list = Bytes::new(ada.sign_list(body)).unwrap();
        })
    };
    let ghost = change(|body| {
        body.entries.push(DeviceKeys::fresh(UnixMillis(1)).entry());
        body.entries.sort_by_key(|entry| entry.device);
    });
    let history = change(|body| body.previous_hash = [9; 32]);
    let dropped = refused(|ada, _, request| {
        let mut body = DeviceList::decode(&request.device_list).unwrap().body;
        body.entries.retain(|entry| entry.device == request.device.device_id);
        request.device_list = Bytes::new(ada.sign_list(body)).unwrap();
    });

    assert_eq!([ghost.await, history.await, dropped.await], [ErrorCode::Malformed; 3]);
}

#[tokio::test]
async fn a_list_that_skips_a_version_conflicts() {
    let code = refused(|ada, _, request| {
        let mut body = DeviceList::decode(&request.device_list).unwrap().body;
        body.version = 3;
        request.device_list = Bytes::new(ada.sign_list(body)).unwrap();
    })
    .await;

    assert_eq!(code, ErrorCode::VersionConflict);
}

#[tokio::test]
async fn an_account_has_at_most_eight_live_devices_and_a_signed_out_one_makes_room() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let mut devices = vec![ada.register(&relay).await];
        while devices.len() < DEVICES_MAX {
            devices.push(ada.enrol(&relay).await);
            // Each log-in is a guess.
            relay.advance_seconds(3600);
        }
        devices[0].log_in(&relay).await;
        devices[0].send(&relay, Call::delete("/v1/sessions/current")).await;

        let ninth = ada.enrol(&relay).await;

        let own = own(&relay, &ninth).await;
        let list = DeviceList::decode(&own.device_list).unwrap().body;
        assert_eq!(list.live().count(), DEVICES_MAX);
        assert!(!list.entry(devices[0].device_id).unwrap().is_live());
    })
    .await;
}

#[tokio::test]
async fn what_the_signed_list_revokes_the_relay_revokes_at_once() {
    on_both_engines(async |relay| {
        let (ada, first, opened) = opened(&relay).await;
        let keys = DeviceKeys::fresh(relay.now());
        let mut request = ada.enrolment(&opened, &keys);
        let list = ada.next_list(&opened.device_list, &keys, &[first.device_id]);
        request.device_list = Bytes::new(list).unwrap();
        request.revocations = ada.revocations(&[first.device_id]);

        enrol(&relay, &request).await.json::<SessionTokens>();

        assert_eq!(first.send(&relay, Call::get("/v1/devices")).await.code(), ErrorCode::DeviceRevoked);
    })
    .await;
}

#[tokio::test]
async fn after_recovery_a_new_password_opens_and_the_old_one_does_not() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        ada.register(&relay).await;
        let recovery =
            RecoveryLogin { handle: ada.handle.clone(), recovery_auth: Exactly(ada.recovery_auth) };
        let opened: OpenedAccount =
            relay.send(Call::post("/v1/sessions/recovery").json(&recovery)).await.json();
        let mut request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
        let new = ada.new_password(&relay, &opened.enrolment_ticket, "a new password").await;
        let new_wrap = new.wraps[0].clone();
        request.new_password = Some(new);

        enrol(&relay, &request).await.json::<SessionTokens>();

        assert!(ada.login(&relay, &ada.password).await.is_none());
        let finish = ada.login(&relay, "a new password").await.unwrap();
        let opened: OpenedAccount =
            relay.send(Call::post("/v1/sessions/login/finish").json(&finish)).await.json();
        assert!(opened.wraps.contains(&new_wrap));
        assert_eq!(opened.wraps.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_refused_enrolment_leaves_the_old_password() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    let mut request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
    request.new_password = Some(ada.new_password(&relay, &opened.enrolment_ticket, "a new password").await);
    request.device_list = opened.device_list.clone();

    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::VersionConflict);
    assert!(ada.login(&relay, &ada.password).await.is_some());
}

#[tokio::test]
async fn a_new_password_without_its_wrap_or_with_anothers_ticket_is_refused() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    let ben = TestAccount::new("ben");
    ben.register(&relay).await;
    let bens = ben.open(&relay).await;
    let mut request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));

    let mut new = ada.new_password(&relay, &opened.enrolment_ticket, "a new password").await;
    new.wraps = List::default();
    request.new_password = Some(new.clone());
    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::Malformed);
    new.wraps = wraps(&[(WrapKind::Recovery, 0)]);
    request.new_password = Some(new);
    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::Malformed);
    request.new_password = Some(ben.new_password(&relay, &bens.enrolment_ticket, "a new password").await);
    assert_eq!(enrol(&relay, &request).await.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn every_truncation_and_a_body_too_large_are_refused() {
    let relay = TestRelay::start().await;
    let (ada, _, opened) = opened(&relay).await;
    let mut request = ada.enrolment(&opened, &DeviceKeys::fresh(relay.now()));
    request.idempotency_id = IdempotencyId::from_bytes(fresh());
    let bytes = protocol::socket::to_bytes(&request);
    let call =
        |bytes: Vec<u8>| Call::post("/v1/devices").header("content-type", "application/cbor").bytes(bytes);
    for length in (0..bytes.len()).step_by(7) {
        assert_eq!(
            relay.send(call(bytes[..length].to_vec())).await.code(),
            ErrorCode::Malformed,
            "{length} bytes"
        );
    }
    assert_eq!(relay.send(call(vec![0; CBOR_BODY_BYTES_MAX + 1])).await.code(), ErrorCode::BodyTooLarge);
}
