use crate::device::{TestAccount, TestDevice, fresh};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use axum::http::StatusCode;
use protocol::{
    AccountId, ErrorCode,
    accounts::Ticket,
    limits::JSON_BODY_BYTES_MAX,
    sessions::{
        DeviceChallenge, DeviceLogin, DeviceNonce, EnrolmentState, LoginStarted, OpenedAccount, OwnSession,
        OwnSessions, RecoveryLogin, Refresh, SessionTokens,
    },
    values::Exactly,
};
use sotto::coarse_address::CoarseAddress;
use sotto::storage::sessions;

const FINISH: &str = "/v1/sessions/login/finish";

async fn start(relay: &TestRelay, handle: &str) -> Answer {
    TestAccount::new(handle).start_login(relay, "a guess").await.0
}

async fn recover(relay: &TestRelay, handle: &str, recovery_auth: [u8; 32]) -> Answer {
    let request = RecoveryLogin { handle: handle.parse().unwrap(), recovery_auth: Exactly(recovery_auth) };
    relay.send(Call::post("/v1/sessions/recovery").json(&request)).await
}

fn refresh_call(token: Option<Exactly<32>>) -> Call {
    Call::post("/v1/sessions/refresh").json(&Refresh { refresh_token: token })
}

async fn refresh(relay: &TestRelay, token: Option<Exactly<32>>) -> Answer {
    relay.send(refresh_call(token)).await
}

async fn works(relay: &TestRelay, device: &TestDevice) -> bool {
    device.send(relay, Call::get("/v1/devices")).await.status == StatusCode::OK
}

// Log-in by password

#[tokio::test]
async fn the_right_password_opens_the_account_with_everything_in_it() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let opened = ada.open(&relay).await;

        assert_eq!((opened.account_id, &opened.handle), (ada.account_id, &ada.handle));
        assert_eq!((opened.vault.record_id, opened.vault.version), (ada.vault_record_id, 1));
        assert_eq!(&*opened.vault.ciphertext, b"the first vault");
        assert_eq!(opened.wraps.len(), 3);
        assert_eq!(opened.revoked_devices.len(), 0);
        assert!(works(&relay, &device).await, "a log-in ends no other device's session");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_does_not_open_the_account() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;

    assert!(ada.login(&relay, "another password").await.is_none());
}

#[tokio::test]
async fn wraps_are_released_only_by_the_last_step() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;

    let (started, _) = ada.start_login(&relay, &ada.password).await;

    let fields: serde_json::Map<String, serde_json::Value> = started.json();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["credential_response", "ticket"]);
}

#[tokio::test]
async fn a_login_ticket_works_once_and_for_five_minutes() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        ada.register(&relay).await;
        let finish = ada.login(&relay, &ada.password).await.unwrap();
        let late = ada.login(&relay, &ada.password).await.unwrap();

        relay.send(Call::post(FINISH).json(&finish)).await.json::<OpenedAccount>();
        let again = relay.send(Call::post(FINISH).json(&finish)).await;
        relay.advance_seconds(300);
        let late = relay.send(Call::post(FINISH).json(&late)).await;

        assert_eq!([again.code(), late.code()], [ErrorCode::TicketInvalid; 2]);
    })
    .await;
}

