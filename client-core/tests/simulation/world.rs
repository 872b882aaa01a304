//! Devices, their stores and the network between them and the relay, all under one seeded schedule.

use std::collections::{BTreeMap, VecDeque};

use protocol::{
    GroupId, UnixMillis,
    socket::{Received, RelayFrame, to_bytes},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sotto_client_core::{
    client::{
        BOOT_PREFIXES, ChangeSet, Client, CommandError, CommandId, Context, Event, HostKind, LogIn, Message,
        NewAccount, Outcome, Request, Response, Transmit,
    },
    rand_core::Rng as _,
};
use zeroize::Zeroizing;

use crate::relay::Relay;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Where a device may be killed: every point at which its store and the world can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PersistPoint {
    BeforeSave,
    AfterSave,
    AfterSend,
}

/// How often the schedule does harm, in parts of 1,000.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) lose_request: u32,
    pub(crate) lose_response: u32,
    pub(crate) double_request: u32,
    pub(crate) cut: u32,
    pub(crate) kill: u32,
}

pub(crate) struct Host {
    pub(crate) store: BTreeMap<String, Vec<u8>>,
    pub(crate) client: Option<Client>,
    pub(crate) events: Vec<Event>,
    connection: Option<u64>,
    opening: bool,
    up: VecDeque<Vec<u8>>,
    requests: VecDeque<Request>,
}

impl Clone for Host {
    /// The device as it lies on disk.
    fn clone(&self) -> Self {
        Self::on_disk(self.store.clone())
    }
}

impl Host {
    fn on_disk(store: BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            store,
            client: None,
            events: Vec::new(),
            connection: None,
            opening: false,
            up: VecDeque::new(),
            requests: VecDeque::new(),
        }
    }
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) hosts: Vec<Host>,
    pub(crate) now: UnixMillis,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) faults: Faults,
    /// What a hostile relay makes of an honest answer.
    pub(crate) lie: Lie,
    /// What it makes of a frame that it would send.
    pub(crate) frame_lie: FrameLie,
}

/// Status and body.
pub(crate) type Answer = (u16, Vec<u8>);

/// From this host's request and the honest answer to what is answered.
pub(crate) type Lie = Box<dyn Fn(usize, &Request, Answer) -> Answer>;

/// From an honest frame to this host to those that it is sent.
pub(crate) type FrameLie = Box<dyn Fn(usize, RelayFrame) -> Vec<RelayFrame>>;

/// Tells the truth.
pub(crate) fn honest() -> Lie {
    Box::new(|_, _, answer| answer)
}

