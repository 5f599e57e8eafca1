//! Transport headers.

use crate::packet::{DropReason, Icmp, Tcp, Transport, Udp};
use etherparse::{TcpHeaderSlice, TcpOptionElement, UdpHeaderSlice, ip_number};

/// Largest window scale that counts (RFC 7323, 2.3).
const WINDOW_SCALE_MAX: u8 = 14;

/// Reads the transport header of `protocol`; `missing_bytes` are those the capture cut off the end of `bytes`.
pub(crate) fn decode(protocol: u8, bytes: &[u8], missing_bytes: u32) -> Result<Transport<'_>, DropReason> {
    let parsed = match etherparse::IpNumber(protocol) {
        ip_number::TCP => tcp(bytes),
        ip_number::UDP => udp(bytes, missing_bytes),
        ip_number::ICMP | ip_number::IPV6_ICMP => icmp(bytes),
        _ => Some(Transport::Other(bytes)),
    };
    parsed.ok_or(if missing_bytes > 0 {
        DropReason::Truncated
    } else {
        DropReason::MalformedTransport
    })
}

fn tcp(bytes: &[u8]) -> Option<Transport<'_>> {
    const FLAGS_OFFSET: usize = 13;
    let header = TcpHeaderSlice::from_slice(bytes).ok()?;
    let window_scale = header.syn().then(|| window_scale(&header)).flatten();
    Some(Transport::Tcp(Tcp {
        sport: header.source_port(),
        dport: header.destination_port(),
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        flags: *bytes.get(FLAGS_OFFSET)?,
        window: header.window_size(),
        window_scale,
        payload: bytes.get(header.slice().len()..)?,
    }))
}

fn window_scale(header: &TcpHeaderSlice<'_>) -> Option<u8> {
    header.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::WindowScale(scale)) => Some(scale.min(WINDOW_SCALE_MAX)),
        _ => None,
    })
}

fn udp(bytes: &[u8], missing_bytes: u32) -> Option<Transport<'_>> {
    const HEADER_LEN: usize = 8;
    let header = UdpHeaderSlice::from_slice(bytes).ok()?;
    let behind = bytes.get(HEADER_LEN..)?;
    let payload = match usize::from(header.length()).checked_sub(HEADER_LEN) {
        Some(len) => match behind.get(..len) {
            Some(exact) => exact,
            None if missing_bytes > 0 => behind,
            None => return None,
        },
        // Zero is a jumbogram or offload, which only the IP length bounds; 1 to 7 cannot be.
        None if header.length() == 0 => behind,
        None => return None,
    };
    Some(Transport::Udp(Udp {
        sport: header.source_port(),
        dport: header.destination_port(),
        payload,
    }))
}

fn icmp(bytes: &[u8]) -> Option<Transport<'_>> {
    let head = bytes.first_chunk::<4>()?;
    let word = |offset: usize| {
        let octets = bytes.get(offset..).and_then(|tail| tail.first_chunk::<2>());
        octets.map_or(0, |octets| u16::from_be_bytes(*octets))
    };
    Some(Transport::Icmp(Icmp {
        kind: head[0],
        code: head[1],
        id: word(4),
        sequence: word(6),
        payload: bytes.get(8..).unwrap_or_default(),
    }))
}
