//! One task per socket: authenticate, hello, then a single `select!` over what the client sends and what waits for it.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt as _;
use protocol::groups::{Acknowledge, Cursor};
use protocol::limits::{CLIENT_VERSION, KEY_PACKAGES_LOW, UNAUTHENTICATED_BYTES_MAX};
use protocol::sessions::AccessToken;
use protocol::socket::{ClientFrame, Received, RelayFrame, close, to_bytes};
use protocol::{ErrorCode, GroupId, UnixMillis};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

mod outgoing;

use super::hub::{Line, entry_frame};
use super::progress::{Progress, Work};
use crate::app::App;
use crate::auth::CallingDevice;
use crate::edge::addresses::Seat;
use crate::edge::begun;
use crate::error::ApiError;
use crate::live_sessions::Ended;
use crate::mailbox::Mailbox;
use crate::storage::writer::Answer;
use crate::storage::{StorageError, devices, entries, groups, key_packages, welcomes};

/// Posts of one connection that wait for the disk; the next one is not read before one is answered.
const POSTS_MAX: usize = 64;
/// For the close frame to leave.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// For posts to be answered while the relay drains.
const DRAIN_WAIT: Duration = Duration::from_secs(3);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer went away, or could not be written to.
    Gone,
    /// Close with this code.
    Close(u16),
}

type Outcome<T> = Result<T, End>;

/// Serves a socket to its end.
pub(crate) async fn run(app: App, mut socket: WebSocket, unauthenticated: Seat) {
    let first = authenticate(&app, &mut socket).await;
    drop(unauthenticated);
    let end = match first {
        Ok(device) => match Connection::open(app, &mut socket, device).await {
            Ok(mut connection) => {
                let end = connection.serve().await;
                connection.app.hub.disconnect(&connection.line);
                end
            }
            Err(end) => end,
        },
        Err(end) => end,
    };
    if let End::Close(code) = end {
        let reason = close::TABLE.iter().find(|row| row.0 == code).map_or("", |row| row.1);
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // The peer may be gone already.
        drop(timeout(CLOSE_WAIT, socket.send(frame)).await);
    }
}

/// The first frame must be a valid token, soon and small (S-1).
async fn authenticate(app: &App, socket: &mut WebSocket) -> Outcome<CallingDevice> {
    let deadline = Instant::now() + Duration::from_millis(app.config.timers.authenticate_ms);
    let mut received = 0;
    loop {
        let message =
            timeout_at(deadline, socket.recv()).await.map_err(|_| End::Close(close::UNAUTHENTICATED))?;
        let message = message.ok_or(End::Gone)?.map_err(|_| End::Close(close::MALFORMED))?;
        received += size(&message);
        if received > UNAUTHENTICATED_BYTES_MAX {
            return Err(End::Close(close::UNAUTHENTICATED));
        }
        match message {
            Message::Binary(bytes) => {
                let Ok(Received::Known(ClientFrame::Authenticate { token })) =
                    ClientFrame::from_bytes(&bytes)
                else {
                    return Err(End::Close(close::UNAUTHENTICATED));
                };
                return app.authenticate(&token.0).map_err(|error| refusal_to_close(&error));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Text(_) => return Err(End::Close(close::MALFORMED)),
            Message::Close(_) => return Err(End::Gone),
        }
    }
}

fn refusal_to_close(error: &ApiError) -> End {
    End::Close(match error.code {
        ErrorCode::TokenExpired => close::TOKEN_EXPIRED,
        ErrorCode::DeviceRevoked => close::DEVICE_REVOKED,
        ErrorCode::AccountDeleted => close::ACCOUNT_DELETED,
        _ => close::UNAUTHENTICATED,
    })
}

fn size(message: &Message) -> usize {
    match message {
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Text(text) => text.len(),
        Message::Close(_) => 0,
    }
}

struct Connection<'s> {
    app: App,
    socket: &'s mut WebSocket,
    device: CallingDevice,
    line: Arc<Line>,
    /// Outcomes of its posts.
    answers: Arc<Mailbox<Answer>>,
    posts: usize,
    progress: Progress,
    said_hello: bool,
    was_caught_up: bool,
    timers: Deadlines,
}

