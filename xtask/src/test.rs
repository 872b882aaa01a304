//! `cargo xtask test` and `cargo xtask check`: which step goes when, and what it all comes to.

use std::process::ExitCode;

use crate::count::Count;
use crate::process::{self, Outcome};
use crate::workspace::Workspace;
use crate::{house, rust, say, setup, wasm, web};

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

/// Everything. A failed step doesn't keep the others from running; the last line counts them all.
pub(crate) fn everything(workspace: &Workspace) -> ExitCode {
    let clock = say::Stopwatch::start();
    let mut total = Count::default();
    let set_up = note(&mut total, setup::for_tests(workspace));
    note(&mut total, rust::format(workspace));
    note(&mut total, house::check(workspace));
    let built = two_lanes(workspace, &mut total);
    if set_up && built {
        run_tests(workspace, &mut total);
    }
    say::step("took", &format!("{} s", clock.elapsed().as_secs()));
    say::line(&format!("{} passed, {} failed", total.passed, total.failed));
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Two cores: the wasm client and the web app (whose last steps use one core each) are built
/// quietly beside the lints and the native build. Says whether there is something to run.
fn two_lanes(workspace: &Workspace, total: &mut Count) -> bool {
    std::thread::scope(|scope| {
        let web_lane = scope.spawn(|| {
            web::packages(workspace, process::quietly)?;
            wasm::build(workspace, process::quietly)?;
            web::bundle(workspace, process::quietly)
        });
        note(total, rust::lints(workspace));
        let native = note(total, rust::compile_tests(workspace));
        let web = web_lane.join().unwrap_or_else(|_| Err(process::Failure::new("the web lane panicked")));
        note(total, web) && native
    })
}

fn run_tests(workspace: &Workspace, total: &mut Count) {
    note(total, web::check(workspace, process::show));
    add(total, web::unit_tests(workspace));
    let relay = rust::relay_for_tests(workspace);
    add(total, rust::tests(workspace));
    add(total, relay.and_then(|relay| web::browser_tests(workspace, &relay)));
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
