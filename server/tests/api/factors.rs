use crate::device::{TestAccount, TestDevice};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use axum::http::StatusCode;
use protocol::{
    ErrorCode, UnixMillis,
    accounts::Ticket,
    audit::{AuditKind, AuditPage},
    factors::{
        ConfirmFactor, Factor, FactorKind, FreshProof, Opening, OwnFactors, PendingFactor, RecoveryCodes,
        ShowFactor, TotpStarted,
    },
    sessions::{OpenedAccount, PasswordStart, RecoveryLogin},
    values::Exactly,
};
use sotto::factors::totp::{Seed, digits};
use zeroize::Zeroizing;

pub(crate) const FINISH: &str = "/v1/sessions/login/finish";
const STEP_SECONDS: u64 = 30;

/// An account with an authenticator app, as its owner has it.
pub(crate) struct Guarded {
    pub(crate) account: TestAccount,
    pub(crate) device: TestDevice,
    seed: Seed,
    codes: Vec<String>,
}

impl Guarded {
    pub(crate) async fn new(relay: &TestRelay, handle: &str) -> Self {
        let account = TestAccount::new(handle);
        let device = account.register(relay).await;
        Self::of(relay, account, device).await
    }

    /// Sets an app up for an account that has none.
    pub(crate) async fn of(relay: &TestRelay, account: TestAccount, device: TestDevice) -> Self {
        let proof = account.open(relay).await.enrolment_ticket;
        let (seed, codes) = set_up(relay, &device, &proof).await;
        Self { account, device, seed, codes }
    }

    pub(crate) fn code(&self, relay: &TestRelay) -> Factor {
        totp(&self.seed, relay.now())
    }

    pub(crate) fn recovery_code(&self, index: usize) -> Factor {
        Factor::RecoveryCode { code: self.codes[index].parse().unwrap() }
    }

    /// The password is shown; what the relay asks for next.
    pub(crate) async fn pend(&self, relay: &TestRelay) -> PendingFactor {
        pending(&self.finish(relay).await)
    }

    async fn finish(&self, relay: &TestRelay) -> Answer {
        let finish = self.account.login(relay, &self.account.password).await.unwrap();
        relay.send(Call::post(FINISH).json(&finish)).await
    }

    /// Password and code, a step later than the last one.
    pub(crate) async fn open(&self, relay: &TestRelay) -> OpenedAccount {
        relay.advance_seconds(STEP_SECONDS);
        let pending = self.pend(relay).await;
        show(relay, &pending.factor_ticket, self.code(relay)).await.json()
    }
}

fn totp(seed: &Seed, at: UnixMillis) -> Factor {
    Factor::Totp { code: digits(seed, at.0 / 30_000).parse().unwrap() }
}

/// A code that no step around `at` has.
fn wrong_code(seed: &Seed, at: UnixMillis) -> Factor {
    let near: Vec<String> = (0..6).map(|n| digits(seed, at.0 / 30_000 + n - 3)).collect();
    let code = (0..10).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap();
    Factor::Totp { code: code.parse().unwrap() }
}

pub(crate) fn pending(answer: &Answer) -> PendingFactor {
    match answer.json::<Opening>() {
        Opening::FactorRequired { factor_required } => factor_required,
        Opening::Opened(_) => panic!("opened without a factor"),
    }
}

pub(crate) fn show_call(ticket: &Ticket, factor: Factor) -> Call {
    Call::post("/v1/sessions/factor").json(&ShowFactor { factor_ticket: ticket.clone(), factor })
}

pub(crate) async fn show(relay: &TestRelay, ticket: &Ticket, factor: Factor) -> Answer {
    relay.send(show_call(ticket, factor)).await
}

pub(crate) fn with_proof(path: &str, proof: &Ticket) -> Call {
    Call::post(path).json(&FreshProof { enrolment_ticket: proof.clone() })
}

