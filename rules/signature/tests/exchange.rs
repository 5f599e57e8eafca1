//! Rules on both sides of one transaction (`=>`).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use support::*;
use vonggac_protocols::REGISTRY;
use vonggac_signature::{Context, Direction, Engine, FlowState, Matcher, Variables, parse};

/// One side of a transaction of a flow from a client at home.
fn side(
    matcher: &mut Matcher,
    flow: &mut FlowState,
    direction: Direction,
    transaction: i64,
    buffers: &Buffers<'_>,
) -> Vec<u32> {
    let mut cx = Context {
        direction,
        // The transaction's number, see `judge`.
        ts_us: transaction,
        packet: None,
        ..context(Some(flow), app("http"))
    };
    if direction == Direction::ToClient {
        std::mem::swap(&mut cx.src, &mut cx.dst);
        std::mem::swap(&mut cx.sport, &mut cx.dport);
    }
    judge(matcher, &mut cx, "http", buffers)
}

const REQUEST: &Buffers<'static> = &[("http.uri", b"/download"), ("http.connection", b"keep")];
const OTHER: &Buffers<'static> = &[("http.uri", b"/upload")];
const FOUND: &Buffers<'static> = &[("http.stat_code", b"200"), ("http.connection", b"close")];
const MISSING: &Buffers<'static> = &[("http.stat_code", b"404")];

#[test]
fn both_sides_of_one_transaction_must_match() {
    let mut matcher = matcher(
        "alert http $HOME_NET any => any 80 (http.uri; content:\"/download\"; http.stat_code; content:\"200\"; sid:1;)\n\
         alert http any any => $HOME_NET any (http.uri; content:\"/download\"; http.stat_code; content:\"200\"; sid:2;)\n\
         alert http any any => any any (http.uri; content:\"/download\"; http.connection: to_client; content:\"close\"; sid:3;)\n\
         alert http any any => any any (http.connection: to_server; content:\"keep\"; http.connection: to_client; content:\"keep\"; sid:4;)",
    );
    use Direction::{ToClient, ToServer};
    let number = 1;
    let mut flow = FlowState::default();
    assert!(side(&mut matcher, &mut flow, ToServer, number, REQUEST).is_empty());
    let mut found = side(&mut matcher, &mut flow, ToClient, number, FOUND);
    found.sort_unstable();
    assert_eq!(found, [1, 3], "{number:?}");
    let next = number + 1;
    assert!(side(&mut matcher, &mut flow, ToServer, next, OTHER).is_empty());
    assert!(
        side(&mut matcher, &mut flow, ToClient, next, FOUND).is_empty(),
        "another request's answer"
    );
    assert!(side(&mut matcher, &mut flow, ToServer, next, REQUEST).is_empty());
    assert!(side(&mut matcher, &mut flow, ToClient, next, MISSING).is_empty());
}

#[test]
fn pipelined_requests_are_told_apart_by_number() {
    let mut matcher = matcher(
        "alert http any any => any any (http.uri; content:\"/download\"; http.stat_code; content:\"200\"; sid:1;)",
    );
    use Direction::{ToClient, ToServer};
    let mut flow = FlowState::default();
    side(&mut matcher, &mut flow, ToServer, 1, REQUEST);
    side(&mut matcher, &mut flow, ToServer, 2, OTHER);
    assert!(side(&mut matcher, &mut flow, ToClient, 2, FOUND).is_empty());
    assert_eq!(side(&mut matcher, &mut flow, ToClient, 1, FOUND), [1]);
}

#[test]
fn refused() {
    let table = [
        ("http.uri; content:\"a\";", "needs buffers of both sides"),
        (
            "http.uri; content:\"a\"; http.connection; content:\"a\";",
            "say to_server or to_client",
        ),
        (
            "http.uri: to_client; content:\"a\"; http.stat_code; content:\"a\";",
            "not found on that side",
        ),
        (
            "flow:to_server; http.uri; content:\"a\"; http.stat_code; content:\"a\";",
            "goes both ways",
        ),
        (
            "content:\"a\"; http.uri; content:\"a\"; http.stat_code; content:\"a\";",
            "not supported",
        ),
        (
            "http.uri; byte_extract:1,0,n; http.stat_code; content:\"a\"; offset:n;",
            "byte variables",
        ),
    ];
    for (options, message) in table {
        let text = format!("alert http any any => any any ({options} sid:1;)");
        let (_, errors) = Engine::compile(parse("x", &text).0, &Variables::default(), REGISTRY);
        assert!(
            errors.first().unwrap().message.contains(message),
            "{options}: {errors:?}"
        );
    }
    let text = "alert http any any -> any any (http.connection: to_client; content:\"a\"; sid:1;)";
    let (_, errors) = Engine::compile(parse("x", text).0, &Variables::default(), REGISTRY);
    assert!(
        errors.first().unwrap().message.contains("takes no value"),
        "{errors:?}"
    );
}
