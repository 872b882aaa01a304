//! `timing`: whether the time of an answer tells known handles from unknown ones. Tries at both, in random order on one
//! connection to a running relay, at both steps of a log-in; Welch's t between the two classes. |t| below 4.5 over many
//! samples is what one calls "not told apart" (TVLA); a figure above it names an oracle, or too few samples for a busy machine.

use protocol::{
    accounts::OpaqueMessage,
    sessions::{LoginFinish, LoginStarted},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    account::{Account, random},
    failure::Failure,
    http::{Answered, Http},
    options::Options,
    person::{FINISH, Person, START},
    relay::Relay,
    report,
};

const PEOPLE_MAX: u64 = 1_000;
const SAMPLES_MAX: u64 = 1_000_000;
/// Of each class, before anything is measured.
const WARM_UP: u64 = 100;
/// Answers slower than this share of all are left out of the second figure: the machine's doing, not the relay's.
const KEPT_PERCENT: usize = 90;
/// Bytes of the last OPAQUE message.
const KE3_BYTES: usize = 64;
/// Above it, two classes are told apart.
const T_MAX: f64 = 4.5;

#[derive(Debug, Serialize)]
struct Run {
    program: &'static str,
    step: &'static str,
    samples: usize,
    known_us: f64,
    unknown_us: f64,
    t: f64,
    t_of_fastest: f64,
    same_status: bool,
    same_bytes: bool,
    same_headers: bool,
}

/// What one step of a log-in showed of each class.
#[derive(Default)]
struct Step {
    known: Vec<f64>,
    unknown: Vec<f64>,
    shapes: [Option<Shape>; 2],
}

/// What an answer looks like from outside.
type Shape = (u16, usize, Vec<String>);

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let samples = options.number("samples", 10_000, SAMPLES_MAX)?;
    let people = options.number("people", 64, PEOPLE_MAX)?;
    let relay = Relay::start(options).await?;
    report::progress(&format!("{people} people register, and as many don't"));
    let mut http = Http::connect(relay.address()).await?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for index in 0..people {
        let handle = format!("known-{index:04}");
        Account::register(&mut http, &handle).await?;
        known.push(Person::new(&handle)?);
        unknown.push(Person::new(&format!("other-{index:04}"))?);
    }
    report::progress(&format!("{samples} tries at each"));
    let (mut start, mut finish) = (Step::default(), Step::default());
    let mut left = [samples + WARM_UP; 2];
    let mut turn = 0_usize;
    while left.iter().sum::<u64>() > 0 {
        let coin = usize::from(random::<1>().first().is_some_and(|byte| byte & 1 == 1));
        let class = if left.get(coin).is_some_and(|left| *left > 0) { coin } else { 1 - coin };
        let Some(rest) = left.get_mut(class) else { break };
        *rest -= 1;
        let counts = *rest < samples;
        turn += 1;
        let all = if class == 0 { &known } else { &unknown };
        let Some(person) = all.get(turn % all.len()) else { break };
        attempt(&mut http, person, class, counts.then_some((&mut start, &mut finish))).await?;
    }
    relay.stop().await?;
    let runs = [start.figures("start"), finish.figures("finish")];
    for run in &runs {
        report::json(run);
    }
    let row = |run: &Run| {
        let same = run.same_status && run.same_bytes && run.same_headers;
        vec![
            run.step.to_owned(),
            run.samples.to_string(),
            run.known_us.to_string(),
            run.unknown_us.to_string(),
            run.t.to_string(),
            run.t_of_fastest.to_string(),
            if same { "yes" } else { "NO" }.to_owned(),
        ]
    };
    let head =
        ["step", "samples of each", "known µs", "unknown µs", "t", "t of the fastest 90 %", "same answer"];
    report::table(&head, &runs.each_ref().map(row));
    if runs.iter().any(|run| run.t_of_fastest.abs() >= T_MAX) {
        report::complain(
            "|t| is 4.5 or more: told apart, or the machine was busy; run it again on a quiet one",
        );
    }
    Ok(())
}

