//! The language, rule by rule, and the matcher against the reference.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use vonggac_event::Class;
use vonggac_event::proto::{Dns, Event, Flow, Http, Signature, event::Body};

use crate::document::Content;
use crate::*;

fn http(edit: impl FnOnce(&mut Http)) -> Event {
    let mut body = Http {
        method: "GET".into(),
        host: "shop.example".into(),
        uri: "/a/Index.php?q=1&Name=Đức".into(),
        user_agent: "Mozilla/5.0".into(),
        status_code: 404,
        ..Http::default()
    };
    edit(&mut body);
    event(Body::Http(body))
}

fn dns(query: &str, answers: &[&str], ttls: &[u32]) -> Event {
    event(Body::Dns(Dns {
        query: query.into(),
        qtype: 1,
        qtype_name: "A".into(),
        answered: true,
        answers: answers.iter().map(|text| (*text).to_owned()).collect(),
        ttls: ttls.to_vec(),
        ..Dns::default()
    }))
}

fn event(body: Body) -> Event {
    Event {
        event_id: vec![0xde; 16],
        // Sunday, 2024-03-03 22:15:00 UTC, week 9.
        ts_us: 1_709_504_100_000_000,
        src: vec![10, 1, 2, 3],
        dst: vec![203, 0, 113, 5],
        sport: 50_000,
        dport: 53,
        proto: 17,
        body: Some(body),
        ..Event::default()
    }
}

fn rule(logsource: &str, detection: &str) -> String {
    format!("title: T\nlogsource:\n    category: {logsource}\ndetection:\n{detection}\n")
}

/// Whether the rule matches; the reference must say the same.
fn matched(text: &str, event: &Event) -> bool {
    let (documents, errors) = parse("t.yml", text);
    assert_eq!(errors, [], "{text}");
    let expect = documents.iter().any(|document| match &document.0 {
        Content::Rule(rule) => reference::matches(rule, event),
        Content::Correlation(_) => false,
    });
    let (set, errors) = RuleSet::compile(documents);
    assert_eq!(errors, [], "{text}");
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    set.matches(event, &mut scratch, &mut out);
    let found = !out.is_empty();
    assert_eq!(found, expect, "matcher and reference differ on\n{text}");
    out.clear();
    set.matches(event, &mut scratch, &mut out);
    assert_eq!(found, !out.is_empty(), "scratch is not clean after\n{text}");
    found
}

fn check(logsource: &str, selection: &str, event: &Event, expect: bool) {
    let text = rule(
        logsource,
        &format!("    s:\n        {selection}\n    condition: s"),
    );
    assert_eq!(matched(&text, event), expect, "{selection}");
}

