//! Link headers and the tags between them and IP.

use crate::packet::DropReason;
use crate::vlans::Vlans;
use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

/// Most VLAN, MPLS and PPPoE tags taken off one frame.
pub const TAGS_MAX: usize = 8;

/// Most VLAN tags among them.
const VLANS_MAX: usize = 3;

/// What a capture's frames begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// Ethernet II.
    Ethernet,
    /// IPv4 or IPv6 without any link header.
    RawIp,
    /// Linux "any" device, first form.
    LinuxSll,
    /// Linux "any" device, second form.
    LinuxSll2,
    /// BSD loopback, address family in the capturing host's byte order.
    Null,
    /// OpenBSD loopback, address family in network byte order.
    Loop,
    /// Point-to-point protocol, with or without HDLC's fields.
    Ppp,
    /// A number from the registry of link types that is not known here.
    Other(u32),
}

impl LinkType {
    /// The link type of that number (a `DLT_` or `LINKTYPE_` value; 12 and 14 are old names of raw IP).
    pub fn from_dlt(number: u32) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            9 | 50 => Self::Ppp,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            other => Self::Other(other),
        }
    }
}

/// EtherType numbers that matter here.
pub(crate) mod ether_type {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const QINQ: u16 = 0x88a8;
    pub(crate) const QINQ_OLD: u16 = 0x9100;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_MULTICAST: u16 = 0x8848;
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
    pub(crate) const BRIDGED_ETHERNET: u16 = 0x6558;
    pub(crate) const PPP: u16 = 0x880b;
    pub(crate) const ERSPAN: u16 = 0x88be;
    pub(crate) const ERSPAN_3: u16 = 0x22eb;
    /// 802.1BR: which port of a bridge port extender.
    pub(crate) const E_TAG: u16 = 0x893f;
    /// Cisco's tag for the same.
    pub(crate) const VN_TAG: u16 = 0x8926;
    /// Network service header (RFC 8300).
    pub(crate) const NSH: u16 = 0x894f;
}

/// What lies above the link header and its tags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) vlans: Vlans,
    pub(crate) ether_type: u16,
    pub(crate) payload: &'a [u8],
}

/// Takes the link header and all tags off.
pub(crate) fn strip(link: LinkType, frame: &[u8]) -> Result<Layer<'_>, DropReason> {
    let (ether_type, payload) = match link {
        LinkType::Ethernet => return ethernet(frame, Vlans::default()),
        LinkType::Ppp => return ppp(frame, Vlans::default()),
        LinkType::RawIp => (ether_type_of_ip(frame), frame),
        LinkType::LinuxSll => linux_sll(frame)?,
        LinkType::LinuxSll2 => linux_sll2(frame)?,
        LinkType::Null => loopback(frame, u32::from_ne_bytes)?,
        LinkType::Loop => loopback(frame, u32::from_be_bytes)?,
        LinkType::Other(_) => return Err(DropReason::UnsupportedLink),
    };
    tags(Layer {
        vlans: Vlans::default(),
        ether_type,
        payload,
    })
}

/// Takes an Ethernet header and its tags off; `vlans` are the tags found further out.
pub(crate) fn ethernet(frame: &[u8], vlans: Vlans) -> Result<Layer<'_>, DropReason> {
    let header = Ethernet2HeaderSlice::from_slice(frame).map_err(|_| DropReason::Truncated)?;
    tags(Layer {
        vlans,
        ether_type: header.ether_type().0,
        payload: rest(frame, header.slice().len())?,
    })
}

fn rest(bytes: &[u8], offset: usize) -> Result<&[u8], DropReason> {
    bytes.get(offset..).ok_or(DropReason::Truncated)
}

fn be16(bytes: &[u8], offset: usize) -> Result<u16, DropReason> {
    match bytes.get(offset..).and_then(|tail| tail.first_chunk()) {
        Some(octets) => Ok(u16::from_be_bytes(*octets)),
        None => Err(DropReason::Truncated),
    }
}

pub(crate) fn ether_type_of_ip(packet: &[u8]) -> u16 {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ether_type::IPV4,
        Some(6) => ether_type::IPV6,
        _ => 0,
    }
}

fn linux_sll(frame: &[u8]) -> Result<(u16, &[u8]), DropReason> {
    // Read by hand: etherparse refuses hardware types it does not know, and IP travels on them all the same.
    const PROTOCOL_OFFSET: usize = 14;
    Ok((be16(frame, PROTOCOL_OFFSET)?, rest(frame, PROTOCOL_OFFSET + 2)?))
}

