//! Small checked values that several bodies share: bounded bytes, times, handles.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use core::{fmt, ops::Deref, str::FromStr};

use crate::limits::{HANDLE_CHARS_MAX, HANDLE_CHARS_MIN};

/// At most `MAX` bytes: base64url without padding in JSON, a byte string in CBOR. `Debug` shows the length only,
/// because some of these are secrets of their sender.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

/// A value that is longer, shorter or otherwise not what its type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of range")
    }
}

impl std::error::Error for OutOfRange {}

impl<const MAX: usize> Bytes<MAX> {
    /// Takes `bytes`.
    ///
    /// # Errors
    /// [`OutOfRange`] when there are more than `MAX`.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, OutOfRange> {
        let bytes = bytes.into();
        if bytes.len() > MAX { Err(OutOfRange) } else { Ok(Self(bytes)) }
    }

    /// The bytes, given up.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> Deref for Bytes<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl<const MAX: usize> serde::Serialize for Bytes<MAX> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> serde::Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if text.len() / 4 > MAX / 3 + 1 {
            return Err(D::Error::custom(OutOfRange));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(|_| D::Error::custom("not base64url"))?;
        Self::new(bytes).map_err(D::Error::custom)
    }
}

impl<C, const MAX: usize> minicbor::Encode<C> for Bytes<MAX> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C, const MAX: usize> minicbor::Decode<'b, C> for Bytes<MAX> {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        Self::new(d.bytes()?).map_err(|_| minicbor::decode::Error::message("too many bytes").at(position))
    }
}

/// Exactly `N` bytes: keys, hashes, signatures, nonces. `Debug` shows nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Exactly<const N: usize>(pub [u8; N]);

impl<const N: usize> Deref for Exactly<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for Exactly<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exactly({N})")
    }
}

impl<const N: usize> serde::Serialize for Exactly<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de, const N: usize> serde::Deserialize<'de> for Exactly<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = Bytes::<N>::deserialize(deserializer)?;
        bytes.into_vec().try_into().map(Self).map_err(|_| D::Error::custom(OutOfRange))
    }
}

impl<C, const N: usize> minicbor::Encode<C> for Exactly<N> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C, const N: usize> minicbor::Decode<'b, C> for Exactly<N> {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        d.bytes()?
            .try_into()
            .map(Self)
            .map_err(|_| minicbor::decode::Error::message("wrong number of bytes").at(position))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This moment and `seconds` more.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

impl<C> minicbor::Encode<C> for UnixMillis {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u64(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for UnixMillis {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        d.u64().map(Self)
    }
}

/// The name by which people find an account: 3–32 of `a–z 0–9 . _ -`, the first a letter. Capitals are folded
/// while parsing, so that two handles never differ by case alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(String);

impl Handle {
    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let folded = text.to_ascii_lowercase();
        let length = (HANDLE_CHARS_MIN..=HANDLE_CHARS_MAX).contains(&folded.len());
        let first = folded.starts_with(|c: char| c.is_ascii_lowercase());
        let rest =
            folded.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        if length && first && rest { Ok(Self(folded)) } else { Err(OutOfRange) }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Handle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Handle {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a handle"))
    }
}

/// At most `MAX` items: an array in JSON and in CBOR. A longer one is refused before its items are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes `items`.
    ///
    /// # Errors
    /// [`OutOfRange`] when there are more than `MAX`.
    pub fn new(items: Vec<T>) -> Result<Self, OutOfRange> {
        if items.len() > MAX { Err(OutOfRange) } else { Ok(Self(items)) }
    }

    /// The items, given up.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: serde::Serialize, const MAX: usize> serde::Serialize for List<T, MAX> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: serde::Deserialize<'de>, const MAX: usize> serde::Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<C, T: minicbor::Encode<C>, const MAX: usize> minicbor::Encode<C> for List<T, MAX> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(self.0.len() as u64)?;
        for item in &self.0 {
            item.encode(e, context)?;
        }
        Ok(())
    }
}

impl<'b, C, T: minicbor::Decode<'b, C>, const MAX: usize> minicbor::Decode<'b, C> for List<T, MAX> {
    fn decode(d: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        let refuse = |what| minicbor::decode::Error::message(what).at(position);
        let length = d.array()?.ok_or_else(|| refuse("a list of unknown length"))?;
        if length > MAX as u64 {
            return Err(refuse("too many items"));
        }
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(T::decode(d, context)?);
        }
        Ok(Self(items))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Exactly, Handle, List};

    #[test]
    fn handles_fold_capitals_and_refuse_everything_else() {
        assert_eq!("Ada.Love-9".parse::<Handle>().map(|h| h.to_string()), Ok("ada.love-9".into()));
        for text in ["ab", "9abc", ".abc", "a b", "ädam", "a/../b", "abc\n", &"a".repeat(33)] {
            assert!(text.parse::<Handle>().is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_and_lists_refuse_one_more_than_their_limit() {
        assert!(Bytes::<2>::new(vec![0; 3]).is_err());
        assert!(serde_json::from_str::<Bytes<2>>("\"AAAA\"").is_err());
        assert!(minicbor::decode::<Bytes<2>>(&[0x43, 0, 0, 0]).is_err());
        assert!(minicbor::decode::<List<u8, 2>>(&[0x83, 0, 0, 0]).is_err());
        assert!(minicbor::decode::<List<u8, 2>>(&[0x9f, 0, 0xff]).is_err());
        assert!(minicbor::decode::<Exactly<2>>(&[0x43, 0, 0, 0]).is_err());
    }
}
