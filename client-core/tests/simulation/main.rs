//! Whole cores against a relay in memory: first the stories that a person lives, then seeded schedules of harm.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    reason = "a story that does not go as told fails here"
)]

mod blocking;
mod deletion;
mod factors;
mod faults;
mod key_stock;
mod lies;
mod profiles;
mod records;
mod relay;
mod removals;
mod renewal;
mod requests;
mod stories;
mod strangers;
mod world;
