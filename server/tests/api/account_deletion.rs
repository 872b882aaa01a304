//! Deletion of an account: whole or not at all, at once, and for good.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use protocol::{
    AccountId, ErrorCode, GroupId, MessageId,
    accounts::{DeleteAccount, HandleAvailability, Ticket},
    deltas::{Deltas, Role},
    groups::{CreateGroup, EntriesPage, EntryKind, GroupKind, GroupsPage, Posted},
    key_packages::ClaimKeyPackages,
    limits::EMAIL_CODE_PAUSE_SECONDS,
    messages::PostMessage,
    sessions::{EnrolmentState, Refresh},
    socket::{RelayFrame, close},
    values::Bytes,
};
use sotto::storage::account_data::{self, NOT_ABOUT_ACCOUNTS, TABLES};
use sotto::storage::value::query_built;
use sotto::storage::{Engine, account_deletion, query};

use crate::blobs::{TestBlob, files, uploaded};
use crate::device::{TestAccount, TestDevice, fresh};
use crate::emails;
use crate::factors::Guarded;
use crate::program::Program;
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use crate::sockets::Socket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn deletion(handle: &str, enrolment_ticket: Ticket) -> Call {
    let request = DeleteAccount { enrolment_ticket, handle: handle.parse().unwrap() };
    Call::post("/v1/accounts/me/deletion").json(&request)
}

async fn delete(relay: &TestRelay, account: &TestAccount, device: &TestDevice) -> Answer {
    let proof = account.open(relay).await.enrolment_ticket;
    device.send(relay, deletion(account.handle.as_str(), proof)).await
}

/// The direct group of two devices.
fn direct(own: &TestDevice, peer: &TestDevice) -> CreateGroup {
    let mut creation = own.creation(&[peer]);
    let mut deltas = Deltas::decode(&creation.bundle.deltas).unwrap();
    for role in &mut deltas.roles {
        role.1 = Some(Role::Admin);
    }
    creation.bundle = own.bundle(creation.bundle.group_id, 0, EntryKind::Commit, &deltas);
    CreateGroup { kind: GroupKind::Direct, peer: Some(peer.account_id), bundle: creation.bundle }
}

/// A group of two devices of one person.
fn alone(first: &TestDevice, second: &TestDevice) -> CreateGroup {
    let leaf = |device: &TestDevice| (device.account_id, device.device_id);
    let roles = vec![(first.account_id, Some(Role::Admin))];
    let deltas = Deltas { added: vec![leaf(first), leaf(second)], roles, ..Deltas::default() };
    let bundle = first.bundle(GroupId::from_bytes(fresh()), 0, EntryKind::Commit, &deltas);
    CreateGroup { kind: GroupKind::Many, peer: None, bundle }
}

async fn create(relay: &TestRelay, by: &TestDevice, creation: &CreateGroup) -> GroupId {
    by.send(relay, Call::post("/v1/groups").cbor(creation)).await.cbor::<Posted>().group_id
}

async fn post(relay: &TestRelay, by: &TestDevice, group_id: GroupId, text: &str) -> Answer {
    let ciphertext = Bytes::new(text.as_bytes()).unwrap();
    let post = PostMessage { message_id: MessageId::from_bytes(fresh()), group_id, epoch: 1, ciphertext };
    by.send(relay, Call::post(format!("/v1/groups/{group_id}/messages")).cbor(&post)).await
}

/// An account that has something in every table: devices, files, groups, factors, claims in both directions.
struct World {
    ada: Guarded,
    ben: TestDevice,
    shared: GroupId,
    lone: GroupId,
}

