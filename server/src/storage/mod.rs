//! All SQL of the relay: one file per noun, one text for both engines, `$1` placeholders.
//! Function arguments: connection (the caller owns the transaction), owner that scopes the query, the rest, `now`.

pub mod account_data;
pub mod account_deletion;
pub mod accounts;
pub mod audit;
pub(crate) mod batch;
pub mod blobs;
pub mod connection;
pub mod devices;
pub mod email_codes;
pub mod entries;
pub mod factors;
pub mod groups;
pub mod invites;
pub mod key_packages;
mod migrations;
pub mod records;
pub mod requests;
pub(crate) mod retention;
pub mod sessions;
pub mod tombstones;
pub mod value;
pub(crate) mod welcomes;
pub mod writer;

pub use connection::{Connection, Db, Engine};
pub use value::{Query, Row, query};

/// What can go wrong between the relay and its database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("the database refused or failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row that must exist does not (`get`, `update_…`).
    #[error("no such row")]
    NotFound,
    /// A column holds what this program never wrote there.
    #[error("column {column} holds a value of the wrong kind")]
    Malformed { column: usize },
    /// The writer task is gone or going.
    #[error("the relay is shutting down")]
    Closed,
    /// The writer's queue is full; nothing was taken.
    #[error("more writes wait than the relay takes at once")]
    Overloaded,
    /// The batch this write was part of failed; nothing of it was acknowledged.
    #[error("the batch of writes failed: {cause}")]
    BatchFailed { cause: String, full: bool },
}

impl StorageError {
    /// True if there is no room left on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            // SQLITE_FULL; PostgreSQL's class 53: insufficient resources
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code == "13" || code == "53100")
            }
            Self::BatchFailed { full, .. } => *full,
            _ => false,
        }
    }

    /// True if the statement named a row that is not there: only the deletion of an account takes such rows away.
    pub fn is_foreign_key_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }

    /// True if two transactions waited for each other, and this one was ended.
    pub fn is_deadlock(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "40P01"))
    }

    /// True if the statement broke a UNIQUE or PRIMARY KEY constraint.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// Asks the database for a sign of life.
pub(crate) async fn ping(conn: &mut Connection) -> Result<(), StorageError> {
    query("select 1").fetch_one(conn).await.map(|_| ())
}
