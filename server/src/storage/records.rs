//! Records: sealed values of an account, written by compare-and-set (K-6), and the feed of their changes. A change's
//! number is given inside the writing transaction, under a lock on the account's head, so that order of numbers is
//! order of commits and "after my cursor" never skips one (D-8a).

use protocol::{
    AccountId, RecordId, UnixMillis,
    limits::{CHANGES_PAGE_BYTES_MAX, CHANGES_PAGE_MAX},
    records::{Change, ChangeKind, ChangesAfter, ChangesPage, Collection, Record, VAULT},
    values::{Bytes, List},
};
use std::ops::ControlFlow;

use super::{Connection, Engine, Row, StorageError, query};

/// What one account's records may take. The vault is always taken: there is one, and no account is without it.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Records, tombstones included.
    pub records_max: u64,
    /// Bytes of their ciphertexts.
    pub bytes_max: u64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the account has as many records as it may have")]
    TooManyRecords,
    #[error("the account's records take as many bytes as they may take")]
    TooManyBytes,
}

/// One compare-and-set.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    pub collection: &'a Collection,
    pub record_id: RecordId,
    /// What must be stored now; 0: nothing.
    pub expected: u64,
    pub kind: ChangeKind,
    /// What is written, or the note of the deletion.
    pub ciphertext: &'a [u8],
}

/// What a compare-and-set met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// This version is stored now.
    Stored { version: u64, change: u64 },
    /// Another version is stored; nothing was written. 0: none.
    Conflict(u64),
}

/// Where an account's feed stands and what its records take, locked until the transaction ends.
#[derive(Debug, Clone, Copy)]
struct Head {
    change: u64,
    records: u64,
    bytes: u64,
}

/// What is stored of a record, without its content.
#[derive(Debug, Clone, Copy)]
struct Stored {
    version: u64,
    bytes: u64,
    deleted: bool,
}

pub async fn find(
    conn: &mut Connection,
    account: AccountId,
    collection: &Collection,
    record: RecordId,
) -> Result<Option<Record>, StorageError> {
    let row = query(
        "select version, ciphertext from records \
         where account_id = $1 and collection = $2 and record_id = $3 and deleted = 0",
    )
    .bind(account)
    .bind(collection.as_str())
    .bind(record)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Record { version: row.get(0)?, ciphertext: ciphertext(&row, 1)? })).transpose()
}

/// The vault of an account.
pub async fn get_vault(
    conn: &mut Connection,
    account: AccountId,
    record: RecordId,
) -> Result<Record, StorageError> {
    let row = query(
        "select version, ciphertext from records \
         where account_id = $1 and collection = $2 and record_id = $3",
    )
    .bind(account)
    .bind(VAULT)
    .bind(record)
    .fetch_one(conn)
    .await?;
    Ok(Record { version: row.get(0)?, ciphertext: ciphertext(&row, 1)? })
}

