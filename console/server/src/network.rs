//! Networks, as settings name them, and whom a request comes from through proxies.

use std::net::IpAddr;
use std::str::FromStr;

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: u128,
    prefix: u32,
}

/// As IPv6, IPv4 mapped.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is no network such as 10.0.0.0/8 or 2001:db8::/32");
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let (length, before) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix = match prefix {
            None => length,
            Some(digits) => digits.parse::<u32>().map_err(|_| refused())?,
        };
        if prefix > length {
            return Err(refused());
        }
        Ok(Self {
            address: bits(address),
            prefix: before + prefix,
        })
    }
}

impl Network {
    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let differ = self.address ^ bits(address);
        differ.checked_shr(128 - self.prefix).unwrap_or(0) == 0
    }
}

/// Whether a host is this machine itself, by its name or address.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether `address` lies in one of `networks`.
pub(crate) fn among(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// Whom a request comes from: the peer, or, where that is a trusted proxy, whom its `X-Forwarded-For` names, from the last back to the first
/// that is no trusted proxy itself. What stands before that, anybody can have written.
pub(crate) fn client(peer: IpAddr, forwarded: &[&str], trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| among(trusted, address);
    let mut client = peer;
    let named = forwarded.iter().rev().flat_map(|line| line.rsplit(','));
    for text in named {
        if !is_trusted(client) {
            break;
        }
        let Ok(address) = text.trim().parse::<IpAddr>() else {
            break;
        };
        client = address.to_canonical();
    }
    client
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_contain_what_they_should() {
        let contains = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.0.0.7", "10.0.0.7") && !contains("10.0.0.7", "10.0.0.8"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("::/0", "2001:db8::1"));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "::/129", "proxy"] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<Network> = vec!["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()];
        let check = |peer: &str, forwarded: &[&str], expect: &str| {
            let client = client(peer.parse().unwrap(), forwarded, &trusted);
            assert_eq!(client.to_string(), expect, "{peer} {forwarded:?}");
        };
        check("192.0.2.9", &["203.0.113.5"], "192.0.2.9");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["203.0.113.5"], "203.0.113.5");
        check("127.0.0.1", &["198.51.100.1, 203.0.113.5"], "203.0.113.5");
        check("127.0.0.1", &["203.0.113.5, 10.1.2.3"], "203.0.113.5");
        check(
            "127.0.0.1",
            &["198.51.100.1, 203.0.113.5", "10.1.2.3"],
            "203.0.113.5",
        );
        check("127.0.0.1", &["203.0.113.5, nonsense"], "127.0.0.1");
        check("10.1.9.9", &["::ffff:203.0.113.5"], "203.0.113.5");
    }
}
