//! Counts what is open, in all and per address, so that one place can't take all the room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

use crate::rates::AddressKey;

/// How many are in, at most `all_max`, and of one address at most `each_max`.
pub(crate) struct AddressCounts {
    all_max: usize,
    each_max: usize,
    counts: Mutex<Counts>,
    left: Notify,
}

#[derive(Default)]
struct Counts {
    all: usize,
    each: HashMap<AddressKey, usize>,
}

/// A place among the counted; given back when dropped.
pub(crate) struct Seat {
    counts: Arc<AddressCounts>,
    address: AddressKey,
}

impl AddressCounts {
    pub(crate) fn new(all_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { all_max, each_max, counts: Mutex::default(), left: Notify::new() })
    }

    /// `None`: there is no room.
    pub(crate) fn enter(self: &Arc<Self>, address: AddressKey) -> Option<Seat> {
        self.enter_below(self.each_max, address)
    }

    /// As [`Self::enter`], for an address that stands for many.
    pub(crate) fn enter_proxy(self: &Arc<Self>, address: AddressKey) -> Option<Seat> {
        self.enter_below(self.all_max, address)
    }

    fn enter_below(self: &Arc<Self>, each_max: usize, address: AddressKey) -> Option<Seat> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = counts.each.get(&address).copied().unwrap_or(0);
        if counts.all >= self.all_max || of_address >= each_max {
            return None;
        }
        counts.all += 1;
        counts.each.insert(address, of_address + 1);
        Some(Seat { counts: Arc::clone(self), address })
    }

    /// Waits until nobody is in.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.counts.lock().unwrap_or_else(PoisonError::into_inner).all == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.counts.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if counts.all == 0 {
            self.counts.left.notify_waiters();
        }
        if let Some(of_address) = counts.each.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                counts.each.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AddressCounts;
    use crate::rates::AddressKey;
    use std::net::IpAddr;

    fn key(text: &str) -> AddressKey {
        AddressKey::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn one_address_leaves_room_for_others_and_seats_come_back() {
        let counts = AddressCounts::new(3, 2);

        let first = counts.enter(key("10.0.0.1"));
        let second = counts.enter(key("::ffff:10.0.0.1"));

        assert!(first.is_some() && second.is_some());
        assert!(counts.enter(key("10.0.0.1")).is_none());
        let other = counts.enter(key("2001:db8::1"));
        assert!(other.is_some());
        assert!(counts.enter(key("10.0.0.3")).is_none());
        drop(first);
        assert!(counts.enter(key("10.0.0.1")).is_some());
    }

    #[test]
    fn addresses_of_one_subscribers_network_count_as_one() {
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::2"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
    }
}
