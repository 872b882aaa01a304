//! The audit log. A row is written last in the transaction of what it tells: the account's head is locked then, and
//! nothing else is locked after it.

use protocol::{
    AccountId, DeviceId, UnixMillis,
    audit::{AuditCut, AuditKind, AuditPage, AuditPlace, AuditRow, hashed_bytes},
    limits::{AUDIT_PAGE_MAX, AUDIT_ROWS_MAX, AUDIT_TRIES_PER_DAY},
    values::{Exactly, List},
};

use super::{Connection, Row, StorageError, query};
use crate::secrets::sha256;

const DAY_MS: u64 = 86_400_000;
/// An account's log grows so much beyond what it keeps before it is cut, so that not every row cuts one.
const CUT_STEP: u64 = 64;

/// What happened, but for its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub kind: AuditKind,
    pub device_id: Option<DeviceId>,
    pub detail: u64,
}

impl Event {
    /// Something about the account alone.
    pub const fn account(kind: AuditKind) -> Self {
        Self { kind, device_id: None, detail: 0 }
    }

    /// Something about one device.
    pub const fn device(kind: AuditKind, device: DeviceId) -> Self {
        Self { kind, device_id: Some(device), detail: 0 }
    }
}

/// The head of a chain, locked until the transaction ends.
struct Head {
    place: AuditPlace,
    cut_number: u64,
    tries: u64,
    tries_from: UnixMillis,
}

/// Writes the next row of `account` and gives its number.
pub async fn insert(
    conn: &mut Connection,
    account: AccountId,
    event: Event,
    now: UnixMillis,
) -> Result<u64, StorageError> {
    let head = lock(conn, account, now).await?;
    append(conn, account, &head, event, now).await
}

/// Notes a try to open the account, at most so many in a day: whoever guesses must not push the rest out of the log.
/// `None`: the day's share is used up. The id may be one that no account has (O-4).
pub async fn insert_try(
    conn: &mut Connection,
    account: AccountId,
    event: Event,
    now: UnixMillis,
) -> Result<Option<u64>, StorageError> {
    let head = lock(conn, account, now).await?;
    let over = now.0 >= head.tries_from.0.saturating_add(DAY_MS);
    let (tries, from) = if over { (0, now) } else { (head.tries, head.tries_from) };
    if tries >= AUDIT_TRIES_PER_DAY {
        return Ok(None);
    }
    query("update audit_heads set tries = $2, tries_from = $3 where account_id = $1")
        .bind(account)
        .bind(tries + 1)
        .bind(from)
        .execute(conn)
        .await?;
    append(conn, account, &head, event, now).await.map(Some)
}

/// The rows after `after`, with both ends of the chain, as one statement sees them.
pub async fn page(conn: &mut Connection, account: AccountId, after: u64) -> Result<AuditPage, StorageError> {
    let limit = AUDIT_PAGE_MAX as u64 + 1;
    let rows = query(
        "select h.number, h.hash, h.cut_number, h.cut_hash, r.number, r.kind, r.at, r.device_id, r.detail, r.hash \
         from audit_heads h left join audit_rows r on r.account_id = h.account_id and r.number >= $2 \
         where h.account_id = $1 order by r.number limit $3",
    )
    .bind(account)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(AuditPage {
            start: AuditPlace::START,
            cut: None,
            rows: List::default(),
            head: AuditPlace::START,
        });
    };
    let head = place(first, 0)?;
    let (cut_number, previous): (u64, [u8; 32]) = (first.get(2)?, first.get(3)?);
    let mut cut = None;
    let start = match first.get::<Option<u64>>(4)? {
        None => head,
        Some(number) if number == after || number == cut_number => {
            if number > after {
                cut = Some(AuditCut { previous: Exactly(previous), row: audit_row(first, number)? });
            }
            AuditPlace { number, hash: Exactly(first.get(9)?) }
        }
        Some(_) => AuditPlace::START,
    };
    let mut listed = Vec::with_capacity(rows.len());
    for row in &rows {
        match row.get::<Option<u64>>(4)? {
            Some(number) if number > start.number => listed.push(audit_row(row, number)?),
            _ => {}
        }
    }
    listed.truncate(AUDIT_PAGE_MAX);
    let rows = List::new(listed).map_err(|_| StorageError::Malformed { column: 4 })?;
    Ok(AuditPage { start, cut, rows, head })
}

/// A row as the operator may see it: when, to whom, what kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    pub at: UnixMillis,
    /// None: tries at a handle that nobody has.
    pub handle: Option<String>,
    pub kind: u16,
}

/// The newest rows since `since`, of one account or of all, the newest first; at most `limit`.
pub async fn list_newest(
    conn: &mut Connection,
    account: Option<AccountId>,
    since: UnixMillis,
    limit: u64,
) -> Result<Vec<Happening>, StorageError> {
    let asked = match account {
        Some(account) => query(
            "select r.at, a.handle, r.kind from audit_rows r left join accounts a on a.account_id = r.account_id \
             where r.account_id = $3 and r.at >= $1 order by r.at desc, r.number desc limit $2",
        )
        .bind(since)
        .bind(limit)
        .bind(account),
        None => query(
            "select r.at, a.handle, r.kind from audit_rows r left join accounts a on a.account_id = r.account_id \
             where r.at >= $1 order by r.at desc, r.account_id, r.number desc limit $2",
        )
        .bind(since)
        .bind(limit),
    };
    let rows = asked.fetch_all(conn).await?;
    let kind =
        |row: &Row| u16::try_from(row.get::<u64>(2)?).map_err(|_| StorageError::Malformed { column: 2 });
    rows.iter().map(|row| Ok(Happening { at: row.get(0)?, handle: row.get(1)?, kind: kind(row)? })).collect()
}

