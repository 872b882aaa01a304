//! Second factors: log-ins that wait for one (O-2), and the fresh proof that a change asks for.

mod changes;

use protocol::{
    ErrorCode, Problem, UnixMillis,
    accounts::Ticket,
    factors::{
        Factor, FactorCode, FactorKind, FreshProof, Opening, PendingFactor, SendEmailCode, ShowFactor,
    },
    limits::ENROLMENT_TICKET_SECONDS,
    sessions::{LoginFinish, LoginStart, LoginStarted, OpenedAccount},
};
use zeroize::Zeroizing;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Outcome,
    error::login_refused,
    onboarding::{bytes, json},
    pending::{Ask, Purpose},
    views::{FactorChoice, FactorPrompt},
};
use crate::{
    opaque::{self, Password},
    vault::Vault,
};

pub(crate) use changes::FactorChange;

/// Who opens the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    Onboarding,
    Proof,
    Removal,
}

/// What the client knows of second factors; all of it in memory only.
#[derive(Default)]
pub(crate) struct FactorState {
    wait: Option<FactorWait>,
    proving: Option<Proving>,
    proof: Option<Proof>,
    /// The app that is being set up.
    totp: Option<Ticket>,
    /// The address that is being set up.
    email: Option<Ticket>,
}

/// An opening that the relay holds back until a factor is shown.
struct FactorWait {
    ticket: Ticket,
    until: UnixMillis,
    opener: Opener,
    /// The answer under way.
    command: Option<CommandId>,
}

/// The password is being proved once more.
struct Proving {
    command: CommandId,
    /// `None`: the last step is under way.
    login: Option<Box<opaque::Login>>,
}

/// The account was opened a moment ago.
struct Proof {
    ticket: Ticket,
    until: UnixMillis,
}

impl FactorState {
    pub(crate) fn timeout(&self) -> Option<UnixMillis> {
        self.wait.as_ref().map(|wait| wait.until)
    }

    /// Forgets everything; gives the commands that waited.
    pub(crate) fn take_commands(&mut self) -> Vec<CommandId> {
        let state = core::mem::take(self);
        let answering = state.wait.and_then(|wait| wait.command);
        answering.into_iter().chain(state.proving.map(|proving| proving.command)).collect()
    }
}

impl Client {
    // ---- openings that wait

    /// What a right password or recovery key gives. `None`: a factor is wanted first, `command` ends with that, and the
    /// account comes by [`Self::handle_factor_answer`].
    pub(super) fn opened(
        &mut self,
        opener: Opener,
        command: CommandId,
        body: &[u8],
    ) -> Result<Option<OpenedAccount>, CommandError> {
        if self.factors.wait.take_if(|wait| wait.opener == opener).is_some() {
            return json::<OpenedAccount>(body).map(Some);
        }
        match json::<Opening>(body)? {
            Opening::Opened(account) => Ok(Some(*account)),
            Opening::FactorRequired { factor_required } => {
                let PendingFactor { factor_ticket, factors, expires_at } = factor_required;
                self.factors.wait =
                    Some(FactorWait { ticket: factor_ticket, until: expires_at, opener, command: None });
                let factors = factors.iter().copied().map(FactorChoice::from).collect();
                self.finish(command, Ok(Outcome::Factor { factor: FactorPrompt { factors, expires_at } }));
                Ok(None)
            }
        }
    }

    /// Whether an onboarding stands still until a person shows a factor: then another one may begin.
    pub(super) fn onboarding_waits_for_factor(&self) -> bool {
        self.factors.wait.as_ref().is_some_and(|wait| wait.opener == Opener::Onboarding)
    }

    /// Gives up an opening that waits.
    pub(super) fn drop_factor_wait(&mut self) {
        self.requests.forget(&Purpose::Factor);
        let Some(FactorWait { opener, command, .. }) = self.factors.wait.take() else { return };
        match opener {
            Opener::Onboarding => {}
            Opener::Proof => self.factors.proving = None,
            Opener::Removal => self.drop_removal(),
        }
        if let Some(command) = command {
            self.finish(command, Err(CommandErrorCode::Cancelled.into()));
        }
    }

