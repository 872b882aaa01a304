//! The relay in one value: what every handler is given. Clones share everything.

use std::fs::DirBuilder;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use tokio::sync::watch;

use crate::acknowledgements::{self, Acknowledgements};
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::edge::addresses::AddressCounts;
use crate::live_sessions::LiveSessions;
use crate::mail::{MailError, Mailer};
use crate::posts::PostMarks;
use crate::rates::RateLimits;
use crate::secrets::{Purpose, Secrets};
use crate::socket::hub::Hub;
use crate::storage::writer::Writer;
use crate::storage::{Db, StorageError};
use crate::sweep;
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
    pub credentials: Credentials,
    pub blobs: Blobs,
    pub mailer: Mailer,
    pub sessions: LiveSessions,
    pub rates: RateLimits,
    pub hub: Arc<Hub>,
    pub acknowledgements: Acknowledgements,
    pub(crate) post_marks: PostMarks,
    pub(crate) writer: Writer,
    pub(crate) unauthenticated_sockets: Arc<AddressCounts>,
    drain: watch::Sender<bool>,
}

/// Why the relay could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data directory {path} can't be used: {cause}")]
    DataDir { path: String, cause: std::io::Error },
    #[error("the blob directory can't be used: {0}")]
    Blobs(std::io::Error),
    #[error("the relay's secrets can't be read or made: {0}")]
    Secrets(std::io::Error),
    #[error("mail can't be sent as configured: {0}")]
    Mail(#[from] MailError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl App {
    /// Opens data directory, secrets and database, and brings the schema up to date.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&config.data_dir)
            .map_err(|cause| StartError::DataDir { path: config.data_dir.display().to_string(), cause })?;
        let secrets = Secrets::open(&config.data_dir).map_err(StartError::Secrets)?;
        let relay_id = secrets.relay_id();
        let db = Db::open(&config.database).await?;
        let sessions = LiveSessions::load(&db).await?;
        let hub = Arc::new(Hub::default());
        let told = Arc::clone(&hub);
        let writer = Writer::start(
            db.clone(),
            clock.clone(),
            Box::new(move |group, entry| told.publish(group, &entry)),
        );
        let limits = &config.limits;
        let unauthenticated_sockets = AddressCounts::new(
            limits.unauthenticated_sockets_max,
            limits.unauthenticated_sockets_per_address_max,
        );
        let parts = Parts {
            hub,
            acknowledgements: Acknowledgements::default(),
            post_marks: PostMarks::new(secrets.hmac_key(Purpose::MessageDoubles)),
            writer,
            unauthenticated_sockets,
            access_tokens: AccessTokens::new(&secrets, relay_id),
            credentials: Credentials::open(&config.data_dir, &secrets).map_err(StartError::Secrets)?,
            blobs: Blobs::open(config.data_dir.join("blobs")).map_err(StartError::Blobs)?,
            mailer: Mailer::new(&config.mail, &config.data_dir)?,
            sessions,
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

    /// Starts what runs beside the requests: the writing of acknowledgements, sweeps, the pruning of limits.
    pub fn start(&self) {
        tokio::spawn(acknowledgements::run(self.clone()));
        tokio::spawn(sweep::run(self.clone()));
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
        acknowledgements::write(self).await;
        self.db.close().await;
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
