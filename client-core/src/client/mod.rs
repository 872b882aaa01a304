//! The client as a sans-I/O state machine, in the families of quinn's `Connection`: questions (`&self`), commands,
//! inputs (`handle_…`) and outputs (`poll_…`). After every call the host drains the outputs in this order: saves,
//! loads, requests, transmits, events: **save before send, send before show.** A save that fails ends the client:
//! the host drops it and opens another from the store.

mod account_secrets;
mod audit;
mod base32;
mod blocking;
mod bundles;
mod closing;
mod contacts;
mod content;
mod conversations;
mod devices;
mod enrolment;
mod error;
mod events;
mod factors;
mod files;
mod groups;
mod history;
mod host;
mod joining;
mod journal;
mod key_stock;
mod knowledge;
mod leaving;
mod note_to_self;
mod onboarding;
mod outbox;
mod pending;
mod profile;
mod records;
mod refused_lists;
mod registration;
mod removal;
mod renewal;
mod requests;
mod revoked;
mod session;
mod settings;
mod standing;
mod stored;
mod views;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{AccountId, DeviceId, ErrorCode, GroupId, Problem, UnixMillis};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub use audit::{AuditEntry, AuditView};
pub use content::{COLOURS, DISPLAY_NAME_BYTES_MAX, FILE_NAME_BYTES_MAX, TEXT_BYTES_MAX};
pub use error::{CommandError, CommandErrorCode};
pub use events::{Availability, CommandId, Event, FileAccess, Outcome, SignOutReason};
pub use files::{FileDraft, FileUpload};
pub use host::{Context, HostKind};
pub use journal::CorruptRecord;
pub use knowledge::{KnownTable, RelayKnowledge, SessionView};
pub use onboarding::{LogIn, NewAccount, PASSWORD_CHARS_MIN, Recover};
pub use records::RecordsTrouble;
pub use requests::{Authorization, BodyKind, ChangeSet, Load, Method, Request, Response, Transmit};
pub use stored::BOOT_PREFIXES;
pub use views::{
    Connection, Contact, ContactDetails, Content, Conversation, Delivery, Device, FactorChoice, FactorPrompt,
    Factors, FileView, ImageSize, LastLine, Limits, ListFault, Message, MessagePage, Notice, OwnProfile,
    RefusedListView, ScanOutcome, SecretText, Trust, UnreadableReason,
};

pub use crate::settings::{Appearance, Choices};
use crate::{contact::Contact as KnownContact, secret::LocalStoreKey, settings::Settings, vault::Vault};
use audit::AuditLog;
use conversations::Starting;
use factors::FactorState;
use groups::Slot;
use history::LoadPurpose;
use journal::Journal;
use onboarding::Onboarding;
use pending::{Ask, Pending, Purpose, Requests};
use records::Records;
use removal::Removing;
use session::Session;
use stored::{AccountRecord, ContactRecord, OutboxItem, PendingBundle, Stage};

/// Events that wait for the host; a host that does not drain them loses the oldest.
pub const EVENTS_MAX: usize = 65_536;

/// See the module's documentation.
pub struct Client {
    host: HostKind,
    journal: Journal,
    account: Option<AccountRecord>,
    vault: Option<Vault>,
    contacts: BTreeMap<AccountId, KnownContact>,
    settings: Settings,
    records: Records,
    device_lists: BTreeMap<AccountId, ContactRecord>,
    /// Accounts whose list was refused once and is asked for again.
    doubted: BTreeSet<AccountId>,
    groups: BTreeMap<GroupId, Slot>,
    bundles: BTreeMap<GroupId, PendingBundle>,
    outbox: BTreeMap<(GroupId, u64), OutboxItem>,
    onboarding: Option<Onboarding>,
    factors: FactorState,
    removing: Option<Removing>,
    /// When the relay last saw each of one's devices.
    seen: BTreeMap<DeviceId, UnixMillis>,
    starting: Option<Starting>,
    session: Session,
    audit: AuditLog,
    requests: Requests,
    loads: BTreeMap<u64, LoadPurpose>,
    loads_out: VecDeque<Load>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    next_command: u64,
    next_load: u64,
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Client({:?})", self.account.as_ref().map(|account| account.device_id))
    }
}

