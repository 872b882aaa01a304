//! A relay on a disk that is really full: 16 MiB of memory, mounted where only this relay sees it. Mounting takes root;
//! elsewhere the claim is not tested.

use protocol::GroupId;
use protocol::groups::Posted;
use protocol::messages::PostMessage;
use sotto::storage::query;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::groups::people;
use crate::member::Member;
use crate::relay::{Closed, TestRelay};
use crate::writer::{place, raw_post, whole_log};

/// Mounts the disk, puts the data and a megabyte of ballast on it, runs the relay there, and takes the data back.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o size=16m tmpfs "$SOTTO_DATA_DIR"
cp -a "$KEPT/." "$SOTTO_DATA_DIR"
head -c 1048576 /dev/zero > "$SOTTO_DATA_DIR/ballast"
"$SOTTO_PROGRAM" serve &
echo $! > "$KEPT/pid"
wait $!
rm -f "$KEPT"/sotto.sqlite*
cp -a "$SOTTO_DATA_DIR/." "$KEPT"
"#;

struct SmallDisk {
    shell: Child,
    relay: String,
    disk: PathBuf,
    address: SocketAddr,
}

impl SmallDisk {
    async fn start(closed: &Closed, disk: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let kept = &closed.config.data_dir;
        let mut shell = Command::new("unshare")
            .args(["-m", "sh", "-c", SCRIPT])
            .env("SOTTO_PROGRAM", env!("CARGO_BIN_EXE_sotto"))
            .env("SOTTO_LISTEN", address.to_string())
            .env("SOTTO_DATA_DIR", disk)
            .env("SOTTO_LOG", "error")
            .env("KEPT", kept)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(address).await.is_err() {
            assert!(shell.try_wait().unwrap().is_none(), "the relay ended at its start");
            tokio::task::yield_now().await;
        }
        let relay = std::fs::read_to_string(kept.join("pid")).unwrap().trim().to_owned();
        Self { shell, relay, disk: disk.to_owned(), address }
    }

    fn throw_ballast(&self) {
        let disk = self.disk.strip_prefix("/").unwrap();
        std::fs::remove_file(Path::new("/proc").join(&self.relay).join("root").join(disk).join("ballast"))
            .unwrap();
    }

    /// SIGTERM, and the data comes back from the disk.
    fn stop(mut self) {
        assert!(Command::new("kill").arg(&self.relay).status().unwrap().success());
        assert!(self.shell.wait().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            drop(Command::new("kill").args(["-9", &self.relay]).status());
            drop(self.shell.wait());
        }
    }
}

fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// Status and body.
async fn exchange(address: SocketAddr, request: Vec<u8>) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The relay may refuse before it has read all.
    drop(stream.write_all(&request).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[head + 4..].to_vec())
}

fn raw_upload(alice: &Member, bytes: usize) -> Vec<u8> {
    let [id, hash] = ["A".repeat(22), "A".repeat(43)];
    let head = format!(
        "PUT /v1/blobs/{id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nsotto-capability-hash: {hash}\r\n\
         content-type: application/octet-stream\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n",
        alice.token
    );
    [head.into_bytes(), vec![7; bytes]].concat()
}

fn is_storage_full((status, body): &(u16, Vec<u8>)) -> bool {
    *status == 507 && String::from_utf8_lossy(body).contains("\"code\":\"storage_full\"")
}

/// Posts until the disk is full.
async fn fill(disk: &SmallDisk, alice: &Member, group: GroupId) -> (Vec<(PostMessage, u64)>, (u16, Vec<u8>)) {
    let large = "x".repeat(60_000);
    let mut acknowledged = Vec::new();
    loop {
        let message = alice.message(group, 1, &large);
        let answer = exchange(disk.address, raw_post(alice, &message)).await;
        if answer.0 != 200 {
            return (acknowledged, answer);
        }
        let posted: Posted = protocol::socket::from_bytes(&answer.1).unwrap();
        acknowledged.push((message, posted.seq));
        assert!(acknowledged.len() < 1_000, "16 MiB take no more");
    }
}

#[tokio::test]
async fn a_relay_whose_disk_is_full_refuses_loses_nothing_and_goes_on_when_there_is_room() {
    if !may_mount() {
        return;
    }
    let relay = TestRelay::start().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let closed = relay.close().await;
    let mounted = tempfile::tempdir().unwrap();
    let disk = SmallDisk::start(&closed, mounted.path()).await;

    let (mut acknowledged, refused) = fill(&disk, &alice, group).await;
    assert!(is_storage_full(&refused), "{}: {}", refused.0, String::from_utf8_lossy(&refused.1));
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let upload = exchange(disk.address, raw_upload(&alice, 4_000_000)).await;
    assert!(is_storage_full(&upload), "{}: {}", upload.0, String::from_utf8_lossy(&upload.1));

    disk.throw_ballast();
    let next = alice.message(group, 1, "there is room");
    let (status, body) = exchange(disk.address, raw_post(&alice, &next)).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    acknowledged.push((next, protocol::socket::from_bytes::<Posted>(&body).unwrap().seq));
    assert_eq!(exchange(disk.address, raw_upload(&alice, 100_000)).await.0, 201);
    disk.stop();

    let relay = closed.open().await;
    let stored = whole_log(&relay, &bob, group).await;
    assert_eq!(stored.len(), acknowledged.len());
    for (message, seq) in &acknowledged {
        assert_eq!(stored[place(*seq)], message.ciphertext.to_vec());
    }
    let integrity = relay
        .app
        .db
        .read(async |conn| query("pragma integrity_check").fetch_one(conn).await?.get::<String>(0));
    assert_eq!(integrity.await.unwrap(), "ok".to_owned());
}
