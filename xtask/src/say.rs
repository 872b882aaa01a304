//! What the chores tell: one line per step, and what went wrong.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::process::Failure;

/// Prints one step: its name and what it does.
pub(crate) fn step(name: &str, what: &str) {
    line(&format!("· {name:<14} {what}"));
}

/// Prints a line. That nobody listens any more is no reason to stop working.
pub(crate) fn line(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{text}");
    let _ = output.flush();
}

/// Prints why a chore failed.
pub(crate) fn failure(failure: &Failure) {
    let _ = writeln!(std::io::stderr().lock(), "✗ {failure}");
}

/// Measures how long a step took.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the chores")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
