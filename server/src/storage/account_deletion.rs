//! Takes an account out of every table that knows accounts. The statements stand in the order of the tables' references;
//! a test holds them against [`super::account_data::TABLES`].

use protocol::{AccountId, BlobId, DeviceId, GroupId, UnixMillis};

use super::{Connection, Engine, StorageError, accounts, groups, query, tombstones};
use crate::tombstones::Mark;

/// What a deletion did, for those who must hear of it.
#[derive(Debug, Default)]
pub struct Deleted {
    pub devices: Vec<DeviceId>,
    /// Direct groups that take nothing more: their other account is still there.
    pub closed: Vec<GroupId>,
    /// Files that nobody else has a reference to.
    pub blobs: Vec<BlobId>,
}

/// A device id that was ever given out: an account has no more rows of devices than this.
const DEVICES_MAX: u64 = 10_000;

/// What is locked on PostgreSQL, in the order in which others lock it, so that no row that names one of these comes in
/// meanwhile. `$1` is the account. SQLite's one writer connection is the lock.
const LOCKS: [&str; 4] = [
    "select 1 from accounts where account_id = $1 for update",
    "select 1 from refresh_tokens where session_id in (select session_id from sessions where account_id = $1) \
     for update",
    "select 1 from devices where account_id = $1 for update",
    "select 1 from sessions where account_id = $1 for update",
];
/// Last: whoever writes a log locks its head after everything else.
const LOCK_LOG: &str = "select 1 from audit_heads where account_id = $1 for update";

/// Table and statement; `$1` is the account.
const OF_ACCOUNT: &[(&str, &str)] = &[
    ("records", "delete from records where account_id = $1"),
    ("record_heads", "delete from record_heads where account_id = $1"),
    (
        "welcomes",
        "delete from welcomes where device_id in (select device_id from devices where account_id = $1)",
    ),
    ("group_devices", "delete from group_devices where account_id = $1"),
    ("group_accounts", "delete from group_accounts where account_id = $1"),
    (
        "claimed_key_packages",
        "delete from claimed_key_packages where claimant_account_id = $1 \
         or device_id in (select device_id from devices where account_id = $1)",
    ),
    ("claims", "delete from claims where claimant_account_id = $1 or target_account_id = $1"),
    (
        "key_packages",
        "delete from key_packages where device_id in (select device_id from devices where account_id = $1)",
    ),
    ("recovery_codes", "delete from recovery_codes where account_id = $1"),
    ("email_sendings", "delete from email_sendings where account_id = $1"),
    ("email_codes", "delete from email_codes where account_id = $1"),
    ("email_factors", "delete from email_factors where account_id = $1"),
    ("totp_factors", "delete from totp_factors where account_id = $1"),
    ("answered_requests", "delete from answered_requests where account_id = $1"),
    (
        "refresh_tokens",
        "delete from refresh_tokens where session_id in (select session_id from sessions where account_id = $1)",
    ),
    ("sessions", "delete from sessions where account_id = $1"),
    ("devices", "delete from devices where account_id = $1"),
    ("wraps", "delete from wraps where account_id = $1"),
    ("accounts", "delete from accounts where account_id = $1"),
    ("audit_rows", "delete from audit_rows where account_id = $1"),
    ("audit_heads", "delete from audit_heads where account_id = $1"),
];

/// Of a group with nobody else in it; `$1` is the group. Other groups keep their log: what is in it belongs to the
/// others, too.
const OF_LONE_GROUP: &[(&str, &str)] = &[
    ("welcomes", "delete from welcomes where group_id = $1"),
    ("welcome_contents", "delete from welcome_contents where group_id = $1"),
    ("entries", "delete from entries where group_id = $1"),
    ("group_infos", "delete from group_infos where group_id = $1"),
    ("group_devices", "delete from group_devices where group_id = $1"),
    ("group_accounts", "delete from group_accounts where group_id = $1"),
    ("groups", "delete from groups where group_id = $1"),
];

/// What [`release_blobs`] deletes from.
const OF_BLOBS: &[&str] = &["blob_references", "blobs"];

