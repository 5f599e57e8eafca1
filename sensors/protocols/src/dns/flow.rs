//! The DNS of one flow: questions are tied to their answers.

use super::card::{Buffer, Number};
use super::{Message, Record, event, odd, parse, rdata};
use std::borrow::Cow;
use std::collections::VecDeque;
use vonggac_event::{Body, limits, proto};
use vonggac_protocol::{Host, Instances, Next, Protocol, Side, Source, Transport};

/// The stage of a message, its only one.
const MESSAGE: u8 = 0;

/// The DNS of one flow.
pub(crate) struct DnsFlow {
    transport: Transport,
    /// Unanswered queries, oldest first.
    queries: VecDeque<Query>,
    /// Messages so far.
    messages: u64,
    /// Whether the core was asked to wake us.
    is_watched: bool,
    /// TCP: the start of a message, by side.
    partial: [Vec<u8>; 2],
    /// TCP: where the next message begins is not known, by side.
    is_lost: [bool; 2],
}

struct Query {
    ts_us: i64,
    /// Its number among the flow's messages: each is a transaction, as in Suricata.
    transaction: u64,
    packet: u64,
    message: Message,
}

impl DnsFlow {
    /// DNS of which nothing was said yet.
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            queries: VecDeque::new(),
            messages: 0,
            is_watched: false,
            partial: [Vec::new(), Vec::new()],
            is_lost: [false; 2],
        }
    }

    /// Reads the messages in the next bytes of a stream.
    fn stream(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) {
        if *side.of(&self.is_lost) {
            return;
        }
        let mut held = std::mem::take(side.of_mut(&mut self.partial));
        held.extend_from_slice(bytes);
        let mut rest = held.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<2>()
            && let Some((message, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        {
            self.message(host, side, message);
            rest = behind;
        }
        // A message that comes byte by byte is not copied with each of them.
        let read = held.len() - rest.len();
        held.drain(..read);
        *side.of_mut(&mut self.partial) = held;
    }

    fn message(&mut self, host: &mut dyn Host, side: Side, payload: &[u8]) {
        let Ok(message) = parse(payload) else {
            host.count("dns_malformed", 1);
            return host.anomaly(side, odd::MALFORMED, "header cut");
        };
        if message.malformed.is_some() {
            host.count("dns_malformed", 1);
        }
        let transaction = self.messages;
        self.messages += 1;
        let said = Said {
            transaction,
            message: &message,
            payload,
        };
        for (kind, words) in odd::of(&message) {
            host.anomaly_of(said.side(), kind, words, &said);
        }
        host.judge(said.side(), MESSAGE, &said);
        match message.is_response {
            true => self.answer(host, transaction, &message),
            false => self.query(host, transaction, message),
        }
    }

    fn query(&mut self, host: &mut dyn Host, transaction: u64, message: Message) {
        if self.queries.len() >= host.limits().transactions_max.max(1) {
            host.count("dns_queries_limit", 1);
            if let Some(oldest) = self.queries.pop_front() {
                oldest.unanswered(host);
            }
        }
        let ts_us = host.now_us();
        if self.queries.capacity() == 0 {
            // Most flows have one.
            self.queries.reserve_exact(1);
        }
        self.queries.push_back(Query {
            ts_us,
            transaction,
            packet: host.packet(),
            message,
        });
        if !self.is_watched {
            self.is_watched = host.wake(ts_us.saturating_add(host.limits().answer_timeout_us));
        }
    }

    fn answer(&mut self, host: &mut dyn Host, transaction: u64, message: &Message) {
        let asked = self
            .queries
            .iter()
            .position(|query| query.message.is_answered_by(message));
        let query = asked.and_then(|place| self.queries.remove(place));
        if self.queries.is_empty() {
            self.queries = VecDeque::new();
        }
        let ts_us = query.as_ref().map_or(host.now_us(), |query| query.ts_us);
        let asked = query.as_ref().map_or(transaction, |query| query.transaction);
        let mut body = event::answer(query.as_ref().map(|query| &query.message), message);
        body.rtt_us = u64::try_from(host.now_us().saturating_sub(ts_us)).unwrap_or(0);
        body.query_packet = query.as_ref().map_or(0, |query| query.packet);
        body.answer_tx_id = Some(transaction);
        host.event(asked, ts_us, Body::Dns(body));
    }
}

impl Query {
    fn unanswered(&self, host: &mut dyn Host) {
        host.count("dns_unanswered", 1);
        let mut body = event::query(&self.message);
        body.query_packet = self.packet;
        host.event(self.transaction, self.ts_us, Body::Dns(body));
    }
}

impl Protocol for DnsFlow {
    fn data(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next {
        match self.transport {
            Transport::Tcp => self.stream(host, side, bytes),
            Transport::Udp => self.message(host, side, bytes),
        }
        Next::More
    }

    fn gap(&mut self, _: &mut dyn Host, side: Side, _: u64) -> Next {
        *side.of_mut(&mut self.is_lost) = true;
        *side.of_mut(&mut self.partial) = Vec::new();
        Next::More
    }

    fn overdue(&mut self, host: &mut dyn Host) {
        let timeout_us = host.limits().answer_timeout_us;
        let limit_us = host.now_us().saturating_sub(timeout_us);
        while let Some(query) = self.queries.front()
            && query.ts_us <= limit_us
        {
            query.unanswered(host);
            self.queries.pop_front();
        }
        self.is_watched = match self.queries.front() {
            Some(query) => host.wake(query.ts_us.saturating_add(timeout_us)),
            None => false,
        };
    }

    fn finish(&mut self, host: &mut dyn Host) {
        for query in std::mem::take(&mut self.queries) {
            query.unanswered(host);
        }
    }
}

/// A message as rules read it.
struct Said<'a> {
    transaction: u64,
    message: &'a Message,
    payload: &'a [u8],
}

impl Said<'_> {
    /// All records: answers, authorities, additionals.
    fn records(&self) -> impl Iterator<Item = &Record> {
        let Message {
            answers,
            authorities,
            additionals,
            ..
        } = self.message;
        answers.iter().chain(authorities).chain(additionals)
    }

    fn side(&self) -> Side {
        match self.message.is_response {
            true => Side::Server,
            false => Side::Client,
        }
    }
}

