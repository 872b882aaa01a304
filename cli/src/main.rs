//! `sotto-cli`: the command line over [`sotto_cli`].

mod arguments;
mod chat;
mod commands;
mod onboarding;

use std::process::ExitCode;

use sotto_cli::terminal;

use arguments::{Arguments, USAGE};

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        return match terminal::say(USAGE) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let outcome = match Arguments::parse(words) {
        Ok(arguments) => commands::run(arguments).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&format!("sotto-cli: {failure}"));
            ExitCode::FAILURE
        }
    }
}
