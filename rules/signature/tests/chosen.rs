//! Which rules are judged at all: those that a packet's addresses, ports and first bytes speak for, and never fewer than match.
#![allow(clippy::unwrap_used)]

mod support;

use vonggac_signature::{Context, FlowState, PacketFacts};

use support::{context, matcher, on_payload, sids};

const HEADER_RULES: &str = "\
alert tcp any any -> any 22 (ttl:64; sid:1;)
alert tcp any 3389 -> any any (ttl:64; sid:2;)
alert udp any any <> any 53 (ttl:64; sid:3;)
alert tcp 10.0.0.9 any -> any 1:60000 (ttl:64; sid:4;)
alert ip any any -> any any (ip_proto:41; ttl:64; sid:5;)
alert tcp any any -> any any (ttl:64; sid:6;)
";

#[test]
fn rules_on_headers_are_judged_where_they_may_match() {
    let table: [(_, &str, _, &[u32]); 8] = [
        (6, "10.0.0.2", (50000, 22), &[1, 6]),
        (6, "10.0.0.2", (22, 50000), &[6]),
        (6, "10.0.0.2", (3389, 50000), &[2, 6]),
        (6, "10.0.0.9", (50000, 80), &[4, 6]),
        (17, "10.0.0.2", (53, 50000), &[3]),
        (17, "10.0.0.2", (50000, 53), &[3]),
        (41, "10.0.0.2", (0, 0), &[5]),
        (1, "10.0.0.2", (0, 0), &[]),
    ];
    for (protocol, sender, (sport, dport), expected) in table {
        let mut matcher = matcher(HEADER_RULES);
        let mut cx = Context {
            protocol,
            src: sender.parse().unwrap(),
            sport,
            dport,
            packet: Some(PacketFacts {
                ttl: 64,
                ip_protocol: protocol,
                ..PacketFacts::default()
            }),
            ..context(None, None)
        };
        let mut hits = Vec::new();
        matcher.packet(&mut cx, b"", &mut hits);
        let place = format!("{protocol} {sender} {sport} {dport}");
        assert_eq!(sids(&matcher, &hits), expected, "{place}");
        assert_eq!(matcher.counters().candidates, expected.len() as u64, "{place}");
    }
}

#[test]
fn a_pattern_is_found_up_to_where_it_may_end() {
    // (options, where the pattern begins, size of the payload, whether the rule matches)
    let table: [(&str, usize, usize, bool); 14] = [
        ("content:\"evil\"; depth:10;", 6, 1000, true),
        ("content:\"evil\"; depth:10;", 7, 1000, false),
        ("content:\"evil\"; offset:240; depth:16;", 252, 1000, true),
        ("content:\"evil\"; offset:240; depth:16;", 253, 1000, false),
        ("content:\"evil\"; offset:240; depth:17;", 253, 1000, true),
        ("content:\"evil\"; offset:300;", 300, 1000, true),
        ("content:\"evil\"; startswith;", 0, 1000, true),
        ("content:\"evil\"; dsize:256;", 252, 256, true),
        ("content:\"evil\"; dsize:<900;", 800, 850, true),
        ("content:\"evil\"; dsize:!256;", 800, 1000, true),
        ("content:\"evil\";", 996, 1000, true),
        (
            "content:\"AB\"; depth:2; content:\"evil\"; within:250;",
            248,
            1000,
            true,
        ),
        (
            "content:\"AB\"; depth:2; content:\"evil\"; within:250;",
            249,
            1000,
            false,
        ),
        (
            "content:\"AB\"; depth:2; content:\"evil\"; distance:500; within:100;",
            590,
            1000,
            true,
        ),
    ];
    for (options, at, size, expected) in table {
        let mut payload = vec![b'.'; size];
        payload[..2].copy_from_slice(b"AB");
        payload[at..at + 4].copy_from_slice(b"evil");
        let mut matcher = matcher(&format!("alert udp any any -> any any ({options} sid:1;)"));
        let mut hits = Vec::new();
        let mut flow = FlowState::default();
        let mut cx = Context {
            packet: Some(PacketFacts::default()),
            ..support::udp(Some(&mut flow))
        };
        matcher.packet(&mut cx, &payload, &mut hits);
        assert_eq!(!hits.is_empty(), expected, "{options} at {at} of {size}");
    }
    assert_eq!(
        on_payload(
            &mut matcher("alert udp any any -> any any (content:\"evil\"; sid:1;)"),
            b"evil"
        ),
        [1]
    );
}
