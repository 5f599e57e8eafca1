#![allow(clippy::unwrap_used, clippy::panic)]

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

mod leniency;

/// Feeds `pieces` and ends the stream; bodies that follow each other become one.
fn run(direction: Direction, methods: &[&str], pieces: &[&[u8]]) -> Vec<Event<'static>> {
    let mut parser = Parser::new(direction);
    for method in methods {
        parser.request_seen(&asked(method));
    }
    let mut events = Vec::new();
    for piece in pieces {
        pull(&mut parser, piece, &mut events);
    }
    parser.finish();
    pull(&mut parser, &[], &mut events);
    events
}

fn asked(method: &str) -> RequestHead {
    RequestHead {
        method: method.into(),
        ..RequestHead::default()
    }
}

fn pull(parser: &mut Parser, mut piece: &[u8], events: &mut Vec<Event<'static>>) {
    while let Some(event) = parser.next(&mut piece) {
        match (event, events.last_mut()) {
            (Event::Body(more), Some(Event::Body(body))) => body.to_mut().extend_from_slice(&more),
            (Event::Body(body), _) => events.push(Event::Body(Cow::Owned(body.into_owned()))),
            (Event::Request(head), _) => events.push(Event::Request(head)),
            (Event::Response(head), _) => events.push(Event::Response(head)),
            (Event::Gap(bytes), _) => events.push(Event::Gap(bytes)),
            (Event::Trailers(trailers), _) => events.push(Event::Trailers(trailers)),
            (Event::Complete(end), _) => events.push(Event::Complete(end)),
            (Event::Tunnel(bytes), _) => events.push(Event::Tunnel(bytes)),
            (Event::Anomaly(what), _) => events.push(Event::Anomaly(what)),
        }
    }
    assert!(piece.is_empty() || parser.is_tunnel(), "input left");
}

/// One word an event.
fn describe(events: &[Event<'_>]) -> String {
    let words: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Request(head) => format!(
                "{} {} {} [{}]",
                String::from_utf8_lossy(&head.method),
                String::from_utf8_lossy(&head.uri),
                String::from_utf8_lossy(&head.version),
                headers(&head.headers)
            ),
            Event::Response(head) => format!("{} [{}]", head.status, headers(&head.headers)),
            Event::Body(body) => format!("body:{}", String::from_utf8_lossy(body)),
            Event::Gap(bytes) => format!("gap:{bytes}"),
            Event::Trailers(trailers) => format!("trailers:[{}]", headers(trailers)),
            Event::Complete(End::Whole) => "end".into(),
            Event::Complete(End::Truncated) => "cut".into(),
            Event::Tunnel(bytes) => format!("tunnel:{}", String::from_utf8_lossy(bytes)),
            Event::Anomaly(what) => format!("!{what}"),
        })
        .collect();
    words.join(" | ")
}

fn headers(headers: &[Header]) -> String {
    let texts: Vec<String> = headers
        .iter()
        .map(|h| {
            format!(
                "{}={}",
                String::from_utf8_lossy(&h.name),
                String::from_utf8_lossy(&h.value)
            )
        })
        .collect();
    texts.join(",")
}

#[test]
fn requests() {
    let check = |input: &[u8], expect: &str| {
        assert_eq!(describe(&run(Direction::Request, &[], &[input])), expect);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(
            describe(&run(Direction::Request, &[], &bytes)),
            expect,
            "byte by byte"
        );
    };
    check(b"", "");
    check(
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 [Host=a] | end",
    );
    check(
        b"\r\nGET /a b HTTP/1.0\nA:b \n\n",
        "GET /a b HTTP/1.0 [A=b] | end",
    );
    check(
        b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n",
        "POST /1 HTTP/1.1 [Content-Length=3] | body:abc | end | GET /2 HTTP/1.1 [] | end",
    );
    check(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1 [Transfer-Encoding=chunked] | body:abc0123456789 | trailers:[T=v] | end | GET / HTTP/1.1 [] | end",
    );
    check(
        b"GET / HTTP/1.1\r\nA: b\r\n  c\r\n\r\n",
        "!folded header line | GET / HTTP/1.1 [A=b c] | end",
    );
    check(
        b"GET / HTTP/1.1\r\nnonsense\r\n\r\n",
        "!header line without a colon | GET / HTTP/1.1 [=nonsense] | end",
    );
    check(b"GET /old\r\n", "GET /old  [] | end");
    check(b"GET /old\r\n\r\n", "GET /old  [] | end");
    check(
        b"GET /old\r\nHost: a\r\n\r\n",
        "!request line without a version | GET /old  [Host=a] | end",
    );
    check(
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        "!stream ended inside a message | GET / HTTP/1.1 [Host=a] | cut",
    );
    check(
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        "POST / HTTP/1.1 [Content-Length=9] | body:abc | !stream ended inside a message | cut",
    );
    check(
        b"\x00\x01junk\r\nmore junk\r\nGET / HTTP/1.1\r\n\r\n",
        "!not a request line | GET / HTTP/1.1 [] | end",
    );
    check(
        b"CONNECT h:1 HTTP/1.1\r\n\r\n\x16\x03\x01",
        "CONNECT h:1 HTTP/1.1 [] | end | tunnel:\u{16}",
    );
    check(
        b"CONNECT h:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "CONNECT h:1 HTTP/1.1 [] | end | GET / HTTP/1.1 [] | end",
    );
    check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "tunnel:PRI * HTTP/2.0\r\n");
    check(
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "!both content-length and chunked | POST / HTTP/1.1 [Content-Length=2,Transfer-Encoding=chunked] | body:a | end",
    );
}

