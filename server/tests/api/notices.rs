//! What reaches a live socket without being asked for: the end of a session, and what other devices did.

use crate::device::{TestAccount, fresh};
use crate::relay::{Call, TestRelay};
use crate::sockets::Socket;
use protocol::groups::Posted;
use protocol::key_packages::ClaimKeyPackages;
use protocol::records::{PutRecord, PutRecords, RecordWrite, RecordsPut};
use protocol::sessions::{Refresh, SessionTokens};
use protocol::socket::{ClientFrame, RelayFrame, close};
use protocol::values::{Bytes, List};
use protocol::{ClaimId, ErrorCode, RecordId};

#[tokio::test]
async fn log_out_closes_the_devices_socket_at_once() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let device = TestAccount::new("ada").register(&relay).await;
    let mut socket = Socket::live_with(&port, device.token()).await;

    device.send(&relay, Call::delete("/v1/sessions/current")).await;

    assert_eq!(socket.close_code().await, Some(close::DEVICE_REVOKED));
}

#[tokio::test]
async fn what_the_signed_list_revokes_loses_its_socket_at_once() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let ada = TestAccount::new("ada");
    let first = ada.register(&relay).await;
    let mut socket = Socket::live_with(&port, first.token()).await;

    let mut opened = ada.open(&relay).await;
    opened.revoked_devices = List::new(vec![first.device_id]).unwrap();
    let keys = crate::device::DeviceKeys::fresh(relay.now());
    let request = ada.enrolment(&opened, &keys);
    relay.send(Call::post("/v1/devices").cbor(&request)).await.json::<SessionTokens>();

    assert_eq!(socket.close_code().await, Some(close::DEVICE_REVOKED));
}

#[tokio::test]
async fn a_newer_log_in_closes_the_socket_of_the_session_before() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let mut device = TestAccount::new("ada").register(&relay).await;
    let mut socket = Socket::live_with(&port, device.token()).await;

    device.log_in(&relay).await;

    assert_eq!(socket.close_code().await, Some(close::TOKEN_EXPIRED), "it may come back with the new token");
    Socket::live_with(&port, device.token()).await;
}

#[tokio::test]
async fn a_stolen_refresh_token_costs_the_session_its_socket() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let device = TestAccount::new("ada").register(&relay).await;
    let refresh = |token| Call::post("/v1/sessions/refresh").json(&Refresh { refresh_token: token });
    let second: SessionTokens = relay.send(refresh(device.tokens.refresh_token)).await.json();
    let third: SessionTokens = relay.send(refresh(second.refresh_token)).await.json();
    let mut socket = Socket::live_with(&port, &third.access_token.0).await;

    let reused = relay.send(refresh(device.tokens.refresh_token)).await;

    assert_eq!(reused.code(), ErrorCode::Unauthenticated);
    assert_eq!(socket.close_code().await, Some(close::TOKEN_EXPIRED));
}

#[tokio::test]
async fn a_new_device_is_told_to_ones_own_devices_and_to_who_shares_a_group() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let ada = TestAccount::new("ada");
    let first = ada.register(&relay).await;
    let ben = TestAccount::new("ben").register(&relay).await;
    let creation = ben.creation(&[&first]);
    ben.send(&relay, Call::post("/v1/groups").cbor(&creation)).await.cbor::<Posted>();
    let mut own = Socket::live_with(&port, first.token()).await;
    let mut peers = Socket::live_with(&port, ben.token()).await;

    ada.enrol(&relay).await;

    let told = RelayFrame::DeviceListChanged { account_id: ada.account_id, version: 2 };
    for socket in [&mut own, &mut peers] {
        while socket.next().await != told {}
    }
}

#[tokio::test]
async fn a_new_vault_is_told_to_the_other_devices() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let ada = TestAccount::new("ada");
    let first = ada.register(&relay).await;
    let second = ada.enrol(&relay).await;
    let mut socket = Socket::live_with(&port, second.token()).await;

    let put = PutRecord { expected_version: 1, ciphertext: Bytes::new(*b"a newer vault").unwrap() };
    let path = format!("/v1/records/vault/{}", ada.vault_record_id);
    first.send(&relay, Call::put(path).cbor(&put)).await;

    let told = RelayFrame::RecordChanged {
        collection: "vault".parse().unwrap(),
        record_id: ada.vault_record_id,
        version: 2,
        change: 2,
    };
    while socket.next().await != told {}
}

#[tokio::test]
async fn of_a_batch_the_last_stored_record_is_told_and_to_nobody_else() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let ada = TestAccount::new("ada");
    let first = ada.register(&relay).await;
    let second = ada.enrol(&relay).await;
    let mut others = Socket::live_with(&port, second.token()).await;
    let mut own = Socket::live_with(&port, first.token()).await;
    let ids: [RecordId; 3] = std::array::from_fn(|_| RecordId::from_bytes(fresh()));
    let writes = ids.iter().zip([0, 0, 7]).map(|(record_id, expected_version)| RecordWrite {
        collection: "contacts".parse().unwrap(),
        record_id: *record_id,
        expected_version,
        ciphertext: Bytes::new(*b"a contact").unwrap(),
    });
    let batch = PutRecords { writes: List::new(writes.collect()).unwrap() };

    first.send(&relay, Call::put("/v1/records").cbor(&batch)).await.cbor::<RecordsPut>();
    own.send(&ClientFrame::Ping).await;

    let told = RelayFrame::RecordChanged {
        collection: "contacts".parse().unwrap(),
        record_id: ids[1],
        version: 1,
        change: 3,
    };
    let heard = loop {
        if let frame @ RelayFrame::RecordChanged { .. } = others.next().await {
            break frame;
        }
    };
    assert_eq!(heard, told);
    loop {
        match own.next().await {
            RelayFrame::Pong => break,
            frame => assert!(!matches!(frame, RelayFrame::RecordChanged { .. }), "its own write"),
        }
    }
}

#[tokio::test]
async fn a_claim_from_a_low_stock_tells_its_device() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let ben = TestAccount::new("ben").register(&relay).await;
    let mut socket = Socket::live_with(&port, ben.token()).await;

    let claim = ClaimKeyPackages { claim_id: ClaimId::from_bytes(fresh()), account_id: ben.account_id };
    ada.send(&relay, Call::post("/v1/key-packages/claim").cbor(&claim)).await;

    while socket.next().await != (RelayFrame::KeyPackagesLow { available: 2 }) {}
}