#[tokio::test]
async fn of_twenty_equal_finishes_at_once_one_opens_the_account() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        ada.register(&relay).await;
        let finish = ada.login(&relay, &ada.password).await.unwrap();

        let calls: Vec<_> = (0..20).map(|_| relay.send(Call::post(FINISH).json(&finish))).collect();
        let answers = futures_util::future::join_all(calls).await;

        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_last_step_spends_the_ticket() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;
    let right = ada.login(&relay, &ada.password).await.unwrap();
    let mut wrong = right.clone();
    let other = ada.login(&relay, &ada.password).await.unwrap();
    wrong.credential_finalization = other.credential_finalization;

    let refused = relay.send(Call::post(FINISH).json(&wrong)).await;
    let afterwards = relay.send(Call::post(FINISH).json(&right)).await;

    assert_eq!(refused.code(), ErrorCode::WrongCredentials);
    assert_eq!(afterwards.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn an_unknown_handle_is_answered_like_a_known_one() {
    on_both_engines(async |relay| {
        TestAccount::new("ada").register(&relay).await;

        let known = start(&relay, "ada").await;
        let unknown = start(&relay, "bob").await;

        assert_eq!(known.status, unknown.status);
        assert_eq!(known.headers, unknown.headers);
        assert_eq!(known.body.len(), unknown.body.len());
        let started: LoginStarted = unknown.json();
        let forged = protocol::sessions::LoginFinish {
            ticket: started.ticket,
            credential_finalization: protocol::values::Bytes::new(vec![0; 64]).unwrap(),
        };
        let finished = relay.send(Call::post(FINISH).json(&forged)).await;
        assert_eq!(finished.code(), ErrorCode::WrongCredentials);
    })
    .await;
}

#[tokio::test]
async fn the_last_step_is_refused_alike_for_known_and_unknown_handles() {
    on_both_engines(async |relay| {
        TestAccount::new("ada").register(&relay).await;
        let mut refused = Vec::new();
        for handle in ["ada", "bob"] {
            let LoginStarted { ticket, .. } = start(&relay, handle).await.json();
            let credential_finalization = protocol::values::Bytes::new(vec![7; 64]).unwrap();
            let forged = protocol::sessions::LoginFinish { ticket, credential_finalization };
            refused.push(relay.send(Call::post(FINISH).json(&forged)).await);
        }
        let [known, unknown] = <[Answer; 2]>::try_from(refused).unwrap();

        assert_eq!(known.code(), ErrorCode::WrongCredentials);
        assert_eq!((known.status, known.body), (unknown.status, unknown.body));
        assert_eq!(known.headers, unknown.headers);
    })
    .await;
}

#[tokio::test]
async fn ten_guesses_an_hour_and_fifty_a_day_are_all_there_are() {
    on_both_engines(async |relay| {
        for (round, expected) in [10, 10, 10, 10, 10, 0].into_iter().enumerate() {
            let mut taken = 0;
            for _ in 0..11 {
                let answer = start(&relay, "ada").await;
                if answer.status.is_success() {
                    taken += 1;
                } else {
                    assert_eq!(answer.code(), ErrorCode::RateLimited);
                    assert!(answer.header("retry-after").is_some());
                }
            }
            assert_eq!(taken, expected, "hour {round}");
            relay.advance_seconds(3600);
        }
    })
    .await;
}

#[tokio::test]
async fn the_budget_of_guesses_is_exact_under_two_hundred_tries_at_once() {
    on_both_engines(async |relay| {
        TestAccount::new("ada").register(&relay).await;
        for handle in ["ada", "nobody"] {
            let calls: Vec<_> = (0..200).map(|_| start(&relay, handle)).collect();

            let answers = futures_util::future::join_all(calls).await;

            assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 10, "{handle}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_malformed_log_in_is_refused_alike_for_known_and_unknown_handles() {
    let relay = TestRelay::start().await;
    TestAccount::new("ada").register(&relay).await;
    for handle in ["ada", "nobody"] {
        let body = serde_json::json!({ "handle": handle, "credential_request": "AAAA" });
        let answer = relay.send(Call::post("/v1/sessions/login/start").json(&body)).await;
        assert_eq!(answer.code(), ErrorCode::Malformed);
    }
    let large = Call::post("/v1/sessions/login/start")
        .header("content-type", "application/json")
        .bytes(vec![b' '; JSON_BODY_BYTES_MAX + 1]);
    assert_eq!(relay.send(large).await.code(), ErrorCode::BodyTooLarge);
}

// Recovery

#[tokio::test]
async fn the_recovery_key_opens_the_account() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        ada.register(&relay).await;

        let opened: OpenedAccount = recover(&relay, "ada", ada.recovery_auth).await.json();

        assert_eq!(opened.account_id, ada.account_id);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_recovery_key_and_an_unknown_handle_are_answered_alike() {
    on_both_engines(async |relay| {
        TestAccount::new("ada").register(&relay).await;

        let wrong = recover(&relay, "ada", [7; 32]).await;
        let unknown = recover(&relay, "nobody", [7; 32]).await;

        assert_eq!(wrong.code(), ErrorCode::WrongCredentials);
        assert_eq!(
            (wrong.status, wrong.headers, wrong.body),
            (unknown.status, unknown.headers, unknown.body)
        );
    })
    .await;
}

#[tokio::test]
async fn recovery_draws_on_the_budget_of_guesses() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;
    for _ in 0..10 {
        start(&relay, "ada").await;
    }

    let refused = recover(&relay, "ada", ada.recovery_auth).await;

    assert_eq!(refused.code(), ErrorCode::RateLimited);
}

// The opened account

#[tokio::test]
async fn an_enrolment_ticket_shows_the_account_again_for_ten_minutes() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;
    let opened = ada.open(&relay).await;
    let call = Call::post("/v1/sessions/enrolment")
        .json(&EnrolmentState { enrolment_ticket: opened.enrolment_ticket.clone() });

    assert_eq!(relay.send(call.clone()).await.json::<OpenedAccount>(), opened);
    relay.advance_seconds(600);
    assert_eq!(relay.send(call).await.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn tickets_of_other_steps_open_nothing() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    ada.register(&relay).await;
    let (started, _) = ada.start_login(&relay, &ada.password).await;
    let login: LoginStarted = started.json();
    for ticket in [login.ticket, Ticket::new([]).unwrap(), Ticket::new(vec![0; 512]).unwrap()] {
        let call = Call::post("/v1/sessions/enrolment").json(&EnrolmentState { enrolment_ticket: ticket });
        assert_eq!(relay.send(call).await.code(), ErrorCode::TicketInvalid);
    }
}

// Log-in of a device

#[tokio::test]
async fn a_device_logs_in_by_signature_and_its_earlier_session_ends() {
    on_both_engines(async |relay| {
        let mut device = TestAccount::new("ada").register(&relay).await;
        let earlier = device.tokens.clone();

        device.log_in(&relay).await;

        assert!(works(&relay, &device).await);
        assert_ne!(device.tokens.session_id, earlier.session_id);
        let old = relay.send(Call::get("/v1/devices").bearer(&earlier.access_token.0)).await;
        assert_eq!(old.code(), ErrorCode::Unauthenticated, "the device itself is not revoked");
        assert_eq!(refresh(&relay, earlier.refresh_token).await.code(), ErrorCode::Unauthenticated);
    })
    .await;
}

#[tokio::test]
async fn a_device_logs_in_when_the_budget_of_guesses_is_empty() {
    let relay = TestRelay::start().await;
    let mut device = TestAccount::new("ada").register(&relay).await;
    while start(&relay, "ada").await.status.is_success() {}

    device.log_in(&relay).await;

    assert!(works(&relay, &device).await);
}

#[tokio::test]
async fn a_nonce_works_once_for_its_device_and_for_a_minute() {
    on_both_engines(async |relay| {
        let [ada, ben] =
            [TestAccount::new("ada").register(&relay).await, TestAccount::new("ben").register(&relay).await];
        let login = ada.device_login(&relay, ada.challenge(&relay).await);
        let call = |login: &DeviceLogin| Call::post("/v1/sessions/device").json(login);

        relay.send(call(&login)).await.json::<SessionTokens>();
        let again = relay.send(call(&login)).await;
        let others = relay.send(call(&ben.device_login(&relay, ada.challenge(&relay).await))).await;
        let made_up = relay.send(call(&ada.device_login(&relay, fresh()))).await;
        let late = ada.device_login(&relay, ada.challenge(&relay).await);
        relay.advance_seconds(61);
        let late = relay.send(call(&late)).await;

        let codes = [again, others, made_up, late].map(|answer| answer.code());
        assert_eq!(codes, [ErrorCode::TicketInvalid; 4]);
    })
    .await;
}

#[tokio::test]
async fn a_signature_by_another_key_or_for_another_relay_is_refused() {
    let [relay, other_relay] = [TestRelay::start().await, TestRelay::start().await];
    let ada = TestAccount::new("ada").register(&relay).await;
    let call = |login| Call::post("/v1/sessions/device").json(&login);

    let mut forged = ada.device_login(&relay, ada.challenge(&relay).await);
    forged.signature.0[0] ^= 1;
    let for_another = ada.device_login(&other_relay, ada.challenge(&relay).await);

    assert_eq!(relay.send(call(forged)).await.code(), ErrorCode::WrongCredentials);
    assert_eq!(relay.send(call(for_another)).await.code(), ErrorCode::WrongCredentials);
}

#[tokio::test]
async fn a_challenge_is_answered_for_unknown_devices_too() {
    let relay = TestRelay::start().await;
    let request = DeviceChallenge {
        account_id: AccountId::from_bytes(fresh()),
        device_id: protocol::DeviceId::from_bytes(fresh()),
    };

    let answer = relay.send(Call::post("/v1/sessions/device/challenge").json(&request)).await;

    answer.json::<DeviceNonce>();
}

// Refresh

#[tokio::test]
async fn each_refresh_gives_a_new_token_and_the_session_goes_on() {
    on_both_engines(async |relay| {
        let mut device = TestAccount::new("ada").register(&relay).await;
        for _ in 0..5 {
            relay.advance_seconds(601);
            assert_eq!(device.send(&relay, Call::get("/v1/devices")).await.code(), ErrorCode::TokenExpired);
            let tokens: SessionTokens = refresh(&relay, device.tokens.refresh_token).await.json();
            assert_eq!(tokens.session_id, device.tokens.session_id);
            assert_ne!(tokens.refresh_token, device.tokens.refresh_token);
            device.tokens = tokens;
            assert!(works(&relay, &device).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_within_a_minute() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let calls: Vec<_> = (0..10).map(|_| refresh(&relay, device.tokens.refresh_token)).collect();

        let mut tokens: Vec<SessionTokens> =
            futures_util::future::join_all(calls).await.iter().map(|answer| answer.json()).collect();
        relay.advance_seconds(59);
        tokens.push(refresh(&relay, device.tokens.refresh_token).await.json());

        assert!(tokens.iter().all(|again| again.refresh_token == tokens[0].refresh_token));
        assert_ne!(tokens[0].refresh_token, device.tokens.refresh_token);
    })
    .await;
}

#[tokio::test]
async fn a_token_shown_again_after_its_successor_was_used_ends_the_session() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let second: SessionTokens = refresh(&relay, device.tokens.refresh_token).await.json();
        let third: SessionTokens = refresh(&relay, second.refresh_token).await.json();

        let reused = refresh(&relay, device.tokens.refresh_token).await;

        assert_eq!(reused.code(), ErrorCode::Unauthenticated);
        assert_eq!(refresh(&relay, third.refresh_token).await.code(), ErrorCode::Unauthenticated);
        let call = Call::get("/v1/devices").bearer(&third.access_token.0);
        assert_eq!(relay.send(call).await.code(), ErrorCode::Unauthenticated);
    })
    .await;
}

#[tokio::test]
async fn a_token_shown_again_after_a_minute_ends_the_session() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let second: SessionTokens = refresh(&relay, device.tokens.refresh_token).await.json();
        relay.advance_seconds(60);

        let reused = refresh(&relay, device.tokens.refresh_token).await;

        assert_eq!(reused.code(), ErrorCode::Unauthenticated);
        assert_eq!(refresh(&relay, second.refresh_token).await.code(), ErrorCode::Unauthenticated);
    })
    .await;
}

