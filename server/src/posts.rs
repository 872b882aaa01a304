//! Posts to a log: what marks them, and what a refusal tells (D-4, D-5). The same for HTTP and the socket (S-6).

use aws_lc_rs::hmac;
use protocol::groups::Posted;
use protocol::messages::PostMessage;
use protocol::{DeviceId, ErrorCode, Facts, GroupId, MessageId};
use tokio::sync::oneshot;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::error::ApiError;
use crate::secrets::{halves, sha256, tag};
use crate::storage::StorageError;
use crate::storage::entries::PostMark;
use crate::storage::writer::{Append, AppendError, AppendOutcome, Reply};

/// Marks posts so that doubles are found without a column that names the sender (D-4).
pub struct PostMarks {
    key: hmac::Key,
}

impl PostMarks {
    pub fn new(key: hmac::Key) -> Self {
        Self { key }
    }

    /// The mark of `content`, posted by `sender` under `message`. The group is part of it, so the same id in two groups
    /// are two posts.
    pub fn mark(&self, group: GroupId, sender: DeviceId, message: MessageId, content: &[u8]) -> PostMark {
        let [tag, _] = halves(tag(&self.key, &[group.as_bytes(), sender.as_bytes(), message.as_bytes()]));
        let [hash, _] = halves(sha256(content));
        PostMark { tag, hash }
    }
}

impl App {
    /// Gives a message to the writer task; the outcome comes by `reply`.
    pub(crate) fn append(
        &self,
        sender: DeviceId,
        post: PostMessage,
        reply: Reply,
    ) -> Result<(), StorageError> {
        let mark = self.post_marks.mark(post.group_id, sender, post.message_id, &post.ciphertext);
        let append = Append {
            sender,
            group: post.group_id,
            message: post.message_id,
            epoch: post.epoch,
            mark,
            ciphertext: post.ciphertext.into_vec(),
        };
        self.writer.append(append, reply)
    }

    /// Appends a message and waits until it is on disk.
    pub async fn post(&self, device: CallingDevice, post: PostMessage) -> Result<Posted, ApiError> {
        let (message_id, group_id) = (post.message_id, post.group_id);
        let (reply, outcome) = oneshot::channel();
        self.append(device.device_id, post, Reply::Once(reply))?;
        let outcome = outcome.await.map_err(|_| StorageError::Closed)?;
        posted(message_id, group_id, outcome)
    }
}

/// The answer to a post.
pub(crate) fn posted(
    message_id: MessageId,
    group_id: GroupId,
    outcome: AppendOutcome,
) -> Result<Posted, ApiError> {
    match outcome {
        Ok(appended) => {
            Ok(Posted { message_id, group_id, seq: appended.seq, received_at: appended.received_at })
        }
        Err(AppendError::NotAMember) => Err(ApiError::not_found()),
        Err(AppendError::Closed) => Err(ErrorCode::AccountGone.into()),
        Err(AppendError::StaleEpoch { epoch, head }) => Err(stale_epoch(epoch, head)),
        Err(AppendError::Conflict { seq }) => Err(message_conflict(seq)),
        Err(AppendError::Failed(error)) => {
            Err(StorageError::BatchFailed { cause: error.to_string(), full: error.is_full() }.into())
        }
    }
}

pub(crate) fn stale_epoch(epoch: u64, head: u64) -> ApiError {
    ApiError::with(ErrorCode::StaleEpoch, Facts { epoch: Some(epoch), head: Some(head), ..Facts::default() })
}

pub(crate) fn message_conflict(seq: u64) -> ApiError {
    ApiError::with(ErrorCode::MessageConflict, Facts { seq: Some(seq), ..Facts::default() })
}
