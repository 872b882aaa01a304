//! `pairs`: durable messages per second. In every pair one person writes and the other reads: a message is posted,
//! on the relay's disk, answered, delivered to the live recipient and acknowledged by it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    account::Account,
    failure::Failure,
    http::Http,
    measure::{Latencies, cpu_time, memory},
    message::{Messages, SentTimes},
    options::Options,
    pair::{Pace, Received, Recipient, Sender, Sent, Window},
    relay::Relay,
    report,
    socket::Socket,
};

const PAIRS_MAX: u64 = 2_000;
const IN_FLIGHT_MAX: u64 = 128;
const SECONDS_MAX: u64 = 600;
const RUNS_MAX: u64 = 20;
const RATE_MAX: u64 = 1_000_000;
const BYTES_MAX: u64 = 32 * 1024;
/// Time between the last preparation and the first message.
const PREPARE: Duration = Duration::from_millis(100);
/// The epoch after the first commit.
const FIRST_EPOCH: u64 = 1;

/// One run's figures.
#[derive(Debug, Serialize)]
struct Run {
    program: &'static str,
    #[serde(rename = "loop")]
    pace: &'static str,
    pairs: u64,
    in_flight: Option<u64>,
    offered_per_second: Option<u64>,
    message_bytes: usize,
    seconds: u64,
    delivered_per_second: u64,
    posted_p50_us: u32,
    posted_p99_us: u32,
    delivered_p50_us: u32,
    delivered_p99_us: u32,
    relay_cpu_us_per_message: f64,
    own_cpu_us_per_message: f64,
    relay_cores: f64,
    own_cores: f64,
    relay_rss_kib: u64,
    measured: usize,
    held_back: u64,
    lost: u64,
    doubled: u64,
}

/// What one run is to do.
#[derive(Debug, Clone, Copy)]
struct Plan {
    pairs: u64,
    load: Load,
    bytes: usize,
    seconds: u64,
    warm_up: u64,
}

#[derive(Debug, Clone, Copy)]
enum Load {
    InFlight(u64),
    PerSecond(u64),
}

/// Runs every load that the options name, each on a fresh relay.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let loads: Vec<Load> = match options.find::<u64>("rate")? {
        Some(_) => vec![Load::PerSecond(options.number("rate", 1, RATE_MAX)?)],
        None => {
            options.numbers("in-flight", "1,16", IN_FLIGHT_MAX)?.into_iter().map(Load::InFlight).collect()
        }
    };
    let bytes = options.number("bytes", 300, BYTES_MAX)?;
    let mut rows = Vec::new();
    for load in loads {
        let plan = Plan {
            pairs: options.number("pairs", 50, PAIRS_MAX)?,
            load,
            bytes: usize::try_from(bytes).unwrap_or_default(),
            seconds: options.number("seconds", 5, SECONDS_MAX)?,
            warm_up: options.number("warm-up-seconds", 1, SECONDS_MAX)?,
        };
        for _ in 0..options.number("runs", 1, RUNS_MAX)? {
            let run = one(options, plan).await?;
            report::json(&run);
            rows.push(row(&run));
        }
    }
    report::table(
        &[
            "pairs",
            "load",
            "msg/s",
            "posted p50 µs",
            "p99",
            "delivered p50 µs",
            "p99",
            "relay CPU µs/msg",
            "own CPU µs/msg",
            "lost",
            "doubled",
        ],
        &rows,
    );
    Ok(())
}

async fn one(options: &Options, plan: Plan) -> Result<Run, Failure> {
    let relay = Relay::start(options).await?;
    report::progress(&format!("{} pairs register and meet", plan.pairs));
    let mut http = Http::connect(relay.address()).await?;
    let mut ends = Vec::new();
    for pair in 0..plan.pairs {
        ends.push(meet(&relay, &mut http, pair, plan).await?);
    }

    report::progress(&format!("{} s of load", plan.seconds));
    let start = Instant::now() + PREPARE;
    let from = start + Duration::from_secs(plan.warm_up);
    let until = from + Duration::from_secs(plan.seconds);
    let window = Window { from, until };
    let mut tasks = Vec::new();
    for (index, (mut sender, mut recipient)) in (0_u32..).zip(ends) {
        sender.window = window;
        sender.pace = pace(plan, start, index);
        recipient.window = window;
        let (tell, told) = watch::channel(None);
        tasks.push((tokio::spawn(sender.run(tell)), tokio::spawn(recipient.run(told))));
    }
    let own = std::process::id();
    sleep_until(from).await;
    let before = (cpu_time(relay.process())?, cpu_time(own)?);
    sleep_until(until).await;
    let after = (cpu_time(relay.process())?, cpu_time(own)?);
    let relay_rss_kib = memory(relay.process())?.rss_kib;

    let (mut sent, mut received) = (Sent::default(), Received::default());
    for (sender, recipient) in tasks {
        add(&mut sent, joined(sender.await)?);
        add_received(&mut received, joined(recipient.await)?);
    }
    relay.stop().await?;
    let cpu = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    Ok(figures(plan, cpu, relay_rss_kib, (sent, received)))
}

