//! Application messages: the same post by socket and by HTTP (S-6).

use minicbor::{Decode, Encode};

use crate::{GroupId, MessageId, limits::MESSAGE_BYTES_MAX, values::Bytes};

/// `POST /v1/groups/{group_id}/messages` (CBOR) and [`crate::socket::ClientFrame::Post`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PostMessage {
    /// Random, independent of anything inside (D-4).
    #[n(0)]
    pub message_id: MessageId,
    /// The group.
    #[n(1)]
    pub group_id: GroupId,
    /// The epoch in which it was encrypted (D-6).
    #[n(2)]
    pub epoch: u64,
    /// MLS PrivateMessage.
    #[n(3)]
    pub ciphertext: Bytes<MESSAGE_BYTES_MAX>,
}
