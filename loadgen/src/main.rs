//! Load and benchmarks over the real protocol: `cargo xtask bench <program> [--option value …]`.
//! Every program starts the relay that lies beside it, in a directory of its own on the same disk, loads it, and
//! prints one JSON line per run and a table.

mod account;
mod failure;
mod http;
mod idle;
mod logins;
mod measure;
mod message;
mod options;
mod pair;
mod pairs;
mod person;
mod records;
mod relay;
mod report;
mod socket;
mod timing;

use std::process::ExitCode;

use failure::Failure;
use options::Options;

const USAGE: &str = "sotto-loadgen <program> [--option value …]

  pairs   durable messages per second between pairs of people
          --pairs 50  --in-flight 1,16  --seconds 5  --warm-up-seconds 1  --bytes 300  --runs 1
          --rate <messages per second in all>: open loop instead of so many in flight
  idle    memory per idle connection
          --connections 5000  --settle-seconds 3
  records records to the relay and to a new client
          --records 10000  --bytes 302
  logins  full log-ins by password per second, without the client's stretching
          --people 256  --in-flight 32  --seconds 5  --warm-up-seconds 1  --runs 1
  timing  whether the time of an answer tells known handles from unknown ones, by Welch's t
          --samples 10000  --people 64

  all     --relay <binary>: another relay than the one beside this program
          --directory <path>: where the relay's data goes, on the disk that is to be measured
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((program, rest)) => run(program, rest).await,
        None => Err(Failure::Usage("name a program".into())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::complain(&failure.to_string());
            if matches!(failure, Failure::Usage(_)) {
                report::complain(USAGE);
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(program: &str, rest: &[String]) -> Result<(), Failure> {
    let options = Options::parse(rest)?;
    match program {
        "pairs" => pairs::run(&options).await,
        "idle" => idle::run(&options).await,
        "records" => records::run(&options).await,
        "logins" => logins::run(&options).await,
        "timing" => timing::run(&options).await,
        other => Err(Failure::Usage(format!("there is no program `{other}`"))),
    }
}
