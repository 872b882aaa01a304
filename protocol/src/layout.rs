//! Reads the hand-written byte layouts: fixed-width fields, big-endian, no optional parts, nothing behind the end.

use core::fmt;

/// Bytes that are not what a layout says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutError {
    /// They end before the layout does.
    Truncated,
    /// They go on behind the layout's end.
    TrailingBytes,
    /// A field holds a value that its type doesn't allow.
    OutOfRange {
        /// The field's name.
        field: &'static str,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::TrailingBytes => f.write_str("there are bytes behind the end"),
            Self::OutOfRange { field } => write!(f, "the field {field} is out of range"),
        }
    }
}

impl std::error::Error for LayoutError {}

/// What is left to read of an encoded value.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`LayoutError::Truncated`] when fewer are left; so do all readers below.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], LayoutError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(LayoutError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// See [`Self::array`].
    pub fn slice(&mut self, length: usize) -> Result<&'a [u8], LayoutError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(LayoutError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// One byte.
    ///
    /// # Errors
    /// See [`Self::array`].
    pub fn u8(&mut self) -> Result<u8, LayoutError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// See [`Self::array`].
    pub fn u16(&mut self) -> Result<u16, LayoutError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// See [`Self::array`].
    pub fn u32(&mut self) -> Result<u32, LayoutError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian.
    ///
    /// # Errors
    /// See [`Self::array`].
    pub fn u64(&mut self) -> Result<u64, LayoutError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Everything that is left.
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`LayoutError::TrailingBytes`].
    pub const fn finish(self) -> Result<(), LayoutError> {
        if self.rest.is_empty() { Ok(()) } else { Err(LayoutError::TrailingBytes) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{LayoutError, Reader};

    /// Feeds `decode` each truncation of `good`, `good` with a byte behind it, each single flipped bit and
    /// 2,000 runs of pseudo-random bytes. Whatever it accepts must encode to the very bytes it was given.
    pub(crate) fn torture(good: &[u8], reencode: impl Fn(&[u8]) -> Option<Vec<u8>>) {
        for length in 0..good.len() {
            assert_eq!(reencode(&good[..length]), None, "accepted {length} bytes");
        }
        let mut longer = good.to_vec();
        longer.push(0);
        assert_eq!(reencode(&longer), None, "accepted a byte behind the end");

        for bit in 0..good.len() * 8 {
            let mut flipped = good.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Some(encoded) = reencode(&flipped) {
                assert_eq!(encoded, flipped, "bit {bit} has two encodings");
            }
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..2_000 {
            let random: Vec<u8> = (0..round % (good.len() + 8))
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_be_bytes()[0]
                })
                .collect();
            if let Some(encoded) = reencode(&random) {
                assert_eq!(encoded, random);
            }
        }
    }

    #[test]
    fn a_reader_takes_fields_in_order_and_knows_its_end() {
        let mut reader = Reader::new(&[1, 0, 2, 0, 0, 0, 3, 9]);

        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.u32(), Ok(3));
        assert_eq!(reader.finish(), Err(LayoutError::TrailingBytes));
        assert_eq!(reader.u64(), Err(LayoutError::Truncated));
        assert_eq!(reader.slice(1), Ok(&[9][..]));
        assert_eq!(reader.finish(), Ok(()));
    }
}
