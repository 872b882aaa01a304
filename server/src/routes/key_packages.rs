//! Key packages: the calling device's stock, and claims of others' (D-12).

use axum::extract::State;
use protocol::{
    AccountId, DeviceId, ErrorCode, Facts, UnixMillis,
    device_list::DeviceList,
    key_packages::{
        ClaimKeyPackages, ClaimedKeyPackage, ClaimedKeyPackages, KeyPackageCount, PublishKeyPackages,
    },
    limits::{CLAIM_SECONDS, KEY_PACKAGES_BATCH_MAX, KEY_PACKAGES_LOW},
    values::{Bytes, List},
};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Cbor;
use crate::error::ApiError;
use crate::storage::accounts::StoredDeviceList;
use crate::storage::{Connection, accounts, devices, key_packages, tombstones};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// `POST /v1/key-packages`: stores fresh key packages of the calling device.
pub(crate) async fn publish(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<PublishKeyPackages>,
) -> Result<Cbor<KeyPackageCount>, ApiError> {
    let now = app.clock.now();
    let mut all = request.key_packages.iter().chain(&request.last_resort);
    if all.any(|bytes| bytes.is_empty()) {
        return Err(ApiError::detailed(ErrorCode::Malformed, "an empty key package"));
    }
    app.db
        .write(async |conn| {
            key_packages::insert_all(conn, device.device_id, &request.key_packages, now).await?;
            if let Some(last_resort) = &request.last_resort {
                key_packages::replace_last_resort(conn, device.device_id, last_resort, now).await?;
            }
            let available = key_packages::count(conn, device.device_id, now).await?;
            if available > KEY_PACKAGES_BATCH_MAX as u64 {
                return Err(ApiError::detailed(ErrorCode::LimitReached, "key packages of one device"));
            }
            Ok(Cbor(KeyPackageCount { available }))
        })
        .await
}

/// `GET /v1/key-packages/count`.
pub(crate) async fn count(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Cbor<KeyPackageCount>, ApiError> {
    let now = app.clock.now();
    let available = app.db.read(async |conn| key_packages::count(conn, device.device_id, now).await).await?;
    Ok(Cbor(KeyPackageCount { available }))
}

/// `POST /v1/key-packages/claim`: one per live device of the account but the calling one, all or nothing.
pub(crate) async fn claim(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<ClaimKeyPackages>,
) -> Result<Cbor<ClaimedKeyPackages>, ApiError> {
    let now = app.clock.now();
    let mark = app.credentials.tombstones.account(request.account_id);
    let (claimed, low) = app
        .db
        .write(async |conn| {
            let list = accounts::lock_device_list(conn, request.account_id).await?;
            let Some(list) = list else {
                return Err(tombstones::missing(conn, mark).await?.into());
            };
            if let Some(again) = repeated(conn, device.account_id, &request, now).await? {
                return Ok((answer(list, again)?, Vec::new()));
            }
            check_limits(&app, conn, device.account_id, request.account_id, now).await?;
            let taken = take(conn, device.device_id, request.account_id, &list, now).await?;
            key_packages::insert_claim(conn, device.account_id, request.claim_id, request.account_id, now)
                .await?;
            key_packages::insert_claimed(conn, device.account_id, request.claim_id, &taken).await?;
            let low = low_stocks(conn, &taken, now).await?;
            Ok::<_, ApiError>((answer(list, taken)?, low))
        })
        .await?;
    for (device, available) in low {
        app.tell_key_packages_low(device, available);
    }
    Ok(Cbor(claimed))
}

/// What this claim was given before, within the hour and while no commit has used it up.
async fn repeated(
    conn: &mut Connection,
    claimant: AccountId,
    request: &ClaimKeyPackages,
    now: UnixMillis,
) -> Result<Option<Vec<ClaimedKeyPackage>>, ApiError> {
    let Some(claim) = key_packages::find_claim(conn, claimant, request.claim_id).await? else {
        return Ok(None);
    };
    let over = now >= claim.claimed_at.plus_seconds(CLAIM_SECONDS);
    if claim.target != request.account_id || claim.closed || over {
        return Err(ErrorCode::IdempotencyConflict.into());
    }
    Ok(Some(key_packages::list_claimed(conn, claimant, request.claim_id).await?))
}

async fn check_limits(
    app: &App,
    conn: &mut Connection,
    claimant: AccountId,
    target: AccountId,
    now: UnixMillis,
) -> Result<(), ApiError> {
    let limits = &app.config.limits;
    let since = [HOUR_MS, DAY_MS].map(|window| UnixMillis(now.0.saturating_sub(window)));
    let (pair, all) = key_packages::count_claims(conn, claimant, target, since).await?;
    let wait = if pair >= limits.claims_per_pair_per_hour {
        3_600
    } else if all >= limits.claims_per_account_per_day {
        86_400
    } else {
        return Ok(());
    };
    Err(ApiError::with(ErrorCode::RateLimited, Facts { retry_after_seconds: Some(wait), ..Facts::default() }))
}

/// One of each device that is live in the signed list and at the relay.
async fn take(
    conn: &mut Connection,
    caller: DeviceId,
    target: AccountId,
    list: &StoredDeviceList,
    now: UnixMillis,
) -> Result<Vec<ClaimedKeyPackage>, ApiError> {
    let live = devices::list_live(conn, target).await?;
    let list = DeviceList::decode(&list.bytes).map_err(ApiError::internal)?;
    let mut taken = Vec::new();
    for entry in list.body.live().filter(|entry| entry.device != caller && live.contains(&entry.device)) {
        taken.extend(key_packages::take_one(conn, entry.device, now).await?);
    }
    Ok(taken)
}

/// Devices whose stock has run low, with what is left.
async fn low_stocks(
    conn: &mut Connection,
    taken: &[ClaimedKeyPackage],
    now: UnixMillis,
) -> Result<Vec<(DeviceId, u64)>, ApiError> {
    let mut low = Vec::new();
    for claimed in taken {
        let available = key_packages::count(conn, claimed.device_id, now).await?;
        if available < KEY_PACKAGES_LOW as u64 {
            low.push((claimed.device_id, available));
        }
    }
    Ok(low)
}

fn answer(list: StoredDeviceList, claimed: Vec<ClaimedKeyPackage>) -> Result<ClaimedKeyPackages, ApiError> {
    Ok(ClaimedKeyPackages {
        device_list: Bytes::new(list.bytes).map_err(ApiError::internal)?,
        key_packages: List::new(claimed).map_err(ApiError::internal)?,
    })
}
