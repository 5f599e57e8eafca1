//! One HTTP transaction, as rules read it.

use super::buffers;
use super::card::Buffer;
use super::coded_body::CodedBody;
use super::{Header, RequestHead, ResponseHead, uri, values};
use std::borrow::Cow;
use vonggac_event::{Body, proto};
use vonggac_protocol::{Host, Instances, Judged, Side, Source};

/// A request and its response; a side without a head was not seen.
#[derive(Default)]
pub(super) struct Transaction {
    pub(super) ts_us: i64,
    /// Number of the packet that it began with; 0 on a tap.
    pub(super) packet: u64,
    pub(super) depth: u32,
    pub(super) request: Option<Box<RequestHead>>,
    pub(super) response: Option<Box<ResponseHead>>,
    pub(super) client: Message,
    pub(super) server: Message,
    /// Most bytes of a body that rules see.
    pub(super) rule_body_bytes_max: usize,
    pub(super) judged: Judged,
}

/// The first line and the headers of a message as sent, the latter also line by line.
#[derive(Clone, Copy, Default)]
struct Head<'a> {
    line: &'a [u8],
    version: &'a [u8],
    headers: &'a [Header],
    raw_headers: &'a [u8],
}

/// What is kept of a request and of a response alike.
#[derive(Default)]
pub(super) struct Message {
    pub(super) body: CodedBody,
    pub(super) mime: String,
    pub(super) is_done: bool,
}

impl Transaction {
    pub(super) fn message(&self, side: Side) -> &Message {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) fn message_mut(&mut self, side: Side) -> &mut Message {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.client.is_done && self.server.is_done
    }

    /// Whether the client sends its body only when it is told to (RFC 9110, 10.1.1), and it has not begun.
    pub(super) fn waits_for_leave(&self) -> bool {
        let request = self.request.as_deref();
        let mut expectations = request
            .into_iter()
            .flat_map(|head| values(&head.headers, "expect"));
        !self.client.is_done && expectations.any(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Has rules judge the stages of a side up to this one.
    pub(super) fn judge(&mut self, host: &mut dyn Host, side: Side, stage: u8) {
        if self.head(side).is_none() {
            return;
        }
        for stage in self.judged.advance(side, stage) {
            host.judge(side, stage, self);
        }
    }

    /// Its number in the flow, from 0.
    pub(super) fn number(&self) -> u64 {
        u64::from(self.depth).saturating_sub(1)
    }

    /// What a request's and a response's head have alike; `None` for a head that was not seen.
    fn head(&self, side: Side) -> Option<Head<'_>> {
        match side {
            Side::Client => self.request.as_ref().map(|head| Head {
                line: &head.line,
                version: &head.version,
                headers: &head.headers,
                raw_headers: &head.raw_headers,
            }),
            Side::Server => self.response.as_ref().map(|head| Head {
                line: &head.line,
                version: &head.version,
                headers: &head.headers,
                raw_headers: &head.raw_headers,
            }),
        }
    }

    /// The headers of a side's head; none when it was not seen.
    pub(super) fn headers(&self, side: Side) -> &[Header] {
        self.head(side).map_or(&[], |head| head.headers)
    }

    /// The part of a side's body that rules read; `None` without a body.
    fn rule_body(&self, side: Side) -> Option<&[u8]> {
        let kept = self.message(side).body.file.beginning(self.rule_body_bytes_max);
        (!kept.is_empty()).then_some(kept)
    }

    /// The names of a side's files, and the part of each that rules read.
    fn rule_files(&self, side: Side) -> Vec<(Cow<'_, str>, &[u8])> {
        match self.message(side).body.form() {
            Some(form) => {
                let parts = form.files().iter();
                let files = parts.map(|part| {
                    let data = part.body.beginning(self.rule_body_bytes_max);
                    (Cow::Borrowed(part.name.as_str()), data)
                });
                files.filter(|(_, data)| !data.is_empty()).collect()
            }
            None => {
                let body = self.rule_body(side).into_iter();
                body.map(|data| (Cow::Owned(self.file_name(side)), data))
                    .collect()
            }
        }
    }

    /// Whether rules will read no more of a side's body than is there. Of a form they read each file's beginning.
    pub(super) fn has_all_for_rules(&self, side: Side) -> bool {
        let kept = self.rule_body(side).map_or(0, <[u8]>::len);
        kept >= self.rule_body_bytes_max && self.message(side).body.form().is_none()
    }
}

impl Source for Transaction {
    fn transaction(&self) -> u64 {
        self.number()
    }

