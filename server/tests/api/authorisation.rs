//! The authorisation matrix (security.md, proof 6): every route × who calls it. A route without a row fails.

use crate::device::{TestAccount, TestDevice, fresh};
use crate::emails::{self, Sent};
use crate::factors::{Guarded, confirmation, start, with_proof};
use crate::relay::{Answer, Call, TestRelay};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    BlobId, ClaimId, DeviceId, ErrorCode, GroupId, MessageId, RecordId, WelcomeId,
    accounts::DeleteAccount,
    accounts::Ticket,
    deltas::Deltas,
    devices::RevokeDevices,
    factors::{StartEmail, TotpStarted},
    groups::{Acknowledge, Cursor, EntryKind, Posted, WelcomesPage},
    key_packages::{ClaimKeyPackages, PublishKeyPackages},
    limits::EMAIL_CODE_PAUSE_SECONDS,
    messages::PostMessage,
    records::{PutRecord, PutRecords, RecordVersion, RecordWrite},
    sessions::OpenedAccount,
    values::{Bytes, List},
};
use sotto::route::Access;
use sotto::secrets::sha256;
use std::collections::BTreeSet;

/// Ada's things, and who else is there.
struct World {
    relay: TestRelay,
    ada: TestAccount,
    owner: TestDevice,
    /// In the group with Ada.
    member: TestDevice,
    /// Was in it, and was removed.
    former: TestDevice,
    /// In another group.
    stranger: TestDevice,
    group: GroupId,
    epoch: u64,
    blob: BlobId,
    capability: [u8; 32],
    /// A record of the owner's.
    contact: RecordId,
    /// Of the member.
    welcome: WelcomeId,
    /// Ada has an authenticator app, and has shown password and code.
    proof: Ticket,
    /// Another app that she is setting up.
    app: TotpStarted,
    /// An address that she is setting up.
    email: Sent,
    /// Ada's other device.
    spare: DeviceId,
    /// Ada's account as she opened it with her password.
    opened: OpenedAccount,
}

impl World {
    async fn new() -> Self {
        let relay = Box::pin(TestRelay::start()).await;
        let ada = TestAccount::new("ada");
        let owner = ada.register(&relay).await;
        let member = TestAccount::new("ben").register(&relay).await;
        let former = TestAccount::new("max").register(&relay).await;
        let stranger = TestAccount::new("eve").register(&relay).await;
        let creation = owner.creation(&[&member, &former]);
        let posted: Posted = owner.send(&relay, Call::post("/v1/groups").cbor(&creation)).await.cbor();
        let group = posted.group_id;
        let removal = Deltas {
            removed: vec![(former.account_id, former.device_id)],
            roles: vec![(former.account_id, None)],
            ..Deltas::default()
        };
        let removal = owner.bundle(group, 1, EntryKind::Commit, &removal);
        let commits = format!("/v1/groups/{group}/commits");
        owner.send(&relay, Call::post(commits).cbor(&removal)).await.cbor::<Posted>();
        let elsewhere = stranger.creation(&[]);
        stranger.send(&relay, Call::post("/v1/groups").cbor(&elsewhere)).await.cbor::<Posted>();
        let inbox: WelcomesPage = member.send(&relay, Call::get("/v1/welcomes")).await.cbor();
        let welcome = inbox.welcomes[0].welcome_id;
        let (blob, capability) = (BlobId::from_bytes(fresh()), fresh());
        let spare = ada.enrol(&relay).await.device_id;
        let guarded = Guarded::of(&relay, ada, owner).await;
        let early = guarded.open(&relay).await.enrolment_ticket;
        emails::set_up(&relay, &guarded.device, &early).await;
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        let opened = guarded.open(&relay).await;
        let proof = opened.enrolment_ticket.clone();
        let (ada, owner) = (guarded.account, guarded.device);
        let app = start(&relay, &owner, &proof).await;
        let contact = RecordId::from_bytes(fresh());
        let put = PutRecord { expected_version: 0, ciphertext: Bytes::new(*b"a contact").unwrap() };
        let put = Call::put(format!("/v1/records/contacts/{contact}")).cbor(&put);
        owner.send(&relay, put).await.cbor::<RecordVersion>();
        let email = emails::send(&relay, &owner, &proof).await;
        relay.advance_seconds(EMAIL_CODE_PAUSE_SECONDS);
        let world = Self {
            relay,
            ada,
            owner,
            member,
            former,
            stranger,
            group,
            epoch: 2,
            blob,
            capability,
            contact,
            welcome,
            proof,
            app,
            email,
            spare,
            opened,
        };
        assert!(world.owner.send(&world.relay, world.upload(blob)).await.status.is_success());
        world
    }

