//! Frames and packets that other packets carry.
//!
//! | in | what | read as |
//! |---|---|---|
//! | IP | IPv4, IPv6 (IP-in-IP, 6in4) | IP |
//! | IP | GRE (RFC 2784, 2890), version 1 with PPP (PPTP, RFC 2637) | IP, Ethernet, PPP, MPLS, ERSPAN I–III |
//! | UDP to 4789, 8472 | VXLAN (RFC 7348) | Ethernet |
//! | UDP to 6081 | Geneve (RFC 8926) | Ethernet, IP |
//! | UDP to 2152 | GTP-U version 1 | IP |
//! | UDP to or from 3544 | Teredo (RFC 4380) | IPv6 |
//!
//! What goes by UDP is opened only if an IP header of the right length is in it: those ports carry other things, too.

use crate::link::{self, Layer, ether_type};
use crate::packet::{Packet, Udp};
use crate::vlans::Vlans;
use std::net::IpAddr;

/// The tunnels that something came through.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tunnels {
    pub(crate) depth: u8,
    /// See [`Packet::tunnel`].
    pub(crate) id: u64,
}

impl Tunnels {
    /// Those that a packet came through, and the one that it is, for a virtual network.
    pub(crate) fn through(outer: &Packet<'_>, network: u32) -> Self {
        let number = |address| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let (src, dst) = (number(outer.src), number(outer.dst));
        let mixed = [src.min(dst), src.max(dst), u128::from(network)]
            .into_iter()
            .fold(outer.tunnel, |mixed, number| {
                mix(mix(mixed ^ number as u64) ^ (number >> 64) as u64)
            });
        Self {
            depth: outer.tunnel_depth + 1,
            // 0 is none.
            id: mixed.max(1),
        }
    }
}

/// SplitMix64's finalizer.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

mod number {
    pub(super) const IPV4: u8 = 4;
    pub(super) const IPV6: u8 = 41;
    pub(super) const GRE: u8 = 47;
}

/// What an IP protocol carries; `None` when it is no tunnel that can be opened.
pub(crate) fn in_ip(protocol: u8, payload: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    let layer = |ether_type, payload| Layer {
        vlans,
        ether_type,
        payload,
    };
    match protocol {
        number::IPV4 => Some(layer(ether_type::IPV4, payload)),
        number::IPV6 => Some(layer(ether_type::IPV6, payload)),
        number::GRE => generic_routing(payload, vlans),
        _ => None,
    }
}

/// What a datagram carries; `None` when it is no tunnel.
pub(crate) fn in_udp<'a>(udp: &Udp<'a>, vlans: Vlans) -> Option<Layer<'a>> {
    const TEREDO: u16 = 3544;
    let inner = match (udp.sport, udp.dport) {
        (_, 4789 | 8472) => vxlan(udp.payload, vlans),
        (_, 6081) => geneve(udp.payload, vlans),
        (_, 2152) => gtp_user(udp.payload, vlans),
        (TEREDO, _) | (_, TEREDO) => teredo(udp.payload, vlans),
        _ => None,
    }?;
    is_ip(&inner).then_some(inner)
}

/// The number of the virtual network that a tunnel belongs to, where both directions have the same; 0 otherwise.
pub(crate) fn network_of(udp: &Udp<'_>) -> u32 {
    const NUMBERED: [u16; 3] = [4789, 8472, 6081];
    match udp.payload.get(4..7) {
        Some([a, b, c]) if NUMBERED.contains(&udp.dport) => u32::from_be_bytes([0, *a, *b, *c]),
        _ => 0,
    }
}

/// Whether a layer is an IP packet, by its version and its length.
fn is_ip(layer: &Layer<'_>) -> bool {
    let word = |at: usize| {
        let octets = layer.payload.get(at..).and_then(|tail| tail.first_chunk::<2>());
        octets.map(|octets| usize::from(u16::from_be_bytes(*octets)))
    };
    let first = layer.payload.first().copied().unwrap_or(0);
    match (layer.ether_type, first >> 4) {
        (ether_type::IPV4, 4) => {
            let header = usize::from(first & 0xf) * 4;
            word(2).is_some_and(|total| header >= 20 && total >= header && total <= layer.payload.len())
        }
        (ether_type::IPV6, 6) => word(4).is_some_and(|rest| 40 + rest <= layer.payload.len()),
        _ => false,
    }
}

fn ip(payload: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    let ether_type = link::ether_type_of_ip(payload);
    (ether_type != 0).then_some(Layer {
        vlans,
        ether_type,
        payload,
    })
}