impl World {
    async fn new(relay: &TestRelay) -> Self {
        let account = TestAccount::new("ada");
        let device = account.register(relay).await;
        let ben = TestAccount::new("ben").register(relay).await;
        let shared = create(relay, &device, &direct(&device, &ben)).await;
        create(relay, &ben, &ben.creation(&[&device])).await;
        let second = account.enrol(relay).await;
        let lone = create(relay, &device, &alone(&device, &second)).await;
        assert!(post(relay, &device, shared, "to ben").await.status.is_success());
        assert!(post(relay, &device, lone, "to oneself").await.status.is_success());
        for [claimant, target] in [[&device, &ben], [&ben, &device]] {
            let claim = ClaimKeyPackages { claim_id: fresh_id(), account_id: target.account_id };
            let claimed = claimant.send(relay, Call::post("/v1/key-packages/claim").cbor(&claim)).await;
            assert!(claimed.status.is_success());
        }
        uploaded(relay, &device, b"a file").await;
        let ada = Guarded::of(relay, account, device).await;
        let proof = ada.open(relay).await.enrolment_ticket;
        emails::set_up(relay, &ada.device, &proof).await;
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        let pending = ada.pend(relay).await;
        assert!(emails::ask(relay, &pending.factor_ticket).await.status.is_success());
        Self { ada, ben, shared, lone }
    }

    async fn delete(&self, relay: &TestRelay) -> Answer {
        let proof = self.ada.open(relay).await.enrolment_ticket;
        self.ada.device.send(relay, deletion("ada", proof)).await
    }
}

fn fresh_id() -> protocol::ClaimId {
    protocol::ClaimId::from_bytes(fresh())
}

/// How many rows each table has about the account.
async fn counts(relay: &TestRelay, account: AccountId) -> Vec<(&'static str, u64)> {
    let mut counts = Vec::new();
    for table in TABLES {
        let listed =
            relay.app.db.read(async |conn| account_data::list(conn, account, table).await).await.unwrap();
        counts.push((table.name, listed.row_count));
    }
    counts
}

/// Whether the bytes of an id stand in some column of a table.
async fn stands_in(relay: &TestRelay, table: &account_data::Table, id: &[u8]) -> bool {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let columns = table.columns.iter().map(|(column, _)| match relay.app.db.engine() {
        Engine::Sqlite => format!("coalesce(hex({column}), '')"),
        Engine::Postgres => format!("coalesce(upper({column}::text), '')"),
    });
    let columns = columns.collect::<Vec<_>>().join(" || ' ' || ");
    let sql =
        format!("select 1 from {} where ({columns}) like '%{}%' limit 1", table.name, hex.to_uppercase());
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    let found = relay.app.db.read(async |conn| query_built(sql).fetch_optional(conn).await).await.unwrap();
    found.is_some()
}

#[test]
fn a_deletion_names_every_table_that_knows_accounts() {
    let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();

    assert_eq!(account_deletion::tables().collect::<BTreeSet<_>>(), known);
    assert!(NOT_ABOUT_ACCOUNTS.iter().all(|(name, _)| !known.contains(name)));
}

