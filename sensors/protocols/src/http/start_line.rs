//! Takes first lines apart, and the character classes of heads.

use super::{RequestHead, ResponseHead};

/// Longest method read.
const METHOD_BYTES_MAX: usize = 64;

/// Takes a request line apart at its white space; the target may hold spaces when a version ends the line.
/// None when the line does not begin with a method.
pub(super) fn request_line(line: &[u8]) -> Option<RequestHead> {
    let text = line.trim_ascii();
    let method_end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    let (method, rest) = text.split_at(method_end);
    if method.is_empty() || method.len() > METHOD_BYTES_MAX || !method.iter().all(|byte| is_token(*byte)) {
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

/// Takes a status line apart: version, code, reason. Clients take NUL for a blank, too.
pub(super) fn status_line(line: &[u8]) -> ResponseHead {
    let text = trim(line);
    let (version, rest) = word(text);
    let (status, reason) = word(rest);
    let digits = std::str::from_utf8(status).ok();
    ResponseHead {
        version: version.to_vec(),
        status: digits
            .and_then(|digits| digits.parse().ok())
            .filter(|status| *status <= 999)
            .unwrap_or(0),
        reason: reason.to_vec(),
        line: line.to_vec(),
        ..ResponseHead::default()
    }
}

/// The first word and what follows it, blanks between them left out.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| is_filler(*byte))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, trim(rest))
}

/// The bytes of a line before its LF and any CR.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

/// What is left without blanks, line ends and NUL at both ends.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_filler(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_filler(*last)
    {
        text = rest;
    }
    text
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

/// Whether the byte is white space within a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

/// Whether the byte says nothing where hosts look for the next word: a blank, a line end, NUL.
pub(super) fn is_filler(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'\r' | b'\n' | 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        let check = |line: &[u8], version: &[u8], status, reason: &[u8]| {
            let head = status_line(line);
            let read = (head.version.as_slice(), head.status, head.reason.as_slice());
            assert_eq!(read, (version, status, reason), "{}", line.escape_ascii());
        };
        check(b"HTTP/1.1 200 Very well", b"HTTP/1.1", 200, b"Very well");
        check(b"HTTP/1.1\x00200\x0bok", b"HTTP/1.1", 200, b"ok");
        check(b"HTTP/1.1", b"HTTP/1.1", 0, b"");
        check(b"HTTP/1.1 0204 no", b"HTTP/1.1", 204, b"no");
        check(b"HTTP/1.1 20x no", b"HTTP/1.1", 0, b"no");
        check(b"HTTP/1.1 2000 no", b"HTTP/1.1", 0, b"no");
    }
}