#[test]
fn values_and_modifiers() {
    let web = http(|_| {});
    let is = |selection: &str, expect: bool| check("webserver", selection, &web, expect);
    is("cs-method: get", true);
    is("cs-method|cased: get", false);
    is("cs-method|cased: GET", true);
    is("sc-status: 404", true);
    is("sc-status: '404'", true);
    is("sc-status: '0404'", false);
    is("sc-status: 4.04e2", true);
    is("sc-status: '4*'", true);
    is("sc-status: [200, 404]", true);
    is("sc-status|gt: 403", true);
    is("sc-status|gte: 404.5", false);
    is("sc-status|lt: 404", false);
    is("sc-status|lte: '404'", true);
    is("sc-status|neq: 404", false);
    is("sc-status|neq: [200, 500]", true);
    is("sc-status|startswith: 40", true);
    is("cs-uri-query|contains: 'NAME=đỨC'", true);
    is("cs-uri-query|contains: 'Đứ?'", true);
    is("cs-uri-query|contains|all: ['q=', 'name']", true);
    is("cs-uri-query|contains|all: ['q=', 'nix']", false);
    is("cs-uri-stem|endswith: '.PHP'", true);
    is("cs-uri-stem|startswith: '/a'", true);
    is("cs-uri-stem: '/a/*.php'", true);
    is("cs-uri-stem: '/a/*.asp'", false);
    is("cs-uri-stem|re: 'ndex\\.php$'", true);
    is("cs-uri-stem|re: 'INDEX'", false);
    is("cs-uri-stem|re|i: 'INDEX'", true);
    is("cs-uri-stem|exists: true", true);
    is("cs-username|exists: false", true);
    is("cs-username|exists: true", false);
    is("cs-username: ''", true);
    is("cs-username: null", true);
    is("cs-username:", true);
    is("cs-username: '*'", false);
    is("cs-method: '*'", true);
    is("cs-method: null", false);
    is("cs-username|neq: x", true);
    is("cs-host|fieldref: host", true);
    is("c-uri|fieldref|contains: host", true);
    is("c-uri|fieldref|startswith: host", false);
    is("cs-host|fieldref|neq: cs-method", true);
    is("cookie_present: false", true);
    is("cookie_present: 'FALSE'", true);
    is("cookie_present: true", false);
    is("src: 10.1.2.3", true);
    is("src: '::ffff:10.1.2.3'", true);
    is("src: '10.1.*'", true);
    is("src|cidr: 10.0.0.0/8", true);
    is("src|cidr: ['192.168.0.0/16', '10.1.2.0/24']", true);
    is("src|cidr: 2001:db8::/32", false);
    is("ts|hour: 22", true);
    is("ts|hour|gte: 6", true);
    is("ts|week: 9", true);
    is("ts|year: 2023", false);
    is("dport: 53", true);
    is("dport: 0x35", true);
    is("dport: -1", false);
}

#[test]
fn encodings() {
    let check = |selection: &str, agent: &str, expect: bool| {
        let event = http(|body| body.user_agent = agent.into());
        check("proxy", selection, &event, expect);
    };
    check("c-useragent|windash: ' -exec now'", " /exec now", true);
    check("c-useragent|windash: ' -exec now'", " ―exec now", true);
    check("c-useragent|windash: ' -exec'", " +exec", false);
    check("c-useragent|windash|contains: ' /a –b'", "run —a -b now", true);
    check("c-useragent|windash|contains: ' /a –b'", "run —a +b now", false);
    check("c-useragent|contains|windash: '-a –b'", "run —a -b now", true);
    check("c-useragent|windash: 'net-user'", "net/user", false);
    check("c-useragent|base64: 'hello'", "aGVsbG8=", true);
    check(
        "c-useragent|base64offset|contains: 'secret'",
        "eHNlY3JldHk=",
        true,
    );
    check("c-useragent|base64offset|contains: 'secret'", "c2VjcmV0", true);
    check(
        "c-useragent|base64offset|contains: 'secret'",
        "eHhzZWNyZXR4",
        true,
    );
    check("c-useragent|base64offset|contains: 'secret'", "nothing", false);
    check("c-useragent|wide|base64: 'cmd'", "YwBtAGQA", true);
    check(
        "c-useragent|utf16le|base64offset|contains: 'cmd'",
        "xYwBtAGQAx",
        true,
    );
    check("c-useragent|utf16be|base64: 'cmd'", "AGMAbQBk", true);
    check("c-useragent|utf16|base64: 'cmd'", "//5jAG0AZAA=", true);
    check("c-useragent|wide|contains: 'ab'", "xa\0b\0y", true);
}

#[test]
fn lists_of_a_field() {
    let event = dns("x.example", &["10.0.0.9", "Mail.Example"], &[5, 300]);
    let is = |selection: &str, expect: bool| check("dns", selection, &event, expect);
    is("answer: mail.example", true);
    is("answer|contains|all: ['10.', 'mail']", true);
    is("answer|contains|all: ['10.', 'nix']", false);
    is("answer|cidr: 10.0.0.0/8", true);
    is("ttls: 300", true);
    is("ttls|lt: 6", true);
    is("ttls|gt: 300", false);
    is("ttls: '3*'", true);
    is("answers|endswith: .example", true);
    is("answers|fieldref|endswith: query", false);
}

