//! The session: tokens, the socket, its heartbeat, and the way back after a loss (S-1 … S-5).

use protocol::{
    ErrorCode, Problem, UnixMillis,
    limits::{CLIENT_VERSION, CURSORS_MAX, HEARTBEAT_DEAD_MS, HEARTBEAT_MS},
    sessions::{AccessToken, DeviceChallenge, DeviceLogin, DeviceNonce, Refresh, SessionTokens},
    socket::{ClientFrame, Received, RelayFrame, close, to_bytes},
    values::{Exactly, List},
};

use super::{
    Client, CommandErrorCode, CommandId, Connection, Context, Event, HostKind, Outcome, SignOutReason,
    Transmit,
    audit::AuditLog,
    factors::FactorChange,
    history::LoadPurpose,
    pending::{Ask, Purpose, backoff_ms},
    stored::{Stage, StoredSecret},
};
use crate::identity::DeviceAuthSecret;

/// A new access token is asked for so long before the old one ends.
const REFRESH_AHEAD_MS: u64 = 60_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Socket {
    /// Nothing is wanted.
    #[default]
    Idle,
    /// Wanted; waits for a token.
    Wanted,
    /// The host opens it.
    Opening,
    /// The token is on its way.
    Authenticating,
    /// Frames flow both ways.
    Open,
    /// The next try.
    Until(UnixMillis),
}

#[derive(Default)]
pub(crate) struct Session {
    /// The log-out that waits for its answer, and for how long.
    pub(super) leaving: Option<(CommandId, UnixMillis)>,
    token: Option<(AccessToken, UnixMillis)>,
    /// Tries at a token since the relay last took one, and when the next may be made; 0: at once.
    token_tries: u32,
    token_due: UnixMillis,
    socket: Socket,
    attempts: u32,
    last_heard: UnixMillis,
    ping_sent: bool,
    shown: Option<(Connection, u32)>,
    /// What follows on this connection is live.
    caught_up: bool,
    /// All groups of the relay are known on this connection.
    pub(crate) groups_listed: bool,
    /// The missing root key was asked for since the start.
    pub(crate) root_asked: bool,
}

impl Session {
    pub(crate) fn access_token(&self) -> Option<&str> {
        self.token.as_ref().map(|(token, _)| token.0.as_str())
    }

    pub(crate) fn forget_token(&mut self) {
        self.token = None;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket == Socket::Open
    }

    /// Whether a token may be asked for now. A relay that gives wrong ones, or does not take what it gave, is asked ever
    /// more slowly.
    pub(super) fn begin_token_try(&mut self, cx: &mut Context<'_>) -> bool {
        if self.token_due > cx.now {
            return false;
        }
        self.token_tries = self.token_tries.saturating_add(1);
        self.token_due = UnixMillis(cx.now.0.saturating_add(backoff_ms(self.token_tries, cx.rng)));
        true
    }

    /// The relay took a token, or said why it wants another try.
    pub(super) fn token_taken(&mut self) {
        self.token_tries = 0;
        self.token_due = UnixMillis(0);
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.is_open() && self.caught_up
    }

    pub(crate) fn timeout(&self) -> Option<UnixMillis> {
        let refresh = self.token.as_ref().map(|(_, ends)| ends.0.saturating_sub(REFRESH_AHEAD_MS));
        let refresh = refresh.map(|at| UnixMillis(at.max(self.token_due.0)));
        let token = Some(self.token_due).filter(|due| due.0 > 0);
        let socket = match self.socket {
            Socket::Until(until) => Some(until),
            Socket::Open => Some(self.heartbeat_due()),
            Socket::Opening | Socket::Authenticating => {
                Some(UnixMillis(self.last_heard.0.saturating_add(HEARTBEAT_DEAD_MS)))
            }
            Socket::Idle | Socket::Wanted => None,
        };
        let wanted = self.socket != Socket::Idle;
        let leaving = self.leaving.map(|(_, until)| until);
        [refresh.filter(|_| wanted), token, socket, leaving].into_iter().flatten().min()
    }

    fn heartbeat_due(&self) -> UnixMillis {
        let wait = if self.ping_sent { HEARTBEAT_MS + HEARTBEAT_DEAD_MS } else { HEARTBEAT_MS };
        UnixMillis(self.last_heard.0.saturating_add(wait))
    }
}

impl Client {
    /// How the relay is reached.
    pub fn connection(&self) -> Connection {
        match self.session.socket {
            Socket::Open => Connection::Online,
            Socket::Wanted | Socket::Opening | Socket::Authenticating => Connection::Connecting,
            Socket::Until(until) => Connection::Offline { retry_at: Some(until) },
            Socket::Idle => Connection::Offline { retry_at: None },
        }
    }

