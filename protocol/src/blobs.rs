//! Blobs (F-9): whole encrypted containers, put once under a client-made id, read by ranges with a capability.
//! `PUT /v1/blobs/{blob_id}` and `GET /v1/blobs/{blob_id}` carry raw bytes; these are their headers.

/// Request header of the upload: base64url of SHA-256(read capability).
pub const CAPABILITY_HASH_HEADER: &str = "sotto-capability-hash";
/// Request header of the download: base64url of the 32-byte read capability.
pub const CAPABILITY_HEADER: &str = "sotto-capability";