async fn set_up(relay: &TestRelay, device: &TestDevice, proof: &Ticket) -> (Seed, Vec<String>) {
    let started = start(relay, device, proof).await;
    let seed = Zeroizing::new(started.seed.0);
    let codes: RecoveryCodes = confirm(relay, device, &started.ticket, &seed).await.json();
    (seed, codes.codes.iter().map(|code| code.as_str().to_owned()).collect())
}

pub(crate) async fn start(relay: &TestRelay, device: &TestDevice, proof: &Ticket) -> TotpStarted {
    device.send(relay, with_proof("/v1/factors/totp/start", proof)).await.json()
}

/// The first code of an app that is being set up.
pub(crate) fn confirmation(relay: &TestRelay, started: &TotpStarted) -> Call {
    let code = digits(&Zeroizing::new(started.seed.0), relay.now().0 / 30_000).parse().unwrap();
    Call::post("/v1/factors/totp").json(&ConfirmFactor { ticket: started.ticket.clone(), code })
}

async fn confirm(relay: &TestRelay, device: &TestDevice, ticket: &Ticket, seed: &Seed) -> Answer {
    let code = digits(seed, relay.now().0 / 30_000).parse().unwrap();
    let request = ConfirmFactor { ticket: ticket.clone(), code };
    device.send(relay, Call::post("/v1/factors/totp").json(&request)).await
}

pub(crate) async fn own(relay: &TestRelay, device: &TestDevice) -> OwnFactors {
    device.send(relay, Call::get("/v1/factors")).await.json()
}

// Set-up

#[tokio::test]
async fn an_app_is_set_up_by_its_first_code_and_gives_ten_recovery_codes_once() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let proof = ada.open(&relay).await.enrolment_ticket;

        let before = own(&relay, &ada.device).await;
        let (_, codes) = set_up(&relay, &ada.device, &proof).await;

        assert_eq!(ada.codes.len(), 10);
        assert!(before.totp_since.is_some());
        assert_eq!(before.recovery_codes_left, 10);
        assert_eq!(codes, Vec::<String>::new(), "a new app leaves the codes as they are");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_first_code() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;
    let start = device.send(&relay, with_proof("/v1/factors/totp/start", &proof)).await;
    let started: TotpStarted = start.json();

    let wrong = Zeroizing::new([0; 20]);
    let refused = confirm(&relay, &device, &started.ticket, &wrong).await;

    assert_eq!(refused.code(), ErrorCode::FactorWrong);
    assert_eq!(
        own(&relay, &device).await,
        OwnFactors { totp_since: None, email: None, recovery_codes_left: 0 }
    );
    ada.open(&relay).await;
}

#[tokio::test]
async fn a_set_up_is_good_for_once_and_for_its_own_account() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let ben = TestAccount::new("ben").register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;
    let started: TotpStarted = device.send(&relay, with_proof("/v1/factors/totp/start", &proof)).await.json();
    let seed = Zeroizing::new(started.seed.0);

    let others = confirm(&relay, &ben, &started.ticket, &seed).await;
    let first = confirm(&relay, &device, &started.ticket, &seed).await;
    let again = confirm(&relay, &device, &started.ticket, &seed).await;

    assert!(first.status.is_success());
    assert_eq!([others.code(), again.code()], [ErrorCode::TicketInvalid; 2]);
}

#[tokio::test]
async fn no_factor_changes_by_a_session_alone() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let ben = TestAccount::new("ben");
    ben.register(&relay).await;
    let bens = ben.open(&relay).await.enrolment_ticket;
    for path in ["/v1/factors/totp/start", "/v1/factors/totp/removal", "/v1/factors/recovery-codes"] {
        for ticket in [Ticket::new([]).unwrap(), Ticket::new(vec![0; 90]).unwrap(), bens.clone()] {
            let answer = ada.device.send(&relay, with_proof(path, &ticket)).await;
            assert_eq!(answer.code(), ErrorCode::TicketInvalid, "{path}");
        }
    }
    assert_eq!(own(&relay, &ada.device).await.recovery_codes_left, 10);
}