/// `protocol 16 | reserved 16 | interface 32 | hardware type 16 | packet type 8 | address length 8 | address 64`
fn linux_sll2(frame: &[u8]) -> Result<(u16, &[u8]), DropReason> {
    const HEADER_LEN: usize = 20;
    Ok((be16(frame, 0)?, rest(frame, HEADER_LEN)?))
}

fn loopback(frame: &[u8], family: fn([u8; 4]) -> u32) -> Result<(u16, &[u8]), DropReason> {
    let (header, payload) = frame.split_first_chunk::<4>().ok_or(DropReason::Truncated)?;
    let value = family(*header);
    // A capture may come from a machine of the other byte order; families are below 2^16.
    let value = if value > 0xffff { value.swap_bytes() } else { value };
    let ether_type = match value {
        2 => ether_type::IPV4,
        10 | 24 | 28 | 30 => ether_type::IPV6,
        _ => 0,
    };
    Ok((ether_type, payload))
}

/// A tag of `len` bytes, then what it is before.
fn tag(bytes: &[u8], len: usize) -> Result<(u16, &[u8]), DropReason> {
    Ok((be16(bytes, len)?, rest(bytes, len + 2)?))
}

/// Takes a PPP frame apart, with or without the address and control fields of HDLC.
pub(crate) fn ppp(frame: &[u8], vlans: Vlans) -> Result<Layer<'_>, DropReason> {
    let frame = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    let (ether_type, payload) = point_to_point(frame)?;
    Ok(Layer {
        vlans,
        ether_type,
        payload,
    })
}

/// What PPP carries. Its protocol field may be cut to one byte where the first would be zero; the last byte alone is odd (RFC 1661, 2).
fn point_to_point(frame: &[u8]) -> Result<(u16, &[u8]), DropReason> {
    let first = frame.first().ok_or(DropReason::Truncated)?;
    let (protocol, len) = match first & 1 {
        1 => (u16::from(*first), 1),
        _ => (be16(frame, 0)?, 2),
    };
    let ether_type = match protocol {
        0x0021 => ether_type::IPV4,
        0x0057 => ether_type::IPV6,
        _ => 0,
    };
    Ok((ether_type, rest(frame, len)?))
}

pub(crate) fn tags(mut layer: Layer<'_>) -> Result<Layer<'_>, DropReason> {
    let mut vlan_tags = 0;
    for _ in 0..TAGS_MAX {
        match layer.ether_type {
            ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD if vlan_tags < VLANS_MAX => {
                let tag =
                    SingleVlanHeaderSlice::from_slice(layer.payload).map_err(|_| DropReason::Truncated)?;
                layer.vlans.push(tag.vlan_identifier().value());
                layer.ether_type = tag.ether_type().0;
                layer.payload = rest(layer.payload, tag.slice().len())?;
                vlan_tags += 1;
            }
            ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD => {
                return Err(DropReason::MalformedLink);
            }
            ether_type::MPLS | ether_type::MPLS_MULTICAST => {
                let (label, payload) = layer
                    .payload
                    .split_first_chunk::<4>()
                    .ok_or(DropReason::Truncated)?;
                layer.payload = payload;
                let bottom_of_stack = label[2] & 1 == 1;
                if bottom_of_stack {
                    layer.ether_type = ether_type_of_ip(payload);
                }
            }
            ether_type::E_TAG => (layer.ether_type, layer.payload) = tag(layer.payload, 6)?,
            ether_type::VN_TAG => (layer.ether_type, layer.payload) = tag(layer.payload, 4)?,
            ether_type::NSH => {
                // `version, flags 12 | length in words 6 | unassigned 4 | metadata type 4 | next protocol 8`
                let header = layer.payload.first_chunk::<4>().ok_or(DropReason::Truncated)?;
                let payload = rest(layer.payload, usize::from(header[1] & 0x3f) * 4)?;
                match header[3] {
                    1 => layer.ether_type = ether_type::IPV4,
                    2 => layer.ether_type = ether_type::IPV6,
                    3 => return ethernet(payload, layer.vlans),
                    _ => layer.ether_type = 0,
                }
                layer.payload = payload;
            }
            ether_type::PPPOE_SESSION => {
                const PPPOE_LEN: usize = 6;
                (layer.ether_type, layer.payload) = point_to_point(rest(layer.payload, PPPOE_LEN)?)?;
            }
            _ => return Ok(layer),
        }
    }
    Err(DropReason::MalformedLink)
}
