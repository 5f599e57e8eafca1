//! What is odd about a message, by the names that rules have for it (`app-layer-event:http.…`) and in words.

use std::fmt;

use super::{Direction, RequestHead, buffers, uri, values};

/// What has no name of its own.
const MALFORMED: &str = "http_malformed";

/// Something odd about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Odd {
    /// Its kind in a request, in a response.
    kinds: [&'static str; 2],
    words: &'static str,
}

impl Odd {
    /// Its kind in a message of `direction`: `http_` and Suricata's name, where it has one.
    pub fn kind(self, direction: Direction) -> &'static str {
        let [request, response] = self.kinds;
        match direction {
            Direction::Request => request,
            Direction::Response => response,
        }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words)
    }
}

macro_rules! oddities {
    ($($name:ident: $request:expr, $response:expr, $words:literal;)*) => {
        impl Odd {
            $(pub(super) const $name: Self = Self { kinds: [$request, $response], words: $words };)*
        }

        const KINDS: [&str; 2 * [$($words),*].len()] = [$($request, $response),*];
    };
}

/// All kinds; some of them more than once.
pub(super) const ALL: &[&str] = &KINDS;

oddities! {
    LINE_OVER_LIMIT: "http_request_field_too_long", "http_response_field_too_long", "start line over the limit";
    HEADER_OVER_LIMIT: "http_request_field_too_long", "http_response_field_too_long", "header line over the limit";
    HEAD_OVER_LIMIT: "http_request_field_too_long", "http_response_field_too_long", "head over the limit";
    HEADERS_OVER_LIMIT: "http_request_field_too_long", "http_response_field_too_long", "headers over the limit";
    TOO_MANY_HEADERS: "http_request_too_many_headers", "http_response_too_many_headers", "too many headers";
    NOT_ASKED: MALFORMED, "http_unable_to_match_response_to_request", "bytes behind a response";
    JUNK_FIRST: MALFORMED, "http_response_invalid_protocol", "junk before the status line";
    NO_STATUS_LINE: MALFORMED, "http_response_invalid_protocol", "response without a status line";
    NO_STATUS: MALFORMED, "http_response_invalid_status", "status line without a status code";
    NO_REQUEST_LINE: MALFORMED, MALFORMED, "not a request line";
    NO_TARGET: MALFORMED, MALFORMED, "request line without a target";
    NO_VERSION: "http_request_line_missing_protocol", MALFORMED, "request line without a version";
    BARE_CR: MALFORMED, MALFORMED, "bare CR within the headers";
    BARE_CR_IN_HEAD: MALFORMED, MALFORMED, "bare CR within the head";
    BLANK_LINE: MALFORMED, MALFORMED, "blank line among the headers";
    FOLDED: MALFORMED, MALFORMED, "folded header line";
    FOLDED_HEADER: "http_invalid_request_field_folding", "http_invalid_response_field_folding", "header in a folded line";
    NO_COLON: "http_request_field_missing_colon", "http_response_field_missing_colon", "header line without a colon";
    SPACE_BEFORE_COLON: "http_request_header_invalid", "http_response_header_invalid", "space before the colon of a header";
    JUNK_AROUND_NAME: "http_request_header_invalid", "http_response_header_invalid", "junk around the name of a header";
    LENGTH_AND_CHUNKED: MALFORMED, MALFORMED, "both content-length and chunked";
    LENGTH_WITHOUT_NUMBER: "http_invalid_content_length_field_in_request", "http_invalid_content_length_field_in_response",
        "content-length without a number";
    LENGTH_REPEATED: "http_duplicate_content_length_field_in_request", "http_duplicate_content_length_field_in_response",
        "content-length repeated";
    LENGTH_BEHIND_JUNK: "http_content_length_extra_data_start", "http_content_length_extra_data_start",
        "content-length behind junk";
    LENGTH_WITH_JUNK: "http_content_length_extra_data_end", "http_content_length_extra_data_end", "content-length with junk";
    TRANSFER_ENCODING: "http_invalid_transfer_encoding_value_in_request", "http_response_abnormal_transfer_encoding",
        "unusual transfer-encoding";
    BODY_UNEXPECTED: "http_request_body_unexpected", "http_response_body_unexpected", "body where there should be none";
    JUNK_AFTER_CHUNK: MALFORMED, MALFORMED, "junk after a chunk";
    CHUNK_SIZE: "http_invalid_request_chunk_len", "http_invalid_response_chunk_len", "chunk size without a number";
    BOMB: "http_compression_bomb", "http_compression_bomb", "body decodes to more than the limit";
    PART_OVER_LIMIT: "http_multipart_invalid_header", MALFORMED, "head of a part over the limit";
    TOO_MANY_REQUESTS: MALFORMED, MALFORMED, "too many requests without a response";
    GAP: MALFORMED, MALFORMED, "gap outside a body";
    UNFINISHED: MALFORMED, MALFORMED, "stream ended inside a message";
    CODING_DAMAGED: "http_gzip_decompression_failed", "http_gzip_decompression_failed", "body that its coding does not fit";
    TOO_MANY_CODINGS: "http_too_many_encoding_layers", "http_too_many_encoding_layers", "more codings than are undone";
    AUTHORIZATION: "http_request_auth_unrecognized", MALFORMED, "authorization that cannot be read";
    ENCODED_TWICE: "http_double_encoded_uri", MALFORMED, "path encoded twice";
    NO_HOST: "http_missing_host_header", MALFORMED, "HTTP/1.1 without a host";
    HOST_DIFFERS: "http_host_header_ambiguous", MALFORMED, "another host in the target than in the headers";
    HOST_INVALID: "http_request_header_host_invalid", MALFORMED, "host that cannot be one";
}