#[tokio::test]
async fn nothing_about_the_account_is_left_in_any_table_nor_its_files() {
    on_both_engines(async |relay| {
        let world = World::new(&relay).await;
        let ada = &world.ada.device;
        let (before, bens) =
            (counts(&relay, ada.account_id).await, counts(&relay, world.ben.account_id).await);
        assert_eq!(before.iter().find(|(_, rows)| *rows == 0), None, "the world fills every table");

        let deleted = world.delete(&relay).await;

        assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
        for (name, rows) in counts(&relay, ada.account_id).await {
            assert_eq!(rows, 0, "{name}");
        }
        for table in TABLES {
            // What Ben's device has not read yet is as it was sent; nothing else names her.
            let others_log = ["entries", "group_infos", "welcome_contents"].contains(&table.name);
            for id in [ada.account_id.as_bytes(), ada.device_id.as_bytes()] {
                assert!(others_log || !stands_in(&relay, table, id).await, "{}", table.name);
            }
        }
        assert_eq!(files(&relay), 0);
        for ((name, rows), (_, was)) in counts(&relay, world.ben.account_id).await.into_iter().zip(bens) {
            let fewer = match name {
                "claims" => 2,
                "claimed_key_packages" => 3,
                "group_accounts" => 2,
                _ => 0,
            };
            assert_eq!(rows, was - fewer, "{name} of somebody else");
        }
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_fails_at_any_table_changes_nothing() {
    on_both_engines(async |relay| {
        let world = World::new(&relay).await;
        let account = world.ada.device.account_id;
        let proof = world.ada.open(&relay).await.enrolment_ticket;
        let before = counts(&relay, account).await;
        for table in account_deletion::tables().collect::<BTreeSet<_>>() {
            guard(&relay, table, Guarding::On).await;

            let refused = world.ada.device.send(&relay, deletion("ada", proof.clone())).await;

            assert!(!refused.status.is_success(), "nothing was deleted from {table}");
            assert_eq!(refused.code(), ErrorCode::Internal, "{table}");
            assert_eq!(counts(&relay, account).await, before, "{table}");
            assert_eq!(files(&relay), 1);
            let alive = world.ada.device.send(&relay, Call::get("/v1/devices")).await;
            assert!(alive.status.is_success(), "{table}");
            guard(&relay, table, Guarding::Off).await;
        }
    })
    .await;
}

enum Guarding {
    On,
    Off,
}

/// While it is on, no row of the table can be deleted.
async fn guard(relay: &TestRelay, table: &str, guarding: Guarding) {
    let sqls = match (relay.app.db.engine(), guarding) {
        (Engine::Sqlite, Guarding::On) => vec![format!(
            "create trigger guard before delete on {table} begin select raise(abort, 'guarded'); end"
        )],
        (Engine::Sqlite, Guarding::Off) => vec!["drop trigger guard".to_owned()],
        (Engine::Postgres, Guarding::On) => vec![
            "create or replace function refuse() returns trigger language plpgsql as \
             $$ begin raise exception 'guarded'; end $$"
                .to_owned(),
            format!("create trigger guard before delete on {table} for each row execute function refuse()"),
        ],
        (Engine::Postgres, Guarding::Off) => vec![format!("drop trigger guard on {table}")],
    };
    for sql in sqls {
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        relay.app.db.write(async |conn| query_built(sql).execute(conn).await).await.unwrap();
    }
}

#[tokio::test]
async fn every_session_token_socket_and_ticket_of_the_account_is_over_at_once() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let ada = TestAccount::new("ada");
        let [first, second] = [ada.register(&relay).await, ada.enrol(&relay).await];
        let mut sockets =
            [Socket::live_with(&port, first.token()).await, Socket::live_with(&port, second.token()).await];
        let ticket = ada.open(&relay).await.enrolment_ticket;
        let half_way = ada.login(&relay, &ada.password).await.unwrap();
        let nonce = second.challenge(&relay).await;

        let deleted = delete(&relay, &ada, &first).await;

        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        assert!(deleted.header("set-cookie").unwrap().contains("Max-Age=0"));
        for socket in &mut sockets {
            assert_eq!(socket.close_code().await, Some(close::ACCOUNT_DELETED));
        }
        for device in [&first, &second] {
            let answer = device.send(&relay, Call::get("/v1/devices")).await;
            assert_eq!(answer.code(), ErrorCode::AccountDeleted);
        }
        let refresh = Refresh { refresh_token: second.tokens.refresh_token };
        let refused = [
            relay.send(Call::post("/v1/sessions/refresh").json(&refresh)).await,
            relay.send(Call::post("/v1/sessions/device").json(&second.device_login(&relay, nonce))).await,
            relay.send(Call::post("/v1/sessions/login/finish").json(&half_way)).await,
            relay
                .send(Call::post("/v1/sessions/enrolment").json(&EnrolmentState { enrolment_ticket: ticket }))
                .await,
        ];
        assert_eq!(
            refused.map(|answer| answer.code()),
            [
                ErrorCode::Unauthenticated,
                ErrorCode::AccountDeleted,
                ErrorCode::WrongCredentials,
                ErrorCode::NotFound
            ]
        );
        assert_eq!(counts(&relay, ada.account_id).await.iter().map(|(_, rows)| rows).sum::<u64>(), 0);
    })
    .await;
}