    fn upload(&self, blob: BlobId) -> Call {
        Call::put(format!("/v1/blobs/{blob}"))
            .header("sotto-capability-hash", URL_SAFE_NO_PAD.encode(sha256(&self.capability)))
            .header("content-length", "5")
            .bytes(b"bytes".to_vec())
    }

    fn group_path(&self, rest: &str) -> String {
        format!("/v1/groups/{}/{rest}", self.group)
    }

    /// Nothing that is Ada's alone stands in an answer to somebody else.
    fn shows_nothing_of_ada(&self, answer: &Answer) -> bool {
        let ids = [
            self.owner.device_id.as_bytes(),
            self.group.as_bytes(),
            self.ada.vault_record_id.as_bytes(),
            self.contact.as_bytes(),
        ];
        let secret = |id: &[u8; 16]| {
            let text = URL_SAFE_NO_PAD.encode(id).into_bytes();
            let has = |needle: &[u8]| answer.body.windows(needle.len()).any(|window| window == needle);
            has(id) || has(&text)
        };
        !ids.into_iter().any(secret)
    }
}

/// What somebody who is not the owner gets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expect {
    /// The route is about the caller's own things: it works, and shows nothing of Ada.
    Own,
    /// Every account may.
    Everybody,
    /// Refused with this code.
    Refused(ErrorCode),
}

use Expect::{Everybody, Own, Refused};

const NOTHING: Expect = Refused(ErrorCode::NotFound);
/// The ticket is another account's.
const TICKET: Expect = Refused(ErrorCode::TicketInvalid);

/// One line of the matrix.
struct Row {
    route: &'static str,
    /// Another account, in another group.
    stranger: Expect,
    /// An account that was removed from the group.
    former: Expect,
    /// Who must succeed, so that the call is known to be a good one.
    owner: fn(&World) -> &TestDevice,
    /// The same call, made by whoever calls.
    call: fn(&World, &TestDevice) -> Call,
}

fn owner(world: &World) -> &TestDevice {
    &world.owner
}

/// A row about Ada's own things: strangers and former members are alike.
const fn row(route: &'static str, others: Expect, call: fn(&World, &TestDevice) -> Call) -> Row {
    Row { route, stranger: others, former: others, owner, call }
}