    /// Connects, or hurries a try that is waiting: at start, when the network or the screen is back.
    pub fn connect(&mut self, cx: &mut Context<'_>) {
        if self.account.is_none() {
            return;
        }
        self.requests.wake(cx.now, true);
        if matches!(self.session.socket, Socket::Idle | Socket::Until(_)) {
            self.session.attempts = 0;
            self.session.socket = Socket::Wanted;
        }
        self.session_tick(cx);
    }

    /// The host knows that there is no network: no tries until [`Self::connect`].
    pub fn go_offline(&mut self, cx: &mut Context<'_>) {
        if !matches!(self.session.socket, Socket::Idle | Socket::Until(_) | Socket::Wanted) {
            self.transmits.push_back(Transmit::Close);
        }
        self.session.socket = Socket::Idle;
        self.socket_lost();
        self.session_tick(cx);
    }

    /// Everything of the account leaves memory; the host wipes the store.
    pub(super) fn signed_out(&mut self, reason: SignOutReason) {
        // The relay closes the socket of a device that logs out, and this may be heard before the answer.
        let leaving = self.session.leaving.take();
        let reason = if leaving.is_some() { SignOutReason::LoggedOut } else { reason };
        if let Some((command, _)) = leaving {
            self.finish(command, Ok(Outcome::Done {}));
        }
        if self.account.take().is_none() {
            return;
        }
        self.end_commands(reason);
        self.groups.clear();
        self.outbox.clear();
        self.bundles.clear();
        self.device_lists.clear();
        self.doubted.clear();
        self.clear_records();
        self.loads_out.clear();
        self.journal.clear();
        self.transmits.push_back(Transmit::Close);
        self.session = Session::default();
        self.audit = AuditLog::default();
        self.emit(Event::SignedOut { reason });
    }

    /// Answers every command that waits for the relay or the store, and forgets what it waited for.
    fn end_commands(&mut self, reason: SignOutReason) {
        for purpose in self.requests.take_all() {
            // The socket may tell it before the answer does.
            if let (Purpose::FactorChange(command, FactorChange::DeleteAccount), SignOutReason::Deleted) =
                (&purpose, reason)
            {
                self.finish(*command, Ok(Outcome::Done {}));
                continue;
            }
            if let Purpose::CheckHandle(command)
            | Purpose::CheckRegistration(command)
            | Purpose::ListAudit(command)
            | Purpose::Question(command, _)
            | Purpose::FactorChange(command, _) = purpose
            {
                self.finish(command, Err(CommandErrorCode::SignedOut.into()));
            }
        }
        self.fail_start(CommandErrorCode::SignedOut.into());
        for command in self.factors.take_commands() {
            self.finish(command, Err(CommandErrorCode::SignedOut.into()));
        }
        self.end_removal();
        for purpose in core::mem::take(&mut self.loads).into_values() {
            if let LoadPurpose::Page { command, .. } | LoadPurpose::File(command) = purpose {
                self.finish(command, Err(CommandErrorCode::SignedOut.into()));
            }
        }
    }

    // ---- tokens

