//! Segments as IP packets in Ethernet frames.
//!
//! ```text
//! | MAC 12 | link: tags and ether type | packet: IP, TCP, payload |
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::segment::{Dialogue, Segment, WINDOW};
use super::{CLIENT_V4, SERVER_V4};
use crate::packet::{self, Station, fold, sum_words};
use crate::tcp::{SYN, Side};

/// The client's port.
const CLIENT_PORT: u16 = 40_123;

/// Where the packet begins in a frame that has no tags.
const LINK_BYTES: usize = 14;

/// Which IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

impl IpVersion {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }

    /// The number before its packets on Ethernet.
    pub(super) fn ether_type(self) -> u16 {
        match self {
            Self::V4 => 0x0800,
            Self::V6 => 0x86dd,
        }
    }
}

/// An IP packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) side: Side,
    pub(super) version: IpVersion,
    /// What stands between the MAC addresses and the packet.
    pub(super) link: Vec<u8>,
    /// IP header and all behind it.
    pub(super) packet: Vec<u8>,
    /// It is for the watcher: fragments of it may be anything.
    pub(super) is_chaff: bool,
    /// It carries what the carrier says.
    pub(super) carries: bool,
}

impl Datagram {
    /// Length of the IP header, IPv4's options included.
    pub(super) fn header_bytes(&self) -> usize {
        match self.version {
            IpVersion::V4 => usize::from(self.packet.first().copied().unwrap_or(0) & 0xf) * 4,
            IpVersion::V6 => 40,
        }
    }

    /// What the IP header is before.
    pub(super) fn payload(&self) -> &[u8] {
        self.packet.get(self.header_bytes()..).unwrap_or_default()
    }

    /// Sets length and header checksum to what they should be.
    pub(super) fn seal(&mut self) {
        let length = self.packet.len();
        let header = self.header_bytes();
        match self.version {
            IpVersion::V4 => {
                put16(&mut self.packet, 2, length as u16);
                put16(&mut self.packet, 10, 0);
                let sum = fold(sum_words(self.packet.get(..header).unwrap_or_default()));
                put16(&mut self.packet, 10, sum);
            }
            IpVersion::V6 => put16(&mut self.packet, 4, (length - header.min(length)) as u16),
        }
    }

    /// The frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let (from, to) = match self.side {
            Side::Client => ([0x02, 0, 0, 0, 0, 1], [0x02, 0, 0, 0, 0, 2]),
            Side::Server => ([0x02, 0, 0, 0, 0, 2], [0x02, 0, 0, 0, 0, 1]),
        };
        [&to[..], &from, &self.link, &self.packet].concat()
    }
}

/// Writes a number of two bytes, where there is room.
pub(super) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

/// Address of a side.
pub(super) fn address(side: Side, version: IpVersion) -> IpAddr {
    let documentation = |host| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host);
    match (side, version) {
        (Side::Client, IpVersion::V4) => Ipv4Addr::from(CLIENT_V4).into(),
        (Side::Server, IpVersion::V4) => Ipv4Addr::from(SERVER_V4).into(),
        (Side::Client, IpVersion::V6) => documentation(0x10).into(),
        (Side::Server, IpVersion::V6) => documentation(0x20).into(),
    }
}

/// Segments as packets, in their order.
pub(super) fn render(dialogue: &Dialogue, version: IpVersion) -> Vec<Datagram> {
    let number = |(index, segment)| datagram(dialogue, segment, version, index as u16);
    dialogue.segments.iter().enumerate().map(number).collect()
}

fn datagram(dialogue: &Dialogue, segment: &Segment, version: IpVersion, index: u16) -> Datagram {
    let station = |side, ttl| Station {
        mac: [0; 6],
        address: address(side, version),
        ttl,
    };
    let ports = match segment.side {
        Side::Client => (CLIENT_PORT, dialogue.port),
        Side::Server => (dialogue.port, CLIENT_PORT),
    };
    let options = options(segment);
    let fields = packet::Segment {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: segment.sequence,
        acknowledgement: segment.acknowledgement,
        flags: segment.flags,
        window: WINDOW,
        urgent: segment.urgent,
        options: &options,
        payload: &segment.payload,
    };
    let from = station(segment.side, segment.ttl);
    let to = station(segment.side.other(), segment.ttl);
    let mut bytes = packet::tcp(&from, &to, 0x4000_u16.wrapping_add(index), &fields).split_off(LINK_BYTES);
    let mut made = Datagram {
        side: segment.side,
        version,
        link: version.ether_type().to_be_bytes().to_vec(),
        packet: Vec::new(),
        is_chaff: segment.is_chaff,
        carries: dialogue.carries(segment),
    };
    if segment.is_damaged {
        let checksum_at = if version == IpVersion::V4 { 36 } else { 56 };
        if let Some(byte) = bytes.get_mut(checksum_at) {
            *byte ^= 0x5a;
        }
    }
    made.packet = bytes;
    made
}

fn options(segment: &Segment) -> Vec<u8> {
    let mut options = Vec::new();
    if segment.flags & SYN != 0 {
        options.extend_from_slice(&[2, 4, 0x05, 0xb4]);
    }
    if let Some([own, echo]) = segment.clocks {
        options.extend_from_slice(&[1, 1, 8, 10]);
        options.extend_from_slice(&own.to_be_bytes());
        options.extend_from_slice(&echo.to_be_bytes());
    }
    options.extend_from_slice(&segment.options);
    options
}
