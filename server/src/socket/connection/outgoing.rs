//! What one connection sends: answers to its posts and deliveries, many frames to one flush.

use bytes::Bytes;
use protocol::limits::FRAME_CONTENT_BYTES_MAX;
use protocol::messages::PostMessage;
use protocol::socket::{RelayFrame, to_bytes};
use protocol::{ErrorCode, MessageId};
use std::sync::Arc;

use super::{Connection, Outcome};
use crate::error::ApiError;
use crate::posts::posted;
use crate::rates::RateClass;
use crate::socket::hub::Delivery;
use crate::socket::progress::Offer;
use crate::storage::writer::{Answer, Reply};

/// Deliveries written before the next flush.
const FEED_MAX: usize = 64;

impl Connection<'_> {
    pub(super) async fn post(&mut self, post: PostMessage) -> Outcome<()> {
        let (message_id, group_id) = (post.message_id, post.group_id);
        if post.ciphertext.len() > FRAME_CONTENT_BYTES_MAX {
            return self.refuse(message_id, &ErrorCode::BodyTooLarge.into()).await;
        }
        if let Err(error) = self.app.rates.check_account(RateClass::Write, self.device.account_id) {
            return self.refuse(message_id, &error).await;
        }
        match self.app.append(self.device.device_id, post, Reply::Socket(Arc::clone(&self.answers))) {
            Ok(()) => {
                self.posts += 1;
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, %group_id, "a post found no room");
                self.refuse(message_id, &error.into()).await
            }
        }
    }

    pub(super) async fn answer(&mut self, reply: Answer) -> Outcome<()> {
        self.feed_reply(reply).await?;
        self.feed_waiting().await
    }

    pub(super) async fn deliver(&mut self, delivery: Delivery) -> Outcome<()> {
        self.feed_delivery(delivery).await?;
        self.feed_waiting().await
    }

    /// Takes along what else waits: many frames, one flush.
    pub(super) async fn feed_waiting(&mut self) -> Outcome<()> {
        for _ in 0..FEED_MAX {
            if let Some(reply) = self.answers.take() {
                self.feed_reply(reply).await?;
            } else if let Some(delivery) = self.line.take() {
                self.feed_delivery(delivery).await?;
            } else {
                break;
            }
        }
        self.flush().await
    }

    pub(super) async fn feed_reply(&mut self, reply: Answer) -> Outcome<()> {
        let (message_id, group_id, outcome) = reply;
        self.posts -= 1;
        let frame = match posted(message_id, group_id, outcome) {
            Ok(posted) => RelayFrame::Posted(posted),
            Err(error) => refused(message_id, &error),
        };
        self.feed(Bytes::from(to_bytes(&frame))).await
    }

    pub(super) async fn feed_delivery(&mut self, delivery: Delivery) -> Outcome<()> {
        match delivery {
            Delivery::Entry { group, seq, frame } => {
                if self.progress.offer(group, seq) == Offer::Send {
                    self.feed(frame).await?;
                }
            }
            Delivery::Frame(frame) => self.feed(frame).await?,
            Delivery::Joined { group, seq } => self.progress.joined(group, seq),
            // What is left up to the removal is read from the log; nothing comes after it.
            Delivery::Left { group } => self.progress.read_again(group),
        }
        Ok(())
    }

    pub(super) async fn refuse(&mut self, message_id: MessageId, error: &ApiError) -> Outcome<()> {
        self.send(&refused(message_id, error)).await
    }
}

fn refused(message_id: MessageId, error: &ApiError) -> RelayFrame {
    error.log("socket");
    RelayFrame::Refused {
        message_id,
        code: error.code,
        epoch: error.facts.epoch,
        head: error.facts.head,
        seq: error.facts.seq,
        retry_after_seconds: error.facts.retry_after_seconds,
    }
}
