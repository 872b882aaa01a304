//! Format, lints, tests and programs of the Rust side.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::count::Count;
use crate::process::{self, Failure, Outcome};
use crate::say;
use crate::web;
use crate::workspace::Workspace;

pub(crate) fn format(workspace: &Workspace) -> Outcome<()> {
    say::step("format", "cargo fmt --all --check");
    process::show(&mut process::program("cargo", &["fmt", "--all", "--check"], &workspace.root))
}

pub(crate) fn lints(workspace: &Workspace) -> Outcome<()> {
    say::step("lints", "cargo clippy, warnings refused");
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    process::show(&mut process::program("cargo", &arguments, &workspace.root))
}

/// Compiles every test without running one, so that it can go on beside another build.
pub(crate) fn compile_tests(workspace: &Workspace) -> Outcome<()> {
    say::step("rust", "compile every crate and its tests");
    let arguments = ["test", "--workspace", "--locked", "--no-run", "--quiet"];
    process::show(&mut process::program("cargo", &arguments, &workspace.root))
}

/// The core's second provider of cryptography: its tests run over both.
const LIBCRUX: [&str; 5] = ["-p", "sotto-client-core", "--lib", "--features", "libcrux"];

/// Runs every Rust test: through nextest where it is installed (which leaves the samples in the
/// documentation to cargo), else through cargo's own runner.
pub(crate) fn tests(workspace: &Workspace) -> Outcome<Count> {
    let mut count = if process::answers("cargo", &["nextest", "--version"]) {
        say::step("rust tests", "cargo nextest run, then the samples of the documentation");
        let mut count = counted(workspace, &["nextest", "run", "--workspace", "--no-fail-fast"])?;
        count += counted(workspace, &["test", "--doc", "--workspace"])?;
        count
    } else {
        say::step("rust tests", "cargo test");
        counted(workspace, &["test", "--workspace"])?
    };
    say::step("core tests", "the client core once more, over libcrux");
    count += counted(workspace, &[["test"].as_slice(), &LIBCRUX].concat())?;
    Ok(count)
}

fn counted(workspace: &Workspace, arguments: &[&str]) -> Outcome<Count> {
    let mut count = Count::default();
    let succeeded = process::watch(&mut process::program("cargo", arguments, &workspace.root), |line| {
        count += Count::of_rust_line(line).unwrap_or_default();
    })?;
    Ok(count.and_program(succeeded))
}

/// Builds the relay as the tests use it, with the web app of `web/dist` inside, and says where it is. A build of
/// its own would have other features than the tests' and compile most dependencies once more.
pub(crate) fn relay_for_tests(workspace: &Workspace) -> Outcome<PathBuf> {
    say::step("relay", "once more with the web app inside");
    let arguments = ["test", "--workspace", "--locked", "--no-run", "--quiet"];
    process::show(&mut process::program("cargo", &arguments, &workspace.root))?;
    Ok(workspace.target.join("debug/sotto"))
}

/// Builds everything and becomes the relay, so that every signal reaches the relay itself.
pub(crate) fn serve(workspace: &Workspace) -> Outcome<ExitCode> {
    web::build(workspace)?;
    say::step("relay", "cargo build --release, with the web app inside");
    let arguments = ["build", "--release", "--locked", "-p", "sotto"];
    process::show(&mut process::program("cargo", &arguments, &workspace.root))?;
    say::step("start", "sotto serve, data in ./data; the line that says serving names the address");
    let relay = workspace.target.join("release/sotto");
    let mut command = process::program(&relay.to_string_lossy(), &["serve"], &workspace.root);
    Err(Failure::new(format!("{} did not start: {}", relay.display(), command.exec())))
}
