//! The buffers of HTTP that signatures look into, normalised as Suricata does.

use std::borrow::Cow;
use vonggac_protocols::http::{Header, RequestHead, ResponseHead, uri};
use vonggac_signature::Buffer;

/// Buffers of one side of a transaction.
pub(crate) type Buffers<'a> = Vec<(Buffer, Cow<'a, [u8]>)>;

/// Buffers of a request whose body's beginning is `body`.
pub(crate) fn request<'a>(head: &'a RequestHead, body: &'a [u8]) -> Buffers<'a> {
    let mut buffers: Buffers<'a> = vec![
        (Buffer::HttpMethod, Cow::Borrowed(&head.method)),
        (Buffer::HttpUri, Cow::Owned(uri::normalize(&head.uri))),
        (Buffer::HttpUriRaw, Cow::Borrowed(&head.uri)),
        (Buffer::HttpRequestLine, Cow::Borrowed(&head.line)),
        (Buffer::HttpProtocol, Cow::Borrowed(&head.version)),
        (
            Buffer::HttpStart,
            Cow::Owned(start(&head.line, &head.raw_headers)),
        ),
    ];
    if let Some(raw) = raw_host(head) {
        buffers.push((Buffer::HttpHostRaw, Cow::Borrowed(raw)));
        buffers.push((Buffer::HttpHost, Cow::Owned(host_name(raw))));
    }
    headers(
        &head.headers,
        &head.raw_headers,
        Buffer::HttpRequestHeader,
        &mut buffers,
    );
    named(
        &head.headers,
        &[
            ("user-agent", Buffer::HttpUserAgent),
            ("referer", Buffer::HttpReferer),
            ("accept", Buffer::HttpAccept),
            ("accept-language", Buffer::HttpAcceptLang),
            ("accept-encoding", Buffer::HttpAcceptEnc),
            ("cookie", Buffer::HttpCookie),
        ],
        &mut buffers,
    );
    if !body.is_empty() {
        buffers.push((Buffer::HttpRequestBody, Cow::Borrowed(body)));
        buffers.push((Buffer::FileData, Cow::Borrowed(body)));
    }
    buffers
}

/// Buffers of a response whose body's beginning is `body`.
pub(crate) fn response<'a>(head: &'a ResponseHead, body: &'a [u8]) -> Buffers<'a> {
    let mut buffers: Buffers<'a> = vec![
        (Buffer::HttpResponseLine, Cow::Borrowed(&head.line)),
        (Buffer::HttpProtocol, Cow::Borrowed(&head.version)),
        (Buffer::HttpStatMsg, Cow::Borrowed(&head.reason)),
        (
            Buffer::HttpStart,
            Cow::Owned(start(&head.line, &head.raw_headers)),
        ),
    ];
    if head.status > 0 {
        buffers.push((
            Buffer::HttpStatCode,
            Cow::Owned(head.status.to_string().into_bytes()),
        ));
    }
    headers(
        &head.headers,
        &head.raw_headers,
        Buffer::HttpResponseHeader,
        &mut buffers,
    );
    named(
        &head.headers,
        &[
            ("server", Buffer::HttpServer),
            ("location", Buffer::HttpLocation),
            ("set-cookie", Buffer::HttpCookie),
        ],
        &mut buffers,
    );
    if !body.is_empty() {
        buffers.push((Buffer::HttpResponseBody, Cow::Borrowed(body)));
        buffers.push((Buffer::FileData, Cow::Borrowed(body)));
    }
    buffers
}

/// The host as sent: the authority of an absolute target, else the `Host` header.
pub(crate) fn raw_host(head: &RequestHead) -> Option<&[u8]> {
    let authority = || {
        let scheme_end = head.uri.windows(3).position(|window| window == b"://")?;
        if head.uri.first() == Some(&b'/') {
            return None;
        }
        let behind = head.uri.get(scheme_end + 3..)?;
        behind.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()
    };
    authority().or_else(|| head.header("host"))
}

/// A host in lower case, without user and port.
pub(crate) fn host_name(raw: &[u8]) -> Vec<u8> {
    let behind_user = raw.rsplit(|byte| *byte == b'@').next().unwrap_or(raw);
    let name = match behind_user.iter().rposition(|byte| *byte == b':') {
        // A colon within brackets belongs to an IPv6 address.
        Some(colon) if !behind_user.get(colon..).unwrap_or_default().contains(&b']') => {
            behind_user.get(..colon).unwrap_or_default()
        }
        _ => behind_user,
    };
    name.to_ascii_lowercase()
}

fn start(line: &[u8], raw_headers: &[u8]) -> Vec<u8> {
    [line, b"\r\n", raw_headers].concat()
}