/// The first record of a new account, and the head of its feed.
pub async fn insert_vault(
    conn: &mut Connection,
    account: AccountId,
    record: RecordId,
    ciphertext: &[u8],
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("insert into record_heads (account_id, head, records, bytes) values ($1, 1, 1, $2)")
        .bind(account)
        .bind(ciphertext.len() as u64)
        .execute(conn)
        .await?;
    query(
        "insert into records (account_id, collection, record_id, version, ciphertext, updated_at, change) \
         values ($1, $2, $3, 1, $4, $5, 1)",
    )
    .bind(account)
    .bind(VAULT)
    .bind(record)
    .bind(ciphertext)
    .bind(now.0)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Each write in order, as far as what it expects is stored; none of them if the quota does not allow all.
pub async fn write_all(
    conn: &mut Connection,
    account: AccountId,
    writes: &[Write<'_>],
    quota: Quota,
    now: UnixMillis,
) -> Result<Vec<Put>, WriteError> {
    let mut head = lock_head(conn, account).await?;
    let before = head.change;
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        outcomes.push(write_one(conn, account, write, (&mut head, quota), now).await?);
    }
    if head.change > before {
        update_head(conn, account, head).await?;
    }
    Ok(outcomes)
}

/// The changes after a number, at most [`CHANGES_PAGE_MAX`] and [`CHANGES_PAGE_BYTES_MAX`].
pub async fn list_changes(
    conn: &mut Connection,
    account: AccountId,
    wanted: &ChangesAfter,
) -> Result<ChangesPage, StorageError> {
    // First the head, then the rows: what is committed in between shows as a row above the head.
    let head: u64 = query("select head from record_heads where account_id = $1")
        .bind(account)
        .fetch_one(conn)
        .await?
        .get(0)?;
    let of_all = "select change, collection, record_id, version, deleted, ciphertext from records \
         where account_id = $1 and change > $2 order by change limit $3";
    let of_one = "select change, collection, record_id, version, deleted, ciphertext from records \
         where account_id = $1 and change > $2 and collection = $4 order by change limit $3";
    let mut statement = query(if wanted.collection.is_some() { of_one } else { of_all })
        .bind(account)
        .bind(wanted.after)
        .bind(CHANGES_PAGE_MAX as u64);
    if let Some(collection) = &wanted.collection {
        statement = statement.bind(collection.as_str());
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut bytes = 0;
    let mut cut = false;
    statement
        .fetch_while(conn, |row| {
            bytes += row.bytes(5)?.map_or(0, <[u8]>::len);
            if !changes.is_empty() && bytes > CHANGES_PAGE_BYTES_MAX {
                cut = true;
                return Ok(ControlFlow::Break(()));
            }
            changes.push(read_change(row)?);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    let last = changes.last().map_or(0, |change| change.change);
    let head = head.max(last);
    let upto = if cut || changes.len() == CHANGES_PAGE_MAX { last } else { head };
    let changes = List::new(changes).map_err(|_| StorageError::Malformed { column: 0 })?;
    Ok(ChangesPage { changes, upto, head })
}

async fn lock_head(conn: &mut Connection, account: AccountId) -> Result<Head, StorageError> {
    // SQLite's one writer connection is the lock.
    let sql = match conn.engine() {
        Engine::Sqlite => "select head, records, bytes from record_heads where account_id = $1",
        Engine::Postgres => "select head, records, bytes from record_heads where account_id = $1 for update",
    };
    let row = query(sql).bind(account).fetch_one(conn).await?;
    Ok(Head { change: row.get(0)?, records: row.get(1)?, bytes: row.get(2)? })
}

async fn update_head(conn: &mut Connection, account: AccountId, head: Head) -> Result<(), StorageError> {
    query("update record_heads set head = $2, records = $3, bytes = $4 where account_id = $1")
        .bind(account)
        .bind(head.change)
        .bind(head.records)
        .bind(head.bytes)
        .execute(conn)
        .await
        .map(|_| ())
}

async fn write_one(
    conn: &mut Connection,
    account: AccountId,
    write: &Write<'_>,
    (head, quota): (&mut Head, Quota),
    now: UnixMillis,
) -> Result<Put, WriteError> {
    let stored = find_stored(conn, account, write).await?;
    let version = stored.map_or(0, |stored| stored.version);
    // There is nothing to delete where nothing is, or nothing any more.
    let deletes_nothing = write.kind == ChangeKind::Deleted && stored.is_none_or(|stored| stored.deleted);
    if version != write.expected || deletes_nothing {
        return Ok(Put::Conflict(version));
    }
    let after = Head {
        change: head.change + 1,
        records: head.records + u64::from(stored.is_none()),
        bytes: (head.bytes + write.ciphertext.len() as u64)
            .saturating_sub(stored.map_or(0, |stored| stored.bytes)),
    };
    if !write.collection.is_vault() {
        if after.records > head.records && after.records > quota.records_max {
            return Err(WriteError::TooManyRecords);
        }
        if after.bytes > head.bytes && after.bytes > quota.bytes_max {
            return Err(WriteError::TooManyBytes);
        }
    }
    put(conn, account, write, after.change, now).await?;
    *head = after;
    Ok(Put::Stored { version: version + 1, change: after.change })
}

async fn find_stored(
    conn: &mut Connection,
    account: AccountId,
    write: &Write<'_>,
) -> Result<Option<Stored>, StorageError> {
    let row = query(
        "select version, cast(length(ciphertext) as bigint), deleted from records \
         where account_id = $1 and collection = $2 and record_id = $3",
    )
    .bind(account)
    .bind(write.collection.as_str())
    .bind(write.record_id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Stored { version: row.get(0)?, bytes: row.get(1)?, deleted: row.get(2)? })).transpose()
}

async fn put(
    conn: &mut Connection,
    account: AccountId,
    write: &Write<'_>,
    change: u64,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into records (account_id, collection, record_id, version, ciphertext, updated_at, change, deleted) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (account_id, collection, record_id) do update set version = excluded.version, \
         ciphertext = excluded.ciphertext, updated_at = excluded.updated_at, change = excluded.change, \
         deleted = excluded.deleted",
    )
    .bind(account)
    .bind(write.collection.as_str())
    .bind(write.record_id)
    .bind(write.expected + 1)
    .bind(write.ciphertext)
    .bind(now.0)
    .bind(change)
    .bind(write.kind == ChangeKind::Deleted)
    .execute(conn)
    .await
    .map(|_| ())
}

fn read_change(row: &Row) -> Result<Change, StorageError> {
    let collection = row.get::<String>(1)?.parse().map_err(|_| StorageError::Malformed { column: 1 })?;
    Ok(Change {
        change: row.get(0)?,
        collection,
        record_id: row.get(2)?,
        version: row.get(3)?,
        kind: if row.get(4)? { ChangeKind::Deleted } else { ChangeKind::Written },
        ciphertext: ciphertext(row, 5)?,
    })
}

fn ciphertext<const MAX: usize>(row: &Row, column: usize) -> Result<Bytes<MAX>, StorageError> {
    Bytes::new(row.get::<Vec<u8>>(column)?).map_err(|_| StorageError::Malformed { column })
}
