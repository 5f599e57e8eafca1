//! Which side of a flow has a buffer, for the buffers that only one side has.

use std::collections::HashMap;

use crate::buffer::Buffer;
use crate::context::Direction;

/// Keywords of buffers that only the client's side has.
const TO_SERVER: &[&str] = &[
    "http.uri",
    "http.uri.raw",
    "http.method",
    "http.host",
    "http.host.raw",
    "http.request_header",
    "http.user_agent",
    "http.referer",
    "http.accept",
    "http.accept_lang",
    "http.accept_enc",
    "http.request_line",
    "http.request_body",
    "tls.sni",
    "ja3.hash",
    "ja3.string",
    "smtp.helo",
    "smtp.mail_from",
    "smtp.rcpt_to",
    "ftp.command",
    "ftp.command_data",
    "ssh.hassh",
];

/// Keywords of buffers that only the server's side has.
const TO_CLIENT: &[&str] = &[
    "http.response_header",
    "http.server",
    "http.location",
    "http.response_line",
    "http.stat_code",
    "http.stat_msg",
    "http.response_body",
    "ja3s.hash",
    "ja3s.string",
    "ssh.hassh.server",
];

/// The side of each buffer that only one side has.
#[derive(Debug)]
pub(crate) struct Sides {
    of: HashMap<Buffer, Direction>,
}

impl Sides {
    pub(crate) fn new() -> Sides {
        let to_server = TO_SERVER.iter().map(|keyword| (keyword, Direction::ToServer));
        let to_client = TO_CLIENT.iter().map(|keyword| (keyword, Direction::ToClient));
        let known = to_server
            .chain(to_client)
            .filter_map(|(keyword, direction)| Some((Buffer::from_keyword(keyword)?, direction)));
        Sides { of: known.collect() }
    }

    /// The direction in which the buffer is found; `None` if in both, or if that is not known.
    pub(crate) fn of(&self, buffer: Buffer) -> Option<Direction> {
        self.of.get(&buffer).copied()
    }
}

impl Default for Sides {
    fn default() -> Sides {
        Sides::new()
    }
}
