//! `idle`: how long the relay takes to start, what it holds at rest, and what each connection that does nothing costs.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    account::Account,
    failure::Failure,
    http::Http,
    measure::{Memory, memory},
    options::Options,
    relay::Relay,
    report,
    socket::Socket,
};

const CONNECTIONS_MAX: u64 = 50_000;
const SETTLE_SECONDS_MAX: u64 = 600;
/// People that register at once.
const REGISTER_AT_ONCE: u64 = 8;
/// Sockets from one loopback address, below what the relay lets one address open at once.
const PER_ADDRESS: u64 = 10;
/// Files that are open beside the sockets.
const OTHER_FILES: u64 = 200;

#[derive(Debug, Serialize)]
struct Run {
    program: &'static str,
    connections: u64,
    start_ms: f64,
    at_rest: Memory,
    before: Memory,
    connected: Memory,
    rss_kib_per_connection: f64,
    pss_kib_per_connection: f64,
}

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let connections = options.number("connections", 5_000, CONNECTIONS_MAX)?;
    let settle = Duration::from_secs(options.number("settle-seconds", 3, SETTLE_SECONDS_MAX)?);
    raise_file_limit(connections + OTHER_FILES)?;
    let relay = Relay::start(options).await?;
    sleep(settle).await;
    let at_rest = memory(relay.process())?;

    report::progress(&format!("{connections} people register"));
    let tokens = register(&relay, connections).await?;
    sleep(settle).await;
    let before = memory(relay.process())?;

    report::progress(&format!("{connections} sockets open"));
    let mut sockets = Vec::new();
    for (index, token) in (0_u64..).zip(&tokens) {
        sockets.push(Socket::open(relay.address(), loopback(index / PER_ADDRESS), token).await?);
    }
    sleep(settle).await;
    let connected = memory(relay.process())?;
    for socket in &mut sockets {
        // Whoever was hung up on is no idle connection.
        while socket.ready()?.is_some() {}
    }

    let per_connection = |before: u64, after: u64| {
        let kib = after.saturating_sub(before) as f64 / connections as f64;
        (kib * 100.0).round() / 100.0
    };
    let run = Run {
        program: "idle",
        connections,
        start_ms: (relay.started_in().as_secs_f64() * 10_000.0).round() / 10.0,
        at_rest,
        before,
        connected,
        rss_kib_per_connection: per_connection(before.rss_kib, connected.rss_kib),
        pss_kib_per_connection: per_connection(before.pss_kib, connected.pss_kib),
    };
    report::json(&run);
    report::table(
        &["connections", "start ms", "RSS at rest KiB", "RSS KiB each", "PSS KiB each"],
        &[vec![
            connections.to_string(),
            run.start_ms.to_string(),
            at_rest.rss_kib.to_string(),
            run.rss_kib_per_connection.to_string(),
            run.pss_kib_per_connection.to_string(),
        ]],
    );
    relay.stop().await
}

/// Registers people, some at once, and gives their access tokens.
async fn register(relay: &Relay, people: u64) -> Result<Vec<String>, Failure> {
    let mut tasks = JoinSet::new();
    for lane in 0..REGISTER_AT_ONCE {
        let address = relay.address();
        tasks.spawn(async move {
            let mut http = Http::connect(address).await?;
            let mut tokens = Vec::new();
            for person in (lane..people).step_by(usize::try_from(REGISTER_AT_ONCE).unwrap_or(1)) {
                tokens.push(Account::register(&mut http, &format!("idler-{person}")).await?.token);
            }
            Ok::<_, Failure>(tokens)
        });
    }
    let mut tokens = Vec::new();
    while let Some(lane) = tasks.join_next().await {
        tokens.extend(lane.map_err(|_| Failure::Connection("a task of the load stopped".into()))??);
    }
    Ok(tokens)
}

/// The loopback address with this number: 127.0.0.1 and upwards.
fn loopback(number: u64) -> IpAddr {
    let number = u32::try_from(number % 0x00ff_ff00).unwrap_or_default() + 1;
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 0)) + number))
}

fn raise_file_limit(files: u64) -> Result<(), Failure> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    limit.current = Some(files);
    setrlimit(Resource::Nofile, limit).map_err(|_| {
        Failure::Usage(format!("so many sockets need `ulimit -n {files}`; the hard limit is lower"))
    })
}
