//! HTTP/1: a tolerant, incremental and bounded parser of one direction of a connection.
//!
//! A [`Parser`] reads requests or responses and is pulled: [`Parser::next`] takes bytes off the front of the input
//! and gives the next [`Event`], until there is none. A message is
//!
//! ```text
//!  Request | Response   once its head is complete
//!  Body*                transfer coding undone, content coding not (see coding::Decoder)
//!  Gap*                 bytes of the body that were not seen
//!  Trailers?
//!  Complete
//! ```
//!
//! with [`Event::Anomaly`] anywhere between. Both directions of a connection are tied together by the caller: it
//! tells the response parser of each request ([`Parser::request_seen`]) and, when the response parser gives
//! [`Event::Tunnel`], tells the request parser so ([`Parser::enter_tunnel`]).
//!
//! A request line without version is only given with the byte after it, or by [`Parser::finish`]: headers may follow
//! it. A body that runs to the end of the stream is completed by [`Parser::finish`], too.
//!
//! Tolerated: bare LF and bare CR, folded and colon-less header lines, blanks in the line that ends a head, junk around names and numbers,
//! missing versions (HTTP/0.9), header-less responses, junk before a status line, bodies where there should be none, chunk extensions, broken
//! chunk sizes, pipelining, gaps. Where hosts differ the body's first bytes decide: a body that is said to come in chunks and does not
//! begin with a size is taken as its length says, and one of two lengths goes to the longer unless the next message begins at the shorter.
//! Not read: HTTP/2 (its preface is a tunnel).
//!
//! Invariants: a line is at most [`LINE_BYTES_MAX`] bytes, a head keeps at most [`HEAD_BYTES_MAX`] bytes and
//! [`HEADERS_MAX`] headers; a parser holds one head and one line. At most [`ANOMALIES_MAX`] anomalies are reported,
//! the others counted.

pub mod coding;
pub mod uri;

mod buffers;
mod card;
mod coded_body;
mod describe;
mod detect;
mod disposition;
mod flow;
mod framing;
mod headers;
mod multipart;
mod odd;
mod parser;
mod start_line;
mod transaction;

use std::borrow::Cow;

pub use card::CARD;
pub use detect::{looks_like_request, looks_like_response};
pub use odd::Odd;
pub use parser::Parser;
pub use vonggac_protocol::End;

/// Longest line read; a start line over it ends the parsing, a header line is cut.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of header lines kept of one head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header bytes passed over in one head before the parser gives up.
pub const HEAD_BYTES_SKIPPED_MAX: usize = 1024 * 1024;
/// Most headers kept of one head, and most trailers.
pub const HEADERS_MAX: usize = 256;
/// Most requests whose responses are still to come.
pub const REQUESTS_AHEAD_MAX: usize = 256;
/// Most anomalies reported for one direction.
pub const ANOMALIES_MAX: usize = 64;

/// Which way a parser looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Response,
}

/// One header line, unfolded; white space around name and value removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Name in the case sent; empty for a line without a colon.
    pub name: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
}

/// Head of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestHead {
    /// Method as sent.
    pub method: Vec<u8>,
    /// Request target as sent; see [`uri::normalize`].
    pub uri: Vec<u8>,
    /// `HTTP/1.1`; empty in HTTP/0.9.
    pub version: Vec<u8>,
    /// The request line without its line end.
    pub line: Vec<u8>,
    /// Headers in the order sent.
    pub headers: Vec<Header>,
    /// The header lines as sent, the empty line that ends them included.
    pub raw_headers: Vec<u8>,
}

/// Head of a response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseHead {
    /// `HTTP/1.1`; empty when the response has no head (HTTP/0.9).
    pub version: Vec<u8>,
    /// Status code, 0 when there is none.
    pub status: u16,
    /// Reason phrase.
    pub reason: Vec<u8>,
    /// The status line without its line end.
    pub line: Vec<u8>,
    /// Headers in the order sent.
    pub headers: Vec<Header>,
    /// The header lines as sent, the empty line that ends them included.
    pub raw_headers: Vec<u8>,
    /// Another response to the same request follows.
    pub is_interim: bool,
}

impl Header {
    /// Whether it is called `name`, in whatever case; what no name may hold is passed over, as lenient hosts do.
    pub fn is(&self, name: &str) -> bool {
        let name = name.as_bytes();
        if self.name.len() <= name.len() {
            return self.name.eq_ignore_ascii_case(name);
        }
        let sent = self
            .name
            .iter()
            .copied()
            .filter(|byte| start_line::is_token(*byte));
        sent.map(|byte| byte.to_ascii_lowercase())
            .eq(name.iter().map(u8::to_ascii_lowercase))
    }
}

impl RequestHead {
    /// Value of the first header called `name`, in whatever case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        find(&self.headers, name)
    }

    /// Whether it asks to go on with another protocol (RFC 9110, 7.8).
    pub fn wants_upgrade(&self) -> bool {
        self.header("upgrade").is_some()
    }
}

impl ResponseHead {
    /// Value of the first header called `name`, in whatever case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        find(&self.headers, name)
    }
}

/// The values of all headers called `name`, in order.
fn values<'h>(headers: &'h [Header], name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    let headers = headers.iter().filter(move |header| header.is(name));
    headers.map(|header| header.value.as_slice())
}

fn find<'a>(headers: &'a [Header], name: &str) -> Option<&'a [u8]> {
    let header = headers.iter().find(|header| header.is(name))?;
    Some(&header.value)
}

/// What a direction said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A request's head.
    Request(Box<RequestHead>),
    /// A response's head, of an interim (1xx) response too.
    Response(Box<ResponseHead>),
    /// Bytes of the body.
    Body(Cow<'a, [u8]>),
    /// This many bytes of the body were not seen.
    Gap(u64),
    /// Headers after a chunked body.
    Trailers(Vec<Header>),
    /// The message is over.
    Complete(End),
    /// What follows is not HTTP/1; the parser leaves it in the input. The bytes are the start of it that had to be
    /// looked at to know, usually none.
    Tunnel(Vec<u8>),
    /// Something that is not as it should be.
    Anomaly(Odd),
}

#[cfg(test)]
mod tests;
