//! Codes of authenticator apps: RFC 6238 over RFC 4226, with what every app knows: SHA-1, 30 s, 6 digits.

use aws_lc_rs::hmac;
use protocol::{UnixMillis, factors::FactorCode};
use zeroize::Zeroizing;

use crate::secrets::equal;

/// Bytes of a seed: one SHA-1 output, as RFC 4226 §4 asks for.
pub const SEED_BYTES: usize = 20;
/// A seed, wiped after use.
pub type Seed = Zeroizing<[u8; SEED_BYTES]>;

const STEP_MS: u64 = 30_000;
const MODULUS: u32 = 1_000_000;

/// The step whose code this is: now's, or the one before or after. All three are computed and compared in any case.
pub fn matching_step(seed: &Seed, code: &FactorCode, now: UnixMillis) -> Option<u64> {
    let current = now.0 / STEP_MS;
    let mut matching = None;
    for step in [current.saturating_sub(1), current, current.saturating_add(1)] {
        if equal(digits(seed, step).as_bytes(), code.as_str().as_bytes()) {
            matching = Some(step);
        }
    }
    matching
}

/// The six digits of a step (RFC 4226 §5.3).
pub fn digits(seed: &Seed, step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed.as_slice());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let hash = tag.as_ref();
    let offset = usize::from(hash.last().copied().unwrap_or(0) & 0x0f);
    let chosen = hash.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
    let number = u32::from_be_bytes(chosen.unwrap_or_default()) & 0x7fff_ffff;
    format!("{:06}", number % MODULUS)
}

#[cfg(test)]
mod tests {
    use super::{Seed, digits, matching_step};
    use protocol::UnixMillis;
    use zeroize::Zeroizing;

    fn seed() -> Seed {
        Zeroizing::new(*b"12345678901234567890")
    }

    /// RFC 6238, appendix B, the SHA-1 column, its last six digits.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(digits(&seed(), seconds / 30), code, "{seconds}");
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_counters_are_those_of_the_rfc() {
        let vectors = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in (0..).zip(vectors) {
            assert_eq!(digits(&seed(), counter), code, "{counter}");
        }
    }

    #[test]
    fn one_step_before_and_after_count_and_no_further() {
        let now = UnixMillis(100 * 30_000 + 29_999);
        for (step, found) in [(98, false), (99, true), (100, true), (101, true), (102, false)] {
            let code = digits(&seed(), step).parse().unwrap();
            assert_eq!(matching_step(&seed(), &code, now), found.then_some(step));
        }
    }

    #[test]
    fn the_first_moments_of_the_clock_are_no_exception() {
        let code = digits(&seed(), 0).parse().unwrap();

        assert_eq!(matching_step(&seed(), &code, UnixMillis(0)), Some(0));
        assert_eq!(matching_step(&seed(), &code, UnixMillis(u64::MAX)), None);
    }
}