#[test]
fn searches_and_conditions() {
    let web = http(|_| {});
    let is = |detection: &str, expect: bool| {
        let text = rule("webserver", detection);
        assert_eq!(matched(&text, &web), expect, "{detection}");
    };
    is(
        "    s:\n        - cs-method: POST\n        - sc-status: 404\n    condition: s",
        true,
    );
    is(
        "    s:\n        - cs-method: POST\n          sc-status: 404\n        - nix\n    condition: s",
        false,
    );
    is(
        "    k:\n        - 'moZILLa'\n        - nix\n    condition: k",
        true,
    );
    is(
        "    k:\n        '|all':\n            - mozilla\n            - index.php\n    condition: k",
        true,
    );
    is(
        "    k:\n        '|all':\n            - mozilla\n            - nix\n    condition: k",
        false,
    );
    is("    k:\n        - 404\n    condition: k", true);
    is("    k: mozilla*5\n    condition: k", true);
    is("    k:\n        '|re': 'Moz[a-z]+/\\d'\n    condition: k", true);
    is("    k:\n        - dededede\n    condition: k", false);
    is(
        "    a: {cs-method: GET}\n    condition: a and not 1 of filter_*",
        true,
    );
    is(
        "    a1: {cs-method: GET}\n    a2: {cs-method: POST}\n    condition: 1 of a*",
        true,
    );
    is(
        "    a1: {cs-method: GET}\n    a2: {cs-method: POST}\n    condition: all of a*",
        false,
    );
    is(
        "    a: {cs-method: GET}\n    _b: {cs-method: POST}\n    condition: all of them",
        true,
    );
    is(
        "    a: {cs-method: POST}\n    _b: {cs-method: GET}\n    condition: 1 of them",
        false,
    );
    is(
        "    a: {cs-method: POST}\n    b: {sc-status: 404}\n    condition: [a, b]",
        true,
    );
    is(
        "    a: {cs-method: POST}\n    b: {sc-status: 404}\n    condition: not (a or not b)",
        true,
    );
    is(
        r"    a: {cs-user-agent: 'mozilla\\*'}
    condition: not a",
        true,
    );
}

#[test]
fn escapes_in_values() {
    let event = http(|body| body.user_agent = r"a\b*c?d\\e".into());
    let is = |selection: &str, expect: bool| check("proxy", selection, &event, expect);
    is(r"c-useragent: 'a\b\*c\?d\\\\e'", true);
    is(r"c-useragent: 'a\\b\*c\?d*e'", true);
    is(r"c-useragent|contains: 'b\*c'", true);
    is(r"c-useragent|contains: 'b\?c'", false);
    is(r"c-useragent|startswith: 'a\\*c'", true);
    is(r"c-useragent|startswith: 'a\*c'", false);
    is(r"c-useragent|contains: '\b'", true);
}

#[test]
fn logsources_find_their_class() {
    let check = |logsource: &str, expect: Option<Class>| {
        let text = format!(
            "title: T\nlogsource: {{{logsource}}}\ndetection: {{s: {{src: 10.1.2.3}}, condition: s}}"
        );
        let (set, errors) = RuleSet::compile(parse("t", &text).0);
        assert_eq!(errors, []);
        assert_eq!(set.class(RuleIndex(0)), expect, "{logsource}");
        assert_eq!(set.not_applicable().len(), usize::from(expect.is_none()));
    };
    check("category: dns", Some(Class::Dns));
    check("category: proxy", Some(Class::Http));
    check("category: webserver, product: apache", Some(Class::Http));
    check("category: firewall", Some(Class::Flow));
    check("service: netflow", Some(Class::Flow));
    check("product: zeek, service: conn", Some(Class::Flow));
    check("product: zeek, service: ssl", Some(Class::Tls));
    check("product: zeek, service: x509", Some(Class::Tls));
    check("product: zeek, service: files", Some(Class::File));
    check("product: zeek, service: rdp", None);
    check("product: suricata, service: alert", Some(Class::Signature));
    check("product: vonggac, service: yara", Some(Class::Yara));
    check("product: vonggac, category: anomaly", Some(Class::Anomaly));
    check("product: windows, category: network_connection", None);
    check("product: windows, service: security", None);
}