#[tokio::test]
async fn after_a_restart_the_account_is_still_gone_and_its_devices_are_told() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let mut device = ada.register(&relay).await;
    delete(&relay, &ada, &device).await;

    let relay = relay.restart().await;

    let answer = device.send(&relay, Call::get("/v1/devices")).await;
    assert_eq!(answer.code(), ErrorCode::Unauthenticated);
    let nonce = device.challenge(&relay).await;
    let login = Call::post("/v1/sessions/device").json(&device.device_login(&relay, nonce));
    assert_eq!(relay.send(login).await.code(), ErrorCode::AccountDeleted);
    // A device of nobody is told no more than before.
    device.account_id = AccountId::from_bytes(fresh());
    let nonce = device.challenge(&relay).await;
    let login = Call::post("/v1/sessions/device").json(&device.device_login(&relay, nonce));
    assert_eq!(relay.send(login).await.code(), ErrorCode::WrongCredentials);
}

#[tokio::test]
async fn neither_the_handle_nor_an_id_of_a_deleted_account_is_given_out_again() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        delete(&relay, &ada, &device).await;

        let available: HandleAvailability = relay.send(Call::get("/v1/accounts/available/ada")).await.json();
        let (by_handle, _) = TestAccount::new("ada").start_registration(&relay).await;
        let mut same_account = TestAccount::new("other");
        same_account.account_id = ada.account_id;
        let by_account = register(&relay, &same_account, &device_keys(&relay)).await;
        let mut same_device = device_keys(&relay);
        same_device.device_id = device.device_id;
        let by_device = register(&relay, &TestAccount::new("another"), &same_device).await;

        assert!(!available.available);
        assert_eq!(by_handle.code(), ErrorCode::HandleTaken);
        assert_eq!(by_account.code(), ErrorCode::IdempotencyConflict);
        assert_eq!(by_device.code(), ErrorCode::Malformed);
    })
    .await;
}

fn device_keys(relay: &TestRelay) -> crate::device::DeviceKeys {
    crate::device::DeviceKeys::fresh(relay.now())
}

async fn register(relay: &TestRelay, account: &TestAccount, keys: &crate::device::DeviceKeys) -> Answer {
    let finish = account.registration(relay, keys).await;
    relay.send(Call::post("/v1/accounts/register/finish").cbor(&finish)).await
}

#[tokio::test]
async fn a_registration_that_was_under_way_does_not_get_a_handle_that_was_deleted_meanwhile() {
    on_both_engines(async |relay| {
        let (early, keys) = (TestAccount::new("ada"), device_keys(&relay));
        let finish = early.registration(&relay, &keys).await;
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        delete(&relay, &ada, &device).await;

        let late = relay.send(Call::post("/v1/accounts/register/finish").cbor(&finish)).await;

        assert_eq!(late.code(), ErrorCode::HandleTaken);
        assert_eq!(counts(&relay, early.account_id).await.iter().map(|(_, rows)| rows).sum::<u64>(), 0);
    })
    .await;
}

#[tokio::test]
async fn to_guess_at_a_deleted_handle_is_as_to_guess_at_one_that_nobody_had() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    delete(&relay, &ada, &device).await;

    let (deleted, _) = ada.start_login(&relay, "a guess").await;
    let (nobody, _) = TestAccount::new("eve").start_login(&relay, "a guess").await;

    assert_eq!((deleted.status, deleted.body.len()), (nobody.status, nobody.body.len()));
    assert_eq!(deleted.headers.len(), nobody.headers.len());
}

