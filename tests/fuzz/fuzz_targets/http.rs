//! One direction of an HTTP/1 connection, whole and cut in two, its bodies decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_protocols::http::coding::{Bounds, Decoder, FREE_BYTES_MAX};
use vonggac_protocols::http::{Direction, Event, Parser, RequestHead, uri};

const BOUNDS: Bounds = Bounds {
    bytes_max: 64 * 1024,
    ratio_max: 2048,
    free_bytes: FREE_BYTES_MAX,
    layers_max: 4,
};

fn asked(method: &[u8]) -> RequestHead {
    RequestHead {
        method: method.to_vec(),
        ..RequestHead::default()
    }
}

/// What is said, with bodies that follow each other made one.
fn run(direction: Direction, lost: u64, pieces: &[&[u8]]) -> String {
    let mut parser = Parser::new(direction);
    parser.request_seen(&asked(b"GET"));
    parser.request_seen(&asked(b"HEAD"));
    parser.request_seen(&asked(b"CONNECT"));
    let mut said = String::new();
    let mut body = Vec::new();
    for piece in pieces {
        pull(&mut parser, piece, &mut said, &mut body);
    }
    parser.gap(lost);
    pull(&mut parser, b"\r\nGET / HTTP/1.1\r\n\r\n", &mut said, &mut body);
    parser.finish();
    pull(&mut parser, &[], &mut said, &mut body);
    said
}

fn pull(parser: &mut Parser, piece: &[u8], said: &mut String, body: &mut Vec<u8>) {
    let mut input = piece;
    while let Some(event) = parser.next(&mut input) {
        if let Event::Body(bytes) = &event {
            body.extend_from_slice(bytes);
            continue;
        }
        if !body.is_empty() {
            said.push_str(&format!("body {body:?}\n"));
            let mut decoder = Decoder::new([&b"gzip, deflate"[..]], BOUNDS);
            let mut decoded = 0;
            decoder.decode(body, &mut |made| decoded += made.len() as u64);
            decoder.finish(&mut |made| decoded += made.len() as u64);
            assert!(decoded <= BOUNDS.bytes_max);
            body.clear();
        }
        if let Event::Request(head) = &event {
            let _ = uri::normalize(&head.uri);
        }
        said.push_str(&format!("{event:?}\n"));
    }
    assert!(input.is_empty() || parser.is_tunnel());
}

fuzz_target!(|data: &[u8]| {
    let [flags, cut, bytes @ ..] = data else { return };
    let direction = if flags & 1 == 0 {
        Direction::Request
    } else {
        Direction::Response
    };
    let lost = u64::from(flags >> 1);
    let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    assert_eq!(
        run(direction, lost, &[bytes]),
        run(direction, lost, &[head, tail])
    );
});
