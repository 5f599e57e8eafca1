//! Gathers the header lines of a head.
//!
//! Hosts do not agree on where a header ends: some take a lone CR for a line end, some for white space; some join a line that begins with
//! white space to the one before, some read a header in it. Where they differ, what says how the body is framed or coded is believed
//! whichever way it is found, for the body's own first bytes show later whether it is true.

use super::framing::{self, Framing};
use super::odd::Odd;
use super::start_line::{is_token, trim};
use super::{HEAD_BYTES_MAX, HEAD_BYTES_SKIPPED_MAX, HEADERS_MAX, Header};

/// The header lines of one head, or the trailers of one body.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) headers: Vec<Header>,
    pub(super) raw: Vec<u8>,
    pub(super) framing: Framing,
    /// The line, folded ones joined to it, that the next folded line would still belong to.
    open: Option<Vec<u8>>,
    skipped_bytes: usize,
}

/// How a line was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Kept,
    Odd(Odd),
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
        let mut odd = is_over.then_some(Odd::HEADERS_OVER_LIMIT);
        for (place, piece) in line.split(|byte| *byte == b'\r').enumerate() {
            let is_behind_cr = place > 0;
            let piece_odd = self.push_piece(piece, is_behind_cr);
            let cr_odd = is_behind_cr.then_some(Odd::BARE_CR);
            odd = odd.or(cr_odd).or(piece_odd);
        }
        odd.map_or(Taken::Kept, Taken::Odd)
    }

    /// Keeps a line that only white space is in.
    pub(super) fn push_blank(&mut self, raw: &[u8]) {
        self.push_raw(raw);
    }

    /// Adds the line that ends the head, and closes the last header.
    pub(super) fn finish(&mut self, raw: &[u8]) -> Option<Odd> {
        self.push_raw(raw);
        self.close_open()
    }

    /// Adds what stands between two line ends, bare CR being one.
    fn push_piece(&mut self, piece: &[u8], is_behind_cr: bool) -> Option<Odd> {
        let text = trim(piece);
        if text.is_empty() {
            return None;
        }
        let is_folded = piece.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        let is_joined = is_behind_cr || piece.first() == Some(&0);
        let continues = is_folded || (is_joined && !text.contains(&b':'));
        let is_over = self.skipped_bytes > 0;
        match &mut self.open {
            Some(open) if continues && !frames(text) => {
                if !is_over {
                    open.push(b' ');
                    open.extend_from_slice(text);
                }
                Some(Odd::FOLDED)
            }
            _ => {
                let odd = self.close_open();
                self.open = Some(text.to_vec());
                odd.or(is_folded.then_some(Odd::FOLDED_HEADER))
            }
        }
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
    fn close_open(&mut self) -> Option<Odd> {
        let (header, odd) = parse(&self.open.take()?);
        self.framing.observe(&header);
        if self.headers.len() >= HEADERS_MAX {
            return Some(Odd::TOO_MANY_HEADERS);
        }
        if self.skipped_bytes == 0 {
            self.headers.push(header);
        }
        odd
    }
}

/// Takes a line apart at its colon.
fn parse(line: &[u8]) -> (Header, Option<Odd>) {
    let Some(colon) = memchr::memchr(b':', line) else {
        let header = Header {
            name: Vec::new(),
            value: line.to_vec(),
        };
        return (header, Some(Odd::NO_COLON));
    };
    let (sent, value) = line.split_at(colon);
    let name = name_in(sent);
    let header = Header {
        name: name.to_vec(),
        value: trim(value.get(1..).unwrap_or_default()).to_vec(),
    };
    let odd = match name.len() == sent.len() {
        true => None,
        false if trim(sent).len() == name.len() => Some(Odd::SPACE_BEFORE_COLON),
        false => Some(Odd::JUNK_AROUND_NAME),
    };
    (header, odd)
}

/// The name without what cannot be of one, at both its ends.
fn name_in(sent: &[u8]) -> &[u8] {
    let is_part = |byte: &u8| is_token(*byte) || *byte >= 0x80;
    let start = sent.iter().position(is_part).unwrap_or(sent.len());
    let end = sent.iter().rposition(is_part).map_or(start, |last| last + 1);
    sent.get(start..end).unwrap_or_default()
}

/// Whether the line is a header that says how the body is framed or coded.
fn frames(line: &[u8]) -> bool {
    let (header, _) = parse(line);
    framing::NAMES.iter().any(|name| header.is(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_however_their_lines_are_bent() {
        let check = |lines: &[&str], expect: &[(&str, &str)]| {
            let mut headers = Headers::default();
            for line in lines {
                headers.push_line(format!("{line}\r\n").as_bytes(), line.as_bytes());
            }
            headers.finish(b"\r\n");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let read: Vec<_> = (headers.headers.iter())
                .map(|header| (text(&header.name), text(&header.value)))
                .collect();
            let expect: Vec<_> = (expect.iter())
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(read, expect, "{lines:?}");
        };
        check(&["A: b", "C:d"], &[("A", "b"), ("C", "d")]);
        check(&["A: b", "  c", "\td "], &[("A", "b c d")]);
        // RFC 9112, 5.1: recipients in the wild take such names all the same.
        check(
            &["A : b", "C\t: d", "\0E\0: f", "G\x0b: h"],
            &[("A", "b"), ("C", "d"), ("E", "f"), ("G", "h")],
        );
        // Folded before its colon.
        check(&["A", " :", " b"], &[("A", "b")]);
        // A lone CR ends a line for some and is white space for others.
        check(&["A: b\rC: d\r e"], &[("A", "b"), ("C", "d e")]);
        check(&["A:\rb"], &[("A", "b")]);
        // To fold a header away does not hide it when it says how the body is framed.
        check(
            &["A: b", " Transfer-Encoding: chunked"],
            &[("A", "b"), ("Transfer-Encoding", "chunked")],
        );
        check(&["A: b;", " x: y"], &[("A", "b; x: y")]);
        check(&["junk", ": b"], &[("", "junk"), ("", "b")]);
    }
}
