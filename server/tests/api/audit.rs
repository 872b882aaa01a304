use protocol::{
    AccountId, DeviceId, ErrorCode, IdempotencyId, UnixMillis,
    audit::{AuditKind, AuditPage, AuditPlace, AuditRow, hashed_bytes},
    limits::{AUDIT_PAGE_MAX, AUDIT_ROWS_MAX, AUDIT_SECONDS, AUDIT_TRIES_PER_DAY, DEVICE_IDLE_SECONDS},
    sessions::{LoginStarted, RecoveryLogin, Refresh, SessionTokens},
    values::{Bytes, Exactly},
};
use sotto::error::ApiError;
use sotto::secrets::sha256;
use sotto::storage::StorageError;
use sotto::storage::audit::{self, Event};

use crate::device::{DeviceKeys, TestAccount, TestDevice, fresh};
use crate::relay::{Call, TestRelay, on_both_engines};

async fn page(relay: &TestRelay, device: &TestDevice, after: u64) -> AuditPage {
    device.send(relay, Call::get(format!("/v1/audit?after={after}"))).await.json()
}

/// The chain's end over `rows`, as a client computes it.
fn chain(account: AccountId, start: AuditPlace, rows: &[AuditRow]) -> AuditPlace {
    rows.iter().fold(start, |place, row| {
        assert_eq!(row.number, place.number + 1, "no gaps");
        AuditPlace { number: row.number, hash: Exactly(sha256(&hashed_bytes(&place.hash, account, row))) }
    })
}

/// Everything that the log says, after checking that it is one chain.
async fn told(relay: &TestRelay, device: &TestDevice) -> Vec<(AuditKind, Option<DeviceId>)> {
    let page = page(relay, device, 0).await;
    assert_eq!(chain(device.account_id, page.start, &page.rows), page.head);
    let known = |row: &AuditRow| (AuditKind::from_number(row.kind).unwrap(), row.device_id);
    page.rows.iter().map(known).collect()
}

#[tokio::test]
async fn what_happens_to_an_account_stands_in_its_log() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let mut first = ada.register(&relay).await;
        let second = ada.enrol(&relay).await;
        first.log_in(&relay).await;
        second.send(&relay, Call::delete("/v1/sessions/current")).await;

        let rows = told(&relay, &first).await;

        let (first, second) = (Some(first.device_id), Some(second.device_id));
        assert_eq!(
            rows,
            [
                (AuditKind::Registered, first),
                (AuditKind::LoginTried, None),
                (AuditKind::OpenedByPassword, None),
                (AuditKind::DeviceAdded, second),
                (AuditKind::SessionBegun, first),
                (AuditKind::DeviceSignedOut, second),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_leaves_a_try_and_a_right_one_names_its_try() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        assert!(ada.login(&relay, "a guess").await.is_none());
        ada.open(&relay).await;

        let rows = page(&relay, &device, 1).await.rows;

        let kinds: Vec<_> = rows.iter().map(|row| (row.number, row.kind, row.detail)).collect();
        let (tried, opened) = (AuditKind::LoginTried.number(), AuditKind::OpenedByPassword.number());
        assert_eq!(kinds, [(2, tried, 0), (3, tried, 0), (4, opened, 3)]);
    })
    .await;
}

