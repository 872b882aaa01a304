//! Removes what is over, a little at a time, between other writes (D-4, D-11). Every step may be repeated.

use protocol::UnixMillis;
use protocol::limits::DOUBLES_SECONDS;
use std::time::Duration;

use crate::app::App;
use crate::edge::begun;
use crate::storage::{StorageError, retention};

/// Sweeps at intervals, until the relay drains.
pub(crate) async fn run(app: App) {
    let pause = Duration::from_millis(app.config.timers.sweep_ms);
    let mut draining = app.draining();
    let mut round: u64 = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = begun(&mut draining) => return,
        }
        app.rates.prune();
        if let Err(error) = app.sweep().await {
            tracing::error!(%error, "a sweep failed; the next one goes on");
        }
        if let Err(error) = app.tidy(round).await {
            error.log("sweep");
        }
        round = round.wrapping_add(1);
    }
}

impl App {
    /// One sweep of the logs.
    pub async fn sweep(&self) -> Result<(), StorageError> {
        for reach in self.db.read(async |conn| retention::list_acknowledged(conn).await).await? {
            while self.db.write(async move |conn| retention::cut_acknowledged(conn, reach).await).await? {}
        }
        let now = self.clock.now().0;
        let ttl = UnixMillis(now.saturating_sub(self.config.message_ttl_seconds * 1000));
        while self.db.write(async move |conn| retention::cut_old(conn, ttl).await).await? {}
        let doubles = UnixMillis(now.saturating_sub(DOUBLES_SECONDS * 1000));
        while self.db.write(async move |conn| retention::delete_rows(conn, doubles).await).await? {}
        self.db.write(async |conn| retention::delete_welcomes(conn).await).await
    }
}