#[test]
fn faults_say_where_and_why() {
    let check = |text: &str, expect: &str| {
        let (documents, mut errors) = parse("t.yml", text);
        errors.extend(RuleSet::compile(documents).1);
        let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(
            found.first().is_some_and(|found| found.starts_with(expect)),
            "{found:?}, expected {expect}"
        );
    };
    let detection = |line: &str| rule("dns", &format!("    s:\n        {line}\n    condition: s"));
    check(
        &detection("nofield: x"),
        "t.yml:6:9: class dns has no field nofield",
    );
    check(&detection("query|nomod: x"), "t.yml:6:9: unknown modifier nomod");
    check(&detection("query|re: '(a'"), "t.yml:6:19: regular expression:");
    check(
        &detection("query|expand: '%servers%'"),
        "t.yml:6:9: expand: there is no value for %servers%",
    );
    check(&detection("query|contains|all: x"), "t.yml:6:9: all wants a list");
    check(&detection("src|cidr: 10.0.0.0/40"), "t.yml:6:19: not a network");
    check(&detection("query|gt: x"), "t.yml:6:19: x is not a number");
    check(&detection("query|hour: 3"), "t.yml:6:9: a time modifier wants");
    check(&detection("query|exists: 1"), "t.yml:6:23: exists wants");
    check(
        &detection("query|base64: 'a*'"),
        "t.yml:6:23: Base64 of a wildcard",
    );
    check(&detection("query|contains|re: a"), "t.yml:6:28: re cannot follow");
    check(
        &detection("query|fieldref: nofield"),
        "t.yml:6:9: fieldref: class dns has no field nofield",
    );
    check(
        &rule("dns", "    s: {query: x}\n    condition: s and t"),
        "t.yml:6:22: there is no search identifier t",
    );
    check(
        &rule("dns", "    s: {query: x}\n    condition: all of t*"),
        "t.yml:6:23: no search identifier matches t*",
    );
    check(
        &rule("dns", "    s: {query: x}\n    condition: s | count() > 3"),
        "t.yml:6:18: aggregations",
    );
    check(
        &rule("dns", "    s: {query: x}\n    timeframe: 5m\n    condition: s"),
        "t.yml:6:5: timeframe",
    );
    check("title: T\n  bad: [", "t.yml:2:");
    check("- a", "t.yml:1:1: a rule is a mapping");
    check(
        "title: F\nfilter: {}",
        "t.yml:1:1: Sigma filters are not supported",
    );
    check("title: T\nlevel: hi\n", "t.yml:2:8: level hi is none");
    let twice = format!("{}---\n{}", detection("query: x"), detection("query: y"));
    check(&twice, "t.yml:9:1: id t is taken");
}

const BASE: &str = "title: Base\nname: base\nid: b1\nlevel: low\nlogsource: {category: dns}\ndetection: {s: {query: x}, condition: s}\n---\ntitle: Web\nname: web\nlogsource: {category: proxy}\ndetection: {s: {cs-host: x}, condition: s}\n---\ntitle: Host\nname: host\nlogsource: {product: windows}\ndetection: {s: {Image: x}, condition: s}\n---\n";

