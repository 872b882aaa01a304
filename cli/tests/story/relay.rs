//! A relay process over a directory: started, killed and started again.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, mpsc},
    time::Duration,
};

use tempfile::TempDir;

/// How long a relay may take to say that it serves.
const START: Duration = Duration::from_secs(60);

/// A relay with everything at its defaults, its log at trace.
pub(crate) struct Relay {
    directory: TempDir,
    address: SocketAddr,
    child: Option<Child>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    pub(crate) fn start() -> Self {
        // Somebody else may take the port in between; then the relay says so and the test fails.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut relay =
            Self { directory: tempfile::tempdir().unwrap(), address, child: None, log: Arc::default() };
        relay.start_again();
        relay
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("a running relay");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts over the same directory, and waits until the relay serves.
    pub(crate) fn start_again(&mut self) {
        let mut child = Command::new(binary())
            .arg("serve")
            .env("SOTTO_LISTEN", self.address.to_string())
            .env("SOTTO_DATA_DIR", self.directory.path())
            .env("SOTTO_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (serves, served) = mpsc::sync_channel(1);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                if line.windows(7).any(|word| word == b"serving") {
                    let _ = serves.try_send(());
                }
                let mut log = log.lock().unwrap();
                log.extend_from_slice(&line);
                log.push(b'\n');
            }
        });
        self.child = Some(child);
        if served.recv_timeout(START).is_err() {
            panic!("the relay does not serve: {}", String::from_utf8_lossy(&self.log()));
        }
    }

    /// Everything that it logged, over all its starts.
    pub(crate) fn log(&self) -> Vec<u8> {
        self.log.lock().unwrap().clone()
    }

    /// Every file of its directory: database, WAL, blobs, secrets.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_below(self.directory.path())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Every file below `directory` with its bytes.
pub(crate) fn files_below(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files
}

/// The relay's binary, built now if need be: it lies beside the directory of this test's own binary.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--locked", "--bin", "sotto"])
            .current_dir(root)
            .status()
            .unwrap();
        assert!(built.success(), "the relay does not build");
        let own = std::env::current_exe().unwrap();
        own.parent().and_then(Path::parent).unwrap().join("sotto")
    })
}
