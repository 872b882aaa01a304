//! A real client's half, without MLS: OPAQUE, Ed25519 keys, certificates and device lists. Key packages and sealed
//! things are opaque to the relay, so random bytes stand in for them.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse,
};
use protocol::{
    AccountId, DeviceId, GroupId, Handle, IdempotencyId, MessageId, RecordId, UnixMillis,
    accounts::{
        NewVault, OpaqueMessage, RegisterFinish, RegisterStart, RegisterStarted, Ticket, Wrap, WrapKind,
    },
    certificate::{Certificate, CertificateBody},
    deltas::{Deltas, Role},
    device_list::{DeviceList, DeviceListBody, DeviceListEntry, NO_PREVIOUS},
    devices::{EnrolDevice, NewDevice, NewPassword, RemoveDevices, RevocationList},
    groups::{CommitBundle, CreateGroup, EntryKind, GroupKind},
    invites::InviteCode,
    limits::SUITE,
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    revocation::{Revocation, RevocationBody},
    sessions::{
        DeviceChallenge, DeviceLogin, DeviceNonce, LoginFinish, LoginStart, LoginStarted, OpenedAccount,
        PasswordStart, SessionTokens,
    },
    signed,
    values::{Bytes, Exactly, List},
};
use rand_opaque::rngs::OsRng;
use sotto::opaque::Suite;
use sotto::secrets::{random, sha256};

use crate::relay::{Answer, Call, TestRelay};

const CONTEXT: &[u8] = signed::OPAQUE_CONTEXT.as_bytes();

/// The secrets of a person: password, recovery key, identity key.
pub(crate) struct TestAccount {
    pub(crate) handle: Handle,
    pub(crate) account_id: AccountId,
    pub(crate) password: String,
    pub(crate) recovery_auth: [u8; 32],
    pub(crate) vault_record_id: RecordId,
    /// What it brings to its registration.
    invite: Option<InviteCode>,
    identity: Ed25519KeyPair,
}

/// An enrolled device with its tokens.
pub(crate) struct TestDevice {
    pub(crate) account_id: AccountId,
    pub(crate) device_id: DeviceId,
    pub(crate) tokens: SessionTokens,
    keys: DeviceKeys,
}

/// The two keys of a device.
pub(crate) struct DeviceKeys {
    pub(crate) device_id: DeviceId,
    leaf: Ed25519KeyPair,
    auth: Ed25519KeyPair,
    created_at: UnixMillis,
}

pub(crate) fn fresh<const N: usize>() -> [u8; N] {
    random().unwrap()
}

fn key_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&fresh::<32>()).unwrap()
}

fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    pair.public_key().as_ref().try_into().unwrap()
}

fn sign(pair: &Ed25519KeyPair, bytes: &[u8]) -> [u8; 64] {
    pair.sign(bytes).as_ref().try_into().unwrap()
}

impl DeviceKeys {
    pub(crate) fn fresh(now: UnixMillis) -> Self {
        Self { device_id: DeviceId::from_bytes(fresh()), leaf: key_pair(), auth: key_pair(), created_at: now }
    }

    /// This device's line in the list.
    pub(crate) fn entry(&self) -> DeviceListEntry {
        DeviceListEntry {
            device: self.device_id,
            leaf_key: LeafKey::from_bytes(public(&self.leaf)),
            device_auth_key: DeviceAuthKey::from_bytes(public(&self.auth)),
            created_at: self.created_at,
            revoked_at: None,
        }
    }
}

impl TestAccount {
    pub(crate) fn new(handle: &str) -> Self {
        Self {
            handle: handle.parse().unwrap(),
            account_id: AccountId::from_bytes(fresh()),
            password: format!("the password of {handle}"),
            recovery_auth: fresh(),
            vault_record_id: RecordId::from_bytes(fresh()),
            invite: None,
            identity: key_pair(),
        }
    }

    pub(crate) fn with_invite(self, invite: Option<InviteCode>) -> Self {
        Self { invite, ..self }
    }

