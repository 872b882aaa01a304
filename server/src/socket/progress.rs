//! How far a connection has come in each of its groups: what may be sent now, what must be read from the log first,
//! and how much credit is left (S-2, S-3). Decides; sends nothing.

use protocol::GroupId;
use protocol::groups::{Cursor, Gap};
use protocol::limits::CREDIT_ENTRIES;
use std::collections::{HashMap, VecDeque};

/// One connection's place in all its groups.
#[derive(Debug, Default)]
pub(super) struct Progress {
    places: HashMap<GroupId, Place>,
    /// Groups whose log must be read, in turn.
    unread: VecDeque<GroupId>,
    /// Entries sent and not acknowledged, of all groups.
    unacknowledged: u64,
}

#[derive(Debug)]
struct Place {
    sent: u64,
    acknowledged: u64,
    is_unread: bool,
    /// The end of a gap that the client has not confirmed; nothing of the group is sent before it does.
    gap: Option<u64>,
}

/// What to do with an entry that arrives live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Send,
    /// Sent before, or nothing of ours; or it comes by the log in its turn.
    Skip,
}

/// The next stretch to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) group: GroupId,
    pub(super) after: u64,
    pub(super) max: usize,
}

impl Progress {
    /// Opens a group from a cursor, knowing that its log has come to `last`. A group that is open stays where it is.
    pub(super) fn open(&mut self, group: GroupId, cursor: u64, last: u64) {
        let place = Place { sent: cursor, acknowledged: cursor, is_unread: false, gap: None };
        let sent = self.places.entry(group).or_insert(place).sent;
        if sent < last {
            self.read_again(group);
        }
    }

    /// Something may be missing: the log is read from where we are.
    pub(super) fn read_again(&mut self, group: GroupId) {
        if let Some(place) = self.places.get_mut(&group)
            && !place.is_unread
        {
            place.is_unread = true;
            self.unread.push_back(group);
        }
    }

    /// A leaf that was lost and found again: the cursor starts at the commit that added it.
    pub(super) fn joined(&mut self, group: GroupId, seq: u64) {
        let behind = self.places.get(&group).is_none_or(|place| place.sent < seq);
        if behind {
            self.close(group);
        }
        self.open(group, seq, seq);
        // Entries may have come between the commit and this word of it.
        self.read_again(group);
    }

    pub(super) fn close(&mut self, group: GroupId) {
        if let Some(place) = self.places.remove(&group) {
            self.unacknowledged -= place.sent - place.acknowledged;
            self.unread.retain(|unread| *unread != group);
        }
    }

    /// Takes an entry that arrives live: sent if it is the very next one and there is credit.
    pub(super) fn offer(&mut self, group: GroupId, seq: u64) -> Offer {
        let has_credit = self.has_credit();
        let Some(place) = self.places.get_mut(&group) else {
            return Offer::Skip;
        };
        if seq <= place.sent || place.is_unread {
            return Offer::Skip;
        }
        if seq == place.sent + 1 && place.gap.is_none() && has_credit {
            place.sent = seq;
            self.unacknowledged += 1;
            return Offer::Send;
        }
        self.read_again(group);
        Offer::Skip
    }

    /// The next stretch of the log to read, if there is credit for it.
    pub(super) fn work(&mut self) -> Option<Work> {
        let credit = (CREDIT_ENTRIES as u64).checked_sub(self.unacknowledged).filter(|credit| *credit > 0)?;
        for _ in 0..self.unread.len() {
            let group = *self.unread.front()?;
            self.unread.rotate_left(1);
            if let Some(place) = self.places.get(&group).filter(|place| place.gap.is_none()) {
                return Some(Work {
                    group,
                    after: place.sent,
                    max: usize::try_from(credit).unwrap_or(usize::MAX),
                });
            }
        }
        None
    }

    /// Entries up to `seq` were sent; `count` of them take credit.
    pub(super) fn sent(&mut self, group: GroupId, seq: u64) {
        if let Some(place) = self.places.get_mut(&group)
            && seq > place.sent
        {
            self.unacknowledged += seq - place.sent;
            place.sent = seq;
        }
    }

    /// The log was read to its end: from here on entries come live.
    pub(super) fn read_to_end(&mut self, group: GroupId) {
        if let Some(place) = self.places.get_mut(&group) {
            place.is_unread = false;
            self.unread.retain(|unread| *unread != group);
        }
    }

    /// A gap was told; the client must confirm it.
    pub(super) fn gap(&mut self, group: GroupId, gap: Gap) {
        if let Some(place) = self.places.get_mut(&group) {
            place.gap = Some(gap.to);
        }
    }