fn is_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie")
}

/// Headers of one name become one, their values joined, at the place of the first.
fn merged(headers: &[Header]) -> Vec<(&[u8], Cow<'_, [u8]>)> {
    let mut merged: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::with_capacity(headers.len());
    for header in headers {
        let known = merged
            .iter_mut()
            .find(|(name, _)| !name.is_empty() && name.eq_ignore_ascii_case(&header.name));
        match known {
            Some((_, value)) => {
                let value = value.to_mut();
                value.extend_from_slice(b", ");
                value.extend_from_slice(&header.value);
            }
            None => merged.push((&header.name, Cow::Borrowed(&header.value))),
        }
    }
    merged
}

fn headers<'a>(headers: &'a [Header], raw: &'a [u8], each: Buffer, buffers: &mut Buffers<'a>) {
    let mut lines = Vec::with_capacity(raw.len());
    let mut names = b"\r\n".to_vec();
    for (name, value) in merged(headers) {
        let line = [name, b": ", &value].concat();
        if !is_cookie(name) {
            lines.extend_from_slice(&line);
            lines.extend_from_slice(b"\r\n");
        }
        names.extend_from_slice(name);
        names.extend_from_slice(b"\r\n");
        buffers.push((each, Cow::Owned(line)));
    }
    names.extend_from_slice(b"\r\n");
    if !headers.is_empty() {
        buffers.push((Buffer::HttpHeader, Cow::Owned(lines)));
        buffers.push((Buffer::HttpHeaderNames, Cow::Owned(names)));
        buffers.push((Buffer::HttpHeaderRaw, Cow::Borrowed(raw)));
    }
    named(
        headers,
        &[
            ("content-type", Buffer::HttpContentType),
            ("content-length", Buffer::HttpContentLen),
            ("connection", Buffer::HttpConnection),
        ],
        buffers,
    );
}

fn named<'a>(headers: &'a [Header], wanted: &[(&str, Buffer)], buffers: &mut Buffers<'a>) {
    for (name, buffer) in wanted {
        let of_name = || {
            headers
                .iter()
                .filter(|header| header.name.eq_ignore_ascii_case(name.as_bytes()))
                .map(|header| header.value.as_slice())
        };
        let value = match of_name().count() {
            0 => continue,
            1 => Cow::Borrowed(of_name().next().unwrap_or_default()),
            _ => Cow::Owned(of_name().collect::<Vec<_>>().join(&b", "[..])),
        };
        buffers.push((*buffer, value));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Header {
        Header {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_request_fills_the_buffers_as_suricata_does() {
        let head = RequestHead {
            method: b"GET".to_vec(),
            uri: b"/a/../b?x=%41".to_vec(),
            version: b"HTTP/1.1".to_vec(),
            line: b"GET /a/../b?x=%41 HTTP/1.1".to_vec(),
            headers: vec![
                header("Host", "WWW.Example.COM:8080"),
                header("Cookie", "a=b"),
                header("X", "1"),
                header("x", "2"),
            ],
            raw_headers: b"Host: ...\r\n\r\n".to_vec(),
        };
        let buffers = request(&head, b"body");
        let get = |wanted: Buffer| {
            let found = buffers.iter().find(|(buffer, _)| *buffer == wanted);
            found.map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap())
        };
        for (buffer, expect) in [
            (Buffer::HttpUri, Some("/b?x=A")),
            (Buffer::HttpHost, Some("www.example.com")),
            (Buffer::HttpHostRaw, Some("WWW.Example.COM:8080")),
            (
                Buffer::HttpHeader,
                Some("Host: WWW.Example.COM:8080\r\nX: 1, 2\r\n"),
            ),
            (Buffer::HttpHeaderNames, Some("\r\nHost\r\nCookie\r\nX\r\n\r\n")),
            (Buffer::HttpCookie, Some("a=b")),
            (
                Buffer::HttpStart,
                Some("GET /a/../b?x=%41 HTTP/1.1\r\nHost: ...\r\n\r\n"),
            ),
            (Buffer::HttpRequestBody, Some("body")),
            (Buffer::HttpUserAgent, None),
        ] {
            assert_eq!(get(buffer).as_deref(), expect, "{buffer:?}");
        }
    }

    #[test]
    fn hosts_lose_user_and_port() {
        for (raw, expect) in [
            ("Example.com", "example.com"),
            ("u:p@example.com:80", "example.com"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]:443", "[2001:db8::1]"),
        ] {
            assert_eq!(host_name(raw.as_bytes()), expect.as_bytes());
        }
    }
}
