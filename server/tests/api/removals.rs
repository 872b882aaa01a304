//! Removing devices (K-8): at the relay at once, then by the signed list, whole or not at all.

use crate::device::{DeviceKeys, TestAccount, TestDevice};
use crate::relay::{Answer, Call, TestRelay, on_both_engines};
use crate::sockets::Socket;
use protocol::{
    DeviceId, ErrorCode, UnixMillis,
    accounts::DirectoryEntry,
    audit::{AuditKind, AuditPage, AuditRow},
    device_list::DeviceList,
    devices::{DevicesRemoved, RemoveDevices, RevokeDevices},
    sessions::{DeviceLogin, OpenedAccount, SessionTokens},
    socket::close,
    values::{Bytes, List},
};

/// Ada with two devices, her account opened by her password.
struct Scene {
    relay: TestRelay,
    ada: TestAccount,
    first: TestDevice,
    second: TestDevice,
    opened: OpenedAccount,
}

impl Scene {
    async fn on(relay: TestRelay) -> Self {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        let second = ada.enrol(&relay).await;
        let opened = ada.open(&relay).await;
        Self { relay, ada, first, second, opened }
    }

    fn removal(&self) -> RemoveDevices {
        self.ada.removal(&self.opened, &[self.second.device_id])
    }

    async fn remove(&self, request: &RemoveDevices) -> Answer {
        self.first.send(&self.relay, Call::post("/v1/devices/removals").cbor(request)).await
    }

    async fn revoke(&self, devices: &[DeviceId]) -> Answer {
        let request = RevokeDevices {
            enrolment_ticket: self.opened.enrolment_ticket.clone(),
            devices: List::new(devices.to_vec()).unwrap(),
        };
        self.first.send(&self.relay, Call::post("/v1/devices/revocations").json(&request)).await
    }

    async fn entry(&self) -> DirectoryEntry {
        self.first.send(&self.relay, Call::get("/v1/accounts/by-handle/ada")).await.json()
    }

    /// The devices of which the audit log says that they were removed.
    async fn removed_by_the_log(&self) -> Vec<DeviceId> {
        let page: AuditPage = self.first.send(&self.relay, Call::get("/v1/audit")).await.json();
        let removed = |row: &&AuditRow| row.kind == AuditKind::DeviceRemoved.number();
        page.rows.iter().filter(removed).filter_map(|row| row.device_id).collect()
    }

    async fn second_may(&self) -> Result<(), ErrorCode> {
        let answer = self.second.send(&self.relay, Call::get("/v1/devices")).await;
        if answer.status.is_success() { Ok(()) } else { Err(answer.code()) }
    }

    /// A removal that a client would send, changed: refused, and nothing was written.
    async fn refuses(&self, change: impl FnOnce(&mut RemoveDevices)) -> ErrorCode {
        let mut request = self.removal();
        change(&mut request);

        let code = self.remove(&request).await.code();

        assert_eq!(self.entry().await.device_list, self.opened.device_list);
        assert_eq!(self.second_may().await, Ok(()));
        code
    }
}

#[tokio::test]
async fn a_revoked_device_may_do_nothing_at_once_whatever_becomes_of_the_removal() {
    on_both_engines(async |relay| {
        let mut scene = Scene::on(relay).await;
        let port = scene.relay.listen().await;
        let mut socket = Socket::live_with(&port, scene.second.token()).await;

        let answer = scene.revoke(&[scene.second.device_id]).await;

        assert_eq!(answer.status, 204);
        assert_eq!(socket.close_code().await, Some(close::DEVICE_REVOKED));
        assert_eq!(scene.second_may().await, Err(ErrorCode::DeviceRevoked));
        let nonce = scene.second.challenge(&scene.relay).await;
        let login: DeviceLogin = scene.second.device_login(&scene.relay, nonce);
        let again = scene.relay.send(Call::post("/v1/sessions/device").json(&login)).await;
        assert_eq!(again.code(), ErrorCode::DeviceRevoked);
        assert_eq!(scene.entry().await.device_list, scene.opened.device_list);
        scene.opened = scene.ada.open(&scene.relay).await;
        assert_eq!(*scene.opened.revoked_devices, [scene.second.device_id]);
        assert_eq!(scene.removed_by_the_log().await, [scene.second.device_id]);
        assert!(scene.remove(&scene.removal()).await.status.is_success());
        assert_eq!(scene.removed_by_the_log().await.len(), 1, "told once");
    })
    .await;
}