#[tokio::test]
async fn after_a_stolen_refresh_token_the_device_gets_back_in_by_signature() {
    let relay = TestRelay::start().await;
    let mut device = TestAccount::new("ada").register(&relay).await;
    let stolen = device.tokens.refresh_token;
    let second: SessionTokens = refresh(&relay, stolen).await.json();
    refresh(&relay, second.refresh_token).await.json::<SessionTokens>();
    refresh(&relay, stolen).await;

    device.log_in(&relay).await;

    assert!(works(&relay, &device).await);
}

#[tokio::test]
async fn a_made_up_or_missing_refresh_token_is_refused() {
    let relay = TestRelay::start().await;
    TestAccount::new("ada").register(&relay).await;

    assert_eq!(refresh(&relay, Some(Exactly([7; 32]))).await.code(), ErrorCode::Unauthenticated);
    assert_eq!(refresh(&relay, None).await.code(), ErrorCode::Unauthenticated);
    let short = Call::post("/v1/sessions/refresh").json(&serde_json::json!({ "refresh_token": "AAAA" }));
    assert_eq!(relay.send(short).await.code(), ErrorCode::Malformed);
}

// Browsers

const ORIGIN: &str = "http://localhost:8080";

fn as_browser(call: Call) -> Call {
    call.header("origin", ORIGIN).header("sec-fetch-site", "same-origin").header("sotto-refresh", "1")
}