impl Source for Said<'_> {
    fn transaction(&self) -> u64 {
        self.transaction
    }

    fn read<'a>(&'a self, _: Side, buffer: usize, into: &mut Instances<'a>) {
        let Some(buffer) = Buffer::at(buffer) else { return };
        let questions = self
            .message
            .questions
            .iter()
            .map(|question| question.name.as_str());
        let names = |records: &'a [Record]| records.iter().map(|record| record.name.as_str());
        let Message {
            answers,
            authorities,
            additionals,
            ..
        } = self.message;
        let mut give = |names: &mut dyn Iterator<Item = &'a str>| {
            let kept = names.take(limits::LIST_ITEMS_MAX);
            into.extend(kept.map(|name| Cow::Borrowed(name.as_bytes())));
        };
        match buffer {
            Buffer::Query | Buffer::QueryName => give(&mut { questions }),
            Buffer::AnswerName => give(&mut names(answers)),
            Buffer::AuthorityName => give(&mut names(authorities)),
            Buffer::AdditionalName => give(&mut names(additionals)),
            Buffer::ResponseName => {
                let records = || self.records();
                let owners = records().map(|record| record.name.as_str());
                let within = records().filter_map(|record| rdata::name_within(&record.data, record.rtype));
                give(&mut questions.chain(owners).chain(within));
            }
        }
    }

    fn numbers(&self, _: Side, number: usize, into: &mut Vec<u64>) {
        match Number::at(number) {
            Some(Number::Opcode) => into.push(self.message.opcode.into()),
            Some(Number::ResponseCode) => into.push(self.message.rcode.into()),
            Some(Number::RecordType) => {
                let asked = self.message.questions.iter().map(|question| question.qtype);
                let told = self.records().map(|record| record.rtype);
                into.extend(asked.chain(told).map(u64::from));
            }
            None => {}
        }
    }

    fn excerpt(&self, _: Side) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.payload)
    }

    fn event(&self) -> Option<Body> {
        Some(Body::Dns(match self.message.is_response {
            true => proto::Dns {
                answer_tx_id: Some(self.transaction),
                ..event::answer(None, self.message)
            },
            false => event::query(self.message),
        }))
    }
}