/// When something is due.
struct Deadlines {
    ping: Instant,
    /// Set while a ping waits for a sign of life.
    dead: Option<Instant>,
    token: Instant,
    /// Set while only the client can make room.
    stalled: Option<Instant>,
}

impl Deadlines {
    fn next(&self) -> Instant {
        [Some(self.ping), self.dead, Some(self.token), self.stalled]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.ping)
    }
}

impl<'s> Connection<'s> {
    async fn open(app: App, socket: &'s mut WebSocket, device: CallingDevice) -> Outcome<Self> {
        let line = app.hub.connect(device.device_id);
        // A revocation between the check of the token and this line closed nobody.
        if app.sessions.device(device.session_id) != Some(device.device_id) {
            app.hub.disconnect(&line);
            return Err(End::Close(match app.sessions.ended(device.session_id) {
                Some(Ended::Revoked) => close::DEVICE_REVOKED,
                Some(Ended::Deleted) => close::ACCOUNT_DELETED,
                None => close::TOKEN_EXPIRED,
            }));
        }
        let now = Instant::now();
        let mut connection = Self {
            timers: Deadlines { ping: now, dead: None, token: now, stalled: None },
            app,
            socket,
            device,
            line,
            answers: Arc::new(Mailbox::new(POSTS_MAX)),
            posts: 0,
            progress: Progress::default(),
            said_hello: false,
            was_caught_up: false,
        };
        connection.timers.ping = now + connection.ping_interval();
        connection.renew(device.expires_at);
        let authenticated =
            connection.send(&RelayFrame::Authenticated { expires_at: device.expires_at }).await;
        if let Err(end) = authenticated {
            connection.app.hub.disconnect(&connection.line);
            return Err(end);
        }
        Ok(connection)
    }

