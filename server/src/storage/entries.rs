//! The log of a group: one row per accepted post (D-1, D-2).

use protocol::groups::{CommitEnvelope, Entry, EntryKind, Gap};
use protocol::limits::{ENTRIES_PAGE_BYTES_MAX, ENTRIES_PAGE_MAX};
use protocol::values::Bytes;
use protocol::{ErrorCode, GroupId, UnixMillis};
use std::ops::ControlFlow;

use super::{Connection, Row, StorageError, query};

/// What finds doubles of a post (D-4): an HMAC over group, sender and message id, and a hash of what was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostMark {
    pub tag: [u8; 16],
    pub hash: [u8; 16],
}

/// Where a post with the same tag is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Double {
    pub seq: u64,
    pub received_at: UnixMillis,
    /// Of what was posted then.
    pub hash: [u8; 16],
}

/// A commit's row; messages are appended by the writer task.
pub(crate) struct NewCommit<'c> {
    pub(crate) group: GroupId,
    pub(crate) seq: u64,
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    pub(crate) mark: PostMark,
    pub(crate) content: &'c [u8],
    pub(crate) envelope: &'c CommitEnvelope,
}

/// A stretch of the log: entries in order without a gap between them, and the gap before the first one.
#[derive(Debug, Default)]
pub struct Stretch {
    pub entries: Vec<Entry>,
    pub gap: Option<Gap>,
}

/// The stored post with this tag, if any.
pub(crate) async fn find_double(
    conn: &mut Connection,
    tag: [u8; 16],
) -> Result<Option<Double>, StorageError> {
    let row = query("select seq, received_at, posted_hash from entries where double_tag = $1")
        .bind(tag)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(Double { seq: row.get(0)?, received_at: row.get(1)?, hash: row.get(2)? })).transpose()
}

pub(crate) async fn insert_commit(
    conn: &mut Connection,
    commit: &NewCommit<'_>,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into entries (group_id, seq, kind, epoch, received_at, double_tag, posted_hash, content, commit_envelope)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(commit.group)
    .bind(commit.seq)
    .bind(kind_to_column(commit.kind))
    .bind(commit.epoch)
    .bind(now)
    .bind(commit.mark.tag)
    .bind(commit.mark.hash)
    .bind(commit.content)
    .bind(protocol::socket::to_bytes(commit.envelope))
    .execute(conn)
    .await
    .map(|_| ())
}

/// Entries after `after` up to `last`, at most `max` and [`ENTRIES_PAGE_BYTES_MAX`] (a single larger one excepted).
/// What retention has cut shows as the gap before the first entry; the stretch ends before the next gap.
pub(crate) async fn list(
    conn: &mut Connection,
    group: GroupId,
    after: u64,
    last: u64,
    max: usize,
) -> Result<Stretch, StorageError> {
    let mut stretch = Stretch::default();
    let mut bytes = 0;
    let mut expected = after + 1;
    query(
        "select seq, kind, epoch, received_at, content, commit_envelope from entries
         where group_id = $1 and seq > $2 and seq <= $3 and content is not null order by seq limit $4",
    )
    .bind(group)
    .bind(after)
    .bind(last)
    .bind(max.min(ENTRIES_PAGE_MAX) as u64)
    .fetch_while(conn, |row| {
        let seq: u64 = row.get(0)?;
        let size = row.bytes(4)?.map_or(0, <[u8]>::len);
        if seq != expected {
            if !stretch.entries.is_empty() {
                return Ok(ControlFlow::Break(()));
            }
            stretch.gap = Some(Gap { from: expected, to: seq - 1 });
        }
        if !stretch.entries.is_empty() && bytes + size > ENTRIES_PAGE_BYTES_MAX {
            return Ok(ControlFlow::Break(()));
        }
        bytes += size;
        expected = seq + 1;
        stretch.entries.push(read_entry(row)?);
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    if stretch.entries.is_empty() && last > after {
        stretch.gap = Some(Gap { from: after + 1, to: last });
    }
    Ok(stretch)
}

fn read_entry(row: &Row) -> Result<Entry, StorageError> {
    let envelope = match row.bytes(5)? {
        Some(bytes) => {
            let envelope: CommitEnvelope =
                protocol::socket::from_bytes(bytes).map_err(|_| StorageError::Malformed { column: 5 })?;
            Some(envelope)
        }
        None => None,
    };
    Ok(Entry {
        seq: row.get(0)?,
        kind: kind_from_column(row.get(1)?).ok_or(StorageError::Malformed { column: 1 })?,
        epoch: row.get(2)?,
        received_at: row.get(3)?,
        content: Bytes::new(row.get::<Vec<u8>>(4)?).map_err(|_| StorageError::Malformed { column: 4 })?,
        commit: envelope,
    })
}

pub(crate) const fn kind_to_column(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::Message => 0,
        EntryKind::Commit => 1,
        EntryKind::ExternalCommit => 2,
    }
}

const fn kind_from_column(kind: i64) -> Option<EntryKind> {
    match kind {
        0 => Some(EntryKind::Message),
        1 => Some(EntryKind::Commit),
        2 => Some(EntryKind::ExternalCommit),
        _ => None,
    }
}

impl Double {
    /// The same post again is answered as before; the same id with other content is a conflict (D-4).
    pub fn answer(self, mark: PostMark) -> Result<(u64, UnixMillis), ErrorCode> {
        if self.hash == mark.hash {
            Ok((self.seq, self.received_at))
        } else {
            Err(ErrorCode::MessageConflict)
        }
    }
}
