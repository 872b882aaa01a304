//! Forgets what is over: tickets, answers, rotated tokens, expired key packages, idle devices, files of blobs that
//! nothing names. Run by the sweep, never at start.

use std::time::{Duration, SystemTime};

use protocol::{
    BlobId, UnixMillis,
    audit::AuditKind,
    limits::{AUDIT_SECONDS, DEVICE_IDLE_SECONDS},
};

use crate::app::App;
use crate::error::ApiError;
use crate::storage::audit::{self, Event};
use crate::storage::{blobs, devices, email_codes, invites, key_packages, requests, sessions};

const DAY_MS: u64 = 86_400_000;
/// Rotated refresh tokens are recognised for so long, milliseconds.
const ROTATED_MS: u64 = 7 * DAY_MS;
/// A file without a row is left alone for so long: its upload may be about to end (F-14).
const QUARANTINE: Duration = Duration::from_secs(86_400);

/// Rows of accounts are tidied in one of so many rounds of the sweep: they change slowly.
const ROUNDS_BETWEEN: u64 = 60;

impl App {
    /// One round: what was to be removed, one folder of blobs, and now and then the rows of accounts.
    pub async fn tidy(&self, round: u64) -> Result<(), ApiError> {
        let [.., folder] = round.to_be_bytes();
        self.forget_blobs(folder).await?;
        if round.is_multiple_of(ROUNDS_BETWEEN) {
            self.sessions.prune();
            self.forget_identities().await?;
        }
        Ok(())
    }

    /// Rows of accounts that no longer mean anything, and devices that nobody has seen for 90 days (D-11).
    pub async fn forget_identities(&self) -> Result<(), ApiError> {
        let now = self.clock.now();
        let ago = |ms: u64| UnixMillis(now.0.saturating_sub(ms));
        let idle_since = ago(DEVICE_IDLE_SECONDS * 1000);
        let revoked = self
            .db
            .write(async |conn| {
                requests::delete_old(conn, ago(DAY_MS), now).await?;
                sessions::delete_old_tokens(conn, ago(ROTATED_MS), idle_since).await?;
                invites::delete_old(conn, now).await?;
                email_codes::delete_old(conn, now).await?;
                key_packages::delete_old(conn, ago(DAY_MS), now).await?;
                let idle = devices::list_idle(conn, idle_since).await?;
                for (account, device) in &idle {
                    if devices::revoke(conn, *account, *device, now).await? {
                        let event = Event::device(AuditKind::DeviceIdle, *device);
                        audit::insert(conn, *account, event, now).await?;
                    }
                }
                Ok::<_, ApiError>(idle)
            })
            .await?;
        for (_, device) in revoked {
            self.revoke_device(device);
        }
        self.cut_audit_logs(now).await
    }

    /// Rows of audit logs that are older than a year, and the chains of handles that nobody has.
    async fn cut_audit_logs(&self, now: UnixMillis) -> Result<(), ApiError> {
        let ago = |ms: u64| UnixMillis(now.0.saturating_sub(ms));
        self.db.write(async |conn| audit::delete_nobodys(conn, ago(DAY_MS)).await).await?;
        let old = ago(AUDIT_SECONDS * 1000);
        for account in self.db.read(async |conn| audit::list_old(conn, old).await).await? {
            self.db.write(async |conn| audit::cut_old(conn, account, old, now).await).await?;
        }
        Ok(())
    }

    /// Removes the files of blobs that have no row any more: those that were to go, and one folder's orphans.
    pub async fn forget_blobs(&self, folder: u8) -> Result<(), ApiError> {
        let removals = self.db.read(async |conn| blobs::list_removals(conn).await).await?;
        for blob in removals {
            self.remove_blob_file(blob).await?;
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now().0);
        for (blob, modified) in self.blobs.list_folder(folder).await.map_err(ApiError::internal)? {
            if now.duration_since(modified).is_ok_and(|age| age > QUARANTINE) {
                self.remove_blob_file(blob).await?;
            }
        }
        Ok(())
    }

    /// Removes the file of a blob, unless it has a row.
    pub(crate) async fn remove_blob_file(&self, blob: BlobId) -> Result<(), ApiError> {
        let _turn = self.blobs.turn(blob).await;
        let named = self.db.read(async |conn| blobs::find_capability_hash(conn, blob).await).await?;
        if named.is_none() {
            self.blobs.remove(blob).await.map_err(ApiError::internal)?;
            self.db.write(async |conn| blobs::delete_removal(conn, blob).await).await?;
        }
        Ok(())
    }
}
