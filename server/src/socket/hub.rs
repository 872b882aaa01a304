//! Who is online, by device, and which groups each of them hears. In process; the log has every entry, so nothing is
//! lost when a queue is full: the connection is marked behind and reads the log.

use bytes::Bytes;
use protocol::groups::{Cursor, Entry};
use protocol::limits::FRAME_CONTENT_BYTES_MAX;
use protocol::socket::{RelayFrame, close, to_bytes};
use protocol::values::List;
use protocol::{DeviceId, GroupId};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Notify;

use crate::mailbox::Mailbox;

/// Deliveries that wait for one connection (S-3).
const QUEUE_MAX: usize = 256;
/// Bytes of them.
const QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// What waits for a connection.
#[derive(Debug, Clone)]
pub(crate) enum Delivery {
    /// An entry, encoded once for everybody.
    Entry { group: GroupId, seq: u64, frame: Bytes },
    /// Another frame.
    Frame(Bytes),
    /// The device has a leaf since `seq`.
    Joined { group: GroupId, seq: u64 },
    /// The device's leaf is gone; up to its removal it may read.
    Left { group: GroupId },
}

/// The hub's end of one connection.
#[derive(Debug)]
pub(crate) struct Line {
    device: DeviceId,
    queue: Mailbox<Delivery>,
    queued_bytes: AtomicUsize,
    /// Something did not fit: the log must be read.
    behind: AtomicBool,
    /// A close code, once the connection must end; else 0.
    closing: AtomicU16,
    wake: Notify,
}

/// Everybody who is online at this relay.
#[derive(Debug, Default)]
pub struct Hub {
    online: RwLock<Online>,
}

#[derive(Debug, Default)]
struct Online {
    devices: HashMap<DeviceId, OnlineDevice>,
    groups: HashMap<GroupId, Vec<Arc<Line>>>,
}

#[derive(Debug)]
struct OnlineDevice {
    line: Arc<Line>,
    /// What it hears: the way back from `groups`.
    groups: HashSet<GroupId>,
}

impl Hub {
    /// A new connection of `device`; an older one of the same device is closed.
    pub(crate) fn connect(&self, device: DeviceId) -> Arc<Line> {
        let line = Arc::new(Line {
            device,
            queue: Mailbox::new(QUEUE_MAX),
            queued_bytes: AtomicUsize::new(0),
            behind: AtomicBool::new(false),
            closing: AtomicU16::new(0),
            wake: Notify::new(),
        });
        let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(older) = online.forget(device) {
            older.close(close::REPLACED);
        }
        online.devices.insert(device, OnlineDevice { line: Arc::clone(&line), groups: HashSet::new() });
        line
    }

    /// The connection hears the group from now on.
    pub(crate) fn listen(&self, group: GroupId, line: &Arc<Line>) {
        let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if online.devices.get(&line.device).is_some_and(|current| Arc::ptr_eq(&current.line, line)) {
            online.listen(group, line.device);
        }
    }

    /// The connection has ended.
    pub(crate) fn disconnect(&self, line: &Arc<Line>) {
        let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if online.devices.get(&line.device).is_some_and(|current| Arc::ptr_eq(&current.line, line)) {
            online.forget(line.device);
        }
    }

    /// Delivers a committed entry to whoever hears the group; encoded once.
    pub fn publish(&self, group: GroupId, entry: &Entry) {
        let online = self.online.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = online.groups.get(&group) else {
            return;
        };
        let frame = Bytes::from(to_bytes(&entry_frame(group, entry.clone())));
        for line in lines {
            line.deliver(Delivery::Entry { group, seq: entry.seq, frame: frame.clone() });
        }
    }

    /// The device has a leaf since `seq`.
    pub(crate) fn join(&self, group: GroupId, device: DeviceId, seq: u64) {
        let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = online.devices.get(&device) {
            device.line.deliver(Delivery::Joined { group, seq });
        }
        online.listen(group, device);
    }

    /// The device's leaf is gone.
    pub(crate) fn leave(&self, group: GroupId, device: DeviceId) {
        let mut online = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = online.devices.get(&device) {
            device.line.deliver(Delivery::Left { group });
        }
        online.ignore(group, device);
    }

