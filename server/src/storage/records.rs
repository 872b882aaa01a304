//! Records: sealed values of an account, written by compare-and-set (K-6).

use protocol::{AccountId, RecordId, UnixMillis, records::Record, values::Bytes};

use super::{Connection, StorageError, query};

/// Which record.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub account_id: AccountId,
    pub collection: &'a str,
    pub record_id: RecordId,
}

/// What a compare-and-set met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// This version is stored now.
    Stored(u64),
    /// Another version is stored; nothing was written. 0: none.
    Conflict(u64),
}

pub async fn find(conn: &mut Connection, place: Place<'_>) -> Result<Option<Record>, StorageError> {
    let row = query(
        "select version, ciphertext from records where account_id = $1 and collection = $2 and record_id = $3",
    )
    .bind(place.account_id)
    .bind(place.collection)
    .bind(place.record_id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let ciphertext =
            Bytes::new(row.get::<Vec<u8>>(1)?).map_err(|_| StorageError::Malformed { column: 1 })?;
        Ok(Record { version: row.get(0)?, ciphertext })
    })
    .transpose()
}

/// Writes the version after `expected`, if `expected` is what is stored (0: nothing).
pub async fn put(
    conn: &mut Connection,
    place: Place<'_>,
    expected: u64,
    ciphertext: &[u8],
    now: UnixMillis,
) -> Result<Put, StorageError> {
    let version = expected.saturating_add(1);
    let statement = if expected == 0 {
        query(
            "insert into records (account_id, collection, record_id, version, ciphertext, updated_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        )
    } else {
        query(
            "update records set version = $4, ciphertext = $5, updated_at = $6 \
             where account_id = $1 and collection = $2 and record_id = $3 and version = $7",
        )
    };
    let mut statement = statement
        .bind(place.account_id)
        .bind(place.collection)
        .bind(place.record_id)
        .bind(version)
        .bind(ciphertext)
        .bind(now.0);
    if expected > 0 {
        statement = statement.bind(expected);
    }
    if statement.execute(conn).await? == 1 {
        return Ok(Put::Stored(version));
    }
    Ok(Put::Conflict(find(conn, place).await?.map_or(0, |stored| stored.version)))
}
