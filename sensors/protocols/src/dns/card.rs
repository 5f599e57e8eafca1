//! The card of DNS.

use super::flow::DnsFlow;
use super::looks_like_dns;
use super::odd;
use super::registry::{RCODES, TYPES};
use vonggac_protocol::{Card, Side, Start, Transport, buffers, numbers};

/// Ports on which a datagram is taken for DNS although it barely resembles it: DNS, mDNS, LLMNR.
const PORTS: [u16; 3] = [53, 5353, 5355];

const HEADER_BYTES: usize = 12;
const LENGTH_BYTES: usize = 2;

/// DNS over UDP and TCP (RFC 1035, RFC 7766).
pub static CARD: Card = Card {
    name: "dns",
    aliases: &[],
    transports: &[Transport::Udp, Transport::Tcp],
    stages: [&["message"], &["message"]],
    buffers: Buffer::CARDS,
    numbers: Number::CARDS,
    keywords: &[],
    anomalies: odd::ALL,
    counters: &["dns_unanswered", "dns_queries_limit", "dns_malformed"],
    probe,
    begin: |transport| Box::new(DnsFlow::new(transport)),
};

buffers! {
    /// A name asked for; as in Suricata it is judged in the query, not again where the response repeats it.
    Query: "dns.query", Client, 0, Many, aliases = &["dns_query"];
    /// A name asked for, in the query and where the response repeats it.
    QueryName: "dns.queries.rrname", Both, 0, Many, aliases = &["dns.query.name"];
    /// The owner's name of an answer. Queries can have answers, too.
    AnswerName: "dns.answers.rrname", Both, 0, Many, aliases = &["dns.answer.name"];
    /// The owner's name of a record of authority.
    AuthorityName: "dns.authorities.rrname", Both, 0, Many;
    /// The owner's name of an additional record.
    AdditionalName: "dns.additionals.rrname", Both, 0, Many;
    /// Each name of a response: asked for, of a record's owner, or in a record's data.
    ResponseName: "dns.response.rrname", Server, 0, Many;
}

numbers! {
    /// What is asked of the server (RFC 1035, 4.1.1).
    Opcode: "dns.opcode", Both, 0, &[];
    /// How it went.
    ResponseCode: "dns.rcode", Both, 0, RCODES;
    /// The types of what is asked for and of all records.
    RecordType: "dns.rrtype", Both, 0, TYPES;
}

fn probe(start: &Start<'_>) -> Option<Side> {
    match start.transport {
        Transport::Udp => {
            let is_on_port = start.bytes.len() >= HEADER_BYTES && start.is_on(&PORTS);
            let is_dns = is_on_port || (looks_like_dns(start.bytes) && !asks_netbios(start.bytes));
            is_dns.then(|| speaker(start.bytes))
        }
        Transport::Tcp => {
            let (length, rest) = start.bytes.split_first_chunk::<LENGTH_BYTES>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let message = rest.get(..length).unwrap_or(rest);
            (length > HEADER_BYTES && looks_like_dns(message)).then(|| speaker(message))
        }
    }
}

/// Whether the name asked for is one of NetBIOS, whose messages are DNS's in shape: sixteen bytes, each written as two of the letters `A`
/// to `P` (RFC 1001, 14.1).
fn asks_netbios(message: &[u8]) -> bool {
    const NAME_BYTES: u8 = 32;
    let question = message.get(HEADER_BYTES..).and_then(<[u8]>::split_first);
    let Some((&NAME_BYTES, rest)) = question else {
        return false;
    };
    let name = rest.get(..usize::from(NAME_BYTES)).unwrap_or_default();
    !name.is_empty() && name.iter().all(|byte| (b'A'..=b'P').contains(byte))
}

/// Who says such a message: the server, when it is an answer.
fn speaker(message: &[u8]) -> Side {
    const FLAGS_OFFSET: usize = 2;
    const ANSWER: u8 = 0x80;
    match message.get(FLAGS_OFFSET) {
        Some(flags) if flags & ANSWER != 0 => Side::Server,
        _ => Side::Client,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(port: u16, name: &[u8]) -> bool {
        let header = b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0";
        let length = u8::try_from(name.len()).unwrap_or(0);
        let message = [header, &[length][..], name, b"\0\0\x20\0\x01"].concat();
        let start = Start {
            transport: Transport::Udp,
            bytes: &message,
            ports: [port, port],
        };
        probe(&start).is_some()
    }

    #[test]
    fn netbios_is_not_taken_for_dns() {
        let netbios = b"FHEPFCELEHFCEPFFFACACACACACACAAA";
        assert!(!told(137, netbios));
        assert!(!told(50_137, netbios));
        assert!(told(53, netbios));
        // Names of DNS are told on any port: a tunnel may choose this one.
        assert!(told(137, b"exfiltrate"));
    }
}