#[tokio::test]
async fn an_account_that_was_opened_before_it_had_the_factor_is_opened_no_more() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let early = ada.open(&relay).await;
        relay.advance_seconds(1);
        let proof = ada.open(&relay).await.enrolment_ticket;
        set_up(&relay, &device, &proof).await;
        let keys = crate::device::DeviceKeys::fresh(relay.now());
        let request = ada.enrolment(&early, &keys);
        let start = PasswordStart {
            enrolment_ticket: early.enrolment_ticket.clone(),
            registration_request: protocol::values::Bytes::new([1; 32]).unwrap(),
        };

        let answers = [
            relay.send(with_proof("/v1/sessions/enrolment", &early.enrolment_ticket)).await,
            relay.send(Call::post("/v1/sessions/password/start").json(&start)).await,
            relay.send(Call::post("/v1/devices").cbor(&request)).await,
            device.send(&relay, with_proof("/v1/factors/totp/removal", &early.enrolment_ticket)).await,
            device.send(&relay, with_proof("/v1/factors/recovery-codes", &early.enrolment_ticket)).await,
        ];

        assert_eq!(answers.map(|answer| answer.code()), [ErrorCode::TicketInvalid; 5]);
    })
    .await;
}

// Log-in

#[tokio::test]
async fn a_right_password_releases_nothing_but_a_ticket() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;

        let answer = ada.finish(&relay).await;

        let fields: serde_json::Map<String, serde_json::Value> = answer.json();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["factor_required"]);
        let asked = pending(&answer);
        assert_eq!(&*asked.factors, [FactorKind::Totp, FactorKind::RecoveryCode]);
        let misused = relay.send(with_proof("/v1/sessions/enrolment", &asked.factor_ticket)).await;
        assert_eq!(misused.code(), ErrorCode::TicketInvalid);
    })
    .await;
}

#[tokio::test]
async fn a_right_code_opens_the_account_once() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        relay.advance_seconds(STEP_SECONDS);
        let asked = ada.pend(&relay).await;

        let opened: OpenedAccount = show(&relay, &asked.factor_ticket, ada.code(&relay)).await.json();
        relay.advance_seconds(STEP_SECONDS);
        let again = show(&relay, &asked.factor_ticket, ada.code(&relay)).await;

        assert_eq!(opened.wraps.len(), 3);
        assert_eq!(again.code(), ErrorCode::TicketInvalid);
        let keys = crate::device::DeviceKeys::fresh(relay.now());
        let enrolment = ada.account.enrolment(&opened, &keys);
        assert!(relay.send(Call::post("/v1/devices").cbor(&enrolment)).await.status.is_success());
    })
    .await;
}

#[tokio::test]
async fn a_used_step_is_refused_everywhere() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        relay.advance_seconds(STEP_SECONDS);
        let code = ada.code(&relay);
        let asked = [ada.pend(&relay).await, ada.pend(&relay).await];
        show(&relay, &asked[0].factor_ticket, code.clone()).await.json::<OpenedAccount>();

        let again = show(&relay, &asked[1].factor_ticket, code).await;

        assert_eq!(again.code(), ErrorCode::FactorUsed);
    })
    .await;
}

#[tokio::test]
async fn the_code_of_the_set_up_opens_nothing_afterwards() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let proof = ada.open(&relay).await.enrolment_ticket;
    let started: TotpStarted = device.send(&relay, with_proof("/v1/factors/totp/start", &proof)).await.json();
    let seed = Zeroizing::new(started.seed.0);
    let code = totp(&seed, relay.now());
    confirm(&relay, &device, &started.ticket, &seed).await.json::<RecoveryCodes>();
    let finish = ada.login(&relay, &ada.password).await.unwrap();
    let asked = pending(&relay.send(Call::post(FINISH).json(&finish)).await);

    assert_eq!(show(&relay, &asked.factor_ticket, code).await.code(), ErrorCode::FactorUsed);
}