    /// A new device of this account, certified, with `count` one-use key packages.
    pub(crate) fn certify(&self, keys: &DeviceKeys, count: usize) -> NewDevice {
        let entry = keys.entry();
        let body = CertificateBody {
            account: self.account_id,
            device: entry.device,
            leaf_key: entry.leaf_key,
            device_auth_key: entry.device_auth_key,
            created_at: entry.created_at,
            suite: SUITE,
            identity_key: IdentityKey::from_bytes(public(&self.identity)),
        };
        let signature = Signature::from_bytes(sign(&self.identity, &body.signed_bytes()));
        NewDevice {
            device_id: keys.device_id,
            certificate: Bytes::new(Certificate { body, signature }.encode()).unwrap(),
            key_packages: List::new((0..count).map(|_| key_package()).collect()).unwrap(),
            last_resort: key_package(),
        }
    }

    /// The signed first list.
    pub(crate) fn first_list(&self, keys: &DeviceKeys) -> Vec<u8> {
        self.sign_list(DeviceListBody {
            account: self.account_id,
            identity_key: IdentityKey::from_bytes(public(&self.identity)),
            version: 1,
            previous_hash: NO_PREVIOUS,
            root_generation: 1,
            root_commitment: [1; 32],
            vault_head: 0,
            records_head: 0,
            sealing_key: Vec::new(),
            entries: vec![keys.entry()],
        })
    }

    /// The signed list after `current`, with one more device; what `revoked` names is marked.
    pub(crate) fn next_list(&self, current: &[u8], keys: &DeviceKeys, revoked: &[DeviceId]) -> Vec<u8> {
        let mut body = DeviceList::decode(current).unwrap().body;
        body.version += 1;
        body.previous_hash = sha256(current);
        for entry in &mut body.entries {
            if revoked.contains(&entry.device) {
                entry.revoked_at = Some(keys.created_at);
            }
        }
        body.entries.push(keys.entry());
        body.entries.sort_by_key(|entry| entry.device);
        self.sign_list(body)
    }

    pub(crate) fn sign_list(&self, body: DeviceListBody) -> Vec<u8> {
        let signature = Signature::from_bytes(sign(&self.identity, &body.signed_bytes().unwrap()));
        DeviceList { body, signature }.encode().unwrap()
    }

    /// Both steps of OPAQUE's registration up to the finish that a client would send.
    pub(crate) async fn registration(&self, relay: &TestRelay, keys: &DeviceKeys) -> RegisterFinish {
        let (started, state) = self.start_registration(relay).await;
        let started: RegisterStarted = started.json();
        RegisterFinish {
            idempotency_id: IdempotencyId::from_bytes(fresh()),
            ticket: started.ticket,
            account_id: self.account_id,
            registration_upload: upload(state, &self.password, &started.registration_response),
            wraps: wraps(&[(WrapKind::Password, 0), (WrapKind::Recovery, 0), (WrapKind::Root, 1)]),
            recovery_auth_hash: Exactly(sha256(&self.recovery_auth)),
            vault: NewVault {
                record_id: self.vault_record_id,
                ciphertext: Bytes::new(*b"the first vault").unwrap(),
            },
            device: self.certify(keys, 3),
            device_list: Bytes::new(self.first_list(keys)).unwrap(),
        }
    }

    pub(crate) async fn start_registration(&self, relay: &TestRelay) -> (Answer, ClientRegistration<Suite>) {
        let started = ClientRegistration::<Suite>::start(&mut OsRng, self.password.as_bytes()).unwrap();
        let request = RegisterStart {
            handle: self.handle.clone(),
            registration_request: OpaqueMessage::new(started.message.serialize().to_vec()).unwrap(),
            invite: self.invite,
        };
        (relay.send(Call::post("/v1/accounts/register/start").json(&request)).await, started.state)
    }

    /// Registers with a first device.
    pub(crate) async fn register(&self, relay: &TestRelay) -> TestDevice {
        let keys = DeviceKeys::fresh(relay.now());
        let request = self.registration(relay, &keys).await;
        let answer = relay.send(Call::post("/v1/accounts/register/finish").cbor(&request)).await;
        TestDevice { account_id: self.account_id, device_id: keys.device_id, tokens: answer.json(), keys }
    }

    /// The first step of a log-in; its answer and the client's state.
    pub(crate) async fn start_login(
        &self,
        relay: &TestRelay,
        password: &str,
    ) -> (Answer, ClientLogin<Suite>) {
        let started = ClientLogin::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let request = LoginStart {
            handle: self.handle.clone(),
            credential_request: OpaqueMessage::new(started.message.serialize().to_vec()).unwrap(),
        };
        (relay.send(Call::post("/v1/sessions/login/start").json(&request)).await, started.state)
    }

