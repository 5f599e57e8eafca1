//! Networks in CIDR notation.

use std::net::IpAddr;

/// A network; IPv4-mapped IPv6 ones are IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    /// The address's bits from the left, IPv4 in the low 32.
    bits: u128,
    prefix: u8,
    is_v4: bool,
}

impl Network {
    /// Reads `address/prefix`, or an address alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.trim().parse().ok()?;
        let width = if written.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<u8>().ok()?
            }
            Some(_) => return None,
            None => width,
        };
        if prefix > width {
            return None;
        }
        let canonical = written.to_canonical();
        let (address, prefix) = if canonical.is_ipv4() && written.is_ipv6() && prefix >= 96 {
            (canonical, prefix - 96)
        } else {
            (written, prefix)
        };
        let (bits, is_v4) = bits(address);
        Some(Self {
            bits: masked(bits, prefix, is_v4),
            prefix,
            is_v4,
        })
    }

    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address.to_canonical());
        is_v4 == self.is_v4 && masked(bits, self.prefix, is_v4) == self.bits
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

fn masked(bits: u128, prefix: u8, is_v4: bool) -> u128 {
    let width: u32 = if is_v4 { 32 } else { 128 };
    let host_bits = width.saturating_sub(u32::from(prefix));
    bits.checked_shr(host_bits).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_where_they_should() {
        let check = |network: &str, address: &str, expect: bool| {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                expect,
                "{address} in {network:?}"
            );
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("10.1.2.3/8", "10.9.9.9", true);
        check("0.0.0.0/0", "1.2.3.4", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("192.0.2.1", "192.0.2.1", true);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "x",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
