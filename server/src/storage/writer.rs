//! The one writer task: appends that wait are committed together (group commit), and answered after the commit.
//! It takes what is there, without a timer: while one batch is being synced, the next one gathers.

use protocol::groups::{Entry, EntryKind};
use protocol::values::Bytes;
use protocol::{DeviceId, GroupId, MessageId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::batch::{self, GroupHead, NewEntry};
use super::entries::{Double, PostMark};
use super::{Connection, Db, StorageError};
use crate::clock::Clock;
use crate::mailbox::Mailbox;

/// Appends that wait for their batch.
const QUEUE_MAX: usize = 8_192;
/// Bytes of ciphertext that wait for their batch.
const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Rows of one transaction.
const BATCH_MAX: usize = 512;
/// Bytes of ciphertext of one transaction; the append that passes this is its last.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// A message on its way into a log.
#[derive(Debug)]
pub struct Append {
    pub sender: DeviceId,
    pub group: GroupId,
    pub message: MessageId,
    pub epoch: u64,
    pub mark: PostMark,
    pub ciphertext: Vec<u8>,
}

/// On disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub seq: u64,
    pub received_at: UnixMillis,
}

/// Why a message was not taken.
#[derive(Debug, Clone)]
pub enum AppendError {
    /// The sender has no leaf in the group, or there is no such group.
    NotAMember,
    /// The other account of this direct group was deleted.
    Closed,
    /// The group has moved on (D-6).
    StaleEpoch { epoch: u64, head: u64 },
    /// The id is stored with other content (D-4).
    Conflict { seq: u64 },
    /// The batch failed: nothing of it is stored, or nobody knows.
    Failed(Arc<StorageError>),
}

pub type AppendOutcome = Result<Appended, AppendError>;

/// The outcome of one post.
pub(crate) type Answer = (MessageId, GroupId, AppendOutcome);

/// Where the outcome goes: one waiting request, or the connection of a socket.
#[derive(Debug)]
pub(crate) enum Reply {
    Once(oneshot::Sender<AppendOutcome>),
    /// The mailbox has room for every post that the connection has in flight.
    Socket(Arc<Mailbox<Answer>>),
}

/// Told of every committed message, in order of each log.
pub type Publish = Box<dyn Fn(GroupId, Entry) + Send + Sync>;

/// The way to the writer task. Clones share it; the task ends when all are gone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

#[derive(Debug)]
struct Waiting {
    append: Append,
    reply: Reply,
    /// Of [`QUEUE_BYTES_MAX`]; given back when the batch is over.
    _bytes: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the task.
    pub fn start(db: Db, clock: Clock, publish: Publish) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(Task { db, clock, publish }, waiting));
        Self { queue, bytes: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)) }
    }

    /// Queues a message; the outcome comes by `reply`. Refused at once when the queue is full.
    pub(crate) fn append(&self, append: Append, reply: Reply) -> Result<(), StorageError> {
        let size = u32::try_from(append.ciphertext.len()).map_err(|_| StorageError::Overloaded)?;
        let bytes =
            Arc::clone(&self.bytes).try_acquire_many_owned(size).map_err(|_| StorageError::Overloaded)?;
        self.queue.try_send(Waiting { append, reply, _bytes: bytes }).map_err(|error| match error {
            TrySendError::Full(_) => StorageError::Overloaded,
            TrySendError::Closed(_) => StorageError::Closed,
        })
    }
}

struct Task {
    db: Db,
    clock: Clock,
    publish: Publish,
}

async fn run(task: Task, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while let Some(first) = waiting.recv().await {
        batch.push(first);
        commit_batch(&task, &mut waiting, &mut batch).await;
        batch.clear();
    }
}

/// Waits for the turn on the connection, then takes what has gathered meanwhile.
async fn commit_batch(task: &Task, waiting: &mut mpsc::Receiver<Waiting>, batch: &mut Vec<Waiting>) {
    let begun = task.db.begin().await;
    let mut bytes: usize = batch.iter().map(|waiting| waiting.append.ciphertext.len()).sum();
    while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += next.append.ciphertext.len();
        batch.push(next);
    }
    let now = task.clock.now();
    let written = match begun {
        Ok(mut conn) => match write(&mut conn, batch, now).await {
            // Only the commit makes it durable; after a failure here nobody knows, and nothing is acknowledged.
            Ok(outcomes) => conn.commit().await.map(|()| outcomes),
            Err(error) => {
                conn.roll_back().await;
                Err(error)
            }
        },
        Err(error) => Err(error),
    };
    match written {
        Ok(outcomes) => answer(task, batch, outcomes, now),
        Err(error) => {
            tracing::error!(%error, rows = batch.len(), "a batch of messages failed");
            let error = Arc::new(error);
            for waiting in batch.drain(..) {
                waiting.reply.send(
                    waiting.append.message,
                    waiting.append.group,
                    Err(AppendError::Failed(Arc::clone(&error))),
                );
            }
        }
    }
}