    /// What a client that knows the password sends next. `None`: it does not.
    pub(crate) async fn login(&self, relay: &TestRelay, password: &str) -> Option<LoginFinish> {
        let (answer, state) = self.start_login(relay, password).await;
        let started: LoginStarted = answer.json();
        let response = CredentialResponse::deserialize(&started.credential_response).unwrap();
        let parameters = ClientLoginFinishParameters { context: Some(CONTEXT), ..Default::default() };
        let finished = state.finish(&mut OsRng, password.as_bytes(), response, parameters).ok()?;
        let message = finished.message.serialize().to_vec();
        Some(LoginFinish {
            ticket: started.ticket,
            credential_finalization: OpaqueMessage::new(message).unwrap(),
        })
    }

    /// Logs in with the right password.
    pub(crate) async fn open(&self, relay: &TestRelay) -> OpenedAccount {
        let finish = self.login(relay, &self.password).await.unwrap();
        relay.send(Call::post("/v1/sessions/login/finish").json(&finish)).await.json()
    }

    /// The enrolment of a new device into an opened account.
    pub(crate) fn enrolment(&self, opened: &OpenedAccount, keys: &DeviceKeys) -> EnrolDevice {
        let list = self.next_list(&opened.device_list, keys, &opened.revoked_devices);
        EnrolDevice {
            idempotency_id: IdempotencyId::from_bytes(fresh()),
            enrolment_ticket: opened.enrolment_ticket.clone(),
            device: self.certify(keys, 3),
            device_list: Bytes::new(list).unwrap(),
            new_password: None,
            revocations: self.revocations(&opened.revoked_devices),
        }
    }

    /// A signed revocation of each device.
    pub(crate) fn revocations(&self, devices: &[DeviceId]) -> RevocationList {
        let revocation = |&device: &DeviceId| {
            let body = RevocationBody { account: self.account_id, device, revoked_at: UnixMillis(7) };
            let signature = Signature::from_bytes(sign(&self.identity, &body.signed_bytes()));
            Bytes::new(Revocation { body, signature }.encode()).unwrap()
        };
        List::new(devices.iter().map(revocation).collect()).unwrap()
    }

    /// The removal of `devices` from an opened account.
    pub(crate) fn removal(&self, opened: &OpenedAccount, devices: &[DeviceId]) -> RemoveDevices {
        let mut body = DeviceList::decode(&opened.device_list).unwrap().body;
        body.version += 1;
        body.previous_hash = sha256(&opened.device_list);
        body.root_generation += 1;
        body.root_commitment = fresh();
        for entry in body.entries.iter_mut().filter(|entry| devices.contains(&entry.device)) {
            entry.revoked_at = Some(UnixMillis(7));
        }
        let generation = body.root_generation;
        RemoveDevices {
            enrolment_ticket: opened.enrolment_ticket.clone(),
            device_list: Bytes::new(self.sign_list(body)).unwrap(),
            root_wrap: wraps::<1>(&[(WrapKind::Root, generation)])[0].clone(),
            revocations: self.revocations(devices),
        }
    }

    /// Logs in on a new device and enrols it.
    pub(crate) async fn enrol(&self, relay: &TestRelay) -> TestDevice {
        let opened = self.open(relay).await;
        let keys = DeviceKeys::fresh(relay.now());
        let request = self.enrolment(&opened, &keys);
        let answer = relay.send(Call::post("/v1/devices").cbor(&request)).await;
        TestDevice { account_id: self.account_id, device_id: keys.device_id, tokens: answer.json(), keys }
    }

    /// A new password for an opened account, up to what the enrolment carries.
    pub(crate) async fn new_password(
        &self,
        relay: &TestRelay,
        ticket: &Ticket,
        password: &str,
    ) -> NewPassword {
        let started = ClientRegistration::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let request = PasswordStart {
            enrolment_ticket: ticket.clone(),
            registration_request: OpaqueMessage::new(started.message.serialize().to_vec()).unwrap(),
        };
        let answer = relay.send(Call::post("/v1/sessions/password/start").json(&request)).await;
        let answer: RegisterStarted = answer.json();
        NewPassword {
            ticket: answer.ticket,
            registration_upload: upload(started.state, password, &answer.registration_response),
            wraps: wraps(&[(WrapKind::Password, 0)]),
        }
    }
}