    fn read<'a>(&'a self, side: Side, buffer: usize, into: &mut Instances<'a>) {
        let Some(buffer) = Buffer::at(buffer) else { return };
        let Head {
            line,
            version,
            headers,
            raw_headers,
        } = self.head(side).unwrap_or_default();
        let mut give = |bytes: &'a [u8]| into.push(Cow::Borrowed(bytes));
        let request = self.request.as_deref();
        match buffer {
            Buffer::Method => request.into_iter().for_each(|head| give(&head.method)),
            Buffer::Uri => into.extend(request.map(|head| Cow::Owned(uri::normalize(&head.uri)))),
            Buffer::UriRaw => request.into_iter().for_each(|head| give(&head.uri)),
            Buffer::Host => {
                let hosts = request.into_iter().flat_map(buffers::raw_hosts);
                into.extend(hosts.map(|raw| Cow::Owned(buffers::host_name(raw))));
            }
            Buffer::HostRaw => request.into_iter().flat_map(buffers::raw_hosts).for_each(give),
            Buffer::RequestLine | Buffer::ResponseLine => give(line),
            Buffer::Version => give(version),
            Buffer::Start => into.push(Cow::Owned(buffers::start(line, raw_headers))),
            Buffer::StatusCode => {
                let status = self.response.as_ref().map_or(0, |head| head.status);
                into.extend((status > 0).then(|| Cow::Owned(status.to_string().into_bytes())));
            }
            Buffer::StatusMessage => self.response.iter().for_each(|head| give(&head.reason)),
            Buffer::RequestHeader | Buffer::ResponseHeader => {
                into.extend(buffers::lines(headers).into_iter().map(Cow::Owned));
            }
            Buffer::Header if !headers.is_empty() => into.push(Cow::Owned(buffers::header(headers))),
            Buffer::HeaderRaw if !headers.is_empty() => give(raw_headers),
            Buffer::HeaderNames if !headers.is_empty() => {
                into.push(Cow::Owned(buffers::header_names(headers)))
            }
            Buffer::Header | Buffer::HeaderRaw | Buffer::HeaderNames => {}
            Buffer::UserAgent => into.extend(buffers::named(headers, "user-agent")),
            Buffer::Referer => into.extend(buffers::named(headers, "referer")),
            Buffer::Accept => into.extend(buffers::named(headers, "accept")),
            Buffer::AcceptLanguage => into.extend(buffers::named(headers, "accept-language")),
            Buffer::AcceptEncoding => into.extend(buffers::named(headers, "accept-encoding")),
            Buffer::Server => into.extend(buffers::named(headers, "server")),
            Buffer::Location => into.extend(buffers::named(headers, "location")),
            Buffer::ContentType => into.extend(buffers::named(headers, "content-type")),
            Buffer::ContentLength => into.extend(buffers::named(headers, "content-length")),
            Buffer::Connection => into.extend(buffers::named(headers, "connection")),
            Buffer::Cookie => into.extend(buffers::named(
                headers,
                match side {
                    Side::Client => "cookie",
                    Side::Server => "set-cookie",
                },
            )),
            Buffer::RequestBody | Buffer::ResponseBody => {
                into.extend(self.rule_body(side).map(Cow::Borrowed));
            }
            Buffer::FileData => {
                let files = self.rule_files(side).into_iter();
                into.extend(files.map(|(_, data)| Cow::Borrowed(data)));
            }
            Buffer::FileName => {
                let files = self.rule_files(side).into_iter();
                let names = files.map(|(name, _)| name).filter(|name| !name.is_empty());
                into.extend(names.map(|name| Cow::Owned(name.into_owned().into_bytes())));
            }
        }
    }

    fn excerpt(&self, side: Side) -> Cow<'_, [u8]> {
        let head = self.head(side).unwrap_or_default();
        Cow::Owned(buffers::start(head.line, head.raw_headers))
    }

    fn event(&self) -> Option<Body> {
        Some(Body::Http(self.describe()))
    }

    fn files(&self, side: Side) -> Vec<proto::File> {
        let files = self.files_with_digests(side, &self.mime(side));
        files.into_iter().flatten().collect()
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
        let transaction = Transaction {
            request: Some(Box::new(RequestHead {
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
            })),
            ..Transaction::default()
        };
        let check = |keyword: &str, expect: &[&str]| {
            let place = Buffer::CARDS
                .iter()
                .position(|card| card.keyword == keyword)
                .unwrap();
            let mut held = Instances::new();
            transaction.read(Side::Client, place, &mut held);
            let held: Vec<_> = held.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
            assert_eq!(held, expect, "{keyword}");
        };
        check("http.uri", &["/b?x=A"]);
        check("http.host", &["www.example.com"]);
        check("http.host.raw", &["WWW.Example.COM:8080"]);
        check("http.header", &["Host: WWW.Example.COM:8080\r\nX: 1, 2\r\n"]);
        check("http.header_names", &["\r\nHost\r\nCookie\r\nX\r\n\r\n"]);
        check(
            "http.request_header",
            &["Host: WWW.Example.COM:8080", "Cookie: a=b", "X: 1, 2"],
        );
        check("http.cookie", &["a=b"]);
        check("http.start", &["GET /a/../b?x=%41 HTTP/1.1\r\nHost: ...\r\n\r\n"]);
        check("http.user_agent", &[]);
        check("http.request_body", &[]);
    }
}
