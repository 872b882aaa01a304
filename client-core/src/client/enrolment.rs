//! The enrolment of this device: keys, certificate, device list and key packages, offered until answered (K-7, O-7).

use protocol::{
    AccountId, DeviceId, ErrorCode, IdempotencyId, LeafKey, Problem, RecordId, RelayId, UnixMillis,
    accounts::WrapKind,
    device_list::DeviceListBody,
    devices::{EnrolDevice, NewDevice, RevocationList},
    key_packages::{KeyPackageBytes, KeyPackageList},
    limits::KEY_PACKAGES_STOCK,
    sessions::{EnrolmentState, OpenedAccount, SessionTokens},
    values::List,
};

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Event, Outcome,
    key_stock::own_leaf,
    pending::{Ask, Purpose},
    random,
    requests::Method,
    stored::{self, AccountRecord, LastResort, Stage, StoredSecret},
};
use crate::{
    account_seed::AccountSeed,
    certificate::{DevicePublicKeys, VerifiedCertificate},
    device_list::{DeviceListDraft, DeviceListError, VerifiedDeviceList},
    identity::DeviceAuthSecret,
    root_key::RootKey,
    sealed::record_generation,
    vault::{Vault, VaultPlace},
    wraps::unwrap_root,
};

use super::onboarding::{Onboarding, Opened, Step, bytes};

impl Client {
    /// Certifies this device, signs list n + 1 and saves the enrolment before it is offered (K-7).
    pub(super) fn enrol(&mut self, opened: Box<Opened>, cx: &mut Context<'_>) -> Result<Step, CommandError> {
        let account = &opened.account;
        let account_id = account.account_id;
        let identity = opened.seed.identity().public();
        let known = VerifiedDeviceList::verify(&account.device_list)
            .map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        if known.body().account != account_id || known.body().identity_key != identity {
            return Err(CommandErrorCode::RelayMisbehaved.into());
        }
        let root_keys = root_keys_of(&opened.seed, account, &known)?;
        let root_key = root_keys.last().ok_or(CommandErrorCode::RelayMisbehaved)?;
        let place = VaultPlace {
            account: account_id,
            record: account.vault.record_id,
            version: account.vault.version,
        };
        let vault = sealing_root(&root_keys, known.body(), place.version, &account.vault.ciphertext)
            .and_then(|root_key| Vault::open(root_key, place, &account.vault.ciphertext).ok())
            .ok_or(CommandErrorCode::RelayMisbehaved)?;
        if vault.relay_key().is_some() && vault.relay_key() != opened.relay_key {
            return Err(CommandErrorCode::RelayMisbehaved.into());
        }
        let own = match self.account.as_ref().and_then(OwnDevice::again) {
            Some(own) => own,
            None => self.make_device(account_id, &opened.seed, cx)?,
        };
        let list = sign_list(&opened.seed, Some(&known), &own, root_key, &account.revoked_devices)?;
        let enrol = EnrolDevice {
            idempotency_id: IdempotencyId::from_bytes(random(cx.rng)),
            enrolment_ticket: account.enrolment_ticket.clone(),
            device: own.new_device()?,
            device_list: bytes(list.clone())?,
            new_password: opened.new_password.clone(),
            revocations: revocations(&opened, &known, own.created_at)?,
        };
        let stage = Stage::Enrolling { body: protocol::socket::to_bytes(&enrol) };
        let record = own.record(account_id, account.handle.to_string(), opened.relay_id, stage);
        self.clear_records();
        let mut vault = vault;
        vault.name_device(record.device_id, &opened.device_name, cx.now);
        self.vault = Some(vault);
        self.account = Some(AccountRecord {
            identity_key: *identity.as_bytes(),
            root_keys: root_keys.iter().map(|key| (key.generation(), StoredSecret(*key.expose()))).collect(),
            device_list: list,
            vault_record: account.vault.record_id,
            ..record
        });
        self.save_account(cx);
        let generation = record_generation(&account.vault.ciphertext).unwrap_or_default();
        self.know_vault(account.vault.record_id, account.vault.version, generation);
        self.vault_changed(cx);
        self.save_feed(cx);
        Ok(Step::Offered(Some(opened)))
    }

    /// The keys, certificate and key packages of a device that is coming into being.
    pub(super) fn make_device(
        &mut self,
        account: AccountId,
        seed: &AccountSeed,
        cx: &mut Context<'_>,
    ) -> Result<OwnDevice, CommandError> {
        let device_id = DeviceId::from_bytes(random(cx.rng));
        let leaf_key = StoredSecret(random(cx.rng));
        let device_auth_key = DeviceAuthSecret::generate(&mut cx.rng);
        let leaf = ed25519_dalek::SigningKey::from_bytes(&leaf_key.0);
        let keys = DevicePublicKeys {
            device: device_id,
            leaf_key: LeafKey::from_bytes(leaf.verifying_key().to_bytes()),
            device_auth_key: device_auth_key.public(),
        };
        let certificate = seed.identity().certify(account, keys, cx.now);
        let certificate = certificate.encode();
        let leaf = own_leaf(&certificate, &leaf_key)?;
        let key_packages = self.make_key_packages(&leaf, KEY_PACKAGES_STOCK, cx)?;
        let (last_resort, last_resort_record) = self.make_last_resort(&leaf, cx)?;
        let created_at = cx.now;
        Ok(OwnDevice {
            device_id,
            leaf_key,
            device_auth_key,
            certificate,
            created_at,
            key_packages,
            last_resort,
            last_resort_record,
        })
    }

