//! Invitations of the operator: who has one may register, once per use.

use protocol::UnixMillis;

use super::{Connection, StorageError, query};

/// An invitation as its maker wants it.
#[derive(Debug, Clone, Copy)]
pub struct NewInvite {
    /// SHA-256 of its code.
    pub code_hash: [u8; 32],
    /// Accounts that may be made with it.
    pub uses: u32,
    pub expires_at: UnixMillis,
}

pub async fn insert(conn: &mut Connection, invite: NewInvite, now: UnixMillis) -> Result<(), StorageError> {
    query("insert into invites (code_hash, uses_left, created_at, expires_at) values ($1, $2, $3, $4)")
        .bind(invite.code_hash)
        .bind(u64::from(invite.uses))
        .bind(now.0)
        .bind(invite.expires_at.0)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn is_live(
    conn: &mut Connection,
    code_hash: &[u8; 32],
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let row = query("select 1 from invites where code_hash = $1 and uses_left > 0 and expires_at > $2")
        .bind(code_hash)
        .bind(now.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// Uses the invitation once. False: it is over or used up, and nothing was changed.
pub async fn take_one(
    conn: &mut Connection,
    code_hash: &[u8; 32],
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "update invites set uses_left = uses_left - 1 \
         where code_hash = $1 and uses_left > 0 and expires_at > $2",
    )
    .bind(code_hash)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

/// Invitations that nobody can use any more.
pub async fn delete_old(conn: &mut Connection, now: UnixMillis) -> Result<(), StorageError> {
    query("delete from invites where uses_left = 0 or expires_at <= $1").bind(now.0).execute(conn).await?;
    Ok(())
}
