//! Identifiers: 16 random bytes each, made by whoever names the thing first.
//! Text form (JSON, paths, logs): base64url without padding, 22 characters. Wire form (CBOR): a byte string of 16.
//! Different nouns are different types, so that one can't be passed for another.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use core::{fmt, str::FromStr};

/// Bytes in every identifier.
pub const ID_BYTES: usize = 16;

/// A text that is not 22 characters of base64url, or bytes that are not 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedId;

impl fmt::Display for MalformedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 22 characters of base64url")
    }
}

impl std::error::Error for MalformedId {}

pub(crate) fn parse(text: &str) -> Result<[u8; ID_BYTES], MalformedId> {
    let mut bytes = [0; ID_BYTES];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(ID_BYTES) => Ok(bytes),
        Ok(_) | Err(_) => Err(MalformedId),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// Takes the 16 bytes as they are; fresh ids come from a random source of the caller.
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = MalformedId;

            fn try_from(bytes: &[u8]) -> Result<Self, MalformedId> {
                bytes.try_into().map(Self).map_err(|_| MalformedId)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let position = d.position();
                Self::try_from(d.bytes()?)
                    .map_err(|_| minicbor::decode::Error::message("an id is 16 bytes").at(position))
            }
        }
    };
}

id!(
    /// A person's account.
    AccountId
);
id!(
    /// One device of an account: one MLS client, one leaf in each of its groups.
    DeviceId
);
id!(
    /// One family of refresh tokens of one device.
    SessionId
);
id!(
    /// A group: an ordered log of ciphertext (`delivery.md`, D-1). Also the MLS group id.
    GroupId
);
id!(
    /// The client-made id of one post to a group's log (D-4).
    MessageId
);
id!(
    /// A claim of key packages: the same id gives the same packages for an hour (D-12).
    ClaimId
);
id!(
    /// A welcome that waits in one device's inbox (D-2).
    WelcomeId
);
id!(
    /// A record of an account, within a collection.
    RecordId
);
id!(
    /// An encrypted container (F-9), bound into its own key derivation.
    BlobId
);
id!(
    /// Makes a registration, an enrolment or another one-transaction request safe to repeat (O-7).
    IdempotencyId
);
id!(
    /// One relay installation, made at its first start; part of what a device signs at log-in (O-1).
    RelayId
);

#[cfg(test)]
mod tests {
    use super::{AccountId, MalformedId};

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = AccountId::from_bytes([0xfb; 16]);

        assert_eq!(id.to_string(), "-_v7-_v7-_v7-_v7-_v7-w");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn texts_that_are_not_an_id_are_refused() {
        for text in
            ["", "AAAA", "-_v7-_v7-_v7-_v7-_v7-w=", "-_v7-_v7-_v7-_v7-_v7-x", "+/v7+/v7+/v7+/v7+/v7+w"]
        {
            assert_eq!(text.parse::<AccountId>(), Err(MalformedId), "{text}");
        }
    }
}