fn correlation(body: &str) -> (RuleSet, Vec<RuleError>) {
    let text = format!("{BASE}title: C\nid: c1\ncorrelation:\n{body}");
    let (documents, mut errors) = parse("c.yml", &text);
    let (set, more) = RuleSet::compile(documents);
    errors.extend(more);
    (set, errors)
}

#[test]
fn correlations_are_bound() {
    let (set, errors) = correlation(
        "    type: value_count\n    rules: [base, web]\n    group-by: [src, peer]\n    timespan: 90m\n    aliases:\n        peer: {base: dst, web: cs-host}\n    condition: {field: [dport, sport], gt: 3, lte: 10}\n    generate: true\n",
    );
    assert_eq!(errors, []);
    let [one] = set.correlations() else {
        unreachable!("one correlation")
    };
    assert_eq!(one.timespan_us, 90 * 60 * 1_000_000);
    assert_eq!(
        one.rule.level,
        vonggac_event::Severity::Medium,
        "the highest of its rules"
    );
    assert_eq!(
        [3.0, 4.0, 10.0, 11.0].map(|count| one.bounds.hold(count)),
        [false, true, true, false]
    );
    let names: Vec<Vec<&str>> = one
        .feeds
        .iter()
        .map(|feed| {
            feed.group
                .iter()
                .chain(&feed.values)
                .map(|column| column.name)
                .collect()
        })
        .collect();
    assert_eq!(
        names,
        [
            ["src", "dst", "dport", "sport"],
            ["src", "host", "dport", "sport"]
        ]
    );
    assert!(one.generate);
    let (set, errors) = correlation("    type: temporal\n    rules: [b1, host]\n    timespan: 1h\n");
    assert_eq!(
        (errors.len(), set.correlations().len(), set.not_applicable().len()),
        (0, 0, 2)
    );
}

#[test]
fn correlations_that_cannot_be_are_refused() {
    let check = |body: &str, expect: &str| {
        let (_, errors) = correlation(body);
        let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(
            found.first().is_some_and(|found| found.contains(expect)),
            "{found:?}, expected {expect}"
        );
    };
    let with =
        |kind: &str, rest: &str| format!("    type: {kind}\n    rules: [base]\n    timespan: 5m\n{rest}");
    check(
        &with("value_percentile", ""),
        "c.yml:21:11: value_percentile is not supported",
    );
    check(&with("event_count", ""), "no condition");
    check(&with("event_count", "    condition: {lt: 1}\n"), "cannot hold");
    check(
        &with("event_count", "    condition: {gte: 1000000}\n"),
        "at most 10000",
    );
    check(
        &with("event_count", "    condition: {over: 1}\n"),
        "unknown criterion over",
    );
    check(&with("value_count", "    condition: {gte: 1}\n"), "has no field");
    check(
        &with("value_count", "    condition: {gte: 1, field: nofield}\n"),
        "class dns has no field nofield",
    );
    check(
        &with("value_sum", "    condition: {gte: 1, field: query}\n"),
        "is not a number",
    );
    check(
        &with("temporal", "    condition: base and web\n"),
        "not supported",
    );
    check(
        &with("temporal", "    group-by: nofield\n"),
        "c.yml:24:15: class dns has no field nofield",
    );
    check(
        "    type: temporal\n    rules: [nix]\n    timespan: 5m\n",
        "there is no rule nix",
    );
    check(
        "    type: temporal\n    rules: [c1]\n    timespan: 5m\n",
        "chained",
    );
    check(
        "    type: temporal\n    rules: [base]\n    timespan: 5 minutes\n",
        "timespan is",
    );
    check(
        "    type: temporal\n    rules: [base]\n    timespan: 99d\n",
        "timespan is",
    );
    check(
        "    type: temporal\n    rules: [base, base]\n    timespan: 9d\n",
        "stands twice",
    );
}

fn word() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop::sample::select(vec![
            "a", "B", "ab", "đ", "Đ", "*", "?", "\\", "-", "/", ".", "1", "=", " ",
        ]),
        0..5,
    )
    .prop_map(|pieces| pieces.concat())
}