async fn browser_log_in(relay: &TestRelay, device: &TestDevice) -> Answer {
    let login = device.device_login(relay, device.challenge(relay).await);
    relay.send(as_browser(Call::post("/v1/sessions/device").json(&login))).await
}

#[tokio::test]
async fn a_browser_gets_its_refresh_token_as_a_cookie_only() {
    let relay = TestRelay::start().await;
    let device = TestAccount::new("ada").register(&relay).await;

    let answer = browser_log_in(&relay, &device).await;

    assert_eq!(answer.json::<SessionTokens>().refresh_token, None);
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("sotto-refresh="), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict"), "{set}");
}

#[tokio::test]
async fn a_browser_refreshes_by_cookie_and_gets_the_next_one() {
    let relay = TestRelay::start().await;
    let device = TestAccount::new("ada").register(&relay).await;
    let (name, first) = browser_log_in(&relay, &device).await.cookie().unwrap();
    let call = |value: &str| as_browser(refresh_call(None)).header("cookie", format!("{name}={value}"));

    let answer = relay.send(call(&first)).await;

    assert_eq!(answer.json::<SessionTokens>().refresh_token, None);
    let (_, second) = answer.cookie().unwrap();
    assert_ne!(first, second);
    relay.send(call(&second)).await.json::<SessionTokens>();
}

