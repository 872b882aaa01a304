//! What stays of deleted accounts (`crate::tombstones`).

use protocol::ErrorCode;

use super::{Connection, StorageError, query};
use crate::tombstones::Mark;

/// Writes the marks of an account that is being deleted.
pub async fn insert_all(conn: &mut Connection, marks: &[Mark]) -> Result<(), StorageError> {
    for mark in marks {
        query("insert into tombstones (mark) values ($1) on conflict do nothing")
            .bind(*mark)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Whether one of the marks was left behind.
pub async fn exist(conn: &mut Connection, marks: &[Mark]) -> Result<bool, StorageError> {
    for mark in marks {
        let row = query("select 1 from tombstones where mark = $1").bind(*mark).fetch_optional(conn).await?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is told of an account that is not there: that it is gone, or nothing.
pub async fn missing(conn: &mut Connection, mark: Mark) -> Result<ErrorCode, StorageError> {
    let gone = exist(conn, &[mark]).await?;
    Ok(if gone { ErrorCode::AccountGone } else { ErrorCode::NotFound })
}
