//! The live sessions, in memory: asked on every request, so that log-out and revocation take effect at once.

use protocol::{DeviceId, SessionId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::storage::{Db, StorageError, sessions};

/// Session → device. The database has the truth; this follows each committed change.
#[derive(Debug, Default)]
pub struct LiveSessions {
    devices: RwLock<HashMap<SessionId, DeviceId>>,
}

impl LiveSessions {
    /// All live sessions of the database.
    pub async fn load(db: &Db) -> Result<Self, StorageError> {
        let live = db.read(async |conn| sessions::list_live(conn).await).await?;
        Ok(Self {
            devices: RwLock::new(live.into_iter().collect()),
        })
    }

    /// The device of a live session.
    pub fn device(&self, session: SessionId) -> Option<DeviceId> {
        self.devices
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&session)
            .copied()
    }

    /// After a committed log-in.
    pub fn insert(&self, session: SessionId, device: DeviceId) {
        self.devices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session, device);
    }

    /// After a committed end of one session; gives its device, whose sockets must close.
    pub fn remove(&self, session: SessionId) -> Option<DeviceId> {
        self.devices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&session)
    }

    /// After a committed revocation of a device.
    pub fn remove_device(&self, device: DeviceId) {
        self.devices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, live| *live != device);
    }
}
