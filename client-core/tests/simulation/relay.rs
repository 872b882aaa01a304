//! A relay in memory with the answers of the real one: enough of its contract for cores to live on, and a place to
//! lose, double and delay what passes.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup, rand,
};
use protocol::{
    AccountId, ClaimId, Deltas, DeviceId, ErrorCode, Facts, GroupId, Handle, IdempotencyId, MessageId,
    Problem, RecordId, RelayId, SessionId, UnixMillis, WelcomeId,
    accounts::{
        DeleteAccount, DirectoryEntry, HandleAvailability, RegisterFinish, RegisterStart, RegisterStarted,
        RelayInfo, Wrap,
    },
    audit::{AuditPage, AuditPlace},
    certificate::Certificate,
    device_list::{DeviceList, DeviceListBody},
    devices::{
        DeviceStatus, DevicesRemoved, EnrolDevice, NewDevice, OwnDevices, RemoveDevices, RevokeDevices,
    },
    factors::{Factor, FactorKind, Opening, PendingFactor, ShowFactor},
    groups::{
        CommitBundle, CommitEnvelope, CreateGroup, Cursor, EntriesPage, Entry, EntryKind, GroupKind,
        GroupSummary, GroupsPage, Posted, StoredGroupInfo, StoredWelcome, WelcomesPage,
    },
    invites::RegistrationMode,
    key_packages::{
        ClaimKeyPackages, ClaimedKeyPackage, ClaimedKeyPackages, KeyPackageBytes, KeyPackageCount,
        PublishKeyPackages,
    },
    limits::{CLIENT_VERSION, ENTRIES_PAGE_MAX, WELCOME_BYTES_MAX},
    messages::PostMessage,
    records::{
        Change, ChangeKind, ChangesPage, Collection, PutRecords, RecordWrite, RecordsPut, WriteOutcome,
    },
    revocation::REVOCATION_BYTES,
    sessions::{
        AccessToken, DeviceChallenge, DeviceLogin, DeviceNonce, EnrolmentState, LoginFinish, LoginStart,
        LoginStarted, OpenedAccount, PasswordStart, RecoveryLogin, Refresh, SessionTokens, StoredVault,
    },
    signed,
    socket::{ClientFrame, Received, RelayFrame, from_bytes, to_bytes},
    values::{Bytes, Exactly, List},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use sha2::{Digest as _, Sha256};
use sotto_client_core::{
    client::{Method, Request},
    opaque::OpaqueSuite,
};

/// A frame that fits into one message of the real socket.
const FRAME_ENTRIES: usize = 64;
const PAGE_CHANGES: usize = 2;

type Answer = Result<Vec<u8>, Problem>;

#[derive(Clone)]
pub(crate) struct Account {
    handle: Handle,
    password_file: ServerRegistration<OpaqueSuite>,
    recovery_auth_hash: [u8; 32],
    wraps: Vec<Wrap>,
    device_list: Vec<u8>,
    vault_record: RecordId,
    records: BTreeMap<(Collection, RecordId), StoredRecord>,
    /// The account's last change.
    head: u64,
    revocations: Vec<Bytes<REVOCATION_BYTES>>,
    /// The code that its log-ins wait for.
    pub(crate) code: Option<&'static str>,
}

#[derive(Clone)]
struct StoredRecord {
    version: u64,
    change: u64,
    ciphertext: Vec<u8>,
}

#[derive(Clone)]
struct Device {
    account: AccountId,
    auth_key: [u8; 32],
    revoked: bool,
    key_packages: VecDeque<KeyPackageBytes>,
    last_resort: KeyPackageBytes,
    welcomes: Vec<StoredWelcome>,
}

#[derive(Clone, Default)]
struct Group {
    /// The account of one of them was deleted.
    closed: bool,
    peers: Option<BTreeSet<AccountId>>,
    accounts: BTreeSet<AccountId>,
    leaves: BTreeMap<DeviceId, u64>,
    cursors: BTreeMap<DeviceId, u64>,
    log: Vec<Entry>,
    doubles: HashMap<(DeviceId, MessageId), ([u8; 32], u64)>,
    epoch: u64,
    info: (u64, u64, Vec<u8>),
}

/// A connection of one device; frames to it wait here.
#[derive(Clone, Default)]
struct Connection {
    device: Option<DeviceId>,
    ready: bool,
    sent: BTreeMap<GroupId, u64>,
    waiting: VecDeque<Vec<u8>>,
}

/// What both sides bind into every log-in.
fn opaque_parameters() -> ServerLoginParameters<'static, 'static> {
    ServerLoginParameters {
        context: Some(signed::OPAQUE_CONTEXT.as_bytes()),
        ..ServerLoginParameters::default()
    }
}

/// Seeded randomness, in the traits of the older `rand` that OPAQUE takes.
struct OldRng(ChaCha20Rng);

fn rng(seed: u64) -> OldRng {
    OldRng(ChaCha20Rng::seed_from_u64(seed))
}

impl rand::RngCore for OldRng {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl rand::CryptoRng for OldRng {}

/// The relay's whole state; a clone is a restart without loss.
#[derive(Clone)]
pub(crate) struct Relay {
    setup: ServerSetup<OpaqueSuite>,
    now: UnixMillis,
    next: u64,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    devices: BTreeMap<DeviceId, Device>,
    groups: BTreeMap<GroupId, Group>,
    claims: HashMap<ClaimId, Vec<u8>>,
    tickets: HashMap<Vec<u8>, Ticket>,
    done: HashMap<IdempotencyId, SessionTokens>,
    tokens: HashMap<String, DeviceId>,
    connections: BTreeMap<u64, Connection>,
    /// Blobs that their uploader took back.
    pub(crate) deleted_blobs: Vec<String>,
    misnamed: Option<(AccountId, AccountId)>,
    /// Deleted accounts and the handles that they had.
    gone: BTreeMap<AccountId, Handle>,
    /// This relay helps whoever holds the keys of a removed device: it serves it as if nothing were.
    pub(crate) delivers_to_revoked: bool,
}

#[derive(Clone)]
enum Ticket {
    Registration(Handle),
    Login(AccountId, Box<ServerLogin<OpaqueSuite>>),
    Enrolment(AccountId),
    /// With the tries that are left.
    Factor(AccountId, u32),
    Nonce(DeviceId),
}

fn problem(code: ErrorCode) -> Problem {
    Problem::new(code, Facts::default())
}

fn json<T: serde::Serialize>(answer: &T) -> Answer {
    Ok(serde_json::to_vec(answer).unwrap())
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| problem(ErrorCode::Malformed))
}

fn cbor<T: for<'b> minicbor::Decode<'b, ()>>(body: &[u8]) -> Result<T, Problem> {
    from_bytes(body).map_err(|_| problem(ErrorCode::Malformed))
}

fn bytes<const MAX: usize>(bytes: &[u8]) -> Bytes<MAX> {
    Bytes::new(bytes).unwrap()
}

fn list<T, const MAX: usize>(items: Vec<T>) -> List<T, MAX> {
    List::new(items).ok().unwrap()
}

fn collection(name: &str) -> Collection {
    name.parse().unwrap()
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn verifies(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).unwrap();
    key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

impl Relay {
    pub(crate) fn new(now: UnixMillis) -> Self {
        Self::with_setup(now, 7)
    }

    /// A relay whose OPAQUE set-up comes of this seed.
    pub(crate) fn with_setup(now: UnixMillis, seed: u64) -> Self {
        Self {
            setup: ServerSetup::new(&mut rng(seed)),
            now,
            next: 1,
            accounts: BTreeMap::new(),
            devices: BTreeMap::new(),
            groups: BTreeMap::new(),
            claims: HashMap::new(),
            tickets: HashMap::new(),
            done: HashMap::new(),
            tokens: HashMap::new(),
            connections: BTreeMap::new(),
            deleted_blobs: Vec::new(),
            misnamed: None,
            gone: BTreeMap::new(),
            delivers_to_revoked: false,
        }
    }

    pub(crate) fn setup(&self) -> &ServerSetup<OpaqueSuite> {
        &self.setup
    }

    /// What this relay says to whoever opens the account.
    pub(crate) fn opening_of(&self, handle: &str) -> OpenedAccount {
        let answer = self.opened_with(self.account_of(handle).unwrap(), bytes(&[1; 32])).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    /// From now on this older list is the account's.
    pub(crate) fn roll_back_list(&mut self, handle: &str, list: &[u8]) {
        let account = self.account_of(handle).unwrap();
        self.accounts.get_mut(&account).unwrap().device_list = list.to_vec();
    }

    /// What is told of a group to whoever joins from outside.
    pub(crate) fn group_info(&self, group: GroupId) -> Vec<u8> {
        self.groups[&group].info.2.clone()
    }

    /// The group's log, as the relay keeps it.
    pub(crate) fn log(&self, group: GroupId) -> Vec<Entry> {
        self.groups[&group].log.clone()
    }

    /// Whether a group came to be.
    pub(crate) fn knows(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    pub(crate) fn set_now(&mut self, now: UnixMillis) {
        self.now = now;
    }

    fn id(&mut self) -> [u8; 16] {
        self.next += 1;
        let mut id = [0xee; 16];
        id[..8].copy_from_slice(&self.next.to_be_bytes());
        id
    }

    fn ticket<const MAX: usize>(&mut self, ticket: Ticket) -> Bytes<MAX> {
        let key = self.id().to_vec();
        self.tickets.insert(key.clone(), ticket);
        bytes(&key)
    }

    /// One request; `token` as the host holds it.
    pub(crate) fn request(&mut self, request: &Request, token: Option<&str>) -> (u16, Vec<u8>) {
        let body = request.body.as_ref().map(|(_, body)| body.to_vec()).unwrap_or_default();
        let device = token.and_then(|token| self.tokens.get(token)).copied();
        match self.route(request.method, &request.path, device, &body) {
            Ok(answer) => (200, answer),
            Err(problem) => (problem.status, serde_json::to_vec(&problem).unwrap()),
        }
    }

    fn route(&mut self, method: Method, path: &str, device: Option<DeviceId>, body: &[u8]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        if let Some(answer) = self.open_route(method, &parts, body) {
            return answer;
        }
        let device = device.ok_or_else(|| problem(ErrorCode::Unauthenticated))?;
        let account = self.devices[&device].account;
        if self.gone.contains_key(&account) {
            return Err(problem(ErrorCode::AccountDeleted));
        }
        if self.shuts_out(device) {
            return Err(problem(ErrorCode::DeviceRevoked));
        }
        match (method, parts.as_slice()) {
            (Method::Delete, ["sessions", "current"]) => self.log_out(device),
            (Method::Post, ["accounts", "me", "deletion"]) => self.delete_account(account, &parse(body)?),
            (Method::Get, ["devices"]) => self.own_devices(account),
            (Method::Post, ["devices", "revocations"]) => {
                let request: RevokeDevices = parse(body)?;
                self.check_ticket(account, &request.enrolment_ticket)?;
                for device in request.devices.iter() {
                    self.revoke(*device);
                }
                Ok(Vec::new())
            }
            (Method::Post, ["devices", "removals"]) => self.remove_devices(account, cbor(body)?),
            (Method::Get, ["accounts", "by-handle", handle]) => self.by_handle(handle),
            (Method::Get, ["accounts", id]) => self.directory(id.parse().unwrap()),
            (Method::Get, ["audit"]) => json(&AuditPage {
                start: AuditPlace::START,
                cut: None,
                rows: List::default(),
                head: AuditPlace::START,
            }),
            (Method::Get, ["key-packages", "count"]) => self.count(device),
            (Method::Post, ["key-packages"]) => self.publish(device, cbor(body)?),
            (Method::Post, ["key-packages", "claim"]) => self.claim(device, &cbor(body)?),
            (Method::Get, ["records"]) => Ok(self.changes(account, query)),
            (Method::Put, ["records"]) => Ok(self.put_records(account, device, cbor(body)?)),
            (Method::Get, ["groups"]) => self.list_groups(account, device, query),
            (Method::Post, ["groups"]) => self.create_group(device, cbor(body)?),
            (Method::Get, ["groups", id, "info"]) => self.info(account, id.parse().unwrap()),
            (Method::Get, ["groups", id, "entries"]) => self.entries(device, id.parse().unwrap(), query),
            (Method::Post, ["groups", _, "commits"]) => self.commit(device, cbor(body)?),
            (Method::Post, ["groups", _, "messages"]) => {
                self.post(device, cbor(body)?).map(|posted| to_bytes(&posted))
            }
            (Method::Get, ["welcomes"]) => self.welcomes(device),
            (Method::Delete, ["blobs", id]) => {
                self.deleted_blobs.push((*id).to_owned());
                Ok(Vec::new())
            }
            (Method::Delete, ["welcomes", id]) => self.take_welcome(device, id.parse().unwrap()),
            _ => Err(problem(ErrorCode::NotFound)),
        }
    }

    fn open_route(&mut self, method: Method, parts: &[&str], body: &[u8]) -> Option<Answer> {
        Some(match (method, parts) {
            (Method::Get, ["relay"]) => json(&RelayInfo {
                relay_id: RelayId::from_bytes([7; 16]),
                version: "0".into(),
                protocol_version: 1,
                blob_bytes_max: 1,
                message_ttl_seconds: 1,
                registration: RegistrationMode::Open,
            }),
            (Method::Get, ["accounts", "available", handle]) => {
                let available = self.account_of(handle).is_none();
                json(&HandleAvailability { available })
            }
            (Method::Post, ["accounts", "register", "start"]) => {
                parse(body).and_then(|body| self.register_start(body))
            }
            (Method::Post, ["accounts", "register", "finish"]) => {
                cbor(body).and_then(|body| self.register(body))
            }
            (Method::Post, ["sessions", "login", "start"]) => {
                parse(body).and_then(|body| self.login_start(&body))
            }
            (Method::Post, ["sessions", "login", "finish"]) => {
                parse(body).and_then(|body| self.login_finish(&body))
            }
            (Method::Post, ["sessions", "recovery"]) => parse(body).and_then(|body| self.recovery(&body)),
            (Method::Post, ["sessions", "factor"]) => parse(body).and_then(|body| self.show_factor(&body)),
            (Method::Post, ["sessions", "enrolment"]) => {
                parse::<EnrolmentState>(body).and_then(|state| self.reopen(&state.enrolment_ticket))
            }
            (Method::Post, ["sessions", "password", "start"]) => {
                parse(body).and_then(|body| self.password_start(&body))
            }
            (Method::Post, ["sessions", "refresh"]) => parse(body).and_then(|body| self.refresh(&body)),
            (Method::Post, ["sessions", "device", "challenge"]) => {
                parse::<DeviceChallenge>(body).and_then(|challenge| {
                    let ticket: Bytes<32> = self.ticket(Ticket::Nonce(challenge.device_id));
                    let mut nonce = [0; 32];
                    nonce[..16].copy_from_slice(&ticket);
                    json(&DeviceNonce { nonce: Exactly(nonce) })
                })
            }
            (Method::Post, ["sessions", "device"]) => parse(body).and_then(|body| self.device_login(&body)),
            (Method::Post, ["devices"]) => cbor(body).and_then(|body| self.enrol(body)),
            _ => return None,
        })
    }

    // ---- accounts and sessions

    fn account_of(&self, handle: &str) -> Option<AccountId> {
        self.accounts.iter().find(|(_, account)| account.handle.as_str() == handle).map(|(id, _)| *id)
    }

    fn register_start(&mut self, start: RegisterStart) -> Answer {
        if self.account_of(start.handle.as_str()).is_some() {
            return Err(problem(ErrorCode::HandleTaken));
        }
        let request = RegistrationRequest::deserialize(&start.registration_request).unwrap();
        let response = ServerRegistration::<OpaqueSuite>::start(&self.setup, request, b"credential").unwrap();
        let ticket = self.ticket(Ticket::Registration(start.handle));
        json(&RegisterStarted { ticket, registration_response: bytes(&response.message.serialize()) })
    }

    fn register(&mut self, finish: RegisterFinish) -> Answer {
        if let Some(done) = self.done.get(&finish.idempotency_id) {
            return json(done);
        }
        let Some(Ticket::Registration(handle)) = self.tickets.get(finish.ticket.as_ref() as &[u8]).cloned()
        else {
            return Err(problem(ErrorCode::TicketInvalid));
        };
        if self.account_of(handle.as_str()).is_some() {
            return Err(problem(ErrorCode::HandleTaken));
        }
        let upload = RegistrationUpload::deserialize(&finish.registration_upload).unwrap();
        let account = Account {
            handle,
            password_file: ServerRegistration::finish(upload),
            recovery_auth_hash: finish.recovery_auth_hash.0,
            wraps: finish.wraps.into_vec(),
            device_list: finish.device_list.to_vec(),
            vault_record: finish.vault.record_id,
            records: BTreeMap::from([(
                (collection("vault"), finish.vault.record_id),
                StoredRecord { version: 1, change: 1, ciphertext: finish.vault.ciphertext.to_vec() },
            )]),
            head: 1,
            revocations: Vec::new(),
            code: None,
        };
        self.accounts.insert(finish.account_id, account);
        let tokens = self.add_device(finish.account_id, finish.device);
        self.done.insert(finish.idempotency_id, tokens.clone());
        json(&tokens)
    }

    fn add_device(&mut self, account: AccountId, device: NewDevice) -> SessionTokens {
        let certificate = Certificate::decode(&device.certificate).unwrap();
        let row = Device {
            account,
            auth_key: *certificate.body.device_auth_key.as_bytes(),
            revoked: false,
            key_packages: device.key_packages.into_vec().into(),
            last_resort: device.last_resort,
            welcomes: Vec::new(),
        };
        self.devices.insert(device.device_id, row);
        self.tokens(account, device.device_id)
    }

    fn tokens(&mut self, account_id: AccountId, device_id: DeviceId) -> SessionTokens {
        let token = format!("token-{}", self.next);
        let session_id = SessionId::from_bytes(self.id());
        self.tokens.insert(token.clone(), device_id);
        let mut refresh = [0; 32];
        refresh[..16].copy_from_slice(device_id.as_bytes());
        SessionTokens {
            account_id,
            device_id,
            session_id,
            access_token: AccessToken(token),
            access_expires_at: self.now.plus_seconds(600),
            refresh_token: Some(Exactly(refresh)),
        }
    }

    fn login_start(&mut self, start: &LoginStart) -> Answer {
        let account = self.account_of(start.handle.as_str());
        let file = account.map(|account| self.accounts[&account].password_file.clone());
        let request = CredentialRequest::deserialize(&start.credential_request).unwrap();
        let login =
            ServerLogin::start(&mut rng(7), &self.setup, file, request, b"credential", opaque_parameters())
                .unwrap();
        let account = account.unwrap_or(AccountId::from_bytes([0; 16]));
        let ticket = self.ticket(Ticket::Login(account, Box::new(login.state)));
        json(&LoginStarted { ticket, credential_response: bytes(&login.message.serialize()) })
    }

    fn login_finish(&mut self, finish: &LoginFinish) -> Answer {
        let Some(Ticket::Login(account, state)) = self.tickets.remove(finish.ticket.as_ref() as &[u8]) else {
            return Err(problem(ErrorCode::TicketInvalid));
        };
        let finalization = CredentialFinalization::deserialize(&finish.credential_finalization).unwrap();
        state.finish(finalization, opaque_parameters()).map_err(|_| problem(ErrorCode::WrongCredentials))?;
        self.opened(account)
    }

    fn recovery(&mut self, login: &RecoveryLogin) -> Answer {
        let account =
            self.account_of(login.handle.as_str()).ok_or_else(|| problem(ErrorCode::WrongCredentials))?;
        if self.accounts[&account].recovery_auth_hash != hash(&login.recovery_auth.0) {
            return Err(problem(ErrorCode::WrongCredentials));
        }
        self.opened(account)
    }

    fn show_factor(&mut self, shown: &ShowFactor) -> Answer {
        let Some(Ticket::Factor(account, left)) = self.tickets.get_mut(shown.factor_ticket.as_ref() as &[u8])
        else {
            return Err(problem(ErrorCode::TicketInvalid));
        };
        let account = *account;
        *left = left.checked_sub(1).ok_or_else(|| problem(ErrorCode::TriesExhausted))?;
        let (Factor::Totp { code } | Factor::Email { code } | Factor::RecoveryCode { code }) = &shown.factor;
        if self.accounts[&account].code != Some(code.as_str()) {
            return Err(problem(ErrorCode::FactorWrong));
        }
        self.tickets.remove(shown.factor_ticket.as_ref() as &[u8]);
        let enrolment_ticket = self.ticket(Ticket::Enrolment(account));
        self.opened_with(account, enrolment_ticket)
    }

    fn opened(&mut self, account: AccountId) -> Answer {
        if self.accounts[&account].code.is_some() {
            let factor_required = PendingFactor {
                factor_ticket: self.ticket(Ticket::Factor(account, 5)),
                factors: list(vec![FactorKind::Totp]),
                expires_at: self.now.plus_seconds(300),
            };
            return json(&Opening::FactorRequired { factor_required });
        }
        let enrolment_ticket = self.ticket(Ticket::Enrolment(account));
        self.opened_with(account, enrolment_ticket)
    }

    fn reopen(&self, ticket: &protocol::accounts::Ticket) -> Answer {
        match self.tickets.get(ticket.as_ref() as &[u8]) {
            Some(Ticket::Enrolment(account)) => self.opened_with(*account, ticket.clone()),
            _ => Err(problem(ErrorCode::TicketInvalid)),
        }
    }

    fn opened_with(&self, account: AccountId, enrolment_ticket: protocol::accounts::Ticket) -> Answer {
        let row = &self.accounts[&account];
        let listed = DeviceList::decode(&row.device_list).unwrap();
        let revoked =
            listed.body.live().map(|entry| entry.device).filter(|device| self.devices[device].revoked);
        let vault = &row.records[&(collection("vault"), row.vault_record)];
        json(&OpenedAccount {
            account_id: account,
            handle: row.handle.clone(),
            enrolment_ticket,
            wraps: list(row.wraps.clone()),
            device_list: bytes(&row.device_list),
            revoked_devices: list(revoked.collect()),
            vault: StoredVault {
                record_id: row.vault_record,
                version: vault.version,
                ciphertext: bytes(&vault.ciphertext),
            },
        })
    }

    fn password_start(&self, start: &PasswordStart) -> Answer {
        if !self.tickets.contains_key(start.enrolment_ticket.as_ref() as &[u8]) {
            return Err(problem(ErrorCode::TicketInvalid));
        }
        let request = RegistrationRequest::deserialize(&start.registration_request).unwrap();
        let response = ServerRegistration::<OpaqueSuite>::start(&self.setup, request, b"credential").unwrap();
        let ticket = start.enrolment_ticket.clone();
        json(&RegisterStarted { ticket, registration_response: bytes(&response.message.serialize()) })
    }

    fn enrol(&mut self, enrol: EnrolDevice) -> Answer {
        if let Some(done) = self.done.get(&enrol.idempotency_id) {
            return json(done);
        }
        let Some(Ticket::Enrolment(account)) =
            self.tickets.get(enrol.enrolment_ticket.as_ref() as &[u8]).cloned()
        else {
            return Err(problem(ErrorCode::TicketInvalid));
        };
        let row = self.accounts.get_mut(&account).unwrap();
        let (known, next) =
            (DeviceList::decode(&row.device_list).unwrap(), DeviceList::decode(&enrol.device_list).unwrap());
        if next.body.version != known.body.version + 1 {
            return Err(problem(ErrorCode::VersionConflict));
        }
        row.device_list = enrol.device_list.to_vec();
        row.revocations.splice(0..0, enrol.revocations.into_vec());
        if let Some(new_password) = enrol.new_password {
            let upload = RegistrationUpload::deserialize(&new_password.registration_upload).unwrap();
            row.password_file = ServerRegistration::finish(upload);
            for wrap in new_password.wraps.into_vec() {
                row.wraps.retain(|old| (old.kind, old.generation) != (wrap.kind, wrap.generation));
                row.wraps.push(wrap);
            }
        }
        let tokens = self.add_device(account, enrol.device);
        self.done.insert(enrol.idempotency_id, tokens.clone());
        self.tell_list_changed(account, next.body.version);
        json(&tokens)
    }

    fn tell_list_changed(&mut self, account: AccountId, version: u64) {
        let frame = to_bytes(&RelayFrame::DeviceListChanged { account_id: account, version });
        for connection in self.connections.values_mut().filter(|connection| connection.ready) {
            connection.waiting.push_back(frame.clone());
        }
    }

    fn refresh(&mut self, refresh: &Refresh) -> Answer {
        let token = refresh.refresh_token.ok_or_else(|| problem(ErrorCode::Unauthenticated))?;
        let device = DeviceId::try_from(&token.0[..16]).unwrap();
        match self.devices.get(&device) {
            Some(row) if !self.shuts_out(device) && !self.gone.contains_key(&row.account) => {
                let account = row.account;
                json(&self.tokens(account, device))
            }
            _ => Err(problem(ErrorCode::Unauthenticated)),
        }
    }

    fn device_login(&mut self, login: &DeviceLogin) -> Answer {
        let refused = || problem(ErrorCode::WrongCredentials);
        let Some(Ticket::Nonce(device)) = self.tickets.remove(&login.nonce.0[..16]) else {
            return Err(problem(ErrorCode::TicketInvalid));
        };
        let row = self.devices.get(&device).ok_or_else(refused)?;
        if self.gone.contains_key(&row.account) {
            return Err(problem(ErrorCode::AccountDeleted));
        }
        if self.shuts_out(device) {
            return Err(problem(ErrorCode::DeviceRevoked));
        }
        let message = signed::login(RelayId::from_bytes([7; 16]), login.account_id, device, &login.nonce.0);
        if !verifies(&row.auth_key, &message, &login.signature.0) {
            return Err(refused());
        }
        json(&self.tokens(login.account_id, device))
    }

    fn log_out(&mut self, device: DeviceId) -> Answer {
        self.revoke(device);
        Ok(Vec::new())
    }

    // ---- removals

    fn revoke(&mut self, device: DeviceId) {
        self.devices.get_mut(&device).unwrap().revoked = true;
        if !self.delivers_to_revoked {
            self.connections.retain(|_, connection| connection.device != Some(device));
        }
    }

    fn shuts_out(&self, device: DeviceId) -> bool {
        self.devices[&device].revoked && !self.delivers_to_revoked
    }

    fn check_ticket(&self, account: AccountId, ticket: &protocol::accounts::Ticket) -> Result<(), Problem> {
        match self.tickets.get(ticket.as_ref() as &[u8]) {
            Some(Ticket::Enrolment(of)) if *of == account => Ok(()),
            _ => Err(problem(ErrorCode::TicketInvalid)),
        }
    }

    fn own_devices(&self, account: AccountId) -> Answer {
        let mine = self.devices.iter().filter(|(_, device)| device.account == account);
        let status = |(id, device): (&DeviceId, &Device)| DeviceStatus {
            device_id: *id,
            created_at: self.now,
            last_seen_at: self.now,
            revoked_at: device.revoked.then_some(self.now),
        };
        json(&OwnDevices {
            device_list: bytes(&self.accounts[&account].device_list),
            devices: list(mine.map(status).collect()),
        })
    }

    fn remove_devices(&mut self, account: AccountId, remove: RemoveDevices) -> Answer {
        let row = &self.accounts[&account];
        let known = DeviceList::decode(&row.device_list).unwrap();
        if row.device_list == remove.device_list.to_vec() {
            return Ok(to_bytes(&DevicesRemoved { version: known.body.version }));
        }
        self.check_ticket(account, &remove.enrolment_ticket)?;
        let next = DeviceList::decode(&remove.device_list).unwrap();
        if next.body.version != known.body.version + 1 {
            return Err(problem(ErrorCode::VersionConflict));
        }
        let row = self.accounts.get_mut(&account).unwrap();
        row.device_list = remove.device_list.to_vec();
        row.wraps.push(remove.root_wrap);
        row.revocations.splice(0..0, remove.revocations.into_vec());
        self.tickets.remove(remove.enrolment_ticket.as_ref() as &[u8]);
        for entry in next.body.entries.iter().filter(|entry| !entry.is_live()) {
            self.revoke(entry.device);
        }
        self.tell_list_changed(account, next.body.version);
        Ok(to_bytes(&DevicesRemoved { version: next.body.version }))
    }

    fn by_handle(&self, handle: &str) -> Answer {
        if self.gone.values().any(|gone| gone.as_str() == handle) {
            return Err(problem(ErrorCode::AccountGone));
        }
        self.directory(self.account_of(handle).ok_or_else(|| problem(ErrorCode::NotFound))?)
    }

    fn directory(&self, account: AccountId) -> Answer {
        if self.gone.contains_key(&account) {
            return Err(problem(ErrorCode::AccountGone));
        }
        let row = self.accounts.get(&account).ok_or_else(|| problem(ErrorCode::NotFound))?;
        json(&DirectoryEntry {
            account_id: account,
            handle: row.handle.clone(),
            device_list: bytes(&row.device_list),
            revocations: list(row.revocations.clone()),
        })
    }

    // ---- key packages and records

    fn count(&self, device: DeviceId) -> Answer {
        Ok(to_bytes(&KeyPackageCount { available: self.devices[&device].key_packages.len() as u64 }))
    }

    fn publish(&mut self, device: DeviceId, publish: PublishKeyPackages) -> Answer {
        let row = self.devices.get_mut(&device).unwrap();
        row.key_packages.extend(publish.key_packages.into_vec());
        if let Some(last_resort) = publish.last_resort {
            row.last_resort = last_resort;
        }
        self.count(device)
    }

    fn list_version(&self, account: AccountId) -> u64 {
        DeviceList::decode(&self.accounts[&account].device_list).unwrap().body.version
    }

    fn claim(&mut self, caller: DeviceId, claim: &ClaimKeyPackages) -> Answer {
        if let Some(again) = self.claims.get(&claim.claim_id) {
            return Ok(again.clone());
        }
        let account = self.accounts.get(&claim.account_id).ok_or_else(|| problem(ErrorCode::NotFound))?;
        let device_list = bytes(&account.device_list);
        let live = |(id, device): &(&DeviceId, &mut Device)| {
            **id != caller && device.account == claim.account_id && !device.revoked
        };
        let claimed = self.devices.iter_mut().filter(live).map(|(id, device)| {
            let one_use = device.key_packages.pop_front();
            let last_resort = one_use.is_none();
            let key_package = one_use.unwrap_or_else(|| device.last_resort.clone());
            ClaimedKeyPackage { device_id: *id, key_package, last_resort }
        });
        let answer = to_bytes(&ClaimedKeyPackages { device_list, key_packages: list(claimed.collect()) });
        self.claims.insert(claim.claim_id, answer.clone());
        Ok(answer)
    }

    /// Small pages, so that a handful of records is read in several.
    fn changes(&self, account: AccountId, query: &str) -> Vec<u8> {
        let after: u64 = query.strip_prefix("after=").unwrap().parse().unwrap();
        let row = &self.accounts[&account];
        let mut changes: Vec<Change> = row
            .records
            .iter()
            .filter(|(_, record)| record.change > after)
            .map(|((collection, record_id), record)| Change {
                change: record.change,
                collection: collection.clone(),
                record_id: *record_id,
                version: record.version,
                kind: ChangeKind::Written,
                ciphertext: bytes(&record.ciphertext),
            })
            .collect();
        changes.sort_by_key(|change| change.change);
        let cut = changes.len() > PAGE_CHANGES;
        changes.truncate(PAGE_CHANGES);
        let upto = if cut { changes.last().unwrap().change } else { row.head };
        to_bytes(&ChangesPage { changes: list(changes), upto, head: row.head })
    }

    fn put_records(&mut self, account: AccountId, device: DeviceId, put: PutRecords) -> Vec<u8> {
        let row = self.accounts.get_mut(&account).unwrap();
        let (mut outcomes, mut last) = (Vec::new(), None);
        for RecordWrite { collection, record_id, expected_version, ciphertext } in put.writes.into_vec() {
            let key = (collection.clone(), record_id);
            let stored = row.records.get(&key).map_or(0, |record| record.version);
            if stored != expected_version {
                outcomes.push(WriteOutcome::Conflict { version: stored });
                continue;
            }
            let (version, change) = (stored + 1, row.head + 1);
            row.head = change;
            row.records.insert(key, StoredRecord { version, change, ciphertext: ciphertext.into_vec() });
            outcomes.push(WriteOutcome::Stored { version, change });
            last = Some(RelayFrame::RecordChanged { collection, record_id, version, change });
        }
        let frame = last.map(|frame| to_bytes(&frame));
        let of_account = |device: DeviceId| self.devices[&device].account == account;
        // As the real one does: from the token on, hello or not, so that a feed that is read after it misses nothing.
        for connection in self.connections.values_mut() {
            if connection.device.is_some_and(|other| other != device && of_account(other)) {
                connection.waiting.extend(frame.clone());
            }
        }
        to_bytes(&RecordsPut { outcomes: list(outcomes) })
    }

    // ---- groups

    fn list_groups(&self, account: AccountId, device: DeviceId, query: &str) -> Answer {
        let after: Option<GroupId> = query.strip_prefix("after=").map(|id| id.parse().unwrap());
        let mine = self.groups.iter().filter(|(id, group)| {
            !group.closed && group.accounts.contains(&account) && after.is_none_or(|after| **id > after)
        });
        let summary = |(id, group): (&GroupId, &Group)| GroupSummary {
            group_id: *id,
            kind: GroupKind::Direct,
            epoch: group.epoch,
            head: group.log.len() as u64,
            accounts: list(group.accounts.iter().map(|account| self.name_of(*account)).collect()),
            acknowledged: group
                .leaves
                .get(&device)
                .map(|joined| *group.cursors.get(&device).unwrap_or(joined)),
            device_lists: list(group.accounts.iter().map(|account| self.list_version(*account)).collect()),
        };
        Ok(to_bytes(&GroupsPage { groups: list(mine.map(summary).take(256).collect()) }))
    }

    fn name_of(&self, account: AccountId) -> AccountId {
        self.misnamed.filter(|(member, _)| *member == account).map_or(account, |(_, named)| named)
    }

    fn create_group(&mut self, device: DeviceId, create: CreateGroup) -> Answer {
        let account = self.devices[&device].account;
        let id = create.bundle.group_id;
        if let Some(posted) = self.groups.get(&id).and_then(|group| again(group, device, &create.bundle)) {
            return posted.map(|posted| to_bytes(&posted));
        }
        let pair: BTreeSet<AccountId> = [Some(account), create.peer].into_iter().flatten().collect();
        if let Some((live, _)) = self.groups.iter().find(|(_, group)| group.peers.as_ref() == Some(&pair)) {
            return Err(Problem::new(
                ErrorCode::GroupExists,
                Facts { group_id: Some(*live), ..Facts::default() },
            ));
        }
        self.groups.insert(id, Group { peers: Some(pair), ..Group::default() });
        let posted = self.append_commit(device, create.bundle)?;
        Ok(to_bytes(&posted))
    }

    fn commit(&mut self, device: DeviceId, bundle: CommitBundle) -> Answer {
        let group = self.groups.get(&bundle.group_id).ok_or_else(|| problem(ErrorCode::NotFound))?;
        if !group.accounts.contains(&self.devices[&device].account) {
            return Err(problem(ErrorCode::NotFound));
        }
        if let Some(posted) = again(group, device, &bundle) {
            return posted.map(|posted| to_bytes(&posted));
        }
        if group.closed {
            return Err(problem(ErrorCode::AccountGone));
        }
        if bundle.epoch != group.epoch {
            return Err(stale(group));
        }
        self.append_commit(device, bundle).map(|posted| to_bytes(&posted))
    }

    /// Who committed to the group, in order.
    pub(crate) fn committers(&self, group: GroupId) -> Vec<DeviceId> {
        let commits = self.groups[&group].log.iter().filter_map(|entry| entry.commit.as_ref());
        commits.map(|commit| commit.device_id).collect()
    }

    fn append_commit(&mut self, device: DeviceId, bundle: CommitBundle) -> Result<Posted, Problem> {
        let account = self.devices[&device].account;
        let message = signed::commit(
            bundle.group_id,
            bundle.epoch,
            bundle.message_id,
            &hash(&bundle.commit),
            &hash(&bundle.deltas),
        );
        if !verifies(&self.devices[&device].auth_key, &message, &bundle.signature.0) {
            return Err(problem(ErrorCode::SignatureInvalid));
        }
        let deltas = Deltas::decode(&bundle.deltas).map_err(|_| problem(ErrorCode::DeltasRefused))?;
        let group = self.groups.get_mut(&bundle.group_id).unwrap();
        let seq = group.log.len() as u64 + 1;
        for (_, removed) in &deltas.removed {
            group.leaves.remove(removed);
        }
        for (added_account, added) in &deltas.added {
            group.accounts.insert(*added_account);
            group.leaves.insert(*added, seq);
            group.cursors.insert(*added, seq);
        }
        group.epoch = bundle.epoch + 1;
        group.info = (group.epoch, seq, bundle.group_info.to_vec());
        group.doubles.insert((device, bundle.message_id), (hash(&bundle.commit), seq));
        let commit = CommitEnvelope {
            account_id: account,
            device_id: device,
            message_id: bundle.message_id,
            deltas: bundle.deltas,
            signature: bundle.signature,
        };
        group.log.push(Entry {
            seq,
            kind: bundle.kind,
            epoch: bundle.epoch,
            received_at: self.now,
            content: bundle.commit,
            commit: Some(commit),
        });
        if let Some(welcome) = bundle.welcome {
            for invited in bundle.welcome_devices.iter() {
                self.put_welcome(*invited, bundle.group_id, seq, &welcome);
            }
        }
        self.deliver_live(bundle.group_id);
        Ok(Posted { message_id: bundle.message_id, group_id: bundle.group_id, seq, received_at: self.now })
    }

    /// Everything of the account goes; who shares a group with it is told.
    fn delete_account(&mut self, account: AccountId, deletion: &DeleteAccount) -> Answer {
        let opened = self.tickets.get(deletion.enrolment_ticket.as_ref() as &[u8]);
        if !matches!(opened, Some(Ticket::Enrolment(opened)) if *opened == account) {
            return Err(problem(ErrorCode::TicketInvalid));
        }
        assert_eq!(self.accounts[&account].handle, deletion.handle);
        self.accounts.remove(&account);
        self.gone.insert(account, deletion.handle.clone());
        let devices: BTreeSet<DeviceId> =
            self.devices.iter().filter(|(_, row)| row.account == account).map(|(id, _)| *id).collect();
        self.connections.retain(|_, connection| !connection.device.is_some_and(|id| devices.contains(&id)));
        for (&group_id, group) in
            self.groups.iter_mut().filter(|(_, group)| group.accounts.contains(&account))
        {
            group.closed = true;
            group.peers = None;
            group.accounts.remove(&account);
            group.leaves.retain(|device, _| !devices.contains(device));
            for connection in self.connections.values_mut() {
                if connection.device.is_some_and(|device| group.leaves.contains_key(&device)) {
                    connection.waiting.push_back(to_bytes(&RelayFrame::GroupClosed { group_id }));
                }
            }
        }
        Ok(Vec::new())
    }

    /// A group that somebody whom no story plays has made, and into which its first commit brought this device. It is on
    /// no account's list: only the welcome leads there.
    pub(crate) fn invite(
        &mut self,
        invited: DeviceId,
        group_id: GroupId,
        welcome: &Bytes<WELCOME_BYTES_MAX>,
    ) {
        let first = Entry {
            seq: 1,
            kind: EntryKind::Commit,
            epoch: 0,
            received_at: self.now,
            content: Bytes::default(),
            commit: None,
        };
        let leaves = BTreeMap::from([(invited, 1)]);
        let group = Group { leaves, log: vec![first], epoch: 1, ..Group::default() };
        self.groups.insert(group_id, group);
        self.put_welcome(invited, group_id, 1, welcome);
    }

    fn put_welcome(
        &mut self,
        invited: DeviceId,
        group_id: GroupId,
        seq: u64,
        welcome: &Bytes<WELCOME_BYTES_MAX>,
    ) {
        let welcome_id = WelcomeId::from_bytes(self.id());
        let stored = StoredWelcome { welcome_id, group_id, seq, welcome: welcome.clone() };
        // A device of the relay's own invention has no inbox.
        let Some(device) = self.devices.get_mut(&invited) else { return };
        device.welcomes.push(stored);
        let frame = to_bytes(&RelayFrame::WelcomeWaiting { welcome_id, group_id });
        for connection in self.connections.values_mut() {
            if connection.ready && connection.device == Some(invited) {
                connection.waiting.push_back(frame.clone());
            }
        }
    }

    pub(crate) fn device_list(&self, account: AccountId) -> DeviceListBody {
        DeviceList::decode(&self.accounts[&account].device_list).unwrap().body
    }

    pub(crate) fn claim_one(&mut self, device: DeviceId) -> KeyPackageBytes {
        self.devices.get_mut(&device).unwrap().key_packages.pop_front().unwrap()
    }

    /// Somebody used up all key packages of a device but the last-resort one, which is given.
    pub(crate) fn use_up(&mut self, device: DeviceId) -> KeyPackageBytes {
        let row = self.devices.get_mut(&device).unwrap();
        row.key_packages.clear();
        row.last_resort.clone()
    }

    pub(crate) fn last_resort(&self, device: DeviceId) -> KeyPackageBytes {
        self.devices[&device].last_resort.clone()
    }

    /// From now on lists of groups name `named` where `member` stands.
    pub(crate) fn misname(&mut self, member: AccountId, named: AccountId) {
        self.misnamed = Some((member, named));
    }

    fn post(&mut self, device: DeviceId, post: PostMessage) -> Result<Posted, Problem> {
        let group = self.groups.get_mut(&post.group_id).ok_or_else(|| problem(ErrorCode::NotFound))?;
        let posted = |seq, received_at| Posted {
            message_id: post.message_id,
            group_id: post.group_id,
            seq,
            received_at,
        };
        if let Some((stored, seq)) = group.doubles.get(&(device, post.message_id)) {
            if *stored == hash(&post.ciphertext) {
                return Ok(posted(*seq, self.now));
            }
            return Err(Problem::new(
                ErrorCode::MessageConflict,
                Facts { seq: Some(*seq), ..Facts::default() },
            ));
        }
        if !group.leaves.contains_key(&device) {
            return Err(problem(ErrorCode::NotFound));
        }
        if group.closed {
            return Err(problem(ErrorCode::AccountGone));
        }
        if post.epoch != group.epoch {
            return Err(stale(group));
        }
        let seq = group.log.len() as u64 + 1;
        group.doubles.insert((device, post.message_id), (hash(&post.ciphertext), seq));
        group.log.push(Entry {
            seq,
            kind: EntryKind::Message,
            epoch: post.epoch,
            received_at: self.now,
            content: bytes(&post.ciphertext),
            commit: None,
        });
        let posted = posted(seq, self.now);
        self.deliver_live(post.group_id);
        Ok(posted)
    }

    fn info(&self, account: AccountId, id: GroupId) -> Answer {
        let group = self.groups.get(&id).filter(|group| group.accounts.contains(&account));
        let (epoch, seq, info) = &group.ok_or_else(|| problem(ErrorCode::NotFound))?.info;
        Ok(to_bytes(&StoredGroupInfo { epoch: *epoch, seq: *seq, group_info: bytes(info) }))
    }

    fn entries(&self, device: DeviceId, id: GroupId, query: &str) -> Answer {
        let group = self.groups.get(&id).filter(|group| group.leaves.contains_key(&device));
        let group = group.ok_or_else(|| problem(ErrorCode::NotFound))?;
        let after: u64 = query.strip_prefix("after=").unwrap().parse().unwrap();
        let after = after.max(group.leaves[&device]);
        let entries =
            group.log.iter().filter(|entry| entry.seq > after).take(ENTRIES_PAGE_MAX).cloned().collect();
        Ok(to_bytes(&EntriesPage { entries: list(entries), head: group.log.len() as u64, gap: None }))
    }

    fn welcomes(&self, device: DeviceId) -> Answer {
        let welcomes = self.devices[&device].welcomes.iter().take(16).cloned().collect();
        Ok(to_bytes(&WelcomesPage { welcomes: list(welcomes) }))
    }

    fn take_welcome(&mut self, device: DeviceId, id: WelcomeId) -> Answer {
        self.devices.get_mut(&device).unwrap().welcomes.retain(|welcome| welcome.welcome_id != id);
        Ok(Vec::new())
    }

    // ---- the socket

    pub(crate) fn open(&mut self) -> u64 {
        self.next += 1;
        self.connections.insert(self.next, Connection::default());
        self.next
    }

    pub(crate) fn close(&mut self, connection: u64) {
        self.connections.remove(&connection);
    }

    pub(crate) fn is_open(&self, connection: u64) -> bool {
        self.connections.contains_key(&connection)
    }

    /// The next frame to the client.
    pub(crate) fn next_frame(&mut self, connection: u64) -> Option<Vec<u8>> {
        self.connections.get_mut(&connection)?.waiting.pop_front()
    }

    pub(crate) fn frame(&mut self, id: u64, frame: &[u8]) {
        let Some(device) = self.connections.get(&id).map(|connection| connection.device) else { return };
        let Ok(Received::Known(frame)) = ClientFrame::from_bytes(frame) else { return self.close(id) };
        match (frame, device) {
            (ClientFrame::Authenticate { token }, _) => match self.tokens.get(&token.0).copied() {
                Some(device) if !self.shuts_out(device) => {
                    let expires_at = self.now.plus_seconds(600);
                    let connection = self.connections.get_mut(&id).unwrap();
                    connection.device = Some(device);
                    connection.waiting.push_back(to_bytes(&RelayFrame::Authenticated { expires_at }));
                }
                _ => self.close(id),
            },
            (ClientFrame::Hello { client_version, cursors }, Some(device)) => {
                assert_eq!(client_version, CLIENT_VERSION);
                self.hello(id, device, &cursors);
            }
            (ClientFrame::Post(post), Some(device)) => {
                let message_id = post.message_id;
                let answer = match self.post(device, post) {
                    Ok(posted) => RelayFrame::Posted(posted),
                    Err(problem) => RelayFrame::Refused {
                        message_id,
                        code: problem.code,
                        epoch: problem.facts.epoch,
                        head: problem.facts.head,
                        seq: problem.facts.seq,
                        retry_after_seconds: None,
                    },
                };
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.waiting.push_back(to_bytes(&answer));
                }
            }
            (ClientFrame::Acknowledge(acknowledge), Some(device)) => {
                for Cursor { group_id, seq } in acknowledge.cursors.iter() {
                    if let Some(group) = self.groups.get_mut(group_id) {
                        let cursor = group.cursors.entry(device).or_insert(0);
                        *cursor = (*cursor).max(*seq);
                    }
                }
            }
            (ClientFrame::Ping, _) => {
                let connection = self.connections.get_mut(&id).unwrap();
                connection.waiting.push_back(to_bytes(&RelayFrame::Pong));
            }
            (ClientFrame::ConfirmGap(_), _) => {}
            (_, None) => self.close(id),
        }
    }

    fn hello(&mut self, id: u64, device: DeviceId, cursors: &[Cursor]) {
        let mine: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(_, group)| group.leaves.contains_key(&device))
            .map(|(id, _)| *id)
            .collect();
        let connection = self.connections.get_mut(&id).unwrap();
        connection.ready = true;
        for group_id in mine {
            let group = &self.groups[&group_id];
            let stored = *group.cursors.get(&device).unwrap_or_else(|| &group.leaves[&device]);
            let named = cursors.iter().find(|cursor| cursor.group_id == group_id).map(|cursor| cursor.seq);
            connection.sent.insert(group_id, named.unwrap_or(stored));
            if group.closed {
                connection.waiting.push_back(to_bytes(&RelayFrame::GroupClosed { group_id }));
            }
        }
        let groups: Vec<GroupId> = connection.sent.keys().copied().collect();
        for group in groups {
            self.deliver_live(group);
        }
        // What came before the hello was read was announced to nobody.
        let welcomes = self.devices[&device].welcomes.iter();
        let waiting: Vec<Vec<u8>> = welcomes
            .map(|StoredWelcome { welcome_id, group_id, .. }| {
                to_bytes(&RelayFrame::WelcomeWaiting { welcome_id: *welcome_id, group_id: *group_id })
            })
            .collect();
        let connection = self.connections.get_mut(&id).unwrap();
        connection.waiting.extend(waiting);
        connection.waiting.push_back(to_bytes(&RelayFrame::CaughtUp));
    }

    /// Everything of the group that a ready connection of a member has not got yet.
    fn deliver_live(&mut self, id: GroupId) {
        let group = &self.groups[&id];
        for connection in self.connections.values_mut().filter(|connection| connection.ready) {
            let Some(joined) = connection.device.and_then(|device| group.leaves.get(&device)) else {
                continue;
            };
            let sent = connection.sent.entry(id).or_insert(*joined);
            *sent = (*sent).max(*joined);
            let new: Vec<Entry> = group.log.iter().filter(|entry| entry.seq > *sent).cloned().collect();
            for chunk in new.chunks(FRAME_ENTRIES) {
                let frame = RelayFrame::Entries { group_id: id, entries: list(chunk.to_vec()) };
                connection.waiting.push_back(to_bytes(&frame));
            }
            *sent = group.log.len() as u64;
        }
    }
}

/// The answer to a commit that is stored already (D-4).
fn again(group: &Group, device: DeviceId, bundle: &CommitBundle) -> Option<Result<Posted, Problem>> {
    let (stored, seq) = group.doubles.get(&(device, bundle.message_id))?;
    let entry = &group.log[usize::try_from(*seq).unwrap() - 1];
    if *stored == hash(&bundle.commit) {
        return Some(Ok(Posted {
            message_id: bundle.message_id,
            group_id: bundle.group_id,
            seq: *seq,
            received_at: entry.received_at,
        }));
    }
    Some(Err(Problem::new(ErrorCode::MessageConflict, Facts { seq: Some(*seq), ..Facts::default() })))
}

fn stale(group: &Group) -> Problem {
    let facts = Facts { epoch: Some(group.epoch), head: Some(group.log.len() as u64), ..Facts::default() };
    Problem::new(ErrorCode::StaleEpoch, facts)
}
