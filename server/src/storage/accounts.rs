//! Accounts, their wraps, and the directory of handles.

use protocol::{
    AccountId, Handle, RecordId, UnixMillis,
    accounts::{DirectoryEntry, Wrap, WrapKind},
    public_keys::IdentityKey,
    values::{Bytes, List},
};

use super::{Connection, Row, StorageError, devices, query};
use crate::opaque::StoredRecord;

/// What a registration writes beside wraps, vault and device.
#[derive(Debug)]
pub struct NewAccount<'a> {
    pub account_id: AccountId,
    pub handle: &'a Handle,
    pub record: &'a StoredRecord,
    pub recovery_auth_hash: &'a [u8; 32],
    pub identity_key: IdentityKey,
    pub device_list: &'a [u8],
    pub vault_record_id: RecordId,
}

/// What an insert met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    Stored,
    /// The handle or the id is in use; nothing was written.
    Taken,
}

/// What the relay keeps to check a log-in by password.
#[derive(Debug)]
pub struct LoginRecord {
    pub account_id: AccountId,
    pub record: StoredRecord,
}

/// The signed device list as it is stored.
#[derive(Debug, Clone)]
pub struct StoredDeviceList {
    pub bytes: Vec<u8>,
    pub version: u64,
}

/// What an opened account starts from; wraps, vault and revoked devices come from their own tables.
#[derive(Debug)]
pub struct AccountRow {
    pub handle: Handle,
    pub device_list: Vec<u8>,
    pub vault_record_id: RecordId,
}

pub async fn insert(
    conn: &mut Connection,
    account: &NewAccount<'_>,
    now: UnixMillis,
) -> Result<Inserted, StorageError> {
    let rows = query(
        "insert into accounts (account_id, handle, credential_id, opaque_setup_id, opaque_record, recovery_auth_hash, \
         identity_key, device_list, device_list_version, vault_record_id, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10) on conflict do nothing",
    )
    .bind(account.account_id)
    .bind(account.handle.as_str())
    .bind(account.record.credential_id)
    .bind(account.record.setup_id)
    .bind(account.record.record.as_slice())
    .bind(account.recovery_auth_hash)
    .bind(account.identity_key.as_bytes())
    .bind(account.device_list)
    .bind(account.vault_record_id)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(if rows == 1 { Inserted::Stored } else { Inserted::Taken })
}

pub async fn exists(conn: &mut Connection, account: AccountId) -> Result<bool, StorageError> {
    let row =
        query("select 1 from accounts where account_id = $1").bind(account).fetch_optional(conn).await?;
    Ok(row.is_some())
}

pub async fn handle_exists(conn: &mut Connection, handle: &Handle) -> Result<bool, StorageError> {
    let row =
        query("select 1 from accounts where handle = $1").bind(handle.as_str()).fetch_optional(conn).await?;
    Ok(row.is_some())
}

pub async fn find_login(conn: &mut Connection, handle: &Handle) -> Result<Option<LoginRecord>, StorageError> {
    let row = query(
        "select account_id, credential_id, opaque_setup_id, opaque_record from accounts where handle = $1",
    )
    .bind(handle.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(LoginRecord {
            account_id: row.get(0)?,
            record: StoredRecord { credential_id: row.get(1)?, setup_id: row.get(2)?, record: row.get(3)? },
        })
    })
    .transpose()
}

