//! Where a request came from, as coarse as its owner needs it to tell their own sessions apart.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::ApiError;
use crate::route::PeerAddress;

/// The caller's network, IPv4 /24 or IPv6 /48. `None`: from this machine itself, as behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoarseAddress(pub Option<String>);

impl From<IpAddr> for CoarseAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            here if here.is_loopback() || here.is_unspecified() => Self(None),
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self(Some(format!("{a}.{b}.{c}.0/24")))
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self(Some(format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for CoarseAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parts.extensions.get::<PeerAddress>().map_or(Self(None), |peer| Self::from(peer.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::CoarseAddress;

    #[test]
    fn of_an_address_only_its_network_is_kept() {
        for (address, coarse) in [
            ("203.0.113.77", Some("203.0.113.0/24")),
            ("::ffff:203.0.113.77", Some("203.0.113.0/24")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1::/48")),
            ("127.0.0.1", None),
            ("::1", None),
            ("0.0.0.0", None),
        ] {
            let kept = CoarseAddress::from(address.parse::<std::net::IpAddr>().unwrap());
            assert_eq!(kept.0.as_deref(), coarse, "{address}");
        }
    }
}