#[tokio::test]
async fn the_other_one_reads_on_is_told_and_can_send_nothing_more() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let world = World::new(&relay).await;
        let (ada, ben) = (&world.ada.device, &world.ben);
        let mut socket = Socket::live_with(&port, ben.token()).await;

        world.delete(&relay).await;

        assert_eq!(closed_group(&mut socket).await, world.shared);
        let page: EntriesPage =
            ben.send(&relay, Call::get(format!("/v1/groups/{}/entries?after=0", world.shared))).await.cbor();
        assert_eq!(page.entries.last().unwrap().content[..], b"to ben"[..]);
        let update = ben.bundle(world.shared, 1, EntryKind::Commit, &Deltas::default());
        let claim = ClaimKeyPackages { claim_id: fresh_id(), account_id: ada.account_id };
        let told = [
            post(&relay, ben, world.shared, "to ada").await,
            ben.send(&relay, Call::post(format!("/v1/groups/{}/commits", world.shared)).cbor(&update)).await,
            ben.send(&relay, Call::get(format!("/v1/accounts/{}", ada.account_id))).await,
            ben.send(&relay, Call::get("/v1/accounts/by-handle/ada")).await,
            ben.send(&relay, Call::post("/v1/key-packages/claim").cbor(&claim)).await,
            ben.send(&relay, Call::post("/v1/groups").cbor(&direct(ben, ada))).await,
        ];
        assert_eq!(told.map(|answer| answer.code()), [ErrorCode::AccountGone; 6]);
        let listed: GroupsPage = ben.send(&relay, Call::get("/v1/groups")).await.cbor();
        assert!(listed.groups.iter().all(|group| group.group_id != world.shared));
        let mut later = Socket::greeted_with(&port, ben.token()).await;
        assert_eq!(closed_group(&mut later).await, world.shared);
        let nobody = ben.send(&relay, Call::get(format!("/v1/groups/{}/info", world.lone))).await;
        assert_eq!(nobody.code(), ErrorCode::NotFound);
    })
    .await;
}

async fn closed_group(socket: &mut Socket) -> GroupId {
    loop {
        if let RelayFrame::GroupClosed { group_id } = socket.next().await {
            return group_id;
        }
    }
}