    /// A registration or enrolment that is saved and not yet answered goes out, again and again (O-7).
    pub(super) fn offer_enrolment(&mut self, cx: &mut Context<'_>) {
        let (path, body) = match self.account.as_ref().map(|account| &account.stage) {
            Some(Stage::Registering { body }) => ("/v1/accounts/register/finish", body),
            Some(Stage::Enrolling { body }) => ("/v1/devices", body),
            Some(Stage::Enrolled) | None => return,
        };
        let waits = !matches!(
            self.onboarding.as_ref().map(|onboarding| &onboarding.step),
            None | Some(Step::Offered(_))
        );
        if !waits && !self.requests.has(&Purpose::Onboarding) && self.session.begin_token_try(cx) {
            let ask = Ask::cbor_bytes(Method::Post, path, body.clone()).open();
            self.ask(ask, Purpose::Onboarding);
        }
    }

    /// `false`: the answer is none to this device, which is told; what is saved is offered again after a pause.
    pub(super) fn finish_enrolment(
        &mut self,
        command: Option<CommandId>,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let Ok(tokens) = serde_json::from_slice::<SessionTokens>(body) else {
            self.emit(Event::Fatal { code: CommandErrorCode::RelayMisbehaved });
            return false;
        };
        if !self.take_tokens(tokens, cx) {
            return false;
        }
        self.session.token_taken();
        if let (Some(command), Some(profile)) = (command, self.profile()) {
            self.finish(command, Ok(Outcome::Account { profile }));
        }
        self.emit(Event::DevicesChanged);
        self.connect(cx);
        true
    }

    pub(super) fn handle_onboarding_problem(&mut self, problem: &Problem, cx: &mut Context<'_>) {
        let offered = matches!(
            self.account.as_ref().map(|account| &account.stage),
            Some(Stage::Registering { .. } | Stage::Enrolling { .. })
        );
        match self.onboarding.take() {
            Some(Onboarding { command, step: Step::Offered(Some(opened)) })
                if problem.code == ErrorCode::VersionConflict =>
            {
                self.session.token_taken();
                let state = EnrolmentState { enrolment_ticket: opened.account.enrolment_ticket.clone() };
                self.ask(Ask::json("/v1/sessions/enrolment", &state).open().once(), Purpose::Onboarding);
                self.onboarding = Some(Onboarding { command, step: Step::Reopen(opened) });
            }
            None if offered && problem.code == ErrorCode::TicketInvalid => {
                // The answer may have been lost: if the relay knows this device, it signs in by its own key.
                if let Some(account) = &mut self.account {
                    account.stage = Stage::Enrolled;
                }
                self.save_account(cx);
            }
            onboarding => {
                let recovering = matches!(
                    onboarding.as_ref().map(|onboarding| &onboarding.step),
                    Some(Step::Recovery(..))
                );
                self.onboarding = onboarding;
                let mut error = CommandError::from(problem);
                if recovering && error.code == CommandErrorCode::WrongPassword {
                    error.code = CommandErrorCode::RecoveryKeyWrong;
                }
                self.fail_onboarding(error, cx);
            }
        }
    }

    /// Nothing of the attempt stays.
    pub(super) fn fail_onboarding(&mut self, error: CommandError, _: &mut Context<'_>) {
        let command = self.onboarding.take().map(|onboarding| onboarding.command);
        let saved = self.account.take().is_some();
        self.requests.drop_all();
        if saved {
            self.journal.delete(stored::ACCOUNT_KEY.to_owned());
            self.forget_records();
        }
        self.clear_records();
        match command {
            Some(command) => self.finish(command, Err(error)),
            None => self.emit(Event::SignedOut { reason: super::SignOutReason::Revoked }),
        }
    }
}

/// A device before it is a record: with its key packages.
pub(crate) struct OwnDevice {
    pub(crate) device_id: DeviceId,
    pub(crate) leaf_key: StoredSecret,
    pub(crate) device_auth_key: DeviceAuthSecret,
    pub(crate) certificate: Vec<u8>,
    pub(crate) created_at: UnixMillis,
    pub(crate) key_packages: KeyPackageList,
    pub(crate) last_resort: KeyPackageBytes,
    /// Where the private keys of the last-resort one are.
    pub(crate) last_resort_record: String,
}

