//! Which application protocol a flow speaks, told by its first bytes.

use crate::conversation::{Application, InspectedFlow};
use crate::dns::DnsFlow;
use crate::http::HttpFlow;
use crate::tls::TlsFlow;
use vonggac_protocols::{dns, http, tls};
use vonggac_stream::Direction;

/// Bytes of a direction after which it is none of the known protocols.
const START_BYTES_MAX: usize = 300;

/// Bytes of a direction without which nothing is told.
const START_BYTES_MIN: usize = 6;

/// Ports on which a datagram is tried as DNS although it barely resembles it: DNS, mDNS, LLMNR.
const DNS_PORTS: [u16; 3] = [53, 5353, 5355];

/// What is known by now.
pub(crate) enum Verdict {
    /// More bytes will tell.
    Wait,
    /// None of the known ones.
    Other,
    /// This one, with the side that asks.
    Is(Application, Direction),
}

/// Tells the protocol of a TCP stream by one direction's bytes, if those are its first.
pub(crate) fn tell(start: &[u8], is_start: bool, direction: Direction, flow: &InspectedFlow) -> Verdict {
    let both_spoke = flow.payload_bytes.iter().all(|bytes| *bytes > 0);
    if !is_start {
        return if both_spoke { Verdict::Other } else { Verdict::Wait };
    }
    if start.len() < START_BYTES_MIN {
        return Verdict::Wait;
    }
    if http::looks_like_request(start) {
        return http_by(direction);
    }
    if http::looks_like_response(start) {
        return http_by(direction.reverse());
    }
    if tls::looks_like_tls(start) {
        let client = tls_client(start, direction);
        return Verdict::Is(Application::Tls(Box::new(TlsFlow::new(client))), client);
    }
    if is_dns_message(start) {
        const LENGTH_BYTES: usize = 2;
        let client = dns_client(start.get(LENGTH_BYTES..).unwrap_or_default(), direction);
        return Verdict::Is(Application::Dns(Box::default()), client);
    }
    if start.len() >= START_BYTES_MAX && both_spoke {
        return Verdict::Other;
    }
    Verdict::Wait
}

fn http_by(client: Direction) -> Verdict {
    Verdict::Is(Application::Http(Box::new(HttpFlow::new(client))), client)
}

/// The side that asks: the one that speaks, unless this is an answer.
fn dns_client(message: &[u8], direction: Direction) -> Direction {
    const FLAGS_OFFSET: usize = 2;
    const ANSWER: u8 = 0x80;
    match message.get(FLAGS_OFFSET) {
        Some(flags) if flags & ANSWER != 0 => direction.reverse(),
        _ => direction,
    }
}

/// The side that sent the client's hello: the one that speaks, unless this is a server's hello.
fn tls_client(start: &[u8], direction: Direction) -> Direction {
    const SERVER_HELLO: u8 = 2;
    match start.get(5) {
        Some(&SERVER_HELLO) => direction.reverse(),
        _ => direction,
    }
}

/// A length of two bytes, then a message of that length or the start of one.
fn is_dns_message(start: &[u8]) -> bool {
    const HEADER_BYTES: usize = 12;
    let Some((length, rest)) = start.split_first_chunk::<2>() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let message = rest.get(..length).unwrap_or(rest);
    length > HEADER_BYTES && dns::looks_like_dns(message)
}

/// Tells the protocol of a UDP flow by a datagram, and the side that asks.
pub(crate) fn tell_datagram(
    payload: &[u8],
    direction: Direction,
    flow: &InspectedFlow,
) -> (Application, Direction) {
    const HEADER_BYTES: usize = 12;
    let ports = [flow.originator.port, flow.responder.port];
    let by_port = payload.len() >= HEADER_BYTES && ports.iter().any(|port| DNS_PORTS.contains(port));
    if by_port || dns::looks_like_dns(payload) {
        let dns = Application::Dns(Box::<DnsFlow>::default());
        (dns, dns_client(payload, direction))
    } else {
        (Application::Unknown, direction)
    }
}