#[tokio::test]
async fn recovery_keys_right_and_wrong_stand_in_the_log() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        for recovery_auth in [[0; 32], ada.recovery_auth] {
            let request = RecoveryLogin { handle: ada.handle.clone(), recovery_auth: Exactly(recovery_auth) };
            relay.send(Call::post("/v1/sessions/recovery").json(&request)).await;
        }

        let rows = told(&relay, &device).await;

        assert_eq!(rows[1..], [(AuditKind::RecoveryRefused, None), (AuditKind::OpenedByRecovery, None)]);
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_and_what_the_list_removed_stand_in_the_log() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let opened = ada.open(&relay).await;
        let keys = DeviceKeys::fresh(relay.now());
        let mut request = ada.enrolment(&opened, &keys);
        let list = ada.next_list(&opened.device_list, &keys, &[first.device_id]);
        request.device_list = Bytes::new(list).unwrap();
        request.revocations = ada.revocations(&[first.device_id]);
        request.idempotency_id = IdempotencyId::from_bytes(fresh());
        request.new_password = Some(ada.new_password(&relay, &opened.enrolment_ticket, "a new one").await);
        let tokens: SessionTokens = relay.send(Call::post("/v1/devices").cbor(&request)).await.json();

        let call = Call::get("/v1/audit").bearer(&tokens.access_token.0);
        let page: AuditPage = relay.send(call).await.json();

        let kinds: Vec<_> =
            page.rows.iter().skip(3).map(|row| AuditKind::from_number(row.kind).unwrap()).collect();
        assert_eq!(kinds, [AuditKind::DeviceRemoved, AuditKind::PasswordChanged, AuditKind::DeviceAdded]);
    })
    .await;
}

#[tokio::test]
async fn a_reused_refresh_token_stands_in_the_log() {
    on_both_engines(async |relay| {
        let mut device = TestAccount::new("ada").register(&relay).await;
        let stolen = device.tokens.refresh_token;
        let refresh = |token| Call::post("/v1/sessions/refresh").json(&Refresh { refresh_token: token });
        let next: SessionTokens = relay.send(refresh(stolen)).await.json();
        relay.send(refresh(next.refresh_token)).await.json::<SessionTokens>();
        assert_eq!(relay.send(refresh(stolen)).await.code(), ErrorCode::Unauthenticated);
        device.log_in(&relay).await;

        let rows = told(&relay, &device).await;

        assert_eq!(rows[1], (AuditKind::RefreshReused, Some(device.device_id)));
    })
    .await;
}

#[tokio::test]
async fn an_idle_device_that_goes_stands_in_the_log() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let idle = ada.register(&relay).await;
        relay.advance_seconds(DEVICE_IDLE_SECONDS - 3600);
        let device = ada.enrol(&relay).await;
        relay.advance_seconds(7200);
        relay.app.forget_identities().await.unwrap();
        let mut device = device;
        device.log_in(&relay).await;

        let rows = told(&relay, &device).await;

        assert!(rows.contains(&(AuditKind::DeviceIdle, Some(idle.device_id))), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn guesses_fill_no_more_than_a_days_share_of_the_log() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let tried = async |times: u64| {
            let event = Event::account(AuditKind::LoginTried);
            let mut noted = 0;
            for _ in 0..times {
                let now = relay.now();
                let number = relay
                    .app
                    .db
                    .write(async |conn| audit::insert_try(conn, ada.account_id, event, now).await)
                    .await;
                noted += u64::from(number.unwrap().is_some());
            }
            noted
        };

        assert_eq!(tried(AUDIT_TRIES_PER_DAY + 5).await, AUDIT_TRIES_PER_DAY);
        relay.advance_seconds(86_400);
        assert_eq!(tried(3).await, 3);
        let mut device = device;
        device.log_in(&relay).await;
        assert_eq!(told(&relay, &device).await.len() as u64, AUDIT_TRIES_PER_DAY + 5);
    })
    .await;
}

/// What a guess at a handle that nobody has leaves behind is gone after a day.
#[tokio::test]
async fn tries_at_handles_that_nobody_has_are_the_same_work_and_forgotten_after_a_day() {
    on_both_engines(async |relay| {
        let nobody = TestAccount::new("nobody");
        let started: LoginStarted = nobody.start_login(&relay, "a guess").await.0.json();
        drop(started);
        let chain_of = relay.app.credentials.nobody(&nobody.handle);
        let head = async || {
            let page = relay.app.db.read(async |conn| audit::page(conn, chain_of, 0).await).await;
            page.map_err(ApiError::from).unwrap().head.number
        };
        assert_eq!(head().await, 1);

        relay.advance_seconds(2 * 86_400);
        relay.app.forget_identities().await.unwrap();

        assert_eq!(head().await, 0);
    })
    .await;
}

