//! The state machine of one direction.

mod body;
mod head;
mod loss;
mod peek;
mod start;

use std::collections::VecDeque;

use super::framing::Framing;
use super::headers::Headers;
use super::odd::Odd;
use super::{ANOMALIES_MAX, Direction, End, Event, REQUESTS_AHEAD_MAX, RequestHead, ResponseHead};

/// What a status line begins with.
const VERSION_MARK: &[u8] = b"HTTP/";

/// Reads one direction of an HTTP/1 connection; see the module's documentation.
#[derive(Debug)]
pub struct Parser {
    direction: Direction,
    state: State,
    /// The line so far, its end included once it is whole; or what was looked at to decide what it belongs to.
    line: Vec<u8>,
    /// The rest of the line is dropped.
    line_is_cut: bool,
    request: Option<Box<RequestHead>>,
    response: Option<Box<ResponseHead>>,
    headers: Headers,
    /// How the message under way is framed.
    framing: Framing,
    /// How many bytes more the longer of two lengths gives the body.
    surplus_bytes: u64,
    /// A chunk of the body was read.
    has_chunks: bool,
    /// White space before the first chunk's size, which is of the body if it does not come in chunks after all.
    blanks: Vec<u8>,
    /// What the responses still to come answer.
    requests: VecDeque<Asked>,
    /// A response was read.
    has_answered: bool,
    /// Bytes of this message were lost.
    is_damaged: bool,
    pending: VecDeque<Event<'static>>,
    anomalies: usize,
    anomalies_suppressed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a start line.
    Start,
    /// What is there is no status line: does one follow?
    Junk,
    /// After a request line without version: are there headers?
    Versionless,
    Headers,
    /// After a line of white space among the headers: did it end them?
    Blank,
    /// After a head that says that there is a body, where there must be none or who sends it was told not to: is there one?
    Doubtful,
    Length(u64),
    /// The shorter of two lengths is reached: does the body go on for so many bytes?
    Surplus(u64),
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
enum Asked {
    Head,
    Connect,
    Upgrade,
    Other,
}

impl Asked {
    fn by(head: &RequestHead) -> Self {
        match head.method.as_slice() {
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            _ if head.wants_upgrade() => Self::Upgrade,
            _ => Self::Other,
        }
    }
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
            framing: Framing::default(),
            surplus_bytes: 0,
            has_chunks: false,
            blanks: Vec::new(),
            requests: VecDeque::new(),
            has_answered: false,
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
                State::Junk => self.junk(input),
                State::Versionless => self.versionless(input),
                State::Headers | State::Trailers => self.header_line(input),
                State::Blank => self.blank(input),
                State::Doubtful => self.doubtful(input),
                State::Surplus(bytes) => self.surplus(input, bytes),
                State::ChunkSize => self.chunk_size(input),
                State::ChunkEnd => self.chunk_end(input),
                State::Probe => self.probe(input),
                State::Resync => self.resync(input),
            }
        }
    }

    /// Tells a response parser that a request was sent, so that it knows which response has no body. Pull the events that follow with an
    /// empty input.
    pub fn request_seen(&mut self, head: &RequestHead) {
        if self.state == State::Doubtful && self.line.is_empty() {
            // Who asks again has taken the response for whole.
            self.no_body();
        }
        if self.is_lost() {
            // Who asks again waits for none of those that were asked before.
            self.requests.clear();
        }
        if self.requests.len() >= REQUESTS_AHEAD_MAX {
            self.requests.pop_front();
            self.anomaly(Odd::TOO_MANY_REQUESTS);
        }
        self.requests.push_back(Asked::by(head));
    }

    /// Tells a request parser that its last request was answered though its body was waited for (RFC 9110, 10.1.1): the client may leave
    /// the body out and go on with another request.
    pub fn body_refused(&mut self) {
        let untouched = self.framing.lengths.map(|lengths| State::Length(lengths.least));
        let is_untouched = match self.state {
            State::ChunkSize => !self.has_chunks && self.line.is_empty() && self.blanks.is_empty(),
            state => Some(state) == untouched,
        };
        if is_untouched {
            self.state = State::Doubtful;
        }
    }

    /// Whether the place in the stream is unknown, so that messages may have been missed.
    pub fn is_lost(&self) -> bool {
        self.state == State::Resync
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

    fn complete(&mut self) {
        let end = if self.is_damaged {
            End::Truncated
        } else {
            End::Whole
        };
        self.is_damaged = false;
        self.surplus_bytes = 0;
        self.has_answered |= self.direction == Direction::Response;
        self.pending.push_back(Event::Complete(end));
        self.state = State::Start;
    }

    fn anomaly(&mut self, what: Odd) {
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
