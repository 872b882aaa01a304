//! E-mail addresses of accounts, and the codes that were sent to them.

use protocol::{
    AccountId, UnixMillis,
    limits::{EMAIL_CODE_PAUSE_SECONDS, EMAIL_CODES_PER_DAY},
};

use super::factors::CodeUse;
use super::{Connection, StorageError, query};

const DAY_MS: u64 = 86_400_000;

/// An address as it is kept.
#[derive(Debug)]
pub struct StoredEmail {
    pub sealed_address: Vec<u8>,
    pub created_at: UnixMillis,
}

/// Whether another code may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    Counted,
    TooSoon { retry_after_seconds: u64 },
}

pub async fn find(conn: &mut Connection, account: AccountId) -> Result<Option<StoredEmail>, StorageError> {
    let row = query("select sealed_address, created_at from email_factors where account_id = $1")
        .bind(account)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(StoredEmail { sealed_address: row.get(0)?, created_at: row.get(1)? })).transpose()
}

/// Puts an address in the place of the one before.
pub async fn put(
    conn: &mut Connection,
    account: AccountId,
    sealed_address: Vec<u8>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into email_factors (account_id, sealed_address, created_at) values ($1, $2, $3) \
         on conflict (account_id) do update set sealed_address = excluded.sealed_address, \
         created_at = excluded.created_at",
    )
    .bind(account)
    .bind(sealed_address)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// False: there was none.
pub async fn delete(conn: &mut Connection, account: AccountId) -> Result<bool, StorageError> {
    let rows = query("delete from email_factors where account_id = $1").bind(account).execute(conn).await?;
    Ok(rows == 1)
}

/// Counts one more code for `account`, exactly: the statement holds the row until the transaction ends.
pub async fn count_sending(
    conn: &mut Connection,
    account: AccountId,
    now: UnixMillis,
) -> Result<Sending, StorageError> {
    let rows = query(
        "insert into email_sendings (account_id, last_at, sent, sent_from) values ($1, $2, 1, $2) \
         on conflict (account_id) do update set last_at = $2, \
         sent = case when email_sendings.sent_from <= $4 then 1 else email_sendings.sent + 1 end, \
         sent_from = case when email_sendings.sent_from <= $4 then $2 else email_sendings.sent_from end \
         where email_sendings.last_at <= $3 and (email_sendings.sent < $5 or email_sendings.sent_from <= $4)",
    )
    .bind(account)
    .bind(now)
    .bind(now.0.saturating_sub(EMAIL_CODE_PAUSE_SECONDS * 1000))
    .bind(now.0.saturating_sub(DAY_MS))
    .bind(EMAIL_CODES_PER_DAY)
    .execute(conn)
    .await?;
    if rows == 1 {
        return Ok(Sending::Counted);
    }
    let row = query("select last_at, sent, sent_from from email_sendings where account_id = $1")
        .bind(account)
        .fetch_one(conn)
        .await?;
    let (last_at, sent, from): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let day_over = from.saturating_add(DAY_MS);
    let pause_over = last_at.saturating_add(EMAIL_CODE_PAUSE_SECONDS * 1000);
    let at = if sent >= EMAIL_CODES_PER_DAY { pause_over.max(day_over) } else { pause_over };
    let retry_after_seconds = at.saturating_sub(now.0).div_ceil(1000).max(1);
    Ok(Sending::TooSoon { retry_after_seconds })
}

/// The code of a ticket, in the place of the one before.
pub async fn put_code(
    conn: &mut Connection,
    account: AccountId,
    ticket_id: [u8; 16],
    code_hash: [u8; 32],
    expires_at: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into email_codes (ticket_id, account_id, code_hash, expires_at) values ($1, $2, $3, $4) \
         on conflict (ticket_id) do update set code_hash = excluded.code_hash, expires_at = excluded.expires_at",
    )
    .bind(ticket_id)
    .bind(account)
    .bind(code_hash)
    .bind(expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses the code of a ticket up.
pub async fn use_code(
    conn: &mut Connection,
    ticket_id: [u8; 16],
    code_hash: [u8; 32],
    now: UnixMillis,
) -> Result<CodeUse, StorageError> {
    let rows = query("delete from email_codes where ticket_id = $1 and code_hash = $2 and expires_at > $3")
        .bind(ticket_id)
        .bind(code_hash)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(if rows == 1 { CodeUse::Fresh } else { CodeUse::Wrong })
}

/// Forgets codes that are over, and sendings that count no more.
pub async fn delete_old(conn: &mut Connection, now: UnixMillis) -> Result<(), StorageError> {
    query("delete from email_codes where expires_at < $1").bind(now).execute(conn).await?;
    query("delete from email_sendings where last_at < $1 and sent_from < $1")
        .bind(now.0.saturating_sub(DAY_MS))
        .execute(conn)
        .await?;
    Ok(())
}
