//! HTTP/1: requests are tied to their responses, bodies become files.

use crate::body::Body as MessageBody;
use crate::http_buffers::{self, Buffers};
use crate::http_transaction::{Transaction, describe, file_name};
use crate::worker::{Scene, Worker};
use std::collections::VecDeque;
use vonggac_event::{Body, limits, proto};
use vonggac_protocols::http::{self, End, Event, Parser, RequestHead, ResponseHead};
use vonggac_signature::Buffer;
use vonggac_stream::Direction;

/// The HTTP of one flow.
pub(crate) struct HttpFlow {
    client: Direction,
    requests: Parser,
    responses: Parser,
    transactions: VecDeque<Transaction>,
    begun: u32,
    /// The response under way is an interim one, of which another follows.
    is_interim: bool,
}

impl HttpFlow {
    /// HTTP whose requests come from `client`.
    pub(crate) fn new(client: Direction) -> Self {
        Self {
            client,
            requests: Parser::new(http::Direction::Request),
            responses: Parser::new(http::Direction::Response),
            transactions: VecDeque::new(),
            begun: 0,
            is_interim: false,
        }
    }

    /// Whether neither direction is HTTP any more.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.requests.is_tunnel() && self.responses.is_tunnel()
    }

    fn which(&self, direction: Direction) -> http::Direction {
        match direction == self.client {
            true => http::Direction::Request,
            false => http::Direction::Response,
        }
    }

    fn sender(&self, which: http::Direction) -> Direction {
        match which {
            http::Direction::Request => self.client,
            http::Direction::Response => self.client.reverse(),
        }
    }

    fn parser(&mut self, which: http::Direction) -> &mut Parser {
        match which {
            http::Direction::Request => &mut self.requests,
            http::Direction::Response => &mut self.responses,
        }
    }

    /// The transaction whose message is under way: the newest request, the response to the oldest unanswered one.
    fn under_way(&mut self, which: http::Direction) -> Option<&mut Transaction> {
        let mut waiting = self.transactions.iter_mut();
        match which {
            http::Direction::Request => waiting.next_back().filter(|last| !last.sides[0].is_done),
            http::Direction::Response => waiting.find(|transaction| !transaction.sides[1].is_done),
        }
    }
}

/// Reads the next bytes of a direction.
pub(crate) fn data(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut HttpFlow,
    direction: Direction,
    data: &[u8],
) {
    let which = flow.which(direction);
    let mut input = data;
    while let Some(event) = flow.parser(which).next(&mut input) {
        take(worker, scene, flow, which, event);
    }
    report_done(worker, scene, flow);
}

/// Bytes of a direction were not seen.
pub(crate) fn gap(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut HttpFlow,
    direction: Direction,
    bytes: u64,
) {
    let which = flow.which(direction);
    flow.parser(which).gap(bytes);
    data(worker, scene, flow, direction, &[]);
}

/// A direction is over.
pub(crate) fn end_of_stream(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut HttpFlow,
    direction: Direction,
) {
    let which = flow.which(direction);
    flow.parser(which).finish();
    data(worker, scene, flow, direction, &[]);
}

/// The flow is over: what is under way ends here.
pub(crate) fn finish(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut HttpFlow) {
    let suppressed = flow.requests.anomalies_suppressed() + flow.responses.anomalies_suppressed();
    worker.counters.http_anomalies_suppressed += suppressed;
    for mut transaction in std::mem::take(&mut flow.transactions) {
        close(worker, scene, flow.client, &mut transaction);
    }
}

fn take(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut HttpFlow,
    which: http::Direction,
    event: Event<'_>,
) {
    match event {
        Event::Request(head) => request(worker, scene, flow, head),
        Event::Response(head) => response(worker, scene, flow, head),
        Event::Body(bytes) => {
            let sender = flow.sender(which);
            if let Some(transaction) = flow.under_way(which) {
                transaction.side(which).body.add(worker, &bytes);
                // The rules' part of a long body need not wait for the rest.
                if transaction.side(which).body.kept.len() >= worker.config.rule_body_bytes_max {
                    signatures(worker, scene, transaction, which, sender);
                }
            }
        }
        Event::Gap(bytes) => {
            if let Some(transaction) = flow.under_way(which) {
                let body = &mut transaction.side(which).body;
                body.missed = body.missed.saturating_add(bytes);
            }
        }
        Event::Trailers(_) => {}
        Event::Complete(end) => complete(worker, scene, flow, which, end),
        Event::Tunnel(_) => {
            flow.requests.enter_tunnel();
            flow.responses.enter_tunnel();
        }
        Event::Anomaly(problem) => worker.anomaly(scene, "http", "http_malformed", problem),
    }
}

fn request(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut HttpFlow, head: Box<RequestHead>) {
    flow.responses.request_seen(&head.method);
    make_room(worker, scene, flow);
    flow.begun = flow.begun.saturating_add(1);
    let mut transaction = Transaction {
        ts_us: worker.ts_us,
        depth: flow.begun,
        ..Transaction::default()
    };
    transaction.sides[0]
        .body
        .begin(worker, head.header("content-encoding"));
    transaction.request = Some(head);
    flow.transactions.push_back(transaction);
}

