//! Where webhooks and questions may go: hosts that are listed, and addresses that are nobody's own network unless that network is allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use hyper::Uri;

use crate::{Failure, Resolve};

/// Longest address of a webhook, in bytes.
pub const URL_BYTES_MAX: usize = 500;
/// Most addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;

/// Why a text is no address of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is none, or not http or https.
    #[error("is no address such as https://hooks.example/alerts")]
    Malformed,
    /// It is too long.
    #[error("is longer than 500 bytes")]
    TooLong,
    /// It carries a user or a password.
    #[error("must not carry a user or a password")]
    Credentials,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) uri: Uri,
    /// In lower case, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.len() > URL_BYTES_MAX {
            return Err(EndpointError::TooLong);
        }
        let uri: Uri = text.parse().map_err(|_| EndpointError::Malformed)?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(EndpointError::Malformed),
        };
        let authority = uri.authority().ok_or(EndpointError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let has_port = authority.as_str().trim_end_matches(']').contains("]:")
            || authority
                .as_str()
                .rsplit_once(':')
                .is_some_and(|(before, _)| !before.contains(':'));
        if host.is_empty() || (has_port && authority.port_u16().is_none_or(|port| port == 0)) {
            return Err(EndpointError::Malformed);
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self {
            host,
            port,
            is_tls,
            uri,
        })
    }
}

impl Endpoint {
    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it goes by https.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The path and what follows it.
    pub(crate) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The host and the port, as they were written.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The rule that lists this host and port, and nothing else.
    pub fn rule(&self) -> HostRule {
        HostRule {
            host: self.host.clone(),
            is_beneath: false,
            port: Some(self.port),
        }
    }
}

/// A host of the list: `hooks.example`, `*.example` for what stands beneath, and a port after a colon where it is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    host: String,
    is_beneath: bool,
    port: Option<u16>,
}

/// A text is no host of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no host such as hooks.example, *.example or hooks.example:8443")]
pub struct HostError;

impl FromStr for HostRule {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let text = text.trim().to_ascii_lowercase();
        let (rest, is_beneath) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or(HostError)?)),
            None => rest
                .split_once(':')
                .map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_name = host.split('.').all(|label| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.len() <= 63 && label.bytes().all(is_letter)
        });
        if !(is_name || is_address) || (is_beneath && is_address) || host.len() > 253 {
            return Err(HostError);
        }
        let port = match port {
            Some(digits) => Some(digits.parse().ok().filter(|&port| port > 0).ok_or(HostError)?),
            None => None,
        };
        Ok(Self {
            host: host.to_owned(),
            is_beneath,
            port,
        })
    }
}

impl HostRule {
    fn covers(&self, endpoint: &Endpoint) -> bool {
        let usual = if endpoint.is_tls { 443 } else { 80 };
        let is_host = if self.is_beneath {
            let above = endpoint.host.strip_suffix(self.host.as_str());
            above
                .and_then(|above| above.strip_suffix('.'))
                .is_some_and(|name| !name.is_empty())
        } else {
            endpoint.host == self.host
        };
        is_host && endpoint.port == self.port.unwrap_or(usual)
    }
}

/// Whether an address lies in a network that is allowed though it is not public.
pub type Allowed = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Where webhooks may go.
pub struct Egress {
    hosts: Vec<HostRule>,
    allows_http: bool,
    allowed: Allowed,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Egress({:?}, http: {})", self.hosts, self.allows_http)
    }
}

impl Egress {
    /// To these hosts; to addresses that are not public where `allowed` says so.
    pub fn new(hosts: Vec<HostRule>, allows_http: bool, allowed: Allowed) -> Self {
        Self {
            hosts,
            allows_http,
            allowed,
        }
    }

