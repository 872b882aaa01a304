//! The driver of one client: a task that owns the core and does what it asks for, in the order that it asks for it.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use client_core::client::{
    Authorization, BOOT_PREFIXES, Client, CommandError, CommandId, Context, CorruptRecord, Event, HostKind,
    Outcome, Request, Response, Transmit,
};
use getrandom::SysRng;
use http_body_util::{BodyExt as _, Full};
use hyper::header;
use protocol::UnixMillis;
use rand_core::UnwrapErr;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};

use crate::{
    address::RelayAddress,
    connect::Connector,
    http::{Body, Http},
    socket::Socket,
    store::{Store, StoreError},
};

/// Calls, answers and frames that may wait for the core.
const INPUTS_MAX: usize = 1024;
/// Events that a listener may be behind.
const EVENTS_MAX: usize = 16_384;
/// While nothing is due, the clock is looked at so often: it may be set, or the machine may have slept.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// Why a host does not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Corrupt(#[from] CorruptRecord),
    #[error("the relay can't be reached: {0}")]
    Connect(io::Error),
    #[error("the client has stopped")]
    Stopped,
    #[error("this client fell behind its own events")]
    Behind,
    #[error("{0}")]
    Command(#[from] CommandError),
}

/// A running client.
pub struct Host {
    inputs: mpsc::Sender<Input>,
    events: broadcast::Sender<Event>,
    http: Arc<Http>,
    task: JoinHandle<Result<Store, HostError>>,
}

type Call = Box<dyn FnOnce(&mut Client, &mut Context<'_>) + Send>;
type Command = Box<dyn FnOnce(&mut Client, &mut Context<'_>) -> CommandId + Send>;
type Answer = oneshot::Sender<Result<Outcome, CommandError>>;

/// What moves the core.
pub(crate) enum Input {
    Call(Call),
    Command(Command, Answer),
    Answered { id: u64, response: Response },
    SocketOpened { generation: u64 },
    SocketFrame { generation: u64, bytes: Bytes },
    SocketClosed { generation: u64, code: Option<u16> },
    Stop,
}

impl Host {
    /// Opens the store in `directory` and starts the client of the relay at `relay`.
    ///
    /// # Errors
    /// A store that does not open, or a TLS set-up that trusts nobody.
    pub async fn open(directory: &Path, relay: RelayAddress) -> Result<Self, HostError> {
        let store = Store::open(directory).await?;
        Self::start(store, relay).await
    }

    /// Starts the client over an open store.
    ///
    /// # Errors
    /// A corrupt store, or a TLS set-up that trusts nobody.
    pub async fn start(store: Store, relay: RelayAddress) -> Result<Self, HostError> {
        let connector = Connector::new(relay).map_err(HostError::Connect)?;
        let records = store.boot(&BOOT_PREFIXES).await?;
        let mut rng = randomness();
        let mut cx = Context { now: now(), rng: &mut rng };
        let client = Client::open(store.key()?, records, HostKind::Native, &mut cx)?;
        let (inputs, arriving) = mpsc::channel(INPUTS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let http = Arc::new(Http::new(connector.clone()));
        let driver = Driver {
            client,
            store,
            connector,
            http: Arc::clone(&http),
            inputs: inputs.clone(),
            events: events.clone(),
            commands: HashMap::new(),
            socket: None,
            generation: 0,
        };
        let task = tokio::spawn(driver.run(arriving));
        Ok(Self { inputs, events, http, task })
    }

    /// Everything that happens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.events.subscribe())
    }

    /// Asks or tells the client something that it answers at once.
    ///
    /// # Errors
    /// [`HostError::Stopped`] when the client has ended.
    pub async fn with<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Client, &mut Context<'_>) -> T + Send + 'static,
    ) -> Result<T, HostError> {
        let (tell, told) = oneshot::channel();
        let call: Call = Box::new(move |client, cx| {
            // Whoever asked may have gone.
            drop(tell.send(ask(client, cx)));
        });
        self.inputs.send(Input::Call(call)).await.map_err(|_| HostError::Stopped)?;
        told.await.map_err(|_| HostError::Stopped)
    }

    /// Gives the client a command and waits for its outcome.
    ///
    /// # Errors
    /// [`HostError::Command`] when it was refused, [`HostError::Stopped`] when the client has ended.
    pub async fn command(
        &self,
        command: impl FnOnce(&mut Client, &mut Context<'_>) -> CommandId + Send + 'static,
    ) -> Result<Outcome, HostError> {
        let (tell, told) = oneshot::channel();
        let input = Input::Command(Box::new(command), tell);
        self.inputs.send(input).await.map_err(|_| HostError::Stopped)?;
        Ok(told.await.map_err(|_| HostError::Stopped)??)
    }

    /// Stops the client. Everything is saved already.
    ///
    /// # Errors
    /// Why the client had ended before, if it had.
    pub async fn stop(self) -> Result<(), HostError> {
        let store = self.end().await?;
        store.close().await;
        Ok(())
    }

    /// Stops the client and removes everything that it kept, its key first.
    ///
    /// # Errors
    /// Why the client had ended before, or a file that can't be removed.
    pub async fn wipe(self) -> Result<(), HostError> {
        let store = self.end().await?;
        Ok(store.wipe().await?)
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    async fn end(self) -> Result<Store, HostError> {
        // A driver that has ended already says why when it is joined.
        drop(self.inputs.send(Input::Stop).await);
        self.task.await.map_err(|_| HostError::Stopped)?
    }
}

/// Hears the events of one client.
pub struct Listener(broadcast::Receiver<Event>);

impl Listener {
    /// The next event.
    ///
    /// # Errors
    /// [`HostError::Stopped`] when the client has ended, [`HostError::Behind`] when events were missed.
    pub async fn next(&mut self) -> Result<Event, HostError> {
        self.0.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Closed => HostError::Stopped,
            broadcast::error::RecvError::Lagged(_) => HostError::Behind,
        })
    }

    /// The first event of which `wanted` makes something.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> Result<T, HostError> {
        loop {
            if let Some(found) = wanted(self.next().await?) {
                return Ok(found);
            }
        }
    }
}