/// The account of `handle` and SHA-256 of its recovery key's log-in half.
pub async fn find_recovery(
    conn: &mut Connection,
    handle: &Handle,
) -> Result<Option<(AccountId, [u8; 32])>, StorageError> {
    let row = query("select account_id, recovery_auth_hash from accounts where handle = $1")
        .bind(handle.as_str())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

pub async fn find_by_handle(
    conn: &mut Connection,
    handle: &Handle,
) -> Result<Option<DirectoryEntry>, StorageError> {
    let row = query("select account_id, handle, device_list from accounts where handle = $1")
        .bind(handle.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    directory_entry(conn, row).await
}

pub async fn find(conn: &mut Connection, account: AccountId) -> Result<Option<DirectoryEntry>, StorageError> {
    let row = query("select account_id, handle, device_list from accounts where account_id = $1")
        .bind(account)
        .fetch_optional(&mut *conn)
        .await?;
    directory_entry(conn, row).await
}

pub async fn get(conn: &mut Connection, account: AccountId) -> Result<AccountRow, StorageError> {
    let row = query("select handle, device_list, vault_record_id from accounts where account_id = $1")
        .bind(account)
        .fetch_one(conn)
        .await?;
    Ok(AccountRow { handle: handle(&row, 0)?, device_list: row.get(1)?, vault_record_id: row.get(2)? })
}

/// The device list, and a lock on the account's row until the transaction ends: nobody else changes the list or
/// claims from the account meanwhile. `None`: there is no such account.
pub async fn lock_device_list(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Option<StoredDeviceList>, StorageError> {
    let row = query(
        "update accounts set device_list_version = device_list_version where account_id = $1 \
         returning device_list, device_list_version",
    )
    .bind(account)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(StoredDeviceList { bytes: row.get(0)?, version: row.get(1)? })).transpose()
}

/// Replaces the list of `version - 1`.
pub async fn update_device_list(
    conn: &mut Connection,
    account: AccountId,
    list: &[u8],
    version: u64,
) -> Result<(), StorageError> {
    let rows = query(
        "update accounts set device_list = $2, device_list_version = $3 \
         where account_id = $1 and device_list_version = $3 - 1",
    )
    .bind(account)
    .bind(list)
    .bind(version)
    .execute(conn)
    .await?;
    if rows == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

pub async fn update_password(
    conn: &mut Connection,
    account: AccountId,
    record: &StoredRecord,
) -> Result<(), StorageError> {
    let rows = query(
        "update accounts set credential_id = $2, opaque_setup_id = $3, opaque_record = $4 where account_id = $1",
    )
    .bind(account)
    .bind(record.credential_id)
    .bind(record.setup_id)
    .bind(record.record.as_slice())
    .execute(conn)
    .await?;
    if rows == 1 { Ok(()) } else { Err(StorageError::NotFound) }
}

/// Puts a wrap in the place of its kind and generation.
pub async fn put_wrap(conn: &mut Connection, account: AccountId, wrap: &Wrap) -> Result<(), StorageError> {
    query(
        "insert into wraps (account_id, kind, generation, bytes) values ($1, $2, $3, $4) \
         on conflict (account_id, kind, generation) do update set bytes = excluded.bytes",
    )
    .bind(account)
    .bind(kind_number(wrap.kind))
    .bind(u64::from(wrap.generation))
    .bind(&*wrap.bytes)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn list_wraps(conn: &mut Connection, account: AccountId) -> Result<Vec<Wrap>, StorageError> {
    let rows = query(
        "select kind, generation, bytes from wraps where account_id = $1 order by kind, generation limit 64",
    )
    .bind(account)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let malformed = |column| StorageError::Malformed { column };
            Ok(Wrap {
                kind: wrap_kind(row.get(0)?).ok_or_else(|| malformed(0))?,
                generation: u32::try_from(row.get::<u64>(1)?).map_err(|_| malformed(1))?,
                bytes: Bytes::new(row.get::<Vec<u8>>(2)?).map_err(|_| malformed(2))?,
            })
        })
        .collect()
}

async fn directory_entry(
    conn: &mut Connection,
    row: Option<Row>,
) -> Result<Option<DirectoryEntry>, StorageError> {
    let Some(row) = row else { return Ok(None) };
    let account_id = row.get(0)?;
    let revocations = devices::list_revocations(conn, account_id).await?;
    Ok(Some(DirectoryEntry {
        account_id,
        handle: handle(&row, 1)?,
        device_list: Bytes::new(row.get::<Vec<u8>>(2)?).map_err(|_| StorageError::Malformed { column: 2 })?,
        revocations: List::new(revocations).map_err(|_| StorageError::Malformed { column: 0 })?,
    }))
}

fn handle(row: &Row, column: usize) -> Result<Handle, StorageError> {
    row.get::<String>(column)?.parse().map_err(|_| StorageError::Malformed { column })
}

const fn kind_number(kind: WrapKind) -> u64 {
    match kind {
        WrapKind::Password => 1,
        WrapKind::Recovery => 2,
        WrapKind::Root => 4,
    }
}

const fn wrap_kind(number: u64) -> Option<WrapKind> {
    match number {
        1 => Some(WrapKind::Password),
        2 => Some(WrapKind::Recovery),
        4 => Some(WrapKind::Root),
        _ => None,
    }
}
