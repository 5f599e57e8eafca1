//! Rules are kept by ports and protocols so that few are looked for: that must never hide one.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use support::{app, context, matcher, sids};
use vonggac_signature::{Context, Direction, FlowState};

/// Ports of the rules' headers: more than have groups of their own, ranges, and all but a few.
const PORTS: [&str; 20] = [
    "any",
    "80",
    "81",
    "82",
    "83",
    "84",
    "85",
    "86",
    "87",
    "88",
    "89",
    "90",
    "91",
    "92",
    "[80,443]",
    "[80:89]",
    "!80",
    "[1024:]",
    "[:1023]",
    "[80:95,8000:8095]",
];

/// Whether those ports have that one, read from the words above.
fn has(ports: &str, port: u16) -> bool {
    let ranges = |text: &str| {
        text.trim_matches(['[', ']']).split(',').any(|range| {
            let (low, high) = range.split_once(':').unwrap_or((range, range));
            let number = |text: &str, missing: u16| text.parse().unwrap_or(missing);
            (number(low, 0)..=number(high, u16::MAX)).contains(&port)
        })
    };
    match ports.strip_prefix('!') {
        Some(others) => !ranges(others),
        None => ports == "any" || ranges(ports),
    }
}

/// A rule for each pair of ports, so that many ports are worth a group.
fn rules(transport: &str) -> (String, Vec<(u32, &'static str, &'static str)>) {
    let (mut text, mut headers) = (String::new(), Vec::new());
    let pairs = PORTS
        .iter()
        .flat_map(|source| PORTS.iter().map(move |destination| (*source, *destination)));
    for ((source, destination), sid) in pairs.zip(1u32..) {
        let pattern = ["one", "two", "three"][sid as usize % 3];
        text += &format!(
            "alert {transport} any {source} -> any {destination} (msg:\"x\"; content:\"{pattern}\"; sid:{sid};)\n"
        );
        headers.push((sid, source, destination));
    }
    (text, headers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_rule_matches_where_its_header_has_the_ports(
        sport in prop_oneof![78u16..97, Just(443), Just(8_050), any::<u16>()],
        dport in prop_oneof![78u16..97, Just(443), Just(8_050), any::<u16>()],
        to_server: bool,
        in_stream: bool,
    ) {
        let (transport, protocol) = if in_stream { ("tcp", 6) } else { ("udp", 17) };
        let (text, headers) = rules(transport);
        let mut matcher = matcher(&text);
        matcher.limit_hits(headers.len());
        let mut flow = FlowState::default();
        let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
        let mut cx = Context { sport, dport, protocol, direction, ..context(Some(&mut flow), None) };
        let mut hits = Vec::new();
        let data = b"one, two and three";
        match in_stream {
            true => matcher.stream(&mut cx, data, &mut hits),
            false => matcher.packet(&mut cx, data, &mut hits),
        }
        let mut found = sids(&matcher, &hits);
        found.sort_unstable();
        let admitted = headers.iter().filter(|(_, source, destination)| has(source, sport) && has(destination, dport));
        let expected: Vec<u32> = admitted.map(|(sid, ..)| *sid).collect();
        prop_assert_eq!(found, expected);
    }
}

/// The first bytes of a stream come before anybody can tell its protocol; the rules on it are about these bytes, too.
#[test]
fn rules_on_a_protocol_see_what_came_before_it_was_told() {
    let rule = r#"alert http any any -> any any (msg:"x"; content:"brewed"; sid:1;)"#;
    let mut matcher = matcher(rule);
    let mut flow = FlowState::default();
    let mut hits = Vec::new();
    matcher.stream(&mut context(Some(&mut flow), None), b"GET /brewed", &mut hits);
    assert!(hits.is_empty());
    let mut told = Context {
        seen_before: 11,
        ..context(Some(&mut flow), app("http"))
    };
    matcher.stream(&mut told, b"GET /brewed HTTP/1.1\r\n", &mut hits);
    assert_eq!(sids(&matcher, &hits), [1]);
    let mut more = Context {
        seen_before: 22,
        ..context(Some(&mut flow), app("http"))
    };
    matcher.stream(&mut more, b"GET /brewed HTTP/1.1\r\nHost: a\r\n", &mut hits);
    assert_eq!(sids(&matcher, &hits), [1], "once per direction");
}

/// A protocol that datagrams cannot carry is not looked for in them.
#[test]
fn rules_on_a_protocol_of_streams_are_silent_on_datagrams() {
    let rule = r#"alert http any any -> any any (msg:"x"; content:"brewed"; sid:1;)"#;
    let mut matcher = matcher(rule);
    assert!(support::on_payload(&mut matcher, b"brewed").is_empty());
}