const MATRIX: &[Row] = &[
    row("GET /v1/accounts/by-handle/{handle}", Everybody, |_, _| Call::get("/v1/accounts/by-handle/ada")),
    row("GET /v1/accounts/{account_id}", Everybody, |world, _| {
        Call::get(format!("/v1/accounts/{}", world.ada.account_id))
    }),
    row("GET /v1/accounts/me/data", Own, |_, _| Call::get("/v1/accounts/me/data")),
    row("GET /v1/sessions", Own, |_, _| Call::get("/v1/sessions")),
    row("DELETE /v1/sessions/current", Own, |_, _| Call::delete("/v1/sessions/current")),
    row("GET /v1/devices", Own, |_, _| Call::get("/v1/devices")),
    row("GET /v1/audit", Own, |_, _| Call::get("/v1/audit")),
    row("POST /v1/sessions/endings", Refused(ErrorCode::TicketInvalid), |world, _| {
        with_proof("/v1/sessions/endings", &world.proof)
    }),
    row("POST /v1/accounts/me/deletion", Refused(ErrorCode::TicketInvalid), |world, _| {
        let handle = world.ada.handle.clone();
        Call::post("/v1/accounts/me/deletion")
            .json(&DeleteAccount { enrolment_ticket: world.proof.clone(), handle })
    }),
    row("GET /v1/factors", Own, |_, _| Call::get("/v1/factors")),
    row("POST /v1/factors/totp/start", Refused(ErrorCode::TicketInvalid), |world, _| {
        with_proof("/v1/factors/totp/start", &world.proof)
    }),
    row("POST /v1/factors/totp", Refused(ErrorCode::TicketInvalid), |world, _| {
        confirmation(&world.relay, &world.app)
    }),
    row("POST /v1/factors/totp/removal", Refused(ErrorCode::TicketInvalid), |world, _| {
        with_proof("/v1/factors/totp/removal", &world.proof)
    }),
    row("POST /v1/factors/email/start", Refused(ErrorCode::TicketInvalid), |world, _| {
        Call::post("/v1/factors/email/start").json(&StartEmail {
            enrolment_ticket: world.proof.clone(),
            address: "ada@example.org".parse().unwrap(),
        })
    }),
    row("POST /v1/factors/email", Refused(ErrorCode::TicketInvalid), |world, _| {
        emails::confirmation(&world.email)
    }),
    row("POST /v1/factors/email/removal", Refused(ErrorCode::TicketInvalid), |world, _| {
        with_proof("/v1/factors/email/removal", &world.proof)
    }),
    row("POST /v1/factors/recovery-codes", Refused(ErrorCode::TicketInvalid), |world, _| {
        with_proof("/v1/factors/recovery-codes", &world.proof)
    }),
    row("POST /v1/devices/revocations", TICKET, |world, _| {
        Call::post("/v1/devices/revocations").json(&RevokeDevices {
            enrolment_ticket: world.opened.enrolment_ticket.clone(),
            devices: List::new(vec![world.spare]).unwrap(),
        })
    }),
    row("POST /v1/devices/removals", TICKET, |world, _| {
        Call::post("/v1/devices/removals").cbor(&world.ada.removal(&world.opened, &[world.spare]))
    }),
    row("POST /v1/key-packages", Own, |_, _| {
        Call::post("/v1/key-packages")
            .cbor(&PublishKeyPackages { key_packages: List::default(), last_resort: None })
    }),
    row("GET /v1/key-packages/count", Own, |_, _| Call::get("/v1/key-packages/count")),
    row("POST /v1/key-packages/claim", Everybody, |world, _| {
        let account_id = world.ada.account_id;
        Call::post("/v1/key-packages/claim")
            .cbor(&ClaimKeyPackages { claim_id: ClaimId::from_bytes(fresh()), account_id })
    }),
    row("GET /v1/records/{collection}/{record_id}", NOTHING, |world, _| {
        Call::get(format!("/v1/records/vault/{}", world.ada.vault_record_id))
    }),
    row("PUT /v1/records/{collection}/{record_id}", NOTHING, |world, _| {
        Call::put(format!("/v1/records/vault/{}", world.ada.vault_record_id))
            .cbor(&PutRecord { expected_version: 1, ciphertext: Bytes::new(*b"a vault").unwrap() })
    }),
    row("DELETE /v1/records/{collection}/{record_id}", NOTHING, |world, _| {
        Call::delete(format!("/v1/records/contacts/{}?version=1&note=AQID", world.contact))
    }),
    row("GET /v1/records", Own, |_, _| Call::get("/v1/records")),
    row("PUT /v1/records", Own, |_, _| {
        // An id of somebody else's record is a new one in the caller's own collection.
        let write = RecordWrite {
            collection: "contacts".parse().unwrap(),
            record_id: RecordId::from_bytes(fresh()),
            expected_version: 0,
            ciphertext: Bytes::new(*b"a contact").unwrap(),
        };
        Call::put("/v1/records").cbor(&PutRecords { writes: List::new(vec![write]).unwrap() })
    }),
    row("PUT /v1/blobs/{blob_id}", Everybody, |world, _| world.upload(BlobId::from_bytes(fresh()))),
    row("GET /v1/blobs/{blob_id}", NOTHING, |world, caller| {
        // Only the owner has the capability in this world; with it, everybody may (F-9).
        let owns = caller.device_id == world.owner.device_id;
        let capability = if owns { world.capability } else { [0; 32] };
        Call::get(format!("/v1/blobs/{}", world.blob))
            .header("sotto-capability", URL_SAFE_NO_PAD.encode(capability))
    }),
    row("DELETE /v1/blobs/{blob_id}", NOTHING, |world, _| Call::delete(format!("/v1/blobs/{}", world.blob))),
    row("GET /v1/groups", Own, |_, _| Call::get("/v1/groups")),
    row("POST /v1/groups", Everybody, |_, caller| Call::post("/v1/groups").cbor(&caller.creation(&[]))),
    row("POST /v1/groups/acknowledgements", Own, |world, _| {
        let cursor = Cursor { group_id: world.group, seq: 1 };
        Call::post("/v1/groups/acknowledgements")
            .cbor(&Acknowledge { cursors: List::new(vec![cursor]).unwrap() })
    }),
    row("POST /v1/groups/{group_id}/commits", NOTHING, |world, caller| {
        let bundle = caller.bundle(world.group, world.epoch, EntryKind::Commit, &Deltas::default());
        Call::post(world.group_path("commits")).cbor(&bundle)
    }),
    row("POST /v1/groups/{group_id}/messages", NOTHING, |world, _| {
        Call::post(world.group_path("messages")).cbor(&PostMessage {
            message_id: MessageId::from_bytes(fresh()),
            group_id: world.group,
            epoch: world.epoch,
            ciphertext: Bytes::new(*b"a message").unwrap(),
        })
    }),
    // A removed device reads up to its removing commit (D-8): a story of its own in groups.rs.
    Row {
        route: "GET /v1/groups/{group_id}/entries",
        stranger: NOTHING,
        former: Everybody,
        owner,
        call: |world, _| Call::get(world.group_path("entries")),
    },
    row("GET /v1/groups/{group_id}/info", NOTHING, |world, _| Call::get(world.group_path("info"))),
    row("GET /v1/welcomes", Own, |_, _| Call::get("/v1/welcomes")),
    Row {
        route: "DELETE /v1/welcomes/{welcome_id}",
        stranger: NOTHING,
        former: NOTHING,
        owner: |world| &world.member,
        call: |world, _| Call::delete(format!("/v1/welcomes/{}", world.welcome)),
    },
];