struct Driver {
    client: Client,
    store: Store,
    connector: Connector,
    http: Arc<Http>,
    inputs: mpsc::Sender<Input>,
    events: broadcast::Sender<Event>,
    commands: HashMap<CommandId, Answer>,
    socket: Option<Socket>,
    generation: u64,
}

impl Driver {
    async fn run(mut self, mut arriving: mpsc::Receiver<Input>) -> Result<Store, HostError> {
        self.drain().await?;
        loop {
            let due = self.client.poll_timeout().map_or(LOOK_AT_CLOCK, |at| {
                Duration::from_millis(at.0.saturating_sub(now().0)).min(LOOK_AT_CLOCK)
            });
            tokio::select! {
                input = arriving.recv() => match input {
                    None | Some(Input::Stop) => return Ok(self.store),
                    Some(input) => self.take(input),
                },
                () = sleep(due) => self.with_context(Client::handle_timeout),
            }
            self.drain().await?;
        }
    }

    fn take(&mut self, input: Input) {
        let current = self.socket.as_ref().map(|socket| socket.generation);
        match input {
            Input::Call(call) => self.with_context(call),
            Input::Command(command, answer) => {
                let command = self.with_context(command);
                self.commands.insert(command, answer);
            }
            Input::Answered { id, response } => {
                self.with_context(|client, cx| client.handle_response(id, response, cx));
            }
            Input::SocketOpened { generation } if current == Some(generation) => {
                self.with_context(Client::handle_socket_opened);
            }
            Input::SocketFrame { generation, bytes } if current == Some(generation) => {
                self.with_context(|client, cx| client.handle_frame(&bytes, cx));
            }
            Input::SocketClosed { generation, code } if current == Some(generation) => {
                self.socket = None;
                self.with_context(|client, cx| client.handle_socket_closed(code, cx));
            }
            // Of a socket that is no longer the client's.
            Input::SocketOpened { .. } | Input::SocketFrame { .. } | Input::SocketClosed { .. } => {}
            Input::Stop => {}
        }
    }

    fn with_context<T>(&mut self, ask: impl FnOnce(&mut Client, &mut Context<'_>) -> T) -> T {
        let mut rng = randomness();
        let mut cx = Context { now: now(), rng: &mut rng };
        ask(&mut self.client, &mut cx)
    }

    /// Save before send, send before show.
    async fn drain(&mut self) -> Result<(), HostError> {
        loop {
            while let Some(changes) = self.client.poll_save() {
                self.store.write(&changes).await?;
            }
            let Some(load) = self.client.poll_load() else {
                break;
            };
            let records = self.store.load(&load).await?;
            self.with_context(|client, cx| client.handle_loaded(load.id, records, cx));
        }
        while let Some(request) = self.client.poll_request() {
            self.send(request);
        }
        while let Some(transmit) = self.client.poll_transmit() {
            self.transmit(transmit);
        }
        while let Some(event) = self.client.poll_event() {
            if let Event::CommandDone { command, outcome } = event {
                if let Some(answer) = self.commands.remove(&command) {
                    // Whoever asked may have gone.
                    drop(answer.send(outcome));
                }
            } else {
                // Nobody may be listening.
                drop(self.events.send(event));
            }
        }
        Ok(())
    }

    fn send(&self, request: Request) {
        let id = request.id;
        let token = match request.authorization {
            Authorization::None => None,
            Authorization::Bearer => self.client.access_token().map(str::to_owned),
        };
        let (http, inputs) = (Arc::clone(&self.http), self.inputs.clone());
        tokio::spawn(async move {
            let response = match exchange(&http, request, token).await {
                Ok((status, body)) => Response::Answered { status, body },
                Err(_) => Response::Lost,
            };
            // The client may have stopped.
            drop(inputs.send(Input::Answered { id, response }).await);
        });
    }

    fn transmit(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Open => {
                self.generation += 1;
                let token = self.client.access_token().map(str::to_owned);
                let connector = self.connector.clone();
                self.socket = Some(Socket::open(connector, token, self.generation, self.inputs.clone()));
            }
            Transmit::Frame(frame) => {
                let full = self.socket.as_ref().is_some_and(|socket| socket.send(frame).is_err());
                if full {
                    self.socket = None;
                    self.with_context(|client, cx| client.handle_socket_closed(None, cx));
                }
            }
            Transmit::Close => self.socket = None,
        }
    }
}

async fn exchange(http: &Http, request: Request, token: Option<String>) -> io::Result<(u16, Vec<u8>)> {
    let mut builder = hyper::Request::builder().method(request.method.as_str()).uri(&request.path);
    if let Some(token) = token {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = match request.body {
        None => Bytes::new(),
        Some((kind, bytes)) => {
            builder = builder
                .header(header::CONTENT_TYPE, kind.as_str())
                .header(header::ACCEPT, "application/cbor, application/json");
            Bytes::copy_from_slice(&bytes)
        }
    };
    let body: Body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    http.exchange(builder.body(body).map_err(io::Error::other)?).await
}

/// The system's randomness; a system that has none can't run this program.
pub(crate) fn randomness() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this client")]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
