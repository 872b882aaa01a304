//! From nothing to an enrolled device: registration (O-7), log-in by password (O-1 … O-3), recovery with a new
//! password, and the enrolment of this device (K-7). The account seed lives in here only, and is wiped with it.

use protocol::{
    AccountId, Handle, IdempotencyId, RecordId, RelayId,
    accounts::{NewVault, RegisterFinish, RegisterStart, RegisterStarted, RelayInfo, Wrap, WrapKind},
    devices::NewPassword,
    invites::{InviteCode, RegistrationMode},
    limits::WRAPS_MAX,
    sessions::{LoginFinish, LoginStart, LoginStarted, OpenedAccount, PasswordStart, RecoveryLogin},
    values::{Bytes, Exactly, List},
};
use zeroize::Zeroizing;

use super::enrolment::sign_list;
use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context,
    content::clean_name,
    error::login_refused,
    factors::Opener,
    pending::{Ask, Purpose},
    profile::checked_display_name,
    random,
    records::Records,
    stored::{AccountRecord, Stage, StoredSecret, StoredText},
};
use crate::{
    account_seed::{AccountSeed, PasswordKek},
    opaque::{self, Password, RelayKey},
    records::Collection,
    recovery_key::{RecoveryKek, RecoveryKey},
    root_key::RootKey,
    vault::{Vault, VaultPlace},
    wraps::{SeedKek, unwrap_seed, wrap_root, wrap_seed},
};

/// Characters of a password, at least.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// UTF-8 bytes of a device's name.
const DEVICE_NAME_BYTES_MAX: usize = 64;

/// Who wants to join.
pub struct NewAccount {
    /// The wanted handle, as typed.
    pub handle: String,
    /// What others see.
    pub display_name: String,
    /// Index into the palette.
    pub colour: u8,
    /// As typed.
    pub password: Zeroizing<String>,
    /// Known to one's own devices only.
    pub device_name: String,
    /// The code of an invitation, as it stands in its link; empty without one.
    pub invite: Zeroizing<String>,
}

/// Who comes back with a password.
pub struct LogIn {
    /// As typed.
    pub handle: String,
    /// As typed.
    pub password: Zeroizing<String>,
    /// Known to one's own devices only.
    pub device_name: String,
}

/// Who comes back with the recovery key.
pub struct Recover {
    /// As typed.
    pub handle: String,
    /// As typed.
    pub recovery_key: Zeroizing<String>,
    /// Replaces the forgotten one.
    pub new_password: Zeroizing<String>,
    /// Known to one's own devices only.
    pub device_name: String,
}

/// One at a time.
pub(crate) struct Onboarding {
    pub(crate) command: CommandId,
    pub(crate) step: Step,
}

pub(crate) enum Step {
    /// Registration: the relay's id.
    Relay(Box<NewAccount>, Handle),
    /// Registration: the OPRF.
    RegisterStart(Box<Registering>),
    /// The saved body is offered until it is answered.
    Offered(Option<Box<Opened>>),
    /// Log-in: the relay's id.
    LoginRelay(Box<LogIn>, Handle),
    LoginStart(Box<LoggingIn>),
    LoginFinish(Box<LoggedIn>),
    /// Recovery: the relay's id.
    RecoverRelay(Box<Recover>, Handle, RecoveryKey),
    Recovery(Box<Recovering>),
    RecoveryPassword(Box<Opened>, Box<opaque::Registration>),
    /// The device list moved on: the account is opened again.
    Reopen(Box<Opened>),
}

pub(crate) struct Registering {
    input: Box<NewAccount>,
    relay_id: RelayId,
    opaque: opaque::Registration,
}

pub(crate) struct LoggingIn {
    relay_id: RelayId,
    device_name: String,
    opaque: opaque::Login,
}

pub(crate) struct LoggedIn {
    relay_id: RelayId,
    device_name: String,
    kek: PasswordKek,
    relay_key: RelayKey,
}

