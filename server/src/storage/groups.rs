//! Groups: their state, members, group info and inboxes of welcomes.

use protocol::deltas::Role;
use protocol::groups::{GroupKind, GroupSummary, StoredGroupInfo};
use protocol::limits::{DEVICE_LIST_ENTRIES_MAX, GROUPS_PAGE_MAX, GROUPS_PER_ACCOUNT_MAX};
use protocol::values::{Bytes, List};
use protocol::{AccountId, DeviceId, GroupId, UnixMillis};
use std::collections::BTreeMap;

use super::{Connection, Engine, StorageError, query};
use crate::membership::Membership;

/// What a commit is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub(crate) kind: GroupKind,
    pub(crate) head: u64,
    pub(crate) epoch: u64,
    /// The other account of a direct group was deleted.
    pub(crate) closed: bool,
}

/// A device's place in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicePlace {
    pub group_id: GroupId,
    /// The last entry that it may read: the group's, or its removing commit.
    pub last: u64,
    pub joined_seq: u64,
    pub acknowledged_seq: u64,
    pub removed: bool,
    /// The other account of a direct group was deleted.
    pub closed: bool,
}

pub(crate) async fn insert(
    conn: &mut Connection,
    group: GroupId,
    kind: GroupKind,
    pair: Option<[AccountId; 2]>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into groups (group_id, kind, direct_pair, head, epoch, grace_until, cut_seq, created_at)
         values ($1, $2, $3, 0, 0, 0, 0, $4)",
    )
    .bind(group)
    .bind(kind_to_column(kind))
    .bind(pair.map(pair_key))
    .bind(now)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The live direct group of a pair.
pub(crate) async fn find_direct(
    conn: &mut Connection,
    pair: [AccountId; 2],
) -> Result<Option<GroupId>, StorageError> {
    let row = query("select group_id from groups where direct_pair = $1")
        .bind(pair_key(pair))
        .fetch_optional(conn)
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// The group's state, locked until the transaction ends: commits and appends of one group wait for each other (D-8a).
pub(crate) async fn find_locked(
    conn: &mut Connection,
    group: GroupId,
) -> Result<Option<GroupState>, StorageError> {
    // SQLite's one writer connection is the lock.
    let sql = match conn.engine() {
        Engine::Sqlite => "select kind, head, epoch, closed_at from groups where group_id = $1",
        Engine::Postgres => "select kind, head, epoch, closed_at from groups where group_id = $1 for update",
    };
    let row = query(sql).bind(group).fetch_optional(conn).await?;
    row.map(|row| {
        let kind = kind_from_column(row.get(0)?).ok_or(StorageError::Malformed { column: 0 })?;
        let closed = row.get::<Option<u64>>(3)?.is_some();
        Ok(GroupState { kind, head: row.get(1)?, epoch: row.get(2)?, closed })
    })
    .transpose()
}

/// Closes a direct group whose other account is gone; false: it is none, or was closed before. The pair may not be
/// named any more.
pub(crate) async fn close(
    conn: &mut Connection,
    group: GroupId,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "update groups set closed_at = $2, direct_pair = null where group_id = $1 and kind = 1 and closed_at is null",
    )
    .bind(group)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(rows == 1)
}

/// Takes the slot of `epoch` (D-3): the epoch ends and the head grows by one. `None`: another commit has it.
pub(crate) async fn update_epoch(
    conn: &mut Connection,
    group: GroupId,
    epoch: u64,
    grace_until: UnixMillis,
) -> Result<Option<u64>, StorageError> {
    let row = query(
        "update groups set head = head + 1, epoch = epoch + 1, grace_until = $3
         where group_id = $1 and epoch = $2 returning head",
    )
    .bind(group)
    .bind(epoch)
    .bind(grace_until)
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.get(0)).transpose()
}

pub(crate) async fn membership(conn: &mut Connection, group: GroupId) -> Result<Membership, StorageError> {
    let rows =
        query("select device_id, account_id from group_devices where group_id = $1 and removed_seq is null")
            .bind(group)
            .fetch_all(conn)
            .await?;
    let devices = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
    let devices = devices.collect::<Result<BTreeMap<_, _>, StorageError>>()?;
    let rows = query("select account_id, role from group_accounts where group_id = $1")
        .bind(group)
        .fetch_all(conn)
        .await?;
    let roles = rows.iter().map(|row| {
        let role = u8::try_from(row.get::<i64>(1)?).ok().and_then(Role::from_byte);
        Ok((row.get(0)?, role.ok_or(StorageError::Malformed { column: 1 })?))
    });
    Ok(Membership { devices, roles: roles.collect::<Result<_, StorageError>>()? })
}

