//! What a person changes of their own factors, and what else takes the fresh proof.

use protocol::{
    ErrorCode, Problem, SessionId, UnixMillis,
    accounts::DeleteAccount,
    factors::{
        ConfirmFactor, EmailAddress, EmailStarted, FactorCode, OwnFactors, RecoveryCodes, StartEmail,
        TotpStarted,
    },
    sessions::EndSessions,
};

use crate::client::{
    Client, CommandError, CommandErrorCode, CommandId, Context, Outcome, SignOutReason,
    base32::base32,
    onboarding::json,
    pending::{Ask, Purpose},
    views::{Factors, SecretText},
};

/// What is asked of one's own factors, and what else takes the fresh proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorChange {
    List,
    SendEmailCode,
    StartTotp,
    ConfirmTotp,
    RemoveTotp,
    StartEmail,
    ConfirmEmail,
    RemoveEmail,
    RenewRecoveryCodes,
    EndSessions,
    DeleteAccount,
}

impl Client {
    /// Asks which factors the account has; ends with [`Outcome::Factors`].
    pub fn list_factors(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::List, cx, |_, _| Ok(Ask::get("/v1/factors")))
    }

    /// Asks for the seed of an authenticator app; ends with [`Outcome::TotpSecret`].
    pub fn start_totp(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::StartTotp, cx, |client, now| {
            Ok(Ask::json("/v1/factors/totp/start", &client.fresh_proof(now)?))
        })
    }

    /// Turns the app on by its first code; ends with [`Outcome::RecoveryCodes`].
    pub fn confirm_totp(&mut self, code: &str, cx: &mut Context<'_>) -> CommandId {
        let code = code.parse::<FactorCode>();
        self.change(FactorChange::ConfirmTotp, cx, |client, _| {
            let ticket = client.factors.totp.clone().ok_or(CommandErrorCode::FactorExpired)?;
            let code = code.map_err(|_| CommandErrorCode::FactorWrong)?;
            Ok(Ask::json("/v1/factors/totp", &ConfirmFactor { ticket, code }))
        })
    }

    /// Turns the app off; ends with [`Outcome::Done`].
    pub fn remove_totp(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::RemoveTotp, cx, |client, now| {
            Ok(Ask::json("/v1/factors/totp/removal", &client.fresh_proof(now)?))
        })
    }

    /// Has a code sent to a new address; ends with [`Outcome::Done`].
    pub fn start_email(&mut self, address: &str, cx: &mut Context<'_>) -> CommandId {
        let address = address.trim().parse::<EmailAddress>();
        self.change(FactorChange::StartEmail, cx, |client, now| {
            let address = address.map_err(|_| CommandErrorCode::EmailInvalid)?;
            let enrolment_ticket = client.fresh_proof(now)?.enrolment_ticket;
            Ok(Ask::json("/v1/factors/email/start", &StartEmail { enrolment_ticket, address }).once())
        })
    }

    /// Turns codes by e-mail on by the first one; ends with [`Outcome::RecoveryCodes`].
    pub fn confirm_email(&mut self, code: &str, cx: &mut Context<'_>) -> CommandId {
        let code = code.parse::<FactorCode>();
        self.change(FactorChange::ConfirmEmail, cx, |client, _| {
            let ticket = client.factors.email.clone().ok_or(CommandErrorCode::FactorExpired)?;
            let code = code.map_err(|_| CommandErrorCode::FactorWrong)?;
            Ok(Ask::json("/v1/factors/email", &ConfirmFactor { ticket, code }).once())
        })
    }

    /// Turns codes by e-mail off; ends with [`Outcome::Done`].
    pub fn remove_email(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::RemoveEmail, cx, |client, now| {
            Ok(Ask::json("/v1/factors/email/removal", &client.fresh_proof(now)?))
        })
    }

    /// Signs another of one's own devices out by its session, or all others; ends with [`Outcome::Done`].
    pub fn end_sessions(&mut self, session_id: Option<SessionId>, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::EndSessions, cx, |client, now| {
            let enrolment_ticket = client.fresh_proof(now)?.enrolment_ticket;
            Ok(Ask::json("/v1/sessions/endings", &EndSessions { enrolment_ticket, session_id }))
        })
    }

    /// Deletes the account for good, whose handle the person has typed; ends with [`Outcome::Done`] and the account out of
    /// memory. A device that did not hear the answer is told with its next request.
    pub fn delete_account(&mut self, handle: &str, cx: &mut Context<'_>) -> CommandId {
        let own = self.enrolled().is_some_and(|account| account.handle == handle);
        self.change(FactorChange::DeleteAccount, cx, |client, now| {
            let handle = handle.parse().ok().filter(|_| own).ok_or(CommandErrorCode::HandleInvalid)?;
            let enrolment_ticket = client.fresh_proof(now)?.enrolment_ticket;
            Ok(Ask::json("/v1/accounts/me/deletion", &DeleteAccount { enrolment_ticket, handle }))
        })
    }

    /// Asks for new recovery codes, which end the old ones; ends with [`Outcome::RecoveryCodes`].
    pub fn renew_recovery_codes(&mut self, cx: &mut Context<'_>) -> CommandId {
        self.change(FactorChange::RenewRecoveryCodes, cx, |client, now| {
            Ok(Ask::json("/v1/factors/recovery-codes", &client.fresh_proof(now)?))
        })
    }

    pub(super) fn change(
        &mut self,
        change: FactorChange,
        cx: &mut Context<'_>,
        ask: impl FnOnce(&Self, UnixMillis) -> Result<Ask, CommandErrorCode>,
    ) -> CommandId {
        let command = self.command();
        let asked = match self.enrolled() {
            Some(_) => ask(self, cx.now),
            None => Err(CommandErrorCode::Misuse),
        };
        match asked {
            Ok(ask) => self.ask(ask, Purpose::FactorChange(command, change)),
            Err(code) => self.finish(command, Err(code.into())),
        }
        self.session_tick(cx);
        command
    }

    pub(in crate::client) fn handle_factor_changed(
        &mut self,
        command: CommandId,
        change: FactorChange,
        body: &[u8],
    ) {
        let outcome = self.factor_outcome(change, body);
        self.finish(command, outcome);
        if change == FactorChange::DeleteAccount {
            self.signed_out(SignOutReason::Deleted);
        }
    }

    fn factor_outcome(&mut self, change: FactorChange, body: &[u8]) -> Result<Outcome, CommandError> {
        Ok(match change {
            FactorChange::List => {
                let OwnFactors { totp_since, email, recovery_codes_left } = json(body)?;
                let email = email.map(|email| email.address.as_str().to_owned());
                Outcome::Factors(Factors { totp_since, email, recovery_codes_left })
            }
            FactorChange::StartTotp => {
                let TotpStarted { ticket, seed } = json(body)?;
                self.factors.totp = Some(ticket);
                Outcome::TotpSecret { secret: base32(&*seed) }
            }
            FactorChange::StartEmail => {
                self.factors.email = Some(json::<EmailStarted>(body)?.ticket);
                Outcome::Done {}
            }
            FactorChange::ConfirmTotp | FactorChange::ConfirmEmail | FactorChange::RenewRecoveryCodes => {
                if change != FactorChange::RenewRecoveryCodes {
                    // What was opened without this factor proves too little from now on.
                    self.factors.totp = None;
                    self.factors.email = None;
                    self.factors.proof = None;
                }
                let RecoveryCodes { codes } = json(body)?;
                let text = |code: &FactorCode| SecretText::new(code.as_str());
                Outcome::RecoveryCodes { codes: codes.iter().map(text).collect() }
            }
            FactorChange::SendEmailCode
            | FactorChange::RemoveTotp
            | FactorChange::RemoveEmail
            | FactorChange::EndSessions
            | FactorChange::DeleteAccount => Outcome::Done {},
        })
    }

    pub(in crate::client) fn handle_factor_change_problem(
        &mut self,
        (command, change): (CommandId, FactorChange),
        problem: &Problem,
    ) {
        let mut error = CommandError::from(problem);
        if problem.code == ErrorCode::TicketInvalid {
            error.code = match change {
                FactorChange::ConfirmTotp | FactorChange::ConfirmEmail | FactorChange::SendEmailCode => {
                    CommandErrorCode::FactorExpired
                }
                _ => {
                    self.factors.proof = None;
                    CommandErrorCode::ProofNeeded
                }
            };
        }
        self.finish(command, Err(error));
    }
}