impl Client {
    /// Opens the client over every record under [`BOOT_PREFIXES`]; none at all is a store without an account.
    ///
    /// # Errors
    /// [`CorruptRecord`] when one does not open under `store_key` or does not read.
    pub fn open(
        store_key: Zeroizing<[u8; 32]>,
        records: Vec<(String, Vec<u8>)>,
        host: HostKind,
        cx: &mut Context<'_>,
    ) -> Result<Self, CorruptRecord> {
        // Counting on from the clock keeps counters of one key rising across starts without a record of their own.
        let journal = Journal::new(LocalStoreKey::from_bytes(*store_key), cx.now.0.saturating_mul(1 << 20));
        let mut client = Self {
            host,
            journal,
            account: None,
            vault: None,
            contacts: BTreeMap::new(),
            settings: Settings::default(),
            records: Records::default(),
            device_lists: BTreeMap::new(),
            doubted: BTreeSet::new(),
            groups: BTreeMap::new(),
            bundles: BTreeMap::new(),
            outbox: BTreeMap::new(),
            onboarding: None,
            factors: FactorState::default(),
            removing: None,
            seen: BTreeMap::new(),
            starting: None,
            session: Session::default(),
            audit: AuditLog::default(),
            requests: Requests::default(),
            loads: BTreeMap::new(),
            loads_out: VecDeque::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            next_command: 1,
            next_load: 1,
        };
        for (key, sealed) in &records {
            client.take_record(key, sealed)?;
        }
        client.fail_interrupted_uploads(cx);
        client.wipe_removed();
        Ok(client)
    }

    fn take_record(&mut self, key: &str, sealed: &[u8]) -> Result<(), CorruptRecord> {
        let noun = key.split('/').next().unwrap_or_default();
        match noun {
            "account" if key == stored::ACCOUNT_KEY => self.account = Some(self.journal.open(key, sealed)?),
            "account" if key == stored::AUDIT_KEY => {
                self.audit.record = Some(self.journal.open(key, sealed)?)
            }
            "record" => self.open_record(key, sealed)?,
            "contact" => {
                let contact: ContactRecord = self.journal.open(key, sealed)?;
                self.device_lists.insert(contact.account_id, contact);
            }
            "summary" => {
                let summary: stored::Summary = self.journal.open(key, sealed)?;
                self.groups.insert(summary.group_id, Slot::new(summary));
            }
            "bundle" => {
                let bundle: PendingBundle = self.journal.open(key, sealed)?;
                self.bundles.insert(bundle.group_id, bundle);
            }
            "outbox" => {
                let item: OutboxItem = self.journal.open(key, sealed)?;
                self.outbox.insert((item.group_id, item.order), item);
            }
            _ => return Err(CorruptRecord),
        }
        Ok(())
    }

    // ---- questions

    /// What the screen may promise before somebody runs into it.
    pub fn limits() -> Limits {
        Limits {
            text_max_bytes: TEXT_BYTES_MAX,
            file_max_bytes: files::FILE_BYTES_MAX,
            display_name_max_bytes: DISPLAY_NAME_BYTES_MAX,
            handle_max_chars: protocol::limits::HANDLE_CHARS_MAX,
            password_min_chars: PASSWORD_CHARS_MIN,
        }
    }

    /// Whose client this is; `None`: the store holds no account.
    pub fn profile(&self) -> Option<OwnProfile> {
        let account = self.account.as_ref()?;
        let profile = self.vault.as_ref()?.profile();
        Some(OwnProfile {
            account_id: account.account_id,
            device_id: account.device_id,
            handle: account.handle.clone(),
            display_name: profile.display_name.clone(),
            colour: profile.colour,
            fingerprint: self.fingerprint_text(account.account_id, &account.identity_key),
            recovery_key_confirmed: account.recovery_key.is_none(),
            device_created_at: account.device_created_at,
            audit_refused: self.audit_refusal(),
            refused_list: account.refused_list.map(|refused| refused.fault),
        })
    }

    /// For `Authorization: Bearer`, in requests and in transfers of blobs.
    pub fn access_token(&self) -> Option<&str> {
        self.session.access_token()
    }

    // ---- inputs

    /// The answer to a [`Request`]. Answers that nobody waits for any more are ignored.
    pub fn handle_response(&mut self, id: u64, response: Response, cx: &mut Context<'_>) {
        let Some(pending) = self.requests.take(id) else {
            return;
        };
        match response {
            Response::Lost if pending.told_when_lost() => {
                self.handle_failure(pending.purpose, CommandErrorCode::Offline.into(), cx);
            }
            Response::Lost => self.requests.later(pending, 0, cx.now, cx.rng),
            Response::Answered { status: 200..=299, body } => {
                if pending.needs_token() {
                    self.session.token_taken();
                }
                self.handle_answer(pending.purpose, &body, cx);
            }
            Response::Answered { status, body } => self.handle_refusal(pending, status, &body, cx),
        }
        self.session_tick(cx);
    }

