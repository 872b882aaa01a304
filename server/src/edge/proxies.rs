//! Whose address a request has behind proxies: that of the last hop that is none of ours, as `X-Forwarded-For` tells it.
//! Everything before that hop was written by somebody whom nobody vouches for.

use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Networks whose forwarding header is believed; none by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<Network>);

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix_bits: u32,
}

impl TrustedProxies {
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// The address that stands for the client of a request that came from `peer`.
    pub(crate) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all("x-forwarded-for").into_iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            match hop_address(hop.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// Some proxies write the port too.
fn hop_address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

impl FromStr for TrustedProxies {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        Ok(Self(networks.map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HELP: &str =
            "give addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, with commas between them";
        let (first, prefix) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| HELP)?;
        if first != first.to_canonical() {
            return Err("write an IPv4 address inside an IPv6 one as IPv4: 10.0.0.1, not ::ffff:10.0.0.1");
        }
        let whole = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(whole), |bits| bits.parse().map_err(|_| HELP))?;
        if prefix_bits > whole {
            return Err(HELP);
        }
        let network = Self { first, prefix_bits };
        if bits_of(first) != network.masked_first() {
            return Err("the address has bits behind its network's: 10.0.0.0/8, not 10.1.2.3/8");
        }
        Ok(network)
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.masked(address) == self.masked_first()
    }

    fn masked_first(self) -> u128 {
        self.masked(self.first)
    }

    fn masked(self, address: IpAddr) -> u128 {
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let low = whole - self.prefix_bits;
        bits_of(address).checked_shr(low).and_then(|high| high.checked_shl(low)).unwrap_or(0)
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::TrustedProxies;
    use axum::http::HeaderMap;
    use std::net::IpAddr;

    fn client(trusted: &str, peer: &str, lines: &[&str]) -> String {
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client_of(peer.parse::<IpAddr>().unwrap(), &headers).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_header_says_nothing() {
        assert_eq!(client("", "127.0.0.1", &["203.0.113.5"]), "127.0.0.1");
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["203.0.113.5"]), "192.0.2.1");
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_trusted() {
        let chain = ["198.51.100.9, 203.0.113.5", "10.2.0.1"];

        assert_eq!(client("127.0.0.1,10.0.0.0/8", "127.0.0.1", &chain), "203.0.113.5");
        assert_eq!(client("127.0.0.1", "127.0.0.1", &chain), "10.2.0.1");
        assert_eq!(client("::1, 2001:db8::/32", "::1", &["2001:db9::7, 2001:db8::1"]), "2001:db9::7");
    }

    #[test]
    fn a_hop_that_a_client_wrote_itself_is_never_reached() {
        for forged in ["127.0.0.1", "10.0.0.1", "nonsense", "", "1.2.3.4, 10.0.0.1", "::ffff:10.0.0.1"] {
            let line = format!("{forged}, 203.0.113.5");
            assert_eq!(client("127.0.0.1,10.0.0.0/8", "127.0.0.1", &[&line]), "203.0.113.5", "{forged}");
            assert_eq!(client("127.0.0.1", "127.0.0.1", &[forged, "203.0.113.5"]), "203.0.113.5", "{forged}");
        }
    }

    #[test]
    fn what_is_no_address_stops_at_the_hop_that_wrote_it() {
        assert_eq!(client("127.0.0.1", "127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1,10.0.0.1", "127.0.0.1", &["203.0.113.5, x, 10.0.0.1"]), "10.0.0.1");
        assert_eq!(client("127.0.0.1", "127.0.0.1", &["203.0.113.5:4711"]), "203.0.113.5");
        assert_eq!(client("127.0.0.1", "::ffff:127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn malformed_networks_are_refused() {
        for text in [
            "10.0.0.0/33",
            "10.1.2.3/8",
            "::/129",
            "proxy.example",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/8 1",
            "::ffff:10.0.0.1",
        ] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
        }
        for text in ["", "0.0.0.0/0", "::/0", "10.0.0.0/8, ::1", "127.0.0.1,"] {
            assert!(text.parse::<TrustedProxies>().is_ok(), "{text}");
        }
    }
}
