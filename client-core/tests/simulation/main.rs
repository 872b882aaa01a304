//! Whole cores against a relay in memory: first the stories that a person lives, then seeded schedules of harm.

mod faults;
mod relay;
mod stories;
mod world;
