//! Padding that hides lengths: buckets for small things, Padmé above and for files.

/// Sizes that small things are padded to, bytes; above the last, Padmé.
const BUCKETS: [u64; 5] = [256, 1024, 4 * 1024, 16 * 1024, 64 * 1024];

/// The bucket of a thing of `length` bytes.
pub(crate) fn bucket(length: u64) -> u64 {
    BUCKETS.into_iter().find(|&bucket| length <= bucket).unwrap_or_else(|| padme(length))
}

/// Padmé (Nikitin et al., 2019, algorithm 1): leaks O(log log length) bits and adds at most 12 %.
pub(crate) fn padme(length: u64) -> u64 {
    let Some(exponent) = length.checked_ilog2() else {
        return length;
    };
    let mantissa_bits = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
    let mask = (1_u64 << (exponent.saturating_sub(mantissa_bits))) - 1;
    length.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::{bucket, padme};

    #[test]
    fn padme_gives_the_values_of_its_paper() {
        let lengths = [0, 1, 2, 8, 9, 10, 100, 1_000, 4_097, 100_000, 1 << 40];
        let padded = [0, 1, 2, 8, 10, 10, 104, 1_024, 4_352, 100_352, 1 << 40];

        assert_eq!(lengths.map(padme), padded);
    }

    #[test]
    fn padding_never_shrinks_and_adds_an_eighth_at_most() {
        for length in (0..200_000).chain((0..63).map(|bits| (1_u64 << bits) + 1)) {
            let padded = padme(length);
            assert!(padded >= length && padded - length <= length / 8 + 1, "{length}");
            assert_eq!(padme(padded), padded, "{length}");
        }
        assert_eq!([0, 256, 257, 65_536, 65_537].map(bucket), [256, 256, 1_024, 65_536, 67_584]);
    }
}
