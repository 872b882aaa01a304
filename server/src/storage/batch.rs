//! Statements over many rows: a batch of messages, gathered acknowledgements. Here the engines differ: SQLite gets rows as `VALUES` of a few fixed sizes
//! (the cost is per statement), PostgreSQL one statement over `UNNEST`ed columns. Both stand side by side.

use protocol::{DeviceId, GroupId, UnixMillis};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::entries::Double;
use super::value::{Value, query_built};
use super::writer::Append;
use super::{Connection, Engine, Query, StorageError, query};

/// Rows of one SQLite statement; the last is 1, so that every count is made up.
const CHUNKS: [usize; 3] = [64, 8, 1];

/// A group's place in its log while a batch is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupHead {
    pub(super) head: u64,
    pub(super) epoch: u64,
    pub(super) grace_until: UnixMillis,
    pub(super) closed: bool,
}

/// A message that was given its seq.
pub(super) struct NewEntry<'a> {
    pub(super) append: &'a Append,
    pub(super) seq: u64,
}

type Heads = HashMap<GroupId, GroupHead>;
type Members = HashSet<(GroupId, DeviceId)>;

/// Locks the groups, in order of id (else two relays wait for each other), and reads their heads and which of the
/// senders have a leaf now. SQLite's one writer connection is the lock.
pub(super) async fn load(
    conn: &mut Connection,
    senders: &[(GroupId, DeviceId)],
) -> Result<(Heads, Members), StorageError> {
    let rows = match conn.engine() {
        Engine::Sqlite => load_sqlite(conn, senders).await?,
        Engine::Postgres => load_postgres(conn, senders).await?,
    };
    let mut heads = HashMap::new();
    let mut members = HashSet::new();
    for row in rows {
        let group = row.get(0)?;
        members.insert((group, row.get(1)?));
        let closed = row.get::<Option<u64>>(5)?.is_some();
        let head = GroupHead { head: row.get(2)?, epoch: row.get(3)?, grace_until: row.get(4)?, closed };
        heads.insert(group, head);
    }
    Ok((heads, members))
}

async fn load_sqlite(
    conn: &mut Connection,
    senders: &[(GroupId, DeviceId)],
) -> Result<Vec<super::Row>, StorageError> {
    static SQL: LazyLock<[String; 3]> = LazyLock::new(|| {
        chunked(
            "with sender (group_id, device_id) as (",
            2,
            ") select g.group_id, d.device_id, g.head, g.epoch, g.grace_until, g.closed_at from sender s
             join group_devices d on d.group_id = s.group_id and d.device_id = s.device_id and d.removed_seq is null
             join groups g on g.group_id = s.group_id",
        )
    });
    let mut rows = Vec::with_capacity(senders.len());
    for (mut statement, chunk) in statements(&SQL, senders) {
        for (group, device) in chunk {
            statement.push(*group);
            statement.push(*device);
        }
        rows.extend(statement.fetch_all(conn).await?);
    }
    Ok(rows)
}

async fn load_postgres(
    conn: &mut Connection,
    senders: &[(GroupId, DeviceId)],
) -> Result<Vec<super::Row>, StorageError> {
    let groups = column(senders, |(group, _)| group.as_bytes());
    let devices = column(senders, |(_, device)| device.as_bytes());
    query("select 1 from groups where group_id = any ($1) order by group_id for update")
        .bind(groups.clone())
        .fetch_all(conn)
        .await?;
    query(
        "select g.group_id, d.device_id, g.head, g.epoch, g.grace_until, g.closed_at
         from unnest($1::bytea[], $2::bytea[]) as s (group_id, device_id)
         join group_devices d on d.group_id = s.group_id and d.device_id = s.device_id and d.removed_seq is null
         join groups g on g.group_id = s.group_id",
    )
    .bind(groups)
    .bind(devices)
    .fetch_all(conn)
    .await
}

/// Which of the tags are stored.
pub(super) async fn list_doubles(
    conn: &mut Connection,
    tags: &[[u8; 16]],
) -> Result<Vec<([u8; 16], Double)>, StorageError> {
    static SQL: LazyLock<[String; 3]> = LazyLock::new(|| {
        chunked("select double_tag, seq, received_at, posted_hash from entries where double_tag in (", 1, ")")
    });
    let rows = match conn.engine() {
        Engine::Sqlite => {
            let mut rows = Vec::new();
            for (mut statement, chunk) in statements(&SQL, tags) {
                for tag in chunk {
                    statement.push(*tag);
                }
                rows.extend(statement.fetch_all(conn).await?);
            }
            rows
        }
        Engine::Postgres => {
            query("select double_tag, seq, received_at, posted_hash from entries where double_tag = any ($1)")
                .bind(column(tags, |tag| tag))
                .fetch_all(conn)
                .await?
        }
    };
    rows.iter()
        .map(|row| {
            Ok((row.get(0)?, Double { seq: row.get(1)?, received_at: row.get(2)?, hash: row.get(3)? }))
        })
        .collect()
}