pub(crate) struct Recovering {
    relay_id: RelayId,
    input: Box<Recover>,
    key: RecoveryKey,
}

/// What an opened account gives, until this device is enrolled.
pub(crate) struct Opened {
    pub(crate) relay_id: RelayId,
    pub(crate) device_name: String,
    pub(crate) seed: AccountSeed,
    pub(crate) account: OpenedAccount,
    pub(crate) new_password: Option<NewPassword>,
    /// What OPAQUE showed; must be the one that the vault has pinned (O-5).
    pub(crate) relay_key: Option<RelayKey>,
}

impl Client {
    /// Registers: the account exists whole or not at all (O-7).
    pub fn create_account(&mut self, account: NewAccount, cx: &mut Context<'_>) -> CommandId {
        let checked = checked_new_account(account);
        self.begin(checked.map(|(account, handle)| Step::Relay(Box::new(account), handle)), cx)
    }

    /// Opens the account with its password and enrols this device.
    pub fn log_in(&mut self, log_in: LogIn, cx: &mut Context<'_>) -> CommandId {
        let handle = log_in.handle.trim().parse().map_err(|_| CommandErrorCode::HandleInvalid);
        self.begin(handle.map(|handle| Step::LoginRelay(Box::new(log_in), handle)), cx)
    }

    /// Opens the account with its recovery key, sets a new password and enrols this device.
    pub fn recover_account(&mut self, recover: Recover, cx: &mut Context<'_>) -> CommandId {
        let checked = checked_recovery(recover);
        self.begin(
            checked.map(|(recover, handle, key)| Step::RecoverRelay(Box::new(recover), handle, key)),
            cx,
        )
    }

    fn begin(&mut self, step: Result<Step, CommandErrorCode>, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        if self.onboarding_waits_for_factor() {
            self.drop_factor_wait();
            self.onboarding = None;
        }
        let free = self.account.is_none() && self.onboarding.is_none();
        match step.and_then(|step| if free { Ok(step) } else { Err(CommandErrorCode::Misuse) }) {
            Ok(step) => {
                self.onboarding = Some(Onboarding { command, step });
                self.ask(Ask::get("/v1/relay").open().once(), Purpose::Onboarding);
            }
            Err(code) => self.finish(command, Err(code.into())),
        }
        self.session_tick(cx);
        command
    }

    pub(super) fn handle_onboarding_answer(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(Onboarding { command, step }) = self.onboarding.take() else {
            // Offered again after a restart: nobody waits for the command any more.
            self.finish_enrolment(None, body, cx);
            return;
        };
        match self.next_step(command, step, body, cx) {
            Ok(Some(step)) => self.onboarding = Some(Onboarding { command, step }),
            Ok(None) => {}
            Err(error) => {
                self.onboarding = Some(Onboarding { command, step: Step::Offered(None) });
                self.fail_onboarding(error, cx);
            }
        }
    }

