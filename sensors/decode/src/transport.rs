//! Transport headers.

use crate::packet::{DropReason, Icmp, Tcp, TcpOptions, Transport, Udp};
use etherparse::{TcpHeaderSlice, UdpHeaderSlice, ip_number};

/// Largest window scale that counts (RFC 7323, 2.3).
const WINDOW_SCALE_MAX: u8 = 14;

/// Reads the transport header of `protocol`; `missing_bytes` are those the capture cut off the end of `bytes`.
pub(crate) fn decode(protocol: u8, bytes: &[u8], missing_bytes: u32) -> Result<Transport<'_>, DropReason> {
    let parsed = match etherparse::IpNumber(protocol) {
        ip_number::TCP => tcp(bytes, missing_bytes),
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

/// What a transport's checksum covers of an IP payload.
pub(crate) fn segment<'a>(transport: &Transport<'_>, bytes: &'a [u8]) -> &'a [u8] {
    const UDP_HEADER_LEN: usize = 8;
    match transport {
        Transport::Tcp(_) | Transport::Icmp(_) => bytes,
        Transport::Udp(udp) => bytes
            .get(..UDP_HEADER_LEN + udp.payload.len())
            .unwrap_or_default(),
        Transport::Other(_) => &[],
    }
}

fn tcp(bytes: &[u8], missing_bytes: u32) -> Option<Transport<'_>> {
    const FLAGS_OFFSET: usize = 13;
    let Ok(header) = TcpHeaderSlice::from_slice(bytes) else {
        return cut_tcp(bytes, missing_bytes);
    };
    Some(Transport::Tcp(Tcp {
        sport: header.source_port(),
        dport: header.destination_port(),
        sequence: header.sequence_number(),
        acknowledgment: header.acknowledgment_number(),
        flags: *bytes.get(FLAGS_OFFSET)?,
        window: header.window_size(),
        urgent: header.urgent_pointer(),
        options: tcp_options(header.options()),
        payload: bytes.get(header.slice().len()..)?,
    }))
}

/// How many bytes of the header itself the capture cut off; they are no payload.
pub(crate) fn header_missing(transport: &Transport<'_>, bytes: &[u8]) -> u32 {
    match transport {
        Transport::Tcp(_) => tcp_header_len(bytes).unwrap_or(0).saturating_sub(bytes.len()) as u32,
        _ => 0,
    }
}

fn tcp_header_len(bytes: &[u8]) -> Option<usize> {
    const OFFSET_OFFSET: usize = 12;
    bytes.get(OFFSET_OFFSET).map(|byte| usize::from(byte >> 4) * 4)
}

/// A TCP header of which the capture kept all but some options.
fn cut_tcp(bytes: &[u8], missing_bytes: u32) -> Option<Transport<'_>> {
    let (fixed, options) = bytes.split_first_chunk::<20>()?;
    let header_len = tcp_header_len(bytes)?;
    let is_cut = header_len > bytes.len() && header_len <= bytes.len() + missing_bytes as usize;
    is_cut.then(|| {
        let [
            s1,
            s2,
            d1,
            d2,
            q1,
            q2,
            q3,
            q4,
            a1,
            a2,
            a3,
            a4,
            _,
            flags,
            w1,
            w2,
            _,
            _,
            u1,
            u2,
        ] = *fixed;
        Transport::Tcp(Tcp {
            sport: u16::from_be_bytes([s1, s2]),
            dport: u16::from_be_bytes([d1, d2]),
            sequence: u32::from_be_bytes([q1, q2, q3, q4]),
            acknowledgment: u32::from_be_bytes([a1, a2, a3, a4]),
            flags,
            window: u16::from_be_bytes([w1, w2]),
            urgent: u16::from_be_bytes([u1, u2]),
            options: tcp_options(options),
            payload: &[],
        })
    })
}

/// Reads options up to the first that contradicts itself, as hosts do: what stands before it counts.
fn tcp_options(mut bytes: &[u8]) -> TcpOptions {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const SEGMENT_SIZE: u8 = 2;
    const WINDOW_SCALE: u8 = 3;
    const TIMESTAMP: u8 = 8;
    const FAST_OPEN: u8 = 34;
    const EXPERIMENT: u8 = 254;
    /// What Fast Open said in the experimental option before it had a number (RFC 7413, appendix A.1).
    const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];
    let mut found = TcpOptions::default();
    while let [kind, rest @ ..] = bytes {
        if *kind == END {
            break;
        }
        if *kind == NOTHING {
            bytes = rest;
            continue;
        }
        let Some((value, behind)) = rest
            .first()
            .and_then(|len| usize::from(*len).checked_sub(2))
            .and_then(|len| rest.get(1..)?.split_at_checked(len))
        else {
            break;
        };
        match (*kind, value) {
            (SEGMENT_SIZE, [high, low]) => {
                found.segment_bytes_max = Some(u16::from_be_bytes([*high, *low]));
            }
            (WINDOW_SCALE, [scale]) => found.window_scale = Some((*scale).min(WINDOW_SCALE_MAX)),
            (TIMESTAMP, [a, b, c, d, _, _, _, _]) => {
                found.timestamp = Some(u32::from_be_bytes([*a, *b, *c, *d]));
            }
            // Without a cookie it only asks for one.
            (FAST_OPEN, [_, ..]) => found.fast_open = true,
            (EXPERIMENT, [a, b, _, ..]) if [*a, *b] == FAST_OPEN_MAGIC => found.fast_open = true,
            _ => {}
        }
        bytes = behind;
    }
    found
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