/// Gives a device its leaf, anew if it had one; it reads from the commit that added it.
pub(crate) async fn insert_device(
    conn: &mut Connection,
    group: GroupId,
    leaf: (AccountId, DeviceId),
    seq: u64,
) -> Result<(), StorageError> {
    query(
        "insert into group_devices (group_id, device_id, account_id, joined_seq, removed_seq, acknowledged_seq)
         values ($1, $2, $3, $4, null, $4)
         on conflict (group_id, device_id) do update
         set joined_seq = excluded.joined_seq, removed_seq = null, acknowledged_seq = excluded.acknowledged_seq",
    )
    .bind(group)
    .bind(leaf.1)
    .bind(leaf.0)
    .bind(seq)
    .execute(conn)
    .await
    .map(|_| ())
}

pub(crate) async fn update_removed(
    conn: &mut Connection,
    group: GroupId,
    device: DeviceId,
    seq: u64,
) -> Result<(), StorageError> {
    query("update group_devices set removed_seq = $3 where group_id = $1 and device_id = $2 and removed_seq is null")
        .bind(group)
        .bind(device)
        .bind(seq)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Live devices of an account that have a key package to claim (D-7).
pub(crate) async fn list_claimable(
    conn: &mut Connection,
    account: AccountId,
    now: UnixMillis,
) -> Result<Vec<DeviceId>, StorageError> {
    let rows = query(
        "select device_id from devices d where account_id = $1 and revoked_at is null
         and exists (select 1 from key_packages k where k.device_id = d.device_id and k.expires_at > $2) limit $3",
    )
    .bind(account)
    .bind(now)
    .bind(DEVICE_LIST_ENTRIES_MAX as u64)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Sets an account's role; `None`: it is no longer a member.
pub(crate) async fn update_role(
    conn: &mut Connection,
    group: GroupId,
    account: AccountId,
    role: Option<Role>,
) -> Result<(), StorageError> {
    let statement = match role {
        Some(role) => query(
            "insert into group_accounts (group_id, account_id, role) values ($1, $2, $3)
             on conflict (group_id, account_id) do update set role = excluded.role",
        )
        .bind(group)
        .bind(account)
        .bind(i64::from(role.to_byte())),
        None => query("delete from group_accounts where group_id = $1 and account_id = $2")
            .bind(group)
            .bind(account),
    };
    statement.execute(conn).await.map(|_| ())
}

/// Groups of which the account is a member, at most as many as it may be in.
pub(crate) async fn list_ids_of_account(
    conn: &mut Connection,
    account: AccountId,
) -> Result<Vec<GroupId>, StorageError> {
    let rows = query("select group_id from group_accounts where account_id = $1 limit 1000")
        .bind(account)
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// How many groups the account is a member of, counted up to the limit.
pub(crate) async fn count_of_account(conn: &mut Connection, account: AccountId) -> Result<u64, StorageError> {
    query("select count(*) from (select 1 from group_accounts where account_id = $1 limit $2) as taken")
        .bind(account)
        .bind(GROUPS_PER_ACCOUNT_MAX as u64 + 1)
        .fetch_one(conn)
        .await?
        .get(0)
}

pub(crate) async fn put_info(
    conn: &mut Connection,
    group: GroupId,
    epoch: u64,
    seq: u64,
    bytes: &[u8],
) -> Result<(), StorageError> {
    query(
        "insert into group_infos (group_id, epoch, seq, bytes) values ($1, $2, $3, $4)
         on conflict (group_id) do update set epoch = excluded.epoch, seq = excluded.seq, bytes = excluded.bytes",
    )
    .bind(group)
    .bind(epoch)
    .bind(seq)
    .bind(bytes)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The group info, for devices of member accounts only.
pub(crate) async fn get_info(
    conn: &mut Connection,
    account: AccountId,
    group: GroupId,
) -> Result<StoredGroupInfo, StorageError> {
    let row = query(
        "select i.epoch, i.seq, i.bytes from group_infos i
         join group_accounts a on a.group_id = i.group_id and a.account_id = $1
         where i.group_id = $2",
    )
    .bind(account)
    .bind(group)
    .fetch_one(conn)
    .await?;
    Ok(StoredGroupInfo {
        epoch: row.get(0)?,
        seq: row.get(1)?,
        group_info: Bytes::new(row.get::<Vec<u8>>(2)?).map_err(|_| StorageError::Malformed { column: 2 })?,
    })
}

/// Groups of which the account is a member, by id, after `after`.
pub(crate) async fn list_of_account(
    conn: &mut Connection,
    account: AccountId,
    device: DeviceId,
    after: Option<GroupId>,
) -> Result<Vec<GroupSummary>, StorageError> {
    let rows = query(
        "select g.group_id, g.kind, g.epoch, g.head, d.acknowledged_seq from group_accounts a
         join groups g on g.group_id = a.group_id
         left join group_devices d on d.group_id = g.group_id and d.device_id = $2 and d.removed_seq is null
         where a.account_id = $1 and a.group_id > $3 and g.closed_at is null order by a.group_id limit $4",
    )
    .bind(account)
    .bind(device)
    .bind(after.map_or_else(Vec::new, |group| group.as_bytes().to_vec()))
    .bind(GROUPS_PAGE_MAX as u64)
    .fetch_all(conn)
    .await?;
    let mut groups = Vec::with_capacity(rows.len());
    for row in rows {
        let group_id = row.get(0)?;
        let (accounts, device_lists) = accounts(conn, group_id).await?;
        groups.push(GroupSummary {
            group_id,
            kind: kind_from_column(row.get(1)?).ok_or(StorageError::Malformed { column: 1 })?,
            epoch: row.get(2)?,
            head: row.get(3)?,
            accounts,
            acknowledged: row.get(4)?,
            device_lists,
        });
    }
    Ok(groups)
}

/// The member accounts, and the version of each one's device list.
async fn accounts<const MAX: usize>(
    conn: &mut Connection,
    group: GroupId,
) -> Result<(List<AccountId, MAX>, List<u64, MAX>), StorageError> {
    let rows = query(
        "select g.account_id, a.device_list_version from group_accounts g
         join accounts a on a.account_id = g.account_id where g.group_id = $1 order by g.account_id",
    )
    .bind(group)
    .fetch_all(conn)
    .await?;
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<_>, _>>()?;
    let versions = rows.iter().map(|row| row.get(1)).collect::<Result<Vec<_>, _>>()?;
    let too_many = |_| StorageError::Malformed { column: 0 };
    Ok((List::new(ids).map_err(too_many)?, List::new(versions).map_err(too_many)?))
}

/// The device's place in one group, past membership included.
pub(crate) async fn find_place(
    conn: &mut Connection,
    device: DeviceId,
    group: GroupId,
) -> Result<Option<DevicePlace>, StorageError> {
    let row = query(
        "select d.group_id, d.joined_seq, d.acknowledged_seq, d.removed_seq, g.head, g.closed_at from group_devices d
         join groups g on g.group_id = d.group_id where d.device_id = $1 and d.group_id = $2",
    )
    .bind(device)
    .bind(group)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read_place).transpose()
}

/// All places of a device where it has something to read: groups of which it is a member, and removals that it has not
/// acknowledged.
pub(crate) async fn list_places(
    conn: &mut Connection,
    device: DeviceId,
) -> Result<Vec<DevicePlace>, StorageError> {
    let rows = query(
        "select d.group_id, d.joined_seq, d.acknowledged_seq, d.removed_seq, g.head, g.closed_at from group_devices d
         join groups g on g.group_id = d.group_id
         where d.device_id = $1 and (d.removed_seq is null or d.acknowledged_seq < d.removed_seq)
         order by d.group_id limit $2",
    )
    .bind(device)
    .bind(2 * GROUPS_PER_ACCOUNT_MAX as u64)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read_place).collect()
}

fn read_place(row: &super::Row) -> Result<DevicePlace, StorageError> {
    let removed_seq: Option<u64> = row.get(3)?;
    let head: u64 = row.get(4)?;
    Ok(DevicePlace {
        group_id: row.get(0)?,
        joined_seq: row.get(1)?,
        acknowledged_seq: row.get(2)?,
        last: removed_seq.unwrap_or(head),
        removed: removed_seq.is_some(),
        closed: row.get::<Option<u64>>(5)?.is_some(),
    })
}

fn pair_key(pair: [AccountId; 2]) -> Vec<u8> {
    let mut sorted = pair;
    sorted.sort_unstable();
    sorted.iter().flat_map(|account| *account.as_bytes()).collect()
}

const fn kind_to_column(kind: GroupKind) -> i64 {
    match kind {
        GroupKind::Direct => 1,
        GroupKind::Many => 2,
    }
}

const fn kind_from_column(kind: i64) -> Option<GroupKind> {
    match kind {
        1 => Some(GroupKind::Direct),
        2 => Some(GroupKind::Many),
        _ => None,
    }
}