    /// Shows the second factor that [`Outcome::Factor`] asked for; ends as the command that it interrupted.
    pub fn show_factor(&mut self, choice: FactorChoice, code: &str, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        match self.factor_request(choice, code, command) {
            Ok(request) => {
                self.ask(Ask::json("/v1/sessions/factor", &request).open().once(), Purpose::Factor)
            }
            Err(code) => self.finish(command, Err(code.into())),
        }
        self.session_tick(cx);
        command
    }

    fn factor_request(
        &mut self,
        choice: FactorChoice,
        code: &str,
        command: CommandId,
    ) -> Result<ShowFactor, CommandErrorCode> {
        let wait = self.factors.wait.as_mut().ok_or(CommandErrorCode::FactorExpired)?;
        if wait.command.is_some() {
            return Err(CommandErrorCode::Misuse);
        }
        let code: FactorCode = code.parse().map_err(|_| CommandErrorCode::FactorWrong)?;
        let factor = match choice {
            FactorChoice::Totp => Factor::Totp { code },
            FactorChoice::Email => Factor::Email { code },
            FactorChoice::RecoveryCode => Factor::RecoveryCode { code },
        };
        wait.command = Some(command);
        Ok(ShowFactor { factor_ticket: wait.ticket.clone(), factor })
    }

    /// Has the code sent to the address on file; ends with [`Outcome::Done`] once the mail is on its way.
    pub fn send_email_code(&mut self, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        match &self.factors.wait {
            Some(wait) => {
                let request = SendEmailCode { factor_ticket: wait.ticket.clone() };
                let ask = Ask::json("/v1/sessions/factor/email", &request).open().once();
                self.ask(ask, Purpose::FactorChange(command, FactorChange::SendEmailCode));
            }
            None => self.finish(command, Err(CommandErrorCode::FactorExpired.into())),
        }
        self.session_tick(cx);
        command
    }

    /// The account is open: whoever waited goes on where it stood.
    pub(super) fn handle_factor_answer(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(wait) = &self.factors.wait else { return };
        let (opener, command) = (wait.opener, wait.command);
        self.resume(opener, command);
        match opener {
            Opener::Onboarding => self.handle_onboarding_answer(body, cx),
            Opener::Proof => self.handle_proof_answer(body, cx),
            Opener::Removal => self.handle_removal_answer(body, cx),
        }
    }

    /// The command that showed the factor takes the place of the one that was asked for it.
    fn resume(&mut self, opener: Opener, command: Option<CommandId>) {
        let Some(command) = command else { return };
        match opener {
            Opener::Onboarding => {
                if let Some(onboarding) = &mut self.onboarding {
                    onboarding.command = command;
                }
            }
            Opener::Proof => {
                if let Some(proving) = &mut self.factors.proving {
                    proving.command = command;
                }
            }
            Opener::Removal => self.resume_removal(command),
        }
    }

    pub(super) fn handle_factor_problem(&mut self, problem: &Problem, cx: &mut Context<'_>) {
        match problem.code {
            ErrorCode::TriesExhausted => self.end_wait(CommandErrorCode::FactorTriesExhausted, cx),
            ErrorCode::TicketInvalid => self.end_wait(CommandErrorCode::FactorExpired, cx),
            _ => self.factor_failed(CommandError::from(problem)),
        }
    }

    /// The answer was not taken; another may be tried.
    pub(super) fn factor_failed(&mut self, error: CommandError) {
        let command = self.factors.wait.as_mut().and_then(|wait| wait.command.take());
        if let Some(command) = command {
            self.finish(command, Err(error));
        }
    }

    fn end_wait(&mut self, code: CommandErrorCode, cx: &mut Context<'_>) {
        let Some(wait) = self.factors.wait.take() else { return };
        self.resume(wait.opener, wait.command);
        match wait.opener {
            Opener::Onboarding => self.fail_onboarding(code.into(), cx),
            Opener::Proof => self.fail_proof(code.into()),
            Opener::Removal => self.fail_removal(code.into(), cx),
        }
    }