/// GRE: flags, protocol, then four bytes for each of checksum, key, sequence and (version 1) acknowledgement that is present.
fn generic_routing(bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const CHECKSUM: u16 = 0x8000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    let header = bytes.first_chunk::<4>()?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    let carried = u16::from_be_bytes([header[2], header[3]]);
    let present = match (flags & VERSION, carried) {
        (0, _) => &[CHECKSUM, KEY, SEQUENCE][..],
        (1, ether_type::PPP) => &[KEY, SEQUENCE, ACKNOWLEDGEMENT],
        _ => return None,
    };
    let options = present.iter().filter(|option| flags & **option != 0).count();
    let payload = bytes.get(4 + options * 4..)?;
    match carried {
        ether_type::BRIDGED_ETHERNET => link::ethernet(payload, vlans).ok(),
        ether_type::PPP => link::ppp(payload, vlans).ok(),
        ether_type::ERSPAN => erspan(payload, flags & SEQUENCE != 0, vlans),
        ether_type::ERSPAN_3 => erspan_3(payload, vlans),
        ether_type => {
            let layer = Layer {
                vlans,
                ether_type,
                payload,
            };
            let inner = link::tags(layer).ok()?;
            matches!(inner.ether_type, ether_type::IPV4 | ether_type::IPV6).then_some(inner)
        }
    }
}

/// ERSPAN: type I has no header of its own, type II one of 8 bytes, and GRE's sequence number with it.
fn erspan(bytes: &[u8], is_numbered: bool, vlans: Vlans) -> Option<Layer<'_>> {
    const HEADER_LEN: usize = 8;
    let from = if is_numbered { HEADER_LEN } else { 0 };
    link::ethernet(bytes.get(from..)?, vlans).ok()
}

/// ERSPAN III: 12 bytes, 8 more when the last bit says so; what is in it stands in bits of the eleventh byte.
fn erspan_3(bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const HEADER_LEN: usize = 12;
    const PLATFORM_LEN: usize = 8;
    let header = bytes.first_chunk::<HEADER_LEN>()?;
    let kind = (header[10] >> 2) & 0x1f;
    let platform = if header[11] & 1 == 1 { PLATFORM_LEN } else { 0 };
    let payload = bytes.get(HEADER_LEN + platform..)?;
    match kind {
        0 => link::ethernet(payload, vlans).ok(),
        2 => ip(payload, vlans),
        _ => None,
    }
}

fn vxlan(bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const NETWORK_IS_VALID: u8 = 0x08;
    let (header, payload) = bytes.split_first_chunk::<8>()?;
    let is_sound = header[0] & NETWORK_IS_VALID != 0 && header[7] == 0;
    is_sound.then(|| link::ethernet(payload, vlans).ok()).flatten()
}

fn geneve(bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const HEADER_LEN: usize = 8;
    let header = bytes.first_chunk::<HEADER_LEN>()?;
    let (version, options) = (header[0] >> 6, usize::from(header[0] & 0x3f) * 4);
    if version != 0 || header[7] != 0 {
        return None;
    }
    let payload = bytes.get(HEADER_LEN + options..)?;
    match u16::from_be_bytes([header[2], header[3]]) {
        ether_type::BRIDGED_ETHERNET => link::ethernet(payload, vlans).ok(),
        ether_type::IPV4 | ether_type::IPV6 => ip(payload, vlans),
        _ => None,
    }
}

/// GTP-U (3GPP TS 29.281): a G-PDU, with extension headers of which each says how long it is and what follows.
fn gtp_user(bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const VERSION_1_GTP: u8 = 0x30;
    const HAS_OPTIONS: u8 = 0x07;
    const HAS_EXTENSION: u8 = 0x04;
    const USER_DATA: u8 = 0xff;
    const EXTENSIONS_MAX: usize = 8;
    let (header, mut rest) = bytes.split_first_chunk::<8>()?;
    if header[0] & 0xf0 != VERSION_1_GTP || header[1] != USER_DATA {
        return None;
    }
    if header[0] & HAS_OPTIONS != 0 {
        let (options, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        let mut next = if header[0] & HAS_EXTENSION != 0 {
            options[3]
        } else {
            0
        };
        for _ in 0..EXTENSIONS_MAX {
            if next == 0 {
                break;
            }
            let len = usize::from(*rest.first()?)
                .checked_mul(4)
                .filter(|len| *len > 0)?;
            let (extension, behind) = rest.split_at_checked(len)?;
            next = *extension.last()?;
            rest = behind;
        }
    }
    ip(rest, vlans)
}

/// Teredo: perhaps an authentication and an origin indication, then IPv6.
fn teredo(mut bytes: &[u8], vlans: Vlans) -> Option<Layer<'_>> {
    const ORIGIN_LEN: usize = 8;
    if let [0, 1, id_len, authentication_len, ..] = bytes {
        const FIXED_LEN: usize = 4 + 8 + 1;
        bytes = bytes.get(FIXED_LEN + usize::from(*id_len) + usize::from(*authentication_len)..)?;
    }
    if let [0, 0, ..] = bytes {
        bytes = bytes.get(ORIGIN_LEN..)?;
    }
    ip(bytes, vlans).filter(|layer| layer.ether_type == ether_type::IPV6)
}