    /// The client has noted the gap: its group goes on behind it. False: no such gap was told.
    pub(super) fn confirm_gap(&mut self, cursor: Cursor) -> bool {
        let Some(place) = self.places.get_mut(&cursor.group_id).filter(|place| place.gap == Some(cursor.seq))
        else {
            return false;
        };
        self.unacknowledged -= place.sent - place.acknowledged;
        place.gap = None;
        place.sent = cursor.seq;
        place.acknowledged = cursor.seq;
        self.read_again(cursor.group_id);
        true
    }

    /// Frees credit. Gives the cursor to keep, if it says anything new: never beyond what was sent (D-10).
    pub(super) fn acknowledge(&mut self, cursor: Cursor) -> Option<Cursor> {
        let place = self.places.get_mut(&cursor.group_id)?;
        let seq = cursor.seq.min(place.sent);
        if seq <= place.acknowledged {
            return None;
        }
        self.unacknowledged -= seq - place.acknowledged;
        place.acknowledged = seq;
        Some(Cursor { group_id: cursor.group_id, seq })
    }

    /// Whether [`Progress::work`] has something to do now.
    pub(super) fn has_work(&self) -> bool {
        self.has_credit() && self.unread.iter().any(|group| !self.is_held(group))
    }

    fn has_credit(&self) -> bool {
        self.unacknowledged < CREDIT_ENTRIES as u64
    }

    /// A gap waits to be confirmed.
    fn is_held(&self, group: &GroupId) -> bool {
        self.places.get(group).is_some_and(|place| place.gap.is_some())
    }

    /// Nothing waits to be read: what follows is live.
    pub(super) fn is_caught_up(&self) -> bool {
        self.unread.is_empty()
    }

    /// Something waits, and only the client can make room for it.
    pub(super) fn is_stalled(&self) -> bool {
        !self.unread.is_empty() && !self.has_work()
    }

    pub(super) fn groups(&self) -> Vec<GroupId> {
        self.places.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, Progress};
    use protocol::GroupId;
    use protocol::groups::{Cursor, Gap};
    use protocol::limits::CREDIT_ENTRIES;

    const GROUP: GroupId = GroupId::from_bytes([1; 16]);

    fn cursor(seq: u64) -> Cursor {
        Cursor { group_id: GROUP, seq }
    }

    /// A group that has been read to its end at `seq`.
    fn live(seq: u64) -> Progress {
        let mut progress = Progress::default();
        progress.open(GROUP, seq, seq);
        progress
    }

    #[test]
    fn a_live_entry_is_sent_once_and_in_order() {
        let mut progress = live(4);

        assert_eq!(progress.offer(GROUP, 5), Offer::Send);
        assert_eq!(progress.offer(GROUP, 5), Offer::Skip);
        assert!(progress.work().is_none());
    }

    #[test]
    fn an_entry_ahead_of_its_turn_is_left_to_the_log() {
        let mut progress = live(4);

        assert_eq!(progress.offer(GROUP, 6), Offer::Skip);

        let work = progress.work().unwrap();
        assert_eq!((work.after, work.max), (4, CREDIT_ENTRIES));
        progress.sent(GROUP, 6);
        progress.read_to_end(GROUP);
        assert_eq!(progress.offer(GROUP, 7), Offer::Send);
    }

    #[test]
    fn without_credit_nothing_is_sent_until_something_is_acknowledged() {
        let mut progress = live(0);
        let window = CREDIT_ENTRIES as u64;
        for seq in 1..=window {
            assert_eq!(progress.offer(GROUP, seq), Offer::Send);
        }

        assert_eq!(progress.offer(GROUP, window + 1), Offer::Skip);
        assert!(progress.work().is_none() && !progress.has_work() && progress.is_stalled());

        assert_eq!(progress.acknowledge(cursor(10)), Some(cursor(10)));
        let work = progress.work().unwrap();
        assert_eq!((work.after, work.max), (window, 10));
    }

    #[test]
    fn acknowledging_more_than_was_sent_counts_as_what_was_sent() {
        let mut progress = live(4);
        progress.offer(GROUP, 5);

        assert_eq!(progress.acknowledge(cursor(99)), Some(cursor(5)));
        assert_eq!(progress.acknowledge(cursor(3)), None);
    }

    #[test]
    fn a_gap_holds_its_group_until_it_is_confirmed() {
        let mut progress = Progress::default();
        progress.open(GROUP, 0, 9);
        progress.gap(GROUP, Gap { from: 1, to: 7 });

        assert!(progress.work().is_none() && !progress.has_work() && progress.is_stalled());
        assert!(!progress.confirm_gap(cursor(6)));
        assert!(progress.confirm_gap(cursor(7)));

        assert_eq!(progress.work().map(|work| work.after), Some(7));
    }

    #[test]
    fn a_closed_group_gives_its_credit_back() {
        let mut progress = live(0);
        for seq in 1..=CREDIT_ENTRIES as u64 {
            progress.offer(GROUP, seq);
        }

        progress.close(GROUP);

        assert!(progress.has_credit() && progress.is_caught_up());
    }
}