#[tokio::test]
async fn a_cookie_alone_refreshes_nothing_for_another_site() {
    let relay = TestRelay::start().await;
    let device = TestAccount::new("ada").register(&relay).await;
    let (name, value) = browser_log_in(&relay, &device).await.cookie().unwrap();
    let cookie = format!("{name}={value}");
    let with = |headers: &[(&str, &str)]| {
        let call = refresh_call(None).header("cookie", cookie.clone()).header("origin", ORIGIN);
        headers.iter().fold(call, |call, (name, value)| call.header(name, *value))
    };
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin")],
        &[("sotto-refresh", "1")],
        &[("sec-fetch-site", "cross-site"), ("sotto-refresh", "1")],
        &[("sec-fetch-site", "same-site"), ("sotto-refresh", "1")],
    ] {
        assert_eq!(relay.send(with(headers)).await.code(), ErrorCode::OriginRefused, "{headers:?}");
    }
    let native = refresh_call(None).header("cookie", cookie);
    assert_eq!(relay.send(native).await.code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn over_https_the_cookie_is_secure_and_bound_to_the_host() {
    let relay =
        TestRelay::with(|config| config.public_url = "https://chat.example.org".parse().unwrap()).await;
    let device = TestAccount::new("ada").register(&relay).await;
    let login = device.device_login(&relay, device.challenge(&relay).await);
    let call = Call::post("/v1/sessions/device").json(&login).header("origin", "https://chat.example.org");

    let answer = relay.send(call).await;

    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-sotto-refresh="), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{set}");
}

// Log-out

#[tokio::test]
async fn log_out_revokes_session_and_device_at_once() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;

        let answer = device.send(&relay, Call::delete("/v1/sessions/current")).await;

        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(answer.header("set-cookie").unwrap().starts_with("sotto-refresh=; Path=/; Max-Age=0"));
        assert_eq!(device.send(&relay, Call::get("/v1/devices")).await.code(), ErrorCode::DeviceRevoked);
        assert_eq!(refresh(&relay, device.tokens.refresh_token).await.code(), ErrorCode::DeviceRevoked);
        let login = device.device_login(&relay, device.challenge(&relay).await);
        let login = relay.send(Call::post("/v1/sessions/device").json(&login)).await;
        assert_eq!(login.code(), ErrorCode::DeviceRevoked);
        let opened = ada.open(&relay).await;
        assert_eq!(*opened.revoked_devices, [device.device_id], "the next list marks it (K-7)");
    })
    .await;
}

