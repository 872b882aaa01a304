//! Inboxes: the welcomes that devices have not taken yet (D-2).

use protocol::groups::StoredWelcome;
use protocol::limits::WELCOMES_PAGE_MAX;
use protocol::values::Bytes;
use protocol::{DeviceId, GroupId, UnixMillis, WelcomeId};

use super::{Connection, StorageError, query};

/// Pending welcomes that a socket announces at its start; the rest shows when the inbox is read.
const ANNOUNCED_MAX: u64 = 256;

/// Keeps a welcome once for all devices that it is for.
pub(crate) async fn insert_content(
    conn: &mut Connection,
    group: GroupId,
    seq: u64,
    welcome: &[u8],
) -> Result<(), StorageError> {
    query("insert into welcome_contents (group_id, seq, bytes) values ($1, $2, $3)")
        .bind(group)
        .bind(seq)
        .bind(welcome)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Puts it into one inbox.
pub(crate) async fn insert(
    conn: &mut Connection,
    device: DeviceId,
    welcome: WelcomeId,
    place: (GroupId, u64),
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into welcomes (welcome_id, device_id, group_id, seq, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(welcome)
    .bind(device)
    .bind(place.0)
    .bind(place.1)
    .bind(now)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The inbox, oldest first; at least one and then as many as fit a body.
pub(crate) async fn list(
    conn: &mut Connection,
    device: DeviceId,
) -> Result<Vec<StoredWelcome>, StorageError> {
    let mut welcomes: Vec<StoredWelcome> = Vec::new();
    let mut bytes = 0;
    query(
        "select w.welcome_id, w.group_id, w.seq, c.bytes from welcomes w
         join welcome_contents c on c.group_id = w.group_id and c.seq = w.seq
         where w.device_id = $1 order by w.place limit $2",
    )
    .bind(device)
    .bind(WELCOMES_PAGE_MAX as u64)
    .fetch_while(conn, |row| {
        let size = row.bytes(3)?.map_or(0, <[u8]>::len);
        if !welcomes.is_empty() && bytes + size > protocol::limits::WELCOME_BYTES_MAX {
            return Ok(std::ops::ControlFlow::Break(()));
        }
        bytes += size;
        welcomes.push(StoredWelcome {
            welcome_id: row.get(0)?,
            group_id: row.get(1)?,
            seq: row.get(2)?,
            welcome: Bytes::new(row.get::<Vec<u8>>(3)?).map_err(|_| StorageError::Malformed { column: 3 })?,
        });
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .await?;
    Ok(welcomes)
}

/// What waits in the inbox, without the bytes.
pub(crate) async fn list_waiting(
    conn: &mut Connection,
    device: DeviceId,
) -> Result<Vec<(WelcomeId, GroupId)>, StorageError> {
    let rows =
        query("select welcome_id, group_id from welcomes where device_id = $1 order by place limit $2")
            .bind(device)
            .bind(ANNOUNCED_MAX)
            .fetch_all(conn)
            .await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Takes one out of the device's inbox; its content goes with the last inbox that held it. False: it was not there.
pub(crate) async fn delete(
    conn: &mut Connection,
    device: DeviceId,
    welcome: WelcomeId,
) -> Result<bool, StorageError> {
    let row = query("delete from welcomes where welcome_id = $1 and device_id = $2 returning group_id, seq")
        .bind(welcome)
        .bind(device)
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(false) };
    query(
        "delete from welcome_contents where group_id = $1 and seq = $2
         and not exists (select 1 from welcomes w where w.group_id = $1 and w.seq = $2)",
    )
    .bind(row.get::<GroupId>(0)?)
    .bind(row.get::<u64>(1)?)
    .execute(conn)
    .await?;
    Ok(true)
}

/// A device that left a group, or was revoked, needs none of its welcomes.
pub(crate) async fn delete_of_group(
    conn: &mut Connection,
    device: DeviceId,
    group: GroupId,
) -> Result<(), StorageError> {
    query("delete from welcomes where device_id = $1 and group_id = $2")
        .bind(device)
        .bind(group)
        .execute(conn)
        .await
        .map(|_| ())
}
