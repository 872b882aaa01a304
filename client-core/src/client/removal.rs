//! Removing devices (K-8): after a fresh proof of the password the relay revokes them at once; then the account seed
//! signs the next device list and a revocation of each, and wraps a root key of the next generation. What was signed is
//! saved before it is sent, and offered until it is answered (O-7). The seed lives in here only, and is wiped with it.

use protocol::{
    DeviceId, ErrorCode, Problem,
    accounts::{Wrap, WrapKind},
    devices::{RemoveDevices, RevokeDevices},
    sessions::{EnrolmentState, LoginFinish, LoginStart, LoginStarted, OpenedAccount},
    values::List,
};
use zeroize::Zeroizing;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Event, Outcome,
    enrolment::root_keys_of,
    error::login_refused,
    factors::Opener,
    onboarding::{bytes, json, seed_of},
    pending::{Ask, Purpose},
    requests::Method,
    stored::{PendingRemoval, StoredSecret},
};
use crate::{
    account_seed::{AccountSeed, PasswordKek},
    device_list::{DeviceListChain, DeviceListDraft, IdentityRule, VerifiedDeviceList},
    opaque::{self, Password, RelayKey},
    root_key::RootKey,
    vault::Vault,
    wraps::{SeedKek, wrap_root},
};

/// One at a time. Without a command: offered again after a restart.
pub(crate) struct Removing {
    command: Option<CommandId>,
    step: Step,
}

enum Step {
    /// The first answer of the log-in.
    Proving(Vec<DeviceId>, Box<opaque::Login>),
    /// The second, which opens the account.
    Proved(Vec<DeviceId>, PasswordKek, RelayKey),
    /// The relay revokes the devices.
    Revoking(Box<Opened>),
    /// The saved removal is offered. Without the opened account, a newer list ends it.
    Offered(Option<Box<Opened>>),
    /// The device list moved on: the account is opened again.
    Reopening(Box<Opened>),
}

/// The opened account, while the removal is not accepted.
struct Opened {
    devices: Vec<DeviceId>,
    seed: AccountSeed,
    account: OpenedAccount,
}

impl Client {
    /// Removes others of one's own devices for ever, after `password` was proved once more.
    pub fn remove_devices(
        &mut self,
        devices: Vec<DeviceId>,
        password: &Zeroizing<String>,
        cx: &mut Context<'_>,
    ) -> CommandId {
        let command = self.command();
        match self.prove(devices, Password::new(password.to_string()), cx) {
            Ok(step) => self.removing = Some(Removing { command: Some(command), step }),
            Err(error) => self.finish(command, Err(error)),
        }
        self.session_tick(cx);
        command
    }

    fn prove(
        &mut self,
        devices: Vec<DeviceId>,
        password: Password,
        cx: &mut Context<'_>,
    ) -> Result<Step, CommandError> {
        // Whoever begins anew has given up what waited for a second factor.
        self.drop_factor_wait();
        let account = self.enrolled().ok_or(CommandErrorCode::Misuse)?;
        let own = account.device_id;
        let busy = self.removing.is_some() || account.removal.is_some();
        let listed = self.devices();
        let known = |device: &DeviceId| listed.iter().any(|one| one.device_id == *device);
        if busy || devices.is_empty() || devices.contains(&own) || !devices.iter().all(known) {
            return Err(CommandErrorCode::Misuse.into());
        }
        let handle = account.handle.parse().map_err(|_| CommandErrorCode::StoreFailed)?;
        let (login, request) =
            opaque::Login::start(password, &mut cx.rng).map_err(|_| CommandErrorCode::WrongPassword)?;
        let start = LoginStart { handle, credential_request: bytes(request)? };
        self.ask(Ask::json("/v1/sessions/login/start", &start).open().once(), Purpose::Removal);
        Ok(Step::Proving(devices, Box::new(login)))
    }

    /// A removal that is saved and not answered goes out, again and again.
    pub(super) fn offer_removal(&mut self) {
        let waits =
            !matches!(self.removing.as_ref().map(|removing| &removing.step), None | Some(Step::Offered(_)));
        let Some(removal) = self.enrolled().and_then(|account| account.removal.as_ref()) else { return };
        if waits || self.requests.has(&Purpose::Removal) {
            return;
        }
        let ask = Ask::cbor_bytes(Method::Post, "/v1/devices/removals", removal.body.clone());
        self.ask(ask, Purpose::Removal);
    }

    pub(super) fn handle_removal_answer(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(Removing { command, step }) = self.removing.take() else {
            return self.removal_accepted(cx);
        };
        match self.next_removal_step(command, step, body, cx) {
            Ok(Some(step)) => self.removing = Some(Removing { command, step }),
            Ok(None) => {
                if let Some(command) = command {
                    self.finish(command, Ok(Outcome::Done {}));
                }
            }
            Err(error) => {
                if let Some(command) = command {
                    self.finish(command, Err(error));
                }
            }
        }
    }