    fn handle_refusal(&mut self, pending: Pending, status: u16, body: &[u8], cx: &mut Context<'_>) {
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
            let code = if status >= 500 {
                CommandErrorCode::RelayUnavailable
            } else {
                CommandErrorCode::RelayMisbehaved
            };
            return self.retry_or_fail(pending, code.into(), cx);
        };
        match problem.code {
            ErrorCode::TokenExpired | ErrorCode::Unauthenticated if pending.needs_token() => {
                self.session.forget_token();
                if pending.may_go_at_once() {
                    self.requests.again(pending);
                } else {
                    self.retry_or_fail(pending, CommandError::from(&problem), cx);
                }
            }
            ErrorCode::DeviceRevoked if pending.needs_token() => self.signed_out(SignOutReason::Revoked),
            ErrorCode::AccountDeleted if pending.needs_token() => {
                self.requests.again(pending);
                self.signed_out(SignOutReason::Deleted);
            }
            ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Internal
            | ErrorCode::Timeout
            | ErrorCode::StorageFull => {
                self.retry_or_fail(pending, CommandError::from(&problem), cx);
            }
            _ => self.handle_problem(pending.purpose, &problem, cx),
        }
    }

    fn retry_or_fail(&mut self, pending: Pending, error: CommandError, cx: &mut Context<'_>) {
        if pending.told_when_lost() {
            self.handle_failure(pending.purpose, error, cx);
        } else {
            self.requests.later(pending, error.retry_after_ms.unwrap_or(0), cx.now, cx.rng);
        }
    }

    fn handle_answer(&mut self, purpose: Purpose, body: &[u8], cx: &mut Context<'_>) {
        match purpose {
            Purpose::CheckHandle(command) => self.handle_checked(command, body),
            Purpose::CheckRegistration(command) => self.registration_checked(command, body),
            Purpose::Onboarding => self.handle_onboarding_answer(body, cx),
            Purpose::Factor => self.handle_factor_answer(body, cx),
            Purpose::Proof => self.handle_proof_answer(body, cx),
            Purpose::FactorChange(command, change) => self.handle_factor_changed(command, change, body),
            Purpose::Removal => self.handle_removal_answer(body, cx),
            Purpose::Devices => self.handle_devices(body),
            Purpose::ClaimSelf(claim) => self.handle_self_claim(claim, body, cx),
            Purpose::Refresh | Purpose::DeviceLogin => self.handle_tokens(body, cx),
            Purpose::DeviceChallenge => self.handle_nonce(body),
            Purpose::LogOut => self.signed_out(SignOutReason::LoggedOut),
            Purpose::ListGroups => self.handle_groups_page(body, cx),
            Purpose::Welcomes => self.handle_welcomes(body),
            Purpose::TakeWelcome(_) => {}
            Purpose::StartDirectory => self.handle_start_directory(body, cx),
            Purpose::StartClaimPeer | Purpose::StartClaimOwn => self.handle_start_claim(body, cx),
            Purpose::Bundle(group) => self.handle_bundle_posted(group, body, cx),
            Purpose::GroupInfo(group) => self.handle_group_info(group, body, cx),
            Purpose::Entries(group) => self.handle_entries_page(group, body, cx),
            Purpose::Post(group, order) => self.handle_posted_by_http(group, order, body, cx),
            Purpose::Account(account) => self.handle_directory_entry(account, body, cx),
            Purpose::CountKeyPackages => self.handle_key_package_count(body, cx),
            Purpose::PublishKeyPackages | Purpose::DeleteBlob(_) => {}
            Purpose::PublishLastResort => self.last_resort_published(cx),
            Purpose::Changes => self.handle_changes(body, cx),
            Purpose::PutRecords => self.handle_records_put(body, cx),
            Purpose::CheckAudit => self.handle_audit_checked(body, cx),
            Purpose::ListAudit(command) => self.handle_audit_listed(command, body, cx),
            Purpose::Question(command, question) => self.handle_answered_question(command, question, body),
        }
    }

    /// A refusal that repeating the request would not change.
    fn handle_problem(&mut self, purpose: Purpose, problem: &Problem, cx: &mut Context<'_>) {
        match (purpose, problem.code) {
            (Purpose::Onboarding, _) => self.handle_onboarding_problem(problem, cx),
            (Purpose::Factor, _) => self.handle_factor_problem(problem, cx),
            (Purpose::FactorChange(command, change), _) => {
                self.handle_factor_change_problem((command, change), problem);
            }
            (Purpose::Removal, _) => self.handle_removal_problem(problem, cx),
            (Purpose::Refresh, _) => self.log_in_by_device(),
            (Purpose::DeviceChallenge | Purpose::DeviceLogin, _) => {
                self.handle_device_login_problem(problem, cx)
            }
            (Purpose::Bundle(group), _) => self.handle_bundle_refused(group, problem, cx),
            (Purpose::GroupInfo(group) | Purpose::Entries(group), ErrorCode::NotFound) => {
                self.end_group(group, cx);
            }
            (Purpose::Post(group, order), _) => self.handle_post_problem(group, order, problem, cx),
            (Purpose::Account(account), ErrorCode::AccountGone) => self.account_gone(account, cx),
            (Purpose::PutRecords, _) => self.handle_records_refused(problem, cx),
            (Purpose::StartDirectory, ErrorCode::NotFound) => {
                self.fail_start(CommandErrorCode::HandleUnknown.into());
            }
            (purpose, _) => self.handle_failure(purpose, CommandError::from(problem), cx),
        }
    }

    fn handle_failure(&mut self, purpose: Purpose, error: CommandError, cx: &mut Context<'_>) {
        match purpose {
            Purpose::CheckHandle(command)
            | Purpose::CheckRegistration(command)
            | Purpose::Question(command, _)
            | Purpose::FactorChange(command, _) => {
                self.finish(command, Err(error));
            }
            Purpose::Factor => self.factor_failed(error),
            Purpose::Proof => self.fail_proof(error),
            Purpose::LogOut => self.fail_log_out(error),
            Purpose::Onboarding => self.fail_onboarding(error, cx),
            Purpose::ListAudit(command) => self.audit_failed(command, error),
            Purpose::Removal => self.fail_removal(error, cx),
            Purpose::StartDirectory | Purpose::StartClaimPeer | Purpose::StartClaimOwn => {
                self.fail_start(error)
            }
            Purpose::Refresh
            | Purpose::DeviceChallenge
            | Purpose::DeviceLogin
            | Purpose::ListGroups
            | Purpose::Welcomes
            | Purpose::TakeWelcome(_)
            | Purpose::Bundle(_)
            | Purpose::GroupInfo(_)
            | Purpose::Entries(_)
            | Purpose::Post(..)
            | Purpose::Account(_)
            | Purpose::CountKeyPackages
            | Purpose::PublishKeyPackages
            | Purpose::PublishLastResort
            | Purpose::Changes
            | Purpose::PutRecords
            | Purpose::Devices
            | Purpose::ClaimSelf(_)
            | Purpose::CheckAudit
            | Purpose::DeleteBlob(_) => {}
        }
    }

    /// Something is due: a pause, a token's end, a heartbeat.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.requests.wake(cx.now, false);
        self.session_tick(cx);
    }

    // ---- outputs

    /// The next change set, for one transaction.
    pub fn poll_save(&mut self) -> Option<ChangeSet> {
        self.journal.take()
    }

    /// The next wish to read the store.
    pub fn poll_load(&mut self) -> Option<Load> {
        self.loads_out.pop_front()
    }

    /// The next request.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.poll(self.session.access_token().is_some())
    }

    /// The next wish to the socket.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<UnixMillis> {
        [self.requests.timeout(), self.session.timeout(), self.factors.timeout()].into_iter().flatten().min()
    }

    // ---- shared by the rooms

    fn command(&mut self) -> CommandId {
        let command = CommandId(self.next_command);
        self.next_command += 1;
        command
    }

    fn finish(&mut self, command: CommandId, outcome: Result<Outcome, CommandError>) {
        self.emit(Event::CommandDone { command, outcome });
    }

    fn emit(&mut self, event: Event) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn emit_profile(&mut self) {
        if let Some(profile) = self.profile() {
            self.emit(Event::ProfileChanged { profile });
        }
    }

    fn enrolled(&self) -> Option<&AccountRecord> {
        self.account.as_ref().filter(|account| account.stage == Stage::Enrolled)
    }

    fn own_account(&self) -> Result<AccountId, CommandError> {
        Ok(self.account.as_ref().ok_or(CommandErrorCode::Misuse)?.account_id)
    }

    fn save_account(&mut self, cx: &mut Context<'_>) {
        if let Some(account) = &self.account {
            self.journal.put(stored::ACCOUNT_KEY.to_owned(), account, cx.rng);
        }
    }

    fn ask(&mut self, ask: Ask, purpose: Purpose) {
        self.requests.push_unless_pending(ask, purpose);
    }
}

/// Random bytes for ids, salts and nonces.
fn random<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