impl OwnDevice {
    /// The device of an enrolment that met a newer list: the same keys, certificate and key packages.
    fn again(record: &AccountRecord) -> Option<Self> {
        let Stage::Enrolling { body } = &record.stage else {
            return None;
        };
        let enrol: EnrolDevice = protocol::socket::from_bytes(body).ok()?;
        Some(Self {
            device_id: record.device_id,
            leaf_key: record.leaf_key.clone(),
            device_auth_key: DeviceAuthSecret::from_bytes(&record.device_auth_key.0),
            certificate: record.certificate.clone(),
            created_at: record.device_created_at,
            key_packages: enrol.device.key_packages,
            last_resort: enrol.device.last_resort,
            last_resort_record: record.last_resort.as_ref()?.record.clone(),
        })
    }

    pub(super) fn new_device(&self) -> Result<NewDevice, CommandError> {
        Ok(NewDevice {
            device_id: self.device_id,
            certificate: bytes(self.certificate.clone())?,
            key_packages: self.key_packages.clone(),
            last_resort: self.last_resort.clone(),
        })
    }

    pub(super) fn record(
        self,
        account_id: AccountId,
        handle: String,
        relay_id: RelayId,
        stage: Stage,
    ) -> AccountRecord {
        AccountRecord {
            account_id,
            device_id: self.device_id,
            handle,
            relay_id,
            identity_key: [0; 32],
            leaf_key: self.leaf_key,
            device_auth_key: StoredSecret(*self.device_auth_key.expose()),
            certificate: self.certificate,
            root_keys: Vec::new(),
            device_list: Vec::new(),
            vault_record: RecordId::from_bytes([0; 16]),
            device_created_at: self.created_at,
            recovery_key: None,
            refresh_token: None,
            session_id: None,
            stage,
            refused_list: None,
            last_resort: Some(LastResort {
                since: self.created_at,
                record: self.last_resort_record,
                previous: None,
                used: false,
                unpublished: None,
            }),
            removal: None,
            root_offers: Vec::new(),
            root_unsent: false,
            revocations: Vec::new(),
        }
    }
}

/// Every generation, ascending; the newest must be the one to which the signed list commits.
pub(crate) fn root_keys_of(
    seed: &AccountSeed,
    account: &OpenedAccount,
    list: &VerifiedDeviceList,
) -> Result<Vec<RootKey>, CommandError> {
    let root_wrap_key = seed.root_wrap_key();
    let mut keys = Vec::new();
    for wrap in account.wraps.iter().filter(|wrap| wrap.kind == WrapKind::Root) {
        let key = unwrap_root(&root_wrap_key, account.account_id, wrap.generation, &wrap.bytes)
            .map_err(|_| CommandErrorCode::RelayMisbehaved)?;
        keys.push(key);
    }
    keys.sort_by_key(RootKey::generation);
    let newest = keys.last().ok_or(CommandErrorCode::RelayMisbehaved)?;
    if list.commits_to(newest) { Ok(keys) } else { Err(CommandErrorCode::RelayMisbehaved.into()) }
}

/// The root key under which version `version` of the vault is sealed, if it may be: an older generation ended at the
/// list's head (K-8).
pub(crate) fn sealing_root<'a>(
    root_keys: &'a [RootKey],
    list: &DeviceListBody,
    version: u64,
    sealed: &[u8],
) -> Option<&'a RootKey> {
    let generation = record_generation(sealed).ok()?;
    let in_time = generation == list.root_generation || version <= list.vault_head;
    root_keys.iter().find(|key| key.generation() == generation).filter(|_| in_time)
}

/// A signed revocation of each device that the list of this enrolment is the first to mark (K-8).
fn revocations(
    opened: &Opened,
    known: &VerifiedDeviceList,
    now: UnixMillis,
) -> Result<RevocationList, CommandError> {
    let (account, identity) = (opened.account.account_id, opened.seed.identity());
    let live = |device: &&DeviceId| known.body().entry(**device).is_some_and(|entry| entry.is_live());
    let revoked = opened.account.revoked_devices.iter().filter(live);
    let signed = revoked.map(|device| bytes(identity.revoke(account, *device, now).encode()));
    let signed: Vec<_> = signed.collect::<Result<_, _>>()?;
    List::new(signed).map_err(|_| CommandErrorCode::Misuse.into())
}

/// The list that follows `known`, or the first: with this device live and `revoked` ones marked.
pub(crate) fn sign_list(
    seed: &AccountSeed,
    known: Option<&VerifiedDeviceList>,
    own: &OwnDevice,
    root_key: &RootKey,
    revoked: &[DeviceId],
) -> Result<Vec<u8>, CommandError> {
    let identity = seed.identity();
    let certificate = VerifiedCertificate::verify(&own.certificate).map_err(|_| CommandErrorCode::Misuse)?;
    let mut draft = match known {
        Some(known) => DeviceListDraft::after(known),
        None => DeviceListDraft::first(certificate.body().account, identity.public(), root_key),
    };
    for device in revoked {
        // One that the list marks already needs no second mark.
        let _ = draft.revoke(*device, own.created_at);
    }
    draft.add(&certificate).map_err(|error| match error {
        DeviceListError::TooManyDevices => CommandErrorCode::TooManyDevices,
        _ => CommandErrorCode::RelayMisbehaved,
    })?;
    let list = draft.sign(&identity).map_err(|_| CommandErrorCode::Misuse)?;
    Ok(list.encoded().to_vec())
}
