use axum::http::StatusCode;
use protocol::accounts::{HandleAvailability, RelayInfo};
use protocol::invites::{InviteCode, RegistrationMode};
use protocol::values::Exactly;
use protocol::{ErrorCode, limits::ENROLMENT_TICKET_SECONDS};
use sotto::admin::Command;
use sotto::secrets::sha256;
use sotto::storage::connection::DatabaseAddress;
use sotto::storage::invites::{self, NewInvite};

use crate::device::{DeviceKeys, TestAccount, fresh};
use crate::postgres;
use crate::relay::{Answer, Call, TestRelay};

const FINISH: &str = "/v1/accounts/register/finish";
const DAY_SECONDS: u64 = 86_400;

async fn on_both_engines(mode: RegistrationMode, story: impl AsyncFn(TestRelay)) {
    story(TestRelay::with(|config| config.registration = mode).await).await;
    let url = postgres::fresh_database().await;
    let on_postgres = TestRelay::with(|config| {
        config.registration = mode;
        config.database = DatabaseAddress::Postgres(url);
    });
    story(on_postgres.await).await;
}

async fn invite(relay: &TestRelay, uses: u32) -> InviteCode {
    let code: [u8; 16] = fresh();
    let now = relay.now();
    let invite = NewInvite { code_hash: sha256(&code), uses, expires_at: now.plus_seconds(7 * DAY_SECONDS) };
    relay.app.db.write(async |conn| invites::insert(conn, invite, now).await).await.unwrap();
    InviteCode(Exactly(code))
}

fn account(handle: &str, invite: Option<InviteCode>) -> TestAccount {
    TestAccount::new(handle).with_invite(invite)
}

async fn start(relay: &TestRelay, account: &TestAccount) -> Answer {
    account.start_registration(relay).await.0
}

#[tokio::test]
async fn an_invitation_lets_in_as_many_as_it_was_made_for() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let code = invite(&relay, 2).await;
        account("ada", Some(code)).register(&relay).await;
        account("ben", Some(code)).register(&relay).await;

        let third = start(&relay, &account("cleo", Some(code))).await;

        assert_eq!(third.code(), ErrorCode::InviteInvalid);
    })
    .await;
}

#[tokio::test]
async fn without_a_live_invitation_nothing_begins() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let code = invite(&relay, 1).await;
        let unknown = InviteCode(Exactly(fresh()));
        assert_eq!(start(&relay, &account("ada", None)).await.code(), ErrorCode::InviteInvalid);
        assert_eq!(start(&relay, &account("ada", Some(unknown))).await.code(), ErrorCode::InviteInvalid);

        relay.advance_seconds(7 * DAY_SECONDS);

        assert_eq!(start(&relay, &account("ada", Some(code))).await.code(), ErrorCode::InviteInvalid);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_finish_at_once_with_one_invitation_one_gets_in_and_may_repeat_it() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let code = invite(&relay, 1).await;
        let mut requests = Vec::new();
        for number in 0..8 {
            let account = account(&format!("guest{number}"), Some(code));
            requests.push(account.registration(&relay, &DeviceKeys::fresh(relay.now())).await);
        }

        let mut running = tokio::task::JoinSet::new();
        for (number, request) in requests.iter().enumerate() {
            let answer = relay.sending(Call::post(FINISH).cbor(request));
            running.spawn(async move { (number, answer.await) });
        }
        let answers = running.join_all().await;

        let (won, lost): (Vec<_>, Vec<_>) =
            answers.iter().partition(|(_, answer)| answer.status == StatusCode::OK);
        let [(winner, _)] = won.as_slice() else { panic!("{} got in", won.len()) };
        assert!(lost.iter().all(|(_, answer)| answer.code() == ErrorCode::InviteInvalid));
        let again = relay.send(Call::post(FINISH).cbor(&requests[*winner])).await;
        assert_eq!(again.status, StatusCode::OK);
        for (number, _) in lost {
            let free = relay.send(Call::get(format!("/v1/accounts/available/guest{number}"))).await;
            assert!(free.json::<HandleAvailability>().available);
        }
    })
    .await;
}

#[tokio::test]
async fn a_failed_registration_leaves_the_invitation_as_it_was() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let code = invite(&relay, 1).await;
        let ada = account("ada", Some(code));
        let late = ada.registration(&relay, &DeviceKeys::fresh(relay.now())).await;
        relay.advance_seconds(ENROLMENT_TICKET_SECONDS);
        let over = relay.send(Call::post(FINISH).cbor(&late)).await;
        assert_eq!(over.code(), ErrorCode::TicketInvalid);

        ada.register(&relay).await;
    })
    .await;
}

#[tokio::test]
async fn a_closed_relay_takes_nobody_and_says_so() {
    on_both_engines(RegistrationMode::Closed, async |relay| {
        let code = invite(&relay, 1).await;

        let info: RelayInfo = relay.send(Call::get("/v1/relay")).await.json();
        let answer = start(&relay, &account("ada", Some(code))).await;

        assert_eq!(info.registration, RegistrationMode::Closed);
        assert_eq!(answer.code(), ErrorCode::RegistrationClosed);
    })
    .await;
}

#[tokio::test]
async fn the_operators_link_lets_somebody_in_while_the_relay_runs() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let command = Command::parse(&["invite", "--days", "1"]).unwrap();

        let told = command.run(&relay.app.config, &relay.clock).await.unwrap();

        let (link, good_for) = told.split_once('\n').unwrap();
        let code = link.strip_prefix("http://localhost:8080/create#invite=").unwrap();
        assert_eq!(good_for, "good for one account and one day");
        let code: InviteCode = serde_json::from_str(&format!("\"{code}\"")).unwrap();
        account("ada", Some(code)).register(&relay).await;
    })
    .await;
}

#[tokio::test]
async fn used_and_expired_invitations_are_forgotten() {
    on_both_engines(RegistrationMode::Invite, async |relay| {
        let code = invite(&relay, 1).await;
        account("ada", Some(code)).register(&relay).await;
        invite(&relay, 1).await;
        let count = async || {
            let row = relay.app.db.read(async |conn| {
                sotto::storage::query("select count(*) from invites").fetch_one(conn).await
            });
            row.await.unwrap().get::<u64>(0).unwrap()
        };
        assert_eq!(count().await, 2);

        relay.app.forget_identities().await.unwrap();
        assert_eq!(count().await, 1);
        relay.advance_seconds(7 * DAY_SECONDS);
        relay.app.forget_identities().await.unwrap();

        assert_eq!(count().await, 0);
    })
    .await;
}
