//! Which response answers which request, and what one side's words mean for the other's.

use crate::exchange::{Step, play, transactions};
use Step::{Client, ClientGap, Server, ServerGap};

fn check(steps: &[Step<'_>], expect: &[(&str, u32)]) {
    let told = transactions(&play(steps));
    let told: Vec<_> = told.iter().map(|(uri, status)| (uri.as_str(), *status)).collect();
    assert_eq!(told, expect);
}

const EXPECTING: &[u8] = b"POST /upload HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n";
const GET: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyy\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 ok\r\nContent-Length: 2\r\n\r\nok";
const DENIED: &[u8] = b"HTTP/1.1 401 no\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_body_that_was_not_wanted_is_not_waited_for() {
    // RFC 9110, 10.1.1: on a final status the client may leave the body out.
    check(
        &[Client(EXPECTING), Server(DENIED), Client(GET), Server(OK)],
        &[("/upload", 401), ("/next", 200)],
    );
    check(
        &[
            Client(EXPECTING),
            Server(DENIED),
            Client(b"JEFF /next HTTP/1.1\r\n\r\n"),
            Server(OK),
        ],
        &[("/upload", 401), ("/next", 200)],
    );
    let chunked = b"POST /upload HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(
        &[Client(chunked), Server(DENIED), Client(GET), Server(OK)],
        &[("/upload", 401), ("/next", 200)],
    );
}

#[test]
fn a_body_that_comes_all_the_same_is_read() {
    let body = [b'b'; 40];
    for body in [&body[..], b"some words and then more words and more."] {
        let recorder = play(&[
            Client(EXPECTING),
            Server(DENIED),
            Client(body),
            Client(GET),
            Server(OK),
        ]);
        assert!(recorder.could_read("http.request_body", body));
        assert_eq!(transactions(&recorder).len(), 2);
    }
    let recorder = play(&[
        Client(EXPECTING),
        Server(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Client(&body),
        Server(OK),
    ]);
    assert!(recorder.could_read("http.request_body", &body));
    assert_eq!(transactions(&recorder), [("/upload".to_owned(), 200)]);
}

#[test]
fn a_lost_response_does_not_shift_the_others() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n").into_bytes();
    let [first, second, third] = [get("/1"), get("/2"), get("/3")];
    let other = b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n";
    // The hole is noticed by what comes behind it.
    check(
        &[
            Client(&first),
            Client(&second),
            ServerGap(90),
            Server(other),
            Client(&third),
            Server(OK),
        ],
        &[("/1", 0), ("/2", 404), ("/3", 200)],
    );
    // The hole is noticed before the next request.
    check(
        &[
            Client(&first),
            ServerGap(90),
            Client(&second),
            Server(other),
            Client(&third),
            Server(OK),
        ],
        &[("/1", 0), ("/2", 404), ("/3", 200)],
    );
    // In the midst of a response.
    check(
        &[
            Client(&first),
            Server(b"HTTP/1.1 200 ok\r\nCont"),
            ServerGap(90),
            Client(&second),
            Server(other),
        ],
        &[("/1", 200), ("/2", 404)],
    );
}

#[test]
fn a_lost_request_does_not_shift_the_others() {
    let other = b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n";
    check(
        &[
            Client(GET),
            Server(OK),
            ClientGap(30),
            Server(other),
            Client(GET),
            Server(OK),
        ],
        &[("/next", 200), ("", 404), ("/next", 200)],
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let requests = b"GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n";
    let responses =
        b"HTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\naHTTP/1.1 201 ok\r\nContent-Length: 9\r\n\r\n\
                      HTTP/1.1 202 ok\r\nContent-Length: 1\r\n\r\nb";
    check(
        &[Client(requests), Server(responses)],
        &[("/1", 200), ("/2", 201), ("/3", 202)],
    );
}
