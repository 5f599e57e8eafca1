//! The attacks: what each side says, and what of it a rule looks for.

use std::net::{IpAddr, Ipv4Addr};

use crate::dns::{Answer, Data, RecordType, request, response};
use crate::random::Random;
use crate::tcp::Side;
use crate::tls::{IMPLANT, client_hello};

/// What one side says in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who.
    pub side: Side,
    /// What.
    pub bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(side: Side, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { side, bytes }
    }
}

/// One conversation in which one side says something that a rule looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// A request to a script with a hole in it.
    HttpRequest,
    /// A page that attacks its reader.
    HttpResponse,
    /// An implant's check-in, in a protocol that nobody knows.
    RawStream,
    /// A TLS hello to a command server.
    TlsName,
    /// A question for a command server's name, over TCP.
    DnsName,
}

impl Attack {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::HttpRequest,
        Self::HttpResponse,
        Self::RawStream,
        Self::TlsName,
        Self::DnsName,
    ];

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpRequest => "http_request",
            Self::HttpResponse => "http_response",
            Self::RawStream => "raw_stream",
            Self::TlsName => "tls_name",
            Self::DnsName => "dns_name",
        }
    }

    /// What a rule finds: in the path, the body, the stream, the server's name, the query.
    pub fn mark(self) -> &'static str {
        match self {
            Self::HttpRequest => "/cgi-bin/exploit.cgi",
            Self::HttpResponse => "unescape(shellcode)",
            Self::RawStream => "implant-check-in",
            Self::TlsName | Self::DnsName => "command.example",
        }
    }

    /// The side that says it.
    pub fn carrier(self) -> Side {
        match self {
            Self::HttpResponse => Side::Server,
            _ => Side::Client,
        }
    }

    /// The server's port.
    pub fn port(self) -> u16 {
        match self {
            Self::HttpRequest | Self::HttpResponse => 80,
            Self::RawStream => 4444,
            Self::TlsName => 443,
            Self::DnsName => 53,
        }
    }

    pub(super) fn messages(self, random: &mut Random) -> Vec<Message> {
        let client = |bytes: Vec<u8>| Message::new(Side::Client, bytes);
        let server = |bytes: Vec<u8>| Message::new(Side::Server, bytes);
        let mark = self.mark();
        match self {
            Self::HttpRequest => vec![
                client(ask(&format!("{mark}?run=id"))),
                server(page("uid=33(www-data)")),
            ],
            Self::HttpResponse => {
                let body = format!("<html><script>var a = {mark};</script></html>");
                vec![client(ask("/index.html")), server(page(&body))]
            }
            Self::RawStream => vec![
                client(b"\x00\x07hello\r\n".to_vec()),
                server(b"\x00\x02ok\r\n".to_vec()),
                client(format!("\x00\x40{mark} host=desk-7 user=lan\r\n").into_bytes()),
                server(b"\x00\x02ok\r\n".to_vec()),
            ],
            Self::TlsName => {
                // The server does not like it: what else it would say is of no matter here.
                let alert = vec![21, 3, 3, 0, 2, 2, 40];
                vec![client(client_hello(&IMPLANT, mark, random)), server(alert)]
            }
            Self::DnsName => {
                let id = random.next() as u16;
                let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));
                let answer = Answer::Records(vec![Data::Address(address)]);
                vec![
                    client(with_length(&request(id, mark, RecordType::A))),
                    server(with_length(&response(id, mark, RecordType::A, &answer))),
                ]
            }
        }
    }
}

/// A request without a body.
pub(super) fn ask(target: &str) -> Vec<u8> {
    let fields = "Host: portal.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n";
    format!("GET {target} HTTP/1.1\r\n{fields}\r\n").into_bytes()
}

fn page(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// A DNS message as TCP carries it (RFC 1035, 4.2.2).
pub(super) fn with_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}