#[test]
fn responses() {
    let check = |methods: &[&str], input: &[u8], expect: &str| {
        assert_eq!(describe(&run(Direction::Response, methods, &[input])), expect);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(
            describe(&run(Direction::Response, methods, &bytes)),
            expect,
            "byte by byte"
        );
    };
    check(
        &["HEAD", "GET"],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "200 [Content-Length=5] | end | 200 [Content-Length=2] | body:hi | end",
    );
    check(
        &["POST"],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\n\nall the rest",
        "100 [] | end | 404 [] | body:all the rest | end",
    );
    check(
        &["GET"],
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        "304 [Content-Length=9] | end",
    );
    check(
        &["GET"],
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00",
        "101 [] | end | tunnel:",
    );
    check(
        &["CONNECT"],
        b"HTTP/1.1 200 OK\r\n\r\n\x16\x03",
        "200 [] | end | tunnel:",
    );
    check(
        &["CONNECT", "GET"],
        b"HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 204 x\r\n\r\n",
        "407 [Content-Length=1] | body:x | end | 204 [] | end",
    );
    check(
        &["GET"],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n<html>\nnot chunked",
        "200 [Transfer-Encoding=chunked] | !chunk size without a number | body:<html>\nnot chunked | end",
    );
    check(
        &["GET"],
        b"<html>old</html>",
        "!response without a status line | 0 [] | body:<html>old</html> | end",
    );
    check(
        &["GET"],
        b"HTTP/1.1 2",
        "!stream ended inside a message | 2 [] | cut",
    );
}

#[test]
fn heads_keep_what_was_sent() {
    let events = run(
        Direction::Request,
        &[],
        &[b"GET /%41 HTTP/1.1\r\nHost:  a \r\n\r\n"],
    );
    let Some(Event::Request(head)) = events.first() else {
        panic!("no request in {events:?}")
    };
    assert_eq!(head.line, b"GET /%41 HTTP/1.1");
    assert_eq!(head.raw_headers, b"Host:  a \r\n\r\n");
    assert_eq!(head.header("hOST"), Some(b"a".as_slice()));
    let events = run(
        Direction::Response,
        &[],
        &[b"HTTP/1.1 200 Very well\r\nA:b\r\n\r\n"],
    );
    let Some(Event::Response(head)) = events.first() else {
        panic!("no response in {events:?}")
    };
    assert_eq!(
        (head.reason.as_slice(), head.line.as_slice()),
        (b"Very well".as_slice(), b"HTTP/1.1 200 Very well".as_slice())
    );
}