#[tokio::test]
async fn a_group_of_many_goes_on_without_its_admin_and_can_take_the_dead_leaves_out() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let admin = ada.register(&relay).await;
        let [ben, eve] =
            [TestAccount::new("ben").register(&relay).await, TestAccount::new("eve").register(&relay).await];
        let group = create(&relay, &admin, &admin.creation(&[&ben, &eve])).await;
        delete(&relay, &ada, &admin).await;
        let commit = async |by: &TestDevice, epoch, deltas: &Deltas| {
            let bundle = by.bundle(group, epoch, EntryKind::Commit, deltas);
            by.send(&relay, Call::post(format!("/v1/groups/{group}/commits")).cbor(&bundle)).await
        };

        let sent = post(&relay, &ben, group, "to eve").await;
        let update = commit(&ben, 1, &Deltas::default()).await;
        let removed = vec![(admin.account_id, admin.device_id)];
        let roles = vec![(admin.account_id, None)];
        let healed = commit(&eve, 2, &Deltas { removed, roles, ..Deltas::default() }).await;
        let promoted = commit(
            &eve,
            3,
            &Deltas { roles: vec![(eve.account_id, Some(Role::Admin))], ..Deltas::default() },
        )
        .await;

        assert!(sent.status.is_success(), "{}", sent.text());
        assert!(update.status.is_success(), "{}", update.text());
        assert!(healed.status.is_success(), "{}", healed.text());
        assert_eq!(promoted.code(), ErrorCode::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn without_a_fresh_proof_and_the_right_handle_nothing_is_deleted() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let mut device = ada.register(&relay).await;
        let ben = TestAccount::new("ben");
        ben.register(&relay).await;
        let bens = ben.open(&relay).await.enrolment_ticket;
        let late = ada.open(&relay).await.enrolment_ticket;
        relay.advance_seconds(600);
        device.log_in(&relay).await;
        for proof in [Ticket::new([]).unwrap(), bens, late] {
            let answer = device.send(&relay, deletion("ada", proof)).await;
            assert_eq!(answer.code(), ErrorCode::TicketInvalid);
        }
        for other in ["ben", "nobody"] {
            let proof = ada.open(&relay).await.enrolment_ticket;
            let answer = device.send(&relay, deletion(other, proof)).await;
            assert_eq!(answer.code(), ErrorCode::Malformed);
        }

        assert!(device.send(&relay, Call::get("/v1/devices")).await.status.is_success());
        assert!(ben.login(&relay, &ben.password).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_deletes_nothing() {
    let relay = TestRelay::start().await;
    let ada = TestAccount::new("ada");
    let device = ada.register(&relay).await;
    let early = ada.open(&relay).await.enrolment_ticket;
    relay.advance_seconds(1);
    let ada = Guarded::of(&relay, ada, device).await;

    let refused = ada.device.send(&relay, deletion("ada", early)).await;
    let shown = ada.open(&relay).await.enrolment_ticket;
    let deleted = ada.device.send(&relay, deletion("ada", shown)).await;

    assert_eq!(refused.code(), ErrorCode::TicketInvalid);
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_many_deletions_at_once_one_does_it_and_the_others_find_it_done() {
    on_both_engines(async |relay| {
        let ada = TestAccount::new("ada");
        let device = ada.register(&relay).await;
        let proof = ada.open(&relay).await.enrolment_ticket;
        let calls = (0..16).map(|_| relay.sending(deletion("ada", proof.clone()).bearer(device.token())));

        let answers = futures_util::future::join_all(calls).await;

        let done = answers.iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).count();
        assert_eq!(done, 1);
        let rest = answers.iter().filter(|answer| answer.status != StatusCode::NO_CONTENT);
        for answer in rest {
            assert!(
                [ErrorCode::AccountDeleted, ErrorCode::NotFound].contains(&answer.code()),
                "{}",
                answer.text()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn messages_and_uploads_beside_the_deletion_leave_nothing_behind() {
    on_both_engines(async |relay| {
        let world = World::new(&relay).await;
        let proof = world.ada.open(&relay).await.enrolment_ticket;
        let account = world.ada.device.account_id;
        let busy = async {
            for round in 0..20 {
                post(&relay, &world.ada.device, world.shared, &format!("{round}")).await;
                post(&relay, &world.ben, world.shared, &format!("{round}")).await;
                world.ada.device.send(&relay, TestBlob::of(b"x").put()).await;
            }
        };

        let (deleted, ()) = tokio::join!(world.ada.device.send(&relay, deletion("ada", proof)), busy);

        assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
        assert_eq!(counts(&relay, account).await.iter().map(|(_, rows)| rows).sum::<u64>(), 0);
    })
    .await;
}

#[tokio::test]
async fn killed_before_or_after_its_answer_the_account_is_whole_or_gone() {
    let mut relay = TestRelay::start().await;
    for round in 0..8 {
        let answered = round % 2 == 1;
        let ada = TestAccount::new(&format!("ada{round}"));
        let device = ada.register(&relay).await;
        uploaded(&relay, &device, b"a file").await;
        let proof = ada.open(&relay).await.enrolment_ticket;
        let closed = relay.close().await;
        let mut program = Program::start(&closed, "error").await;
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        let request = deletion(ada.handle.as_str(), proof).bearer(device.token());
        stream.write_all(&request.raw()).await.unwrap();
        if answered {
            stream.read_u8().await.unwrap();
        }

        program.kill();

        relay = closed.open().await;
        let rows = counts(&relay, ada.account_id).await;
        let is_whole = rows.iter().any(|(name, rows)| *name == "accounts" && *rows == 1);
        assert!(is_whole || rows.iter().all(|(_, rows)| *rows == 0), "{rows:?}");
        assert!(!(answered && is_whole), "what was answered is done");
        assert_eq!(ada.login(&relay, &ada.password).await.is_some(), is_whole);
        relay.app.forget_blobs(0).await.unwrap();
        let count = "select count(*) from blobs";
        let kept = relay.app.db.read(async |conn| query(count).fetch_one(conn).await).await.unwrap();
        assert_eq!(files(&relay) as u64, kept.get::<u64>(0).unwrap());
    }
}
