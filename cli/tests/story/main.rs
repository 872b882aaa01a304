//! The native story: real people with real clients, real MLS and a real relay in a process of its own, over a wire
//! that records everything and can be made to lie.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that can't go on fails"
)]

mod accounts;
mod audit;
mod canaries;
mod canary_story;
mod conversations;
mod files;
mod kill;
mod lies;
mod person;
mod relay;
mod wire;
