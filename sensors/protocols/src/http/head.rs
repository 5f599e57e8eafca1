//! Gathers a head line by line, and takes start lines apart.

use super::framing::Framing;
use super::{HEAD_BYTES_MAX, HEAD_BYTES_SKIPPED_MAX, HEADERS_MAX, Header, RequestHead, ResponseHead};

/// The header lines of one head, or the trailers of one body.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) headers: Vec<Header>,
    pub(super) raw: Vec<u8>,
    pub(super) framing: Framing,
    /// The header that a folded line would still belong to.
    open: Option<Header>,
    skipped_bytes: usize,
}

/// How a line was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Kept,
    Odd(&'static str),
    /// The head is over every limit.
    TooMuch,
}

impl Headers {
    /// Adds one line, `raw` as sent and `line` without its end; it is not the empty line that ends the head.
    pub(super) fn push_line(&mut self, raw: &[u8], line: &[u8]) -> Taken {
        let is_over = self.push_raw(raw);
        if self.skipped_bytes > HEAD_BYTES_SKIPPED_MAX {
            return Taken::TooMuch;
        }
        let over = is_over.then_some("headers over the limit");
        let is_folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if is_folded && let Some(open) = &mut self.open {
            if !is_over {
                open.value.push(b' ');
                open.value.extend_from_slice(line.trim_ascii());
            }
            return over
                .or(Some("folded header line"))
                .map_or(Taken::Kept, Taken::Odd);
        }
        let over = self.close_open().or(over);
        let (header, odd) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                let odd = (name.trim_ascii_end().len() != name.len())
                    .then_some("space before the colon of a header");
                (
                    Header {
                        name: name.trim_ascii().to_vec(),
                        value: value.trim_ascii().to_vec(),
                    },
                    odd,
                )
            }
            None => {
                let header = Header {
                    name: Vec::new(),
                    value: line.trim_ascii().to_vec(),
                };
                (header, Some("header line without a colon"))
            }
        };
        self.open = Some(header);
        over.or(odd).map_or(Taken::Kept, Taken::Odd)
    }

    /// Adds the line that ends the head, and closes the last header.
    pub(super) fn finish(&mut self, raw: &[u8]) -> Option<&'static str> {
        self.push_raw(raw);
        self.close_open()
    }

    /// Keeps `raw` if there is room; whether there was none.
    fn push_raw(&mut self, raw: &[u8]) -> bool {
        if self.skipped_bytes > 0 || self.raw.len().saturating_add(raw.len()) > HEAD_BYTES_MAX {
            self.skipped_bytes = self.skipped_bytes.saturating_add(raw.len());
            return true;
        }
        self.raw.extend_from_slice(raw);
        false
    }

    /// What says where the body ends counts even in headers that are too many to keep.
    fn close_open(&mut self) -> Option<&'static str> {
        let header = self.open.take()?;
        self.framing.observe(&header);
        if self.headers.len() >= HEADERS_MAX {
            return Some("too many headers");
        }
        if self.skipped_bytes == 0 {
            self.headers.push(header);
        }
        None
    }
}

/// Takes a request line apart at its white space; the target may hold spaces when a version ends the line.
/// None when the line does not begin with a method.
pub(super) fn request_line(line: &[u8]) -> Option<RequestHead> {
    let text = line.trim_ascii();
    let method_end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    let (method, rest) = text.split_at(method_end);
    if method.is_empty() || method.len() > 64 || !method.iter().all(|byte| is_token(*byte)) {
        return None;
    }
    let rest = rest.trim_ascii();
    let last_blank = rest.iter().rposition(|byte| is_blank(*byte));
    let (uri, version) = match last_blank {
        Some(at) => {
            let (uri, last) = rest.split_at(at);
            let last = last.trim_ascii();
            if is_version(last) {
                (uri.trim_ascii_end(), last)
            } else {
                (rest, [].as_slice())
            }
        }
        None => (rest, [].as_slice()),
    };
    Some(RequestHead {
        method: method.to_vec(),
        uri: uri.to_vec(),
        version: version.to_vec(),
        line: line.to_vec(),
        ..RequestHead::default()
    })
}

/// Takes a status line apart: version, code, reason.
pub(super) fn status_line(line: &[u8]) -> ResponseHead {
    let text = line.trim_ascii();
    let version_end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    let (version, rest) = text.split_at(version_end);
    let rest = rest.trim_ascii();
    let status_end = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
    let (status, reason) = rest.split_at(status_end);
    let digits = std::str::from_utf8(status).ok();
    ResponseHead {
        version: version.to_vec(),
        status: digits
            .and_then(|digits| digits.parse().ok())
            .filter(|status| *status <= 999)
            .unwrap_or(0),
        reason: reason.trim_ascii().to_vec(),
        line: line.to_vec(),
        ..ResponseHead::default()
    }
}

/// The bytes of a line before its LF and any CR.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

/// Whether the word is an HTTP version, known or not.
pub(super) fn is_version(word: &[u8]) -> bool {
    word.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/"))
}

/// Whether the byte may stand in a method or header name (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}
