//! The database: SQLite (one machine) or PostgreSQL. The only place that tells the engines apart.

use super::{StorageError, migrations};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, Transaction};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

/// Connections that only read, on SQLite.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL of one relay; the writer task holds one of them while it commits.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a write or read waits for its turn before it fails as overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseAddress {
    /// A file on this machine, made at the first start.
    Sqlite(PathBuf),
    /// A `postgres://` URL; may hold a password, so it is never logged.
    Postgres(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The open database. Clones share the connections.
#[derive(Debug, Clone)]
pub enum Db {
    Sqlite {
        /// One connection: every write of the process takes its turn on it, first come first served.
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Db {
    /// Opens the database, makes it where it is missing, and brings its schema up to date.
    pub async fn open(address: &DatabaseAddress) -> Result<Self, StorageError> {
        let db = match address {
            DatabaseAddress::Sqlite(path) => open_sqlite(path).await?,
            DatabaseAddress::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)?.application_name("sotto");
                Self::Postgres(pool_options(POSTGRES_CONNECTIONS).connect_with(options).await?)
            }
        };
        match &db {
            Self::Sqlite { writer, .. } => migrations::sqlite().run(writer).await?,
            Self::Postgres(pool) => migrations::postgres().run(pool).await?,
        }
        Ok(db)
    }

    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs `work` in one transaction and commits it if it succeeds. A failure, or the caller being
    /// dropped, rolls everything back. Returns after the commit is on disk.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Connection) -> Result<T, E>,
        E: From<StorageError>,
    {
        let mut conn = self.begin().await?;
        match work(&mut conn).await {
            Ok(outcome) => {
                conn.commit().await?;
                Ok(outcome)
            }
            Err(error) => {
                conn.roll_back().await;
                Err(error)
            }
        }
    }

    /// Lends a connection that only reads. Statements see committed rows, each by itself.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Connection) -> Result<T, E>,
        E: From<StorageError>,
    {
        let mut conn = Connection(match self {
            Self::Sqlite { readers, .. } => Held::SqliteReader(acquired(readers.acquire().await)?),
            Self::Postgres(pool) => Held::PostgresReader(acquired(pool.acquire().await)?),
        });
        work(&mut conn).await
    }

    /// Begins a transaction that writes; dropped without [`Connection::commit`], it rolls back.
    pub(super) async fn begin(&self) -> Result<Connection, StorageError> {
        Ok(Connection(match self {
            Self::Sqlite { writer, .. } => {
                let mut conn = acquired(writer.acquire().await)?;
                begin_sqlite(&mut conn).await?;
                Held::SqliteWriter(conn)
            }
            Self::Postgres(pool) => Held::PostgresTransaction(acquired(pool.begin().await)?),
        }))
    }

    /// Closes all connections; on SQLite the log is merged into the database file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A borrowed place on a connection: a transaction that writes, or a reader.
pub struct Connection(Held);

enum Held {
    SqliteWriter(PoolConnection<Sqlite>),
    SqliteReader(PoolConnection<Sqlite>),
    PostgresTransaction(Transaction<'static, Postgres>),
    PostgresReader(PoolConnection<Postgres>),
}

/// The engine's own connection, for [`super::Query`].
pub(super) enum Raw<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection {
    pub(super) fn raw(&mut self) -> Raw<'_> {
        match &mut self.0 {
            Held::SqliteWriter(conn) | Held::SqliteReader(conn) => Raw::Sqlite(conn),
            Held::PostgresTransaction(conn) => Raw::Postgres(conn),
            Held::PostgresReader(conn) => Raw::Postgres(conn),
        }
    }

    /// Returns once the transaction is on disk; after a failure it is rolled back, or nobody knows.
    pub(super) async fn commit(self) -> Result<(), StorageError> {
        match self.0 {
            Held::SqliteWriter(mut conn) => {
                if let Err(error) = sqlx::query("COMMIT").execute(&mut *conn).await {
                    roll_back_sqlite(&mut conn).await;
                    return Err(error.into());
                }
            }
            Held::PostgresTransaction(tx) => tx.commit().await?,
            Held::SqliteReader(_) | Held::PostgresReader(_) => {}
        }
        Ok(())
    }

    /// Undoes everything. A connection that can't even do that is found out by the next one who begins.
    pub(super) async fn roll_back(self) {
        match self.0 {
            Held::SqliteWriter(mut conn) => roll_back_sqlite(&mut conn).await,
            Held::PostgresTransaction(tx) => drop(tx.rollback().await),
            Held::SqliteReader(_) | Held::PostgresReader(_) => {}
        }
    }

    /// For the few statements whose text must differ; they stand side by side in one file.
    pub fn engine(&self) -> Engine {
        match &self.0 {
            Held::SqliteWriter(_) | Held::SqliteReader(_) => Engine::Sqlite,
            Held::PostgresTransaction(_) | Held::PostgresReader(_) => Engine::Postgres,
        }
    }
}

/// Begins on the writer's connection by hand: SQLite itself rolls back on a full disk, which the library's own
/// bookkeeping of transactions does not survive. What somebody left half done (its caller was dropped) is undone first.
async fn begin_sqlite(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    if sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await.is_err() {
        roll_back_sqlite(conn).await;
        sqlx::query("BEGIN IMMEDIATE").execute(conn).await?;
    }
    Ok(())
}

/// Fails only where nothing is left to undo.
async fn roll_back_sqlite(conn: &mut SqliteConnection) {
    drop(sqlx::query("ROLLBACK").execute(conn).await);
}

async fn open_sqlite(path: &Path) -> Result<Db, StorageError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .statement_cache_capacity(256)
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "67108864");
    let writer = pool_options(1).connect_with(options.clone()).await?;
    let readers = pool_options(SQLITE_READERS)
        .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
        .await?;
    Ok(Db::Sqlite { writer, readers })
}

/// Connections are neither pinged before use nor closed for age: they end with the process.
fn pool_options<D: sqlx::Database>(connections_max: u32) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn acquired<T>(outcome: Result<T, sqlx::Error>) -> Result<T, StorageError> {
    outcome.map_err(|error| match error {
        sqlx::Error::PoolTimedOut => StorageError::Overloaded,
        sqlx::Error::PoolClosed => StorageError::Closed,
        other => StorageError::Database(other),
    })
}
