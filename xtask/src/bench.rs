//! `cargo xtask bench <program> …`: load and fault programs, in release mode.

use std::process::ExitCode;

use crate::process::{self, Outcome};
use crate::web;
use crate::workspace::Workspace;

/// Builds and runs one program of `loadgen`; `rest` goes to it unchanged. Programs that need a relay
/// start the one that lies beside them, so it is built first.
pub(crate) fn run(workspace: &Workspace, program: &str, rest: &[&str]) -> Outcome<ExitCode> {
    if program == FAULTS {
        return faults(workspace, rest);
    }
    if program == LIGHTHOUSE {
        return lighthouse(workspace);
    }
    crate::say::step("bench", &format!("{program}, in release mode"));
    process::show(&mut process::program("cargo", &["build", "--release", "-p", "sotto"], &workspace.root))?;
    let start = ["run", "--release", "-p", "sotto-loadgen", "--", program];
    process::show(process::program("cargo", &start, &workspace.root).args(rest))?;
    Ok(ExitCode::SUCCESS)
}

/// The program that needs no relay: cores against a relay in memory. Its logins are as cheap as the tests', which an
/// optimised build refuses, so it is built as the tests are.
const FAULTS: &str = "faults";

fn faults(workspace: &Workspace, rest: &[&str]) -> Outcome<ExitCode> {
    crate::say::step("bench", "faults, as the tests are built");
    let start = ["bench", "--profile", "dev", "-p", "sotto-client-core", "--bench", FAULTS, "--"];
    process::show(process::program("cargo", &start, &workspace.root).args(rest))?;
    Ok(ExitCode::SUCCESS)
}

/// The program that looks at the page as a visitor's browser gets it.
const LIGHTHOUSE: &str = "lighthouse";

fn lighthouse(workspace: &Workspace) -> Outcome<ExitCode> {
    web::build(workspace)?;
    crate::say::step("relay", "cargo build --release, with the web app inside");
    let build = ["build", "--release", "--locked", "-p", "sotto"];
    process::show(&mut process::program("cargo", &build, &workspace.root))?;
    web::lighthouse(workspace, &workspace.target.join("release/sotto"))?;
    Ok(ExitCode::SUCCESS)
}
