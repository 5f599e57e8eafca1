//! The record layer of one direction.

use std::collections::VecDeque;

use super::{
    ClientHello, HANDSHAKE_BYTES_MAX, HANDSHAKE_MESSAGES_MAX, RECORD_BYTES_MAX, ServerHello,
    parse_certificates, parse_client_hello, parse_server_hello,
};

const RECORD_HEADER_BYTES: usize = 5;
const MESSAGE_HEADER_BYTES: usize = 4;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// What a direction said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client's hello.
    ClientHello(Box<ClientHello>),
    /// The server's hello, or its retry request.
    ServerHello(Box<ServerHello>),
    /// The certificates of a server or client up to TLS 1.2, DER, leaf first.
    Certificates(Vec<Vec<u8>>),
    /// Any other handshake message in the clear.
    Handshake {
        /// Message type.
        kind: u8,
        /// Length of its body.
        length_bytes: usize,
    },
    /// An alert in the clear.
    Alert {
        /// 1 warning, 2 fatal.
        level: u8,
        /// IANA's number of it.
        description: u8,
    },
    /// A heartbeat in the clear; one that claims more payload than its record holds is an attempt to read memory.
    Heartbeat {
        /// 1 request, 2 response.
        kind: u8,
        /// Length the message says its payload has.
        claimed_bytes: u16,
        /// Length of the record.
        record_bytes: usize,
    },
    /// Keys change after this.
    ChangeCipherSpec,
    /// The rest of the direction is encrypted; the last event.
    Encrypted,
    /// Something that is not as it should be.
    Anomaly(&'static str),
}

/// Reads one direction of a TLS connection.
#[derive(Debug, Default)]
pub struct Stream {
    state: State,
    /// Record header so far, or the head of a short record.
    head: Vec<u8>,
    /// Handshake bytes not yet read as messages.
    message: Vec<u8>,
    /// Handshake bytes still to drop of a message that was too large.
    skip_bytes: usize,
    messages: usize,
    keys_changed: bool,
    pending: VecDeque<Event>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Header,
    Fragment {
        kind: u8,
        length: usize,
        remaining: usize,
    },
    Encrypted,
    Failed,
}

