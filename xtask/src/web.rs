//! The web app: its packages, its checks, its tests, and `web/dist`, which the relay carries inside.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::count::Count;
use crate::process::{self, Failure, Outcome};
use crate::say;
use crate::setup;
use crate::stamp::{Stamp, files_under};
use crate::wasm::{self, Runner};
use crate::workspace::Workspace;

/// What `web/dist` is made of, below `web/`.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "build",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
];

/// File kinds that shrink; pictures and fonts are compressed already.
const COMPRESSIBLE: [&str; 7] = ["css", "html", "js", "json", "svg", "txt", "wasm"];

/// Builds the wasm client and the web app.
pub(crate) fn build(workspace: &Workspace) -> Outcome<()> {
    packages(workspace, process::show)?;
    wasm::build(workspace, process::show)?;
    bundle(workspace, process::show)
}

/// Installs what the web app is made of.
pub(crate) fn packages(workspace: &Workspace, run: Runner) -> Outcome<()> {
    packages_of(&workspace.web(), run)
}

/// Installs exactly what the lock file of a folder names, and runs no package's scripts.
fn packages_of(folder: &Path, run: Runner) -> Outcome<()> {
    let inputs = [folder.join("package.json"), folder.join("package-lock.json")];
    let stamp = Stamp::new(stamps(folder, "packages"), &inputs, "")?;
    if stamp.is_current() {
        return Ok(());
    }
    say::step("npm packages", "npm ci --ignore-scripts");
    run(&mut process::program("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder))?;
    stamp.keep()
}

/// Builds `web/dist` and compresses it, unless it was built from the same sources before.
pub(crate) fn bundle(workspace: &Workspace, run: Runner) -> Outcome<()> {
    let web = workspace.web();
    let dist = web.join("dist");
    let stamp = Stamp::new(stamps(&web, "dist"), &SOURCES.map(|source| web.join(source)), "")?;
    if stamp.is_current() && dist.join("build.json").exists() {
        return Ok(());
    }
    say::step("web app", "vite build, then brotli, into web/dist");
    run(&mut process::program("npm", &["run", "--silent", "build"], &web))?;
    for file in files_under(&dist)? {
        compress(&file)?;
    }
    say::step("build id", &build_id(&dist)?);
    stamp.keep()
}

/// Types and lints.
pub(crate) fn check(workspace: &Workspace, run: Runner) -> Outcome<()> {
    say::step("web checks", "tsc and oxlint");
    run(&mut process::program("npm", &["run", "--silent", "check"], &workspace.web()))
}

/// Unit and component tests.
pub(crate) fn unit_tests(workspace: &Workspace) -> Outcome<Count> {
    say::step("web tests", "vitest");
    let report = fresh_report(workspace, "vitest.json")?;
    let output = format!("--outputFile.json={}", report.display());
    let arguments = ["run", "--silent", "test", "--", "--reporter=default", "--reporter=json", &output];
    let succeeded = process::watch(&mut process::program("npm", &arguments, &workspace.web()), |_| {})?;
    Ok(read(&report).and_then(|json| Count::of_vitest(&json)).unwrap_or_default().and_program(succeeded))
}

/// The stories in a real browser, against the relay that lies at `relay`.
pub(crate) fn browser_tests(workspace: &Workspace, relay: &Path) -> Outcome<Count> {
    say::step("browser tests", "Playwright, in Chromium, against the relay");
    let report = fresh_report(workspace, "playwright.json")?;
    let arguments = ["run", "--silent", "e2e", "--", "--reporter=list,json"];
    let mut command = process::program("npm", &arguments, &workspace.web());
    command
        .env("SOTTO_BINARY", relay)
        .env("SOTTO_CHROMIUM", setup::CHROMIUM)
        .env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report);
    let succeeded = process::watch(&mut command, |_| {})?;
    Ok(read(&report).and_then(|json| Count::of_playwright(&json)).unwrap_or_default().and_program(succeeded))
}

/// Lighthouse's marks for the first page of the relay that lies at `relay`. Its two hundred packages are wanted by this
/// chore alone, and are installed when it is called.
pub(crate) fn lighthouse(workspace: &Workspace, relay: &Path) -> Outcome<()> {
    setup::browser(workspace)?;
    let folder = workspace.web().join("lighthouse");
    packages_of(&folder, process::show)?;
    say::step("lighthouse", "desktop and phone, in Chromium, against a relay of its own");
    let arguments = ["run.mjs", &relay.to_string_lossy(), setup::CHROMIUM];
    process::show(&mut process::program("node", &arguments, &folder))
}

/// The relay, and in front of it Vite, which shows a change at once. The page's address is Vite's,
/// so that is the one origin that this relay accepts.
pub(crate) fn develop(workspace: &Workspace) -> Outcome<ExitCode> {
    packages(workspace, process::show)?;
    wasm::build(workspace, process::show)?;
    say::step("relay", "cargo build");
    process::show(&mut process::program("cargo", &["build", "-p", "sotto"], &workspace.root))?;
    let relay = workspace.target.join("debug/sotto");
    let mut relay = process::program(&relay.to_string_lossy(), &["serve"], &workspace.root)
        .env("SOTTO_PUBLIC_URL", "http://localhost:5173")
        .spawn()?;
    say::step("start", "http://localhost:5173, the relay behind it");
    let vite = ["exec", "--", "vite", "--port", "5173", "--strictPort"];
    let ended = process::show(&mut process::program("npm", &vite, &workspace.web()));
    relay.kill()?;
    relay.wait()?;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Writes `<file>.br` beside a file where that is smaller.
fn compress(file: &Path) -> Outcome<()> {
    let kind = file.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    if !COMPRESSIBLE.contains(&kind) {
        return Ok(());
    }
    let bytes = std::fs::read(file)?;
    let mut small = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut small, &parameters)?;
    if small.len() < bytes.len() {
        let mut name = file.as_os_str().to_owned();
        name.push(".br");
        std::fs::write(PathBuf::from(name), small)?;
    }
    Ok(())
}

fn build_id(dist: &Path) -> Outcome<String> {
    read(&dist.join("build.json"))
        .and_then(|json| Some(json.get("build")?.as_str()?.to_owned()))
        .ok_or_else(|| Failure::new("web/dist/build.json names no build"))
}

/// Stamps lie in `node_modules`, which goes when the installation goes.
fn stamps(folder: &Path, step: &str) -> PathBuf {
    folder.join("node_modules/.stamps").join(step)
}

/// A report's place, with an older report gone, so that none is taken for this run's.
fn fresh_report(workspace: &Workspace, name: &str) -> Outcome<PathBuf> {
    let report = workspace.reports()?.join(name);
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    Ok(report)
}

fn read(report: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(report).ok()?).ok()
}
