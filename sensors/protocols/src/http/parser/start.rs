//! Where a message begins: start lines, what is before them, and what is none.

use super::super::headers::Headers;
use super::super::odd::Odd;
use super::super::start_line::{
    is_blank, is_filler, is_token, is_version, request_line, status_line, without_line_end,
};
use super::super::{Direction, Event, LINE_BYTES_MAX, looks_like_request};
use super::{Line, Parser, State, VERSION_MARK};
use std::borrow::Cow;

/// Most bytes looked at after CONNECT for a method.
const PROBE_BYTES_MAX: usize = 24;
/// Most bytes looked at for a status line behind what is none.
const JUNK_BYTES_MAX: usize = 1024;

impl Parser {
    pub(super) fn start(&mut self, input: &mut &[u8]) {
        if self.direction == Direction::Response && !self.response_begins(input) {
            return;
        }
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => {}
            Line::Full => {
                self.anomaly(Odd::LINE_OVER_LIMIT);
                self.line = Vec::new();
                self.state = State::Done;
            }
            Line::Whole => {
                let raw = std::mem::take(&mut self.line);
                if !without_line_end(&raw).is_empty() {
                    self.start_line(&raw);
                }
            }
        }
    }

    /// Gathers the first bytes of a response; whether they are there and say `HTTP/`.
    fn response_begins(&mut self, input: &mut &[u8]) -> bool {
        while self.line.len() < VERSION_MARK.len() {
            let Some((byte, rest)) = input.split_first() else {
                return false;
            };
            if self.line.is_empty() && is_filler(*byte) {
                *input = rest;
                continue;
            }
            match self.status_line_begins(input) {
                Some(true) => return true,
                Some(false) => {
                    self.no_status_line();
                    return false;
                }
                None => return false,
            }
        }
        true
    }

    /// What is there is no status line: junk, a body without a head, or, when nothing was asked, more than the last body should hold.
    fn no_status_line(&mut self) {
        self.state = match self.requests.is_empty() && self.has_answered {
            true => {
                self.anomaly(Odd::NOT_ASKED);
                State::Resync
            }
            false => State::Junk,
        };
    }

    /// Gathers bytes until a status line begins among them, as clients do that look for one.
    pub(super) fn junk(&mut self, input: &mut &[u8]) {
        while let Some((byte, rest)) = input.split_first() {
            if self.line.len() >= JUNK_BYTES_MAX {
                return self.headless();
            }
            *input = rest;
            self.line.push(*byte);
            if *byte == b'/' && ends_with_mark(&self.line) {
                self.anomaly(Odd::JUNK_FIRST);
                let mark_at = self.line.len().saturating_sub(VERSION_MARK.len());
                self.line.drain(..mark_at);
                self.state = State::Start;
                return;
            }
        }
    }

    /// A response that has no head: all of it is body.
    pub(super) fn headless(&mut self) {
        self.anomaly(Odd::NO_STATUS_LINE);
        self.requests.pop_front();
        self.pending.push_back(Event::Response(Box::default()));
        let seen = std::mem::take(&mut self.line);
        if !seen.is_empty() {
            self.pending.push_back(Event::Body(Cow::Owned(seen)));
        }
        self.state = State::UntilClose;
    }

    /// Takes a start line, its end included.
    pub(super) fn start_line(&mut self, raw: &[u8]) {
        self.headers = Headers::default();
        match self.direction {
            Direction::Request => self.request_line(raw),
            Direction::Response => self.status_line(raw),
        }
    }

    /// Takes a status line. Clients that take a bare CR for a line end read headers behind one.
    fn status_line(&mut self, raw: &[u8]) {
        let line = without_line_end(raw);
        let end = memchr::memchr(b'\r', line).unwrap_or(line.len());
        let (line, behind) = line.split_at(end);
        // Behind the CR a blank is no new line, but goes on with this one.
        let is_split = behind.get(1).is_some_and(|byte| !is_blank(*byte));
        let line = if is_split { line } else { without_line_end(raw) };
        let head = status_line(line);
        if head.status < 100 {
            self.anomaly(Odd::NO_STATUS);
        }
        self.response = Some(Box::new(head));
        self.state = State::Headers;
        if is_split {
            self.headers.push_line(raw.get(end..).unwrap_or_default(), behind);
            self.anomaly(Odd::BARE_CR_IN_HEAD);
        }
    }

    fn request_line(&mut self, raw: &[u8]) {
        let Some(head) = request_line(without_line_end(raw)) else {
            self.anomaly(Odd::NO_REQUEST_LINE);
            return self.lost();
        };
        if head.method == b"PRI" && head.uri == b"*" {
            self.pending.push_back(Event::Tunnel(raw.to_vec()));
            self.state = State::Tunnel;
            return;
        }
        if head.uri.is_empty() {
            self.anomaly(Odd::NO_TARGET);
        }
        self.state = if head.version.is_empty() {
            State::Versionless
        } else {
            State::Headers
        };
        self.request = Some(Box::new(head));
    }

    pub(super) fn versionless(&mut self, input: &[u8]) {
        if input.first().is_some_and(|byte| is_token(*byte)) {
            self.anomaly(Odd::NO_VERSION);
            self.state = State::Headers;
        } else {
            // Behind a request of HTTP/0.9 comes nothing.
            if input.first().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
                self.anomaly(Odd::NO_VERSION);
            }
            self.end_of_head();
        }
    }

    pub(super) fn probe(&mut self, input: &mut &[u8]) {
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

    pub(super) fn resync(&mut self, input: &mut &[u8]) {
        match self.take_line(input, LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => {
                self.line_is_cut = true;
                return;
            }
            Line::Whole => {}
        }
        let raw = std::mem::take(&mut self.line);
        let start = match self.direction {
            Direction::Request => request_line(without_line_end(&raw))
                .is_some_and(|head| is_version(&head.version))
                .then_some(raw.as_slice()),
            Direction::Response => status_line_in(&raw),
        };
        if let Some(start) = start {
            self.start_line(start);
        }
    }
}

/// The status line that a line is or ends with: what was before it may have had no line end.
fn status_line_in(raw: &[u8]) -> Option<&[u8]> {
    let mut marks = memchr::memmem::find_iter(raw, b"HTTP/1.");
    let mut starts = std::iter::once(0)
        .chain(marks.by_ref())
        .filter_map(|at| raw.get(at..));
    starts.find(|line| is_version(line) && (100..600).contains(&status_line(without_line_end(line)).status))
}

/// Whether the bytes end with what a status line begins with, at the start of a line.
fn ends_with_mark(seen: &[u8]) -> bool {
    let Some(before) = seen.len().checked_sub(VERSION_MARK.len()) else {
        return false;
    };
    let (before, mark) = seen.split_at(before);
    let line_end = before.iter().rev().find(|byte| !is_blank(**byte) && **byte != 0);
    mark.eq_ignore_ascii_case(VERSION_MARK) && line_end.is_none_or(|byte| matches!(byte, b'\r' | b'\n'))
}
