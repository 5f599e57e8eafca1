//! The HTTP/1 of one flow: requests are tied to their responses, bodies become files.

use super::card::{BODY, END, HEAD};
use super::odd::{self, Odd};
use super::transaction::Transaction;
use super::{Direction, End, Event, Parser, RequestHead, ResponseHead};
use std::collections::VecDeque;
use vonggac_event::Body;
use vonggac_protocol::{Host, Next, Protocol, Side};

/// Most bytes held back of what a client says behind `CONNECT`, before it is known whether a tunnel begins there.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// The HTTP of one flow.
pub(crate) struct HttpFlow {
    parsers: [Parser; 2],
    transactions: VecDeque<Transaction>,
    begun: u32,
    /// The response under way is an interim one, of which another follows.
    is_interim: bool,
    /// Responses may have been missed: which request the next one answers is not known by counting.
    has_missed_responses: bool,
    /// What the client says behind `CONNECT`; `None` when no such request waits for its response.
    held: Option<Held>,
    /// Bytes that bodies decoded to and that their length has not earned.
    unearned_bytes: u64,
}

/// Most bytes that the bodies of a connection may decode to without having earned them by their length. More than five bodies of a few bytes that
/// each become a page are no longer somebody who repeats himself.
const UNEARNED_BYTES_MAX: u64 = 512 * 1024;

/// What is held back until it is known who reads it.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many bytes of the core's budget it takes.
    reserved: usize,
}

impl Default for HttpFlow {
    fn default() -> Self {
        Self {
            parsers: [Parser::new(Direction::Request), Parser::new(Direction::Response)],
            transactions: VecDeque::new(),
            begun: 0,
            unearned_bytes: 0,
            is_interim: false,
            has_missed_responses: false,
            held: None,
        }
    }
}

impl HttpFlow {
    /// The transaction whose message is under way: the newest request, the response to the oldest unanswered one.
    fn under_way(&mut self, side: Side) -> Option<&mut Transaction> {
        let mut waiting = self.transactions.iter_mut();
        match side {
            Side::Client => waiting.next_back().filter(|last| !last.client.is_done),
            Side::Server => waiting.find(|transaction| !transaction.server.is_done),
        }
    }

