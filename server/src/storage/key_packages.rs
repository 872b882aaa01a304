//! Key packages: each handed out once, oldest first, the last-resort one excepted (RFC 9420 §16.8, D-12).

use protocol::{
    AccountId, ClaimId, DeviceId, UnixMillis,
    key_packages::{ClaimedKeyPackage, KeyPackageBytes},
    limits::{CLAIM_SECONDS, KEY_PACKAGE_SECONDS, LAST_RESORT_SECONDS},
    values::Bytes,
};

use super::{Connection, Row, StorageError, query};

/// A claim as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub target: AccountId,
    pub claimed_at: UnixMillis,
    /// A commit used it up.
    pub closed: bool,
}

/// Adds one-use key packages to the device's stock.
pub async fn insert_all(
    conn: &mut Connection,
    device: DeviceId,
    key_packages: &[KeyPackageBytes],
    now: UnixMillis,
) -> Result<(), StorageError> {
    for bytes in key_packages {
        query("insert into key_packages (device_id, last_resort, bytes, expires_at) values ($1, 0, $2, $3)")
            .bind(device)
            .bind(&**bytes)
            .bind(now.plus_seconds(KEY_PACKAGE_SECONDS).0)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Replaces the device's last-resort key package.
pub async fn replace_last_resort(
    conn: &mut Connection,
    device: DeviceId,
    bytes: &KeyPackageBytes,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("delete from key_packages where device_id = $1 and last_resort = 1")
        .bind(device)
        .execute(conn)
        .await?;
    query("insert into key_packages (device_id, last_resort, bytes, expires_at) values ($1, 1, $2, $3)")
        .bind(device)
        .bind(&**bytes)
        .bind(now.plus_seconds(LAST_RESORT_SECONDS).0)
        .execute(conn)
        .await?;
    Ok(())
}

/// One-use key packages left.
pub async fn count(conn: &mut Connection, device: DeviceId, now: UnixMillis) -> Result<u64, StorageError> {
    let row = query(
        "select count(*) from key_packages where device_id = $1 and last_resort = 0 and expires_at > $2",
    )
    .bind(device)
    .bind(now.0)
    .fetch_one(conn)
    .await?;
    row.get(0)
}

/// Takes the oldest one-use key package of `device`, or gives its last-resort one, which stays. The caller holds the
/// lock on the account's row (`accounts::lock_device_list`), so that two claims never meet here.
pub async fn take_one(
    conn: &mut Connection,
    device: DeviceId,
    now: UnixMillis,
) -> Result<Option<ClaimedKeyPackage>, StorageError> {
    let one_use = query(
        "delete from key_packages where key_package_id = (select key_package_id from key_packages \
         where device_id = $1 and last_resort = 0 and expires_at > $2 order by key_package_id limit 1) \
         returning device_id, bytes, last_resort",
    )
    .bind(device)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    if let Some(row) = one_use {
        return claimed(&row).map(Some);
    }
    let last_resort = query(
        "select device_id, bytes, last_resort from key_packages \
         where device_id = $1 and last_resort = 1 and expires_at > $2",
    )
    .bind(device)
    .bind(now.0)
    .fetch_optional(conn)
    .await?;
    last_resort.map(|row| claimed(&row)).transpose()
}

pub async fn find_claim(
    conn: &mut Connection,
    claimant: AccountId,
    claim: ClaimId,
) -> Result<Option<Claim>, StorageError> {
    let row = query(
        "select target_account_id, claimed_at, closed_at from claims where claimant_account_id = $1 and claim_id = $2",
    )
    .bind(claimant)
    .bind(claim)
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let closed = row.get::<Option<u64>>(2)?.is_some();
        Ok(Claim { target: row.get(0)?, claimed_at: row.get(1)?, closed })
    })
    .transpose()
}

