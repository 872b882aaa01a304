//! How many tests passed and failed, read from what the test programs write for machines.

use std::ops::AddAssign;

use serde_json::Value;

/// Tests that passed and failed. A check that isn't a test counts as one failed when it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Count {
    /// One thing that failed.
    pub(crate) const FAILURE: Self = Self { passed: 0, failed: 1 };

    /// A program that failed without a failed test (it did not compile, it crashed) failed once.
    pub(crate) fn and_program(self, succeeded: bool) -> Self {
        if succeeded || self.failed > 0 { self } else { Self { failed: 1, ..self } }
    }

    /// A line of cargo's own test runner (`test result: ok. 3 passed; 0 failed; …`) or of nextest
    /// (`Summary [ 0.1s] 4 tests run: 3 passed, 1 failed, 0 skipped`).
    pub(crate) fn of_rust_line(line: &str) -> Option<Self> {
        let line = line.trim();
        let (_, counts) = match line.strip_prefix("test result: ") {
            Some(rest) => rest.split_once(". ")?,
            None => line.strip_prefix("Summary [")?.split_once("run: ")?,
        };
        let mut count = Self::default();
        for part in counts.split([',', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => count.passed += number,
                "failed" | "timed" | "exec" => count.failed += number,
                _ => {}
            }
        }
        Some(count)
    }

    /// vitest's JSON report.
    pub(crate) fn of_vitest(report: &Value) -> Option<Self> {
        let number = |key: &str| report.get(key)?.as_u64();
        Some(Self { passed: number("numPassedTests")?, failed: number("numFailedTests")? })
    }

    /// Playwright's JSON report. A test that passed only when repeated is a failed one.
    pub(crate) fn of_playwright(report: &Value) -> Option<Self> {
        let number = |key: &str| report.get("stats")?.get(key)?.as_u64();
        let errors = report.get("errors")?.as_array()?.len() as u64;
        Some(Self {
            passed: number("expected")?,
            failed: number("unexpected")? + number("flaky")? + number("skipped")? + errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rust_runners_are_understood() {
        let cargo = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 1 filtered out";
        let nextest =
            "     Summary [   0.011s] 6 tests run: 3 passed (1 slow), 2 failed, 1 timed out, 0 skipped";

        assert_eq!(Count::of_rust_line(cargo), Some(Count { passed: 3, failed: 2 }));
        assert_eq!(Count::of_rust_line(nextest), Some(Count { passed: 3, failed: 3 }));
        assert_eq!(Count::of_rust_line("test writer::keeps_order ... ok"), None);
    }

    #[test]
    fn web_reports_are_understood() {
        let vitest = serde_json::json!({ "numPassedTests": 7, "numFailedTests": 1 });
        let playwright = serde_json::json!({
            "errors": [],
            "stats": { "expected": 4, "unexpected": 1, "flaky": 1, "skipped": 1 },
        });

        assert_eq!(Count::of_vitest(&vitest), Some(Count { passed: 7, failed: 1 }));
        assert_eq!(Count::of_playwright(&playwright), Some(Count { passed: 4, failed: 3 }));
        assert_eq!(Count::of_playwright(&serde_json::json!({})), None);
    }

    #[test]
    fn a_program_that_failed_before_its_tests_counts_as_failed() {
        assert_eq!(Count::default().and_program(false), Count::FAILURE);
        assert_eq!(Count { passed: 2, failed: 3 }.and_program(false), Count { passed: 2, failed: 3 });
        assert_eq!(Count { passed: 2, failed: 0 }.and_program(true), Count { passed: 2, failed: 0 });
    }
}