    /// Whether the endpoint's host and way are allowed, whatever address it has.
    ///
    /// # Errors
    /// [`Outlook::Never`](crate::Outlook::Never) when they are not.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        if !endpoint.is_tls && !self.allows_http {
            return Err(Failure::never("this goes by https only"));
        }
        if !self.hosts.iter().any(|rule| rule.covers(endpoint)) {
            let (host, port) = (&endpoint.host, endpoint.port);
            return Err(Failure::never(format!(
                "{host}, port {port}, is not on the list of hosts"
            )));
        }
        Ok(())
    }

    /// The addresses that one may connect to. All of a name's must be allowed: one that is not makes the name suspect.
    pub(crate) async fn addresses(
        &self,
        endpoint: &Endpoint,
        resolver: &dyn Resolve,
    ) -> Result<Vec<SocketAddr>, Failure> {
        self.check(endpoint)?;
        let found = match endpoint.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => resolver
                .resolve(&endpoint.host)
                .await
                .map_err(|error| Failure::later(format!("{} has no address: {error}", endpoint.host)))?,
        };
        if found.is_empty() || found.len() > ADDRESSES_MAX {
            let (host, count) = (&endpoint.host, found.len());
            return Err(Failure::later(format!("{host} has {count} addresses")));
        }
        let found: Vec<IpAddr> = found.iter().map(IpAddr::to_canonical).collect();
        for &address in &found {
            if !is_public(address) && (is_never(address) || !(self.allowed)(address)) {
                let host = &endpoint.host;
                let said = format!("{host} has an address that is in no network that is allowed");
                return Err(Failure::never(said).at(address));
            }
        }
        let to_socket = |address| SocketAddr::new(address, endpoint.port);
        Ok(found.into_iter().map(to_socket).collect())
    }
}

/// Addresses that are no single machine's.
fn is_never(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Whether an address is one that the Internet routes to some machine: IANA's registries of special-purpose addresses, of which none counts.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => {
            true
        }
        [192, 168, ..] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        [first, ..] => first >= 224,
    };
    !special
}

/// Global unicast, 2000::/3, but what of it is special; so NAT64 (64:ff9b::/96), mapped, unique-local and link-local addresses are not.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let special = match address.segments() {
        // 2001::/23: Teredo, benchmarks, ORCHID and the like.
        [0x2001, second, ..] if second < 0x200 => true,
        [0x2001, 0xdb8, ..] | [0x2002, ..] => true,
        [0x2620, 0x4f, 0x8000, ..] => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        [first, ..] => first & 0xe000 != 0x2000,
    };
    !special
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "113.160.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2001:4860:4860::8888",
            "2400:3200::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn endpoints_are_read() {
        let check = |text: &str, host: &str, port: u16| {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.host(), endpoint.port), (host, port), "{text}");
        };
        check("https://Hooks.Example/a?b=c", "hooks.example", 443);
        check("https://hooks.example.:8443/", "hooks.example", 8443);
        check("http://hooks.example", "hooks.example", 80);
        check("https://[2001:db8::1]:444/", "2001:db8::1", 444);
        check("https://[2001:db8::1]/", "2001:db8::1", 443);
        for wrong in [
            "",
            "hooks.example",
            "ftp://hooks.example/",
            "https:///x",
            "https://a b/",
            "https://h:0/",
            "https://h:99999/",
            "/x",
        ] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
        assert_eq!(
            "https://u:p@hooks.example/".parse::<Endpoint>(),
            Err(EndpointError::Credentials)
        );
        let long = format!("https://hooks.example/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(long.parse::<Endpoint>(), Err(EndpointError::TooLong));
    }

    #[test]
    fn hosts_of_the_list_cover_what_they_say_and_no_more() {
        let covers = |rule: &str, url: &str| rule.parse::<HostRule>().unwrap().covers(&url.parse().unwrap());
        assert!(covers("hooks.example", "https://hooks.example/x"));
        assert!(covers("HOOKS.example", "http://hooks.example/x"));
        assert!(
            !covers("hooks.example", "https://hooks.example:8443/x"),
            "another port"
        );
        assert!(covers("hooks.example:8443", "https://hooks.example:8443/x"));
        assert!(!covers("hooks.example:8443", "https://hooks.example/x"));
        assert!(!covers("hooks.example", "https://a.hooks.example/x"));
        assert!(!covers("hooks.example", "https://hooks.example.evil.example/x"));
        assert!(covers("*.example", "https://hooks.example/x"));
        assert!(covers("*.example", "https://a.b.example/x"));
        assert!(!covers("*.example", "https://example/x"));
        assert!(!covers("*.example", "https://badexample/x"));
        assert!(covers("10.1.2.3", "https://10.1.2.3/x"));
        assert!(covers("[2001:db8::1]:444", "https://[2001:db8::1]:444/x"));
        for wrong in [
            "",
            "*",
            "*.",
            "a..b",
            "a b",
            "http://a",
            "a/b",
            "a:0",
            "a:x",
            "*.10.0.0.1",
            "[::1]x",
        ] {
            assert!(wrong.parse::<HostRule>().is_err(), "{wrong}");
        }
    }
}
