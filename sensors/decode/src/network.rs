//! IPv4 and IPv6 with their extension headers, fragments and tunnels.

use crate::Defragmenter;
use crate::checksum::{self, Summed};
use crate::defragment::{Fragment, FragmentKey, Outcome};
use crate::link::{Layer, ether_type};
use crate::packet::{Assembly, Decoded, DropReason, Packet, Transport};
use crate::transport;
use crate::tunnel::{self, Tunnels};
use crate::vlans::Vlans;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use std::net::IpAddr;

/// Most IPv6 extension headers in one packet.
pub const EXTENSION_HEADERS_MAX: usize = 16;

/// Most tunnels taken off one packet; what is deeper is not read, and told ([`DropReason::TunnelLimit`]).
pub const TUNNEL_DEPTH_MAX: u8 = 4;

mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HOST_IDENTITY: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// Whether this datagram is a fragment, and which.
struct FragmentHeader {
    id: u32,
    offset: u32,
    more: bool,
}

/// An IP header that has been read: the packet without its transport, and what remains to be read.
struct Datagram<'a> {
    packet: Packet<'a>,
    next_header: u8,
    payload: &'a [u8],
    fragment: Option<FragmentHeader>,
    /// Whether a routing header says that the destination is not the last: checksums are over that one.
    goes_on: bool,
}

/// Takes an IP packet apart. Without a `defragmenter` fragments are refused: that is the case inside a datagram which
/// is itself reassembled and still lives in it.
pub(crate) fn decode<'a>(
    layer: Layer<'a>,
    ts_us: i64,
    tunnels: Tunnels,
    defragmenter: Option<&'a mut Defragmenter>,
) -> Decoded<'a> {
    let parsed = match layer.ether_type {
        ether_type::IPV4 => ipv4(layer.payload),
        ether_type::IPV6 => ipv6(layer.payload),
        _ => return Decoded::NotIp,
    };
    let mut datagram = match parsed {
        Ok(datagram) => datagram,
        Err(reason) => return Decoded::Dropped(reason),
    };
    datagram.packet.ts_us = ts_us;
    datagram.packet.vlans = layer.vlans;
    datagram.packet.tunnel_depth = tunnels.depth;
    datagram.packet.tunnel = tunnels.id;
    match datagram.fragment.take() {
        None => above(datagram, defragmenter),
        Some(header) => match defragmenter {
            Some(defragmenter) => fragmented(datagram, &header, defragmenter),
            None => Decoded::Dropped(DropReason::FragmentLimit),
        },
    }
}

fn fragmented<'a>(
    datagram: Datagram<'a>,
    header: &FragmentHeader,
    defragmenter: &'a mut Defragmenter,
) -> Decoded<'a> {
    let Datagram {
        mut packet,
        next_header,
        payload,
        ..
    } = datagram;
    if packet.missing_bytes > 0 {
        return Decoded::Dropped(DropReason::Truncated);
    }
    // Zero is what a sender leaves whose network card sums headers up; later packets of a flow can be told by its first, fragments cannot.
    let header_sum = packet.summed.ip_header.get(10..12).unwrap_or(&[0, 0]);
    if header_sum != [0, 0] && checksum::is_header_wrong(packet.summed.ip_header) {
        return Decoded::Dropped(DropReason::BadChecksum);
    }
    packet.summed = Summed::default();
    let key = FragmentKey {
        src: packet.src,
        dst: packet.dst,
        id: header.id,
        protocol: packet.src.is_ipv4().then_some(next_header),
        vlans: packet.vlans,
    };
    let fragment = Fragment {
        offset: header.offset,
        more: header.more,
        next_header,
        bytes: payload,
    };
    match defragmenter.add(key, &fragment, packet.ts_us) {
        Outcome::Pending => Decoded::FragmentPending,
        Outcome::Refused(reason) => Decoded::Dropped(reason),
        Outcome::Complete {
            conflicting,
            next_header,
        } => {
            let payload = defragmenter.completed();
            let headers_len = packet.ip_len.saturating_sub(fragment.bytes.len() as u32);
            packet.ip_len = headers_len.saturating_add(payload.len() as u32);
            packet.assembly = if conflicting {
                Assembly::Conflicting
            } else {
                Assembly::Reassembled
            };
            let whole = Datagram {
                packet,
                next_header,
                payload,
                fragment: None,
                goes_on: false,
            };
            above(whole, None)
        }
    }
}

