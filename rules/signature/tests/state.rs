//! What rules leave behind for others: counters of flows, bits of hosts.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use support::*;
use vonggac_signature::{Context, FlowState, Matcher};

/// The numbers of the rules that match each payload of one flow in turn.
fn in_turn(matcher: &mut Matcher, payloads: &[&[u8]]) -> Vec<Vec<u32>> {
    let mut flow = FlowState::default();
    let run = |payload: &&[u8]| {
        let mut hits = Vec::new();
        matcher.packet(&mut udp(Some(&mut flow)), payload, &mut hits);
        sids(matcher, &hits)
    };
    payloads.iter().map(run).collect()
}

#[test]
fn flow_counters_with_other_counters() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"m\"; flowint:max,=,2; noalert; sid:1;)\n\
         alert udp any any -> any any (content:\"c\"; flowint:n,+,1; noalert; sid:2;)\n\
         alert udp any any -> any any (content:\"r\"; flowint:n,-,1; noalert; sid:3;)\n\
         alert udp any any -> any any (content:\"q\"; flowint:n,==,max; sid:4;)\n\
         alert udp any any -> any any (content:\"q\"; flowint:n,notset; sid:5;)\n\
         alert udp any any -> any any (content:\"d\"; flowint:n,+,max; noalert; sid:6;)",
    );
    let found = in_turn(
        &mut matcher,
        &[
            b"r", b"q", b"m", b"c", b"q", b"c", b"q", b"r", b"q", b"d", b"r", b"q",
        ],
    );
    let empty = Vec::<u32>::new;
    let expected = [
        // Lowering what is not set does not set it.
        empty(),
        vec![5],
        empty(),
        empty(),
        empty(),
        empty(),
        vec![4],
        empty(),
        empty(),
        empty(),
        empty(),
        vec![4],
    ];
    assert_eq!(found, expected);
}

#[test]
fn host_bits_of_one_host() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"set\"; hostbits:set,X,dst,10; hostbits:noalert; sid:1;)\n\
         alert udp any any -> any any (content:\"ask\"; hostbits:isset,X; sid:2;)\n\
         alert udp any any -> any any (content:\"ask\"; xbits:isset,X,track ip_src; sid:3;)\n\
         alert udp any any -> any any (content:\"not\"; hostbits:isnotset,X,src; sid:4;)\n\
         alert udp any any -> any any (content:\"turn\"; hostbits:toggle,X,src; noalert; sid:5;)",
    );
    let mut run = |payload: &[u8], src: &str, dst: &str, second: i64| {
        let mut hits = Vec::new();
        let mut cx = Context {
            src: address(src),
            dst: address(dst),
            ts_us: second * 1_000_000,
            ..udp(None)
        };
        matcher.packet(&mut cx, payload, &mut hits);
        sids(&matcher, &hits)
    };
    let (a, b) = ("10.0.0.1", "10.0.0.2");
    let none: [u32; 0] = [];
    assert_eq!(run(b"set", a, b, 0), none);
    // The bit is the destination's: it shows when that host sends.
    assert_eq!(run(b"ask", b, a, 1), [2, 3]);
    assert_eq!(run(b"ask", a, b, 1), none);
    assert_eq!(run(b"not", a, b, 1), [4]);
    assert_eq!(run(b"ask", b, a, 10), none);
    assert_eq!(run(b"turn", a, b, 10), none);
    assert_eq!(run(b"ask", a, b, 309), [2, 3]);
    assert_eq!(run(b"ask", a, b, 310), none);
}

#[test]
fn captures_are_kept_and_asked() {
    let mut matcher = matcher(
        "alert udp any any -> any any (pcre:\"/uid=(\\d+) \\((\\w+)\\)/, flow:uid, pkt:user\"; noalert; sid:1;)\n\
         alert udp any any -> any any (content:\"host\"; pcre:\"/ (?P<alert_name>\\w+)$/R\"; noalert; sid:2;)\n\
         alert udp any any -> any any (content:\"ask\"; flowvar:uid,\"17\"; sid:3;)\n\
         alert udp any any -> any any (content:\"ask\"; pktvar:user,\"root\"; sid:4;)\n\
         alert udp any any -> any any (content:\"never\"; pcre:\"/(x)/,flow:never\"; content:\"y\"; distance:0; sid:5;)",
    );
    let mut flow = FlowState::default();
    let mut run = |payload: &[u8]| {
        let mut hits = Vec::new();
        matcher.packet(&mut udp(Some(&mut flow)), payload, &mut hits);
        let variables: Vec<String> = flow
            .variables()
            .iter()
            .map(|v| format!("{:?} {}={}", v.scope, v.name, String::from_utf8_lossy(&v.value)))
            .collect();
        (sids(&matcher, &hits), variables)
    };
    assert_eq!(run(b"ask").0, [0u32; 0]);
    let (found, variables) = run(b"uid=17 (root) ask");
    assert_eq!(found, [3, 4]);
    assert_eq!(variables, ["Flow uid=17", "Packet user=root"]);
    let (found, variables) = run(b"ask host here");
    assert_eq!(found, [3], "what the packet brought is gone with it");
    assert_eq!(variables, ["Flow uid=17", "Alert name=here"]);
    // A rule that does not match captures nothing.
    assert_eq!(run(b"never x").1, ["Flow uid=17"]);
}

/// The numbers of the rules found in chunks of a stream, of which each begins with the last `kept` bytes of those before.
fn in_stream(matcher: &mut Matcher, chunks: &[&str], kept: usize) -> Vec<u32> {
    let mut flow = FlowState::default();
    let (mut window, mut found) = (String::new(), Vec::new());
    for chunk in chunks {
        let cut = window.len().saturating_sub(kept);
        window.drain(..cut);
        let seen_before = window.len();
        window.push_str(chunk);
        let mut hits = Vec::new();
        let mut cx = Context {
            seen_before,
            ..context(Some(&mut flow), None)
        };
        matcher.stream(&mut cx, window.as_bytes(), &mut hits);
        found.extend(sids(matcher, &hits));
    }
    found
}

#[test]
fn a_rule_matches_across_the_chunks_of_a_stream() {
    let mut matcher = matcher(
        "alert tcp any any -> any any (content:\"first\"; fast_pattern; content:\"second\"; sid:1;)\n\
         alert tcp any any -> any any (content:\"first\"; content:\"second\"; fast_pattern; sid:2;)\n\
         alert tcp any any -> any any (content:\"secondthird\"; sid:3;)",
    );
    let mut check = |chunks: &[&str], expect: &[u32]| {
        let mut found = in_stream(&mut matcher, chunks, 100);
        found.sort_unstable();
        assert_eq!(found, expect, "{chunks:?}");
    };
    check(&["first", "second"], &[1, 2]);
    check(&["first..", ".", ".", "sec", "ond", "third"], &[1, 2, 3]);
    check(&["fi", "rst", "seco", "nd"], &[1, 2]);
    // What is behind the window is forgotten.
    let far = ".".repeat(100);
    check(&["first", &far, "second"], &[]);
    check(&["second", "first"], &[1, 2]);
    let bytes: Vec<String> = "first..secondthird".chars().map(String::from).collect();
    let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
    check(&bytes, &[1, 2, 3]);
}
