//! Addresses and protocol numbers in events.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The 4 or 16 bytes of an address, as events carry it.
pub fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The address in an event's 4 or 16 bytes; `None` for any other length.
pub fn parse_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

/// The usual name of an IANA protocol number, in lower case; empty for one that has none here.
pub fn protocol_name(number: u32) -> &'static str {
    match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        89 => "ospf",
        132 => "sctp",
        _ => "",
    }
}

/// Whether a protocol number is ICMP's or ICMPv6's.
pub(crate) fn is_icmp(proto: u32) -> bool {
    matches!(proto, 1 | 58)
}