    /// A wait that is over leaves nothing behind, and tells nobody: the next answer hears of it.
    pub(super) fn expire_factor_wait(&mut self, now: UnixMillis) {
        if let Some(wait) = self.factors.wait.take_if(|wait| wait.until <= now && wait.command.is_none()) {
            match wait.opener {
                Opener::Onboarding => self.onboarding = None,
                Opener::Proof => self.factors.proving = None,
                Opener::Removal => self.drop_removal(),
            }
        }
    }

    // ---- the fresh proof

    /// Proves the password once more, as the changes of factors ask for; ends with [`Outcome::Done`].
    pub fn prove_password(&mut self, password: &Zeroizing<String>, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        if let Err(error) = self.start_proof(command, Password::new(password.to_string()), cx) {
            self.finish(command, Err(error));
        }
        self.session_tick(cx);
        command
    }

    fn start_proof(
        &mut self,
        command: CommandId,
        password: Password,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let account = self.enrolled().ok_or(CommandErrorCode::Misuse)?;
        let handle = account.handle.parse().map_err(|_| CommandErrorCode::StoreFailed)?;
        if self.factors.wait.is_some() {
            self.drop_factor_wait();
        } else if self.factors.proving.is_some() {
            return Err(CommandErrorCode::Misuse.into());
        }
        let (login, request) =
            opaque::Login::start(password, &mut cx.rng).map_err(|_| CommandErrorCode::WrongPassword)?;
        let start = LoginStart { handle, credential_request: bytes(request)? };
        self.factors.proving = Some(Proving { command, login: Some(Box::new(login)) });
        self.ask(Ask::json("/v1/sessions/login/start", &start).open().once(), Purpose::Proof);
        Ok(())
    }

    pub(super) fn handle_proof_answer(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let Some(proving) = self.factors.proving.take() else { return };
        let command = proving.command;
        match self.next_proof_step(proving, body, cx) {
            Ok(proving) => self.factors.proving = proving,
            Err(error) => self.finish(command, Err(error)),
        }
    }

    /// `None`: it is proved.
    fn next_proof_step(
        &mut self,
        proving: Proving,
        body: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Option<Proving>, CommandError> {
        let Proving { command, login } = proving;
        if let Some(login) = login {
            let LoginStarted { ticket, credential_response } = json(body)?;
            let proved = login.finish(&credential_response, &mut cx.rng).map_err(login_refused)?;
            let pinned = self.vault.as_ref().and_then(Vault::relay_key);
            if pinned.is_some_and(|pinned| pinned != proved.relay_key) {
                return Err(CommandErrorCode::RelayMisbehaved.into());
            }
            let finish = LoginFinish { ticket, credential_finalization: bytes(proved.finalization)? };
            self.ask(Ask::json("/v1/sessions/login/finish", &finish).open().once(), Purpose::Proof);
            return Ok(Some(Proving { command, login: None }));
        }
        let Some(account) = self.opened(Opener::Proof, command, body)? else {
            return Ok(Some(Proving { command, login: None }));
        };
        if account.account_id != self.own_account()? {
            return Err(CommandErrorCode::RelayMisbehaved.into());
        }
        let until = cx.now.plus_seconds(ENROLMENT_TICKET_SECONDS);
        self.factors.proof = Some(Proof { ticket: account.enrolment_ticket, until });
        self.finish(command, Ok(Outcome::Done {}));
        Ok(None)
    }

    pub(super) fn fail_proof(&mut self, error: CommandError) {
        if let Some(proving) = self.factors.proving.take() {
            self.finish(proving.command, Err(error));
        }
    }

    fn fresh_proof(&self, now: UnixMillis) -> Result<FreshProof, CommandErrorCode> {
        let proof = self.factors.proof.as_ref().filter(|proof| now < proof.until);
        let proof = proof.ok_or(CommandErrorCode::ProofNeeded)?;
        Ok(FreshProof { enrolment_ticket: proof.ticket.clone() })
    }
}

impl From<FactorKind> for FactorChoice {
    fn from(kind: FactorKind) -> Self {
        match kind {
            FactorKind::Totp => Self::Totp,
            FactorKind::Email => Self::Email,
            FactorKind::RecoveryCode => Self::RecoveryCode,
        }
    }
}