pub(crate) fn honest_frames() -> FrameLie {
    Box::new(|_, frame| vec![frame])
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let now = UnixMillis(1_800_000_000_000);
        Self {
            relay: Relay::new(now),
            hosts: Vec::new(),
            now,
            rng: ChaCha20Rng::seed_from_u64(seed),
            faults: Faults::default(),
            lie: honest(),
            frame_lie: honest_frames(),
        }
    }

    /// A copy of everything that is on disk, under another schedule.
    pub(crate) fn replay(&self, seed: u64) -> Self {
        Self {
            relay: self.relay.clone(),
            hosts: self.hosts.clone(),
            now: self.now,
            rng: ChaCha20Rng::seed_from_u64(seed),
            faults: Faults::default(),
            lie: honest(),
            frame_lie: honest_frames(),
        }
    }

    pub(crate) fn add_host(&mut self) -> usize {
        self.hosts.push(Host::on_disk(BTreeMap::new()));
        let host = self.hosts.len() - 1;
        self.start(host);
        host
    }

    fn chance(&mut self, parts: u32) -> bool {
        parts > 0 && self.rng.next_u32() % 1000 < parts
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    /// Starts the device over its store.
    pub(crate) fn start(&mut self, host: usize) {
        let records: Vec<_> = self.hosts[host]
            .store
            .iter()
            .filter(|(key, _)| BOOT_PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut cx = Context { now: self.now, rng: &mut self.rng };
        let key = Zeroizing::new([u8::try_from(host).unwrap(); 32]);
        let client = Client::open(key, records, HostKind::Native, &mut cx).expect("its own records open");
        self.hosts[host].client = Some(client);
        self.call(host, |client, cx| client.connect(cx));
    }

    /// The process ends at once; the store stays.
    pub(crate) fn kill(&mut self, host: usize) {
        let dead = &mut self.hosts[host];
        dead.client = None;
        dead.events.clear();
        dead.opening = false;
        dead.up.clear();
        dead.requests.clear();
        if let Some(connection) = dead.connection.take() {
            self.relay.close(connection);
        }
    }

    /// Calls the core and drains it, in the order that every host keeps.
    pub(crate) fn call<R>(
        &mut self,
        host: usize,
        call: impl FnOnce(&mut Client, &mut Context<'_>) -> R,
    ) -> R {
        let mut client = self.hosts[host].client.take().expect("a live client");
        let answer = call(&mut client, &mut Context { now: self.now, rng: &mut self.rng });
        if self.drain(host, &mut client) {
            self.hosts[host].client = Some(client);
        } else {
            self.kill(host);
            self.start(host);
        }
        answer
    }

    /// `false`: the schedule kills the device here.
    fn drain(&mut self, host: usize, client: &mut Client) -> bool {
        loop {
            while let Some(ChangeSet { changes }) = client.poll_save() {
                if self.killed(PersistPoint::BeforeSave) {
                    return false;
                }
                for (key, value) in changes {
                    match value {
                        Some(value) => self.hosts[host].store.insert(key, value),
                        None => self.hosts[host].store.remove(&key),
                    };
                }
                if self.killed(PersistPoint::AfterSave) {
                    return false;
                }
            }
            let Some(load) = client.poll_load() else { break };
            let store = &self.hosts[host].store;
            let found = store.iter().filter(|(key, _)| key.starts_with(&load.prefix));
            let found = found.map(|(key, value)| (key.clone(), value.clone()));
            let records: Vec<_> = match &load.before {
                None => found.take(load.limit as usize).collect(),
                Some(before) => {
                    found.rev().filter(|(key, _)| key < before).take(load.limit as usize).collect()
                }
            };
            client.handle_loaded(load.id, records, &mut Context { now: self.now, rng: &mut self.rng });
        }
        while let Some(request) = client.poll_request() {
            self.hosts[host].requests.push_back(request);
        }
        while let Some(transmit) = client.poll_transmit() {
            self.transmit(host, transmit);
        }
        if self.killed(PersistPoint::AfterSend) {
            return false;
        }
        while let Some(event) = client.poll_event() {
            self.hosts[host].events.push(event);
        }
        true
    }

    fn killed(&mut self, point: PersistPoint) -> bool {
        let weight = match point {
            PersistPoint::BeforeSave | PersistPoint::AfterSave => self.faults.kill,
            PersistPoint::AfterSend => self.faults.kill / 2,
        };
        self.chance(weight)
    }

    fn transmit(&mut self, host: usize, transmit: Transmit) {
        match transmit {
            Transmit::Open => self.hosts[host].opening = true,
            Transmit::Frame(frame) => self.hosts[host].up.push_back(frame),
            Transmit::Close => {
                self.hosts[host].up.clear();
                self.hosts[host].opening = false;
                if let Some(connection) = self.hosts[host].connection.take() {
                    self.relay.close(connection);
                }
            }
        }
    }

    // ---- one step of the schedule

    /// Does one thing that can happen; `false` when nothing can.
    pub(crate) fn step(&mut self) -> bool {
        let mut possible: Vec<(usize, Happening)> = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            if host.client.is_none() {
                continue;
            }
            if !host.requests.is_empty() {
                possible.push((index, Happening::Request));
            }
            if host.opening {
                possible.push((index, Happening::Open));
            }
            if let Some(connection) = host.connection {
                if !host.up.is_empty() {
                    possible.push((index, Happening::Up));
                }
                possible.push((
                    index,
                    if self.relay.is_open(connection) { Happening::Down } else { Happening::Closed },
                ));
            }
        }
        // A look at an empty connection does nothing: only what moves something counts.
        while !possible.is_empty() {
            let (host, happening) = possible.swap_remove(self.below(possible.len()));
            if self.happen(host, happening) {
                return true;
            }
        }
        false
    }

    fn happen(&mut self, host: usize, happening: Happening) -> bool {
        match happening {
            Happening::Request => self.request(host),
            Happening::Open => {
                self.hosts[host].opening = false;
                self.hosts[host].connection = Some(self.relay.open());
                self.call(host, |client, cx| client.handle_socket_opened(cx));
            }
            Happening::Closed => {
                self.hosts[host].connection = None;
                self.hosts[host].up.clear();
                self.call(host, |client, cx| client.handle_socket_closed(None, cx));
            }
            Happening::Up | Happening::Down if self.chance(self.faults.cut) => {
                let connection = self.hosts[host].connection.unwrap();
                self.relay.close(connection);
            }
            Happening::Up => {
                let connection = self.hosts[host].connection.unwrap();
                let frame = self.hosts[host].up.pop_front().unwrap();
                self.relay.frame(connection, &frame);
            }
            Happening::Down => {
                let connection = self.hosts[host].connection.unwrap();
                let Some(frame) = self.relay.next_frame(connection) else { return false };
                let Ok(Received::Known(frame)) = RelayFrame::from_bytes(&frame) else {
                    panic!("a frame that no version knows");
                };
                for frame in (self.frame_lie)(host, frame) {
                    self.call(host, |client, cx| client.handle_frame(&to_bytes(&frame), cx));
                }
            }
        }
        true
    }

    fn request(&mut self, host: usize) {
        let index = self.below(self.hosts[host].requests.len());
        let request = self.hosts[host].requests.remove(index).unwrap();
        let token =
            self.hosts[host].client.as_ref().and_then(|client| client.access_token().map(str::to_owned));
        let id = request.id;
        if self.chance(self.faults.lose_request) {
            return self.call(host, |client, cx| client.handle_response(id, Response::Lost, cx));
        }
        if self.chance(self.faults.double_request) {
            let _ = self.relay.request(&request, token.as_deref());
        }
        let (status, body) = (self.lie)(host, &request, self.relay.request(&request, token.as_deref()));
        let lost = self.chance(self.faults.lose_response);
        let response = if lost { Response::Lost } else { Response::Answered { status, body } };
        self.call(host, |client, cx| client.handle_response(id, response, cx));
    }

    /// Runs until nothing moves, then moves the clock past the longest pause, a few times over.
    pub(crate) fn settle(&mut self) {
        for _ in 0..4 {
            self.run();
            self.advance(31_000);
        }
        self.run();
    }

    /// Runs until nothing moves without the clock.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Moves the clock and wakes whoever waited for it. Heartbeats are answered on the way.
    pub(crate) fn advance(&mut self, milliseconds: u64) {
        self.now = UnixMillis(self.now.0 + milliseconds);
        self.relay.set_now(self.now);
        for host in 0..self.hosts.len() {
            let due = self.hosts[host].client.as_ref().and_then(Client::poll_timeout);
            if due.is_some_and(|due| due <= self.now) {
                self.call(host, |client, cx| client.handle_timeout(cx));
            }
        }
    }

    // ---- what a person does

    pub(crate) fn outcome(&mut self, host: usize, command: CommandId) -> Result<Outcome, CommandError> {
        self.settle();
        self.ended(host, command).expect("the command ended")
    }

    /// How a command has ended, if it has.
    pub(crate) fn ended(&self, host: usize, command: CommandId) -> Option<Result<Outcome, CommandError>> {
        self.hosts[host].events.iter().find_map(|event| match event {
            Event::CommandDone { command: ended, outcome } if *ended == command => Some(outcome.clone()),
            _ => None,
        })
    }

    pub(crate) fn register(&mut self, handle: &str) -> usize {
        let host = self.add_host();
        let account = NewAccount {
            handle: handle.into(),
            display_name: handle.to_uppercase(),
            colour: 1,
            password: Zeroizing::new(PASSWORD.into()),
            device_name: "First".into(),
            invite: Zeroizing::default(),
        };
        let command = self.call(host, |client, cx| client.create_account(account, cx));
        self.outcome(host, command).expect("registered");
        host
    }

    pub(crate) fn log_in(&mut self, handle: &str) -> usize {
        let host = self.add_host();
        let log_in = LogIn {
            handle: handle.into(),
            password: Zeroizing::new(PASSWORD.into()),
            device_name: "Another".into(),
        };
        let command = self.call(host, |client, cx| client.log_in(log_in, cx));
        self.outcome(host, command).expect("logged in");
        host
    }

    /// Everything that the device shows of a conversation.
    pub(crate) fn messages(&mut self, host: usize, group: GroupId) -> Vec<Message> {
        let mut before = None;
        let mut all: Vec<Message> = Vec::new();
        loop {
            let command = self.call(host, |client, cx| client.list_messages(group, before, 200, cx));
            let page = match self.outcome(host, command) {
                Ok(Outcome::Page(page)) => page,
                other => panic!("device {host} gives no page: {other:?}"),
            };
            before = page.messages.iter().filter_map(|message| message.seq).min();
            all.splice(0..0, page.messages);
            if page.reached_start {
                return all;
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Request,
    Open,
    Up,
    Down,
    Closed,
}