#[tokio::test]
async fn a_removal_sets_list_wrap_and_revocation_and_may_be_repeated() {
    on_both_engines(async |relay| {
        let scene = Scene::on(relay).await;
        let request = scene.removal();

        let removed: DevicesRemoved = scene.remove(&request).await.cbor();
        scene.relay.advance_seconds(300);
        let again: DevicesRemoved = scene.remove(&request).await.cbor();

        assert_eq!((removed.version, again.version), (3, 3));
        let entry = scene.entry().await;
        assert_eq!((&entry.device_list, &entry.revocations), (&request.device_list, &request.revocations));
        assert_eq!(scene.second_may().await, Err(ErrorCode::DeviceRevoked));
        let opened = scene.ada.open(&scene.relay).await;
        assert!(opened.wraps.contains(&request.root_wrap));
        assert_eq!(opened.wraps.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn of_a_removal_and_an_enrolment_at_once_one_signs_again() {
    on_both_engines(async |relay| {
        let scene = Scene::on(relay).await;
        let other = scene.ada.open(&scene.relay).await;
        let enrolment = scene.ada.enrolment(&other, &DeviceKeys::fresh(scene.relay.now()));
        let removal = scene.removal();

        let (removed, enrolled) = tokio::join!(
            scene.remove(&removal),
            scene.relay.send(Call::post("/v1/devices").cbor(&enrolment))
        );

        let won = [removed.status.is_success(), enrolled.status.is_success()];
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let lost = if won[0] { enrolled } else { removed };
        let problem = lost.problem();
        assert_eq!((problem.code, problem.facts.version), (ErrorCode::VersionConflict, Some(3)));
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_is_over_spent_or_anothers_removes_nothing() {
    let mut scene = Scene::on(TestRelay::start().await).await;
    let ben = TestAccount::new("ben");
    ben.register(&scene.relay).await;
    let bens = ben.open(&scene.relay).await.enrolment_ticket;
    let spent = scene.ada.open(&scene.relay).await;
    let enrolment = scene.ada.enrolment(&spent, &DeviceKeys::fresh(scene.relay.now()));
    scene.relay.send(Call::post("/v1/devices").cbor(&enrolment)).await.json::<SessionTokens>();
    let opened = scene.ada.open(&scene.relay).await;
    let mut request = scene.ada.removal(&opened, &[scene.second.device_id]);

    for ticket in [bens, spent.enrolment_ticket] {
        request.enrolment_ticket = ticket;
        assert_eq!(scene.remove(&request).await.code(), ErrorCode::TicketInvalid);
    }
    scene.relay.advance_seconds(540);
    request.enrolment_ticket = opened.enrolment_ticket;
    assert!(scene.remove(&request).await.status.is_success());
    scene.relay.advance_seconds(60);
    scene.first.log_in(&scene.relay).await;
    assert!(scene.remove(&request).await.status.is_success(), "it was done while the ticket was good");
    assert_eq!(scene.revoke(&[]).await.code(), ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn a_list_that_does_not_remove_is_no_removal() {
    let scene = Scene::on(TestRelay::start().await).await;
    let resigned = |change: fn(&mut protocol::device_list::DeviceListBody)| {
        let ada = &scene.ada;
        scene.refuses(move |request| {
            let mut body = DeviceList::decode(&request.device_list).unwrap().body;
            change(&mut body);
            request.device_list = Bytes::new(ada.sign_list(body)).unwrap();
        })
    };

    let codes = [
        resigned(|body| body.root_generation -= 1).await,
        resigned(|body| body.root_generation += 1).await,
        resigned(|body| body.previous_hash = [9; 32]).await,
        resigned(|body| body.entries.iter_mut().for_each(|entry| entry.revoked_at = None)).await,
        resigned(|body| body.entries.iter_mut().for_each(|entry| entry.revoked_at = Some(UnixMillis(7))))
            .await,
        resigned(|body| body.entries.retain(|entry| entry.is_live())).await,
        resigned(|body| {
            body.entries.push(DeviceKeys::fresh(UnixMillis(1)).entry());
            body.entries.sort_by_key(|entry| entry.device);
        })
        .await,
    ];

    assert_eq!(codes, [ErrorCode::Malformed; 7]);
}

#[tokio::test]
async fn a_removal_without_its_signatures_or_its_wrap_is_refused() {
    let scene = Scene::on(TestRelay::start().await).await;
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    let first = scene.first.device_id;

    let list =
        scene.refuses(|request| request.device_list = Bytes::new(flipped(&request.device_list)).unwrap());
    assert_eq!(list.await, ErrorCode::SignatureInvalid);
    let forged = scene.refuses(|request| {
        let forged = Bytes::new(flipped(&request.revocations[0])).unwrap();
        request.revocations = List::new(vec![forged]).unwrap();
    });
    assert_eq!(forged.await, ErrorCode::SignatureInvalid);
    let missing = scene.refuses(|request| request.revocations = List::default());
    assert_eq!(missing.await, ErrorCode::Malformed);
    let another = scene.refuses(|request| request.revocations = scene.ada.revocations(&[first]));
    assert_eq!(another.await, ErrorCode::Malformed);
    let twice = scene.refuses(|request| {
        let one = request.revocations[0].clone();
        request.revocations = List::new(vec![one.clone(), one]).unwrap();
    });
    assert_eq!(twice.await, ErrorCode::Malformed);
    let generation = scene.refuses(|request| request.root_wrap.generation = 1);
    assert_eq!(generation.await, ErrorCode::Malformed);
    let empty = scene.refuses(|request| request.root_wrap.bytes = Bytes::default());
    assert_eq!(empty.await, ErrorCode::Malformed);
}

#[tokio::test]
async fn nobody_removes_itself() {
    let scene = Scene::on(TestRelay::start().await).await;
    let request = scene.ada.removal(&scene.opened, &[scene.first.device_id]);

    assert_eq!(scene.remove(&request).await.code(), ErrorCode::Malformed);
    assert_eq!(scene.revoke(&[scene.first.device_id]).await.code(), ErrorCode::Malformed);
    assert_eq!(scene.second_may().await, Ok(()));
}

#[tokio::test]
async fn a_copied_device_brings_nobody_in_after_its_removal() {
    on_both_engines(async |relay| {
        let scene = Scene::on(relay).await;
        // The most that a copy can hold: a ticket of the opened account. The identity key is in no device.
        let held = scene.ada.open(&scene.relay).await;
        assert!(scene.remove(&scene.removal()).await.status.is_success());
        let held = OpenedAccount { device_list: scene.entry().await.device_list, ..held };
        let mut thief = TestAccount::new("ada");
        thief.account_id = scene.ada.account_id;

        let request = thief.enrolment(&held, &DeviceKeys::fresh(scene.relay.now()));
        let answer = scene.relay.send(Call::post("/v1/devices").cbor(&request)).await;

        assert_eq!(answer.code(), ErrorCode::SignatureInvalid);
        assert_eq!(scene.entry().await.device_list, held.device_list);
    })
    .await;
}
