//! Tells HTTP/1 by its first bytes, on any port.
//!
//! Servers take methods that no standard knows, and attackers send them; so the list of known ones is not what decides: a line that names an
//! HTTP version is a request whatever its method. The list serves lines that are not whole yet, and HTTP/0.9, whose lines name no version.

use super::start_line::is_token;

/// Longest method looked for.
const METHOD_BYTES_MAX: usize = 32;

/// Methods of HTTP, WebDAV, Subversion, UPnP, BITS and RPC over HTTP.
const METHODS: [&[u8]; 34] = [
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"CHECKOUT",
    b"CHECKIN",
    b"UNCHECKOUT",
    b"VERSION-CONTROL",
    b"MKWORKSPACE",
    b"UPDATE",
    b"LABEL",
    b"MERGE",
    b"MKACTIVITY",
    b"BASELINE-CONTROL",
    b"SEARCH",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"NOTIFY",
    b"BITS_POST",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];

/// What requests of other protocols ask for.
const TARGETS_OF_OTHERS: [&[u8]; 8] = [
    b"*", b"sip:", b"sips:", b"tel:", b"im:", b"pres:", b"rtsp", b"icap:",
];

/// Whether a method is one that some standard or product defines.
pub(super) fn is_known_method(method: &[u8]) -> bool {
    METHODS.contains(&method)
}

/// Whether a stream that begins with `start` is very likely HTTP/1 requests.
pub fn looks_like_request(start: &[u8]) -> bool {
    let blank = start
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let start = start.get(blank..).unwrap_or_default();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(space) = start.iter().take(METHOD_BYTES_MAX + 1).position(is_blank) else {
        return false;
    };
    let (method, rest) = start.split_at(space);
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return false;
    }
    let line_end = memchr::memchr(b'\n', rest);
    let line = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
    // SIP and RTSP borrow methods; their lines say so.
    if let Some(is_http) = names_http(line) {
        return is_http;
    }
    let target = line.trim_ascii_start();
    let is_path = target.starts_with(b"/");
    is_known_method(method) || (is_path && is_known_method(&method.to_ascii_uppercase()))
}

/// Whether `start` ends amid its first line and that may yet turn out to be one of SIP, RTSP or ICAP, which borrow HTTP's methods.
pub(super) fn may_be_of_another(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    if start.contains(&b'\n') {
        return false;
    }
    let blank = start.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let target = blank.and_then(|blank| start.get(blank..)).unwrap_or_default();
    let target = target.trim_ascii_start();
    TARGETS_OF_OTHERS.iter().any(|name| {
        let mut letters = target.iter().zip(*name);
        letters.all(|(one, other)| one.eq_ignore_ascii_case(other))
    })
}

/// Whether a line names a version of HTTP, if it names one of any protocol behind a blank.
fn names_http(line: &[u8]) -> Option<bool> {
    let words = line.split(|byte| matches!(byte, b' ' | b'\t')).skip(1);
    let is = |word: &[u8], name: &[u8]| {
        let (start, number) = word.split_at_checked(name.len())?;
        let is_version = start.eq_ignore_ascii_case(name) && number.first()?.is_ascii_digit();
        is_version.then_some(())
    };
    let told = words.filter_map(|word| {
        let is_other = is(word, b"SIP/").or(is(word, b"RTSP/")).or(is(word, b"ICAP/"));
        is(word, b"HTTP/").map(|()| true).or(is_other.map(|()| false))
    });
    told.last()
}

/// Whether a stream that begins with `start` is very likely HTTP/1 responses.
pub fn looks_like_response(start: &[u8]) -> bool {
    matches!(start.split_at_checked(5), Some((mark, [b'0'..=b'9', ..])) if mark.eq_ignore_ascii_case(b"HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_by_their_line_and_not_by_a_list_of_methods() {
        let check = |start: &[u8], expect| {
            assert_eq!(looks_like_request(start), expect, "{}", start.escape_ascii());
        };
        check(b"GET / HTTP/1.1\r\n", true);
        check(b"\r\nPOST /x", true);
        check(b"JEFF /shell.php?cmd=id HTTP/1.1\r\n", true);
        check(b"get / http/1.1\r\n", true);
        check(b"x /a b HTTP/1.0\n", true);
        check(b"GET\t/\tHTTP/1.1\r\n", true);
        // HTTP/0.9, RFC 1945, 3.1: no version.
        check(b"GET /", true);
        check(b"Post /x\r\n", true);
        check(b"OPTIONS sip:a SIP/2.0\r\n", false);
        check(b"OPTIONS rtsp://a RTSP/1.0\r\n", false);
        check(b"REQMOD icap://a ICAP/1.0\r\n", false);
        check(b"GETTING x", false);
        check(b"get well soon", false);
        check(b"hello HTTP/1.1\r\n", true);
        check(b"\x16\x03\x01", false);
        check(b"", false);
    }

    /// The sender decides where a segment ends; what is told must not depend on it.
    #[test]
    fn a_line_that_is_cut_within_is_told_as_the_whole_line_is() {
        for line in [
            &b"OPTIONS sip:a SIP/2.0\r\n"[..],
            b"OPTIONS * RTSP/1.0\r\n",
            b"OPTIONS rtsp://a RTSP/1.0\r\n",
        ] {
            for end in 0..=line.len() {
                let start = &line[..end];
                let is_told = looks_like_request(start) && !may_be_of_another(start);
                assert!(!is_told, "{}", start.escape_ascii());
            }
        }
        for start in [
            &b"OPTIONS * HTTP/1.1\r\n"[..],
            b"OPTIONS http://a",
            b"CONNECT a:443",
            b"\r\nGET /",
        ] {
            let is_told = looks_like_request(start) && !may_be_of_another(start);
            assert!(is_told, "{}", start.escape_ascii());
        }
    }

    #[test]
    fn responses() {
        assert!(looks_like_response(b"HTTP/1.1 200"));
        assert!(looks_like_response(b"http/1.0 200"));
        assert!(!looks_like_response(b"HTTP"));
        assert!(!looks_like_response(b"HTTP/x"));
    }
}
