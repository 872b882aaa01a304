//! The wire between a Sotto relay and its clients: ids, limits, error codes, JSON and CBOR types,
//! and the layouts of the bytes that devices sign. Holds no cryptography and no I/O.
#![warn(missing_docs)]

pub mod ids;

pub use ids::{
    AccountId, BlobId, ClaimId, DeviceId, GroupId, IdempotencyId, MessageId, RecordId, RelayId, SessionId,
    WelcomeId,
};
