//! Second factors of accounts, and the tries at log-ins that wait for one (O-2).

use protocol::{AccountId, UnixMillis, factors::FactorKind, limits::FACTOR_TRIES_MAX};

use super::{Connection, StorageError, query};

/// An authenticator app as it is kept.
#[derive(Debug)]
pub struct StoredTotp {
    pub sealed_seed: Vec<u8>,
}

/// What an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    pub totp_since: Option<UnixMillis>,
    pub email_since: Option<UnixMillis>,
    pub recovery_codes_left: u64,
}

/// What became of a code that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUse {
    /// Used up now.
    Fresh,
    /// Right, but used before.
    Used,
    Wrong,
}

/// Which second factors `account` asks for before its wraps are released (O-2), each of them enough; none: no more
/// than password or recovery key.
pub async fn list_required(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Vec<FactorKind>, StorageError> {
    let own = get_own(conn, account).await?;
    let mut required = Vec::new();
    if own.totp_since.is_some() {
        required.push(FactorKind::Totp);
    }
    if own.email_since.is_some() {
        required.push(FactorKind::Email);
    }
    // Recovery codes stand in for another factor; alone they ask for nothing.
    if !required.is_empty() && own.recovery_codes_left > 0 {
        required.push(FactorKind::RecoveryCode);
    }
    Ok(required)
}

/// What the owner is shown.
pub async fn get_own(conn: &mut Connection, account: AccountId) -> Result<Own, StorageError> {
    let row = query(
        "select (select created_at from totp_factors where account_id = $1), \
         (select created_at from email_factors where account_id = $1), \
         (select count(*) from recovery_codes where account_id = $1 and used_at is null)",
    )
    .bind(account)
    .fetch_one(conn)
    .await?;
    Ok(Own { totp_since: row.get(0)?, email_since: row.get(1)?, recovery_codes_left: row.get(2)? })
}

/// Whether the account was given a factor after it was opened at `opened_at`: that opening showed too little.
pub async fn were_added_since(
    conn: &mut Connection,
    account: AccountId,
    opened_at: UnixMillis,
) -> Result<bool, StorageError> {
    let own = get_own(conn, account).await?;
    Ok([own.totp_since, own.email_since].into_iter().flatten().any(|since| since > opened_at))
}

/// Counts one more try at the log-in of `ticket_id`, exactly: the statement holds the row until the transaction ends.
/// False: there were as many as there may be.
pub async fn count_try(
    conn: &mut Connection,
    ticket_id: [u8; 16],
    expires_at: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "insert into factor_tries (ticket_id, tries, expires_at) values ($1, 1, $2) \
         on conflict (ticket_id) do update set tries = factor_tries.tries + 1 where factor_tries.tries < $3",
    )
    .bind(ticket_id)
    .bind(expires_at)
    .bind(FACTOR_TRIES_MAX)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

pub async fn find_totp(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Option<StoredTotp>, StorageError> {
    let row = query("select sealed_seed from totp_factors where account_id = $1")
        .bind(account)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(StoredTotp { sealed_seed: row.get(0)? })).transpose()
}

/// Puts an authenticator app in the place of the one before; its first code was of `step`.
pub async fn put_totp(
    conn: &mut Connection,
    account: AccountId,
    sealed_seed: Vec<u8>,
    step: u64,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into totp_factors (account_id, sealed_seed, last_step, created_at) values ($1, $2, $3, $4) \
         on conflict (account_id) do update set sealed_seed = excluded.sealed_seed, \
         last_step = excluded.last_step, created_at = excluded.created_at",
    )
    .bind(account)
    .bind(sealed_seed)
    .bind(step)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses a step up. [`CodeUse::Used`]: it or a later one was used before.
pub async fn use_totp_step(
    conn: &mut Connection,
    account: AccountId,
    step: u64,
) -> Result<CodeUse, StorageError> {
    let rows = query("update totp_factors set last_step = $2 where account_id = $1 and last_step < $2")
        .bind(account)
        .bind(step)
        .execute(conn)
        .await?;
    Ok(if rows == 1 { CodeUse::Fresh } else { CodeUse::Used })
}

/// False: there was none.
pub async fn delete_totp(conn: &mut Connection, account: AccountId) -> Result<bool, StorageError> {
    let rows = query("delete from totp_factors where account_id = $1").bind(account).execute(conn).await?;
    Ok(rows == 1)
}

/// Replaces all recovery codes, used ones too.
pub async fn replace_recovery_codes(
    conn: &mut Connection,
    account: AccountId,
    hashes: &[[u8; 32]],
) -> Result<(), StorageError> {
    delete_recovery_codes(conn, account).await?;
    for hash in hashes {
        query("insert into recovery_codes (account_id, code_hash) values ($1, $2)")
            .bind(account)
            .bind(hash)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Uses a recovery code up.
pub async fn use_recovery_code(
    conn: &mut Connection,
    account: AccountId,
    hash: [u8; 32],
    now: UnixMillis,
) -> Result<CodeUse, StorageError> {
    let used = query(
        "update recovery_codes set used_at = $3 where account_id = $1 and code_hash = $2 and used_at is null",
    )
    .bind(account)
    .bind(hash)
    .bind(now)
    .execute(conn)
    .await?;
    if used == 1 {
        return Ok(CodeUse::Fresh);
    }
    let known = query("select 1 from recovery_codes where account_id = $1 and code_hash = $2")
        .bind(account)
        .bind(hash)
        .fetch_optional(conn)
        .await?;
    Ok(if known.is_some() { CodeUse::Used } else { CodeUse::Wrong })
}

pub async fn delete_recovery_codes(conn: &mut Connection, account: AccountId) -> Result<(), StorageError> {
    query("delete from recovery_codes where account_id = $1").bind(account).execute(conn).await?;
    Ok(())
}
