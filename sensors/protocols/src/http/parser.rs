//! The state machine of one direction.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::framing::chunk_size;
use super::head::{Headers, Taken, is_token, is_version, request_line, status_line, without_line_end};
use super::{
    ANOMALIES_MAX, Direction, End, Event, LINE_BYTES_MAX, REQUESTS_AHEAD_MAX, RequestHead, ResponseHead,
    looks_like_request,
};

/// Longest line with a chunk's size; more without a line end is not a chunked body.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Most bytes looked at after CONNECT for a method.
const PROBE_BYTES_MAX: usize = 24;

/// Reads one direction of an HTTP/1 connection; see the module's documentation.
#[derive(Debug)]
pub struct Parser {
    pub(super) direction: Direction,
    pub(super) state: State,
    /// The line so far, its end included once it is whole.
    pub(super) line: Vec<u8>,
    /// The rest of the line is dropped.
    pub(super) line_is_cut: bool,
    pub(super) request: Option<Box<RequestHead>>,
    pub(super) response: Option<Box<ResponseHead>>,
    pub(super) headers: Headers,
    /// What the responses still to come answer.
    pub(super) requests: VecDeque<Asked>,
    /// Bytes of this message were lost.
    pub(super) is_damaged: bool,
    pub(super) pending: VecDeque<Event<'static>>,
    pub(super) anomalies: usize,
    pub(super) anomalies_suppressed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Before a start line.
    Start,
    /// After a request line without version: are there headers?
    Versionless,
    Headers,
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    /// After CONNECT: HTTP again, or a tunnel?
    Probe,
    /// After a loss: looking for a line that starts a message.
    Resync,
    Tunnel,
    Done,
}

/// What of a request decides how its response is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    /// The limit is reached without a line end.
    Full,
    Partial,
}