/// Moves the heads by as many entries as each group got.
pub(super) async fn update_heads(
    conn: &mut Connection,
    grown: &[(GroupId, u64)],
) -> Result<(), StorageError> {
    static SQL: LazyLock<[String; 3]> = LazyLock::new(|| {
        chunked(
            "with grown (group_id, entries) as (",
            2,
            ") update groups set head = head + grown.entries from grown where groups.group_id = grown.group_id",
        )
    });
    match conn.engine() {
        Engine::Sqlite => {
            for (mut statement, chunk) in statements(&SQL, grown) {
                for (group, entries) in chunk {
                    statement.push(*group);
                    statement.push(*entries);
                }
                statement.execute(conn).await?;
            }
        }
        Engine::Postgres => {
            query(
                "update groups set head = head + grown.entries
                 from unnest($1::bytea[], $2::bigint[]) as grown (group_id, entries)
                 where groups.group_id = grown.group_id",
            )
            .bind(column(grown, |(group, _)| group.as_bytes()))
            .bind(integers(grown, |(_, entries)| *entries))
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}

/// Appends the rows of a batch.
pub(super) async fn insert_messages(
    conn: &mut Connection,
    rows: &[NewEntry<'_>],
    now: UnixMillis,
) -> Result<(), StorageError> {
    static SQL: LazyLock<[String; 3]> = LazyLock::new(|| {
        chunked(
            "insert into entries (group_id, seq, kind, epoch, received_at, double_tag, posted_hash, content) ",
            8,
            "",
        )
    });
    match conn.engine() {
        Engine::Sqlite => {
            for (mut statement, chunk) in statements(&SQL, rows) {
                for row in chunk {
                    statement.push(row.append.group);
                    statement.push(row.seq);
                    statement.push(0_i64);
                    statement.push(row.append.epoch);
                    statement.push(now);
                    statement.push(row.append.mark.tag);
                    statement.push(row.append.mark.hash);
                    statement.push(row.append.ciphertext.as_slice());
                }
                statement.execute(conn).await?;
            }
        }
        Engine::Postgres => {
            query(
                "insert into entries (group_id, seq, kind, epoch, received_at, double_tag, posted_hash, content)
                 select group_id, seq, 0, epoch, $7, double_tag, posted_hash, content
                 from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
                 as fresh (group_id, seq, epoch, double_tag, posted_hash, content)",
            )
            .bind(column(rows, |row| row.append.group.as_bytes()))
            .bind(integers(rows, |row| row.seq))
            .bind(integers(rows, |row| row.append.epoch))
            .bind(column(rows, |row| &row.append.mark.tag))
            .bind(column(rows, |row| &row.append.mark.hash))
            .bind(column(rows, |row| &row.append.ciphertext))
            .bind(now)
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}

/// Moves cursors forward, never back, and never past the log (D-10).
pub(crate) async fn update_acknowledged(
    conn: &mut Connection,
    acknowledged: &[(DeviceId, GroupId, u64)],
) -> Result<(), StorageError> {
    static SQL: LazyLock<[String; 3]> = LazyLock::new(|| {
        chunked(
            "with reached (device_id, group_id, seq) as (",
            3,
            ") update group_devices set acknowledged_seq = reached.seq from reached
             where group_devices.device_id = reached.device_id and group_devices.group_id = reached.group_id
             and group_devices.acknowledged_seq < reached.seq
             and reached.seq <= (select head from groups g where g.group_id = reached.group_id)",
        )
    });
    match conn.engine() {
        Engine::Sqlite => {
            for (mut statement, chunk) in statements(&SQL, acknowledged) {
                for (device, group, seq) in chunk {
                    statement.push(*device);
                    statement.push(*group);
                    statement.push(*seq);
                }
                statement.execute(conn).await?;
            }
        }
        Engine::Postgres => {
            query(
                "update group_devices set acknowledged_seq = reached.seq
                 from unnest($1::bytea[], $2::bytea[], $3::bigint[]) as reached (device_id, group_id, seq)
                 where group_devices.device_id = reached.device_id and group_devices.group_id = reached.group_id
                 and group_devices.acknowledged_seq < reached.seq
                 and reached.seq <= (select head from groups g where g.group_id = reached.group_id)",
            )
            .bind(column(acknowledged, |(device, _, _)| device.as_bytes()))
            .bind(column(acknowledged, |(_, group, _)| group.as_bytes()))
            .bind(integers(acknowledged, |(_, _, seq)| *seq))
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}

/// The same statement for each size of [`CHUNKS`]: `VALUES ($1, $2), ($3, $4), …` of `columns` columns, or a plain list
/// of one column.
fn chunked(before: &str, columns: usize, after: &str) -> [String; 3] {
    CHUNKS.map(|rows| {
        let row = |row: usize| {
            let places: Vec<String> =
                (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
            places.join(", ")
        };
        let rows: Vec<String> =
            (0..rows).map(|at| if columns == 1 { row(at) } else { format!("({})", row(at)) }).collect();
        let values = if columns == 1 { "" } else { "values " };
        format!("{before}{values}{}{after}", rows.join(", "))
    })
}

/// Cuts `items` into chunks, each with its statement.
fn statements<'i, T>(
    sql: &'static [String; 3],
    items: &'i [T],
) -> impl Iterator<Item = (Query, &'i [T])> + use<'i, T> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let (size, text) = CHUNKS.iter().zip(sql).find(|(size, _)| **size <= rest.len())?;
        let (chunk, after) = rest.split_at(*size);
        rest = after;
        Some((query_built(text), chunk))
    })
}

fn column<T, B: AsRef<[u8]> + ?Sized>(items: &[T], bytes: impl Fn(&T) -> &B) -> Value {
    Value::BytesColumn(items.iter().map(|item| Some(bytes(item).as_ref().to_vec())).collect())
}

fn integers<T>(items: &[T], number: impl Fn(&T) -> u64) -> Value {
    Value::Integers(items.iter().map(|item| i64::try_from(number(item)).unwrap_or(i64::MAX)).collect())
}
