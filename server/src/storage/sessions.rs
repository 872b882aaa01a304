//! Sessions: one family of refresh tokens of one device.

use protocol::{DeviceId, SessionId};

use super::{Connection, StorageError, query};

/// Every session that has not ended, of devices that are not revoked. Read once, at start.
pub(crate) async fn list_live(conn: &mut Connection) -> Result<Vec<(SessionId, DeviceId)>, StorageError> {
    let rows = query(
        "select s.session_id, s.device_id from sessions s
         join devices d on d.device_id = s.device_id
         where s.revoked_at is null and d.revoked_at is null",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