#[tokio::test]
async fn one_code_shown_at_once_to_many_log_ins_opens_one() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        relay.advance_seconds(STEP_SECONDS);
        let code = ada.code(&relay);
        let mut asked = Vec::new();
        for _ in 0..5 {
            asked.push(ada.pend(&relay).await);
        }

        let calls = asked.iter().map(|one| relay.sending(show_call(&one.factor_ticket, code.clone())));
        let answers = futures_util::future::join_all(calls).await;

        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_two_hundred_tries_at_once_five_are_looked_at() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let asked = ada.pend(&relay).await;
        let wrong = wrong_code(&ada.seed, relay.now());

        let calls = (0..200).map(|_| relay.sending(show_call(&asked.factor_ticket, wrong.clone())));
        let answers = futures_util::future::join_all(calls).await;

        let count = |code| answers.iter().filter(|answer| answer.code() == code).count();
        assert_eq!(count(ErrorCode::FactorWrong), 5);
        assert_eq!(count(ErrorCode::TriesExhausted), 195);
        relay.advance_seconds(STEP_SECONDS);
        let right = show(&relay, &asked.factor_ticket, ada.code(&relay)).await;
        assert_eq!(right.code(), ErrorCode::TriesExhausted, "the right code comes too late");
    })
    .await;
}

#[tokio::test]
async fn new_log_ins_give_no_more_tries_than_the_budget_has() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let mut looked_at = 0;
        for _ in 0..3 {
            let asked = ada.pend(&relay).await;
            for _ in 0..5 {
                let wrong = wrong_code(&ada.seed, relay.now());
                let answer = show(&relay, &asked.factor_ticket, wrong).await;
                match answer.code() {
                    ErrorCode::FactorWrong => looked_at += 1,
                    ErrorCode::RateLimited => assert!(answer.header("retry-after").is_some()),
                    code => panic!("{code}"),
                }
            }
        }
        assert_eq!(looked_at, 10);

        relay.advance_seconds(3600);
        ada.open(&relay).await;
    })
    .await;
}

#[tokio::test]
async fn a_ticket_is_over_after_five_minutes_and_forged_ones_never_begin() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let asked = ada.pend(&relay).await;
    let (started, _) = ada.account.start_login(&relay, &ada.account.password).await;
    let login: protocol::sessions::LoginStarted = started.json();

    let other_step = show(&relay, &login.ticket, ada.code(&relay)).await;
    let forged = show(&relay, &Ticket::new(vec![7; 90]).unwrap(), ada.code(&relay)).await;
    relay.advance_seconds(300);
    let late = show(&relay, &asked.factor_ticket, ada.code(&relay)).await;

    assert_eq!([other_step, forged, late].map(|answer| answer.code()), [ErrorCode::TicketInvalid; 3]);
}

#[tokio::test]
async fn one_persons_code_opens_nobody_elses_account() {
    let relay = TestRelay::start().await;
    let [ada, ben] = [Guarded::new(&relay, "ada").await, Guarded::new(&relay, "ben").await];
    relay.advance_seconds(STEP_SECONDS);
    let asked = ada.pend(&relay).await;

    let app = show(&relay, &asked.factor_ticket, ben.code(&relay)).await;
    let recovery = show(&relay, &asked.factor_ticket, ben.recovery_code(0)).await;

    assert_eq!([app, recovery].map(|answer| answer.code()), [ErrorCode::FactorWrong; 2]);
}

#[tokio::test]
async fn the_recovery_key_asks_for_the_factor_too() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        relay.advance_seconds(STEP_SECONDS);
        let handle = ada.account.handle.clone();
        let request = RecoveryLogin { handle, recovery_auth: Exactly(ada.account.recovery_auth) };

        let asked = pending(&relay.send(Call::post("/v1/sessions/recovery").json(&request)).await);
        let opened: OpenedAccount = show(&relay, &asked.factor_ticket, ada.code(&relay)).await.json();

        assert_eq!(opened.account_id, ada.account.account_id);
    })
    .await;
}

