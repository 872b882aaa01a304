//! Sessions and their refresh tokens. A session is a family: one token is the newest, and a token shown again after
//! its successor was used ends the whole family.

use protocol::{
    AccountId, DeviceId, SessionId, UnixMillis, limits::REFRESH_GRACE_SECONDS, sessions::OwnSession,
};

use super::devices::to_the_hour;
use super::{Connection, StorageError, query};
use crate::coarse_address::CoarseAddress;

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    pub device_id: DeviceId,
    pub account_id: AccountId,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    Live(Session),
    /// Ended by a newer log-in of the device, or by a re-used refresh token.
    Over,
    /// Signed out, idle or removed.
    DeviceRevoked,
}

/// What became of a refresh token that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The successor is the newest token now, or still.
    Rotated(Session),
    /// No such token, or its session is over.
    Refused,
    /// Its device is revoked.
    DeviceRevoked,
    /// It was used before, and so was its successor, or the grace is over: the session was ended.
    Reused(Session),
}

/// Begins a session of a device with its first refresh token.
pub async fn insert(
    conn: &mut Connection,
    session: &Session,
    token_hash: [u8; 32],
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("insert into sessions (session_id, device_id, account_id, created_at) values ($1, $2, $3, $4)")
        .bind(session.session_id)
        .bind(session.device_id)
        .bind(session.account_id)
        .bind(now.0)
        .execute(conn)
        .await?;
    insert_token(conn, session.session_id, token_hash, now).await
}

/// How a session stands.
pub async fn find(
    conn: &mut Connection,
    session_id: SessionId,
) -> Result<Option<SessionState>, StorageError> {
    let row = query(
        "select s.device_id, s.account_id, s.revoked_at, d.revoked_at from sessions s \
         join devices d on d.device_id = s.device_id where s.session_id = $1",
    )
    .bind(session_id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let over: Option<UnixMillis> = row.get(2)?;
        let device_revoked: Option<UnixMillis> = row.get(3)?;
        Ok(match (device_revoked, over) {
            (Some(_), _) => SessionState::DeviceRevoked,
            (None, Some(_)) => SessionState::Over,
            (None, None) => {
                SessionState::Live(Session { session_id, device_id: row.get(0)?, account_id: row.get(1)? })
            }
        })
    })
    .transpose()
}

/// Every session that lives, with its device. Read once, at start.
pub async fn list_live(conn: &mut Connection) -> Result<Vec<(SessionId, DeviceId)>, StorageError> {
    let rows = query(
        "select s.session_id, s.device_id from sessions s join devices d on d.device_id = s.device_id \
         where s.revoked_at is null and d.revoked_at is null",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Notes that a session was used, and from where: to the hour, and no closer than a network.
pub async fn update_use(
    conn: &mut Connection,
    session: SessionId,
    address: &CoarseAddress,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("update sessions set last_used_at = $2, address = $3 where session_id = $1 and revoked_at is null")
        .bind(session)
        .bind(to_the_hour(now))
        .bind(address.0.clone())
        .execute(conn)
        .await?;
    Ok(())
}

/// The live sessions of an account, at most 64, in order of their beginning.
pub async fn list_of_account(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Vec<OwnSession>, StorageError> {
    let rows = query(
        "select s.session_id, s.device_id, s.created_at, s.last_used_at, s.address from devices d \
         join sessions s on s.device_id = d.device_id where d.account_id = $1 and d.revoked_at is null \
         and s.revoked_at is null order by s.created_at, s.session_id limit 64",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OwnSession {
                session_id: row.get(0)?,
                device_id: row.get(1)?,
                created_at: row.get(2)?,
                last_used_at: row.get(3)?,
                address: row.get(4)?,
            })
        })
        .collect()
}

/// Ends all live sessions of a device but `except`; gives their ids.
pub async fn revoke_others(
    conn: &mut Connection,
    device: DeviceId,
    except: SessionId,
    now: UnixMillis,
) -> Result<Vec<SessionId>, StorageError> {
    let rows = query(
        "update sessions set revoked_at = $3, address = null where device_id = $1 and session_id <> $2 and revoked_at is null \
         returning session_id",
    )
    .bind(device)
    .bind(except)
    .bind(now.0)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Takes the token with `token_hash` for its successor. The first statement decides between two that come at once;
/// the other one finds the token rotated a moment ago and is given the same successor.
pub async fn rotate(
    conn: &mut Connection,
    token_hash: [u8; 32],
    successor_hash: [u8; 32],
    now: UnixMillis,
) -> Result<Rotation, StorageError> {
    let newest = query(
        "update refresh_tokens set rotated_at = $2 where token_hash = $1 and rotated_at is null returning session_id",
    )
    .bind(token_hash)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    if let Some(row) = newest {
        return Ok(match live(conn, row.get(0)?).await? {
            Ok(session) => {
                insert_token(conn, session.session_id, successor_hash, now).await?;
                Rotation::Rotated(session)
            }
            Err(refused) => refused,
        });
    }
    let rotated = query("select session_id, rotated_at from refresh_tokens where token_hash = $1")
        .bind(token_hash)
        .fetch_optional(conn)
        .await?;
    let Some(row) = rotated else { return Ok(Rotation::Refused) };
    let session = match live(conn, row.get(0)?).await? {
        Ok(session) => session,
        Err(refused) => return Ok(refused),
    };
    let grace = now < row.get::<UnixMillis>(1)?.plus_seconds(REFRESH_GRACE_SECONDS);
    if grace && successor_is_unused(conn, successor_hash).await? {
        return Ok(Rotation::Rotated(session));
    }
    revoke(conn, session.session_id, now).await?;
    Ok(Rotation::Reused(session))
}

/// Ends one session.
pub async fn revoke(conn: &mut Connection, session: SessionId, now: UnixMillis) -> Result<(), StorageError> {
    query("update sessions set revoked_at = $2, address = null where session_id = $1 and revoked_at is null")
        .bind(session)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets tokens that were rotated, or issued and never used, before `before`.
pub async fn delete_old_tokens(
    conn: &mut Connection,
    rotated_before: UnixMillis,
    issued_before: UnixMillis,
) -> Result<u64, StorageError> {
    query("delete from refresh_tokens where rotated_at < $1 or issued_at < $2")
        .bind(rotated_before.0)
        .bind(issued_before.0)
        .execute(conn)
        .await
}

async fn live(conn: &mut Connection, session: SessionId) -> Result<Result<Session, Rotation>, StorageError> {
    Ok(match find(conn, session).await? {
        Some(SessionState::Live(session)) => Ok(session),
        Some(SessionState::DeviceRevoked) => Err(Rotation::DeviceRevoked),
        Some(SessionState::Over) | None => Err(Rotation::Refused),
    })
}

async fn successor_is_unused(conn: &mut Connection, successor_hash: [u8; 32]) -> Result<bool, StorageError> {
    let row = query("select 1 from refresh_tokens where token_hash = $1 and rotated_at is null")
        .bind(successor_hash)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

async fn insert_token(
    conn: &mut Connection,
    session: SessionId,
    token_hash: [u8; 32],
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("insert into refresh_tokens (token_hash, session_id, issued_at) values ($1, $2, $3)")
        .bind(token_hash)
        .bind(session)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}