/// Decides each append in order and writes what is taken (D-4, D-6, D-8a).
async fn write(
    conn: &mut Connection,
    batch: &[Waiting],
    now: UnixMillis,
) -> Result<Vec<Decided>, StorageError> {
    let senders: BTreeSet<_> =
        batch.iter().map(|waiting| (waiting.append.group, waiting.append.sender)).collect();
    let senders: Vec<_> = senders.into_iter().collect();
    let (mut heads, members) = batch::load(conn, &senders).await?;
    let tags: Vec<_> = batch.iter().map(|waiting| waiting.append.mark.tag).collect();
    let mut doubles: HashMap<[u8; 16], Double> =
        batch::list_doubles(conn, &tags).await?.into_iter().collect();
    let mut grown: BTreeMap<GroupId, u64> = BTreeMap::new();
    let mut rows = Vec::with_capacity(batch.len());
    let mut decided = Vec::with_capacity(batch.len());
    for waiting in batch {
        let append = &waiting.append;
        if let Some(double) = doubles.get(&append.mark.tag) {
            decided.push(Decided::Double(*double));
            continue;
        }
        let is_member = members.contains(&(append.group, append.sender));
        let outcome = match heads.get_mut(&append.group).filter(|_| is_member) {
            None => Err(AppendError::NotAMember),
            Some(head) => head.take(append.epoch, now),
        };
        if let Ok(seq) = outcome {
            *grown.entry(append.group).or_default() += 1;
            doubles.insert(append.mark.tag, Double { seq, received_at: now, hash: append.mark.hash });
            rows.push(NewEntry { append, seq });
        }
        decided.push(Decided::New(outcome));
    }
    let grown: Vec<_> = grown.into_iter().collect();
    batch::update_heads(conn, &grown).await?;
    batch::insert_messages(conn, &rows, now).await?;
    Ok(decided)
}

enum Decided {
    New(Result<u64, AppendError>),
    /// Stored before, or earlier in the batch.
    Double(Double),
}

impl GroupHead {
    /// The next seq for a message of `epoch`, if the group takes it now (D-6).
    fn take(&mut self, epoch: u64, now: UnixMillis) -> Result<u64, AppendError> {
        if self.closed {
            return Err(AppendError::Closed);
        }
        let in_grace = self.epoch.checked_sub(1) == Some(epoch) && now < self.grace_until;
        if epoch != self.epoch && !in_grace {
            return Err(AppendError::StaleEpoch { epoch: self.epoch, head: self.head });
        }
        self.head += 1;
        Ok(self.head)
    }
}

fn answer(task: &Task, batch: &mut Vec<Waiting>, decided: Vec<Decided>, now: UnixMillis) {
    for (waiting, decided) in batch.drain(..).zip(decided) {
        let Append { group, message, mark, epoch, ciphertext, .. } = waiting.append;
        let outcome = match decided {
            Decided::New(Err(error)) => Err(error),
            Decided::Double(double) => match double.answer(mark) {
                Ok((seq, received_at)) => Ok(Appended { seq, received_at }),
                Err(_) => Err(AppendError::Conflict { seq: double.seq }),
            },
            Decided::New(Ok(seq)) => {
                waiting.reply.send(message, group, Ok(Appended { seq, received_at: now }));
                if let Ok(content) = Bytes::new(ciphertext) {
                    let kind = EntryKind::Message;
                    (task.publish)(
                        group,
                        Entry { seq, kind, epoch, received_at: now, content, commit: None },
                    );
                }
                continue;
            }
        };
        waiting.reply.send(message, group, outcome);
    }
}

impl Reply {
    /// Whoever waited may be gone; the entry is in the log all the same.
    fn send(self, message: MessageId, group: GroupId, outcome: AppendOutcome) {
        match self {
            Self::Once(reply) => drop(reply.send(outcome)),
            Self::Socket(replies) => drop(replies.put((message, group, outcome))),
        }
    }
}