#[tokio::test]
async fn before_the_secret_is_proved_nothing_tells_who_has_a_factor() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let ben = TestAccount::new("ben");
    ben.register(&relay).await;

    let [guarded, plain] =
        [ada.account.start_login(&relay, "a guess").await.0, ben.start_login(&relay, "a guess").await.0];
    let recovery = async |handle: &protocol::Handle| {
        let request = RecoveryLogin { handle: handle.clone(), recovery_auth: Exactly([7; 32]) };
        relay.send(Call::post("/v1/sessions/recovery").json(&request)).await
    };
    let [wrong, wrong_plain] = [recovery(&ada.account.handle).await, recovery(&ben.handle).await];

    assert_eq!((guarded.status, &guarded.headers), (plain.status, &plain.headers));
    assert_eq!(guarded.body.len(), plain.body.len());
    assert_eq!(
        (wrong.status, wrong.headers, wrong.body),
        (wrong_plain.status, wrong_plain.headers, wrong_plain.body)
    );
}

#[tokio::test]
async fn an_enrolled_device_signs_in_without_a_factor() {
    let relay = TestRelay::start().await;
    let mut ada = Guarded::new(&relay, "ada").await;

    ada.device.log_in(&relay).await;

    assert_eq!(ada.device.send(&relay, Call::get("/v1/devices")).await.status, StatusCode::OK);
}

// Recovery codes

#[tokio::test]
async fn each_recovery_code_opens_the_account_once_as_people_type_it() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let typed = ada.codes[3].to_lowercase();
        let (left, right) = typed.split_at(5);
        let first = Factor::RecoveryCode { code: format!(" {left}-{right}").parse().unwrap() };
        let asked = ada.pend(&relay).await;
        show(&relay, &asked.factor_ticket, first.clone()).await.json::<OpenedAccount>();

        let asked = ada.pend(&relay).await;
        let again = show(&relay, &asked.factor_ticket, first).await;

        assert_eq!(again.code(), ErrorCode::FactorUsed);
        assert_eq!(own(&relay, &ada.device).await.recovery_codes_left, 9);
        show(&relay, &asked.factor_ticket, ada.recovery_code(4)).await.json::<OpenedAccount>();
    })
    .await;
}

#[tokio::test]
async fn one_recovery_code_shown_at_once_to_many_log_ins_opens_one() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let mut asked = Vec::new();
        for _ in 0..5 {
            asked.push(ada.pend(&relay).await);
        }

        let calls =
            asked.iter().map(|one| relay.sending(show_call(&one.factor_ticket, ada.recovery_code(0))));
        let answers = futures_util::future::join_all(calls).await;

        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn new_recovery_codes_end_the_old_ones() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let proof = ada.open(&relay).await.enrolment_ticket;

        let renewed: RecoveryCodes =
            ada.device.send(&relay, with_proof("/v1/factors/recovery-codes", &proof)).await.json();

        let asked = ada.pend(&relay).await;
        let old = show(&relay, &asked.factor_ticket, ada.recovery_code(0)).await;
        assert_eq!(old.code(), ErrorCode::FactorWrong);
        let code = renewed.codes[0].clone();
        show(&relay, &asked.factor_ticket, Factor::RecoveryCode { code }).await.json::<OpenedAccount>();
    })
    .await;
}

// Removal

#[tokio::test]
async fn turned_off_the_account_asks_for_nothing_and_its_codes_are_gone() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let proof = ada.open(&relay).await.enrolment_ticket;
        let removal = with_proof("/v1/factors/totp/removal", &proof);

        let removed = ada.device.send(&relay, removal.clone()).await;
        let twice = ada.device.send(&relay, removal).await;
        let codes = ada.device.send(&relay, with_proof("/v1/factors/recovery-codes", &proof)).await;

        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        assert_eq!([twice, codes].map(|answer| answer.code()), [ErrorCode::NotFound; 2]);
        assert_eq!(
            own(&relay, &ada.device).await,
            OwnFactors { totp_since: None, email: None, recovery_codes_left: 0 }
        );
        ada.account.open(&relay).await;
    })
    .await;
}