/// Routes that ask for no session, and what guards them instead.
const OPEN: &[(&str, &str)] = &[
    ("GET /v1/health", "a probe"),
    ("GET /v1/ready", "a probe"),
    ("GET /v1/relay", "what everybody may know"),
    ("GET /v1/accounts/available/{handle}", "a budget per address"),
    ("POST /v1/accounts/register/start", "a budget per address"),
    ("POST /v1/accounts/register/finish", "the ticket of the start"),
    ("POST /v1/sessions/login/start", "the budget of guesses (O-1)"),
    ("POST /v1/sessions/login/finish", "the password, by OPAQUE"),
    ("POST /v1/sessions/recovery", "the recovery key"),
    ("POST /v1/sessions/factor", "the ticket of a proved password or recovery key, and the factor (O-2)"),
    ("POST /v1/sessions/factor/email", "the ticket of a proved password or recovery key"),
    ("POST /v1/sessions/enrolment", "the enrolment ticket"),
    ("POST /v1/sessions/password/start", "the enrolment ticket"),
    ("POST /v1/devices", "the enrolment ticket and the identity key's signature"),
    ("POST /v1/sessions/device/challenge", "a budget per address"),
    ("POST /v1/sessions/device", "the device's signature"),
    ("POST /v1/sessions/refresh", "the refresh token"),
    ("GET /v1/socket", "the token in the first frame (S-1)"),
];

fn assert_expected(world: &World, route: &str, answer: &Answer, expected: Expect) {
    match expected {
        Refused(code) => assert_eq!(answer.code(), code, "{route}"),
        Everybody => assert!(answer.status.is_success(), "{route}: {}", answer.text()),
        Own => {
            assert!(answer.status.is_success(), "{route}: {}", answer.text());
            assert!(world.shows_nothing_of_ada(answer), "{route}");
        }
    }
}

