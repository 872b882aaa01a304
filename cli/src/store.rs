//! The local store: an SQLite file of records that the core has sealed, and the key that opens them in a file beside
//! it that only its owner can read. One transaction per change set; a fence keeps a second process out.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use client_core::client::{ChangeSet, Load};
use rand_core::Rng as _;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use zeroize::Zeroizing;

const DATABASE: &str = "store.sqlite";
const KEY: &str = "store.key";
/// Records of one boot prefix; more is no store of ours.
const BOOT_RECORDS_MAX: u32 = 1_000_000;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the local store at {path}: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("the local store: {0}")]
    Database(#[from] sqlx::Error),
    #[error("another process took over this store")]
    TakenOver,
    #[error("the store's key is damaged")]
    KeyDamaged,
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    pool: SqlitePool,
    fence: i64,
}

impl Store {
    /// Opens the store in `directory`, made if absent. Whoever had it open before can't write any more.
    ///
    /// # Errors
    /// A directory or file that can't be made, opened or read.
    pub async fn open(directory: &Path) -> Result<Self, StoreError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |cause| StoreError::File { path, cause }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at(directory))?;
        let options = SqliteConnectOptions::new()
            .filename(directory.join(DATABASE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        let mut tx = pool.begin().await?;
        for statement in [
            "create table if not exists records (key text primary key not null, value blob not null) strict, without rowid",
            "create table if not exists host (id integer primary key check (id = 1), fence integer not null, relay text) strict",
            "insert into host (id, fence) values (1, 0) on conflict do nothing",
        ] {
            sqlx::query(statement).execute(&mut *tx).await?;
        }
        let fence = sqlx::query("update host set fence = fence + 1 returning fence")
            .fetch_one(&mut *tx)
            .await?
            .try_get(0)?;
        tx.commit().await?;
        Ok(Self { directory: directory.to_owned(), pool, fence })
    }

    /// The key that seals the records; made at the first call.
    ///
    /// # Errors
    /// [`StoreError::KeyDamaged`]: it is not replaced, since everything is sealed under it.
    pub fn key(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let path = self.directory.join(KEY);
        let at = |cause| StoreError::File { path: path.clone(), cause };
        let mut key = Zeroizing::new([0; 32]);
        match fs::File::open(&path) {
            Ok(mut file) => {
                let mut rest = [0];
                file.read_exact(key.as_mut_slice()).map_err(|_| StoreError::KeyDamaged)?;
                if file.read(&mut rest).map_err(at)? > 0 {
                    return Err(StoreError::KeyDamaged);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                crate::host::randomness().fill_bytes(key.as_mut_slice());
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(at)?;
                file.write_all(key.as_slice()).map_err(at)?;
                file.sync_all().map_err(at)?;
                // The name must survive a power cut too: records sealed under a lost key are lost.
                fs::File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(at)?;
            }
            Err(error) => return Err(at(error)),
        }
        Ok(key)
    }

    /// The relay that this store's account is on.
    ///
    /// # Errors
    /// The database's.
    pub async fn relay(&self) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("select relay from host where id = 1").fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// Remembers the relay.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_relay(&self, relay: &str) -> Result<(), StoreError> {
        sqlx::query("update host set relay = $1 where id = 1").bind(relay).execute(&self.pool).await?;
        Ok(())
    }

    /// Writes the change set, all or nothing, unless another process has taken over.
    ///
    /// # Errors
    /// [`StoreError::TakenOver`], or the database's: nothing was written.
    pub async fn write(&self, changes: &ChangeSet) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // A write first: it takes the lock, so that nobody moves the fence between look and commit.
        let held = sqlx::query("update host set fence = fence where id = 1 and fence = $1")
            .bind(self.fence)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if held != 1 {
            return Err(StoreError::TakenOver);
        }
        for (key, value) in &changes.changes {
            match value {
                Some(value) => {
                    sqlx::query("insert into records (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value")
                        .bind(key)
                        .bind(value)
                        .execute(&mut *tx)
                        .await?;
                }
                None => {
                    sqlx::query("delete from records where key = $1").bind(key).execute(&mut *tx).await?;
                }
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Every record under one of `prefixes`.
    ///
    /// # Errors
    /// The database's.
    pub async fn boot(&self, prefixes: &[&str]) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut records = Vec::new();
        for prefix in prefixes {
            let load = Load { id: 0, prefix: (*prefix).to_owned(), before: None, limit: BOOT_RECORDS_MAX };
            records.extend(self.load(&load).await?);
        }
        Ok(records)
    }

    /// The records that `load` asks for.
    ///
    /// # Errors
    /// The database's.
    pub async fn load(&self, load: &Load) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        // Keys are ASCII: the byte after `~` is above every key with this prefix.
        let end = format!("{}\u{7f}", load.prefix);
        let query = match &load.before {
            None => sqlx::query(
                "select key, value from records where key >= $1 and key < $2 order by key limit $3",
            )
            .bind(&load.prefix)
            .bind(end),
            Some(before) => sqlx::query(
                "select key, value from records where key >= $1 and key < $2 order by key desc limit $3",
            )
            .bind(&load.prefix)
            .bind(before.min(&end).clone()),
        };
        let rows = query.bind(i64::from(load.limit)).fetch_all(&self.pool).await?;
        let records = rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        records.collect::<Result<_, sqlx::Error>>().map_err(StoreError::from)
    }

    /// Removes the key first, so that nothing opens any more, then the records.
    ///
    /// # Errors
    /// A file that can't be removed.
    pub async fn wipe(self) -> Result<(), StoreError> {
        self.pool.close().await;
        for name in [KEY, DATABASE, "store.sqlite-wal", "store.sqlite-shm"] {
            let path = self.directory.join(name);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(StoreError::File { path, cause }),
            }
        }
        Ok(())
    }

    /// Closes the file; everything is written already.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests;
