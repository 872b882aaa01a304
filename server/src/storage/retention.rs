//! What the logs no longer need (D-11): content that every device has, messages past their time, and at last the rows
//! that only find doubles (D-4). Each call takes a bounded number of rows and says whether more may be left.

use protocol::{GroupId, UnixMillis};

use super::{Connection, StorageError, query};

/// Rows of one step; the writer's turn comes between two steps.
const STEP: u64 = 500;
/// Groups of one sweep; the rest comes in the next.
const GROUPS_MAX: u64 = 10_000;

/// Everything up to `seq` is at every device of the group that may read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    group: GroupId,
    cut_seq: u64,
    seq: u64,
}

/// Groups where content may go. Devices that were removed count until they have passed their removal; revoked ones
/// don't count.
pub(crate) async fn list_acknowledged(conn: &mut Connection) -> Result<Vec<Reach>, StorageError> {
    let rows = query(
        "select g.group_id, g.cut_seq, min(m.acknowledged_seq) from groups g
         join group_devices m on m.group_id = g.group_id
         join devices d on d.device_id = m.device_id and d.revoked_at is null
         where g.cut_seq < g.head and (m.removed_seq is null or m.acknowledged_seq < m.removed_seq)
         group by g.group_id, g.cut_seq having min(m.acknowledged_seq) > g.cut_seq limit $1",
    )
    .bind(GROUPS_MAX)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(Reach { group: row.get(0)?, cut_seq: row.get(1)?, seq: row.get(2)? })).collect()
}

/// Cuts the next content that every device has. True: more may be left.
pub(crate) async fn cut_acknowledged(conn: &mut Connection, reach: Reach) -> Result<bool, StorageError> {
    let cut: u64 = query("select cut_seq from groups where group_id = $1")
        .bind(reach.group)
        .fetch_one(conn)
        .await?
        .get(0)?;
    let last = reach.seq.min(cut.max(reach.cut_seq) + STEP);
    query(
        "update entries set content = null, commit_envelope = null
         where group_id = $1 and seq > $2 and seq <= $3 and content is not null",
    )
    .bind(reach.group)
    .bind(cut)
    .bind(last)
    .execute(conn)
    .await?;
    query("update groups set cut_seq = $2 where group_id = $1 and cut_seq < $2")
        .bind(reach.group)
        .bind(last)
        .execute(conn)
        .await?;
    Ok(last < reach.seq)
}

/// Cuts messages from before `before`; commits stay until every device has passed them. True: more may be left.
pub(crate) async fn cut_old(conn: &mut Connection, before: UnixMillis) -> Result<bool, StorageError> {
    let cut = query(
        "update entries set content = null where (group_id, seq) in (
             select group_id, seq from entries
             where received_at < $1 and kind = 0 and content is not null order by received_at limit $2)",
    )
    .bind(before)
    .bind(STEP)
    .execute(conn)
    .await?;
    Ok(cut == STEP)
}

/// Deletes rows without content from before `before`: a double of them would be taken as new. True: more may be left.
pub(crate) async fn delete_rows(conn: &mut Connection, before: UnixMillis) -> Result<bool, StorageError> {
    let deleted = query(
        "delete from entries where (group_id, seq) in (
             select group_id, seq from entries
             where received_at < $1 and content is null order by received_at limit $2)",
    )
    .bind(before)
    .bind(STEP)
    .execute(conn)
    .await?;
    Ok(deleted == STEP)
}

/// Deletes welcomes of revoked devices, and what no inbox holds any more.
pub(crate) async fn delete_welcomes(conn: &mut Connection) -> Result<(), StorageError> {
    query(
        "delete from welcomes where device_id in (select device_id from devices where revoked_at is not null)",
    )
    .execute(conn)
    .await?;
    query(
        "delete from welcome_contents where not exists (
             select 1 from welcomes w where w.group_id = welcome_contents.group_id and w.seq = welcome_contents.seq)",
    )
    .execute(conn)
    .await
    .map(|_| ())
}