pub async fn insert_claim(
    conn: &mut Connection,
    claimant: AccountId,
    claim: ClaimId,
    target: AccountId,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query(
        "insert into claims (claimant_account_id, claim_id, target_account_id, claimed_at) values ($1, $2, $3, $4)",
    )
    .bind(claimant)
    .bind(claim)
    .bind(target)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what a claim was given, so that the same id gives it again.
pub async fn insert_claimed(
    conn: &mut Connection,
    claimant: AccountId,
    claim: ClaimId,
    key_packages: &[ClaimedKeyPackage],
) -> Result<(), StorageError> {
    for claimed in key_packages {
        query(
            "insert into claimed_key_packages (claimant_account_id, claim_id, device_id, last_resort, bytes) \
             values ($1, $2, $3, $4, $5)",
        )
        .bind(claimant)
        .bind(claim)
        .bind(claimed.device_id)
        .bind(claimed.last_resort)
        .bind(&*claimed.key_package)
        .execute(conn)
        .await?;
    }
    Ok(())
}

pub async fn list_claimed(
    conn: &mut Connection,
    claimant: AccountId,
    claim: ClaimId,
) -> Result<Vec<ClaimedKeyPackage>, StorageError> {
    let rows = query(
        "select device_id, bytes, last_resort from claimed_key_packages \
         where claimant_account_id = $1 and claim_id = $2 order by device_id limit 64",
    )
    .bind(claimant)
    .bind(claim)
    .fetch_all(conn)
    .await?;
    rows.iter().map(claimed).collect()
}

/// Claims since a moment: (on `target`, in all).
pub async fn count_claims(
    conn: &mut Connection,
    claimant: AccountId,
    target: AccountId,
    since: [UnixMillis; 2],
) -> Result<(u64, u64), StorageError> {
    let [pair_since, all_since] = since;
    let row = query(
        "select count(case when target_account_id = $2 and claimed_at > $3 then 1 end), \
         count(case when claimed_at > $4 then 1 end) from claims where claimant_account_id = $1",
    )
    .bind(claimant)
    .bind(target)
    .bind(pair_since.0)
    .bind(all_since.0)
    .fetch_one(conn)
    .await?;
    Ok((row.get(0)?, row.get(1)?))
}

/// Closes a claim that a commit used up (D-3). False: there is no such open claim of this account.
pub async fn close_claim(
    conn: &mut Connection,
    claimant: AccountId,
    claim: ClaimId,
    now: UnixMillis,
) -> Result<bool, StorageError> {
    let rows = query(
        "update claims set closed_at = $3 where claimant_account_id = $1 and claim_id = $2 and closed_at is null",
    )
    .bind(claimant)
    .bind(claim)
    .bind(now.0)
    .execute(conn)
    .await?;
    query("delete from claimed_key_packages where claimant_account_id = $1 and claim_id = $2")
        .bind(claimant)
        .bind(claim)
        .execute(conn)
        .await?;
    Ok(rows == 1)
}

/// Forgets expired key packages, what old claims were given, and claims that no longer count for any limit.
pub async fn delete_old(
    conn: &mut Connection,
    claims_before: UnixMillis,
    now: UnixMillis,
) -> Result<(), StorageError> {
    query("delete from key_packages where expires_at <= $1").bind(now.0).execute(conn).await?;
    query(
        "delete from claimed_key_packages where exists (select 1 from claims c \
         where c.claimant_account_id = claimed_key_packages.claimant_account_id \
         and c.claim_id = claimed_key_packages.claim_id and c.claimed_at < $1)",
    )
    .bind(now.0.saturating_sub(CLAIM_SECONDS * 1000))
    .execute(conn)
    .await?;
    query("delete from claims where claimed_at < $1").bind(claims_before.0).execute(conn).await?;
    Ok(())
}

fn claimed(row: &Row) -> Result<ClaimedKeyPackage, StorageError> {
    Ok(ClaimedKeyPackage {
        device_id: row.get(0)?,
        key_package: Bytes::new(row.get::<Vec<u8>>(1)?).map_err(|_| StorageError::Malformed { column: 1 })?,
        last_resort: row.get(2)?,
    })
}
