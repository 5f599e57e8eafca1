//! HTTP said in other ways: what servers and browsers read alike and a careless watcher does not.

use super::attack::{Message, ask};
use super::{Attack, Technique};
use crate::gzip::gzip;
use crate::tcp::Side;

const REQUEST: &[Attack] = &[Attack::HttpRequest];
const RESPONSE: &[Attack] = &[Attack::HttpResponse];
const BOTH: &[Attack] = &[Attack::HttpRequest, Attack::HttpResponse];

const fn web(name: &'static str, attacks: &'static [Attack], apply: fn(&mut Vec<Message>)) -> Technique {
    Technique::messages(name, attacks, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    web("http_header_case", BOTH, |messages| {
        for (plain, odd) in [("Host:", "hOsT:"), ("Content-Length:", "cONTENT-lENGTH:")] {
            replace(messages, plain, odd);
        }
    }),
    web("http_header_folding", BOTH, |messages| {
        replace(messages, "Accept: */*", "Accept:\r\n\t*/*");
        replace(messages, "Server: nginx", "Server:\r\n nginx");
    }),
    web("http_header_long", BOTH, |messages| {
        let padding = format!("X-Padding: {}\r\nHost:", "a".repeat(3000));
        replace(messages, "Host:", &padding);
    }),
    web("http_header_many", BOTH, |messages| {
        let padding: String = (0..40)
            .map(|number| format!("X-Padding-{number}: a\r\n"))
            .collect();
        replace(messages, "Host:", &format!("{padding}Host:"));
    }),
    web("http_lines_end_lf", BOTH, |messages| {
        replace(messages, "\r\n", "\n")
    }),
    web("http_version_10", BOTH, |messages| {
        replace(messages, "HTTP/1.1", "HTTP/1.0")
    }),
    web("http_continue_first", BOTH, |messages| {
        replace(
            messages,
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        );
    }),
    web("http_method_odd", REQUEST, |messages| {
        replace(messages, "GET ", "BREW ")
    }),
    web("http_method_lower_case", REQUEST, |messages| {
        replace(messages, "GET ", "get ")
    }),
    web("http_version_none", REQUEST, |messages| {
        let target = format!("GET {}?run=id\r\n", Attack::HttpRequest.mark());
        say(messages, Side::Client, target.into_bytes());
        say(messages, Side::Server, b"uid=33(www-data)".to_vec());
    }),
    web("http_target_absolute", REQUEST, |messages| {
        replace(messages, "GET /", "GET http://portal.example/");
    }),
    web("http_target_percent", REQUEST, |messages| {
        replace(messages, "/exploit", "/%65%78ploit")
    }),
    web("http_target_percent_twice", REQUEST, |messages| {
        replace(messages, "/exploit", "/%2565xploit")
    }),
    web("http_target_dots", REQUEST, |messages| {
        replace(messages, "/cgi-bin/", "/a/../cgi-bin/./")
    }),
    web("http_target_slashes", REQUEST, |messages| {
        replace(messages, "/cgi-bin/", "//cgi-bin///")
    }),
    web("http_target_after_spaces", REQUEST, |messages| {
        replace(messages, "GET ", "GET   ")
    }),
    web("http_target_after_tab", REQUEST, |messages| {
        replace(messages, "GET ", "GET\t")
    }),
    web("http_empty_lines_first", REQUEST, |messages| {
        replace(messages, "GET ", "\r\n\r\nGET ")
    }),
    web("http_pipelined", REQUEST, |messages| {
        let before: Vec<u8> = (0..3)
            .flat_map(|page| ask(&format!("/page{page}.html")))
            .collect();
        prefix(messages, Side::Client, &before);
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        prefix(messages, Side::Server, &answer.repeat(3));
    }),
    web("http_after_body", REQUEST, |messages| {
        let before = b"POST /form HTTP/1.1\r\nHost: portal.example\r\nContent-Length: 5\r\n\r\nab=cd";
        prefix(messages, Side::Client, before);
        prefix(messages, Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    }),
    web("http_smuggled", REQUEST, |messages| {
        // Who goes by the length sees one request, who goes by the chunks two.
        let hidden: Vec<u8> = said(messages, Side::Client);
        let length = hidden.len() + 5;
        let head = "POST /form HTTP/1.1\r\nHost: portal.example\r\nTransfer-Encoding: chunked\r\n";
        prefix(
            messages,
            Side::Client,
            format!("{head}Content-Length: {length}\r\n\r\n0\r\n\r\n").as_bytes(),
        );
        prefix(messages, Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    }),
    web("http_length_twice", REQUEST, |messages| {
        let fields = "Host: portal.example\r\nContent-Length: 0\r\nContent-Length: 400\r\n";
        prefix(
            messages,
            Side::Client,
            format!("POST /form HTTP/1.1\r\n{fields}\r\n").as_bytes(),
        );
        prefix(messages, Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n");
    }),
    web("http_chunks_of_1", RESPONSE, |messages| {
        answer(messages, &["Transfer-Encoding: chunked"], |body| {
            chunked(body, 1, |size| format!("{size:x}"))
        });
    }),
    web("http_chunks_with_extensions", RESPONSE, |messages| {
        answer(messages, &["Transfer-Encoding: chunked"], |body| {
            chunked(body, 7, |size| format!("{size:X};name=\"value\""))
        });
    }),
    web("http_chunk_sizes_padded", RESPONSE, |messages| {
        answer(messages, &["Transfer-Encoding: chunked"], |body| {
            chunked(body, 9, |size| format!("{size:08x}"))
        });
    }),
    web("http_chunked_case", RESPONSE, |messages| {
        answer(messages, &["tRANSFER-eNCODING:   CHUNKED"], |body| {
            chunked(body, 9, |size| format!("{size:x}"))
        });
    }),
    web("http_gzip", RESPONSE, |messages| {
        answer(messages, &["Content-Encoding: gzip"], gzip)
    }),
    web("http_gzip_old_name", RESPONSE, |messages| {
        answer(messages, &["Content-Encoding: x-gzip"], gzip)
    }),
    web("http_gzip_twice", RESPONSE, |messages| {
        answer(messages, &["Content-Encoding: gzip, gzip"], |body| {
            gzip(&gzip(body))
        });
    }),
    web("http_gzip_twice_in_two_lines", RESPONSE, |messages| {
        let lines = ["Content-Encoding: gzip", "Content-Encoding: gzip"];
        answer(messages, &lines, |body| gzip(&gzip(body)));
    }),
    web("http_gzip_chunked", RESPONSE, |messages| {
        let lines = ["Content-Encoding: gzip", "Transfer-Encoding: chunked"];
        answer(messages, &lines, |body| {
            chunked(&gzip(body), 5, |size| format!("{size:x}"))
        });
    }),
    web("http_gzip_in_two_members", RESPONSE, |messages| {
        answer(messages, &["Content-Encoding: gzip"], |body| {
            let (first, rest) = body.split_at(body.len() / 2);
            [gzip(first), gzip(rest)].concat()
        });
    }),
    web("http_body_to_the_end", RESPONSE, |messages| {
        answer(messages, &["Connection: close"], <[u8]>::to_vec)
    }),
];

fn replace(messages: &mut [Message], what: &str, with: &str) {
    for message in messages {
        // What is replaced is text throughout before any technique packs it.
        let text = String::from_utf8_lossy(&message.bytes);
        message.bytes = text.replace(what, with).into_bytes();
    }
}

fn said(messages: &[Message], side: Side) -> Vec<u8> {
    let own = messages.iter().filter(|message| message.side == side);
    own.flat_map(|message| message.bytes.clone()).collect()
}

/// Lets a side say something else at first.
fn say(messages: &mut [Message], side: Side, bytes: Vec<u8>) {
    if let Some(message) = messages.iter_mut().find(|message| message.side == side) {
        message.bytes = bytes;
    }
}

/// Lets a side say something before.
fn prefix(messages: &mut [Message], side: Side, bytes: &[u8]) {
    if let Some(message) = messages.iter_mut().find(|message| message.side == side) {
        message.bytes.splice(..0, bytes.iter().copied());
    }
}

/// The server's body as `wrap` makes it, with lines that say so; its length is told unless they say otherwise.
fn answer(messages: &mut [Message], lines: &[&str], wrap: impl Fn(&[u8]) -> Vec<u8>) {
    let page = said(messages, Side::Server);
    let body_at = page
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .map_or(page.len(), |at| at + 4);
    let body = wrap(page.get(body_at..).unwrap_or_default());
    let mut head = String::from("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n");
    for line in lines {
        head.push_str(&format!("{line}\r\n"));
    }
    let is_told = |line: &str| line.to_ascii_lowercase().contains("chunked") || line.contains("close");
    if !lines.iter().any(|line| is_told(line)) {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    say(messages, Side::Server, [head.as_bytes(), b"\r\n", &body].concat());
}

fn chunked(body: &[u8], size: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend_from_slice(format!("{}\r\n", line(chunk.len())).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}