async fn write_many(relay: &TestRelay, account: AccountId, count: u64) {
    let now = relay.now();
    let event = Event::account(AuditKind::SessionBegun);
    let written = relay.app.db.write(async |conn| {
        for _ in 0..count {
            audit::insert(conn, account, event, now).await?;
        }
        Ok::<_, StorageError>(())
    });
    written.await.unwrap();
}

#[tokio::test]
async fn a_long_log_comes_in_pages_and_loses_its_oldest_rows_but_not_its_chain() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        write_many(&relay, device.account_id, AUDIT_ROWS_MAX + 100).await;

        let first = page(&relay, &device, 0).await;
        assert!(first.start.number > 0, "the oldest are cut");
        let cut = first.cut.unwrap();
        let before = AuditPlace { number: first.start.number - 1, hash: cut.previous };
        assert_eq!(
            chain(device.account_id, before, &[cut.row]),
            first.start,
            "what is left leads to the start"
        );
        assert!(first.head.number - first.start.number >= AUDIT_ROWS_MAX);
        let mut place = first.start;
        loop {
            let next = page(&relay, &device, place.number).await;
            assert_eq!(next.start, place);
            assert!(next.rows.len() <= AUDIT_PAGE_MAX);
            if next.rows.is_empty() {
                break;
            }
            place = chain(device.account_id, place, &next.rows);
        }
        assert_eq!(place, first.head);
    })
    .await;
}

#[tokio::test]
async fn rows_of_more_than_a_year_are_cut_and_the_chain_goes_on() {
    on_both_engines(async |relay| {
        let mut device = TestAccount::new("ada").register(&relay).await;
        write_many(&relay, device.account_id, 3).await;
        let before = page(&relay, &device, 0).await.head;
        relay.advance_seconds(AUDIT_SECONDS + 60);
        // Not idle: the story is about the log.
        touch(&relay, &device).await;
        device.log_in(&relay).await;

        relay.app.forget_identities().await.unwrap();

        let after = page(&relay, &device, 0).await;
        assert_eq!(after.start, before);
        assert_eq!(after.cut.map(|cut| cut.row.number), Some(before.number));
        assert_eq!(page(&relay, &device, before.number).await.cut, None);
        assert_eq!(chain(device.account_id, after.start, &after.rows), after.head);
        assert_eq!(after.rows.len(), 1);
    })
    .await;
}

async fn touch(relay: &TestRelay, device: &TestDevice) {
    let (id, now): (_, UnixMillis) = (device.device_id, relay.now());
    let seen = relay.app.db.write(async |conn| sotto::storage::devices::update_seen(conn, id, now).await);
    seen.await.unwrap();
}

#[tokio::test]
async fn nobody_reads_the_log_of_another_account() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;
    let eve = TestAccount::new("eve").register(&relay).await;

    let rows = told(&relay, &eve).await;

    assert_eq!(rows, [(AuditKind::Registered, Some(eve.device_id))]);
    assert!(!rows.iter().any(|row| row.1 == Some(ada.device_id)));
}

#[tokio::test]
async fn a_page_after_the_head_says_where_the_head_is() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;

    let page = page(&relay, &ada, 900).await;

    assert_eq!((page.rows.len(), page.start), (0, page.head));
    assert_eq!(page.head.number, 1);
}

#[tokio::test]
async fn a_question_that_is_no_number_is_malformed() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada").register(&relay).await;

    for query in ["after=-1", "after=x", "since=1"] {
        let answer = ada.send(&relay, Call::get(format!("/v1/audit?{query}"))).await;
        assert_eq!(answer.code(), ErrorCode::Malformed, "{query}");
    }
}
