//! Acknowledgements of sockets, gathered and written together: losing the last second of them in a crash makes the
//! relay send a few entries again, and nothing else (D-10).

use protocol::{DeviceId, GroupId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;
use crate::edge::begun;
use crate::storage::batch;

/// Cursors that wait to be written; one more is not taken, and its client acknowledges again later.
const WAITING_MAX: usize = 262_144;
/// Cursors of one transaction.
const BATCH_MAX: usize = 512;

/// The newest cursor of each device and group that is not written yet.
#[derive(Debug, Default)]
pub struct Acknowledgements {
    waiting: Mutex<HashMap<(DeviceId, GroupId), u64>>,
}

impl Acknowledgements {
    pub(crate) fn add(&self, device: DeviceId, group: GroupId, seq: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = waiting.len() < WAITING_MAX;
        match waiting.get_mut(&(device, group)) {
            Some(known) => *known = seq.max(*known),
            None if has_room => drop(waiting.insert((device, group), seq)),
            None => {}
        }
    }

    fn take(&self) -> HashMap<(DeviceId, GroupId), u64> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes what has gathered, every second, until the relay drains.
pub(crate) async fn run(app: App) {
    let pause = Duration::from_millis(app.config.timers.acknowledge_ms);
    let mut draining = app.draining();
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => write(&app).await,
            () = begun(&mut draining) => return,
        }
    }
}

/// Writes what has gathered.
pub(crate) async fn write(app: &App) {
    let mut waiting: Vec<_> =
        app.acknowledgements.take().into_iter().map(|((device, group), seq)| (device, group, seq)).collect();
    // In order of group, as everything that locks rows of several groups.
    waiting.sort_unstable_by_key(|(device, group, _)| (*group, *device));
    for chunk in waiting.chunks(BATCH_MAX) {
        let chunk = chunk.to_vec();
        let written = app.db.write(async move |conn| batch::update_acknowledged(conn, &chunk).await).await;
        if let Err(error) = written {
            tracing::error!(%error, "acknowledgements could not be written");
        }
    }
}