/// Schemes of credentials that are known (RFC 7617, 7616, 6750); of others Suricata tells, too.
const SCHEMES: [&[u8]; 3] = [b"basic", b"digest", b"bearer"];

/// What is odd about what a request says.
pub(super) fn of_request(head: &RequestHead) -> impl Iterator<Item = Odd> {
    let mut hosts = buffers::raw_hosts(head);
    let (host, other) = (hosts.next(), hosts.next());
    let found = [
        (host.is_none() && head.version == b"HTTP/1.1").then_some(Odd::NO_HOST),
        other.map(|_| Odd::HOST_DIFFERS),
        host.filter(|host| !is_host(&buffers::host_name(host)))
            .map(|_| Odd::HOST_INVALID),
        values(&head.headers, "authorization")
            .any(|value| !is_known_scheme(value))
            .then_some(Odd::AUTHORIZATION),
        is_encoded_twice(&head.uri).then_some(Odd::ENCODED_TWICE),
    ];
    found.into_iter().flatten()
}

/// Whether a name has only what a host's may have (RFC 3986, 3.2.2), or nothing.
fn is_host(name: &[u8]) -> bool {
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b"-._~%!$&'()*+,;=[]:".contains(byte);
    name.iter().all(is_part)
}

fn is_known_scheme(value: &[u8]) -> bool {
    let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether an escape is left in the path once its escapes are undone.
fn is_encoded_twice(target: &[u8]) -> bool {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    memchr::memmem::find(path, b"%25").is_some() && {
        let once = uri::decode(path);
        uri::decode(&once) != once
    }
}

#[cfg(test)]
mod tests {
    use super::super::Header;
    use super::*;

    fn odd(target: &str, headers: &[(&str, &str)]) -> Vec<Odd> {
        let header = |(name, value): &(&str, &str)| Header {
            name: name.as_bytes().to_vec(),
            value: value.as_bytes().to_vec(),
        };
        let head = RequestHead {
            uri: target.as_bytes().to_vec(),
            version: b"HTTP/1.1".to_vec(),
            headers: headers.iter().map(header).collect(),
            ..RequestHead::default()
        };
        of_request(&head).collect()
    }

    #[test]
    fn requests_are_asked_what_is_odd_about_them() {
        let check = |target: &str, headers: &[(&str, &str)], expect: &[Odd]| {
            assert_eq!(odd(target, headers), expect, "{target} {headers:?}");
        };
        let host = ("Host", "a.example:80");
        check("/", &[host], &[]);
        check("/", &[], &[Odd::NO_HOST]);
        check("/", &[("host", "[2001:db8::1]:80")], &[]);
        check("/", &[("host", "a b")], &[Odd::HOST_INVALID]);
        check("http://b.example/", &[host], &[Odd::HOST_DIFFERS]);
        check("http://a.example:80/", &[host], &[]);
        check("/", &[host, ("Authorization", "Basic eA==")], &[]);
        check("/", &[host, ("Authorization", "Secret x")], &[Odd::AUTHORIZATION]);
        check("/a%252fb", &[host], &[Odd::ENCODED_TWICE]);
        // A percent sign that is meant, and an address within a query.
        check("/100%25", &[host], &[]);
        check("/?u=http%253a", &[host], &[]);
    }

    #[test]
    fn kinds_are_named_by_the_direction() {
        let check = |odd: Odd, direction, expect: &str| assert_eq!(odd.kind(direction), expect, "{odd}");
        check(
            Odd::NO_COLON,
            Direction::Request,
            "http_request_field_missing_colon",
        );
        check(
            Odd::NO_COLON,
            Direction::Response,
            "http_response_field_missing_colon",
        );
        check(Odd::FOLDED, Direction::Request, MALFORMED);
        assert!(ALL.contains(&MALFORMED) && ALL.iter().all(|kind| kind.starts_with("http_")));
    }
}