/// Every table that a deletion takes rows from.
pub fn tables() -> impl Iterator<Item = &'static str> {
    OF_ACCOUNT.iter().chain(OF_LONE_GROUP).map(|(table, _)| *table).chain(OF_BLOBS.iter().copied())
}

/// Deletes the account with everything about it, and leaves `marks` and those of its devices. `None`: there is no such
/// account any more. Groups are locked before the account, as commits do.
pub async fn delete(
    conn: &mut Connection,
    account: AccountId,
    marks: (&[Mark], impl Fn(DeviceId) -> Mark),
    now: UnixMillis,
) -> Result<Option<Deleted>, StorageError> {
    let shared = groups_of(conn, account).await?;
    for group in &shared {
        groups::find_locked(conn, *group).await?;
    }
    lock(conn, account, &LOCKS).await?;
    if accounts::lock_device_list(conn, account).await?.is_none() {
        return Ok(None);
    }
    if groups_of(conn, account).await? != shared {
        // A group came meanwhile, and its lock would come too late: the whole is tried again.
        return Err(StorageError::Overloaded);
    }
    let devices = list_devices(conn, account).await?;
    let blobs = release_blobs(conn, account, now).await?;
    let closed = leave_groups(conn, account, &shared, now).await?;
    lock(conn, account, &[LOCK_LOG]).await?;
    for (_, sql) in OF_ACCOUNT {
        query(sql).bind(account).execute(conn).await?;
    }
    let (own, of_device) = marks;
    tombstones::insert_all(conn, own).await?;
    tombstones::insert_all(conn, &devices.iter().map(|device| of_device(*device)).collect::<Vec<_>>())
        .await?;
    Ok(Some(Deleted { devices, closed, blobs }))
}

async fn lock(conn: &mut Connection, account: AccountId, locks: &[&'static str]) -> Result<(), StorageError> {
    if conn.engine() == Engine::Postgres {
        for sql in locks {
            query(sql).bind(account).fetch_all(conn).await?;
        }
    }
    Ok(())
}

/// In order of id, in which everything locks groups.
async fn groups_of(conn: &mut Connection, account: AccountId) -> Result<Vec<GroupId>, StorageError> {
    let mut groups = groups::list_ids_of_account(conn, account).await?;
    groups.sort_unstable();
    Ok(groups)
}

async fn list_devices(conn: &mut Connection, account: AccountId) -> Result<Vec<DeviceId>, StorageError> {
    let rows = query("select device_id from devices where account_id = $1 limit $2")
        .bind(account)
        .bind(DEVICES_MAX)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Takes back every reference of the account; gives the blobs that go with it.
async fn release_blobs(
    conn: &mut Connection,
    account: AccountId,
    now: UnixMillis,
) -> Result<Vec<BlobId>, StorageError> {
    let rows = query(
        "insert into blob_removals (blob_id, removed_at) select r.blob_id, $2 from blob_references r \
         where r.account_id = $1 and not exists (select 1 from blob_references o \
         where o.blob_id = r.blob_id and o.account_id <> $1) on conflict do nothing returning blob_id",
    )
    .bind(account)
    .bind(now)
    .fetch_all(conn)
    .await?;
    query("delete from blob_references where account_id = $1").bind(account).execute(conn).await?;
    query("delete from blobs where blob_id in (select blob_id from blob_removals)").execute(conn).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Deletes the groups that nobody else is in, and closes the direct ones; gives those.
async fn leave_groups(
    conn: &mut Connection,
    account: AccountId,
    shared: &[GroupId],
    now: UnixMillis,
) -> Result<Vec<GroupId>, StorageError> {
    let mut closed = Vec::new();
    for group in shared {
        let others = query("select 1 from group_accounts where group_id = $1 and account_id <> $2 limit 1")
            .bind(*group)
            .bind(account)
            .fetch_optional(conn)
            .await?;
        if others.is_none() {
            for (_, sql) in OF_LONE_GROUP {
                query(sql).bind(*group).execute(conn).await?;
            }
        } else if groups::close(conn, *group, now).await? {
            closed.push(*group);
        }
    }
    Ok(closed)
}