impl TestDevice {
    pub(crate) fn token(&self) -> &str {
        &self.tokens.access_token.0
    }

    pub(crate) async fn send(&self, relay: &TestRelay, call: Call) -> Answer {
        relay.send(call.bearer(self.token())).await
    }

    pub(crate) async fn challenge(&self, relay: &TestRelay) -> [u8; 32] {
        let request = DeviceChallenge { account_id: self.account_id, device_id: self.device_id };
        let answer: DeviceNonce =
            relay.send(Call::post("/v1/sessions/device/challenge").json(&request)).await.json();
        answer.nonce.0
    }

    /// The signed log-in for a nonce.
    pub(crate) fn device_login(&self, relay: &TestRelay, nonce: [u8; 32]) -> DeviceLogin {
        let signed = signed::login(relay.app.relay_id, self.account_id, self.device_id, &nonce);
        DeviceLogin {
            account_id: self.account_id,
            device_id: self.device_id,
            nonce: Exactly(nonce),
            signature: Exactly(sign(&self.keys.auth, &signed)),
        }
    }

    /// A commit's envelope, signed as this device.
    pub(crate) fn bundle(
        &self,
        group_id: GroupId,
        epoch: u64,
        kind: EntryKind,
        deltas: &Deltas,
    ) -> CommitBundle {
        let others = deltas.added.iter().map(|leaf| leaf.1).filter(|device| *device != self.device_id);
        let welcomed: Vec<_> = others.filter(|_| kind == EntryKind::Commit).collect();
        let message_id = MessageId::from_bytes(fresh());
        let commit = fresh::<32>();
        let deltas = deltas.encode().unwrap();
        let signed = signed::commit(group_id, epoch, message_id, &sha256(&commit), &sha256(&deltas));
        CommitBundle {
            message_id,
            group_id,
            epoch,
            kind,
            commit: Bytes::new(commit).unwrap(),
            deltas: Bytes::new(deltas).unwrap(),
            group_info: Bytes::new(fresh::<32>()).unwrap(),
            welcome: (!welcomed.is_empty()).then(|| Bytes::new(fresh::<32>()).unwrap()),
            welcome_devices: List::new(welcomed).unwrap(),
            claims: List::default(),
            signature: Exactly(sign(&self.keys.auth, &signed)),
        }
    }

    /// The bundle that makes a group of this device (admin) and others (members).
    pub(crate) fn creation(&self, others: &[&Self]) -> CreateGroup {
        let leaf = |device: &Self| (device.account_id, device.device_id);
        let mut deltas = Deltas { added: vec![leaf(self)], ..Deltas::default() };
        deltas.roles.push((self.account_id, Some(Role::Admin)));
        for other in others {
            deltas.added.push(leaf(other));
            deltas.roles.push((other.account_id, Some(Role::Member)));
        }
        let bundle = self.bundle(GroupId::from_bytes(fresh()), 0, EntryKind::Commit, &deltas);
        CreateGroup { kind: GroupKind::Many, peer: None, bundle }
    }

    /// A new session by signature.
    pub(crate) async fn log_in(&mut self, relay: &TestRelay) {
        let request = self.device_login(relay, self.challenge(relay).await);
        self.tokens = relay.send(Call::post("/v1/sessions/device").json(&request)).await.json();
    }
}

pub(crate) fn key_package() -> protocol::key_packages::KeyPackageBytes {
    Bytes::new(fresh::<32>()).unwrap()
}

pub(crate) fn wraps<const MAX: usize>(kinds: &[(WrapKind, u32)]) -> List<Wrap, MAX> {
    let wrap = |&(kind, generation): &(WrapKind, u32)| Wrap {
        kind,
        generation,
        bytes: Bytes::new(fresh::<32>()).unwrap(),
    };
    List::new(kinds.iter().map(wrap).collect()).unwrap()
}

fn upload(state: ClientRegistration<Suite>, password: &str, response: &OpaqueMessage) -> OpaqueMessage {
    let response = RegistrationResponse::deserialize(response).unwrap();
    let finished = state
        .finish(&mut OsRng, password.as_bytes(), response, ClientRegistrationFinishParameters::default())
        .unwrap();
    OpaqueMessage::new(finished.message.serialize().to_vec()).unwrap()
}
