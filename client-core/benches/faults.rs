//! Lives seeded schedules of harm (`tests/simulation/faults.rs`): `--seeds N` of them, `--from K` on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    clippy::print_stdout,
    reason = "a program that fails with the seed that failed"
)]

#[path = "../tests/simulation/faults.rs"]
mod faults;
#[path = "../tests/simulation/relay.rs"]
#[expect(dead_code, reason = "the stories look into the relay and have it lie; the schedules don't")]
mod relay;
#[path = "../tests/simulation/world.rs"]
mod world;

fn main() {
    let number = |name: &str, otherwise: u64| {
        let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
        arguments.next().map_or(otherwise, |value| value.parse().expect("a number"))
    };
    let (seeds, from) = (number("--seeds", 1000), number("--from", 0));
    let worlds: Vec<world::World> = (2..=8).map(faults::prepared).collect();
    for seed in from..from + seeds {
        faults::live(&worlds[usize::try_from(seed).unwrap() % worlds.len()], seed);
        if (seed + 1 - from).is_multiple_of(100) {
            println!("{} of {seeds} schedules lived", seed + 1 - from);
        }
    }
}
