//! Statements, bound values and rows that mean the same on both engines: integers, text and bytes only.

use super::StorageError;
use super::connection::{Connection, Raw};
use futures_util::TryStreamExt;
use protocol::{
    AccountId, BlobId, ClaimId, DeviceId, GroupId, IdempotencyId, MessageId, RecordId, RelayId, SessionId,
    UnixMillis, WelcomeId,
};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite};
use std::ops::ControlFlow;

/// One value bound to a placeholder.
#[derive(Debug, Clone)]
pub enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    /// A whole column for `UNNEST`; PostgreSQL only.
    Integers(Vec<i64>),
    /// A whole column for `UNNEST`; PostgreSQL only.
    BytesColumn(Vec<Option<Vec<u8>>>),
}

/// A statement with its values, in order of the placeholders.
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    sql: SqlStr,
    values: Vec<Value>,
}

/// Starts a statement; `$1`, `$2`, … on both engines.
pub fn query(sql: &'static str) -> Query {
    Query { sql: sql.into_sql_str(), values: Vec::new() }
}

/// Starts a statement whose text was built from constants of this program, never from input.
pub fn query_built(sql: &'static str) -> Query {
    Query { sql: AssertSqlSafe(sql).into_sql_str(), values: Vec::new() }
}

impl Query {
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds a value to a statement that is built in a loop.
    pub fn push(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    /// Runs the statement and tells how many rows it touched.
    pub async fn execute(self, conn: &mut Connection) -> Result<u64, StorageError> {
        Ok(match conn.raw() {
            Raw::Sqlite(conn) => sqlite(self)?.execute(conn).await?.rows_affected(),
            Raw::Postgres(conn) => postgres(self)?.execute(conn).await?.rows_affected(),
        })
    }

    /// The only row, or [`StorageError::NotFound`].
    pub async fn fetch_one(self, conn: &mut Connection) -> Result<Row, StorageError> {
        self.fetch_optional(conn).await?.ok_or(StorageError::NotFound)
    }

    pub async fn fetch_optional(self, conn: &mut Connection) -> Result<Option<Row>, StorageError> {
        Ok(match conn.raw() {
            Raw::Sqlite(conn) => sqlite(self)?.fetch_optional(conn).await?.map(Row::Sqlite),
            Raw::Postgres(conn) => postgres(self)?.fetch_optional(conn).await?.map(Row::Postgres),
        })
    }

    /// All rows; the statement itself has a `LIMIT`.
    pub async fn fetch_all(self, conn: &mut Connection) -> Result<Vec<Row>, StorageError> {
        Ok(match conn.raw() {
            Raw::Sqlite(conn) => sqlite(self)?.fetch_all(conn).await?.into_iter().map(Row::Sqlite).collect(),
            Raw::Postgres(conn) => {
                postgres(self)?.fetch_all(conn).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Hands rows to `take` one by one until it breaks; what it has not seen is not loaded.
    pub async fn fetch_while(
        self,
        conn: &mut Connection,
        mut take: impl FnMut(&Row) -> Result<ControlFlow<()>, StorageError>,
    ) -> Result<(), StorageError> {
        match conn.raw() {
            Raw::Sqlite(conn) => {
                let query = sqlite(self)?;
                let mut rows = query.fetch(conn);
                while let Some(row) = rows.try_next().await? {
                    if take(&Row::Sqlite(row))?.is_break() {
                        break;
                    }
                }
            }
            Raw::Postgres(conn) => {
                let query = postgres(self)?;
                let mut rows = query.fetch(conn);
                while let Some(row) = rows.try_next().await? {
                    if take(&Row::Postgres(row))?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;
type PostgresQuery = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

fn sqlite(query: Query) -> Result<SqliteQuery, StorageError> {
    let mut bound = sqlx::query(query.sql);
    for (column, value) in query.values.into_iter().enumerate() {
        bound = match value {
            Value::Integer(value) => bound.bind(value),
            Value::Text(value) => bound.bind(value),
            Value::Bytes(value) => bound.bind(value),
            Value::Integers(_) | Value::BytesColumn(_) => return Err(StorageError::Malformed { column }),
        };
    }
    Ok(bound)
}

fn postgres(query: Query) -> Result<PostgresQuery, StorageError> {
    let mut bound = sqlx::query(query.sql);
    for value in query.values {
        bound = match value {
            Value::Integer(value) => bound.bind(value),
            Value::Text(value) => bound.bind(value),
            Value::Bytes(value) => bound.bind(value),
            Value::Integers(values) => bound.bind(values),
            Value::BytesColumn(values) => bound.bind(values),
        };
    }
    Ok(bound)
}

/// One row of an answer; columns by position.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column (from 0), checked into `T`.
    pub fn get<T: FromColumn>(&self, column: usize) -> Result<T, StorageError> {
        T::from_column(self, column)
    }

    fn integer(&self, column: usize) -> Result<Option<i64>, StorageError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    fn text(&self, column: usize) -> Result<Option<String>, StorageError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// The bytes of a column, borrowed from the row.
    pub fn bytes(&self, column: usize) -> Result<Option<&[u8]>, StorageError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

/// A type that a column can be read into.
pub trait FromColumn: Sized {
    fn from_column(row: &Row, column: usize) -> Result<Self, StorageError>;
}

impl<T: FromPresent> FromColumn for T {
    fn from_column(row: &Row, column: usize) -> Result<Self, StorageError> {
        T::from_present(row, column)?.ok_or(StorageError::Malformed { column })
    }
}

impl<T: FromPresent> FromColumn for Option<T> {
    fn from_column(row: &Row, column: usize) -> Result<Self, StorageError> {
        T::from_present(row, column)
    }
}

/// A type whose column may be null; [`FromColumn`] follows for it and for its `Option`.
pub trait FromPresent: Sized {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError>;
}

impl FromPresent for i64 {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        row.integer(column)
    }
}

impl FromPresent for u64 {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        row.integer(column)?.map(Self::try_from).transpose().map_err(|_| StorageError::Malformed { column })
    }
}

impl FromPresent for UnixMillis {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        Ok(u64::from_present(row, column)?.map(Self))
    }
}

impl FromPresent for bool {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        Ok(row.integer(column)?.map(|value| value != 0))
    }
}

impl FromPresent for String {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        row.text(column)
    }
}

impl FromPresent for Vec<u8> {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        Ok(row.bytes(column)?.map(<[u8]>::to_vec))
    }
}

impl<const N: usize> FromPresent for [u8; N] {
    fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
        row.bytes(column)?.map(Self::try_from).transpose().map_err(|_| StorageError::Malformed { column })
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

/// Counts and sequence numbers stay below 2⁶³ by construction: they start at 0 and grow by one.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Integer(None), Self::from)
    }
}

impl From<UnixMillis> for Value {
    fn from(value: UnixMillis) -> Self {
        Self::from(value.0)
    }
}

impl From<Option<UnixMillis>> for Value {
    fn from(value: Option<UnixMillis>) -> Self {
        Self::from(value.map(|millis| millis.0))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(Some(i64::from(value)))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

macro_rules! id_column {
    ($($id:ty),+) => {$(
        impl FromPresent for $id {
            fn from_present(row: &Row, column: usize) -> Result<Option<Self>, StorageError> {
                row.bytes(column)?
                    .map(Self::try_from)
                    .transpose()
                    .map_err(|_| StorageError::Malformed { column })
            }
        }

        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Bytes(Some(id.as_bytes().to_vec()))
            }
        }

        impl From<Option<$id>> for Value {
            fn from(id: Option<$id>) -> Self {
                Self::Bytes(id.map(|id| id.as_bytes().to_vec()))
            }
        }
    )+};
}

id_column!(
    AccountId,
    BlobId,
    ClaimId,
    DeviceId,
    GroupId,
    IdempotencyId,
    MessageId,
    RecordId,
    RelayId,
    SessionId,
    WelcomeId
);
