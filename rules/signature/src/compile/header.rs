//! The words before a rule's options: action, protocol, addresses, ports, direction.

use crate::error::{ErrorKind, Problem};
use crate::parse::{self, Word};
use crate::rule::{Action, Family, Header, PayloadFrom, Transport};
use crate::variables::Resolver;
use crate::vocabulary::{AppSet, Vocabulary};

/// The protocol word of a header.
struct Protocol {
    transport: Transport,
    family: Family,
    app: Option<AppSet>,
    payload: Option<PayloadFrom>,
}

/// What the header of a rule says.
pub(super) struct HeaderMeaning {
    pub(super) action: Action,
    pub(super) header: Header,
    pub(super) is_exchange: bool,
    pub(super) app: Option<AppSet>,
    pub(super) payload: Option<PayloadFrom>,
}

impl HeaderMeaning {
    pub(super) fn read(
        words: &parse::Header,
        resolver: &mut Resolver<'_>,
        vocabulary: &Vocabulary,
    ) -> Result<HeaderMeaning, Problem> {
        let unknown = |what: &str, word: &Word| {
            Problem::new(
                word.offset,
                ErrorKind::Header,
                format!("unknown {what} {:?}", word.text),
            )
        };
        let action = parse_action(&words.action.text).ok_or_else(|| unknown("action", &words.action))?;
        let Protocol {
            transport,
            family,
            app,
            payload,
        } = parse_protocol(&words.protocol.text, vocabulary)
            .ok_or_else(|| unknown("protocol", &words.protocol))?;
        let (both_ways, is_exchange) = match words.direction.text.as_str() {
            "->" => (false, false),
            "<>" => (true, false),
            "=>" => (false, true),
            _ => return Err(unknown("direction", &words.direction)),
        };
        let mut addresses = |word: &Word| {
            resolver
                .addresses(&word.text)
                .map_err(|complaint| complaint.at(word.offset))
        };
        let (source, destination) = (addresses(&words.source)?, addresses(&words.destination)?);
        let mut ports = |word: &Word| {
            resolver
                .ports(&word.text)
                .map_err(|complaint| complaint.at(word.offset))
        };
        let header = Header {
            transport,
            family,
            source,
            source_ports: ports(&words.source_ports)?,
            destination,
            destination_ports: ports(&words.destination_ports)?,
            both_ways,
        };
        Ok(HeaderMeaning {
            action,
            header,
            is_exchange,
            app,
            payload,
        })
    }
}

fn parse_action(word: &str) -> Option<Action> {
    Some(match word {
        "alert" => Action::Alert,
        "pass" => Action::Pass,
        "drop" => Action::Drop,
        "reject" | "rejectsrc" | "rejectdst" | "rejectboth" => Action::Reject,
        _ => return None,
    })
}

fn parse_protocol(word: &str, vocabulary: &Vocabulary) -> Option<Protocol> {
    let plain = |transport| Protocol {
        transport,
        family: Family::Both,
        app: None,
        payload: None,
    };
    Some(match word {
        // Suricata judges rules for `pkthdr` on packets that it cannot decode, too.
        "ip" | "pkthdr" => plain(Transport::Any),
        "ip4" | "ipv4" => Protocol {
            family: Family::V4,
            ..plain(Transport::Any)
        },
        "ip6" | "ipv6" => Protocol {
            family: Family::V6,
            ..plain(Transport::Any)
        },
        "tcp" => plain(Transport::Tcp),
        "tcp-pkt" => Protocol {
            payload: Some(PayloadFrom::Packets),
            ..plain(Transport::Tcp)
        },
        "tcp-stream" => Protocol {
            payload: Some(PayloadFrom::Stream),
            ..plain(Transport::Tcp)
        },
        "udp" => plain(Transport::Udp),
        "icmp" => plain(Transport::Icmp),
        "icmpv4" => plain(Transport::Number(1)),
        "icmpv6" => plain(Transport::Number(58)),
        "sctp" => plain(Transport::Number(132)),
        other => Protocol {
            app: Some(vocabulary.protocol(other)?),
            ..plain(Transport::Any)
        },
    })
}
