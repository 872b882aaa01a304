//! Where a relay is.

use std::{fmt, net::IpAddr, str::FromStr};

/// Scheme, host and port of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAddress {
    /// Plain HTTP is for this machine only.
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A text that is no relay's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("a relay's address looks like https://chat.example.org")]
    Malformed,
    #[error("plain http is for relays on this machine only; use https")]
    PlainHttp,
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (tls, authority) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(authority), _) => (true, authority),
            (None, Some(authority)) => (false, authority),
            (None, None) => return Err(AddressError::Malformed),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let authority: hyper::http::uri::Authority =
            authority.parse().map_err(|_| AddressError::Malformed)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(AddressError::Malformed);
        }
        let host = authority.host().to_ascii_lowercase();
        if !tls && !is_this_machine(&host) {
            return Err(AddressError::PlainHttp);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host, port })
    }
}

impl RelayAddress {
    /// The `Host` header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host as resolvers and certificates write it: an IPv6 address without its brackets.
    pub(crate) fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{AddressError, RelayAddress};

    #[test]
    fn an_address_reads_back_from_its_text() {
        for (text, shown) in [
            ("https://Chat.example.org", "https://chat.example.org:443"),
            ("https://chat.example.org:8443/", "https://chat.example.org:8443"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            let address: RelayAddress = text.parse().unwrap();

            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse(), Ok(address));
        }
    }

    #[test]
    fn plain_http_leaves_this_machine_never() {
        for text in ["http://chat.example.org", "http://192.0.2.1:8080", "http://localhost.example.org"] {
            assert_eq!(text.parse::<RelayAddress>(), Err(AddressError::PlainHttp), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "chat.example.org", "https://", "https://a/b", "https://me@host", "ftp://host"] {
            assert_eq!(text.parse::<RelayAddress>(), Err(AddressError::Malformed), "{text}");
        }
    }
}
