//! Values that several devices of a person may change at once. Each carries the time of its last change, and the
//! later change wins; of two in one millisecond, the greater value. So merging gives the same in any order. A device
//! whose clock is behind still writes after what it has seen.

use minicbor::{Decode, Encode};
use protocol::UnixMillis;

/// A value and when it was last changed. Ordered by time, then by value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Dated<T> {
    #[n(0)]
    pub(crate) changed_at: UnixMillis,
    #[n(1)]
    pub(crate) value: T,
}

/// The date of what nobody has decided: any decision is later.
const FIRST: UnixMillis = UnixMillis(1);

impl<T> Dated<T> {
    /// What is there before anybody decides.
    pub(crate) const fn first(value: T) -> Self {
        Self { changed_at: FIRST, value }
    }

    pub(crate) const fn at(value: T, now: UnixMillis) -> Self {
        Self { changed_at: now, value }
    }

    /// Whether nobody has decided yet.
    pub(crate) fn is_first(&self) -> bool {
        self.changed_at <= FIRST
    }
}

impl<T: Ord> Dated<T> {
    /// Changes the value; tells whether it is another one now.
    pub(crate) fn set(&mut self, value: T, now: UnixMillis) -> bool {
        if self.value == value {
            return false;
        }
        self.changed_at = UnixMillis(now.0.max(self.changed_at.0.saturating_add(1)));
        self.value = value;
        true
    }

    pub(crate) fn merge(&mut self, other: Self) {
        if other > *self {
            *self = other;
        }
    }
}

/// Merges what may be absent on either side.
pub(crate) fn merge_optional<T: Ord>(one: &mut Option<Dated<T>>, other: Option<Dated<T>>) {
    match (one.as_mut(), other) {
        (Some(one), Some(other)) => one.merge(other),
        (None, Some(other)) => *one = Some(other),
        (_, None) => {}
    }
}
