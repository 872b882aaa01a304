//! The wire between a Sotto relay and its clients: ids, limits, error codes, JSON and CBOR types,
//! and the layouts of the bytes that devices sign. Holds no cryptography and no I/O.
#![warn(missing_docs)]

pub mod account_data;
pub mod accounts;
pub mod audit;
pub mod blobs;
pub mod certificate;
pub mod deltas;
pub mod device_list;
pub mod devices;
pub mod error;
pub mod factors;
pub mod groups;
pub mod ids;
pub mod invites;
pub mod key_packages;
pub mod layout;
pub mod limits;
pub mod messages;
pub mod public_keys;
pub mod records;
pub mod revocation;
#[cfg(feature = "schema")]
mod schema;
pub mod sessions;
pub mod signed;
pub mod socket;
pub mod values;

pub use deltas::{Deltas, Role};
pub use error::{ErrorCode, Facts, Problem};
pub use ids::{
    AccountId, BlobId, ClaimId, DeviceId, GroupId, IdempotencyId, MessageId, RecordId, RelayId, SessionId,
    WelcomeId,
};
pub use public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature};
pub use values::{Handle, UnixMillis};
