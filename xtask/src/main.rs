//! `cargo xtask`: every chore of the house. `run` and `test` are the two commands of the README;
//! both install what they need, say so, and work a second time without a network.

mod bench;
mod budget;
mod count;
mod house;
mod process;
mod rust;
mod say;
mod setup;
mod stamp;
mod test;
mod wasm;
mod web;
mod workspace;

use std::process::ExitCode;

use process::Outcome;
use workspace::Workspace;

const USAGE: &str = "\
cargo xtask run              build everything and start the relay at http://localhost:8080
cargo xtask test             format, lints, every test, in Rust, TypeScript and a browser
cargo xtask check            the quick part of it: format, lints, types, rules of the house
cargo xtask build            the wasm client and the web app, into web/dist; how large they are, and may be
cargo xtask dev              the relay behind Vite, with hot reload
cargo xtask bench <program>  a load, fault or page program in release mode; what follows goes to it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(failure) => {
            say::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Outcome<ExitCode> {
    let workspace = Workspace::find()?;
    match words {
        ["run"] => rust::serve(&workspace),
        ["dev"] => web::develop(&workspace),
        ["build"] => {
            web::build(&workspace)?;
            budget::check(&workspace).map(|()| ExitCode::SUCCESS)
        }
        ["check"] => Ok(test::check(&workspace)),
        ["test"] => Ok(test::everything(&workspace)),
        ["bench", program, rest @ ..] => bench::run(&workspace, program, rest),
        _ => {
            say::line(USAGE);
            Ok(ExitCode::from(2))
        }
    }
}
