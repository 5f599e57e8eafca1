//! What is wrong with a frame, by the names that rules have for it (`decode-event:ipv4.trunc_pkt`).
//!
//! Told of the link, its outermost IP header and the transport above it; what a tunnel carries is not looked at. It is asked of frames that
//! could not be read, and of all of them when a rule waits for such a name: reading them does not depend on it.

mod extensions;
mod options;
mod transport;

use crate::LinkType;
use crate::link::{self, ether_type};
use crate::packet::DropReason;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a frame is found to be, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Source and destination.
    pub addresses: Option<[IpAddr; 2]>,
    /// IANA number of the transport protocol; 0 when it is not known.
    pub protocol: u8,
    /// Source and destination port; 0 when they are not known or there are none.
    pub ports: [u16; 2],
    /// Suricata's names of what is wrong, each once, in the order in which they are found.
    pub events: Vec<&'static str>,
}

impl Diagnosis {
    fn note(&mut self, event: &'static str) {
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }
}

/// Says what is wrong with a frame.
pub fn diagnose(link: LinkType, frame: &[u8]) -> Diagnosis {
    let mut found = Diagnosis::default();
    match link::strip(link, frame) {
        Ok(layer) => match layer.ether_type {
            ether_type::IPV4 => ipv4(layer.payload, &mut found),
            ether_type::IPV6 => ipv6(layer.payload, &mut found),
            _ if link == LinkType::RawIp => found.note("ipraw.invalid_ip_version"),
            _ => {}
        },
        Err(reason) => found.events.extend(of_link(link, frame, reason)),
    }
    found
}

/// What is wrong with the link header or a tag.
fn of_link(link: LinkType, frame: &[u8], reason: DropReason) -> Option<&'static str> {
    const TYPE_OFFSET: usize = 12;
    let ether_type = frame
        .get(TYPE_OFFSET..)
        .and_then(|tail| tail.first_chunk::<2>())
        .map(|octets| u16::from_be_bytes(*octets));
    match (link, ether_type, reason) {
        (LinkType::Ethernet, None, _) => Some("ethernet.pkt_too_small"),
        (LinkType::Ethernet, Some(tag), DropReason::Truncated) => match tag {
            ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD => Some("vlan.header_too_small"),
            ether_type::MPLS | ether_type::MPLS_MULTICAST => Some("mpls.header_too_small"),
            ether_type::PPPOE_SESSION => Some("pppoe.pkt_too_small"),
            ether_type::E_TAG => Some("etag.header_too_small"),
            ether_type::VN_TAG => Some("vntag.header_too_small"),
            ether_type::NSH => Some("nsh.header_too_small"),
            _ => None,
        },
        (LinkType::Ethernet, Some(ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD), _) => {
            Some("vlan.too_many_layers")
        }
        (LinkType::LinuxSll, ..) => Some("sll.pkt_too_small"),
        (LinkType::LinuxSll2, ..) => Some("sll2.pkt_too_small"),
        (LinkType::Null | LinkType::Loop, ..) => Some("ltnull.pkt_too_small"),
        (LinkType::Ppp, ..) => Some("ppp.pkt_too_small"),
        _ => None,
    }
}

fn be16(bytes: &[u8], offset: usize) -> usize {
    let octets = bytes.get(offset..).and_then(|tail| tail.first_chunk::<2>());
    octets.map_or(0, |octets| usize::from(u16::from_be_bytes(*octets)))
}

fn ipv4(bytes: &[u8], found: &mut Diagnosis) {
    const FRAGMENT_MASK: usize = 0x3fff;
    let Some(fixed) = bytes.first_chunk::<20>() else {
        return found.note("ipv4.pkt_too_small");
    };
    if fixed[0] >> 4 != 4 {
        return found.note("ipv4.wrong_ip_version");
    }
    let address = |offset: usize| {
        let octets = fixed.get(offset..).and_then(|tail| tail.first_chunk::<4>());
        IpAddr::V4(octets.map_or(Ipv4Addr::UNSPECIFIED, |octets| Ipv4Addr::from(*octets)))
    };
    found.addresses = Some([address(12), address(16)]);
    found.protocol = fixed[9];
    let header_len = usize::from(fixed[0] & 0xf) * 4;
    let total_len = match be16(bytes, 2) {
        // Segmentation offload leaves it 0.
        0 => bytes.len(),
        len => len,
    };
    if header_len < 20 {
        return found.note("ipv4.hlen_too_small");
    }
    if total_len < header_len {
        return found.note("ipv4.iplen_smaller_than_hlen");
    }
    let Some((header, payload)) = bytes
        .get(..total_len)
        .and_then(|packet| packet.split_at_checked(header_len))
    else {
        return found.note("ipv4.trunc_pkt");
    };
    options::ipv4(header.get(20..).unwrap_or_default(), found);
    if be16(bytes, 6) & FRAGMENT_MASK == 0 {
        transport::above_ipv4(payload, found);
    }
}

fn ipv6(bytes: &[u8], found: &mut Diagnosis) {
    let Some((fixed, behind)) = bytes.split_first_chunk::<40>() else {
        return found.note("ipv6.pkt_too_small");
    };
    if fixed[0] >> 4 != 6 {
        return found.note("ipv6.wrong_ip_version");
    }
    let address = |offset: usize| {
        let octets = fixed.get(offset..).and_then(|tail| tail.first_chunk::<16>());
        IpAddr::V6(octets.map_or(Ipv6Addr::UNSPECIFIED, |octets| Ipv6Addr::from(*octets)))
    };
    found.addresses = Some([address(8), address(24)]);
    found.protocol = fixed[6];
    let payload = match be16(bytes, 4) {
        0 => behind,
        len => match behind.get(..len) {
            Some(payload) => payload,
            None => return found.note("ipv6.trunc_pkt"),
        },
    };
    extensions::walk(payload, found);
}

#[cfg(test)]
mod tests;
