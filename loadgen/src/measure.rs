//! What a run cost: processor time and memory from `/proc`, and percentiles of latencies.

use std::time::Duration;

use crate::failure::Failure;

/// Processor time of process `id` since its start, user and system.
pub(crate) fn cpu_time(id: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).map_err(Failure::io("read /proc"))?;
    // The name in parentheses may hold spaces; after it come state (3rd) … utime (14th), stime (15th).
    let after_name =
        stat.rsplit_once(')').map(|(_, rest)| rest).ok_or(Failure::Unreadable("/proc/…/stat"))?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (Some(Ok(user)), Some(Ok(system))) = (ticks.next(), ticks.next()) else {
        return Err(Failure::Unreadable("/proc/…/stat"));
    };
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros((user + system) * 1_000_000 / per_second))
}

/// Memory of a process, KiB.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) rss_kib: u64,
    /// Resident, shared pages counted by their share.
    pub(crate) pss_kib: u64,
}

/// The memory of process `id` now.
pub(crate) fn memory(id: u32) -> Result<Memory, Failure> {
    let rollup =
        std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).map_err(Failure::io("read /proc"))?;
    let line = |name: &str| {
        rollup
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .ok_or(Failure::Unreadable("/proc/…/smaps_rollup"))
    };
    Ok(Memory { rss_kib: line("Rss:")?, pss_kib: line("Pss:")? })
}

/// Latencies of one run, microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The latency that `percent` of all do not exceed; 0 of none.
    pub(crate) fn percentile_us(&mut self, percent: usize) -> u32 {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        if rank >= self.0.len() {
            return 0;
        }
        *self.0.select_nth_unstable(rank).1
    }
}

#[cfg(test)]
mod tests {
    use super::{Latencies, cpu_time, memory};
    use std::time::Duration;

    #[test]
    fn percentiles_are_ranks_of_the_sorted_latencies() {
        let mut latencies = Latencies::default();
        for us in (1..=100).rev() {
            latencies.add(Duration::from_micros(us));
        }

        assert_eq!(latencies.percentile_us(50), 50);
        assert_eq!(latencies.percentile_us(99), 99);
        assert_eq!(Latencies::default().percentile_us(50), 0);
    }

    #[test]
    fn a_process_sees_its_own_cost() {
        let own = std::process::id();

        assert!(cpu_time(own).is_ok());
        assert!(memory(own).unwrap().rss_kib > 0);
    }
}