    /// `Ok(None)`: the onboarding is over.
    fn next_step(
        &mut self,
        command: CommandId,
        step: Step,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Option<Step>, CommandError> {
        match step {
            Step::Relay(account, handle) => self.start_registration(account, handle, body, cx).map(Some),
            Step::RegisterStart(registering) => {
                self.finish_registration(*registering, body, cx)?;
                Ok(Some(Step::Offered(None)))
            }
            Step::LoginRelay(log_in, handle) => self.start_login(*log_in, handle, body, cx).map(Some),
            Step::LoginStart(logging_in) => self.finish_login(*logging_in, body, cx).map(Some),
            Step::LoginFinish(logged_in) => {
                let Some(account) = self.opened(Opener::Onboarding, command, body)? else {
                    return Ok(Some(Step::LoginFinish(logged_in)));
                };
                let LoggedIn { relay_id, device_name, kek, relay_key } = *logged_in;
                let seed = seed_of(SeedKek::Password(&kek), &account)?;
                let opened = Opened {
                    relay_id,
                    device_name,
                    seed,
                    account,
                    new_password: None,
                    relay_key: Some(relay_key),
                };
                self.enrol(Box::new(opened), cx).map(Some)
            }
            Step::RecoverRelay(recover, handle, key) => {
                let relay = json::<RelayInfo>(body)?.relay_id;
                let login = RecoveryLogin { handle, recovery_auth: Exactly(*key.auth().expose()) };
                self.ask(Ask::json("/v1/sessions/recovery", &login).open().once(), Purpose::Onboarding);
                Ok(Some(Step::Recovery(Box::new(Recovering { relay_id: relay, input: recover, key }))))
            }
            Step::Recovery(recovering) => match self.opened(Opener::Onboarding, command, body)? {
                Some(account) => self.new_password(*recovering, account, cx).map(Some),
                None => Ok(Some(Step::Recovery(recovering))),
            },
            Step::RecoveryPassword(opened, state) => {
                self.finish_new_password(opened, *state, body, cx).map(Some)
            }
            Step::Reopen(mut opened) => {
                opened.account = json(body)?;
                self.enrol(opened, cx).map(Some)
            }
            Step::Offered(opened) => {
                let finished = self.finish_enrolment(Some(command), body, cx);
                Ok((!finished).then_some(Step::Offered(opened)))
            }
        }
    }

    fn start_registration(
        &mut self,
        account: Box<NewAccount>,
        handle: Handle,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        let relay = json::<RelayInfo>(body)?;
        let invite = invite_for(relay.registration, &account.invite)?;
        let password = Password::new(account.password.to_string());
        let (state, request) = opaque::Registration::start(password, &mut cx.rng)
            .map_err(|_| CommandErrorCode::PasswordTooShort)?;
        let start = RegisterStart { handle, registration_request: bytes(request)?, invite };
        self.ask(Ask::json("/v1/accounts/register/start", &start).open().once(), Purpose::Onboarding);
        let relay_id = relay.relay_id;
        Ok(Step::RegisterStart(Box::new(Registering { input: account, relay_id, opaque: state })))
    }

    fn finish_registration(
        &mut self,
        registering: Registering,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let Registering { input, relay_id, opaque } = registering;
        let started = json::<RegisterStarted>(body)?;
        let registered = opaque
            .finish(&started.registration_response, &mut cx.rng)
            .map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let account_id = AccountId::from_bytes(random(cx.rng));
        let seed = AccountSeed::generate(&mut cx.rng);
        let recovery_key = RecoveryKey::generate(&mut cx.rng);
        let root_key = RootKey::generate(1, &mut cx.rng);
        let keks = (PasswordKek::derive(&registered.export_key), recovery_key.kek());
        let wraps = first_wraps(account_id, &seed, &root_key, &keks, cx)?;
        let handle: Handle = input.handle.trim().parse().map_err(|_| CommandErrorCode::HandleInvalid)?;
        let own = self.make_device(account_id, &seed, cx)?;
        let list = sign_list(&seed, None, &own, &root_key, &[])?;
        let vault_record = RecordId::from_bytes(random(cx.rng));
        let mut vault = Vault::new(&input.display_name, input.colour, registered.relay_key, &mut cx.rng);
        vault.name_device(own.device_id, &input.device_name, cx.now);
        let place = VaultPlace { account: account_id, record: vault_record, version: 1 };
        let ciphertext = vault.seal(&root_key, place, &mut cx.rng);
        self.vault = Some(vault);
        self.records = Records::complete();
        let finish = RegisterFinish {
            idempotency_id: IdempotencyId::from_bytes(random(cx.rng)),
            ticket: started.ticket,
            account_id,
            registration_upload: bytes(registered.upload)?,
            wraps,
            recovery_auth_hash: Exactly(recovery_key.auth().hash()),
            vault: NewVault { record_id: vault_record, ciphertext: bytes(ciphertext)? },
            device: own.new_device()?,
            device_list: bytes(list.clone())?,
        };
        let stage = Stage::Registering { body: protocol::socket::to_bytes(&finish) };
        let identity_key = *seed.identity().public().as_bytes();
        let record = own.record(account_id, handle.to_string(), relay_id, stage);
        self.account = Some(AccountRecord {
            identity_key,
            root_keys: vec![(1, StoredSecret(*root_key.expose()))],
            device_list: list,
            vault_record,
            recovery_key: Some(StoredText(recovery_key.to_text())),
            ..record
        });
        self.save_account(cx);
        self.know_vault(vault_record, 1, root_key.generation());
        self.save_record((Collection::Vault, vault_record), cx);
        self.save_feed(cx);
        Ok(())
    }

    fn start_login(
        &mut self,
        log_in: LogIn,
        handle: Handle,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        let relay = json::<RelayInfo>(body)?.relay_id;
        let password = Password::new(log_in.password.to_string());
        let (state, request) =
            opaque::Login::start(password, &mut cx.rng).map_err(|_| CommandErrorCode::WrongPassword)?;
        let start = LoginStart { handle, credential_request: bytes(request)? };
        self.ask(Ask::json("/v1/sessions/login/start", &start).open().once(), Purpose::Onboarding);
        Ok(Step::LoginStart(Box::new(LoggingIn {
            relay_id: relay,
            device_name: log_in.device_name,
            opaque: state,
        })))
    }

    fn finish_login(
        &mut self,
        logging_in: LoggingIn,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        let LoggingIn { relay_id, device_name, opaque } = logging_in;
        let LoginStarted { ticket, credential_response } = json(body)?;
        let logged_in = opaque.finish(&credential_response, &mut cx.rng).map_err(login_refused)?;
        let kek = PasswordKek::derive(&logged_in.export_key);
        let finish = LoginFinish { ticket, credential_finalization: bytes(logged_in.finalization)? };
        self.ask(Ask::json("/v1/sessions/login/finish", &finish).open().once(), Purpose::Onboarding);
        let relay_key = logged_in.relay_key;
        Ok(Step::LoginFinish(Box::new(LoggedIn { relay_id, device_name, kek, relay_key })))
    }

    fn new_password(
        &mut self,
        recovering: Recovering,
        account: OpenedAccount,
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        let Recovering { relay_id, input: recover, key } = recovering;
        let seed = seed_of(SeedKek::Recovery(&key.kek()), &account)?;
        let password = Password::new(recover.new_password.to_string());
        let (state, request) = opaque::Registration::start(password, &mut cx.rng)
            .map_err(|_| CommandErrorCode::PasswordTooShort)?;
        let start = PasswordStart {
            enrolment_ticket: account.enrolment_ticket.clone(),
            registration_request: bytes(request)?,
        };
        self.ask(Ask::json("/v1/sessions/password/start", &start).open().once(), Purpose::Onboarding);
        let opened = Opened {
            relay_id,
            device_name: recover.device_name,
            seed,
            account,
            new_password: None,
            relay_key: None,
        };
        Ok(Step::RecoveryPassword(Box::new(opened), Box::new(state)))
    }

    fn finish_new_password(
        &mut self,
        mut opened: Box<Opened>,
        state: opaque::Registration,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        let started = json::<RegisterStarted>(body)?;
        let registered = state
            .finish(&started.registration_response, &mut cx.rng)
            .map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        let kek = PasswordKek::derive(&registered.export_key);
        let seed_wrap =
            wrap_seed(SeedKek::Password(&kek), opened.account.account_id, &opened.seed, &mut cx.rng);
        opened.relay_key = Some(registered.relay_key);
        opened.new_password = Some(NewPassword {
            ticket: started.ticket,
            registration_upload: bytes(registered.upload)?,
            wraps: List::new(vec![wrap(WrapKind::Password, 0, seed_wrap)?])
                .map_err(|_| CommandErrorCode::Misuse)?,
        });
        self.enrol(opened, cx)
    }
}

fn checked_new_account(account: NewAccount) -> Result<(NewAccount, Handle), CommandErrorCode> {
    let handle = account.handle.trim().parse().map_err(|_| CommandErrorCode::HandleInvalid)?;
    let display_name = checked_display_name(&account.display_name, account.colour)?;
    check_password(&account.password)?;
    let device_name = checked_device_name(&account.device_name);
    Ok((NewAccount { display_name, device_name, ..account }, handle))
}

/// The invitation goes only to a relay that asks for one.
fn invite_for(mode: RegistrationMode, typed: &str) -> Result<Option<InviteCode>, CommandErrorCode> {
    match mode {
        RegistrationMode::Open => Ok(None),
        RegistrationMode::Closed => Err(CommandErrorCode::RegistrationClosed),
        RegistrationMode::Invite => {
            typed.trim().parse().map(Some).map_err(|_| CommandErrorCode::InviteInvalid)
        }
    }
}

fn checked_recovery(recover: Recover) -> Result<(Recover, Handle, RecoveryKey), CommandErrorCode> {
    let handle = recover.handle.trim().parse().map_err(|_| CommandErrorCode::HandleInvalid)?;
    let key = RecoveryKey::parse(&recover.recovery_key).map_err(|_| CommandErrorCode::RecoveryKeyMistyped)?;
    check_password(&recover.new_password)?;
    let device_name = checked_device_name(&recover.device_name);
    Ok((Recover { device_name, ..recover }, handle, key))
}

fn check_password(password: &str) -> Result<(), CommandErrorCode> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        Err(CommandErrorCode::PasswordTooShort)
    } else {
        Ok(())
    }
}