    /// Sends a frame to one device, if it is online and its queue has room: hints only, nothing that must arrive.
    pub fn send(&self, device: DeviceId, frame: &RelayFrame) {
        let online = self.online.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(OnlineDevice { line, .. }) = online.devices.get(&device) {
            line.deliver(Delivery::Frame(Bytes::from(to_bytes(frame))));
        }
    }

    /// Sends a frame to every device that hears the group.
    pub fn send_to_group(&self, group: GroupId, frame: &RelayFrame) {
        let online = self.online.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = online.groups.get(&group) else {
            return;
        };
        let frame = Bytes::from(to_bytes(frame));
        for line in lines {
            line.deliver(Delivery::Frame(frame.clone()));
        }
    }

    /// Closes the device's connection at once with a code of `protocol::socket::close` (S-5).
    pub fn close(&self, device: DeviceId, code: u16) {
        let online = self.online.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(OnlineDevice { line, .. }) = online.devices.get(&device) {
            line.close(code);
        }
    }
}

/// The frame of one entry; what is too large goes by HTTP and is announced (S-3).
pub(crate) fn entry_frame(group_id: GroupId, entry: Entry) -> RelayFrame {
    let envelope = entry.commit.as_ref().map_or(0, |commit| commit.deltas.len());
    let cursor = Cursor { group_id, seq: entry.seq };
    if entry.content.len() + envelope > FRAME_CONTENT_BYTES_MAX {
        return RelayFrame::EntryWaiting(cursor);
    }
    match List::new(vec![entry]) {
        Ok(entries) => RelayFrame::Entries { group_id, entries },
        Err(_) => RelayFrame::EntryWaiting(cursor),
    }
}

impl Online {
    fn listen(&mut self, group: GroupId, device: DeviceId) {
        if let Some(online) = self.devices.get_mut(&device)
            && online.groups.insert(group)
        {
            self.groups.entry(group).or_default().push(Arc::clone(&online.line));
        }
    }

    fn ignore(&mut self, group: GroupId, device: DeviceId) {
        if let Some(online) = self.devices.get_mut(&device)
            && online.groups.remove(&group)
        {
            remove_line(&mut self.groups, group, &online.line);
        }
    }

    fn forget(&mut self, device: DeviceId) -> Option<Arc<Line>> {
        let OnlineDevice { line, groups } = self.devices.remove(&device)?;
        for group in groups {
            remove_line(&mut self.groups, group, &line);
        }
        Some(line)
    }
}

fn remove_line(groups: &mut HashMap<GroupId, Vec<Arc<Line>>>, group: GroupId, line: &Arc<Line>) {
    if let Some(lines) = groups.get_mut(&group) {
        lines.retain(|known| !Arc::ptr_eq(known, line));
        if lines.is_empty() {
            groups.remove(&group);
        }
    }
}

impl Line {
    fn deliver(&self, delivery: Delivery) {
        let size = delivery.size();
        let queued = self.queued_bytes.fetch_add(size, Ordering::Relaxed) + size;
        if queued > QUEUE_BYTES_MAX || self.queue.put(delivery).is_err() {
            self.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            self.behind.store(true, Ordering::Release);
            self.wake.notify_one();
        }
    }

    pub(crate) fn close(&self, code: u16) {
        self.closing.store(code, Ordering::Release);
        self.wake.notify_one();
    }

    /// Waits for the next delivery.
    pub(crate) async fn next(&self) -> Delivery {
        self.taken(self.queue.wait().await)
    }

    /// The next delivery, if one waits.
    pub(crate) fn take(&self) -> Option<Delivery> {
        self.queue.take().map(|delivery| self.taken(delivery))
    }

    fn taken(&self, delivery: Delivery) -> Delivery {
        self.queued_bytes.fetch_sub(delivery.size(), Ordering::Relaxed);
        delivery
    }

    /// Waits for [`Line::is_behind`] or [`Line::closing`] to change.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Whether something did not fit since the last call.
    pub(crate) fn was_behind(&self) -> bool {
        self.behind.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn closing(&self) -> Option<u16> {
        Some(self.closing.load(Ordering::Acquire)).filter(|code| *code != 0)
    }
}

impl Delivery {
    fn size(&self) -> usize {
        match self {
            Self::Entry { frame, .. } | Self::Frame(frame) => frame.len(),
            Self::Joined { .. } | Self::Left { .. } => 0,
        }
    }
}