/// Accounts with rows older than `before` that can be cut, a bounded number of them.
pub async fn list_old(conn: &mut Connection, before: UnixMillis) -> Result<Vec<AccountId>, StorageError> {
    let rows = query(
        "select distinct r.account_id from audit_rows r join audit_heads h on h.account_id = r.account_id \
         where r.at < $1 and r.number > h.cut_number limit 256",
    )
    .bind(before)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Cuts the rows of `account` that are older than `before`, up to the first that is not. The newest of them stays.
pub async fn cut_old(
    conn: &mut Connection,
    account: AccountId,
    before: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    let head = lock(conn, account, now).await?;
    let row = query(
        "select max(number) from audit_rows where account_id = $1 and number < \
         coalesce((select min(number) from audit_rows where account_id = $1 and at >= $2), 9223372036854775807)",
    )
    .bind(account)
    .bind(before)
    .fetch_one(conn)
    .await?;
    match row.get::<Option<u64>>(0)? {
        Some(last) if last > head.cut_number => cut(conn, account, last).await,
        _ => Ok(()),
    }
}

/// Forgets the chains of handles that nobody has and nobody tried since `before`.
pub async fn delete_nobodys(conn: &mut Connection, before: UnixMillis) -> Result<(), StorageError> {
    let rows = query(
        "select account_id from audit_heads h where tries_from < $1 \
         and not exists (select 1 from accounts a where a.account_id = h.account_id) limit 256",
    )
    .bind(before)
    .fetch_all(conn)
    .await?;
    for row in &rows {
        delete_all(conn, row.get(0)?).await?;
    }
    Ok(())
}

/// Forgets a whole chain.
pub async fn delete_all(conn: &mut Connection, account: AccountId) -> Result<(), StorageError> {
    query("delete from audit_rows where account_id = $1").bind(account).execute(conn).await?;
    query("delete from audit_heads where account_id = $1").bind(account).execute(conn).await?;
    Ok(())
}

async fn lock(conn: &mut Connection, account: AccountId, now: UnixMillis) -> Result<Head, StorageError> {
    let row = query(
        "insert into audit_heads (account_id, number, hash, cut_number, cut_hash, tries, tries_from) \
         values ($1, 0, $2, 0, $2, 0, $3) \
         on conflict (account_id) do update set number = audit_heads.number \
         returning number, hash, cut_number, tries, tries_from",
    )
    .bind(account)
    .bind(*AuditPlace::START.hash)
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(Head { place: place(&row, 0)?, cut_number: row.get(2)?, tries: row.get(3)?, tries_from: row.get(4)? })
}

async fn append(
    conn: &mut Connection,
    account: AccountId,
    head: &Head,
    event: Event,
    now: UnixMillis,
) -> Result<u64, StorageError> {
    let Event { kind, device_id, detail } = event;
    let row = AuditRow { number: head.place.number + 1, kind: kind.number(), at: now, device_id, detail };
    let hash = sha256(&hashed_bytes(&head.place.hash, account, &row));
    query(
        "insert into audit_rows (account_id, number, kind, at, device_id, detail, hash) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(account)
    .bind(row.number)
    .bind(u64::from(row.kind))
    .bind(row.at)
    .bind(row.device_id)
    .bind(row.detail)
    .bind(hash)
    .execute(conn)
    .await?;
    query("update audit_heads set number = $2, hash = $3 where account_id = $1")
        .bind(account)
        .bind(row.number)
        .bind(hash)
        .execute(conn)
        .await?;
    if row.number - head.cut_number >= AUDIT_ROWS_MAX + CUT_STEP {
        cut(conn, account, row.number - AUDIT_ROWS_MAX).await?;
    }
    Ok(row.number)
}

/// Cuts what stands before `last`, which is a row. The caller holds the head's lock.
async fn cut(conn: &mut Connection, account: AccountId, last: u64) -> Result<(), StorageError> {
    query(
        "update audit_heads set cut_number = $2, cut_hash = coalesce((select hash from audit_rows \
         where account_id = $1 and number = $2 - 1), cut_hash) where account_id = $1",
    )
    .bind(account)
    .bind(last)
    .execute(conn)
    .await?;
    query("delete from audit_rows where account_id = $1 and number < $2")
        .bind(account)
        .bind(last)
        .execute(conn)
        .await?;
    Ok(())
}

fn place(row: &Row, column: usize) -> Result<AuditPlace, StorageError> {
    Ok(AuditPlace { number: row.get(column)?, hash: Exactly(row.get(column + 1)?) })
}

fn audit_row(row: &Row, number: u64) -> Result<AuditRow, StorageError> {
    let kind = u16::try_from(row.get::<u64>(5)?).map_err(|_| StorageError::Malformed { column: 5 })?;
    Ok(AuditRow { number, kind, at: row.get(6)?, device_id: row.get(7)?, detail: row.get(8)? })
}
