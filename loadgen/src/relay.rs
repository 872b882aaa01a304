//! The relay under load: the release binary beside this program, in a fresh directory, stopped when the run is over.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    account::random,
    failure::Failure,
    http::{Call, Http},
    options::Options,
};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at a relay that is starting.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The limits per address and account are other programs' subject: here one address plays everybody.
const CONFIGURATION: &str = "\
[limits]
connections_max = 1000000
connections_per_address_max = 1000000
unauthenticated_sockets_max = 1000000
unauthenticated_sockets_per_address_max = 1000000
guesses_per_hour = 1000000
guesses_per_day = 1000000

[limits.rates]
any_address = { per_minute = 1000000000, burst = 1000000000 }
login_address = { per_minute = 1000000000, burst = 1000000000 }
registration_address = { per_minute = 1000000000, burst = 1000000000 }
open_address = { per_minute = 1000000000, burst = 1000000000 }
read_account = { per_minute = 1000000000, burst = 1000000000 }
write_account = { per_minute = 1000000000, burst = 1000000000 }
claim_account = { per_minute = 1000000000, burst = 1000000000 }
upload_account = { per_minute = 1000000000, burst = 1000000000 }
";

/// A running relay.
pub(crate) struct Relay {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
    process: u32,
    started_in: Duration,
}

impl Relay {
    /// Starts a relay on a free port and waits until it answers.
    pub(crate) async fn start(options: &Options) -> Result<Self, Failure> {
        let own = std::env::current_exe().map_err(Failure::io("find this program"))?;
        let beside = own.parent().unwrap_or_else(|| Path::new("."));
        let binary = options.path("relay").unwrap_or_else(|| beside.join("sotto"));
        let name = format!("bench-{:016x}", u64::from_ne_bytes(random()));
        let parent = options.path("directory").unwrap_or_else(|| beside.to_owned());
        let directory = parent.join(name);
        std::fs::create_dir_all(&directory).map_err(Failure::io("make a directory for the relay"))?;
        let configuration = directory.join("sotto.toml");
        std::fs::write(&configuration, CONFIGURATION).map_err(Failure::io("write the configuration"))?;
        let log = std::fs::File::create(directory.join("log")).map_err(Failure::io("make a log"))?;

        let address = free_address()?;
        let began = Instant::now();
        let child = Command::new(&binary)
            .arg("serve")
            .env("SOTTO_LISTEN", address.to_string())
            .env("SOTTO_DATA_DIR", directory.join("data"))
            .env("SOTTO_CONFIG", &configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::io("start the relay; build it with `cargo build --release -p sotto`"))?;
        let process = child.id().ok_or(Failure::Unreadable("the relay's process id"))?;
        let mut relay = Self { child, address, directory, process, started_in: Duration::ZERO };
        timeout(PATIENCE, relay.answers()).await.map_err(|_| Failure::Timeout("the relay's start"))??;
        relay.started_in = began.elapsed();
        Ok(relay)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// From the start of the process to its first answer.
    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Stops it and removes what it wrote.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(Failure::io("stop the relay"))?;
        std::fs::remove_dir_all(&self.directory).map_err(Failure::io("remove the relay's directory"))
    }

    async fn answers(&mut self) -> Result<(), Failure> {
        loop {
            if let Ok(mut http) = Http::connect(self.address).await {
                let call = Call { method: hyper::Method::GET, path: "/v1/relay", token: None, body: None };
                return http.call(call).await.map(|_| ());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = self.directory.join("log");
                let told = std::fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::Connection(format!("the relay ended ({status}): {told}")));
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// An address that nobody listens on.
fn free_address() -> Result<SocketAddr, Failure> {
    let listener =
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::io("find a free port"))?;
    listener.local_addr().map_err(Failure::io("find a free port"))
}