fn checked_device_name(name: &str) -> String {
    let mut name = clean_name(name);
    while name.len() > DEVICE_NAME_BYTES_MAX {
        name.pop();
    }
    name
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, CommandError> {
    serde_json::from_slice(body).map_err(|_| CommandErrorCode::RelayMisbehaved.into())
}

/// Values of our own making fit their limits; one that does not is a defect of this crate.
pub(crate) fn bytes<const MAX: usize>(bytes: Vec<u8>) -> Result<Bytes<MAX>, CommandError> {
    Bytes::new(bytes).map_err(|_| CommandErrorCode::Misuse.into())
}

fn wrap(kind: WrapKind, generation: u32, wrapped: Vec<u8>) -> Result<Wrap, CommandError> {
    Ok(Wrap { kind, generation, bytes: bytes(wrapped)? })
}

/// The account seed under password and recovery key, and the first root key under the seed's root-wrap key.
fn first_wraps(
    account: AccountId,
    seed: &AccountSeed,
    root_key: &RootKey,
    (password, recovery): &(PasswordKek, RecoveryKek),
    cx: &mut Context<'_>,
) -> Result<List<Wrap, WRAPS_MAX>, CommandError> {
    let by_password = wrap_seed(SeedKek::Password(password), account, seed, &mut cx.rng);
    let by_recovery = wrap_seed(SeedKek::Recovery(recovery), account, seed, &mut cx.rng);
    let root = wrap_root(&seed.root_wrap_key(), account, root_key, &mut cx.rng);
    let wraps = vec![
        wrap(WrapKind::Password, 0, by_password)?,
        wrap(WrapKind::Recovery, 0, by_recovery)?,
        wrap(WrapKind::Root, root_key.generation(), root)?,
    ];
    List::new(wraps).map_err(|_| CommandErrorCode::Misuse.into())
}

pub(crate) fn seed_of(kek: SeedKek<'_>, account: &OpenedAccount) -> Result<AccountSeed, CommandError> {
    let wrap = account.wraps.iter().find(|wrap| wrap.kind == kek.kind());
    let wrap = wrap.ok_or(CommandErrorCode::RelayMisbehaved)?;
    unwrap_seed(kek, account.account_id, &wrap.bytes).map_err(|_| CommandErrorCode::RelayMisbehaved.into())
}
