//! The two ends of one conversation under load: one sends and hears what is on disk, the other receives and
//! acknowledges.

use std::{sync::Arc, time::Duration};

use protocol::{
    GroupId,
    groups::{Cursor, Entry, EntryKind},
    socket::{ClientFrame, RelayFrame},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    failure::Failure,
    measure::Latencies,
    message::{Messages, ON_THE_WAY_MAX, SentTimes, number_of, number_of_id},
    socket::Socket,
};

/// How long the last messages of a run may take to arrive.
const DRAIN: Duration = Duration::from_secs(10);
/// The timer of the runtime wakes up to so late: a message sent that soon after it was due counts from its sending.
const TIMER_STEP: Duration = Duration::from_millis(2);

/// What is measured: the time between the two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl Window {
    fn holds(self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}

/// When the next message goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as fewer than this many wait for the relay's word.
    InFlight(u64),
    /// One after each interval, whatever the relay does.
    Every { interval: Duration, first: Instant },
}

/// What the sender saw.
#[derive(Default)]
pub(crate) struct Sent {
    /// From sending to the relay's word that it is on disk.
    pub(crate) posted: Latencies,
    /// Messages of the open loop that found too many on the way.
    pub(crate) held_back: u64,
}

/// The sending end.
pub(crate) struct Sender {
    pub(crate) socket: Socket,
    pub(crate) messages: Messages,
    pub(crate) times: Arc<SentTimes>,
    pub(crate) pace: Pace,
    pub(crate) window: Window,
}

impl Sender {
    /// Sends until the window ends and everything sent is on disk; tells `total` how many that were.
    pub(crate) async fn run(mut self, total: watch::Sender<Option<u64>>) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        let (mut next, mut posted) = (0_u64, 0_u64);
        let give_up = self.window.until + DRAIN;
        loop {
            let now = Instant::now();
            let fed = next;
            while now < self.window.until && self.is_due(next, posted, now) {
                if next - posted >= ON_THE_WAY_MAX as u64 {
                    sent.held_back += 1;
                    break;
                }
                self.times.note(next, self.counts_from(next));
                self.socket.feed(&ClientFrame::Post(self.messages.post(next)?)).await?;
                next += 1;
            }
            if fed < next {
                self.socket.flush().await?;
            }
            if now >= self.window.until && posted == next {
                total.send_replace(Some(next));
                return Ok(sent);
            }
            let wake = self.wake_at(next, now).min(give_up);
            tokio::select! {
                frame = self.socket.next() => {
                    let mut frame = Some(frame?);
                    while let Some(known) = frame {
                        posted += self.hear(known, &mut sent).await?;
                        frame = self.socket.ready()?;
                    }
                }
                () = sleep_until(wake) => if Instant::now() >= give_up {
                    return Err(Failure::Timeout("the last answer"));
                },
            }
        }
    }

    fn is_due(&self, next: u64, posted: u64, now: Instant) -> bool {
        match self.pace {
            Pace::InFlight(most) => next - posted < most,
            Pace::Every { .. } => self.due_at(next) <= now,
        }
    }

    fn due_at(&self, number: u64) -> Instant {
        match self.pace {
            Pace::InFlight(_) => self.window.until,
            Pace::Every { interval, first } => first + interval.mul_f64(number as f64),
        }
    }

    /// A message that the generator itself sends late counts from when it was due, so that a stall of either side
    /// is not left out.
    fn counts_from(&self, number: u64) -> Instant {
        let now = Instant::now();
        match self.pace {
            Pace::Every { .. } if self.due_at(number) + TIMER_STEP < now => self.due_at(number),
            Pace::Every { .. } | Pace::InFlight(_) => now,
        }
    }

    fn wake_at(&self, next: u64, now: Instant) -> Instant {
        if now < self.window.until {
            self.due_at(next).min(self.window.until)
        } else {
            self.window.until + DRAIN
        }
    }

    /// How many messages the frame says are on disk.
    async fn hear(&mut self, frame: RelayFrame, sent: &mut Sent) -> Result<u64, Failure> {
        match frame {
            RelayFrame::Posted(posted) => {
                let sent_at = self.times.sent_at(number_of_id(posted.message_id));
                if self.window.holds(sent_at) {
                    sent.posted.add(sent_at.elapsed());
                }
                Ok(1)
            }
            RelayFrame::Refused { code, .. } | RelayFrame::Failed { code } => {
                Err(Failure::MessageRefused(code))
            }
            RelayFrame::Entries { group_id, entries } => {
                if let Some(last) = entries.last() {
                    let cursor = Cursor { group_id, seq: last.seq };
                    self.socket.acknowledge(cursor).await?;
                    self.socket.flush().await?;
                }
                Ok(0)
            }
            _ => Ok(0),
        }
    }
}

/// What the recipient saw.
#[derive(Default)]
pub(crate) struct Received {
    /// From sending to arrival.
    pub(crate) delivered: Latencies,
    /// Messages that arrived within the window, whenever they were sent.
    pub(crate) in_window: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
}

/// The receiving end.
pub(crate) struct Recipient {
    pub(crate) socket: Socket,
    pub(crate) group: GroupId,
    pub(crate) times: Arc<SentTimes>,
    pub(crate) window: Window,
}

impl Recipient {
    /// Receives and acknowledges until as many messages have come as `total` says.
    pub(crate) async fn run(mut self, mut total: watch::Receiver<Option<u64>>) -> Result<Received, Failure> {
        let mut received = Received::default();
        let mut expected = 0;
        let give_up = self.window.until + DRAIN;
        loop {
            if total.borrow().is_some_and(|total| total <= expected) {
                return Ok(received);
            }
            let is_told = total.borrow().is_some();
            let frame = tokio::select! {
                frame = timeout_at(give_up, self.socket.next()) => {
                    frame.map_err(|_| Failure::Timeout("the last delivery"))??
                }
                // Once told, the total stays as it is and the sender goes.
                changed = total.changed(), if !is_told => match changed {
                    Ok(()) => continue,
                    Err(_) => return Err(Failure::Connection("the sender stopped".into())),
                },
            };
            let mut frame = Some(frame);
            let mut seq = 0;
            while let Some(known) = frame {
                if let RelayFrame::Entries { entries, .. } = known {
                    for entry in entries.iter() {
                        seq = entry.seq;
                        self.take(entry, &mut expected, &mut received);
                    }
                }
                frame = self.socket.ready()?;
            }
            if seq > 0 {
                let cursor = Cursor { group_id: self.group, seq };
                self.socket.acknowledge(cursor).await?;
                self.socket.flush().await?;
            }
        }
    }

    fn take(&self, entry: &Entry, expected: &mut u64, received: &mut Received) {
        if entry.kind != EntryKind::Message {
            return;
        }
        let Some(number) = number_of(&entry.content) else {
            return;
        };
        let now = Instant::now();
        let sent_at = self.times.sent_at(number);
        if self.window.holds(sent_at) {
            received.delivered.add(now.saturating_duration_since(sent_at));
        }
        received.in_window += u64::from(self.window.holds(now));
        if number < *expected {
            received.doubled += 1;
        } else {
            received.lost += number - *expected;
            *expected = number + 1;
        }
    }
}