    /// Reads what `side` said; what follows HTTP in a tunnel (after `CONNECT`, an upgrade, HTTP/2's preface) is given to the next protocol.
    fn read(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next {
        let mut input = bytes;
        while let Some(event) = side.of_mut(&mut self.parsers).next(&mut input) {
            if let Event::Tunnel(mut start) = event {
                start.extend_from_slice(input);
                return self.upgrade(host, side, start);
            }
            self.take(host, side, event);
            if side == Side::Client && self.held.is_some() {
                return self.hold(host, input);
            }
        }
        self.report_done(host);
        match side == Side::Server && self.has_declined() {
            true => self.resume(host),
            false => Next::More,
        }
    }

    fn upgrade(&mut self, host: &mut dyn Host, side: Side, start: Vec<u8>) -> Next {
        let held = self.let_go(host);
        self.finish(host);
        Next::Upgrade(Box::new(match side {
            Side::Client => [start, Vec::new()],
            Side::Server => [held, start],
        }))
    }

    fn hold(&mut self, host: &mut dyn Host, bytes: &[u8]) -> Next {
        let Some(held) = &mut self.held else {
            return Next::More;
        };
        held.bytes.extend_from_slice(bytes);
        let granted = host.reserve(bytes.len());
        held.reserved += granted;
        match granted < bytes.len() || held.bytes.len() > HELD_BYTES_MAX {
            // So much is said to who has agreed, whether that was seen or not.
            true => self.upgrade(host, Side::Server, Vec::new()),
            false => Next::More,
        }
    }

    /// Gives up what is held back.
    fn let_go(&mut self, host: &mut dyn Host) -> Vec<u8> {
        let held = self.held.take().unwrap_or_default();
        host.release(held.reserved);
        held.bytes
    }

    /// Whether `CONNECT` was answered, and not by a tunnel.
    fn has_declined(&self) -> bool {
        self.held.is_some() && self.transactions.is_empty()
    }

    fn resume(&mut self, host: &mut dyn Host) -> Next {
        let held = self.let_go(host);
        self.read(host, Side::Client, &held)
    }

    fn take(&mut self, host: &mut dyn Host, side: Side, event: Event<'_>) {
        match event {
            Event::Request(head) => self.request(host, head),
            Event::Response(head) => self.response(host, head),
            Event::Body(bytes) => self.body(host, side, &bytes),
            Event::Gap(bytes) => {
                if let Some(transaction) = self.under_way(side) {
                    transaction.message_mut(side).body.miss(host, bytes);
                }
            }
            Event::Complete(end) => self.complete(host, side, end),
            Event::Anomaly(odd) => tell(host, side, odd),
            Event::Trailers(_) | Event::Tunnel(_) => {}
        }
    }

    fn body(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) {
        let Some(transaction) = self.under_way(side) else {
            return;
        };
        let body = &mut transaction.message_mut(side).body;
        let before = body.unearned_bytes();
        if let Some(odd) = body.add(host, bytes) {
            tell(host, side, odd);
        }
        let after = transaction.message(side).body.unearned_bytes();
        // The rules' part of a long body need not wait for the rest.
        if transaction.has_all_for_rules(side) {
            transaction.judge(host, side, BODY);
        }
        self.unearned_bytes = self.unearned_bytes.saturating_sub(before).saturating_add(after);
    }

    fn request(&mut self, host: &mut dyn Host, head: Box<RequestHead>) {
        let [_, responses] = &mut self.parsers;
        let is_lost = responses.is_lost();
        responses.request_seen(&head);
        if is_lost {
            // Who asks again has been answered, in what was lost.
            self.give_up_responses(host, 0);
        }
        self.read_told(host);
        for odd in odd::of_request(&head) {
            tell(host, Side::Client, odd);
        }
        let unearned_max = self.unearned_left();
        let transaction = self.begin(host);
        let body = &mut transaction.client.body;
        if let Some(odd) = body.begin(host, Side::Client, &head.headers, unearned_max) {
            tell(host, Side::Client, odd);
        }
        transaction.request = Some(head);
        transaction.judge(host, Side::Client, HEAD);
    }

    fn response(&mut self, host: &mut dyn Host, head: Box<ResponseHead>) {
        self.is_interim = head.is_interim;
        if self.is_interim {
            return;
        }
        if std::mem::take(&mut self.has_missed_responses) {
            self.give_up_responses(host, 1);
        }
        if self.under_way(Side::Server).is_none() {
            self.begin(host).client.is_done = true;
        }
        let unearned_max = self.unearned_left();
        if let Some(transaction) = self.under_way(Side::Server) {
            let body = &mut transaction.server.body;
            if let Some(odd) = body.begin(host, Side::Server, &head.headers, unearned_max) {
                tell(host, Side::Server, odd);
            }
            transaction.response = Some(head);
            transaction.judge(host, Side::Server, HEAD);
            if transaction.waits_for_leave() {
                let [requests, _] = &mut self.parsers;
                requests.body_refused();
            }
        }
    }

    fn unearned_left(&self) -> u64 {
        UNEARNED_BYTES_MAX.saturating_sub(self.unearned_bytes)
    }

    /// Ends the responses that are waited for but for the last `kept` of them, which were missed.
    fn give_up_responses(&mut self, host: &mut dyn Host, kept: usize) {
        self.has_missed_responses = false;
        let open = self.transactions.iter_mut();
        let open = open.rev().filter(|transaction| !transaction.server.is_done);
        for transaction in open.skip(kept) {
            end_side(host, transaction, Side::Server, End::Truncated);
        }
    }

    /// Takes what the response parser says now that it knows of a request.
    fn read_told(&mut self, host: &mut dyn Host) {
        let mut nothing: &[u8] = &[];
        let [_, responses] = &mut self.parsers;
        let told: Vec<_> = std::iter::from_fn(|| responses.next(&mut nothing)).collect();
        for event in told {
            self.take(host, Side::Server, event);
        }
    }

    /// A new transaction, for which the oldest makes room if need be.
    fn begin(&mut self, host: &mut dyn Host) -> &mut Transaction {
        while self.transactions.len() >= host.limits().transactions_max.max(1) {
            host.count("http_transactions_limit", 1);
            if let Some(oldest) = self.transactions.pop_front() {
                close(host, oldest);
            }
        }
        self.begun = self.begun.saturating_add(1);
        self.transactions.push_back_mut(Transaction {
            ts_us: host.now_us(),
            packet: host.packet(),
            depth: self.begun,
            rule_body_bytes_max: host.limits().rule_body_bytes_max,
            ..Transaction::default()
        })
    }

    fn complete(&mut self, host: &mut dyn Host, side: Side, end: End) {
        if side == Side::Server && std::mem::take(&mut self.is_interim) {
            return;
        }
        let Some(transaction) = self.under_way(side) else {
            return;
        };
        end_side(host, transaction, side, end);
        let is_connect = transaction
            .request
            .as_ref()
            .is_some_and(|head| head.method == b"CONNECT");
        if side == Side::Client && is_connect && !transaction.server.is_done {
            self.held = Some(Held::default());
        }
    }

    fn report_done(&mut self, host: &mut dyn Host) {
        while let Some(transaction) = self.transactions.pop_front_if(|oldest| oldest.is_done()) {
            close(host, transaction);
        }
    }
}

impl Protocol for HttpFlow {
    fn data(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next {
        match side == Side::Client && self.held.is_some() {
            true => self.hold(host, bytes),
            false => self.read(host, side, bytes),
        }
    }

    fn gap(&mut self, host: &mut dyn Host, side: Side, bytes: u64) -> Next {
        if side == Side::Client && self.held.is_some() {
            // What comes next does not follow upon what was held back.
            self.let_go(host);
            self.held = Some(Held::default());
        }
        let parser = side.of_mut(&mut self.parsers);
        parser.gap(bytes);
        let is_lost = parser.is_lost();
        let next = self.read(host, side, &[]);
        self.has_missed_responses |= side == Side::Server && is_lost;
        next
    }

    fn end(&mut self, host: &mut dyn Host, side: Side) -> Next {
        side.of_mut(&mut self.parsers).finish();
        self.read(host, side, &[])
    }

    fn shed(&mut self, host: &mut dyn Host) {
        for transaction in &mut self.transactions {
            for side in Side::BOTH {
                let message = transaction.message(side);
                if !message.is_done && message.body.file.size() > 0 {
                    transaction.judge(host, side, BODY);
                    transaction.message_mut(side).body.shed(host);
                }
            }
        }
    }

    fn finish(&mut self, host: &mut dyn Host) {
        self.let_go(host);
        let suppressed = self.parsers.iter().map(Parser::anomalies_suppressed).sum();
        host.count("http_anomalies_suppressed", suppressed);
        for transaction in std::mem::take(&mut self.transactions) {
            close(host, transaction);
        }
    }
}

/// Tells something odd about a message of `side`.
pub(super) fn tell(host: &mut dyn Host, side: Side, odd: Odd) {
    let direction = match side {
        Side::Client => Direction::Request,
        Side::Server => Direction::Response,
    };
    host.anomaly(side, odd.kind(direction), &odd.to_string());
}

/// Ends one side of a transaction: rules see it, its body becomes a file.
fn end_side(host: &mut dyn Host, transaction: &mut Transaction, side: Side, end: End) {
    if let Some(odd) = transaction.message_mut(side).body.finish(host, end) {
        tell(host, side, odd);
    }
    transaction.judge(host, side, END);
    file(host, transaction, side);
    transaction.message_mut(side).is_done = true;
}

/// Ends what is open of a transaction and tells it.
fn close(host: &mut dyn Host, mut transaction: Transaction) {
    for side in Side::BOTH {
        if !transaction.message(side).is_done {
            end_side(host, &mut transaction, side, End::Truncated);
        }
    }
    host.event(
        transaction.number(),
        transaction.ts_us,
        Body::Http(transaction.describe()),
    );
}

/// Tells the files that a side sent: those of a form, or else the body.
fn file(host: &mut dyn Host, transaction: &mut Transaction, side: Side) {
    let mime = transaction.mime(side);
    let files = transaction.files_told(side, &mime);
    let message = transaction.message_mut(side);
    message.mime = mime;
    let whole = message.body.file.take_kept(host);
    let data = match message.body.take_form() {
        Some(parts) => parts
            .into_iter()
            .map(|mut part| part.body.take_kept(host))
            .collect(),
        None => vec![whole],
    };
    for (file, data) in files.into_iter().zip(data) {
        if let Some(file) = file {
            host.file(transaction.number(), side, file, data);
        }
    }
}
