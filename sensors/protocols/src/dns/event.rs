//! What is told of DNS.

use super::{Message, Record, rcode_name, type_name};
use vonggac_event::{limits, proto};

/// The event of a query that has no answer (yet).
pub(super) fn query(message: &Message) -> proto::Dns {
    proto::Dns {
        query_seen: true,
        query_flags: header_flags(message),
        ..describe(message)
    }
}

/// The event of an answer, without its round-trip time; `query` is what it answers, where that was seen.
pub(super) fn answer(query: Option<&Message>, message: &Message) -> proto::Dns {
    // What was asked is told as the answer repeats it, unless it does not.
    let asked = query.filter(|_| message.questions.is_empty()).unwrap_or(message);
    let answers = message.answers.iter().take(limits::LIST_ITEMS_MAX);
    proto::Dns {
        query_seen: query.is_some(),
        query_flags: query.map_or(0, header_flags),
        flags: header_flags(message),
        opcode: u32::from(message.opcode),
        answered: true,
        rcode: u32::from(message.rcode),
        rcode_name: rcode_name(message.rcode).into_owned(),
        authoritative: message.authoritative,
        truncated: message.truncated,
        recursion_desired: message.recursion_desired,
        recursion_available: message.recursion_available,
        answers: answers.clone().map(|record| text(&record.data)).collect(),
        ttls: answers.map(|record| record.ttl).collect(),
        answer_records: records(&message.answers),
        authorities: records(&message.authorities),
        additionals: records(&message.additionals),
        ..describe(asked)
    }
}

fn text(text: &str) -> String {
    limits::cut(text.to_owned(), limits::TEXT_BYTES_MAX)
}

fn describe(message: &Message) -> proto::Dns {
    let mut body = proto::Dns {
        trans_id: u32::from(message.id),
        recursion_desired: message.recursion_desired,
        truncated: message.truncated,
        opcode: u32::from(message.opcode),
        questions: questions(message),
        ..proto::Dns::default()
    };
    if let Some(question) = message.questions.first() {
        body.query = text(&question.name);
        body.qtype = u32::from(question.qtype);
        body.qtype_name = type_name(question.qtype).into_owned();
        body.qclass = u32::from(question.qclass);
    }
    body
}

fn questions(message: &Message) -> Vec<proto::DnsQuestion> {
    let kept = message.questions.iter().take(limits::LIST_ITEMS_MAX);
    kept.map(|question| proto::DnsQuestion {
        name: text(&question.name),
        r#type: u32::from(question.qtype),
        type_name: type_name(question.qtype).into_owned(),
        class: u32::from(question.qclass),
        ..proto::DnsQuestion::default()
    })
    .collect()
}

fn records(records: &[Record]) -> Vec<proto::DnsRecord> {
    let each = records.iter().flat_map(|record| {
        // As in Suricata, a text record is told string by string.
        let strings = match record.strings.as_slice() {
            [] => std::slice::from_ref(&record.data),
            strings => strings,
        };
        strings.iter().map(move |data| (record, data))
    });
    each.take(limits::LIST_ITEMS_MAX)
        .map(|(record, data)| proto::DnsRecord {
            name: text(&record.name),
            r#type: u32::from(record.rtype),
            type_name: type_name(record.rtype).into_owned(),
            class: u32::from(record.rclass),
            ttl: record.ttl,
            data: text(data),
            ..proto::DnsRecord::default()
        })
        .collect()
}

/// The second word of the header (RFC 1035, 4.1.1): `QR 1 | opcode 4 | AA 1 | TC 1 | RD 1 | RA 1 | Z 3 | RCODE 4`.
fn header_flags(message: &Message) -> u32 {
    let bits = [
        (message.is_response, 0x8000),
        (message.authoritative, 0x0400),
        (message.truncated, 0x0200),
        (message.recursion_desired, 0x0100),
        (message.recursion_available, 0x0080),
    ];
    let set = bits.into_iter().filter(|(is_set, _)| *is_set);
    let numbers = u32::from(message.opcode) << 11 | u32::from(message.z) << 4 | u32::from(message.rcode);
    set.fold(numbers, |flags, (_, bit)| flags | bit)
}