#[tokio::test]
async fn a_revoked_device_stays_out_after_a_restart() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        device.send(&relay, Call::delete("/v1/sessions/current")).await;

        let relay = relay.restart().await;

        assert_eq!(device.send(&relay, Call::get("/v1/devices")).await.code(), ErrorCode::Unauthenticated);
        assert_eq!(refresh(&relay, device.tokens.refresh_token).await.code(), ErrorCode::DeviceRevoked);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_nobody_saw_for_ninety_days_is_revoked() {
    on_both_engines(async |relay| {
        let [idle, active] = [TestAccount::new("idle"), TestAccount::new("active")];
        let idle = idle.register(&relay).await;
        let mut active = active.register(&relay).await;
        relay.advance_seconds(89 * 86_400);
        active.log_in(&relay).await;
        relay.advance_seconds(2 * 86_400);

        relay.app.forget_identities().await.unwrap();

        assert_eq!(refresh(&relay, active.tokens.refresh_token).await.status, StatusCode::OK);
        let login = idle.device_login(&relay, idle.challenge(&relay).await);
        let login = relay.send(Call::post("/v1/sessions/device").json(&login)).await;
        assert_eq!(login.code(), ErrorCode::DeviceRevoked);
    })
    .await;
}

// One's own sessions

async fn own_sessions(relay: &TestRelay, device: &TestDevice) -> Vec<OwnSession> {
    let answer: OwnSessions = device.send(relay, Call::get("/v1/sessions")).await.json();
    answer.sessions.into_vec()
}

#[tokio::test]
async fn the_owner_sees_which_sessions_live_since_when_and_when_they_were_used() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let begun = relay.now();
        let second = ada.enrol(&relay).await;
        relay.advance_seconds(2 * 3600);
        let mut first = first;
        first.log_in(&relay).await;

        let listed = own_sessions(&relay, &first).await;

        let ids: Vec<_> = listed.iter().map(|session| (session.session_id, session.device_id)).collect();
        let expected = [&second, &first].map(|device| (device.tokens.session_id, device.device_id));
        assert_eq!(ids, expected, "the session before the newest log-in is over");
        assert!(listed[0].created_at >= begun);
        assert_eq!(listed[1].last_used_at.0 % 3_600_000, 0, "to the hour");
        assert!(listed[1].last_used_at > listed[0].last_used_at);
    })
    .await;
}

#[tokio::test]
async fn a_session_shows_the_network_it_was_last_used_from_and_forgets_it_when_it_ends() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let elsewhere = CoarseAddress::from(std::net::IpAddr::from([203, 0, 113, 77]));
        let (id, now) = (device.tokens.session_id, relay.now());
        let used = relay.app.db.write(async |conn| sessions::update_use(conn, id, &elsewhere, now).await);
        used.await.unwrap();
        assert_eq!(own_sessions(&relay, &device).await[0].address.as_deref(), Some("203.0.113.0/24"));

        device.send(&relay, Call::delete("/v1/sessions/current")).await;

        let kept = relay.app.db.read(async |conn| {
            sotto::storage::query("select 1 from sessions where address is not null").fetch_all(conn).await
        });
        assert_eq!(kept.await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_says_that_the_session_was_used() {
    on_both_engines(async |relay| {
        let device = TestAccount::new("ada").register(&relay).await;
        let before = own_sessions(&relay, &device).await[0].last_used_at;
        relay.advance_seconds(3600);
        let tokens: SessionTokens = refresh(&relay, device.tokens.refresh_token).await.json();

        let call = Call::get("/v1/sessions").bearer(&tokens.access_token.0);
        let after: OwnSessions = relay.send(call).await.json();

        assert!(after.sessions[0].last_used_at > before);
    })
    .await;
}