/// Reads what an unfragmented datagram carries: more extension headers, a tunnel, a transport.
fn above<'a>(mut datagram: Datagram<'a>, defragmenter: Option<&'a mut Defragmenter>) -> Decoded<'a> {
    if datagram.packet.assembly != Assembly::Whole {
        if let Err(reason) = extension_headers(&mut datagram) {
            return Decoded::Dropped(reason);
        }
        if datagram.fragment.is_some() {
            return Decoded::Dropped(DropReason::MalformedFragment);
        }
    }
    let Datagram {
        mut packet,
        next_header,
        payload,
        goes_on,
        ..
    } = datagram;
    if let Some(inner) = tunnel::in_ip(next_header, payload, packet.vlans) {
        return within(inner, &packet, 0, defragmenter);
    }
    packet.protocol = next_header;
    match transport::decode(next_header, payload, packet.missing_bytes) {
        Ok(Transport::Udp(udp)) if let Some(inner) = tunnel::in_udp(&udp, packet.vlans) => {
            within(inner, &packet, tunnel::network_of(&udp), defragmenter)
        }
        Ok(transport) => {
            if packet.missing_bytes == 0 && !goes_on {
                packet.summed.segment = transport::segment(&transport, payload);
            }
            packet.missing_bytes -= packet
                .missing_bytes
                .min(transport::header_missing(&transport, payload));
            packet.transport = transport;
            Decoded::Packet(packet)
        }
        Err(reason) => Decoded::Dropped(reason),
    }
}

/// Reads what a tunnel of the virtual network `network` carries. Who nests deeper than any network does hides something.
fn within<'a>(
    inner: Layer<'a>,
    outer: &Packet<'_>,
    network: u32,
    defragmenter: Option<&'a mut Defragmenter>,
) -> Decoded<'a> {
    match outer.tunnel_depth < TUNNEL_DEPTH_MAX {
        true => decode(inner, outer.ts_us, Tunnels::through(outer, network), defragmenter),
        false => Decoded::Dropped(DropReason::TunnelLimit),
    }
}

fn blank(src: IpAddr, dst: IpAddr) -> Packet<'static> {
    Packet {
        ts_us: 0,
        vlans: Vlans::default(),
        src,
        dst,
        protocol: 0,
        ttl: 0,
        tos: 0,
        ip_options: &[],
        ip_id: 0,
        ip_flags: 0,
        ip_len: 0,
        frame_bytes: 0,
        missing_bytes: 0,
        assembly: Assembly::Whole,
        tunnel_depth: 0,
        tunnel: 0,
        transport: Transport::Other(&[]),
        summed: Summed::default(),
    }
}

/// Cuts `bytes` to `len` and says how many of them are not there.
fn cut(bytes: &[u8], len: usize) -> (&[u8], u32) {
    match bytes.get(..len) {
        Some(exact) => (exact, 0),
        None => (bytes, u32::try_from(len - bytes.len()).unwrap_or(u32::MAX)),
    }
}

fn short_or(reason: DropReason, have: usize, need: usize) -> DropReason {
    if have < need {
        DropReason::Truncated
    } else {
        reason
    }
}

fn ipv4(bytes: &[u8]) -> Result<Datagram<'_>, DropReason> {
    let header_len = usize::from(bytes.first().copied().ok_or(DropReason::Truncated)? & 0xf) * 4;
    let header = Ipv4HeaderSlice::from_slice(bytes)
        .map_err(|_| short_or(DropReason::MalformedIp, bytes.len(), header_len.max(20)))?;
    let total_len = match usize::from(header.total_len()) {
        // Segmentation offload leaves it 0: all that was captured.
        0 => bytes.len(),
        len if len < header_len => return Err(DropReason::MalformedIp),
        len => len,
    };
    let behind = bytes.get(header_len..).ok_or(DropReason::Truncated)?;
    let (payload, missing_bytes) = cut(behind, total_len - header_len);
    let flags_byte = bytes.get(6).copied().unwrap_or_default();
    let packet = Packet {
        ttl: header.ttl(),
        tos: bytes.get(1).copied().unwrap_or_default(),
        ip_options: bytes.get(20..header_len).unwrap_or_default(),
        ip_id: header.identification(),
        ip_flags: flags_byte >> 5,
        ip_len: total_len as u32,
        missing_bytes,
        summed: Summed {
            ip_header: header.slice(),
            segment: &[],
        },
        ..blank(
            IpAddr::V4(header.source_addr()),
            IpAddr::V4(header.destination_addr()),
        )
    };
    let fragment = header.is_fragmenting_payload().then(|| FragmentHeader {
        id: u32::from(header.identification()),
        offset: u32::from(header.fragments_offset().value()) * 8,
        more: header.more_fragments(),
    });
    let mut datagram = Datagram {
        packet,
        next_header: header.protocol().0,
        payload,
        fragment,
        goes_on: false,
    };
    if datagram.fragment.is_none() && datagram.next_header == number::AUTHENTICATION {
        authentication_header(&mut datagram)?;
    }
    Ok(datagram)
}

