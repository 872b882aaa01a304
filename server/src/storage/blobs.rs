//! What the relay knows of blobs (F-9). Their bytes are files; the rows here are the truth about which of them count.

use protocol::{AccountId, BlobId, UnixMillis};

use super::{Connection, StorageError, query};

/// What an upload found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    Stored,
    /// The id is in use.
    Exists,
}

/// A blob as it is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct NewBlob {
    pub blob_id: BlobId,
    pub owner: AccountId,
    /// SHA-256 of the read capability.
    pub capability_hash: [u8; 32],
    pub size_bytes: u64,
}

/// Keeps a blob whose file is durable, with its uploader's reference.
pub async fn insert(conn: &mut Connection, new: &NewBlob, now: UnixMillis) -> Result<Insert, StorageError> {
    let NewBlob { blob_id: blob, owner, capability_hash, size_bytes } = *new;
    let rows = query(
        "insert into blobs (blob_id, capability_hash, size_bytes, created_at) values ($1, $2, $3, $4) \
         on conflict do nothing",
    )
    .bind(blob)
    .bind(capability_hash)
    .bind(size_bytes)
    .bind(now.0)
    .execute(conn)
    .await?;
    if rows == 0 {
        return Ok(Insert::Exists);
    }
    query("insert into blob_references (blob_id, account_id, created_at) values ($1, $2, $3)")
        .bind(blob)
        .bind(owner)
        .bind(now.0)
        .execute(conn)
        .await?;
    query("delete from blob_removals where blob_id = $1").bind(blob).execute(conn).await?;
    Ok(Insert::Stored)
}

/// SHA-256 of the blob's read capability.
pub async fn find_capability_hash(
    conn: &mut Connection,
    blob: BlobId,
) -> Result<Option<[u8; 32]>, StorageError> {
    let row =
        query("select capability_hash from blobs where blob_id = $1").bind(blob).fetch_optional(conn).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Takes back the reference of `owner`; the blob goes with its last one. `None`: no such reference.
/// `Some(true)`: the file is to be removed.
pub async fn take_reference(
    conn: &mut Connection,
    owner: AccountId,
    blob: BlobId,
    now: UnixMillis,
) -> Result<Option<bool>, StorageError> {
    let rows = query("delete from blob_references where blob_id = $1 and account_id = $2")
        .bind(blob)
        .bind(owner)
        .execute(conn)
        .await?;
    if rows == 0 {
        return Ok(None);
    }
    let rows = query(
        "delete from blobs where blob_id = $1 and not exists (select 1 from blob_references where blob_id = $1)",
    )
    .bind(blob)
    .execute(conn)
    .await?;
    if rows == 1 {
        query("insert into blob_removals (blob_id, removed_at) values ($1, $2) on conflict do nothing")
            .bind(blob)
            .bind(now.0)
            .execute(conn)
            .await?;
    }
    Ok(Some(rows == 1))
}

/// Files that are to go.
pub async fn list_removals(conn: &mut Connection) -> Result<Vec<BlobId>, StorageError> {
    let rows =
        query("select blob_id from blob_removals order by removed_at limit 256").fetch_all(conn).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The file of `blob` is gone.
pub async fn delete_removal(conn: &mut Connection, blob: BlobId) -> Result<(), StorageError> {
    query("delete from blob_removals where blob_id = $1").bind(blob).execute(conn).await?;
    Ok(())
}
