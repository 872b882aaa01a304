//! The public keys and signatures that certificates and device lists carry: raw Ed25519 (RFC 8032), one type per use.

use core::fmt;

/// Bytes of an Ed25519 public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Takes the bytes as they are; whether they are a point of the curve shows when a signature is verified.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                for byte in self.0.iter().take(4) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("…)")
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
                d.bytes()?
                    .try_into()
                    .map(Self)
                    .map_err(|_| minicbor::decode::Error::message("wrong number of bytes").at(position))
            }
        }
    };
}

fixed_bytes!(
    /// An account's identity key (K-1).
    IdentityKey,
    PUBLIC_KEY_BYTES
);
fixed_bytes!(
    /// A device's MLS signature key (K-2).
    LeafKey,
    PUBLIC_KEY_BYTES
);
fixed_bytes!(
    /// The key with which a device signs its log-ins and commits (K-2, O-1).
    DeviceAuthKey,
    PUBLIC_KEY_BYTES
);
fixed_bytes!(
    /// An Ed25519 signature.
    Signature,
    SIGNATURE_BYTES
);
