//! `logins`: full log-ins by password per second, the relay's share of OPAQUE and its database included. The client's
//! stretching is left out, since the relay takes no part in it.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::{
    account::Account,
    failure::Failure,
    http::Http,
    measure::{Latencies, cpu_time},
    options::Options,
    person::Person,
    relay::Relay,
    report,
};

const PEOPLE_MAX: u64 = 10_000;
const IN_FLIGHT_MAX: u64 = 1_000;
const SECONDS_MAX: u64 = 600;
const RUNS_MAX: u64 = 20;

/// One run's figures.
#[derive(Debug, Serialize)]
struct Run {
    program: &'static str,
    people: u64,
    in_flight: u64,
    seconds: u64,
    logins_per_second: u64,
    p50_us: u32,
    p99_us: u32,
    relay_cpu_us_per_login: f64,
    own_cpu_us_per_login: f64,
    relay_cores: f64,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Instant,
    until: Instant,
}

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for in_flight in options.numbers("in-flight", "32", IN_FLIGHT_MAX)? {
        for _ in 0..options.number("runs", 1, RUNS_MAX)? {
            let run = one(options, in_flight).await?;
            report::json(&run);
            rows.push(vec![
                run.people.to_string(),
                run.in_flight.to_string(),
                run.logins_per_second.to_string(),
                run.p50_us.to_string(),
                run.p99_us.to_string(),
                run.relay_cpu_us_per_login.to_string(),
                run.own_cpu_us_per_login.to_string(),
            ]);
        }
    }
    let head =
        ["people", "in flight", "log-ins/s", "p50 µs", "p99", "relay CPU µs/log-in", "own CPU µs/log-in"];
    report::table(&head, &rows);
    Ok(())
}

async fn one(options: &Options, in_flight: u64) -> Result<Run, Failure> {
    let people = options.number("people", 256, PEOPLE_MAX)?;
    let seconds = options.number("seconds", 5, SECONDS_MAX)?;
    let warm_up = options.number("warm-up-seconds", 1, SECONDS_MAX)?;
    let relay = Relay::start(options).await?;
    report::progress(&format!("{people} people register"));
    let mut http = Http::connect(relay.address()).await?;
    let mut all = Vec::new();
    for index in 0..people {
        let handle = format!("person-{index}");
        Account::register(&mut http, &handle).await?;
        all.push(Person::new(&handle)?);
    }

    report::progress(&format!("{seconds} s of log-ins"));
    let from = Instant::now() + Duration::from_secs(warm_up);
    let window = Window { from, until: from + Duration::from_secs(seconds) };
    let all = Arc::new(all);
    let mut tasks = Vec::new();
    for turn in 0..in_flight {
        let http = Http::connect(relay.address()).await?;
        let first = usize::try_from(turn * people / in_flight).unwrap_or_default();
        tasks.push(tokio::spawn(log_in_until(Arc::clone(&all), first, http, window)));
    }
    let own = std::process::id();
    sleep_until(window.from).await;
    let before = (cpu_time(relay.process())?, cpu_time(own)?);
    sleep_until(window.until).await;
    let after = (cpu_time(relay.process())?, cpu_time(own)?);

    let mut latencies = Latencies::default();
    for task in tasks {
        latencies.append(task.await.map_err(|error| Failure::Connection(error.to_string()))??);
    }
    relay.stop().await?;
    let count = latencies.count();
    let each = |spent: Duration| (spent.as_secs_f64() * 1e6 / count.max(1) as f64).round();
    let (relay_cpu, own_cpu) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    Ok(Run {
        program: "logins",
        people,
        in_flight,
        seconds,
        logins_per_second: count as u64 / seconds,
        p50_us: latencies.percentile_us(50),
        p99_us: latencies.percentile_us(99),
        relay_cpu_us_per_login: each(relay_cpu),
        own_cpu_us_per_login: each(own_cpu),
        relay_cores: (relay_cpu.as_secs_f64() / seconds as f64 * 100.0).round() / 100.0,
    })
}

/// One connection: log-in after log-in, each of the next person; those that end within the window count.
async fn log_in_until(
    people: Arc<Vec<Person>>,
    first: usize,
    mut http: Http,
    window: Window,
) -> Result<Latencies, Failure> {
    let mut latencies = Latencies::default();
    for person in people.iter().cycle().skip(first) {
        let began = Instant::now();
        if began >= window.until {
            break;
        }
        person.log_in(&mut http).await?;
        let ended = Instant::now();
        if (window.from..window.until).contains(&ended) {
            latencies.add(ended - began);
        }
    }
    Ok(latencies)
}
