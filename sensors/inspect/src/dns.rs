//! DNS: questions are tied to their answers.

use crate::conversation::of;
use crate::worker::{Scene, Worker};
use vonggac_event::{Body, limits, proto};
use vonggac_protocols::dns::{self, Message, Record, rcode_name, type_name};
use vonggac_signature::Buffer;
use vonggac_stream::Direction;

/// Longest DNS message over TCP, with its length.
const MESSAGE_BYTES_MAX: usize = 2 + 65_535;

/// The DNS of one flow.
#[derive(Default)]
pub(crate) struct DnsFlow {
    /// Unanswered queries, oldest first.
    queries: Vec<Query>,
    /// Whether the flow's deadline is set.
    is_watched: bool,
    /// TCP: the start of a message, by direction.
    partial: [Vec<u8>; 2],
    /// TCP: the place in the direction was lost.
    lost: [bool; 2],
}

struct Query {
    ts_us: i64,
    message: Message,
}

impl DnsFlow {
    /// Bytes of a direction were not seen: where its next message begins is unknown.
    pub(crate) fn lose(&mut self, direction: Direction) {
        *of(&mut self.lost, direction) = true;
        *of(&mut self.partial, direction) = Vec::new();
    }
}

/// Reads the messages in the next bytes of a TCP direction.
pub(crate) fn stream(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut DnsFlow,
    direction: Direction,
    data: &[u8],
) {
    if *of(&mut flow.lost, direction) {
        return;
    }
    let mut bytes = std::mem::take(of(&mut flow.partial, direction));
    bytes.extend_from_slice(data);
    let mut rest = bytes.as_slice();
    while let Some((length, behind)) = rest.split_first_chunk::<2>()
        && let Some((message, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    {
        datagram(worker, scene, flow, direction, message);
        rest = behind;
    }
    debug_assert!(rest.len() < MESSAGE_BYTES_MAX);
    *of(&mut flow.partial, direction) = rest.to_vec();
}

/// Reads one message.
pub(crate) fn datagram(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut DnsFlow,
    direction: Direction,
    payload: &[u8],
) {
    let message = match dns::parse(payload) {
        Ok(message) => message,
        Err(_) => {
            worker.counters.dns_malformed += 1;
            return worker.anomaly(scene, "dns", "dns_truncated", "");
        }
    };
    if let Some(problem) = message.malformed {
        worker.counters.dns_malformed += 1;
        worker.anomaly(scene, "dns", "dns_malformed", problem);
    }
    signatures(worker, scene, direction, &message, payload);
    if message.is_response {
        answer(worker, scene, flow, &message);
    } else {
        query(worker, scene, flow, message);
    }
}

fn signatures(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    direction: Direction,
    message: &Message,
    payload: &[u8],
) {
    let questions = message
        .questions
        .iter()
        .map(|question| (Buffer::DnsQuery, question.name.as_bytes()));
    let answers = message
        .answers
        .iter()
        .map(|record| (Buffer::DnsAnswerName, record.name.as_bytes()));
    // As in Suricata, a question is judged once: in the query, not again where the response repeats it.
    let buffers: Vec<(Buffer, &[u8])> = if message.is_response {
        answers.take(limits::LIST_ITEMS_MAX).collect()
    } else {
        questions.take(limits::LIST_ITEMS_MAX).collect()
    };
    worker.match_transaction(scene, direction, &buffers, payload);
}

fn query(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut DnsFlow, message: Message) {
    if flow.queries.len() >= worker.config.dns_queries_max.max(1) {
        worker.counters.dns_queries_limit += 1;
        let oldest = flow.queries.remove(0);
        unanswered(worker, scene, &oldest);
    }
    flow.queries.push(Query {
        ts_us: worker.ts_us,
        message,
    });
    if !flow.is_watched {
        let at_us = worker.ts_us.saturating_add(worker.config.dns_timeout_us);
        flow.is_watched = worker.shared.watch(scene.flow.reference, at_us);
    }
}

fn answer(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut DnsFlow, message: &Message) {
    let asked = flow
        .queries
        .iter()
        .position(|query| query.message.id == message.id && is_same_question(&query.message, message));
    let query = asked.map(|place| flow.queries.remove(place));
    let ts_us = query.as_ref().map_or(worker.ts_us, |query| query.ts_us);
    let question = match &query {
        Some(query) if message.questions.is_empty() => &query.message,
        _ => message,
    };
    let mut body = describe(question);
    body.query_seen = query.is_some();
    body.query_flags = query.as_ref().map_or(0, |query| header_flags(&query.message));
    body.flags = header_flags(message);
    body.opcode = u32::from(message.opcode);
    body.answered = true;
    body.rcode = u32::from(message.rcode);
    body.rcode_name = rcode_name(message.rcode).into_owned();
    body.authoritative = message.authoritative;
    body.truncated = message.truncated;
    body.recursion_desired = message.recursion_desired;
    body.recursion_available = message.recursion_available;
    let answers = message.answers.iter().take(limits::LIST_ITEMS_MAX);
    for record in answers {
        body.answers
            .push(limits::cut(record.data.clone(), limits::TEXT_BYTES_MAX));
        body.ttls.push(record.ttl);
    }
    body.answer_records = records(&message.answers);
    body.authorities = records(&message.authorities);
    body.additionals = records(&message.additionals);
    body.rtt_us = u64::try_from(worker.ts_us.saturating_sub(ts_us)).unwrap_or(0);
    worker.emit(scene, ts_us, Body::Dns(body));
}

/// An answer may leave the question out; if it has one it must be the one asked.
fn is_same_question(query: &Message, answer: &Message) -> bool {
    match (query.questions.first(), answer.questions.first()) {
        (Some(asked), Some(told)) => asked.qtype == told.qtype && asked.name.eq_ignore_ascii_case(&told.name),
        _ => true,
    }
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
        body.query = limits::cut(question.name.clone(), limits::TEXT_BYTES_MAX);
        body.qtype = u32::from(question.qtype);
        body.qtype_name = type_name(question.qtype).into_owned();
        body.qclass = u32::from(question.qclass);
    }
    body
}

fn questions(message: &Message) -> Vec<proto::DnsQuestion> {
    let kept = message.questions.iter().take(limits::LIST_ITEMS_MAX);
    kept.map(|question| proto::DnsQuestion {
        name: limits::cut(question.name.clone(), limits::TEXT_BYTES_MAX),
        r#type: u32::from(question.qtype),
        type_name: type_name(question.qtype).into_owned(),
        class: u32::from(question.qclass),
        ..proto::DnsQuestion::default()
    })
    .collect()
}

fn records(records: &[Record]) -> Vec<proto::DnsRecord> {
    let kept = records.iter().take(limits::LIST_ITEMS_MAX);
    kept.map(|record| proto::DnsRecord {
        name: limits::cut(record.name.clone(), limits::TEXT_BYTES_MAX),
        r#type: u32::from(record.rtype),
        type_name: type_name(record.rtype).into_owned(),
        class: u32::from(record.rclass),
        ttl: record.ttl,
        data: limits::cut(record.data.clone(), limits::TEXT_BYTES_MAX),
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

fn unanswered(worker: &mut Worker<'_>, scene: &Scene<'_>, query: &Query) {
    worker.counters.dns_unanswered += 1;
    let body = proto::Dns {
        query_seen: true,
        query_flags: header_flags(&query.message),
        ..describe(&query.message)
    };
    worker.emit(scene, query.ts_us, Body::Dns(body));
}

/// Reports the queries whose answers are overdue, and asks to be called again for the others.
pub(crate) fn overdue(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut DnsFlow) {
    let limit_us = worker.ts_us.saturating_sub(worker.config.dns_timeout_us);
    let late = flow
        .queries
        .iter()
        .take_while(|query| query.ts_us <= limit_us)
        .count();
    for query in flow.queries.drain(..late) {
        unanswered(worker, scene, &query);
    }
    flow.is_watched = match flow.queries.first() {
        Some(query) => {
            let at_us = query.ts_us.saturating_add(worker.config.dns_timeout_us);
            worker.shared.watch(scene.flow.reference, at_us)
        }
        None => false,
    };
}

/// Reports all unanswered queries: the flow is over.
pub(crate) fn finish(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut DnsFlow) {
    for query in std::mem::take(&mut flow.queries) {
        unanswered(worker, scene, &query);
    }
}
