//! A bounded queue with one reader that holds no memory while it is empty: a channel keeps a block of slots, which
//! ten thousand idle connections would pay for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What waits for one reader. Shared by `Arc`; whoever has it may write, one task reads.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    waiting: Mutex<VecDeque<T>>,
    items_max: usize,
    arrived: Notify,
}

/// The mailbox is full; the item was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl<T> Mailbox<T> {
    /// An empty one for at most `items_max`.
    pub(crate) const fn new(items_max: usize) -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), items_max, arrived: Notify::const_new() }
    }

    /// Puts an item behind the others.
    pub(crate) fn put(&self, item: T) -> Result<(), Full> {
        let mut waiting = self.lock();
        if waiting.len() >= self.items_max {
            return Err(Full);
        }
        waiting.push_back(item);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// The oldest item, if there is one.
    pub(crate) fn take(&self) -> Option<T> {
        let mut waiting = self.lock();
        let item = waiting.pop_front();
        if waiting.is_empty() {
            *waiting = VecDeque::new();
        }
        item
    }

    /// Waits for the oldest item. Dropping the wait loses nothing.
    pub(crate) async fn wait(&self) -> T {
        loop {
            if let Some(item) = self.take() {
                return item;
            }
            self.arrived.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn items_come_out_in_order_and_none_beyond_the_limit_goes_in() {
        let mailbox = Mailbox::new(2);
        assert_eq!(mailbox.put('a'), Ok(()));
        assert_eq!(mailbox.put('b'), Ok(()));
        assert_eq!(mailbox.put('c'), Err(Full));
        assert_eq!(mailbox.take(), Some('a'));
        assert_eq!(mailbox.put('d'), Ok(()));
        assert_eq!([mailbox.take(), mailbox.take(), mailbox.take()], [Some('b'), Some('d'), None]);
    }

    #[test]
    fn an_empty_mailbox_holds_no_memory() {
        let mailbox = Mailbox::new(256);
        for item in 0..256 {
            mailbox.put(item).unwrap();
        }
        while mailbox.take().is_some() {}
        assert_eq!(mailbox.lock().capacity(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reader_misses_nothing_that_many_writers_put_in() {
        let mailbox = Arc::new(Mailbox::new(8_000));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let mailbox = Arc::clone(&mailbox);
                tokio::spawn(async move {
                    for item in 0..1_000 {
                        mailbox.put(writer * 1_000 + item).unwrap();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let mut seen = Vec::new();
        while seen.len() < 8_000 {
            seen.push(mailbox.wait().await);
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert!((0..8).all(|writer| {
            let of_writer = seen.iter().filter(|item| **item / 1_000 == writer);
            of_writer.copied().eq((0..1_000).map(|item| writer * 1_000 + item))
        }));
        assert_eq!(mailbox.take(), None);
    }
}