fn ipv6(bytes: &[u8]) -> Result<Datagram<'_>, DropReason> {
    const HEADER_LEN: usize = 40;
    let header = Ipv6HeaderSlice::from_slice(bytes)
        .map_err(|_| short_or(DropReason::MalformedIp, bytes.len(), HEADER_LEN))?;
    let behind = bytes.get(HEADER_LEN..).ok_or(DropReason::Truncated)?;
    let payload_len = match usize::from(header.payload_length()) {
        // A jumbogram or segmentation offload: all that was captured.
        0 if header.next_header().0 != 59 => behind.len(),
        len => len,
    };
    let (payload, missing_bytes) = cut(behind, payload_len);
    let mut datagram = Datagram {
        packet: Packet {
            ttl: header.hop_limit(),
            tos: header.traffic_class(),
            ip_len: (HEADER_LEN + payload_len) as u32,
            missing_bytes,
            ..blank(
                IpAddr::V6(header.source_addr()),
                IpAddr::V6(header.destination_addr()),
            )
        },
        next_header: header.next_header().0,
        payload,
        fragment: None,
        goes_on: false,
    };
    extension_headers(&mut datagram)?;
    Ok(datagram)
}

/// Walks extension headers up to the transport, or up to the header of a fragment.
fn extension_headers(datagram: &mut Datagram<'_>) -> Result<(), DropReason> {
    for _ in 0..EXTENSION_HEADERS_MAX {
        match datagram.next_header {
            number::HOP_BY_HOP
            | number::ROUTING
            | number::DESTINATION_OPTIONS
            | number::MOBILITY
            | number::HOST_IDENTITY
            | number::SHIM6 => {
                let len = match datagram.payload.get(1) {
                    Some(units) => (usize::from(*units) + 1) * 8,
                    None => return Err(missing(datagram)),
                };
                const SEGMENTS_LEFT: usize = 3;
                let is_routing = datagram.next_header == number::ROUTING;
                datagram.goes_on |=
                    is_routing && datagram.payload.get(SEGMENTS_LEFT).is_some_and(|left| *left > 0);
                step(datagram, len)?;
            }
            number::AUTHENTICATION => authentication_header(datagram)?,
            number::FRAGMENT => {
                let Some(header) = datagram.payload.first_chunk::<8>().copied() else {
                    return Err(missing(datagram));
                };
                let place = u16::from_be_bytes([header[2], header[3]]);
                let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
                step(datagram, 8)?;
                datagram.packet.ip_id = id as u16;
                let (offset, more) = (u32::from(place & 0xfff8), place & 1 == 1);
                // A fragment that is the whole datagram (RFC 6946) needs no reassembly.
                if offset != 0 || more {
                    datagram.fragment = Some(FragmentHeader { id, offset, more });
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
    }
    Err(DropReason::MalformedIp)
}

fn authentication_header(datagram: &mut Datagram<'_>) -> Result<(), DropReason> {
    let len = match datagram.payload.get(1) {
        Some(words) => (usize::from(*words) + 2) * 4,
        None => return Err(missing(datagram)),
    };
    step(datagram, len)
}

fn missing(datagram: &Datagram<'_>) -> DropReason {
    if datagram.packet.missing_bytes > 0 {
        DropReason::Truncated
    } else {
        DropReason::MalformedIp
    }
}

fn step(datagram: &mut Datagram<'_>, len: usize) -> Result<(), DropReason> {
    match (datagram.payload.first(), datagram.payload.get(len..)) {
        (Some(next), Some(payload)) => {
            datagram.next_header = *next;
            datagram.payload = payload;
            Ok(())
        }
        _ => Err(missing(datagram)),
    }
}
