//! The header lines, where they end, and what follows from them.

use super::super::framing::Chunked;
use super::super::headers::{Headers, Taken};
use super::super::odd::Odd;
use super::super::start_line::{is_filler, is_token, without_line_end};
use super::super::{Direction, Event, LINE_BYTES_MAX};
use super::{Asked, Line, Parser, State};

/// Longest beginning of a header's name looked at behind a blank line.
const NAME_PEEK_BYTES_MAX: usize = 64;
const SWITCHING_PROTOCOLS: u16 = 101;

impl Parser {
    pub(super) fn header_line(&mut self, input: &mut &[u8]) {
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => {
                self.anomaly(Odd::HEADER_OVER_LIMIT);
                self.line_is_cut = true;
                return;
            }
            Line::Whole => {}
        }
        let raw = std::mem::take(&mut self.line);
        let is_in_head = self.state == State::Headers;
        match raw.as_slice() {
            b"\n" | b"\r\n" => self.end_of_headers(&raw),
            _ if !raw.iter().all(|byte| is_filler(*byte)) => self.push_header_line(&raw),
            _ if is_in_head => {
                self.headers.push_blank(&raw);
                self.anomaly(Odd::BLANK_LINE);
                self.state = State::Blank;
            }
            _ => self.end_of_headers(&raw),
        }
    }

    fn push_header_line(&mut self, raw: &[u8]) {
        match self.headers.push_line(raw, without_line_end(raw)) {
            Taken::Kept => {}
            Taken::Odd(odd) => self.anomaly(odd),
            Taken::TooMuch => {
                self.anomaly(Odd::HEAD_OVER_LIMIT);
                self.abort();
                self.state = State::Done;
            }
        }
    }

    fn end_of_headers(&mut self, raw: &[u8]) {
        if let Some(odd) = self.headers.finish(raw) {
            self.anomaly(odd);
        }
        match self.state {
            State::Trailers => self.end_of_trailers(),
            _ => self.end_of_head(),
        }
    }

    /// Looks behind a line of white space: some hosts end the head there, some do not, and who sent it knows which. A header, or a line
    /// folded onto one, shows that it goes on; anything else is of the body.
    pub(super) fn blank(&mut self, input: &mut &[u8]) {
        while let Some((byte, rest)) = input.split_first() {
            let first = self.line.first().copied();
            let is_in_blanks = first.is_none_or(is_filler);
            match *byte {
                b'\n' if is_in_blanks => {
                    *input = rest;
                    self.line.push(b'\n');
                    if self.end_of_blank_line() {
                        return;
                    }
                }
                byte if is_filler(byte) && is_in_blanks && self.line.len() < NAME_PEEK_BYTES_MAX => {
                    *input = rest;
                    self.line.push(byte);
                }
                b':' if first.is_some() => return self.state = State::Headers,
                byte if is_in_blanks && first.is_some_and(|first| first != b'\r') => {
                    match is_token(byte) || byte == b',' {
                        true => return self.state = State::Headers,
                        false => return self.end_of_blank_head(),
                    }
                }
                byte if is_token(byte) && self.line.len() < NAME_PEEK_BYTES_MAX => {
                    if is_in_blanks {
                        self.line.clear();
                    }
                    *input = rest;
                    self.line.push(byte);
                }
                _ => return self.end_of_blank_head(),
            }
        }
    }

    /// Takes another line of white space; whether it is the empty one.
    fn end_of_blank_line(&mut self) -> bool {
        let raw = std::mem::take(&mut self.line);
        let is_end = matches!(raw.as_slice(), b"\n" | b"\r\n");
        match is_end {
            true => self.end_of_headers(&raw),
            false => self.headers.push_blank(&raw),
        }
        is_end
    }

    /// The blank line ended the head; what was looked at since is of the body.
    pub(super) fn end_of_blank_head(&mut self) {
        self.end_of_headers(&[]);
        self.go_on_with_body();
    }

    /// Gives the head under way, whose headers these are.
    pub(super) fn give_head(&mut self, headers: Headers) {
        if let Some(mut head) = self.request.take() {
            (head.headers, head.raw_headers) = (headers.headers, headers.raw);
            self.pending.push_back(Event::Request(head));
        } else if let Some(mut head) = self.response.take() {
            (head.headers, head.raw_headers) = (headers.headers, headers.raw);
            self.pending.push_back(Event::Response(head));
        }
    }

    /// The head is whole: decides what its body is, and gives it.
    pub(super) fn end_of_head(&mut self) {
        let headers = std::mem::take(&mut self.headers);
        if let Some(odd) = headers.framing.anomaly {
            self.anomaly(odd);
        }
        self.framing = headers.framing;
        match self.direction {
            Direction::Request => self.end_of_request_head(headers),
            Direction::Response => self.end_of_response_head(headers),
        }
    }

    fn end_of_request_head(&mut self, headers: Headers) {
        let is_connect = self
            .request
            .as_ref()
            .is_some_and(|head| head.method == b"CONNECT");
        self.give_head(headers);
        if is_connect {
            self.complete();
            self.state = State::Probe;
        } else if self.framing.has_body() {
            self.begin_body();
        } else {
            self.complete();
        }
    }

    fn end_of_response_head(&mut self, headers: Headers) {
        let status = self.response.as_ref().map_or(0, |head| head.status);
        let asked = self.requests.front().copied();
        let is_tunnel = match status {
            // Without having been asked no client changes protocols, and some read on.
            SWITCHING_PROTOCOLS => !self.framing.has_body() || !matches!(asked, Some(Asked::Other)),
            200..300 => asked == Some(Asked::Connect),
            _ => false,
        };
        let is_interim = (100..200).contains(&status) && !is_tunnel;
        if !is_interim {
            self.requests.pop_front();
        }
        if is_tunnel {
            self.give_head(headers);
            self.complete();
            self.pending.push_back(Event::Tunnel(Vec::new()));
            self.state = State::Tunnel;
        } else if is_interim {
            self.end_of_interim_head(headers);
        } else {
            self.give_head(headers);
            match matches!(status, 204 | 304) {
                true if self.framing.has_body() => self.state = State::Doubtful,
                _ if asked == Some(Asked::Head) => self.complete(),
                true => self.complete(),
                false => self.begin_body(),
            }
        }
    }

    /// An interim response is held back when it says to have a body, until it is known whether it has one: then it is the last.
    fn end_of_interim_head(&mut self, headers: Headers) {
        if self.framing.has_body() {
            self.headers = headers;
            self.state = State::Doubtful;
        } else {
            self.give_interim_head(headers);
            self.complete();
        }
    }

    fn give_interim_head(&mut self, headers: Headers) {
        if let Some(head) = &mut self.response {
            head.is_interim = true;
        }
        self.give_head(headers);
    }

    /// Looks behind a head that says that there is a body where none may be, or none has to come: hosts read one if it is there.
    pub(super) fn doubtful(&mut self, input: &mut &[u8]) {
        let most = self.framing.lengths.map_or(u64::MAX, |lengths| lengths.most);
        match self.next_message_begins(input, most) {
            None => {}
            Some(true) => {
                self.no_body();
                self.begin_found();
            }
            Some(false) => self.body_after_all(),
        }
    }

    /// There is a body where it was in doubt.
    pub(super) fn body_after_all(&mut self) {
        if self.direction == Direction::Response {
            self.anomaly(Odd::BODY_UNEXPECTED);
        }
        if self.response.is_some() {
            let headers = std::mem::take(&mut self.headers);
            self.requests.pop_front();
            self.give_head(headers);
        }
        self.begin_body();
        self.go_on_with_body();
    }

    /// There is no body; what was looked at is of the next message.
    pub(super) fn no_body(&mut self) {
        if self.response.is_some() {
            let headers = std::mem::take(&mut self.headers);
            self.give_interim_head(headers);
        }
        self.complete();
    }

    fn end_of_trailers(&mut self) {
        let trailers = std::mem::take(&mut self.headers).headers;
        if !trailers.is_empty() {
            self.pending.push_back(Event::Trailers(trailers));
        }
        self.complete();
    }

    /// The body begins, as it is framed.
    fn begin_body(&mut self) {
        self.has_chunks = false;
        self.blanks.clear();
        match self.framing.chunked {
            Chunked::No => self.begin_plain_body(),
            Chunked::Perhaps | Chunked::Yes => self.state = State::ChunkSize,
        }
    }
}
