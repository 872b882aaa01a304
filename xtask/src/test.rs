//! `cargo xtask test` and `cargo xtask check`: which step goes when, and what it all comes to.

use std::path::Path;
use std::process::ExitCode;

use crate::count::Count;
use crate::process::{self, Failure, Outcome};
use crate::workspace::Workspace;
use crate::{budget, house, rust, say, setup, wasm, web};

/// What came of building the web app.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    Done,
    Failed,
}

/// The quick part: nothing is run, everything is looked at. A failed step doesn't hide the next one.
pub(crate) fn check(workspace: &Workspace) -> ExitCode {
    let mut total = Count::default();
    note(&mut total, rust::format(workspace));
    note(&mut total, house::check(workspace));
    note(&mut total, rust::lints(workspace));
    note(&mut total, web::packages(workspace, process::show));
    note(&mut total, wasm::build(workspace, process::show));
    note(&mut total, web::check(workspace, process::show));
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything. A failed step keeps only those from running that need its result; the last line
/// counts them all.
pub(crate) fn everything(workspace: &Workspace) -> ExitCode {
    let clock = say::Stopwatch::start();
    let mut total = Count::default();
    note(&mut total, setup::for_tests(workspace));
    note(&mut total, rust::format(workspace));
    note(&mut total, house::check(workspace));
    let app = two_lanes(workspace, &mut total);
    let app = if note(&mut total, app) { Build::Done } else { Build::Failed };
    if app == Build::Done {
        note(&mut total, budget::check(workspace));
    }
    note(&mut total, web::check(workspace, process::show));
    add(&mut total, web::unit_tests(workspace));
    // Before the Rust tests, so that they and the browser use one and the same build.
    let relay = rust::relay_for_tests(workspace);
    add(&mut total, rust::tests(workspace));
    add(&mut total, relay.and_then(|relay| stories(workspace, &relay, app)));
    say::step("took", &format!("{} s", clock.elapsed().as_secs()));
    say::line(&format!("{} passed, {} failed", total.passed, total.failed));
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Two cores: the wasm client and the web app (whose last steps use one core each) are built
/// quietly beside the lints and the native build. Gives what came of the web app.
fn two_lanes(workspace: &Workspace, total: &mut Count) -> Outcome<()> {
    std::thread::scope(|scope| {
        let web_lane = scope.spawn(|| {
            web::packages(workspace, process::quietly)?;
            wasm::build(workspace, process::quietly)?;
            web::bundle(workspace, process::quietly)
        });
        note(total, rust::lints(workspace));
        note(total, rust::compile_tests(workspace));
        web_lane.join().unwrap_or_else(|_| Err(Failure::new("the web lane panicked")))
    })
}

/// Without its app, or with an older one, a relay has nothing to show a browser.
fn stories(workspace: &Workspace, relay: &Path, app: Build) -> Outcome<Count> {
    if app == Build::Failed {
        return Err(Failure::new("no browser tests: the web app was not built"));
    }
    web::browser_tests(workspace, relay)
}

/// Tells a failed step and counts it. Says whether it succeeded.
fn note(total: &mut Count, outcome: Outcome<()>) -> bool {
    if let Err(failure) = &outcome {
        say::failure(failure);
        *total += Count::FAILURE;
    }
    outcome.is_ok()
}

fn add(total: &mut Count, outcome: Outcome<Count>) {
    match outcome {
        Ok(count) => *total += count,
        Err(failure) => {
            say::failure(&failure);
            *total += Count::FAILURE;
        }
    }
}
