//! What a person asks before registering: whether a handle is free, and whom the relay lets in.

use protocol::{Handle, accounts::RelayInfo};

use super::{
    Availability, Client, CommandErrorCode, CommandId, Context, Outcome,
    onboarding::json,
    pending::{Ask, Purpose},
};

impl Client {
    /// Whether a handle may be registered now.
    pub fn check_handle(&mut self, handle: &str, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        match handle.parse::<Handle>() {
            Ok(handle) => {
                let path = format!("/v1/accounts/available/{handle}");
                self.ask(Ask::get(path).open(), Purpose::CheckHandle(command));
            }
            Err(_) => {
                self.finish(command, Ok(Outcome::Handle { availability: Availability::Invalid }));
            }
        }
        self.session_tick(cx);
        command
    }

    pub(super) fn handle_checked(&mut self, command: CommandId, body: &[u8]) {
        let outcome = serde_json::from_slice::<protocol::accounts::HandleAvailability>(body)
            .map(|answer| if answer.available { Availability::Free } else { Availability::Taken })
            .map(|availability| Outcome::Handle { availability })
            .map_err(|_| CommandErrorCode::RelayMisbehaved.into());
        self.finish(command, outcome);
    }

    /// Whom the relay lets register.
    pub fn check_registration(&mut self, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        self.ask(Ask::get("/v1/relay").open(), Purpose::CheckRegistration(command));
        self.session_tick(cx);
        command
    }

    pub(super) fn registration_checked(&mut self, command: CommandId, body: &[u8]) {
        let outcome = json::<RelayInfo>(body).map(|relay| Outcome::Registration { mode: relay.registration });
        self.finish(command, outcome);
    }
}