impl Parser {
    /// A parser at the start of a direction.
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            state: State::Start,
            line: Vec::new(),
            line_is_cut: false,
            request: None,
            response: None,
            headers: Headers::default(),
            requests: VecDeque::new(),
            is_damaged: false,
            pending: VecDeque::new(),
            anomalies: 0,
            anomalies_suppressed: 0,
        }
    }

    /// Takes bytes off the front of `input` and gives the next event; none when it needs more. All of the input is
    /// taken then, except in a tunnel, where it is left alone.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Event<'a>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            match self.state {
                State::Tunnel => return None,
                State::Done => {
                    *input = &[];
                    return None;
                }
                _ if input.is_empty() => return None,
                State::Length(_) | State::UntilClose | State::ChunkData(_) => return Some(self.body(input)),
                State::Start => self.start(input),
                State::Versionless => self.versionless(input),
                State::Headers | State::Trailers => self.header_line(input),
                State::ChunkSize | State::ChunkEnd => self.chunk_line(input),
                State::Probe => self.probe(input),
                State::Resync => self.resync(input),
            }
        }
    }

    /// Tells a response parser that a request with this method was sent, so that it knows which response has no body.
    pub fn request_seen(&mut self, method: &[u8]) {
        if self.requests.len() >= REQUESTS_AHEAD_MAX {
            self.requests.pop_front();
            self.anomaly("too many requests without a response");
        }
        self.requests.push_back(match method {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        });
    }

    /// Says that this direction is no longer HTTP/1; the parser takes nothing further.
    pub fn enter_tunnel(&mut self) {
        self.state = State::Tunnel;
    }

    /// Whether what follows is not HTTP/1.
    pub fn is_tunnel(&self) -> bool {
        self.state == State::Tunnel
    }

    /// Anomalies over [`ANOMALIES_MAX`], which were not reported.
    pub fn anomalies_suppressed(&self) -> u64 {
        self.anomalies_suppressed
    }

    fn start(&mut self, input: &mut &[u8]) {
        if self.direction == Direction::Response && !self.response_begins(input) {
            return;
        }
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => {}
            Line::Full => {
                self.anomaly("start line over the limit");
                self.line = Vec::new();
                self.state = State::Done;
            }
            Line::Whole => {
                let raw = std::mem::take(&mut self.line);
                let line = without_line_end(&raw);
                if !line.is_empty() {
                    self.start_line(&raw, line);
                }
            }
        }
    }

    /// Gathers the first four bytes of a response; whether they are there and say `HTTP`. What says anything else is
    /// a body without a head.
    fn response_begins(&mut self, input: &mut &[u8]) -> bool {
        const MARK: &[u8] = b"HTTP";
        while self.line.len() < MARK.len() {
            let Some((byte, rest)) = input.split_first() else {
                return false;
            };
            *input = rest;
            if self.line.is_empty() && byte.is_ascii_whitespace() {
                continue;
            }
            self.line.push(*byte);
            let expected = MARK.get(self.line.len() - 1);
            if expected != Some(&byte.to_ascii_uppercase()) {
                self.headless();
                return false;
            }
        }
        true
    }

    /// A response that has no head: all of it is body.
    fn headless(&mut self) {
        self.anomaly("response without a status line");
        self.requests.pop_front();
        self.pending.push_back(Event::Response(Box::default()));
        let seen = std::mem::take(&mut self.line);
        if !seen.is_empty() {
            self.pending.push_back(Event::Body(Cow::Owned(seen)));
        }
        self.state = State::UntilClose;
    }

    fn start_line(&mut self, raw: &[u8], line: &[u8]) {
        self.headers = Headers::default();
        if self.direction == Direction::Response {
            let head = status_line(line);
            if head.status < 100 {
                self.anomaly("status line without a status code");
            }
            self.response = Some(Box::new(head));
            self.state = State::Headers;
            return;
        }
        let Some(head) = request_line(line) else {
            self.anomaly("not a request line");
            return self.lost();
        };
        if head.method == b"PRI" && head.uri == b"*" {
            self.pending.push_back(Event::Tunnel(raw.to_vec()));
            self.state = State::Tunnel;
            return;
        }
        if head.uri.is_empty() {
            self.anomaly("request line without a target");
        }
        self.state = if head.version.is_empty() {
            State::Versionless
        } else {
            State::Headers
        };
        self.request = Some(Box::new(head));
    }

    fn versionless(&mut self, input: &[u8]) {
        if input.first().is_some_and(|byte| is_token(*byte)) {
            self.anomaly("request line without a version");
            self.state = State::Headers;
        } else {
            self.end_of_head();
        }
    }

    fn header_line(&mut self, input: &mut &[u8]) {
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => {
                self.anomaly("header line over the limit");
                self.line_is_cut = true;
                return;
            }
            Line::Whole => {}
        }
        let raw = std::mem::take(&mut self.line);
        let line = without_line_end(&raw);
        if line.is_empty() {
            if let Some(odd) = self.headers.finish(&raw) {
                self.anomaly(odd);
            }
            if self.state == State::Trailers {
                self.end_of_trailers()
            } else {
                self.end_of_head()
            }
            return;
        }
        match self.headers.push_line(&raw, line) {
            Taken::Kept => {}
            Taken::Odd(odd) => self.anomaly(odd),
            Taken::TooMuch => {
                self.anomaly("head over the limit");
                self.abort();
                self.state = State::Done;
            }
        }
    }

    /// The head is whole: gives it, and decides what its body is.
    pub(super) fn end_of_head(&mut self) {
        let headers = std::mem::take(&mut self.headers);
        if let Some(odd) = headers.framing.anomaly {
            self.anomaly(odd);
        }
        let framing = headers.framing;
        let mut state = match framing.content_length {
            _ if framing.chunked => State::ChunkSize,
            None if self.direction == Direction::Response => State::UntilClose,
            None | Some(0) => State::Start,
            Some(length) => State::Length(length),
        };
        let mut tunnel = false;
        if let Some(mut head) = self.request.take() {
            if head.method == b"CONNECT" {
                state = State::Probe;
            }
            head.headers = headers.headers;
            head.raw_headers = headers.raw;
            self.pending.push_back(Event::Request(head));
        } else if let Some(mut head) = self.response.take() {
            let interim = (100..200).contains(&head.status) && head.status != 101;
            let asked = if interim { None } else { self.requests.pop_front() };
            let bodiless = interim || matches!(head.status, 204 | 304) || asked == Some(Asked::Head);
            tunnel =
                head.status == 101 || (asked == Some(Asked::Connect) && (200..300).contains(&head.status));
            if bodiless || tunnel {
                state = State::Start;
            }
            head.headers = headers.headers;
            head.raw_headers = headers.raw;
            self.pending.push_back(Event::Response(head));
        }
        if matches!(state, State::Start | State::Probe) {
            self.complete();
        }
        self.state = state;
        if tunnel {
            self.pending.push_back(Event::Tunnel(Vec::new()));
            self.state = State::Tunnel;
        }
    }

    fn end_of_trailers(&mut self) {
        let trailers = std::mem::take(&mut self.headers).headers;
        if !trailers.is_empty() {
            self.pending.push_back(Event::Trailers(trailers));
        }
        self.complete();
    }

    /// Takes bytes of a body off a non-empty input.
    fn body<'a>(&mut self, input: &mut &'a [u8]) -> Event<'a> {
        let limit = match self.state {
            State::Length(remaining) | State::ChunkData(remaining) => remaining,
            _ => u64::MAX,
        };
        let piece = split(input, usize::try_from(limit).unwrap_or(usize::MAX));
        let left = limit.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        match self.state {
            State::Length(_) if left == 0 => self.complete(),
            State::Length(_) => self.state = State::Length(left),
            State::ChunkData(_) if left == 0 => self.state = State::ChunkEnd,
            State::ChunkData(_) => self.state = State::ChunkData(left),
            _ => {}
        }
        Event::Body(Cow::Borrowed(piece))
    }

    fn chunk_line(&mut self, input: &mut &[u8]) {
        match self.take_line(input, CHUNK_LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => return self.broken_chunk(),
            Line::Whole => {}
        }
        let line = without_line_end(&self.line);
        let is_empty = line.is_empty();
        if self.state == State::ChunkEnd {
            self.line.clear();
            self.state = State::ChunkSize;
            if !is_empty {
                self.anomaly("junk after a chunk");
            }
            return;
        }
        match chunk_size(line) {
            _ if is_empty => self.line.clear(),
            None => self.broken_chunk(),
            Some(0) => {
                self.line.clear();
                self.headers = Headers::default();
                self.state = State::Trailers;
            }
            Some(size) => {
                self.line.clear();
                self.state = State::ChunkData(size);
            }
        }
    }

    /// The body is not chunked after all. A response then runs to its end; a request's end is unknown.
    fn broken_chunk(&mut self) {
        self.anomaly("chunk size without a number");
        let seen = std::mem::take(&mut self.line);
        self.pending.push_back(Event::Body(Cow::Owned(seen)));
        self.state = State::UntilClose;
        if self.direction == Direction::Request {
            self.is_damaged = true;
            self.complete();
            self.lost();
        }
    }

    fn probe(&mut self, input: &mut &[u8]) {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            if self.line.is_empty() && matches!(byte, b'\r' | b'\n') {
                continue;
            }
            self.line.push(*byte);
            if is_token(*byte) && self.line.len() < PROBE_BYTES_MAX {
                continue;
            }
            if looks_like_request(&self.line) {
                self.state = State::Start;
            } else {
                self.pending
                    .push_back(Event::Tunnel(std::mem::take(&mut self.line)));
                self.state = State::Tunnel;
            }
            return;
        }
    }

    fn resync(&mut self, input: &mut &[u8]) {
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => {
                self.line_is_cut = true;
                return;
            }
            Line::Whole => {}
        }
        let raw = std::mem::take(&mut self.line);
        let line = without_line_end(&raw);
        let starts = match self.direction {
            Direction::Request => request_line(line).is_some_and(|head| is_version(&head.version)),
            Direction::Response => is_version(line) && (100..600).contains(&status_line(line).status),
        };
        if starts {
            self.start_line(&raw, line);
        }
    }

    /// Moves bytes into `line` up to a line end or `limit` bytes; of a cut line the rest is dropped.
    fn take_line(&mut self, input: &mut &[u8], limit: usize) -> Line {
        let end = memchr::memchr(b'\n', input).map(|at| at.saturating_add(1));
        if self.line_is_cut {
            split(input, end.unwrap_or(input.len()));
            self.line_is_cut = end.is_none();
            return if end.is_some() { Line::Whole } else { Line::Partial };
        }
        let room = limit.saturating_sub(self.line.len());
        let piece = split(input, end.unwrap_or(input.len()).min(room));
        self.line.extend_from_slice(piece);
        match end {
            Some(end) if end <= room => Line::Whole,
            _ if self.line.len() >= limit => Line::Full,
            _ => Line::Partial,
        }
    }

    pub(super) fn complete(&mut self) {
        let end = if self.is_damaged {
            End::Truncated
        } else {
            End::Whole
        };
        self.is_damaged = false;
        self.pending.push_back(Event::Complete(end));
        self.state = State::Start;
    }

    pub(super) fn anomaly(&mut self, what: &'static str) {
        if self.anomalies < ANOMALIES_MAX {
            self.anomalies += 1;
            self.pending.push_back(Event::Anomaly(what));
        } else {
            self.anomalies_suppressed = self.anomalies_suppressed.saturating_add(1);
        }
    }
}

/// Takes at most `count` bytes off the front of `input`.
fn split<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, tail) = input.split_at(count.min(input.len()));
    *input = tail;
    head
}
