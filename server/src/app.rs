//! The relay in one value: what every handler is given. Clones share everything.

use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::live_sessions::LiveSessions;
use crate::rates::RateLimits;
use crate::secrets::Secrets;
use crate::storage::{Db, StorageError};
use crate::tokens::access::AccessTokens;
use protocol::RelayId;

#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] holds.
pub struct Parts {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    pub secrets: Secrets,
    pub relay_id: RelayId,
    pub access_tokens: AccessTokens,
    pub sessions: LiveSessions,
    pub rates: RateLimits,
    drain: watch::Sender<bool>,
}

/// Why the relay could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data directory {path} can't be used: {cause}")]
    DataDir { path: String, cause: std::io::Error },
    #[error("the relay's secrets can't be read or made: {0}")]
    Secrets(std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl App {
    /// Opens data directory, secrets and database, and brings the schema up to date.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        std::fs::create_dir_all(&config.data_dir).map_err(|cause| StartError::DataDir {
            path: config.data_dir.display().to_string(),
            cause,
        })?;
        let secrets = Secrets::open(&config.data_dir).map_err(StartError::Secrets)?;
        let relay_id = secrets.relay_id();
        let db = Db::open(&config.database).await?;
        let parts = Parts {
            access_tokens: AccessTokens::new(&secrets, relay_id),
            sessions: LiveSessions::load(&db).await?,
            rates: RateLimits::new(&config.limits.rates),
            drain: watch::channel(false).0,
            config,
            clock,
            db,
            secrets,
            relay_id,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Turns true when the relay goes down.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.drain.subscribe()
    }

    /// Tells everything to come to its end (S-7).
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// The last step of a drain: what waits is written, the database is closed.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
