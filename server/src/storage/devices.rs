//! Devices. Rows stay after revocation, so that an id never comes back.

use protocol::{
    AccountId, DeviceId, UnixMillis, devices::DeviceStatus, public_keys::DeviceAuthKey,
    revocation::REVOCATION_BYTES, values::Bytes,
};

use super::{Connection, StorageError, accounts::Inserted, query};

/// Last seen is kept to the hour, milliseconds.
const SEEN_STEP_MS: u64 = 3_600_000;

/// A device as it is enrolled.
#[derive(Debug)]
pub struct DeviceRow<'a> {
    pub device_id: DeviceId,
    pub account_id: AccountId,
    pub certificate: &'a [u8],
    pub device_auth_key: DeviceAuthKey,
}

/// The key of a device's log-ins and commits.
#[derive(Debug, Clone, Copy)]
pub struct AuthKey {
    pub key: DeviceAuthKey,
    pub revoked: bool,
}

pub async fn insert(
    conn: &mut Connection,
    device: &DeviceRow<'_>,
    now: UnixMillis,
) -> Result<Inserted, StorageError> {
    let rows = query(
        "insert into devices (device_id, account_id, certificate, device_auth_key, created_at, last_seen_at) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    )
    .bind(device.device_id)
    .bind(device.account_id)
    .bind(device.certificate)
    .bind(device.device_auth_key.as_bytes())
    .bind(now.0)
    .bind(to_the_hour(now))
    .execute(conn)
    .await?;
    Ok(if rows == 1 { Inserted::Stored } else { Inserted::Taken })
}

/// The key with which a device of `account` signs, and whether it still may.
pub async fn find_auth_key(
    conn: &mut Connection,
    account: AccountId,
    device: DeviceId,
) -> Result<Option<AuthKey>, StorageError> {
    let row =
        query("select device_auth_key, revoked_at from devices where account_id = $1 and device_id = $2")
            .bind(account)
            .bind(device)
            .fetch_optional(conn)
            .await?;
    row.map(|row| {
        let revoked_at: Option<UnixMillis> = row.get(1)?;
        Ok(AuthKey { key: DeviceAuthKey::from_bytes(row.get(0)?), revoked: revoked_at.is_some() })
    })
    .transpose()
}

pub async fn is_live(conn: &mut Connection, device: DeviceId) -> Result<bool, StorageError> {
    let row = query("select 1 from devices where device_id = $1 and revoked_at is null")
        .bind(device)
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

pub async fn list_live(conn: &mut Connection, account: AccountId) -> Result<Vec<DeviceId>, StorageError> {
    let rows = query(
        "select device_id from devices where account_id = $1 and revoked_at is null order by device_id limit 64",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Every device of `account`, at most 64 (the longest device list), in order of their making.
pub async fn list(conn: &mut Connection, account: AccountId) -> Result<Vec<DeviceStatus>, StorageError> {
    let rows = query(
        "select device_id, created_at, last_seen_at, revoked_at from devices where account_id = $1 \
         order by created_at, device_id limit 64",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(DeviceStatus {
                device_id: row.get(0)?,
                created_at: UnixMillis(row.get(1)?),
                last_seen_at: UnixMillis(row.get(2)?),
                revoked_at: row.get::<Option<u64>>(3)?.map(UnixMillis),
            })
        })
        .collect()
}

/// Revokes a device of `account` with its sessions and key packages. False: it was not live.
pub async fn revoke(
    conn: &mut Connection,
    account: AccountId,
    device: DeviceId,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "update devices set revoked_at = $3 where account_id = $1 and device_id = $2 and revoked_at is null",
    )
    .bind(account)
    .bind(device)
    .bind(now.0)
    .execute(conn)
    .await?;
    if rows == 0 {
        return Ok(false);
    }
    query("update sessions set revoked_at = $2, address = null where device_id = $1 and revoked_at is null")
        .bind(device)
        .bind(now.0)
        .execute(conn)
        .await?;
    query("delete from key_packages where device_id = $1").bind(device).execute(conn).await?;
    Ok(true)
}

/// Keeps the signed revocation of a device.
pub async fn update_revocation(
    conn: &mut Connection,
    account: AccountId,
    device: DeviceId,
    revocation: &[u8],
) -> Result<(), StorageError> {
    query("update devices set revocation = $3 where account_id = $1 and device_id = $2")
        .bind(account)
        .bind(device)
        .bind(revocation)
        .execute(conn)
        .await?;
    Ok(())
}

/// Signed revocations of the devices of `account`, the latest first, as many as a device list has entries.
pub async fn list_revocations(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Vec<Bytes<REVOCATION_BYTES>>, StorageError> {
    let rows = query(
        "select revocation from devices where account_id = $1 and revocation is not null \
         order by revoked_at desc, device_id limit 64",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    let malformed = |_| StorageError::Malformed { column: 0 };
    rows.iter().map(|row| Bytes::new(row.get::<Vec<u8>>(0)?).map_err(malformed)).collect()
}

/// Notes that a device was here; writes once an hour.
pub async fn update_seen(
    conn: &mut Connection,
    device: DeviceId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("update devices set last_seen_at = $2 where device_id = $1 and last_seen_at < $2")
        .bind(device)
        .bind(to_the_hour(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Live devices that nobody has seen since `before`: (account, device).
pub async fn list_idle(
    conn: &mut Connection,
    before: UnixMillis,
) -> Result<Vec<(AccountId, DeviceId)>, StorageError> {
    let rows = query(
        "select account_id, device_id from devices where revoked_at is null and last_seen_at < $1 limit 256",
    )
    .bind(before.0)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub(super) const fn to_the_hour(now: UnixMillis) -> u64 {
    now.0 - now.0 % SEEN_STEP_MS
}