fn response(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut HttpFlow, head: Box<ResponseHead>) {
    const SWITCHING_PROTOCOLS: u16 = 101;
    flow.is_interim = (100..200).contains(&head.status) && head.status != SWITCHING_PROTOCOLS;
    if flow.is_interim {
        return;
    }
    if flow.under_way(http::Direction::Response).is_none() {
        make_room(worker, scene, flow);
        flow.begun = flow.begun.saturating_add(1);
        let mut transaction = Transaction {
            ts_us: worker.ts_us,
            depth: flow.begun,
            ..Transaction::default()
        };
        transaction.sides[0].is_done = true;
        flow.transactions.push_back(transaction);
    }
    if let Some(transaction) = flow.under_way(http::Direction::Response) {
        let coding = head.header("content-encoding");
        transaction.sides[1].body.begin(worker, coding);
        transaction.response = Some(head);
    }
}

fn make_room(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut HttpFlow) {
    while flow.transactions.len() >= worker.config.http_transactions_max.max(1) {
        worker.counters.http_transactions_limit += 1;
        if let Some(mut oldest) = flow.transactions.pop_front() {
            close(worker, scene, flow.client, &mut oldest);
        }
    }
}

fn complete(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut HttpFlow,
    which: http::Direction,
    end: End,
) {
    if which == http::Direction::Response && std::mem::take(&mut flow.is_interim) {
        return;
    }
    let sender = flow.sender(which);
    if let Some(transaction) = flow.under_way(which) {
        end_side(worker, scene, transaction, which, sender, end);
    }
}

/// Ends one side of a transaction: signatures see it, its body becomes a file.
fn end_side(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    transaction: &mut Transaction,
    which: http::Direction,
    sender: Direction,
    end: End,
) {
    transaction.side(which).body.finish(worker, end);
    signatures(worker, scene, transaction, which, sender);
    file(worker, scene, transaction, which, sender);
    transaction.side(which).is_done = true;
}

fn report_done(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut HttpFlow) {
    while flow.transactions.front().is_some_and(Transaction::is_done) {
        if let Some(mut transaction) = flow.transactions.pop_front() {
            close(worker, scene, flow.client, &mut transaction);
        }
    }
}

/// Ends what is open of a transaction and reports it.
fn close(worker: &mut Worker<'_>, scene: &mut Scene<'_>, client: Direction, transaction: &mut Transaction) {
    for (which, sender) in [
        (http::Direction::Request, client),
        (http::Direction::Response, client.reverse()),
    ] {
        if !transaction.side(which).is_done {
            end_side(worker, scene, transaction, which, sender, End::Truncated);
        }
    }
    worker.emit(scene, transaction.ts_us, Body::Http(describe(transaction)));
}

fn signatures(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    transaction: &mut Transaction,
    which: http::Direction,
    sender: Direction,
) {
    if std::mem::replace(&mut transaction.side(which).is_matched, true) {
        return;
    }
    let bytes_max = worker.config.rule_body_bytes_max;
    let [request_side, response_side] = &transaction.sides;
    let beginning = |body: &MessageBody| body.kept.len().min(bytes_max);
    let mut buffers: Buffers<'_> = match (which, &transaction.request, &transaction.response) {
        (http::Direction::Request, Some(head), _) => {
            let body = &request_side.body;
            http_buffers::request(head, body.kept.get(..beginning(body)).unwrap_or_default())
        }
        (http::Direction::Response, _, Some(head)) => {
            let body = &response_side.body;
            http_buffers::response(head, body.kept.get(..beginning(body)).unwrap_or_default())
        }
        _ => return,
    };
    let name = file_name(transaction, which);
    let has_file = buffers.iter().any(|(buffer, _)| *buffer == Buffer::FileData);
    if has_file && !name.is_empty() {
        buffers.push((Buffer::FileName, name.as_bytes().into()));
    }
    let views: Vec<(Buffer, &[u8])> = buffers
        .iter()
        .map(|(buffer, bytes)| (*buffer, &**bytes))
        .collect();
    let start = views.iter().find(|(buffer, _)| *buffer == Buffer::HttpStart);
    let excerpt = start.map(|(_, bytes)| *bytes).unwrap_or_default();
    worker.match_transaction(scene, sender, &views, excerpt);
}

fn file(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    transaction: &mut Transaction,
    which: http::Direction,
    sender: Direction,
) {
    let content_type = match which {
        http::Direction::Request => transaction
            .request
            .as_ref()
            .and_then(|head| head.header("content-type")),
        http::Direction::Response => transaction
            .response
            .as_ref()
            .and_then(|head| head.header("content-type")),
    };
    let [request_side, response_side] = &transaction.sides;
    let body = match which {
        http::Direction::Request => &request_side.body,
        http::Direction::Response => &response_side.body,
    };
    let mime = limits::cut(body.mime(content_type), limits::TEXT_BYTES_MAX);
    let event = (body.size > 0).then(|| proto::File {
        source: "http".into(),
        from_responder: !scene.facts.is_to_server(sender),
        name: file_name(transaction, which),
        mime: mime.clone(),
        size: body.size,
        missed_bytes: body.missed,
        complete: body.is_whole(),
        sha256: body.sha256(),
        scan: "none".into(),
        yara_rules: Vec::new(),
        host: transaction.host(),
        uri: transaction.uri(),
        ..proto::File::default()
    });
    let ts_us = worker.ts_us;
    let side = transaction.side(which);
    side.mime = mime;
    let mut data = side.body.release(worker);
    data.truncate(worker.config.file_scan_bytes_max);
    // It may wait in a queue: what it does not need is given back now.
    data.shrink_to_fit();
    if let Some(event) = event {
        worker.emit_file(scene, ts_us, event, data);
    }
}
