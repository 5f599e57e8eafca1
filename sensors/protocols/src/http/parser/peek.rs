//! Looks whether the next message begins, or the body goes on.

use super::super::Direction;
use super::super::detect::is_known_method;
use super::super::start_line::{is_blank, is_token, is_version, request_line, without_line_end};
use super::{Parser, VERSION_MARK};

/// Longest method looked for.
const METHOD_BYTES_MAX: usize = 32;
/// Longest request line looked for.
const LINE_BYTES_MAX: usize = 8 * 1024;

impl Parser {
    /// Looks whether the next message begins here rather than a body of at most `body_bytes`; none when it takes more to tell. `line` keeps
    /// what was looked at: of a response its beginning, of a request the whole line.
    pub(super) fn next_message_begins(&mut self, input: &mut &[u8], body_bytes: u64) -> Option<bool> {
        match self.direction {
            Direction::Request => self.request_begins(input, body_bytes),
            Direction::Response => self.status_line_begins(input),
        }
    }

    /// Goes on with the message that was found to begin.
    pub(super) fn begin_found(&mut self) {
        if self.direction == Direction::Request {
            let raw = std::mem::take(&mut self.line);
            self.start_line(&raw);
        }
    }

    pub(super) fn status_line_begins(&mut self, input: &mut &[u8]) -> Option<bool> {
        while let Some((byte, rest)) = input.split_first() {
            let expected = VERSION_MARK.get(self.line.len());
            if !expected.is_some_and(|expected| expected.eq_ignore_ascii_case(byte)) {
                return Some(false);
            }
            self.line.push(*byte);
            *input = rest;
            if self.line.len() == VERSION_MARK.len() {
                return Some(true);
            }
        }
        None
    }

    fn request_begins(&mut self, input: &mut &[u8], body_bytes: u64) -> Option<bool> {
        let mut has_method = self.line.iter().any(|byte| is_blank(*byte));
        while let Some((byte, rest)) = input.split_first() {
            let is_of_body = self.line.len() as u64 >= body_bytes || self.line.len() >= LINE_BYTES_MAX;
            let is_in_method = is_token(*byte) && self.line.len() < METHOD_BYTES_MAX;
            let ends_method = is_blank(*byte) && !self.line.is_empty();
            if is_of_body || !(has_method || is_in_method || ends_method) {
                return Some(false);
            }
            has_method |= ends_method;
            self.line.push(*byte);
            *input = rest;
            if *byte == b'\n' {
                return Some(is_request(&self.line));
            }
        }
        None
    }
}

/// Whether a line is a request's, HTTP/0.9's too.
fn is_request(line: &[u8]) -> bool {
    request_line(without_line_end(line)).is_some_and(|head| {
        let is_old = head.version.is_empty() && head.uri.starts_with(b"/") && is_known_method(&head.method);
        is_version(&head.version) || is_old
    })
}
