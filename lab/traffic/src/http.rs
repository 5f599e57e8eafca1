//! HTTP/1.1 messages (RFC 9112).

use crate::gzip::gzip;
use crate::random::Random;
use crate::tcp::{Connection, Side};

/// Bytes of one chunk of a chunked body.
const CHUNK_BYTES: usize = 4096;

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    pub(crate) agent: &'a str,
    /// Further fields, each without its line end.
    pub(crate) fields: &'a [&'a str],
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A GET without further fields.
    pub(crate) fn get(host: &'a str, target: &'a str, agent: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            host,
            agent,
            fields: &[],
            body: &[],
        }
    }

    /// The message.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\n",
            self.method, self.target, self.host, self.agent
        );
        for field in self.fields {
            head.push_str(field);
            head.push_str("\r\n");
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body].concat()
    }
}

/// How a body is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    Plain,
    Chunked,
    Packed,
    PackedAndChunked,
}

/// What a server answers.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) fields: Vec<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) wrapping: Wrapping,
}

impl Response {
    pub(crate) fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            kind,
            fields: Vec::new(),
            body: body.into(),
            wrapping: Wrapping::Plain,
        }
    }

    /// Sends the browser on.
    pub(crate) fn redirect(status: u16, target: &str) -> Self {
        let mut response = Self::new(status, "text/html; charset=utf-8", "");
        response.fields.push(format!("Location: {target}"));
        response
    }

    pub(crate) fn wrapped(mut self, wrapping: Wrapping) -> Self {
        self.wrapping = wrapping;
        self
    }

    pub(crate) fn with(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }

    /// The message.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nServer: nginx\r\n",
            self.status,
            reason(self.status)
        );
        for field in &self.fields {
            head.push_str(field);
            head.push_str("\r\n");
        }
        if self.status == 304 || self.status == 204 {
            head.push_str("\r\n");
            return head.into_bytes();
        }
        head.push_str(&format!("Content-Type: {}\r\n", self.kind));
        let packed = matches!(self.wrapping, Wrapping::Packed | Wrapping::PackedAndChunked);
        let body = if packed {
            gzip(&self.body)
        } else {
            self.body.clone()
        };
        if packed {
            head.push_str("Content-Encoding: gzip\r\n");
        }
        match self.wrapping {
            Wrapping::Plain | Wrapping::Packed => {
                head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
                [head.as_bytes(), &body].concat()
            }
            Wrapping::Chunked | Wrapping::PackedAndChunked => {
                head.push_str("Transfer-Encoding: chunked\r\n\r\n");
                [head.as_bytes(), &chunked(&body)].concat()
            }
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        _ => "Internal Server Error",
    }
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(CHUNK_BYTES) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// A request and its answer, with the time the server needs in between.
pub(crate) fn exchange(connection: &mut Connection<'_>, request: &Request<'_>, response: &Response) {
    connection.say(Side::Client, &request.bytes());
    connection.think(800, 30_000);
    connection.say(Side::Server, &response.bytes());
}

/// One of the wrappings a page may come in.
pub(crate) fn page_wrapping(random: &mut Random) -> Wrapping {
    match random.below(4) {
        0 => Wrapping::Plain,
        1 => Wrapping::Chunked,
        2 => Wrapping::Packed,
        _ => Wrapping::PackedAndChunked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed() {
        let request = Request {
            method: "POST",
            body: b"a=1",
            ..Request::get("h.example", "/x", "t")
        };
        let text = String::from_utf8_lossy(&request.bytes()).into_owned();
        assert!(
            text.starts_with("POST /x HTTP/1.1\r\nHost: h.example\r\n"),
            "{text}"
        );
        assert!(text.ends_with("Content-Length: 3\r\n\r\na=1"), "{text}");
        let response = Response::new(200, "text/plain", "xin")
            .wrapped(Wrapping::Chunked)
            .bytes();
        assert!(String::from_utf8_lossy(&response).ends_with("chunked\r\n\r\n3\r\nxin\r\n0\r\n\r\n"));
        let response = Response::new(304, "text/plain", "").bytes();
        assert!(response.ends_with(b"nginx\r\n\r\n"));
    }
}
