//! `sotto serve` (configuration → database → migrations → serve → drain), and `sotto admin`.

use sotto::admin;
use sotto::app::App;
use sotto::clock::Clock;
use sotto::config::Config;
use std::error::Error;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: sotto serve | sotto admin | sotto --version";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => match serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("sotto: {error}")),
        },
        ["admin", rest @ ..] => match administer(rest) {
            Ok(told) => say(&told),
            Err(error) => fail(&error.to_string()),
        },
        ["--version"] => say(concat!("sotto ", env!("CARGO_PKG_VERSION"))),
        ["--help"] => say(USAGE),
        _ => fail(USAGE),
    }
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn Error>> {
    let config = Config::load()?;
    sotto::log::start(&config.log).map_err(|error| format!("SOTTO_LOG: {error}"))?;
    raise_open_files();
    let (listen, public_url) = (config.listen, config.public_url.as_str().to_owned());
    let app = App::open(config, Clock::default()).await?;
    app.start();
    let listener =
        sotto::edge::bind(listen).await.map_err(|error| format!("{listen} can't be listened on: {error}"))?;
    tracing::info!(%listen, public_url, "serving");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signalled = app.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("draining");
        signalled.drain();
    });
    sotto::edge::serve(app.clone(), listener).await;
    app.close().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn administer(words: &[&str]) -> Result<String, Box<dyn Error>> {
    let command = admin::Command::parse(words)?;
    let config = Config::load()?;
    Ok(command.run(&config, &Clock::default()).await?)
}

/// One connection is one open file: takes as many as the system allows this process.
fn raise_open_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the failure of a command")]
fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