    /// Moves on whatever can move: called at the end of every input.
    pub(super) fn session_tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        match self.session.socket {
            Socket::Until(until) if until <= now => self.session.socket = Socket::Wanted,
            Socket::Open if self.session.heartbeat_due() <= now => self.heartbeat(cx),
            Socket::Opening | Socket::Authenticating
                if now.0 >= self.session.last_heard.0.saturating_add(HEARTBEAT_DEAD_MS) =>
            {
                self.transmits.push_back(Transmit::Close);
                self.socket_down(None, cx);
            }
            _ => {}
        }
        if self.session.token_due <= now {
            self.session.token_due = UnixMillis(0);
        }
        self.expire_factor_wait(now);
        self.offer_enrolment(cx);
        self.give_up_leaving(now);
        self.offer_removal();
        let ends = self.session.token.as_ref().map(|(_, ends)| *ends);
        if ends.is_some_and(|ends| ends <= now) {
            self.session.token = None;
        }
        let stale = ends.is_none_or(|ends| ends.0 <= now.0.saturating_add(REFRESH_AHEAD_MS));
        let wanted = self.session.socket != Socket::Idle || self.requests.wants_token();
        if stale && wanted && self.enrolled().is_some() {
            self.refresh(cx);
        }
        if self.session.socket == Socket::Wanted && self.session.token.is_some() {
            self.session.socket = Socket::Opening;
            self.session.last_heard = now;
            self.transmits.push_back(Transmit::Open);
        }
        self.emit_connection();
    }

    fn refresh(&mut self, cx: &mut Context<'_>) {
        if !self.session.begin_token_try(cx) {
            return;
        }
        let busy = [Purpose::Refresh, Purpose::DeviceChallenge, Purpose::DeviceLogin];
        if busy.iter().any(|purpose| self.requests.has(purpose)) {
            return;
        }
        let Some(account) = self.enrolled() else { return };
        let refresh_token = account.refresh_token.as_ref().map(|token| Exactly(token.0));
        if refresh_token.is_some() || (self.host == HostKind::Browser && account.session_id.is_some()) {
            self.ask(Ask::json("/v1/sessions/refresh", &Refresh { refresh_token }).open(), Purpose::Refresh);
        } else {
            self.log_in_by_device();
        }
    }

    /// The refresh token is gone or used up: the device signs in with its own key (O-1).
    pub(super) fn log_in_by_device(&mut self) {
        let Some(account) = self.enrolled() else { return };
        let challenge = DeviceChallenge { account_id: account.account_id, device_id: account.device_id };
        self.ask(Ask::json("/v1/sessions/device/challenge", &challenge).open(), Purpose::DeviceChallenge);
    }

    pub(super) fn handle_nonce(&mut self, body: &[u8]) {
        let Ok(DeviceNonce { nonce }) = serde_json::from_slice(body) else {
            return;
        };
        let Some(account) = self.enrolled() else { return };
        let key = DeviceAuthSecret::from_bytes(&account.device_auth_key.0);
        let signature = key.sign_login(account.relay_id, account.account_id, account.device_id, &nonce);
        let login = DeviceLogin {
            account_id: account.account_id,
            device_id: account.device_id,
            nonce,
            signature: Exactly(*signature.as_bytes()),
        };
        self.ask(Ask::json("/v1/sessions/device", &login).open(), Purpose::DeviceLogin);
    }

    pub(super) fn handle_device_login_problem(&mut self, problem: &Problem, cx: &mut Context<'_>) {
        match problem.code {
            // Only a device that is revoked, or unknown to this relay, can't sign in with its own key.
            ErrorCode::DeviceRevoked | ErrorCode::WrongCredentials => self.signed_out(SignOutReason::Revoked),
            ErrorCode::AccountDeleted => self.signed_out(SignOutReason::Deleted),
            // The nonce came too late: the next try gets another.
            ErrorCode::TicketInvalid => {}
            _ => self.socket_down(None, cx),
        }
    }

    pub(super) fn handle_tokens(&mut self, body: &[u8], cx: &mut Context<'_>) {
        let tokens = serde_json::from_slice::<SessionTokens>(body);
        if !tokens.is_ok_and(|tokens| self.take_tokens(tokens, cx)) {
            self.socket_down(None, cx);
        }
    }

    /// `false`: they are not this device's, which is told.
    pub(super) fn take_tokens(&mut self, tokens: SessionTokens, cx: &mut Context<'_>) -> bool {
        let Some(account) = &mut self.account else { return false };
        if tokens.account_id != account.account_id || tokens.device_id != account.device_id {
            self.emit(Event::Fatal { code: CommandErrorCode::RelayMisbehaved });
            return false;
        }
        account.stage = Stage::Enrolled;
        account.session_id = Some(tokens.session_id);
        account.refresh_token = tokens.refresh_token.map(|token| StoredSecret(token.0));
        self.save_account(cx);
        if matches!(self.session.socket, Socket::Open | Socket::Authenticating) {
            self.send_frame(&ClientFrame::Authenticate { token: tokens.access_token.clone() });
        }
        self.session.token = Some((tokens.access_token, tokens.access_expires_at));
        true
    }

    // ---- the socket

    /// The socket that was asked for is open.
    pub fn handle_socket_opened(&mut self, cx: &mut Context<'_>) {
        if self.session.socket != Socket::Opening {
            return;
        }
        self.session.last_heard = cx.now;
        if let Some((token, _)) = self.session.token.clone() {
            self.session.socket = Socket::Authenticating;
            self.send_frame(&ClientFrame::Authenticate { token });
        }
        self.session_tick(cx);
    }

    /// The socket could not be opened, or ended; `code` is the peer's close code.
    pub fn handle_socket_closed(&mut self, code: Option<u16>, cx: &mut Context<'_>) {
        if matches!(self.session.socket, Socket::Opening | Socket::Authenticating | Socket::Open) {
            self.socket_down(code, cx);
        }
        self.session_tick(cx);
    }

    fn socket_down(&mut self, code: Option<u16>, cx: &mut Context<'_>) {
        self.socket_lost();
        match code {
            Some(close::TOKEN_EXPIRED | close::UNAUTHENTICATED) => self.session.token = None,
            Some(close::DEVICE_REVOKED) => return self.signed_out(SignOutReason::Revoked),
            Some(close::ACCOUNT_DELETED) => return self.signed_out(SignOutReason::Deleted),
            Some(close::CLIENT_TOO_OLD) => {
                self.session.socket = Socket::Idle;
                return self.emit(Event::Fatal { code: CommandErrorCode::OutOfDate });
            }
            _ => {}
        }
        if self.session.socket == Socket::Idle {
            return;
        }
        self.session.attempts = self.session.attempts.saturating_add(1);
        let pause = backoff_ms(self.session.attempts, cx.rng);
        self.session.socket = Socket::Until(UnixMillis(cx.now.0.saturating_add(pause)));
    }

    /// What was in flight on the old connection goes again on the next one.
    fn socket_lost(&mut self) {
        self.session.ping_sent = false;
        self.session.caught_up = false;
        self.session.groups_listed = false;
        self.forget_flights();
    }

    fn heartbeat(&mut self, cx: &mut Context<'_>) {
        if self.session.ping_sent {
            self.transmits.push_back(Transmit::Close);
            self.socket_down(None, cx);
        } else {
            self.session.ping_sent = true;
            self.send_frame(&ClientFrame::Ping);
            self.renew_leaves(cx);
            self.renew_last_resort(cx);
        }
    }

    pub(super) fn send_frame(&mut self, frame: &ClientFrame) {
        self.transmits.push_back(Transmit::Frame(to_bytes(frame)));
    }

    /// A binary message of the socket.
    pub fn handle_frame(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        if !matches!(self.session.socket, Socket::Authenticating | Socket::Open) {
            return;
        }
        self.session.last_heard = cx.now;
        self.session.ping_sent = false;
        match RelayFrame::from_bytes(bytes) {
            Ok(Received::Known(frame)) => self.take_frame(frame, cx),
            Ok(Received::Unknown(_)) => {}
            Err(_) => {
                self.transmits.push_back(Transmit::Close);
                self.socket_down(Some(close::MALFORMED), cx);
            }
        }
        self.session_tick(cx);
    }

    fn take_frame(&mut self, frame: RelayFrame, cx: &mut Context<'_>) {
        match frame {
            RelayFrame::Authenticated { .. } => {
                if self.session.socket == Socket::Authenticating {
                    self.say_hello(cx);
                }
            }
            RelayFrame::Entries { group_id, entries } => {
                self.handle_entries(group_id, entries.into_vec(), cx)
            }
            RelayFrame::EntryWaiting(cursor) => self.handle_entry_waiting(cursor, cx),
            RelayFrame::WelcomeWaiting { .. } => self.fetch_welcomes(),
            RelayFrame::CaughtUp => {
                self.session.attempts = 0;
                self.session.caught_up = true;
                self.tend_all(cx);
            }
            RelayFrame::Gap { group_id, gap } => self.handle_gap(group_id, gap, cx),
            RelayFrame::Posted(posted) => self.handle_posted(&posted, cx),
            RelayFrame::Refused { message_id, code, epoch: _, head, seq, retry_after_seconds } => {
                self.handle_refused(message_id, code, [head, seq, retry_after_seconds], cx);
            }
            RelayFrame::KeyPackagesLow { available } => self.stock_key_packages(available, cx),
            RelayFrame::DeviceListChanged { account_id, .. } => self.fetch_account(account_id),
            RelayFrame::Draining { reconnect_after_ms } => {
                self.transmits.push_back(Transmit::Close);
                self.socket_down(Some(close::SHUTTING_DOWN), cx);
                let until = cx.now.0.saturating_add(reconnect_after_ms.min(30_000));
                self.session.socket = Socket::Until(UnixMillis(until));
            }
            RelayFrame::RecordChanged { change, .. } => self.handle_record_changed(change),
            RelayFrame::GroupClosed { group_id } => self.group_closed(group_id, cx),
            RelayFrame::Failed { .. } | RelayFrame::Pong => {}
        }
    }

    fn say_hello(&mut self, cx: &mut Context<'_>) {
        self.session.socket = Socket::Open;
        let mut cursors = self.cursors();
        cursors.truncate(CURSORS_MAX);
        if let Ok(cursors) = List::new(cursors) {
            self.send_frame(&ClientFrame::Hello { client_version: CLIENT_VERSION, cursors });
        }
        self.fetch_welcomes();
        self.ask(Ask::get("/v1/key-packages/count"), Purpose::CountKeyPackages);
        self.begin_feed();
        self.check_audit();
        self.fetch_devices();
        self.resume_groups(cx);
    }

    /// Tells the screen how the relay is reached and how much waits, on every change of either.
    fn emit_connection(&mut self) {
        if self.account.is_none() {
            return;
        }
        let queued = u32::try_from(self.queued()).unwrap_or(u32::MAX);
        let now = (self.connection(), queued);
        if self.session.shown != Some(now) {
            self.session.shown = Some(now);
            self.emit(Event::ConnectionChanged { connection: now.0, queued });
        }
    }
}
