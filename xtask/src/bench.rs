//! `cargo xtask bench <program> …`: load and fault programs, in release mode.

use std::process::ExitCode;

use crate::process::{self, Outcome};
use crate::workspace::Workspace;

/// Builds and runs one program of `loadgen`; `rest` goes to it unchanged. Programs that need a relay
/// start the one that lies beside them, so it is built first.
pub(crate) fn run(workspace: &Workspace, program: &str, rest: &[&str]) -> Outcome<ExitCode> {
    crate::say::step("bench", &format!("{program}, in release mode"));
    process::show(&mut process::program("cargo", &["build", "--release", "-p", "sotto"], &workspace.root))?;
    let start = ["run", "--release", "-p", "sotto-loadgen", "--", program];
    process::show(process::program("cargo", &start, &workspace.root).args(rest))?;
    Ok(ExitCode::SUCCESS)
}
