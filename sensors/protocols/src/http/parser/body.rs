//! Bodies: of a length, in chunks, or to the end of the stream.

use super::super::framing::{Chunked, chunk_size};
use super::super::headers::Headers;
use super::super::odd::Odd;
use super::super::start_line::{is_filler, without_line_end};
use super::super::{Direction, Event};
use super::{Line, Parser, State, split};
use std::borrow::Cow;

/// Longest line with a chunk's size; more without a line end is not a chunked body.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Most white space kept of before the first chunk's size.
const BLANKS_BYTES_MAX: usize = 256;

impl Parser {
    /// The body begins, and does not come in chunks.
    pub(super) fn begin_plain_body(&mut self) {
        self.surplus_bytes = 0;
        self.state = match self.framing.lengths {
            None => State::UntilClose,
            Some(lengths) => {
                self.surplus_bytes = lengths.most.saturating_sub(lengths.least);
                State::Length(lengths.least)
            }
        };
        if self.state == State::Length(0) {
            self.end_of_length();
        }
    }

    /// What was looked at turns out to be of the body.
    pub(super) fn go_on_with_body(&mut self) {
        let is_body = matches!(self.state, State::Length(_) | State::UntilClose);
        if !is_body || self.line.is_empty() {
            // A size line, or the next message, goes on with what `line` holds.
            return;
        }
        let seen = std::mem::take(&mut self.line);
        if let State::Length(left) = self.state {
            let left = left.saturating_sub(count(&seen));
            self.state = State::Length(left);
        }
        self.pending.push_back(Event::Body(Cow::Owned(seen)));
        if self.state == State::Length(0) {
            self.end_of_length();
        }
    }

    /// Takes bytes of a body off a non-empty input.
    pub(super) fn body<'a>(&mut self, input: &mut &'a [u8]) -> Event<'a> {
        let limit = match self.state {
            State::Length(remaining) | State::ChunkData(remaining) => remaining,
            _ => u64::MAX,
        };
        let piece = split(input, usize::try_from(limit).unwrap_or(usize::MAX));
        let left = limit.saturating_sub(count(piece));
        match self.state {
            State::Length(_) if left == 0 => self.end_of_length(),
            State::Length(_) => self.state = State::Length(left),
            State::ChunkData(_) if left == 0 => self.state = State::ChunkEnd,
            State::ChunkData(_) => self.state = State::ChunkData(left),
            _ => {}
        }
        Event::Body(Cow::Borrowed(piece))
    }

    fn end_of_length(&mut self) {
        match self.surplus_bytes {
            0 => self.complete(),
            bytes => self.state = State::Surplus(bytes),
        }
    }

    /// Looks, where the shorter of two lengths ends, whether the next message begins.
    pub(super) fn surplus(&mut self, input: &mut &[u8], bytes: u64) {
        match self.next_message_begins(input, bytes) {
            None => {}
            Some(true) => {
                self.complete();
                self.begin_found();
            }
            Some(false) => {
                self.surplus_bytes = 0;
                self.state = State::Length(bytes);
                self.go_on_with_body();
            }
        }
    }

    pub(super) fn chunk_size(&mut self, input: &mut &[u8]) {
        if !self.size_begins(input) {
            return;
        }
        match self.take_line(input, CHUNK_LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => return self.broken_chunk(),
            Line::Whole => {}
        }
        let is_sure = self.has_chunks || self.framing.chunked == Chunked::Yes;
        match chunk_size(without_line_end(&self.line)) {
            Some(size) if is_sure || size.is_strict => self.begin_chunk(size.bytes),
            _ => self.broken_chunk(),
        }
    }

    /// Passes over what hosts pass over before a size; whether there is one, or its beginning.
    fn size_begins(&mut self, input: &mut &[u8]) -> bool {
        while let Some((byte, rest)) = input.split_first() {
            if !self.line.is_empty() {
                return true;
            }
            if !is_filler(*byte) {
                let is_size = byte.is_ascii_hexdigit();
                if !is_size {
                    self.broken_chunk();
                }
                return is_size;
            }
            *input = rest;
            if !self.has_chunks && self.blanks.len() < BLANKS_BYTES_MAX {
                self.blanks.push(*byte);
            }
        }
        false
    }

    fn begin_chunk(&mut self, size: u64) {
        self.line.clear();
        self.has_chunks = true;
        self.state = match size {
            0 => {
                self.headers = Headers::default();
                State::Trailers
            }
            size => State::ChunkData(size),
        };
    }

    pub(super) fn chunk_end(&mut self, input: &mut &[u8]) {
        match self.take_line(input, CHUNK_LINE_BYTES_MAX) {
            Line::Partial => return,
            Line::Full => return self.broken_chunk(),
            Line::Whole => {}
        }
        let has_junk = !without_line_end(&self.line).is_empty();
        self.line.clear();
        self.state = State::ChunkSize;
        if has_junk {
            self.anomaly(Odd::JUNK_AFTER_CHUNK);
        }
    }

    /// The body is not chunked after all, or no longer. A body of which nothing was read is then as its length says; another response
    /// runs to the end of the stream, and where another request ends is unknown.
    pub(super) fn broken_chunk(&mut self) {
        self.anomaly(Odd::CHUNK_SIZE);
        let blanks = std::mem::take(&mut self.blanks);
        if !blanks.is_empty() && !self.has_chunks {
            self.line.splice(..0, blanks);
        }
        let has_length = !self.has_chunks && self.framing.lengths.is_some();
        if has_length || self.direction == Direction::Response {
            if self.has_chunks {
                self.state = State::UntilClose;
            } else {
                self.begin_plain_body();
            }
            return self.go_on_with_body();
        }
        let seen = std::mem::take(&mut self.line);
        if !seen.is_empty() {
            self.pending.push_back(Event::Body(Cow::Owned(seen)));
        }
        self.is_damaged = true;
        self.complete();
        self.lost();
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