/// One try with a password that opens nothing: the last message is random bytes.
async fn attempt(
    http: &mut Http,
    person: &Person,
    class: usize,
    steps: Option<(&mut Step, &mut Step)>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let started = http.answer(START, &person.start).await?;
    let start_took = began.elapsed();
    let LoginStarted { ticket, .. } = serde_json::from_slice(&started.body)
        .map_err(|_| Failure::Unreadable("the first answer to a log-in"))?;
    let credential_finalization = OpaqueMessage::new(random::<KE3_BYTES>().to_vec())
        .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
    let question = LoginFinish { ticket, credential_finalization };
    let began = Instant::now();
    let finished = http.answer(FINISH, &question).await?;
    let finish_took = began.elapsed();
    if let Some((start, finish)) = steps {
        start.add(class, start_took.as_secs_f64() * 1e6, &started);
        finish.add(class, finish_took.as_secs_f64() * 1e6, &finished);
    }
    Ok(())
}

impl Step {
    fn add(&mut self, class: usize, us: f64, answer: &Answered) {
        let times = if class == 0 { &mut self.known } else { &mut self.unknown };
        times.push(us);
        if let Some(shape) = self.shapes.get_mut(class) {
            *shape = Some((answer.status, answer.body.len(), answer.headers.clone()));
        }
    }

    fn figures(&self, step: &'static str) -> Run {
        let mut pooled: Vec<f64> = self.known.iter().chain(&self.unknown).copied().collect();
        pooled.sort_by(f64::total_cmp);
        let bound = pooled.get(pooled.len() * KEPT_PERCENT / 100).copied().unwrap_or(f64::MAX);
        let fast = |times: &[f64]| times.iter().copied().filter(|us| *us < bound).collect::<Vec<_>>();
        let [known, unknown] = &self.shapes;
        let shape = |of: &Option<Shape>| of.clone().unwrap_or_default();
        let (known, unknown) = (shape(known), shape(unknown));
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        Run {
            program: "timing",
            step,
            samples: self.known.len().min(self.unknown.len()),
            known_us: rounded(mean(&self.known)),
            unknown_us: rounded(mean(&self.unknown)),
            t: rounded(welch_t(&self.known, &self.unknown)),
            t_of_fastest: rounded(welch_t(&fast(&self.known), &fast(&self.unknown))),
            same_status: known.0 == unknown.0,
            same_bytes: known.1 == unknown.1,
            same_headers: known.2 == unknown.2,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Welch's t: the difference of the means, in units of its own standard error.
fn welch_t(a: &[f64], b: &[f64]) -> f64 {
    let error = |values: &[f64]| {
        let (mean, count) = (mean(values), values.len() as f64);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (count - 1.0).max(1.0) / count.max(1.0)
    };
    let spread = (error(a) + error(b)).sqrt();
    if spread > 0.0 { (mean(a) - mean(b)) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::welch_t;

    #[test]
    fn equal_classes_have_a_t_near_zero_and_shifted_ones_a_large_one() {
        let noise = |seed: u64| (0..2_000_u64).map(move |n| ((n * 2_654_435_761 + seed) % 1_000) as f64);
        let (a, b): (Vec<f64>, Vec<f64>) = (noise(1).collect(), noise(77).collect());
        let shifted: Vec<f64> = noise(77).map(|value| value + 100.0).collect();

        assert!(welch_t(&a, &b).abs() < 4.5);
        assert!(welch_t(&a, &shifted) < -4.5);
        assert_eq!(welch_t(&[1.0, 1.0], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn the_figure_is_that_of_a_worked_example() {
        let a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
        let b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.6, 22.9];

        assert!((welch_t(&a, &b) + 2.7506).abs() < 0.0001);
    }
}
