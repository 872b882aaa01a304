//! The live sessions, in memory: asked on every request, so that log-out and revocation take effect at once.

use protocol::{DeviceId, SessionId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::storage::{Db, StorageError, sessions};

/// How a session of this process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Live(DeviceId),
    /// Its tokens are told so until they are over.
    Over(Ended),
}

/// Why a session is over for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The device was signed out or removed.
    Revoked,
    /// The account was deleted.
    Deleted,
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
            Some(Standing::Over(_)) | None => None,
        }
    }

    /// Why the session is over for good. One that merely ended (a newer log-in, a re-used refresh token) is none of
    /// these: its device may sign in again.
    pub fn ended(&self, session: SessionId) -> Option<Ended> {
        match self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&session) {
            Some(Standing::Over(ended)) => Some(*ended),
            Some(Standing::Live(_)) | None => None,
        }
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
            Some(Standing::Over(_)) | None => None,
        }
    }

    /// After a committed revocation of the session's device.
    pub fn remove(&self, session: SessionId) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session, Standing::Over(Ended::Revoked));
    }

    /// After a committed revocation of a device, or deletion of its account.
    pub fn remove_device(&self, device: DeviceId, why: Ended) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        for standing in sessions.values_mut().filter(|standing| **standing == Standing::Live(device)) {
            *standing = Standing::Over(why);
        }
    }

    /// Forgets sessions that are over, whose tokens are over by now or soon refused as unknown.
    pub fn prune(&self) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, standing| matches!(standing, Standing::Live(_)));
    }
}