fn item() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "c-useragent",
        "cs-host",
        "cs-uri-query",
        "answers_like",
        "sc-status",
        "src",
        "cookie_present",
    ]);
    let modifiers = prop::sample::select(vec![
        "",
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|cased",
        "|contains|cased",
        "|windash|contains",
        "|neq",
        "|endswith|neq",
    ]);
    (
        field,
        modifiers,
        proptest::collection::vec(word(), 1..3),
        any::<bool>(),
    )
        .prop_map(|(field, modifiers, values, all)| {
            let field = if field == "answers_like" {
                "x_forwarded_for"
            } else {
                field
            };
            let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
            let all = if all && !modifiers.is_empty() { "|all" } else { "" };
            format!("'{field}{modifiers}{all}': [{}]", quoted.join(", "))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_matcher_agrees_with_the_reference(
        items in proptest::collection::vec(item(), 2..4),
        words in proptest::collection::vec(word(), 1..3),
        condition in prop::sample::select(vec!["s0 and not s1", "s0 or s1", "not s0", "1 of s* and k", "all of s*", "not 1 of s* or k"]),
        texts in proptest::collection::vec(word(), 4),
        status in prop::sample::select(vec![0_u32, 1, 11, 404]),
    ) {
        let mut detection = String::new();
        for (index, item) in items.iter().enumerate() {
            detection.push_str(&format!("    s{index}: {{{item}}}\n"));
        }
        let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
        detection.push_str(&format!("    k: [{}]\n    condition: {condition}", words.join(", ")));
        let [agent, host, query, forwarded] = texts.as_slice() else { unreachable!() };
        let event = http(|body| {
            body.user_agent = agent.clone();
            body.host = host.clone();
            body.uri = format!("/?{query}");
            body.x_forwarded_for = forwarded.clone();
            body.status_code = status;
        });
        matched(&rule("webserver", &detection), &event);
    }

    #[test]
    fn any_text_is_survived(text in "[-:{}\\[\\]&*|>'\"a-z0-9 \n]{0,200}") {
        let _ = RuleSet::compile(parse("t", &text).0);
    }

    #[test]
    fn a_damaged_rule_is_survived(at in 0_usize..300, with in any::<char>()) {
        let text = rule("dns", "    s:\n        query|re: 'a+'\n        src|cidr: 10.0.0.0/8\n    k: ['x']\n    condition: s and not 1 of k*");
        let mut characters: Vec<char> = text.chars().collect();
        let at = at % characters.len();
        characters[at] = with;
        let _ = RuleSet::compile(parse("t", &characters.into_iter().collect::<String>()).0);
    }
}

#[test]
fn only_rules_of_the_events_class_match() {
    let text = format!(
        "{}---\ntitle: Flow\nlogsource: {{category: firewall}}\ndetection: {{s: {{dport: 53}}, condition: s}}\n---\ntitle: Sig\nlogsource: {{product: vonggac, service: signature}}\ndetection: {{s: {{sid: 7}}, condition: s}}",
        rule("dns", "    s: {dport: 53}\n    condition: s")
    );
    let (set, errors) = RuleSet::compile(parse("t", &text).0);
    assert_eq!(errors, []);
    let mut scratch = Scratch::default();
    let mut check = |body: Body, expect: &[u32]| {
        let mut out = Vec::new();
        set.matches(&event(body), &mut scratch, &mut out);
        assert_eq!(
            out,
            expect.iter().map(|index| RuleIndex(*index)).collect::<Vec<_>>()
        );
    };
    check(Body::Dns(Dns::default()), &[0]);
    check(Body::Flow(Flow::default()), &[1]);
    check(
        Body::Signature(Box::new(Signature {
            sid: 7,
            ..Signature::default()
        })),
        &[2],
    );
    check(Body::Http(Http::default()), &[]);
}
