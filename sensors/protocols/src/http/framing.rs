//! Where a body ends, and the size lines of chunks.

use super::Header;
use super::odd::Odd;
use super::start_line::{is_filler, is_token};

/// The headers that say how a body is framed or coded.
pub(super) const NAMES: [&str; 3] = ["content-length", "transfer-encoding", "content-encoding"];

/// What the headers say about the body's length.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Framing {
    /// The smallest and the largest of the lengths said: hosts choose among them each in its way.
    pub(super) lengths: Option<Lengths>,
    pub(super) chunked: Chunked,
    pub(super) anomaly: Option<Odd>,
}

/// What is said about a body's length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) least: u64,
    pub(super) most: u64,
}

/// Whether a body comes in chunks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunked {
    #[default]
    No,
    /// In a manner that only some hosts take for it, such as `xchunked`.
    Perhaps,
    Yes,
}

impl Framing {
    /// Takes note of a header that frames the body.
    pub(super) fn observe(&mut self, header: &Header) {
        if header.is("content-length") {
            self.observe_length(&header.value);
        } else if header.is("transfer-encoding") {
            self.observe_transfer_encoding(&header.value);
        }
        if self.chunked != Chunked::No && self.lengths.is_some() {
            self.anomaly = Some(Odd::LENGTH_AND_CHUNKED);
        }
    }

    /// Whether the headers say that there is a body.
    pub(super) fn has_body(&self) -> bool {
        self.chunked != Chunked::No || self.lengths.is_some_and(|lengths| lengths.most > 0)
    }

    fn observe_length(&mut self, value: &[u8]) {
        let is_repeated = self.lengths.is_some();
        let mut said = self.lengths;
        for length in numbers(value) {
            said = Some(match said {
                None => Lengths {
                    least: length,
                    most: length,
                },
                Some(Lengths { least, most }) => Lengths {
                    least: least.min(length),
                    most: most.max(length),
                },
            });
        }
        self.anomaly = if said.is_none() {
            Some(Odd::LENGTH_WITHOUT_NUMBER)
        } else if is_repeated {
            Some(Odd::LENGTH_REPEATED)
        } else if !value.first().is_some_and(u8::is_ascii_digit) {
            Some(Odd::LENGTH_BEHIND_JUNK)
        } else if !value.iter().all(u8::is_ascii_digit) {
            Some(Odd::LENGTH_WITH_JUNK)
        } else {
            self.anomaly
        };
        self.lengths = said;
    }

    fn observe_transfer_encoding(&mut self, value: &[u8]) {
        let text: Vec<u8> = value
            .iter()
            .filter(|byte| **byte != 0)
            .map(u8::to_ascii_lowercase)
            .collect();
        let is_told = text
            .split(|byte| !is_token(*byte))
            .any(|token| token == b"chunked");
        let is_hinted = memchr::memmem::find(&text, b"chunked").is_some();
        self.chunked = match (is_told, is_hinted, self.chunked) {
            (true, ..) | (_, _, Chunked::Yes) => Chunked::Yes,
            (_, true, _) => Chunked::Perhaps,
            _ => self.chunked,
        };
        if !value.eq_ignore_ascii_case(b"chunked") {
            self.anomaly = Some(Odd::TRANSFER_ENCODING);
        }
    }
}

/// The numbers in the value; those that are negative or too large are left out.
fn numbers(value: &[u8]) -> impl Iterator<Item = u64> {
    let words = value.split(|byte| !byte.is_ascii_digit() && *byte != b'-');
    words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok())
}

/// What a line of hex digits says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkSize {
    pub(super) bytes: u64,
    /// Behind the digits comes nothing, or what is a chunk's extension (RFC 9112, 7.1.1).
    pub(super) is_strict: bool,
}

/// The size that a chunk's line says, white space before it and junk after it left aside; none when there is no hex digit or
/// too many.
pub(super) fn chunk_size(line: &[u8]) -> Option<ChunkSize> {
    let start = line.iter().position(|byte| !is_filler(*byte))?;
    let text = line.get(start..)?;
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some(ChunkSize {
        bytes: u64::from_str_radix(digits, 16).ok()?,
        is_strict: rest.first().is_none_or(|byte| is_filler(*byte) || *byte == b';'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes() {
        let check = |line: &[u8], expect: Option<(u64, bool)>| {
            let size = chunk_size(line).map(|size| (size.bytes, size.is_strict));
            assert_eq!(size, expect, "{}", line.escape_ascii());
        };
        check(b"1aF;name=value", Some((0x1af, true)));
        check(b" 0000000000000000000010 ", Some((16, true)));
        check(b"\x0bf", Some((15, true)));
        check(b"fx", Some((15, false)));
        check(b"g", None);
        check(b"", None);
        check(b"10000000000000000", None);
    }

    #[test]
    fn lengths_and_codings_are_found_in_whatever_some_host_takes_for_them() {
        let check = |headers: &[(&str, &str)], lengths: Option<(u64, u64)>, chunked| {
            let mut framing = Framing::default();
            for (name, value) in headers {
                framing.observe(&Header {
                    name: name.as_bytes().to_vec(),
                    value: value.as_bytes().to_vec(),
                });
            }
            let said = framing.lengths.map(|lengths| (lengths.least, lengths.most));
            assert_eq!((said, framing.chunked), (lengths, chunked), "{headers:?}");
        };
        let length = |value: &'static str| [("Content-length", value)];
        check(&length("12"), Some((12, 12)), Chunked::No);
        check(&length(" +12, 12"), Some((12, 12)), Chunked::No);
        check(&length("34 68"), Some((34, 68)), Chunked::No);
        check(&length("34( 68)"), Some((34, 68)), Chunked::No);
        check(&length("-5"), None, Chunked::No);
        check(&length("99999999999999999999"), None, Chunked::No);
        check(
            &[("Content-Length", "68"), ("content-length", "34")],
            Some((34, 68)),
            Chunked::No,
        );
        check(&[("Transfer\0-Encoding", "chu\0nked")], None, Chunked::Yes);
        check(&[("Transfer-Encoding", "\u{a0}chunked;")], None, Chunked::Yes);
        check(&[("Transfer-Encoding", "xchunked")], None, Chunked::Perhaps);
        check(
            &[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "lalala")],
            None,
            Chunked::Yes,
        );
    }
}
