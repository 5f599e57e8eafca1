//! The headers above IP.

use super::{Diagnosis, be16, options};

const ICMP: u8 = 1;
const IGMP: u8 = 2;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ESP: u8 = 50;
const AUTHENTICATION: u8 = 51;
const ICMP_V6: u8 = 58;
const SCTP: u8 = 132;

/// Looks at what an unfragmented IPv4 packet carries.
pub(super) fn above_ipv4(payload: &[u8], found: &mut Diagnosis) {
    let protocol = found.protocol;
    match protocol {
        ICMP_V6 => found.note("ipv4.icmpv6"),
        ICMP => icmp(payload, found),
        IGMP if payload.len() < 8 => found.note("igmp.pkt_too_small"),
        IGMP | AUTHENTICATION => {}
        _ if !known(payload, found) => found.note("ipv4.unknown_protocol"),
        _ => {}
    }
}

/// Looks at what an IPv6 packet carries behind its extension headers.
pub(super) fn above_ipv6(payload: &[u8], found: &mut Diagnosis) {
    let protocol = found.protocol;
    match protocol {
        ICMP => found.note("ipv6.icmpv4"),
        ICMP_V6 => icmp_v6(payload, found),
        IPV4 => within(
            payload,
            found,
            20,
            4,
            ["ipv6.ipv4_in_ipv6_too_small", "ipv6.ipv4_in_ipv6_wrong_version"],
        ),
        IPV6 => within(
            payload,
            found,
            40,
            6,
            ["ipv6.ipv6_in_ipv6_too_small", "ipv6.ipv6_in_ipv6_wrong_version"],
        ),
        _ if !known(payload, found) => found.note("ipv6.unknown_next_header"),
        _ => {}
    }
}

/// IP within IP: whether it is long enough, and of the version that the outer header says.
fn within(payload: &[u8], found: &mut Diagnosis, len: usize, version: u8, events: [&'static str; 2]) {
    let [too_small, wrong_version] = events;
    match payload.first() {
        Some(first) if payload.len() >= len && first >> 4 == version => {}
        Some(_) if payload.len() >= len => found.note(wrong_version),
        _ => found.note(too_small),
    }
}

/// Looks at what either version carries; whether its protocol is one that is known.
fn known(payload: &[u8], found: &mut Diagnosis) -> bool {
    let protocol = found.protocol;
    match protocol {
        TCP => tcp(payload, found),
        UDP => udp(payload, found),
        GRE if payload.len() < 4 => found.note("gre.pkt_too_small"),
        GRE if be16(payload, 0) & 7 > 1 => found.note("gre.wrong_version"),
        SCTP if payload.len() < 12 => found.note("sctp.pkt_too_small"),
        ESP if payload.len() < 8 => found.note("esp.pkt_too_small"),
        GRE | SCTP | ESP | IPV4 | IPV6 => {}
        _ => return false,
    }
    true
}

fn ports(segment: &[u8]) -> [u16; 2] {
    [0, 2].map(|offset| u16::try_from(be16(segment, offset)).unwrap_or(0))
}

fn tcp(segment: &[u8], found: &mut Diagnosis) {
    const HEADER_LEN: usize = 20;
    let Some(fixed) = segment.first_chunk::<HEADER_LEN>() else {
        return found.note("tcp.pkt_too_small");
    };
    found.ports = ports(segment);
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < HEADER_LEN {
        return found.note("tcp.invalid_optlen");
    }
    match segment.get(HEADER_LEN..header_len) {
        Some(options) => options::tcp(options, found),
        None => found.note("tcp.hlen_too_small"),
    }
}

fn udp(datagram: &[u8], found: &mut Diagnosis) {
    const HEADER_LEN: usize = 8;
    if datagram.len() < HEADER_LEN {
        return found.note("udp.hlen_too_small");
    }
    found.ports = ports(datagram);
    match be16(datagram, 4) {
        // Of a jumbogram, or left to the network card.
        0 => {}
        len if len < HEADER_LEN => found.note("udp.len_invalid"),
        len if len > datagram.len() => found.note("udp.pkt_too_small"),
        len if len < datagram.len() => found.note("udp.hlen_invalid"),
        _ => {}
    }
}

fn icmp(message: &[u8], found: &mut Diagnosis) {
    let Some([kind, code, ..]) = message.first_chunk::<8>() else {
        return found.note("icmpv4.pkt_too_small");
    };
    let codes_max = match kind {
        0 | 4 | 8 | 10 | 13..=18 => 0,
        3 => 15,
        5 => 3,
        11 => 1,
        12 => 2,
        // Mobile IP routers have one of their own (RFC 5944, 2.1).
        9 if *code == 16 => 16,
        9 => 0,
        _ => return found.note("icmpv4.unknown_type"),
    };
    if *code > codes_max {
        found.note("icmpv4.unknown_code");
    }
}

fn icmp_v6(message: &[u8], found: &mut Diagnosis) {
    let Some([kind, code, ..]) = message.first_chunk::<8>() else {
        return found.note("icmpv6.pkt_too_small");
    };
    let codes_max = match kind {
        1 => 8,
        2 | 128 | 129 => 0,
        3 => 1,
        4 => 10,
        5..=99 | 102..=126 | 162..=199 | 202..=254 => return found.note("icmpv6.unassigned_type"),
        100 | 101 | 200 | 201 => return found.note("icmpv6.experimentation_type"),
        _ => return,
    };
    if *code > codes_max {
        found.note("icmpv6.unknown_code");
    }
}
