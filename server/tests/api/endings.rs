//! Sessions that are ended from another device.

use axum::http::StatusCode;
use protocol::{
    ErrorCode, SessionId,
    accounts::Ticket,
    audit::{AuditKind, AuditPage},
    sessions::{EndSessions, OwnSessions, Refresh},
    socket::close,
};

use crate::device::{TestAccount, TestDevice, fresh};
use crate::factors::Guarded;
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use crate::sockets::Socket;

async fn end(
    relay: &TestRelay,
    by: &TestDevice,
    enrolment_ticket: Ticket,
    session_id: Option<SessionId>,
) -> Answer {
    let request = EndSessions { enrolment_ticket, session_id };
    by.send(relay, Call::post("/v1/sessions/endings").json(&request)).await
}

async fn proof(relay: &TestRelay, account: &TestAccount) -> Ticket {
    account.open(relay).await.enrolment_ticket
}

async fn own_sessions(relay: &TestRelay, device: &TestDevice) -> Vec<SessionId> {
    let own: OwnSessions = device.send(relay, Call::get("/v1/sessions")).await.json();
    own.sessions.iter().map(|session| session.session_id).collect()
}

#[tokio::test]
async fn an_ended_session_is_over_at_once_with_its_socket_and_its_device_begins_no_other() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let second = ada.enrol(&relay).await;
        let mut socket = Socket::live_with(&port, second.token()).await;
        let proof = proof(&relay, &ada).await;

        let ended = end(&relay, &first, proof, Some(second.tokens.session_id)).await;

        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        assert_eq!(socket.close_code().await, Some(close::DEVICE_REVOKED));
        let refresh = Refresh { refresh_token: second.tokens.refresh_token };
        let nonce = second.challenge(&relay).await;
        let refused = [
            second.send(&relay, Call::get("/v1/devices")).await,
            relay.send(Call::post("/v1/sessions/refresh").json(&refresh)).await,
            relay.send(Call::post("/v1/sessions/device").json(&second.device_login(&relay, nonce))).await,
        ];
        assert_eq!(refused.map(|answer| answer.code()), [ErrorCode::DeviceRevoked; 3]);
        assert_eq!(own_sessions(&relay, &first).await, [first.tokens.session_id]);
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_stays_over_after_a_restart() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
    let ticket = proof(&relay, &ada).await;
    end(&relay, &first, ticket, Some(second.tokens.session_id)).await;

    let relay = relay.restart().await;

    assert!(!second.send(&relay, Call::get("/v1/devices")).await.status.is_success());
    assert!(first.send(&relay, Call::get("/v1/devices")).await.status.is_success());
}

#[tokio::test]
async fn all_others_end_and_the_caller_and_other_people_go_on() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let others = [ada.enrol(&relay).await, ada.enrol(&relay).await];
        let ben = TestAccount::new("ben").register(&relay).await;
        let ticket = proof(&relay, &ada).await;

        let ended = end(&relay, &first, ticket, None).await;

        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        for other in &others {
            let answer = other.send(&relay, Call::get("/v1/devices")).await;
            assert_eq!(answer.code(), ErrorCode::DeviceRevoked);
        }
        assert_eq!(own_sessions(&relay, &first).await, [first.tokens.session_id]);
        assert_eq!(own_sessions(&relay, &ben).await, [ben.tokens.session_id]);
    })
    .await;
}

#[tokio::test]
async fn no_session_ends_without_a_fresh_proof_of_its_own_account() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
        let ben = TestAccount::new("ben");
        ben.register(&relay).await;
        let late = proof(&relay, &ada).await;
        relay.advance_seconds(600);
        let mut first = first;
        first.log_in(&relay).await;
        for ticket in [Ticket::new([]).unwrap(), proof(&relay, &ben).await, late] {
            let answer = end(&relay, &first, ticket, Some(second.tokens.session_id)).await;
            assert_eq!(answer.code(), ErrorCode::TicketInvalid);
        }

        assert_eq!(own_sessions(&relay, &first).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_ends_no_session() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
    let early = proof(&relay, &ada).await;
    relay.advance_seconds(1);
    let ada = Guarded::of(&relay, ada, first).await;

    let refused = end(&relay, &ada.device, early, Some(second.tokens.session_id)).await;
    let shown = ada.open(&relay).await.enrolment_ticket;
    let ended = end(&relay, &ada.device, shown, Some(second.tokens.session_id)).await;

    assert_eq!(refused.code(), ErrorCode::TicketInvalid);
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn somebody_elses_session_one_that_is_over_and_one_that_never_was_are_not_found() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
        let ben = TestAccount::new("ben").register(&relay).await;
        let ticket = proof(&relay, &ada).await;
        end(&relay, &first, ticket.clone(), Some(second.tokens.session_id)).await;

        let never = SessionId::from_bytes(fresh());
        for session in [ben.tokens.session_id, second.tokens.session_id, never] {
            let answer = end(&relay, &first, ticket.clone(), Some(session)).await;
            assert_eq!(answer.code(), ErrorCode::NotFound);
        }
        assert!(ben.send(&relay, Call::get("/v1/devices")).await.status.is_success());
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_stands_in_the_log_with_its_device() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
        let ticket = proof(&relay, &ada).await;
        end(&relay, &first, ticket.clone(), None).await;
        end(&relay, &first, ticket, None).await;

        let page: AuditPage = first.send(&relay, Call::get("/v1/audit?after=6")).await.json();

        let rows: Vec<_> = page.rows.iter().map(|row| (row.kind, row.device_id)).collect();
        assert_eq!(rows, [(AuditKind::SessionEnded.number(), Some(second.device_id))]);
    })
    .await;
}
