//! The real program, as a process of its own.

use sotto::storage::connection::DatabaseAddress;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tokio::net::TcpStream;

use crate::relay::Closed;

/// The real program over a closed relay's data.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Program {
    /// With these directives for its log, which is kept in the data directory.
    pub(crate) async fn start(closed: &Closed, directives: &str) -> Self {
        let log = closed.config.data_dir.join("relay.log");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let database = match &closed.config.database {
            DatabaseAddress::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseAddress::Postgres(url) => url.clone(),
        };
        let child = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .arg("serve")
            .env("SOTTO_LISTEN", address.to_string())
            .env("SOTTO_DATA_DIR", &closed.config.data_dir)
            .env("SOTTO_DATABASE_URL", database)
            .env("SOTTO_LOG", directives)
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut program = Self { child, address, log };
        while TcpStream::connect(address).await.is_err() {
            assert!(program.child.try_wait().unwrap().is_none(), "the relay ended at its start");
            tokio::task::yield_now().await;
        }
        program
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
    pub(crate) fn log(&self) -> Vec<u8> {
        std::fs::read(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
