//! Frames: Ethernet, IPv4 and IPv6, with right lengths and checksums.
//!
//! ```text
//! | Ethernet 14 | IPv4 20 or IPv6 40 | TCP 20 + options / UDP 8 / ICMP 8 | payload |
//! ```
//! Frames carry neither the FCS nor padding to 60 bytes: this is what a capture on the sending side shows. No frame is
//! longer than 1514 bytes; keeping to that is up to the layers above.

use std::net::IpAddr;

use crate::truth::Protocol;

/// Where packets come from or go to, on the link and on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) mac: [u8; 6],
    pub(crate) address: IpAddr,
    /// Time to live with which its packets pass the tap.
    pub(crate) ttl: u8,
}

/// The ones' complement sum of RFC 1071, not yet folded; an odd last byte counts as the high half of a word.
pub(crate) fn sum_words(bytes: &[u8]) -> u32 {
    bytes.chunks(2).fold(0_u32, |sum, word| {
        let high = u32::from(word.first().copied().unwrap_or(0)) << 8;
        sum.wrapping_add(high + u32::from(word.get(1).copied().unwrap_or(0)))
    })
}

pub(crate) fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn pseudo_header_sum(from: IpAddr, to: IpAddr, transport: Protocol, length: usize) -> u32 {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum_words(&from.octets()) + sum_words(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum_words(&from.octets()) + sum_words(&to.octets()),
        _ => 0,
    };
    addresses + u32::from(transport.number()) + length as u32
}

/// Fills in the checksum at `offset` of a transport header and its payload, where it is still 0.
fn seal(bytes: &mut [u8], offset: usize, from: IpAddr, to: IpAddr, transport: Protocol) {
    // ICMP over IPv4 alone has no pseudo header (RFC 792).
    let pseudo = match transport {
        Protocol::Icmp => 0,
        _ => pseudo_header_sum(from, to, transport, bytes.len()),
    };
    let mut checksum = fold(pseudo + sum_words(bytes));
    if transport == Protocol::Udp && checksum == 0 {
        checksum = 0xffff;
    }
    if let Some(field) = bytes.get_mut(offset..offset + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// A frame around a transport header and payload.
fn frame(from: &Station, to: &Station, transport: Protocol, identification: u16, inner: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(54 + inner.len());
    frame.extend_from_slice(&to.mac);
    frame.extend_from_slice(&from.mac);
    match (from.address, to.address) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend_from_slice(&0x86dd_u16.to_be_bytes());
            frame.extend_from_slice(&[0x60, 0, 0, 0]);
            frame.extend_from_slice(&(inner.len() as u16).to_be_bytes());
            frame.extend_from_slice(&[transport.number(), from.ttl]);
            frame.extend_from_slice(&source.octets());
            frame.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            let octets = |address| match address {
                IpAddr::V4(v4) => v4.octets(),
                IpAddr::V6(_) => [0; 4],
            };
            frame.extend_from_slice(&0x0800_u16.to_be_bytes());
            let mut header = [0; 20];
            // TCP asks that nobody fragment its packets; the others leave that to the network.
            let flags = if transport == Protocol::Tcp { 0x40 } else { 0 };
            header[0] = 0x45;
            header[2..4].copy_from_slice(&((20 + inner.len()) as u16).to_be_bytes());
            header[4..6].copy_from_slice(&identification.to_be_bytes());
            header[6] = flags;
            header[8] = from.ttl;
            header[9] = transport.number();
            header[12..16].copy_from_slice(&octets(source));
            header[16..20].copy_from_slice(&octets(destination));
            let checksum = fold(sum_words(&header));
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            frame.extend_from_slice(&header);
        }
    }
    frame.extend_from_slice(inner);
    frame
}

/// The fields of a TCP segment that vary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Segment<'a> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// Padded to a multiple of 4 by the caller.
    pub(crate) options: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// A frame with a TCP segment.
pub(crate) fn tcp(from: &Station, to: &Station, identification: u16, segment: &Segment<'_>) -> Vec<u8> {
    let header_words = (5 + segment.options.len() / 4) as u8;
    let mut bytes = Vec::with_capacity(20 + segment.options.len() + segment.payload.len());
    bytes.extend_from_slice(&segment.source_port.to_be_bytes());
    bytes.extend_from_slice(&segment.destination_port.to_be_bytes());
    bytes.extend_from_slice(&segment.sequence.to_be_bytes());
    bytes.extend_from_slice(&segment.acknowledgement.to_be_bytes());
    bytes.extend_from_slice(&[header_words << 4, segment.flags]);
    bytes.extend_from_slice(&segment.window.to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&segment.urgent.to_be_bytes());
    bytes.extend_from_slice(segment.options);
    bytes.extend_from_slice(segment.payload);
    seal(&mut bytes, 16, from.address, to.address, Protocol::Tcp);
    frame(from, to, Protocol::Tcp, identification, &bytes)
}

/// A frame with a UDP datagram; `ports` are source and destination.
pub(crate) fn udp(
    from: &Station,
    to: &Station,
    identification: u16,
    ports: (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend_from_slice(&ports.0.to_be_bytes());
    bytes.extend_from_slice(&ports.1.to_be_bytes());
    bytes.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(payload);
    seal(&mut bytes, 6, from.address, to.address, Protocol::Udp);
    frame(from, to, Protocol::Udp, identification, &bytes)
}

/// An echo's number within its series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) identifier: u16,
    pub(crate) sequence: u16,
}

/// A frame with an ICMP message of `kind` (type) about an echo, for whichever version of IP the stations speak.
pub(crate) fn icmp(
    from: &Station,
    to: &Station,
    identification: u16,
    kind: u8,
    echo: Echo,
    payload: &[u8],
) -> Vec<u8> {
    let transport = if from.address.is_ipv6() {
        Protocol::Icmp6
    } else {
        Protocol::Icmp
    };
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend_from_slice(&echo.identifier.to_be_bytes());
    bytes.extend_from_slice(&echo.sequence.to_be_bytes());
    bytes.extend_from_slice(payload);
    seal(&mut bytes, 2, from.address, to.address, transport);
    frame(from, to, transport, identification, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_rfc_1071_example() {
        assert_eq!(
            fold(sum_words(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            !0xddf2
        );
        assert_eq!(sum_words(&[0x01]), 0x0100);
    }
}
