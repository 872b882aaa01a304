//! What live sockets are told about accounts, and how sessions begin and end at once, in memory as in the database.

use protocol::{
    AccountId, DeviceId, SessionId,
    socket::{RelayFrame, close},
};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::error::ApiError;
use crate::live_sessions::Ended;
use crate::storage::account_deletion::Deleted;
use crate::storage::sessions::Session;
use crate::storage::{devices, groups};

/// A session that is known in memory before its transaction commits, so that a revocation that comes right after
/// finds it. Forgotten again unless it is kept.
pub(crate) struct BegunSession<'a> {
    app: &'a App,
    session: Option<SessionId>,
}

impl BegunSession<'_> {
    /// After the commit.
    pub(crate) fn keep(mut self) {
        self.session = None;
    }
}

impl Drop for BegunSession<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session {
            self.app.sessions.end(session);
        }
    }
}

impl App {
    /// Before the transaction that makes a session.
    pub(crate) fn begin_session(&self, session: &Session) -> BegunSession<'_> {
        self.sessions.insert(session.session_id, session.device_id);
        BegunSession { app: self, session: Some(session.session_id) }
    }

    /// After the committed end of one session: its socket must come back with another one.
    pub(crate) fn end_session(&self, session: SessionId) {
        if let Some(device) = self.sessions.end(session) {
            self.hub.close(device, close::TOKEN_EXPIRED);
        }
    }

    /// After the committed revocation of a device: no request and no socket of it goes on.
    pub(crate) fn revoke_device(&self, device: DeviceId) {
        self.sessions.remove_device(device, Ended::Revoked);
        self.hub.close(device, close::DEVICE_REVOKED);
    }

    /// After the committed deletion of an account: no request and no socket of it goes on, and whoever shared a group
    /// with it hears of it.
    pub(crate) fn end_account(&self, deleted: &Deleted) {
        for device in &deleted.devices {
            self.sessions.remove_device(*device, Ended::Deleted);
            self.hub.close(*device, close::ACCOUNT_DELETED);
        }
        for &group_id in &deleted.closed {
            self.hub.send_to_group(group_id, &RelayFrame::GroupClosed { group_id });
        }
    }

    /// Tells everybody who shares a group with the account, and its own devices, of a new device list. A hint: what
    /// it is about is committed, so a failure here fails nobody's request.
    pub(crate) async fn tell_device_list(&self, account_id: AccountId, version: u64) {
        let frame = RelayFrame::DeviceListChanged { account_id, version };
        let found = self
            .db
            .read(async |conn| {
                let groups = groups::list_ids_of_account(conn, account_id).await?;
                Ok::<_, ApiError>((groups, devices::list_live(conn, account_id).await?))
            })
            .await;
        match found {
            Ok((groups, own)) => {
                groups.into_iter().for_each(|group| self.hub.send_to_group(group, &frame));
                own.into_iter().for_each(|device| self.hub.send(device, &frame));
            }
            Err(error) => error.log("device list changed"),
        }
    }

    /// Tells the account's other devices of a change of its records.
    pub(crate) async fn tell_record(&self, caller: CallingDevice, frame: &RelayFrame) {
        match self.db.read(async |conn| devices::list_live(conn, caller.account_id).await).await {
            Ok(own) => own
                .into_iter()
                .filter(|device| *device != caller.device_id)
                .for_each(|device| self.hub.send(device, frame)),
            Err(error) => ApiError::from(error).log("record changed"),
        }
    }

    /// Tells a device to publish more key packages (D-12).
    pub(crate) fn tell_key_packages_low(&self, device: DeviceId, available: u64) {
        self.hub.send(device, &RelayFrame::KeyPackagesLow { available });
    }
}