#[test]
fn gaps() {
    let check = |direction: Direction, before: &[u8], lost: u64, after: &[u8], expect: &str| {
        let mut parser = Parser::new(direction);
        let mut events = Vec::new();
        pull(&mut parser, before, &mut events);
        parser.gap(lost);
        pull(&mut parser, after, &mut events);
        parser.finish();
        pull(&mut parser, &[], &mut events);
        assert_eq!(describe(&events), expect);
    };
    let post = b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nab".as_slice();
    let next = b"GET / HTTP/1.1\r\n\r\n".as_slice();
    let head = "POST / HTTP/1.1 [Content-Length=6] | body:ab | gap";
    check(
        Direction::Request,
        post,
        2,
        b"efGET / HTTP/1.1\r\n\r\n",
        &format!("{head}:2 | body:ef | cut | GET / HTTP/1.1 [] | end"),
    );
    check(
        Direction::Request,
        post,
        4,
        next,
        &format!("{head}:4 | cut | GET / HTTP/1.1 [] | end"),
    );
    check(
        Direction::Request,
        post,
        99,
        b"of a header\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        &format!("{head}:4 | cut | GET / HTTP/1.1 [] | end"),
    );
    check(
        Direction::Request,
        b"GET / HTTP/1.1\r\nA: b",
        5,
        b"x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
        "!gap outside a body | GET / HTTP/1.1 [A=b] | cut | GET /2 HTTP/1.1 [] | end",
    );
    check(
        Direction::Response,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nab",
        4,
        b"gh\r\n0\r\n\r\n",
        "200 [Transfer-Encoding=chunked] | body:ab | gap:4 | body:gh | cut",
    );
    check(
        Direction::Response,
        b"HTTP/1.1 200 OK\r\n\r\nab",
        4,
        b"gh",
        "200 [] | body:ab | gap:4 | body:gh | cut",
    );
}

#[test]
fn limits() {
    let long = [b"GET /".to_vec(), vec![b'a'; LINE_BYTES_MAX + 1]].concat();
    assert_eq!(
        describe(&run(Direction::Request, &[], &[&long])),
        "!start line over the limit"
    );

    let many = [
        b"POST / HTTP/1.1\r\n".to_vec(),
        b"a:b\r\n".repeat(300),
        b"Content-Length: 1\r\n\r\nx".to_vec(),
    ]
    .concat();
    let events = run(Direction::Request, &[], &[&many]);
    let Some(Event::Request(head)) = events.iter().find(|event| matches!(event, Event::Request(_))) else {
        panic!("no request")
    };
    assert_eq!(head.headers.len(), HEADERS_MAX);
    assert!(
        describe(&events).ends_with("| body:x | end"),
        "the body is still framed"
    );

    let wide = [
        b"GET / HTTP/1.1\r\nA: ".to_vec(),
        vec![b'a'; 2 * LINE_BYTES_MAX],
        b"\r\nB: c\r\n\r\n".to_vec(),
    ]
    .concat();
    let events = run(Direction::Request, &[], &[&wide]);
    assert!(matches!(events.last(), Some(Event::Complete(End::Whole))));

    let endless = [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(400_000)].concat();
    let events = run(Direction::Request, &[], &[&endless]);
    assert!(matches!(events.last(), Some(Event::Complete(End::Truncated))));
    assert!(events.len() <= ANOMALIES_MAX + 2);
}

/// Pieces of HTTP and of nonsense, so that random streams reach the deep states.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 31] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /a b HTTP/1.0\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"GET /\r\n",
        b"\r\n",
        b"\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 C\r\n",
        b"HTTP/1.1 101 S\r\n",
        b"HTTP/1.1 304 N\r\n",
        b"HTTP/",
        b" \r\n",
        b"\r\r\n",
        b"\0",
        b"Content-Length: 2 9\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"A:",
        b"Content-Length: 5\r\n",
        b"content-length:x\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b" folded\r\n",
        b"Host: a\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n",
        b"5\r\nabcdefg",
        b"zz\r\n",
        b"hello",
        b"\x00\xff",
        b"A",
        b" ",
        b"\r",
    ];
    let word = prop_oneof![
        9 => (0..WORDS.len()).prop_map(|index| WORDS.get(index).copied().unwrap_or_default().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(word, 0..30).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn chunking_changes_nothing(bytes in stream(), sizes in proptest::collection::vec(1_usize..40, 1..40), requests in any::<bool>()) {
        let direction = if requests { Direction::Request } else { Direction::Response };
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        let whole = run(direction, &["GET", "HEAD", "CONNECT"], &[&bytes]);
        let cut = run(direction, &["GET", "HEAD", "CONNECT"], &pieces);
        prop_assert_eq!(describe(&whole), describe(&cut));
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn never_panics(parts in proptest::collection::vec((stream(), 0_u64..30), 0..5), requests in any::<bool>()) {
        let mut parser = Parser::new(if requests { Direction::Request } else { Direction::Response });
        let mut events = Vec::new();
        for (bytes, lost) in parts {
            pull(&mut parser, &bytes, &mut events);
            parser.gap(lost);
            parser.request_seen(&asked("GET"));
        }
        parser.finish();
        pull(&mut parser, b"", &mut events);
        prop_assert!(events.iter().filter(|event| matches!(event, Event::Anomaly(_))).count() <= ANOMALIES_MAX);
    }
}