#[tokio::test]
async fn a_factor_outlives_a_restart() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;

    let relay = relay.restart().await;

    ada.open(&relay).await;
}

#[tokio::test]
async fn the_database_shows_neither_seed_nor_code() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let closed = relay.close().await;

    let sotto::storage::connection::DatabaseAddress::Sqlite(path) = &closed.config.database else {
        panic!("on SQLite");
    };
    let bytes = std::fs::read(path).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);

    assert!(holds(ada.account.handle.as_str().as_bytes()), "the search finds what is there");
    assert!(!holds(ada.seed.as_slice()));
    assert!(!ada.codes.iter().any(|code| holds(code.as_bytes())));
}

#[tokio::test]
async fn what_is_no_code_is_malformed() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let asked = ada.pend(&relay).await;
    for factor in [
        serde_json::json!({ "kind": "totp", "code": "" }),
        serde_json::json!({ "kind": "totp", "code": "12345678901234567" }),
        serde_json::json!({ "kind": "none" }),
        serde_json::json!({}),
    ] {
        let body = serde_json::json!({ "factor_ticket": asked.factor_ticket, "factor": factor });
        let answer = relay.send(Call::post("/v1/sessions/factor").json(&body)).await;
        assert_eq!(answer.code(), ErrorCode::Malformed);
    }
}

// The log

#[tokio::test]
async fn what_happens_to_the_second_factor_stands_in_the_log() {
    on_both_engines(async |relay| {
        let ada = Guarded::new(&relay, "ada").await;
        let asked = ada.pend(&relay).await;
        show(&relay, &asked.factor_ticket, wrong_code(&ada.seed, relay.now())).await;
        show(&relay, &asked.factor_ticket, ada.recovery_code(0)).await.json::<OpenedAccount>();
        let proof = ada.open(&relay).await.enrolment_ticket;
        ada.device.send(&relay, with_proof("/v1/factors/recovery-codes", &proof)).await;
        ada.device.send(&relay, with_proof("/v1/factors/totp/removal", &proof)).await;

        let page: AuditPage = ada.device.send(&relay, Call::get("/v1/audit?after=3")).await.json();

        let device = Some(ada.device.device_id);
        let rows: Vec<_> = page.rows.iter().map(|row| (row.kind, row.device_id, row.detail)).collect();
        let expected = [
            (AuditKind::FactorAdded, device, 0),
            (AuditKind::LoginTried, None, 0),
            (AuditKind::FactorAsked, None, 5),
            (AuditKind::FactorRefused, None, 6),
            (AuditKind::RecoveryCodeUsed, None, 6),
            (AuditKind::OpenedByPassword, None, 5),
            (AuditKind::LoginTried, None, 0),
            (AuditKind::FactorAsked, None, 10),
            (AuditKind::FactorUsed, None, 11),
            (AuditKind::OpenedByPassword, None, 10),
            (AuditKind::RecoveryCodesRenewed, device, 0),
            (AuditKind::FactorRemoved, device, 0),
        ];
        assert_eq!(rows, expected.map(|(kind, device, detail)| (kind.number(), device, detail)));
    })
    .await;
}

#[tokio::test]
async fn a_recovery_key_that_gets_no_further_is_not_told_as_an_opening() {
    let relay = TestRelay::start().await;
    let ada = Guarded::new(&relay, "ada").await;
    let request = RecoveryLogin {
        handle: ada.account.handle.clone(),
        recovery_auth: Exactly(ada.account.recovery_auth),
    };
    let asked = pending(&relay.send(Call::post("/v1/sessions/recovery").json(&request)).await);
    show(&relay, &asked.factor_ticket, wrong_code(&ada.seed, relay.now())).await;

    let page: AuditPage = ada.device.send(&relay, Call::get("/v1/audit?after=4")).await.json();

    let kinds: Vec<_> = page.rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [AuditKind::FactorAsked, AuditKind::FactorRefused].map(AuditKind::number));
}
