//! The live sessions, in memory: asked on every request, so that log-out and revocation take effect at once.

use protocol::{DeviceId, SessionId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::storage::{Db, StorageError, sessions};

/// How a session of this process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Live(DeviceId),
    /// The device was signed out or removed; its tokens are told so until they are over.
    Revoked,
}

/// Session → device. The database has the truth; this follows each committed change.
#[derive(Debug, Default)]
pub struct LiveSessions {
    sessions: RwLock<HashMap<SessionId, Standing>>,
}

impl LiveSessions {
    /// All live sessions of the database.
    pub async fn load(db: &Db) -> Result<Self, StorageError> {
        let live = db.read(async |conn| sessions::list_live(conn).await).await?;
        let live = live.into_iter().map(|(session, device)| (session, Standing::Live(device)));
        Ok(Self { sessions: RwLock::new(live.collect()) })
    }

    /// The device of a live session.
    pub fn device(&self, session: SessionId) -> Option<DeviceId> {
        match self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&session) {
            Some(Standing::Live(device)) => Some(*device),
            Some(Standing::Revoked) | None => None,
        }
    }

    /// Whether the session ended because its device was revoked. A session that merely ended (a newer log-in, a
    /// re-used refresh token) is none of these: its device may sign in again.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&session) == Some(&Standing::Revoked)
    }

    /// Before a log-in commits: a revocation that comes right after it must find the session.
    pub fn insert(&self, session: SessionId, device: DeviceId) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session, Standing::Live(device));
    }

    /// After a committed end of one session; gives its device, whose sockets must close.
    pub fn end(&self, session: SessionId) -> Option<DeviceId> {
        match self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(&session) {
            Some(Standing::Live(device)) => Some(device),
            Some(Standing::Revoked) | None => None,
        }
    }

    /// After a committed revocation of the session's device.
    pub fn remove(&self, session: SessionId) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session, Standing::Revoked);
    }

    /// After a committed revocation of a device.
    pub fn remove_device(&self, device: DeviceId) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        for standing in sessions.values_mut().filter(|standing| **standing == Standing::Live(device)) {
            *standing = Standing::Revoked;
        }
    }

    /// Forgets revoked sessions, whose tokens are over by now or soon refused as unknown.
    pub fn prune(&self) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, standing| *standing != Standing::Revoked);
    }
}
