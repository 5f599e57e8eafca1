//! Rules that load and can never report.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, RuleWarning, Variables, WarningKind, parse};

fn warnings(rules: &str) -> Vec<RuleWarning> {
    let (parsed, errors) = parse("w.rules", rules);
    assert!(errors.is_empty(), "{errors:?}");
    let (engine, errors) = Engine::compile(parsed, &Variables::default(), REGISTRY);
    assert!(errors.is_empty(), "{errors:?}");
    engine.warnings()
}

/// The kinds of warnings about one rule.
fn check(rule: &str, expected: &[WarningKind]) {
    let found = warnings(&format!("alert {rule} sid:1;)"));
    let kinds: Vec<WarningKind> = found.iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds, expected, "{rule}: {found:?}");
}

#[test]
fn sizes() {
    let size = &[WarningKind::ImpossibleSize][..];
    let table: &[(&str, &[WarningKind])] = &[
        (r#"udp any any -> any any (dsize:3; content:"abcd";"#, size),
        (r#"udp any any -> any any (dsize:4; content:"abcd";"#, &[]),
        (
            r#"udp any any -> any any (dsize:<10; content:"ab"; offset:9;"#,
            size,
        ),
        (
            r#"udp any any -> any any (dsize:<12; content:"ab"; offset:9;"#,
            &[],
        ),
        (
            r#"udp any any -> any any (dsize:5; content:"abc"; content:"de"; distance:1;"#,
            size,
        ),
        (
            r#"udp any any -> any any (dsize:5; content:"abc"; content:"de"; distance:-3;"#,
            &[],
        ),
        (
            r#"udp any any -> any any (dsize:5; content:"abc"; content:!"de"; distance:1;"#,
            &[],
        ),
        (r#"udp any any -> any any (dsize:>5; dsize:<4;"#, size),
        (
            r#"dns any any -> any any (dns.query; content:"google.com"; bsize:5;"#,
            size,
        ),
        (
            r#"dns any any -> any any (dns.query; content:"google.com"; bsize:>5;"#,
            &[],
        ),
        (r#"dns any any -> any any (dns.query; bsize:5; isdataat:7;"#, size),
        (
            r#"dns any any -> any any (dns.query; isdataat:!3; content:"abcd";"#,
            size,
        ),
        (
            r#"udp any any -> any any (dsize:2; byte_extract:1,0,n; content:"a"; offset:n;"#,
            &[],
        ),
    ];
    for (rule, expected) in table {
        check(rule, expected);
    }
}

#[test]
fn directions() {
    let conflict = &[WarningKind::ConflictingDirection][..];
    let table: &[(&str, &[WarningKind])] = &[
        (
            r#"http any any -> any any (flow:to_client; http.uri; content:"a";"#,
            conflict,
        ),
        (
            r#"http any any -> any any (flow:to_server; http.uri; content:"a";"#,
            &[],
        ),
        (
            r#"http any any -> any any (http.uri; content:"a"; http.stat_code; content:"200";"#,
            conflict,
        ),
        (
            r#"http any any -> any any (flow:to_client; http.uri; absent; http.stat_code; content:"200";"#,
            &[],
        ),
        (
            r#"http any any -> any any (flow:to_client; http.header; content:"a";"#,
            &[],
        ),
    ];
    for (rule, expected) in table {
        check(rule, expected);
    }
}

#[test]
fn capitals() {
    let capitals = &[WarningKind::Capitals][..];
    let table: &[(&str, &[WarningKind])] = &[
        (
            r#"http any any -> any any (http.host; content:"Evil.test";"#,
            capitals,
        ),
        (
            r#"http any any -> any any (http.host; content:"Evil.test"; nocase;"#,
            &[],
        ),
        (
            r#"http any any -> any any (http.host; content:!"Evil.test"; content:"a";"#,
            &[],
        ),
        (
            r#"http any any -> any any (http.host.raw; content:"Evil.test";"#,
            &[],
        ),
        (
            r#"http any any -> any any (http.uri; to_lowercase; content:"A";"#,
            capitals,
        ),
        (
            r#"http any any -> any any (http.host; to_uppercase; content:"EVIL";"#,
            &[],
        ),
    ];
    for (rule, expected) in table {
        check(rule, expected);
    }
}

#[test]
fn bits_that_nothing_sets() {
    let rules = "alert udp any any -> any any (flowbits:isset,A; sid:1;)\n\
                 alert udp any any -> any any (flowbits:isset,B; sid:2;)\n\
                 alert udp any any -> any any (content:\"b\"; flowbits:set,B; sid:3;)\n\
                 alert udp any any -> any any (flowbits:isset,Q|B; sid:4;)\n\
                 alert udp any any -> any any (flowbits:isnotset,Q; sid:5;)\n\
                 alert udp any any -> any any (flowbits:isset,A; flowbits:set,C; sid:6;)\n\
                 alert udp any any -> any any (flowbits:isset,C; sid:7;)\n\
                 alert udp any any -> any any (flowint:n,>,1; sid:8;)\n\
                 alert udp any any -> any any (xbits:isset,X,track ip_src; sid:9;)";
    let mut found: Vec<(u32, String)> = warnings(rules)
        .into_iter()
        .inspect(|warning| assert_eq!(warning.kind, WarningKind::NeverSet))
        .map(|warning| (warning.sid, warning.message))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found.iter().map(|(sid, _)| *sid).collect::<Vec<_>>(),
        [1, 6, 7, 8, 9]
    );
    // The third one's setter is itself dead.
    assert_eq!(found[2].1, "the flow bit \"C\" is set by no rule that can match");
}

#[test]
fn what_the_sensor_does_not_read() {
    let rules = "alert smtp any any -> any any (content:\"a\"; sid:1;)\n\
                 alert http any any -> any any (http.uri; content:\"a\"; sid:2;)\n\
                 alert tcp any any -> any any (ssh.software; content:\"a\"; sid:3;)";
    let mut found: Vec<_> = warnings(rules).iter().map(|w| (w.sid, w.kind)).collect();
    found.sort_by_key(|(sid, _)| *sid);
    assert_eq!(
        found,
        [(1, WarningKind::UnreadProtocol), (3, WarningKind::UnreadBuffer)]
    );
}

#[test]
fn a_buffer_without_conditions_is_refused() {
    for options in [
        "http.uri;",
        "http.uri; http.method; content:\"a\";",
        "http.uri; to_lowercase;",
    ] {
        let text = format!("alert http any any -> any any ({options} sid:1;)");
        let (_, errors) = Engine::compile(parse("w", &text).0, &Variables::default(), REGISTRY);
        assert!(
            errors.first().unwrap().message.contains("has no condition"),
            "{options}: {errors:?}"
        );
    }
}