    /// `Ok(None)`: the devices are removed.
    fn next_removal_step(
        &mut self,
        command: Option<CommandId>,
        step: Step,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Option<Step>, CommandError> {
        match step {
            Step::Proving(devices, login) => {
                let LoginStarted { ticket, credential_response } = json(body)?;
                let proved = login.finish(&credential_response, &mut cx.rng).map_err(login_refused)?;
                let kek = PasswordKek::derive(&proved.export_key);
                let finish = LoginFinish { ticket, credential_finalization: bytes(proved.finalization)? };
                self.ask(Ask::json("/v1/sessions/login/finish", &finish).open().once(), Purpose::Removal);
                Ok(Some(Step::Proved(devices, kek, proved.relay_key)))
            }
            Step::Proved(devices, kek, relay_key) => {
                let command = command.ok_or(CommandErrorCode::Misuse)?;
                let Some(account) = self.opened(Opener::Removal, command, body)? else {
                    return Ok(Some(Step::Proved(devices, kek, relay_key)));
                };
                let seed = seed_of(SeedKek::Password(&kek), &account)?;
                if self.vault.as_ref().and_then(Vault::relay_key).is_some_and(|pinned| pinned != relay_key) {
                    return Err(CommandErrorCode::RelayMisbehaved.into());
                }
                let revoke = RevokeDevices {
                    enrolment_ticket: account.enrolment_ticket.clone(),
                    devices: List::new(devices.clone()).map_err(|_| CommandErrorCode::Misuse)?,
                };
                self.ask(Ask::json("/v1/devices/revocations", &revoke).once(), Purpose::Removal);
                Ok(Some(Step::Revoking(Box::new(Opened { devices, seed, account }))))
            }
            Step::Revoking(opened) => self.sign_removal(opened, cx),
            Step::Reopening(mut opened) => {
                opened.account = json(body)?;
                self.sign_removal(opened, cx)
            }
            Step::Offered(_) => {
                self.removal_accepted(cx);
                Ok(None)
            }
        }
    }

    /// Signs list n + 1 and the revocations, makes root generation g + 1, and saves all of it before it is offered.
    fn sign_removal(
        &mut self,
        opened: Box<Opened>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Step>, CommandError> {
        let known = self.checked_own_list(&opened)?;
        let roots = root_keys_of(&opened.seed, &opened.account, &known)?;
        let newest = roots.last().ok_or(CommandErrorCode::RelayMisbehaved)?;
        let own = self.account.as_ref().ok_or(CommandErrorCode::Misuse)?.device_id;
        let gone = |device: &DeviceId| {
            *device != own
                && (opened.devices.contains(device) || opened.account.revoked_devices.contains(device))
        };
        let marked: Vec<DeviceId> = known.body().live().map(|entry| entry.device).filter(gone).collect();
        self.keep_roots(&roots);
        if marked.is_empty() {
            // The relay has taken them out before: this removal, whose answer was lost, or another device's.
            if let Some(account) = &mut self.account {
                account.root_unsent |= account.removal.take().is_some();
            }
            self.adopt_list(&known, cx);
            self.reseal_records(cx);
            self.tend_self(cx);
            return Ok(None);
        }
        let root = RootKey::generate(newest.generation().saturating_add(1), &mut cx.rng);
        let renewal = Renewal { marked: &marked, root: &root, records_head: self.records.cursor() };
        let body = removal_of(&opened, &known, renewal, cx)?;
        let removal = PendingRemoval {
            body: protocol::socket::to_bytes(&body),
            generation: root.generation(),
            root_key: StoredSecret(*root.expose()),
        };
        if let Some(account) = &mut self.account {
            account.removal = Some(removal);
        }
        self.save_account(cx);
        self.offer_removal();
        Ok(Some(Step::Offered(Some(opened))))
    }

    /// The list of the opened account: one's own identity's, and none that goes back behind the known one.
    fn checked_own_list(&self, opened: &Opened) -> Result<VerifiedDeviceList, CommandError> {
        let account = self.account.as_ref().ok_or(CommandErrorCode::Misuse)?;
        let misbehaved = CommandErrorCode::RelayMisbehaved;
        let offered = VerifiedDeviceList::verify(&opened.account.device_list).map_err(|_| misbehaved)?;
        let known =
            VerifiedDeviceList::verify(&account.device_list).map_err(|_| CommandErrorCode::StoreFailed)?;
        DeviceListChain::start(known).check(&offered, IdentityRule::Pinned).map_err(|_| misbehaved)?;
        if opened.seed.identity().public() == offered.body().identity_key {
            Ok(offered)
        } else {
            Err(misbehaved.into())
        }
    }

    /// The relay has the removal: its list counts, and everything after it is sealed under its root key.
    fn removal_accepted(&mut self, cx: &mut Context<'_>) {
        let Some(removal) = self.account.as_mut().and_then(|account| account.removal.take()) else {
            return;
        };
        let Ok(body) = protocol::socket::from_bytes::<RemoveDevices>(&removal.body) else { return };
        let Ok(list) = VerifiedDeviceList::verify(&body.device_list) else { return };
        if let Some(account) = &mut self.account {
            account.root_keys.push((removal.generation, removal.root_key));
            account.revocations.splice(0..0, body.revocations.into_vec());
            account.root_unsent = true;
        }
        self.adopt_list(&list, cx);
        self.reseal_records(cx);
        self.tend_self(cx);
    }

    pub(super) fn handle_removal_problem(&mut self, problem: &Problem, cx: &mut Context<'_>) {
        match self.removing.take() {
            Some(Removing { command, step: Step::Offered(Some(opened)) })
                if problem.code == ErrorCode::VersionConflict =>
            {
                let state = EnrolmentState { enrolment_ticket: opened.account.enrolment_ticket.clone() };
                self.ask(Ask::json("/v1/sessions/enrolment", &state).open(), Purpose::Removal);
                self.removing = Some(Removing { command, step: Step::Reopening(opened) });
            }
            removing => {
                self.removing = removing;
                self.fail_removal(CommandError::from(problem), cx);
            }
        }
    }

    /// What was signed is given up. The relay may have taken it all the same, before an answer was lost: then its root
    /// key is the one to which a later list commits.
    pub(super) fn fail_removal(&mut self, error: CommandError, cx: &mut Context<'_>) {
        if let Some(account) = &mut self.account
            && let Some(removal) = account.removal.take()
        {
            account.root_offers.push((removal.generation, removal.root_key));
            let own = account.account_id;
            self.save_account(cx);
            self.fetch_account(own);
        }
        if let Some(Removing { command: Some(command), .. }) = self.removing.take() {
            self.finish(command, Err(error));
        }
    }

    /// The command that showed the second factor takes the place of the one that was asked for it.
    pub(super) fn resume_removal(&mut self, command: CommandId) {
        if let Some(removing) = &mut self.removing {
            removing.command = Some(command);
        }
    }

    /// Given up before anything was done; its command has ended.
    pub(super) fn drop_removal(&mut self) {
        self.removing = None;
    }

    /// Signed out: nothing waits any more.
    pub(super) fn end_removal(&mut self) {
        if let Some(Removing { command: Some(command), .. }) = self.removing.take() {
            self.finish(command, Err(CommandErrorCode::SignedOut.into()));
        }
    }

    /// A newer list of one's own account, which has passed the chain.
    pub(super) fn adopt_list(&mut self, list: &VerifiedDeviceList, cx: &mut Context<'_>) {
        if let Some(account) = &mut self.account {
            account.device_list = list.encoded().to_vec();
        }
        self.adopt_roots(cx);
        self.save_account(cx);
        self.emit(Event::DevicesChanged);
        let groups: Vec<_> = self.groups.keys().copied().collect();
        for group in groups {
            self.judge_members(group, cx);
            self.tend_group(group, cx);
            self.flush(group, cx);
        }
    }
}

/// What the next list changes.
struct Renewal<'a> {
    marked: &'a [DeviceId],
    root: &'a RootKey,
    /// The last change of the records that is known here.
    records_head: u64,
}

fn removal_of(
    opened: &Opened,
    known: &VerifiedDeviceList,
    Renewal { marked, root, records_head }: Renewal<'_>,
    cx: &mut Context<'_>,
) -> Result<RemoveDevices, CommandError> {
    let refused = |_| CommandError::from(CommandErrorCode::Misuse);
    let (account, identity) = (opened.account.account_id, opened.seed.identity());
    let mut draft = DeviceListDraft::after(known);
    let mut revocations = Vec::with_capacity(marked.len());
    for device in marked {
        draft.revoke(*device, cx.now).map_err(refused)?;
        revocations.push(bytes(identity.revoke(account, *device, cx.now).encode())?);
    }
    draft.renew_root(root, opened.account.vault.version, records_head);
    let list = draft.sign(&identity).map_err(refused)?;
    let wrapped = wrap_root(&opened.seed.root_wrap_key(), account, root, &mut cx.rng);
    Ok(RemoveDevices {
        enrolment_ticket: opened.account.enrolment_ticket.clone(),
        device_list: bytes(list.encoded().to_vec())?,
        root_wrap: Wrap { kind: WrapKind::Root, generation: root.generation(), bytes: bytes(wrapped)? },
        revocations: List::new(revocations).map_err(|_| CommandErrorCode::Misuse)?,
    })
}
