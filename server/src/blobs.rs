//! The directory of blobs (F-9): a file per blob, written aside, made durable, then given its name. A file without a
//! row in the database is nobody's, and the sweep takes it away.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use http_body_util::BodyExt as _;
use protocol::{BlobId, ErrorCode};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Mutex, MutexGuard};

use crate::body::is_timeout;
use crate::error::ApiError;
use crate::secrets::random;

/// Where uploads are written until they are whole.
const UNFINISHED: &str = "unfinished";

/// So many blobs can be named or removed at once.
const TURNS: usize = 64;

/// Opaque containers on the local disk.
#[derive(Debug, Clone)]
pub struct Blobs {
    directory: PathBuf,
    turns: Arc<[Mutex<()>]>,
}

/// A whole, durable file that has no name yet; removed unless it is given one.
#[derive(Debug)]
pub struct Received {
    path: PathBuf,
    kept: bool,
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.kept {
            // Unlinking does not wait for the disk; whatever is left, the next start clears away.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Blobs {
    /// Opens the directory, makes it where it is missing, and clears away what an earlier process left unfinished.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        let unfinished = directory.join(UNFINISHED);
        std::fs::create_dir_all(&unfinished)?;
        for entry in std::fs::read_dir(&unfinished)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(Self { directory, turns: (0..TURNS).map(|_| Mutex::new(())).collect() })
    }

    /// Whoever names or removes the file of `blob` and changes its row holds its turn meanwhile, so that file and row
    /// always belong together.
    pub async fn turn(&self, blob: BlobId) -> Option<MutexGuard<'_, ()>> {
        let [first, ..] = blob.as_bytes();
        match self.turns.get(usize::from(*first) % TURNS) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    /// Writes a body of exactly `size_bytes` to the disk, durably, under no name yet.
    pub async fn receive(&self, body: Body, size_bytes: u64) -> Result<Received, ApiError> {
        let name = BlobId::from_bytes(random().map_err(ApiError::internal)?);
        let path = self.directory.join(UNFINISHED).join(name.to_string());
        let received = Received { path, kept: false };
        let mut file = File::create_new(&received.path).await.map_err(storage_error)?;
        copy(body, &mut file, size_bytes).await?;
        file.sync_data().await.map_err(storage_error)?;
        drop(file);
        Ok(received)
    }

    /// Gives a received file its name, durably.
    pub async fn keep(&self, mut received: Received, blob: BlobId) -> Result<(), ApiError> {
        let path = self.path(blob);
        let folder = path.parent().unwrap_or(&self.directory).to_path_buf();
        fs::create_dir_all(&folder).await.map_err(storage_error)?;
        fs::rename(&received.path, &path).await.map_err(storage_error)?;
        received.kept = true;
        for directory in [folder.as_path(), self.directory.as_path()] {
            File::open(directory).await.map_err(storage_error)?.sync_all().await.map_err(storage_error)?;
        }
        Ok(())
    }

    /// Where a blob's bytes are. 256 folders, by the first byte of the id, keep directories small.
    pub fn path(&self, blob: BlobId) -> PathBuf {
        let [first, ..] = blob.as_bytes();
        self.directory.join(format!("{first:02x}")).join(blob.to_string())
    }

    /// Removes a blob's file; none is fine.
    pub async fn remove(&self, blob: BlobId) -> io::Result<()> {
        match fs::remove_file(self.path(blob)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Files of one of the 256 folders, for the orphan sweep.
    pub async fn list_folder(&self, folder: u8) -> io::Result<Vec<(BlobId, std::time::SystemTime)>> {
        let mut found = Vec::new();
        let mut entries = match fs::read_dir(self.directory.join(format!("{folder:02x}"))).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        while let Some(entry) = entries.next_entry().await? {
            if let Some(blob) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                found.push((blob, entry.metadata().await?.modified()?));
            }
        }
        Ok(found)
    }

    /// The directory itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

async fn copy(mut body: Body, file: &mut File, size_bytes: u64) -> Result<(), ApiError> {
    let mut left = size_bytes;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if is_timeout(&error) {
                ApiError::new(ErrorCode::Timeout)
            } else {
                ApiError::detailed(ErrorCode::Malformed, "the body broke off")
            }
        })?;
        let Ok(bytes) = frame.into_data() else { continue };
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| ApiError::detailed(ErrorCode::Malformed, "more bytes than Content-Length"))?;
        file.write_all(&bytes).await.map_err(storage_error)?;
    }
    file.flush().await.map_err(storage_error)?;
    if left == 0 {
        Ok(())
    } else {
        Err(ApiError::detailed(ErrorCode::Malformed, "fewer bytes than Content-Length"))
    }
}

fn storage_error(error: io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::StorageFull.into(),
        _ => ApiError::internal(format!("blob directory: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Blobs, UNFINISHED, copy};
    use axum::body::Body;
    use protocol::{BlobId, ErrorCode};
    use tokio::fs::{File, OpenOptions};

    const BLOB: BlobId = BlobId::from_bytes([0xab; 16]);

    fn unfinished(blobs: &Blobs) -> usize {
        std::fs::read_dir(blobs.directory().join(UNFINISHED)).unwrap().count()
    }

    #[tokio::test]
    async fn a_received_file_is_kept_under_its_id_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).unwrap();

        let received = blobs.receive(Body::from("ciphertext"), 10).await.unwrap();
        blobs.keep(received, BLOB).await.unwrap();

        assert_eq!(std::fs::read(blobs.path(BLOB)).unwrap(), b"ciphertext");
        assert_eq!(unfinished(&blobs), 0);
        assert_eq!(blobs.list_folder(0xab).await.unwrap().len(), 1);
        blobs.remove(BLOB).await.unwrap();
        blobs.remove(BLOB).await.unwrap();
        assert!(!blobs.path(BLOB).exists());
    }

    #[tokio::test]
    async fn a_body_of_another_length_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).unwrap();

        for size in [9, 11] {
            let refused = blobs.receive(Body::from("ciphertext"), size).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Malformed);
        }

        assert_eq!(unfinished(&blobs), 0);
    }

    #[tokio::test]
    async fn what_an_earlier_process_left_unfinished_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).unwrap();
        let received = blobs.receive(Body::from("ciphertext"), 10).await.unwrap();
        std::mem::forget(received);
        assert_eq!(unfinished(&blobs), 1);

        let restarted = Blobs::open(dir.path().join("blobs")).unwrap();

        assert_eq!(unfinished(&restarted), 0);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_as_such() {
        let mut full: File = OpenOptions::new().write(true).open("/dev/full").await.unwrap();

        let refused = copy(Body::from(vec![0; 1 << 20]), &mut full, 1 << 20).await.unwrap_err();

        assert_eq!(refused.code, ErrorCode::StorageFull);
    }
}