/// Registers two people, makes their group and opens their sockets.
async fn meet(relay: &Relay, http: &mut Http, pair: u64, plan: Plan) -> Result<(Sender, Recipient), Failure> {
    let writer = Account::register(http, &format!("writer-{pair}")).await?;
    let reader = Account::register(http, &format!("reader-{pair}")).await?;
    let group = writer.create_group(http, &reader).await?.group_id;
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let times = Arc::new(SentTimes::new());
    let now = Instant::now();
    let window = Window { from: now, until: now };
    let sender = Sender {
        socket: Socket::open(relay.address(), source, &writer.token).await?,
        messages: Messages::new(group, FIRST_EPOCH, plan.bytes),
        times: Arc::clone(&times),
        pace: Pace::InFlight(1),
        window,
    };
    let recipient = Recipient {
        socket: Socket::open(relay.address(), source, &reader.token).await?,
        group,
        times,
        window,
    };
    Ok((sender, recipient))
}

fn pace(plan: Plan, start: Instant, index: u32) -> Pace {
    match plan.load {
        Load::InFlight(most) => Pace::InFlight(most),
        Load::PerSecond(rate) => {
            let interval = Duration::from_secs_f64(plan.pairs as f64 / rate as f64);
            // Spread over the interval, so that the pairs don't beat as one.
            let first = start + interval.mul_f64(f64::from(index) / plan.pairs as f64);
            Pace::Every { interval, first }
        }
    }
}

fn joined<T>(outcome: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    outcome.map_err(|_| Failure::Connection("a task of the load stopped".into()))?
}

fn add(all: &mut Sent, one: Sent) {
    all.posted.append(one.posted);
    all.held_back += one.held_back;
}

fn add_received(all: &mut Received, one: Received) {
    all.delivered.append(one.delivered);
    all.in_window += one.in_window;
    all.lost += one.lost;
    all.doubled += one.doubled;
}

fn figures(plan: Plan, cpu: (Duration, Duration), relay_rss_kib: u64, ends: (Sent, Received)) -> Run {
    let (mut sent, mut received) = ends;
    let seconds = plan.seconds as f64;
    let per_message = |cpu: Duration| tenths(cpu.as_secs_f64() * 1e6 / (received.in_window.max(1) as f64));
    let (in_flight, offered_per_second) = match plan.load {
        Load::InFlight(most) => (Some(most), None),
        Load::PerSecond(rate) => (None, Some(rate)),
    };
    let percentiles = |latencies: &mut Latencies| (latencies.percentile_us(50), latencies.percentile_us(99));
    let posted = percentiles(&mut sent.posted);
    let delivered = percentiles(&mut received.delivered);
    Run {
        program: "pairs",
        pace: if in_flight.is_some() { "closed" } else { "open" },
        pairs: plan.pairs,
        in_flight,
        offered_per_second,
        message_bytes: plan.bytes,
        seconds: plan.seconds,
        delivered_per_second: received.in_window / plan.seconds,
        posted_p50_us: posted.0,
        posted_p99_us: posted.1,
        delivered_p50_us: delivered.0,
        delivered_p99_us: delivered.1,
        relay_cpu_us_per_message: per_message(cpu.0),
        own_cpu_us_per_message: per_message(cpu.1),
        relay_cores: hundredths(cpu.0.as_secs_f64() / seconds),
        own_cores: hundredths(cpu.1.as_secs_f64() / seconds),
        relay_rss_kib,
        measured: received.delivered.count(),
        held_back: sent.held_back,
        lost: received.lost,
        doubled: received.doubled,
    }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn row(run: &Run) -> Vec<String> {
    let load = match (run.in_flight, run.offered_per_second) {
        (Some(most), _) => format!("{most} in flight"),
        (None, rate) => format!("{} offered/s", rate.unwrap_or_default()),
    };
    vec![
        run.pairs.to_string(),
        load,
        run.delivered_per_second.to_string(),
        run.posted_p50_us.to_string(),
        run.posted_p99_us.to_string(),
        run.delivered_p50_us.to_string(),
        run.delivered_p99_us.to_string(),
        run.relay_cpu_us_per_message.to_string(),
        run.own_cpu_us_per_message.to_string(),
        run.lost.to_string(),
        run.doubled.to_string(),
    ]
}
