//! Segments that overlap, read as the receiving host reads them.

use super::*;

/// What a receiver of that policy reads when a segment at 4 has `earlier` and one at `start` has `later`, and the hole is filled then.
fn read_by(policy: &str, earlier: &[u8], start: u32, later: &[u8]) -> String {
    let config = Config {
        host_policies: HostPolicies::new(Policy::named(policy).unwrap()),
        ..Config::default()
    };
    let lines = with_open(&[
        Line('c', "A", 5, 1, earlier),
        Line('c', "A", start, 1, later),
        Line('c', "A", 1, 1, b"."),
        Line('c', "A", 2, 1, b"."),
        Line('c', "A", 3, 1, b"."),
        Line('c', "A", 4, 1, b"."),
    ]);
    let (mut recorder, mut table) = play(config, &lines);
    table.finish(&mut recorder);
    String::from_utf8(recorder.data[0].clone()).unwrap()
}

/// Novak and Sturges, "Target-based TCP stream reassembly" (2007), case by case.
#[test]
fn overlapping_segments_are_read_as_the_receiver_reads_them() {
    let cases: [(&str, [&str; 6]); 7] = [
        // Later segment:  before,    same and longer, same,    after and longer, inside,    around
        (
            "first",
            [
                "...baaa",
                "....aaab",
                "....aaa",
                "....aaab",
                "....aaaa",
                "..bbaaabb",
            ],
        ),
        (
            "last",
            [
                "...bbba",
                "....bbbb",
                "....bbb",
                "....abbb",
                "....abba",
                "..bbbbbbb",
            ],
        ),
        (
            "bsd",
            [
                "...bbba",
                "....aaab",
                "....aaa",
                "....aaab",
                "....aaaa",
                "..bbbbbbb",
            ],
        ),
        (
            "windows",
            [
                "...bbba",
                "....aaab",
                "....aaa",
                "....aaab",
                "....aaaa",
                "..bbbbbbb",
            ],
        ),
        (
            "linux",
            [
                "...bbba",
                "....bbbb",
                "....aaa",
                "....aaab",
                "....aaaa",
                "..bbbbbbb",
            ],
        ),
        (
            "old-linux",
            [
                "...bbba",
                "....bbbb",
                "....bbb",
                "....aaab",
                "....aaaa",
                "..bbbbbbb",
            ],
        ),
        (
            "solaris",
            [
                "...baaa",
                "....bbbb",
                "....bbb",
                "....abbb",
                "....aaaa",
                "..bbbbbbb",
            ],
        ),
    ];
    for (policy, expect) in cases {
        let read = [
            read_by(policy, b"aaa", 4, b"bbb"),
            read_by(policy, b"aaa", 5, b"bbbb"),
            read_by(policy, b"aaa", 5, b"bbb"),
            read_by(policy, b"aaa", 6, b"bbb"),
            read_by(policy, b"aaaa", 6, b"bb"),
            read_by(policy, b"aaa", 3, b"bbbbbbb"),
        ];
        assert_eq!(read, expect, "{policy}");
    }
}

#[test]
fn policies_go_by_the_receivers_network() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let mut policies = HostPolicies::new(Policy::Bsd);
    policies.add(address("10.0.0.0"), 8, Policy::Linux);
    policies.add(address("10.1.0.0"), 16, Policy::Last);
    policies.add(address("2001:db8::"), 32, Policy::First);
    assert_eq!(policies.of(address("10.2.0.1")), Policy::Linux);
    assert_eq!(policies.of(address("10.1.0.1")), Policy::Last);
    assert_eq!(policies.of(address("192.0.2.1")), Policy::Bsd);
    assert_eq!(policies.of(address("2001:db8::1")), Policy::First);
    policies.add(address("0.0.0.0"), 0, Policy::Solaris);
    assert_eq!(policies.of(address("192.0.2.1")), Policy::Solaris);
    assert_eq!(policies.of(address("2001:db9::1")), Policy::Bsd);
}

#[test]
fn what_was_taken_stays_and_what_contradicts_it_is_told() {
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"abcdef"),
        Line('c', "A", 3, 1, b"cdXY"),
        Line('s', "A", 1, 7, b""),
        Line('c', "A", 3, 1, b"ZZZZ"),
    ]);
    let expect = [
        "Originator \"abcdef\"",
        "Originator \"cdef\" not \"cdXY\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}