impl Stream {
    /// A direction from its first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes off the front of `input` and gives the next event; none when it has taken all of them.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            match self.state {
                State::Encrypted | State::Failed => {
                    *input = &[];
                    return None;
                }
                State::Header => {
                    if !fill(&mut self.head, RECORD_HEADER_BYTES, input) {
                        return None;
                    }
                    self.record_header();
                }
                State::Fragment {
                    kind,
                    length,
                    remaining,
                } => {
                    if remaining > 0 && input.is_empty() {
                        return None;
                    }
                    let piece = split(input, remaining);
                    let remaining = remaining.saturating_sub(piece.len());
                    self.state = State::Fragment {
                        kind,
                        length,
                        remaining,
                    };
                    self.fragment(kind, length, piece);
                    if remaining == 0 && matches!(self.state, State::Fragment { .. }) {
                        self.state = State::Header;
                        self.end_of_record(kind, length);
                        self.head.clear();
                    }
                }
            }
        }
    }

    /// Says that `bytes` of the direction were not seen. Before encryption the place is lost then, and the direction
    /// is given up.
    pub fn gap(&mut self, bytes: u64) {
        if bytes > 0 && !matches!(self.state, State::Encrypted | State::Failed) {
            self.fail("gap before the direction was encrypted");
        }
    }

    /// Whether everything further is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.state == State::Encrypted
    }

    /// Whether the direction turned out not to be readable as TLS.
    pub fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    fn record_header(&mut self) {
        let &[kind, major, minor, high, low] = self.head.as_slice() else {
            return;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind & 0x80 != 0 && minor == CLIENT_HELLO {
            return self.fail("SSL 2.0 hello");
        }
        if !(20..=24).contains(&kind) || major != 3 {
            return self.fail("not a TLS record");
        }
        if length > RECORD_BYTES_MAX {
            return self.fail("record over the limit");
        }
        self.head.clear();
        self.state = State::Fragment {
            kind,
            length,
            remaining: length,
        };
    }

    fn fragment(&mut self, kind: u8, length: usize, piece: &[u8]) {
        match kind {
            22 => self.handshake(length, piece),
            23 => self.encrypted(),
            // The bytes that matter of the other kinds are the first four.
            _ => {
                let mut piece = piece;
                fill(&mut self.head, MESSAGE_HEADER_BYTES, &mut piece);
            }
        }
    }

    fn end_of_record(&mut self, kind: u8, length: usize) {
        match (kind, self.head.as_slice()) {
            (20, _) => {
                self.keys_changed = true;
                self.pending.push_back(Event::ChangeCipherSpec);
            }
            (21, &[level, description]) if !self.keys_changed => {
                self.pending.push_back(Event::Alert { level, description });
            }
            (21, _) if self.keys_changed => self.encrypted(),
            (21, _) => self.pending.push_back(Event::Anomaly("alert of a wrong length")),
            (24, &[kind, high, low, ..]) if !self.keys_changed => {
                let claimed_bytes = u16::from_be_bytes([high, low]);
                self.pending.push_back(Event::Heartbeat {
                    kind,
                    claimed_bytes,
                    record_bytes: length,
                });
            }
            _ => {}
        }
    }

    fn handshake(&mut self, record_bytes: usize, piece: &[u8]) {
        let mut piece = piece;
        let skipped = split(&mut piece, self.skip_bytes).len();
        self.skip_bytes = self.skip_bytes.saturating_sub(skipped);
        self.message.extend_from_slice(piece);

        let mut read = 0_usize;
        while let Some((kind, length, tail)) = message_header(self.message.get(read..).unwrap_or_default()) {
            let whole = length.saturating_add(MESSAGE_HEADER_BYTES);
            // After a change of keys only the second hello of a retried TLS 1.3 handshake is in the clear, and it
            // fills its record.
            if self.keys_changed && !(matches!(kind, CLIENT_HELLO | SERVER_HELLO) && whole == record_bytes) {
                return self.encrypted();
            }
            if length > HANDSHAKE_BYTES_MAX {
                self.pending
                    .push_back(Event::Anomaly("handshake message over the limit"));
                self.skip_bytes = length.saturating_sub(tail.len());
                read = read.saturating_add(whole).min(self.message.len());
                continue;
            }
            let Some(body) = tail.get(..length) else { break };
            let event = message_event(kind, body);
            self.messages += 1;
            if self.messages > HANDSHAKE_MESSAGES_MAX {
                return self.fail("too many handshake messages");
            }
            self.pending.push_back(event);
            read = read.saturating_add(whole);
        }
        self.message.drain(..read.min(self.message.len()));
    }

    fn encrypted(&mut self) {
        self.message = Vec::new();
        self.state = State::Encrypted;
        self.pending.push_back(Event::Encrypted);
    }

    fn fail(&mut self, why: &'static str) {
        self.message = Vec::new();
        self.state = State::Failed;
        self.pending.push_back(Event::Anomaly(why));
    }
}

/// Type, body length and what follows the header of a handshake message.
fn message_header(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let [kind, a, b, c, tail @ ..] = bytes else {
        return None;
    };
    let length = u32::from_be_bytes([0, *a, *b, *c]);
    Some((*kind, usize::try_from(length).ok()?, tail))
}

fn message_event(kind: u8, body: &[u8]) -> Event {
    match kind {
        CLIENT_HELLO => match parse_client_hello(body) {
            Ok(hello) => Event::ClientHello(Box::new(hello)),
            Err(_) => Event::Anomaly("malformed client hello"),
        },
        SERVER_HELLO => match parse_server_hello(body) {
            Ok(hello) => Event::ServerHello(Box::new(hello)),
            Err(_) => Event::Anomaly("malformed server hello"),
        },
        CERTIFICATE => match parse_certificates(body) {
            Ok(chain) => Event::Certificates(chain),
            Err(_) => Event::Anomaly("malformed certificates"),
        },
        _ => Event::Handshake {
            kind,
            length_bytes: body.len(),
        },
    }
}

/// Takes at most `count` bytes off the front of `input`.
fn split<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, tail) = input.split_at(count.min(input.len()));
    *input = tail;
    head
}

/// Moves bytes from `input` until `buffer` has `count`; whether it has.
fn fill(buffer: &mut Vec<u8>, count: usize, input: &mut &[u8]) -> bool {
    buffer.extend_from_slice(split(input, count.saturating_sub(buffer.len())));
    buffer.len() >= count
}
