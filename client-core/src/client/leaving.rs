//! Signing out: the relay is told before anything is forgotten (K-7).

use protocol::UnixMillis;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Context, SignOutReason,
    pending::{Ask, Purpose},
};

/// A person who signs out waits so long for the relay at most.
const LOG_OUT_MS: u64 = 8_000;

impl Client {
    /// Signs out: the relay revokes this device, and the host then wipes the store. Without an access token the device
    /// first gets one. When the relay did not answer within eight seconds the command fails and nothing has changed: the
    /// person tries again, or has the host wipe the store without the relay's knowing.
    pub fn log_out(&mut self, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        if self.session.leaving.is_some() {
            self.finish(command, Err(CommandErrorCode::Misuse.into()));
        } else {
            let until = UnixMillis(cx.now.0.saturating_add(LOG_OUT_MS));
            self.session.leaving = Some((command, until));
            if self.enrolled().is_some() {
                self.ask(Ask::delete("/v1/sessions/current"), Purpose::LogOut);
                self.requests.wake(cx.now, true);
            } else {
                self.signed_out(SignOutReason::LoggedOut);
            }
        }
        self.session_tick(cx);
        command
    }

    /// The relay did not do it: the device stays as it was.
    pub(super) fn fail_log_out(&mut self, error: CommandError) {
        self.requests.forget(&Purpose::LogOut);
        if let Some((command, _)) = self.session.leaving.take() {
            self.finish(command, Err(error));
        }
    }

    pub(super) fn give_up_leaving(&mut self, now: UnixMillis) {
        if self.session.leaving.is_some_and(|(_, until)| until <= now) {
            self.fail_log_out(CommandErrorCode::Offline.into());
        }
    }
}