#[test]
fn every_route_has_one_row_and_every_row_a_route() {
    let routes: Vec<_> = sotto::routes();
    let table: BTreeSet<String> =
        routes.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let rows: Vec<&str> = MATRIX.iter().map(|row| row.route).chain(OPEN.iter().map(|open| open.0)).collect();

    assert_eq!(table, rows.iter().map(|route| (*route).to_owned()).collect());
    assert_eq!(rows.len(), routes.len());
    for route in routes {
        let name = format!("{} {}", route.method, route.path);
        let listed_open = OPEN.iter().any(|open| open.0 == name);
        assert_eq!(route.access == Access::Open, listed_open, "{name}");
    }
}

#[tokio::test]
async fn the_owner_may_and_strangers_and_former_members_get_what_their_row_says() {
    for row in MATRIX {
        let world = World::new().await;

        let stranger = world.stranger.send(&world.relay, (row.call)(&world, &world.stranger)).await;
        let former = world.former.send(&world.relay, (row.call)(&world, &world.former)).await;
        let owner = (row.owner)(&world);
        let owners = owner.send(&world.relay, (row.call)(&world, owner)).await;

        assert_expected(&world, row.route, &stranger, row.stranger);
        if row.former == Own {
            // Its own things may name the group that it was in.
            assert!(former.status.is_success(), "{}: {}", row.route, former.text());
        } else {
            assert_expected(&world, row.route, &former, row.former);
        }
        assert!(owners.status.is_success(), "{}: {}", row.route, owners.text());
    }
}

#[tokio::test]
async fn without_a_good_token_no_route_does_anything() {
    let world = World::new().await;
    let forged = forged_tokens(&world);
    for row in MATRIX {
        let call = || (row.call)(&world, (row.owner)(&world));

        let none = world.relay.send(call()).await;
        assert_eq!(none.code(), ErrorCode::Unauthenticated, "{}", row.route);
        assert!(none.header("www-authenticate").is_some());
        for token in &forged {
            let answer = world.relay.send(call().bearer(token)).await;
            assert_eq!(answer.code(), ErrorCode::Unauthenticated, "{} {token}", row.route);
        }
        let basic = world.relay.send(call().header("authorization", "Basic YWRhOmFkYQ")).await;
        assert_eq!(basic.code(), ErrorCode::Unauthenticated, "{}", row.route);
    }
}

fn forged_tokens(world: &World) -> Vec<String> {
    let good = world.owner.token();
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let (head, claims) = rest.split_once('.').unwrap();
    let other_claims = world.stranger.token().split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    vec![
        String::new(),
        "nonsense".into(),
        rest.into(),
        format!("{rest}."),
        format!("{rest}.{}", signature.chars().rev().collect::<String>()),
        format!("{none}.{claims}."),
        format!("{head}.{other_claims}.{signature}"),
    ]
}

#[tokio::test]
async fn an_expired_token_opens_no_route() {
    let world = World::new().await;
    world.relay.advance_seconds(600);
    for row in MATRIX {
        let owner = (row.owner)(&world);
        let answer = owner.send(&world.relay, (row.call)(&world, owner)).await;
        assert_eq!(answer.code(), ErrorCode::TokenExpired, "{}", row.route);
    }
}

#[tokio::test]
async fn a_revoked_session_opens_no_route() {
    let world = World::new().await;
    for device in [&world.owner, &world.member] {
        device.send(&world.relay, Call::delete("/v1/sessions/current")).await;
    }
    for row in MATRIX {
        let owner = (row.owner)(&world);
        let answer = owner.send(&world.relay, (row.call)(&world, owner)).await;
        assert_eq!(answer.code(), ErrorCode::DeviceRevoked, "{}", row.route);
    }
}

#[tokio::test]
async fn another_relays_token_opens_no_route() {
    let [world, other] = [World::new().await, World::new().await];
    for row in MATRIX {
        let answer = other.owner.send(&world.relay, (row.call)(&world, &world.owner)).await;
        assert_eq!(answer.code(), ErrorCode::Unauthenticated, "{}", row.route);
    }
}
