//! The ciphertexts of the load: filler of the usual size that begins with its own number, so that the recipient sees
//! what is lost, doubled or out of order.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use protocol::{GroupId, MessageId, messages::PostMessage, values::Bytes};
use tokio::time::Instant;

use crate::{account::random, failure::Failure};

/// Messages of one pair that may be on their way at once.
pub(crate) const ON_THE_WAY_MAX: usize = 4096;

/// Makes the messages of one sender: equal ids never come twice.
pub(crate) struct Messages {
    prefix: [u8; 8],
    group: GroupId,
    epoch: u64,
    bytes: usize,
}

impl Messages {
    pub(crate) fn new(group: GroupId, epoch: u64, bytes: usize) -> Self {
        Self { prefix: random(), group, epoch, bytes: bytes.max(8) }
    }

    /// The message with this number.
    pub(crate) fn post(&self, number: u64) -> Result<PostMessage, Failure> {
        let mut id = [0; 16];
        let (prefix, rest) = id.split_at_mut(8);
        prefix.copy_from_slice(&self.prefix);
        rest.copy_from_slice(&number.to_be_bytes());
        let mut ciphertext = vec![0x5a; self.bytes];
        if let Some(head) = ciphertext.first_chunk_mut::<8>() {
            *head = number.to_be_bytes();
        }
        Ok(PostMessage {
            message_id: MessageId::from_bytes(id),
            group_id: self.group,
            epoch: self.epoch,
            ciphertext: Bytes::new(ciphertext).map_err(|_| Failure::Usage("--bytes is too large".into()))?,
        })
    }
}

/// The number in a message's id.
pub(crate) fn number_of_id(id: MessageId) -> u64 {
    id.as_bytes().last_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes))
}

/// The number in a ciphertext.
pub(crate) fn number_of(ciphertext: &[u8]) -> Option<u64> {
    ciphertext.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// When the messages of one pair were sent, shared by its two ends.
pub(crate) struct SentTimes {
    origin: Instant,
    nanoseconds: Vec<AtomicU64>,
}

impl SentTimes {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), nanoseconds: (0..ON_THE_WAY_MAX).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Notes that the message `number` was sent at `at`.
    pub(crate) fn note(&self, number: u64, at: Instant) {
        if let Some(slot) = self.slot(number) {
            let since = at.saturating_duration_since(self.origin).as_nanos();
            slot.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// When the message `number` was sent.
    pub(crate) fn sent_at(&self, number: u64) -> Instant {
        let since = self.slot(number).map_or(0, |slot| slot.load(Ordering::Relaxed));
        self.origin + Duration::from_nanos(since)
    }

    fn slot(&self, number: u64) -> Option<&AtomicU64> {
        let index = usize::try_from(number % ON_THE_WAY_MAX as u64).unwrap_or_default();
        self.nanoseconds.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::{Messages, SentTimes, number_of, number_of_id};
    use protocol::GroupId;
    use tokio::time::Instant;

    #[test]
    fn a_message_tells_its_number_inside_and_outside() {
        let messages = Messages::new(GroupId::from_bytes([1; 16]), 3, 300);

        let post = messages.post(77).unwrap();

        assert_eq!(number_of_id(post.message_id), 77);
        assert_eq!(number_of(&post.ciphertext), Some(77));
        assert_eq!(post.ciphertext.len(), 300);
    }

    #[test]
    fn sent_times_read_back() {
        let times = SentTimes::new();
        let at = Instant::now();

        times.note(5, at);

        assert_eq!(times.sent_at(5), at);
    }
}