    async fn serve(&mut self) -> End {
        let mut draining = self.app.draining();
        loop {
            let has_work = self.progress.has_work();
            let due = self.timers.next();
            let done = tokio::select! {
                message = self.socket.recv(), if self.posts < POSTS_MAX => self.receive(message).await,
                reply = self.answers.wait() => self.answer(reply).await,
                delivery = self.line.next() => self.deliver(delivery).await,
                () = std::future::ready(()), if has_work => Box::pin(self.read_on()).await,
                () = self.line.woken() => self.woken().await,
                () = sleep_until(due) => self.due().await,
                () = begun(&mut draining) => return self.drain().await,
            };
            if let Err(end) = done {
                return end;
            }
            self.watch_for_stall();
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Outcome<()> {
        let message = message.ok_or(End::Gone)?.map_err(|_| End::Close(close::MALFORMED))?;
        self.timers.dead = None;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Text(_) => return Err(End::Close(close::MALFORMED)),
            Message::Close(_) => return Err(End::Gone),
        };
        let frame = match ClientFrame::from_bytes(&bytes).map_err(|_| End::Close(close::MALFORMED))? {
            Received::Known(frame) => frame,
            Received::Unknown(_) => {
                return self.send(&RelayFrame::Failed { code: ErrorCode::Malformed }).await;
            }
        };
        match frame {
            ClientFrame::Authenticate { token } => self.authenticate_again(&token).await,
            ClientFrame::Hello { client_version, cursors } => {
                Box::pin(self.hello(client_version, &cursors)).await
            }
            ClientFrame::Ping => self.send(&RelayFrame::Pong).await,
            // Everything else builds on the cursors of a hello.
            _ if !self.said_hello => Err(End::Close(close::MALFORMED)),
            ClientFrame::Post(post) => self.post(post).await,
            ClientFrame::Acknowledge(acknowledge) => self.acknowledge(&acknowledge),
            ClientFrame::ConfirmGap(cursor) => self.confirm_gap(cursor).await,
        }
    }

    /// A fresh token of the same device (S-5).
    async fn authenticate_again(&mut self, token: &AccessToken) -> Outcome<()> {
        let device = self.app.authenticate(&token.0).map_err(|error| refusal_to_close(&error))?;
        if device.device_id != self.device.device_id {
            return Err(End::Close(close::UNAUTHENTICATED));
        }
        self.device = device;
        self.renew(device.expires_at);
        self.send(&RelayFrame::Authenticated { expires_at: device.expires_at }).await
    }

    async fn hello(&mut self, client_version: u32, cursors: &[Cursor]) -> Outcome<()> {
        if self.said_hello {
            return Err(End::Close(close::MALFORMED));
        }
        if client_version < CLIENT_VERSION {
            return Err(End::Close(close::CLIENT_TOO_OLD));
        }
        self.said_hello = true;
        let named: HashMap<GroupId, u64> =
            cursors.iter().map(|cursor| (cursor.group_id, cursor.seq)).collect();
        self.open_groups(&named).await?;
        let (device, now) = (self.device.device_id, self.app.clock.now());
        let seen = self.app.db.write(async move |conn| {
            devices::update_seen(conn, device, now).await?;
            key_packages::count(conn, device, now).await
        });
        let available = seen.await.map_err(|error| failed(&error))?;
        if available < KEY_PACKAGES_LOW as u64 {
            self.send(&RelayFrame::KeyPackagesLow { available }).await?;
        }
        self.say_if_caught_up().await
    }

    /// Opens every group of the device, from the named cursor or the stored one, and announces the inbox. The hub is
    /// told first, so that an entry committed meanwhile comes live or is read.
    async fn open_groups(&mut self, named: &HashMap<GroupId, u64>) -> Outcome<()> {
        let device = self.device.device_id;
        for round in 0..2 {
            let places = self.app.db.read(async move |conn| groups::list_places(conn, device).await);
            for place in places.await.map_err(|error| failed(&error))? {
                if !place.removed {
                    self.app.hub.listen(place.group_id, &self.line);
                }
                let cursor = named.get(&place.group_id).copied().unwrap_or(place.acknowledged_seq);
                if round == 1 {
                    let cursor = cursor.max(place.joined_seq).min(place.last);
                    self.progress.open(place.group_id, cursor, place.last);
                    if place.closed {
                        self.send(&RelayFrame::GroupClosed { group_id: place.group_id }).await?;
                    }
                }
            }
        }
        let waiting = self.app.db.read(async move |conn| welcomes::list_waiting(conn, device).await);
        for (welcome_id, group_id) in waiting.await.map_err(|error| failed(&error))? {
            self.send(&RelayFrame::WelcomeWaiting { welcome_id, group_id }).await?;
        }
        Ok(())
    }

    fn acknowledge(&mut self, acknowledge: &Acknowledge) -> Outcome<()> {
        for cursor in acknowledge.cursors.iter() {
            if let Some(cursor) = self.progress.acknowledge(*cursor) {
                self.app.acknowledgements.add(self.device.device_id, cursor.group_id, cursor.seq);
                self.timers.stalled = None;
            }
        }
        Ok(())
    }

    async fn confirm_gap(&mut self, cursor: Cursor) -> Outcome<()> {
        if !self.progress.confirm_gap(cursor) {
            return self.send(&RelayFrame::Failed { code: ErrorCode::Malformed }).await;
        }
        self.app.acknowledgements.add(self.device.device_id, cursor.group_id, cursor.seq);
        self.timers.stalled = None;
        Ok(())
    }

    /// Reads one stretch of the log and sends it.
    async fn read_on(&mut self) -> Outcome<()> {
        let Some(Work { group, after, max }) = self.progress.work() else {
            return Ok(());
        };
        let device = self.device.device_id;
        let read = self.app.db.read(async move |conn| {
            let Some(place) = groups::find_place(conn, device, group).await? else {
                return Ok(None);
            };
            let stretch = entries::list(conn, group, after, place.last, max).await?;
            Ok::<_, StorageError>(Some((place, stretch)))
        });
        let Some((place, stretch)) = read.await.map_err(|error| failed(&error))? else {
            self.progress.close(group);
            return self.say_if_caught_up().await;
        };
        if let Some(gap) = stretch.gap {
            self.progress.gap(group, gap);
            return self.send(&RelayFrame::Gap { group_id: group, gap }).await;
        }
        let mut last = after;
        for entry in stretch.entries {
            last = entry.seq;
            self.feed(Bytes::from(to_bytes(&entry_frame(group, entry)))).await?;
        }
        self.progress.sent(group, last);
        if last >= place.last {
            self.progress.read_to_end(group);
            if place.removed {
                self.progress.close(group);
            }
        }
        self.flush().await?;
        self.say_if_caught_up().await
    }

    async fn say_if_caught_up(&mut self) -> Outcome<()> {
        if self.was_caught_up || !self.progress.is_caught_up() {
            return Ok(());
        }
        self.was_caught_up = true;
        self.send(&RelayFrame::CaughtUp).await
    }

    /// The hub has something to say beside the queue.
    async fn woken(&mut self) -> Outcome<()> {
        if let Some(code) = self.line.closing() {
            return Err(End::Close(code));
        }
        if self.line.was_behind() && self.said_hello {
            for group in self.progress.groups() {
                self.progress.read_again(group);
            }
            return Box::pin(self.open_groups(&HashMap::new())).await;
        }
        Ok(())
    }

    async fn due(&mut self) -> Outcome<()> {
        let now = Instant::now();
        if now >= self.timers.token {
            return Err(End::Close(close::TOKEN_EXPIRED));
        }
        if self.timers.dead.is_some_and(|dead| now >= dead) {
            return Err(End::Gone);
        }
        if self.timers.stalled.is_some_and(|stalled| now >= stalled) {
            return Err(End::Close(close::SLOW));
        }
        if now >= self.timers.ping {
            self.timers.ping = now + self.ping_interval();
            self.timers.dead = Some(now + Duration::from_millis(self.app.config.timers.dead_ms));
            return self.write(Message::Ping(Bytes::new())).await;
        }
        Ok(())
    }

    /// Starts the clock of S-3 when only the client can make room, and stops it when that is over.
    fn watch_for_stall(&mut self) {
        if !self.progress.is_stalled() {
            self.timers.stalled = None;
        } else if self.timers.stalled.is_none() {
            self.timers.stalled = Some(Instant::now() + self.behind());
        }
    }

    /// The relay goes down: posts that wait for the disk are answered, then the client is told when to come back (S-7).
    async fn drain(&mut self) -> End {
        let deadline = Instant::now() + DRAIN_WAIT;
        while self.posts > 0 {
            let Ok(reply) = timeout_at(deadline, self.answers.wait()).await else {
                break;
            };
            if let Err(end) = self.answer(reply).await {
                return end;
            }
        }
        let reconnect_after_ms = 500 + u64::from(random_byte()) * 16;
        match self.send(&RelayFrame::Draining { reconnect_after_ms }).await {
            Ok(()) => End::Close(close::SHUTTING_DOWN),
            Err(end) => end,
        }
    }

    fn renew(&mut self, expires_at: UnixMillis) {
        let left = expires_at.0.saturating_sub(self.app.clock.now().0);
        self.timers.token = Instant::now() + Duration::from_millis(left);
    }

    /// Jittered by a fifth, so that ten thousand connections don't answer at once.
    fn ping_interval(&self) -> Duration {
        let ping_ms = self.app.config.timers.ping_ms;
        Duration::from_millis(ping_ms - ping_ms / 5 * u64::from(random_byte()) / 256)
    }

    fn behind(&self) -> Duration {
        Duration::from_millis(self.app.config.timers.behind_ms)
    }

    async fn send(&mut self, frame: &RelayFrame) -> Outcome<()> {
        self.write(Message::Binary(Bytes::from(to_bytes(frame)))).await
    }

    async fn feed(&mut self, frame: Bytes) -> Outcome<()> {
        let wait = self.behind();
        in_time(wait, self.socket.feed(Message::Binary(frame))).await
    }

    async fn flush(&mut self) -> Outcome<()> {
        let wait = self.behind();
        in_time(wait, self.socket.flush()).await
    }

    async fn write(&mut self, message: Message) -> Outcome<()> {
        let wait = self.behind();
        in_time(wait, self.socket.send(message)).await
    }
}

/// A peer that takes nothing for so long is slow (S-3).
async fn in_time(wait: Duration, written: impl Future<Output = Result<(), axum::Error>>) -> Outcome<()> {
    match timeout(wait, written).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Close(close::SLOW)),
    }
}

/// The database failed under a connection: the client reconnects and starts from its cursors.
fn failed(error: &StorageError) -> End {
    tracing::error!(%error, "a socket could not be served");
    End::Close(close::SHUTTING_DOWN)
}

/// For jitter only; without randomness there is none.
fn random_byte() -> u8 {
    crate::secrets::random::<1>().map_or(128, |[byte]| byte)
}
