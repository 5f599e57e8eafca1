//! What rules mean: tables of rules, data and expected matches.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use support::*;
use vonggac_protocols::REGISTRY;
use vonggac_signature::{
    Action, Context, Direction, Engine, FlowState, IcmpFacts, Matcher, PacketFacts, TcpFacts,
    ThresholdConfig, Variables, parse,
};

#[test]
fn payload_conditions() {
    let table: &[(&str, &[u8], bool)] = &[
        (r#"content:"abc";"#, b"xxabcxx", true),
        (r#"content:"abc";"#, b"xxABCxx", false),
        (r#"content:"abc"; nocase;"#, b"xxABCxx", true),
        (r#"content:"|61 62|c";"#, b"abc", true),
        (r#"content:"a"; content:!"b";"#, b"ac", true),
        (r#"content:"a"; content:!"b";"#, b"ab", false),
        // offset and depth: depth counts from offset
        (r#"content:"abc"; offset:2;"#, b"xxabc", true),
        (r#"content:"abc"; offset:3;"#, b"xxabc", false),
        (r#"content:"abc"; depth:3;"#, b"abcx", true),
        (r#"content:"abc"; depth:3;"#, b"xabc", false),
        (r#"content:"abc"; offset:1; depth:4;"#, b"xxabc", true),
        (r#"content:"abc"; depth:4; offset:1;"#, b"xxxabc", false),
        (r#"content:"abc"; startswith;"#, b"abcabc", true),
        (r#"content:"abc"; startswith;"#, b"xabc", false),
        (r#"content:"abc"; endswith;"#, b"abcxabc", true),
        (r#"content:"abc"; endswith;"#, b"abcx", false),
        (r#"content:!"abc"; endswith; content:"x";"#, b"abcx", true),
        (r#"content:"abc"; startswith; endswith;"#, b"abc", true),
        (r#"content:"abc"; startswith; endswith;"#, b"abcabc", false),
        (r#"content:"abc"; depth:5; endswith;"#, b"xxabc", true),
        (r#"content:"abc"; depth:5; endswith;"#, b"xxxabc", false),
        // distance and within
        (r#"content:"a"; content:"b"; distance:1;"#, b"axb", true),
        (r#"content:"a"; content:"b"; distance:1;"#, b"ab", false),
        (
            r#"content:"a"; content:"b"; distance:1; within:2;"#,
            b"axxb",
            true,
        ),
        (
            r#"content:"a"; content:"b"; distance:1; within:2;"#,
            b"axxxb",
            false,
        ),
        (r#"content:"a"; content:"b"; distance:0; within:2;"#, b"axb", true),
        (r#"content:"b"; content:"a"; distance:-2;"#, b"ab", true),
        (r#"content:"b"; content:"a"; distance:-1;"#, b"ab", false),
        (r#"content:"a"; content:!"b"; within:1;"#, b"axb", true),
        (r#"content:"a"; content:!"b"; within:1;"#, b"ab", false),
        (r#"content:"a"; content:!"b"; within:1;"#, b"abax", true),
        (r#"content:"a"; content:!"b"; distance:0;"#, b"axb", false),
        // earlier places are tried again
        (r#"content:"a"; content:"b"; within:1;"#, b"axab", true),
        (
            r#"content:"a"; content:"b"; distance:0; content:"c"; within:1;"#,
            b"a.b.bc",
            true,
        ),
        (
            r#"content:"a"; content:"b"; within:2; content:"c"; within:1;"#,
            b"abab.abc",
            true,
        ),
        (
            r#"content:"a"; content:"b"; within:1; content:"c"; within:1;"#,
            b"abab.ab",
            false,
        ),
        (r#"content:"aa"; content:"b"; within:1;"#, b"aaab", true),
        // regular expressions
        (r#"content:"a"; pcre:"/b+c/";"#, b"abbc", true),
        (r#"content:"a"; pcre:"/^b/R";"#, b"ab", true),
        (r#"content:"a"; pcre:"/^b/R";"#, b"axb", false),
        (r#"content:"a"; pcre:"/^b/R";"#, b"axab", true),
        (r#"content:"a"; pcre:!"/b/";"#, b"ab", false),
        (r#"content:"a"; pcre:!"/b/";"#, b"a", true),
        (r#"pcre:"/a./"; content:"c"; within:1;"#, b"abaxc", true),
        // sizes and ends
        (r#"content:"a"; isdataat:2,relative;"#, b"axx", true),
        (r#"content:"a"; isdataat:2,relative;"#, b"ax", false),
        (r#"content:"a"; isdataat:!1,relative;"#, b"xa", true),
        (r#"content:"a"; isdataat:!1,relative;"#, b"ax", false),
        (r#"content:"a"; isdataat:1;"#, b"a", false),
        (r#"content:"a"; isdataat:1;"#, b"ab", true),
        (r#"dsize:>2; content:"a";"#, b"abc", true),
        (r#"dsize:3; content:"a";"#, b"ab", false),
        (r#"dsize:2<>4;"#, b"abc", true),
        // numbers in the data
        (r#"content:"a"; byte_test:1,>,2,0,relative;"#, b"a\x03", true),
        (r#"content:"a"; byte_test:1,>,3,0,relative;"#, b"a\x03", false),
        (r#"content:"a"; byte_test:1,!&,0x80,0,relative;"#, b"a\x03", true),
        (r#"byte_test:2,=,513,0,little;"#, b"\x01\x02", true),
        (r#"byte_test:4,>=,100,1,string,dec;"#, b"x0100", true),
        (r#"byte_test:1,=,1,-1,relative;"#, b"\x01", false),
        (r#"byte_jump:1,0; content:"c"; within:1;"#, b"\x02abc", true),
        (r#"byte_jump:1,0; content:"b"; within:1;"#, b"\x02abc", false),
        (
            r#"byte_jump:1,0,from_beginning,post_offset 1; content:"b"; within:1;"#,
            b"\x01ab",
            true,
        ),
        (r#"byte_jump:1,0; isdataat:!1,relative;"#, b"\x03abc", false),
        (
            r#"byte_jump:1,0,post_offset -9; content:"|04|"; within:1;"#,
            b"\x04abcdef",
            true,
        ),
        (
            r#"byte_extract:1,0,n; content:"x"; offset:n; depth:1;"#,
            b"\x03abx",
            true,
        ),
        (
            r#"byte_extract:1,0,n; content:"x"; offset:n; depth:1;"#,
            b"\x02abx",
            false,
        ),
        (
            r#"content:"a"; byte_extract:1,0,n,relative; byte_test:1,=,n,0,relative;"#,
            b"a\x01\x02a\x03\x03",
            true,
        ),
        (
            r#"byte_math:bytes 1, offset 0, oper +, rvalue 2, result n; byte_test:1,=,n,1;"#,
            b"\x01\x03",
            true,
        ),
        (
            r#"content:"k="; base64_decode:bytes 8, relative; base64_data; content:"hello";"#,
            b"k=aGVsbG8=",
            true,
        ),
        (
            r#"content:"k="; base64_decode:bytes 8, relative; base64_data; content:"help";"#,
            b"k=aGVsbG8=",
            false,
        ),
        // prefilter hints change nothing
        (r#"content:"abcdef"; fast_pattern:2,3;"#, b"abcdef", true),
        (r#"content:"abcdef"; fast_pattern:2,3;"#, b"xxcdexx", false),
        (r#"content:"a"; content:"bcd"; fast_pattern;"#, b"xbcd", false),
        (
            r#"content:"0123456789012345678901234567890123456789";"#,
            b"0123456789012345678901234567890123456789",
            true,
        ),
    ];
    for (options, payload, expected) in table {
        assert_eq!(
            options_match(options, payload),
            *expected,
            "{options} on {payload:?}"
        );
    }
}

#[test]
fn transactions() {
    let get: &Buffers<'_> = &[
        ("http.method", b"GET"),
        ("http.uri", b"/a/index.php?id=1"),
        ("http.host", b"evil.example.com"),
        ("http.user_agent", b"Mozilla"),
        ("http.header_names", b"\r\nHost\r\nUser-Agent\r\n\r\n"),
    ];
    let table: &[(&str, bool)] = &[
        (
            r#"http.method; content:"GET"; http.uri; content:"index.php";"#,
            true,
        ),
        (
            r#"http.method; content:"POST"; http.uri; content:"index.php";"#,
            false,
        ),
        (
            r#"http.uri; content:"/a/"; startswith; http.method; content:"GET"; http.uri; content:"index"; distance:0; within:5;"#,
            true,
        ),
        (
            r#"content:"GET"; http_method; content:"/a/"; http_uri; depth:3; content:"index"; http_uri; distance:0;"#,
            true,
        ),
        (
            r#"content:"INDEX"; nocase; http_uri; content:!"Moz"; http_user_agent;"#,
            false,
        ),
        (r#"uricontent:"id=";"#, true),
        // What is relative to a moved content looks where that one was moved to.
        (r#"content:"id="; http_uri; isdataat:1,relative;"#, true),
        (r#"content:"id="; http_uri; isdataat:!2,relative;"#, true),
        (r#"content:"id="; http_uri; isdataat:2,relative;"#, false),
        (
            r#"content:"id="; http_uri; byte_test:1,=,1,0,relative,string,dec;"#,
            true,
        ),
        (
            r#"content:"id="; http_uri; byte_test:1,=,2,0,relative,string,dec;"#,
            false,
        ),
        (
            r#"content:"id="; http_uri; byte_extract:1,0,n,relative,string,dec; byte_test:1,=,n,-1,relative,string,dec;"#,
            true,
        ),
        (r#"urilen:17;"#, true),
        (r#"urilen:<10; http.uri; content:"index";"#, false),
        (r#"http.host; content:"example.com"; endswith;"#, true),
        (r#"http.host; bsize:16; content:"evil.example.com";"#, true),
        (r#"http.host; bsize:>16; content:"evil.example.com";"#, false),
        (r#"http.host; dotprefix; content:".example.com"; endswith;"#, true),
        (r#"http.host; dotprefix; content:".ample.com"; endswith;"#, false),
        (r#"http.method; to_lowercase; content:"get";"#, true),
        // A transform after conditions is none of theirs.
        (
            r#"http.method; content:"GET"; to_lowercase; content:"get";"#,
            true,
        ),
        (
            r#"http.method; content:"get"; to_lowercase; content:"get";"#,
            false,
        ),
        (r#"http.uri; pcrexform:"id=(.*)"; content:"1"; bsize:1;"#, true),
        // Where a transform fails, no condition is met, not even a negated one.
        (r#"http.uri; pcrexform:"no=(.*)"; content:!"1";"#, false),
        (
            r#"pcre:"/index\.php\?id=\d$/U"; http.method; content:"GET";"#,
            true,
        ),
        (
            r#"http.header_names; content:!"Referer"; http.method; content:"GET";"#,
            true,
        ),
        (r#"http.referer; content:!"x";"#, false),
        (r#"http.referer; absent; http.method; content:"GET";"#, true),
        (r#"http.host; absent; http.method; content:"GET";"#, false),
        (
            r#"http.referer; absent:or_else; content:"x"; http.method; content:"GET";"#,
            true,
        ),
        (r#"flow:established,to_server; http.uri; content:"index";"#, true),
        (r#"flow:established,to_client; http.uri; content:"index";"#, false),
    ];
    for (options, expected) in table {
        let mut matcher = matcher(&format!("alert http any any -> any any ({options} sid:1;)"));
        assert_eq!(
            !on_transaction(&mut matcher, "http", get).is_empty(),
            *expected,
            "{options}"
        );
        assert!(on_transaction(&mut matcher, "tls", get).is_empty(), "{options}");
    }
}

#[test]
fn repeated_buffers_match_apart() {
    let names: &Buffers<'_> = &[("dns.query", b"a.test"), ("dns.query", b"b.test")];
    let table: &[(&str, bool)] = &[
        (r#"dns.query; content:"a.test";"#, true),
        (
            r#"dns.query; content:"a.test"; dns.query; content:"b.test";"#,
            true,
        ),
        (r#"dns.query; content:"a"; content:"b";"#, false),
    ];
    for (options, expected) in table {
        let mut matcher = matcher(&format!("alert dns any any -> any any ({options} sid:1;)"));
        assert_eq!(
            !on_transaction(&mut matcher, "dns", names).is_empty(),
            *expected,
            "{options}"
        );
    }
}

#[test]
fn headers() {
    let facts = PacketFacts {
        ip_protocol: 6,
        ttl: 64,
        tcp: Some(TcpFacts {
            flags: 2,
            ..TcpFacts::default()
        }),
        ..PacketFacts::default()
    };
    let table = [
        ("tcp any any -> any any (flags:S;", true),
        ("tcp any any -> any any (flags:SA;", false),
        ("tcp $HOME_NET any -> $EXTERNAL_NET $HTTP_PORTS (flags:S;", true),
        ("tcp $EXTERNAL_NET any -> $HOME_NET any (flags:S;", false),
        ("tcp $EXTERNAL_NET any <> $HOME_NET any (flags:S;", true),
        ("tcp 198.51.100.0/24 80 <> any 40000 (ttl:64;", true),
        ("tcp any any -> 198.51.100.7 any (", true),
        ("tcp 198.51.100.7 any -> any any (", false),
        ("tcp 198.51.100.7 any <> any any (", true),
        ("ip any any -> [198.51.100.0/24,!198.51.100.7] any (", false),
        ("tcp any any -> any !80 (flags:S;", false),
        ("tcp any any -> any [1:79,81:] (flags:S;", false),
        ("udp any any -> any any (ttl:64;", false),
        ("ip any any -> any any (ip_proto:6;", true),
        ("ip6 any any -> any any (ttl:64;", false),
        ("tcp any any -> any any (flow:stateless; flags:S;", true),
        ("tcp any any -> any any (flow:not_established; flags:S;", false),
        ("tcp any any -> any any (stream_size:client,=,100;", true),
        ("tcp any any -> any any (stream_size:either,>,200;", false),
        // While the protocol is unknown, nothing can be said of it.
        (
            "tcp any any -> any any (app-layer-protocol:!http; flags:S;",
            false,
        ),
        ("tcp any any -> any any (app-layer-protocol:http; flags:S;", false),
    ];
    for (rule, expected) in table {
        let mut matcher = matcher(&format!("alert {rule} sid:1;)"));
        let mut hits = Vec::new();
        let mut flow = FlowState::default();
        let mut cx = Context {
            packet: Some(facts),
            ..context(Some(&mut flow), None)
        };
        matcher.packet(&mut cx, b"", &mut hits);
        assert_eq!(!hits.is_empty(), expected, "{rule}");
    }
}

#[test]
fn icmp() {
    let mut matcher = matcher("alert icmp any any -> any any (itype:8; icode:0; content:\"ping\"; sid:1;)");
    let icmp = Some(IcmpFacts {
        kind: 8,
        code: 0,
        id: None,
        seq: None,
    });
    let mut cx = Context {
        protocol: 1,
        packet: Some(PacketFacts {
            icmp,
            ..PacketFacts::default()
        }),
        ..context(None, None)
    };
    let mut hits = Vec::new();
    matcher.packet(&mut cx, b"a ping b", &mut hits);
    assert_eq!(sids(&matcher, &hits), [1]);
}

#[test]
fn streams_report_once_per_direction() {
    let mut matcher = matcher(
        "alert tcp any any -> any any (content:\"evil\"; sid:1;)\n\
         alert tcp any any -> any any (content:\"evil\"; depth:4; sid:2;)\n\
         alert tcp-pkt any any -> any any (content:\"evil\"; sid:3;)\n\
         alert tcp any any -> any any (content:\"evil\"; dsize:4; sid:4;)\n\
         alert tcp any any -> any any (content:\"evil\"; flow:only_stream; sid:5;)\n\
         alert http any any -> any any (content:\"evil\"; sid:6;)",
    );
    let mut flow = FlowState::default();
    let mut run = |stream: bool, direction, flow: Option<&mut FlowState>, app| {
        let mut hits = Vec::new();
        let mut cx = Context {
            direction,
            ..context(flow, app)
        };
        match stream {
            true => matcher.stream(&mut cx, b"evil", &mut hits),
            false => matcher.packet(&mut cx, b"evil", &mut hits),
        }
        let mut found = sids(&matcher, &hits);
        found.sort_unstable();
        found
    };
    assert_eq!(run(false, Direction::ToServer, Some(&mut flow), None), [2, 3, 4]);
    assert_eq!(run(true, Direction::ToServer, Some(&mut flow), None), [1, 5]);
    assert_eq!(run(true, Direction::ToServer, Some(&mut flow), app("http")), [6]);
    assert_eq!(run(false, Direction::ToServer, Some(&mut flow), None), [3, 4]);
    assert_eq!(run(true, Direction::ToClient, Some(&mut flow), None), [1, 2, 5]);
    assert_eq!(run(false, Direction::ToServer, None, None), [1, 2, 3, 4, 5]);
}

#[test]
fn rules_with_two_halves() {
    let mut matcher =
        matcher("alert http any any -> any any (content:\"secret\"; http.uri; content:\"/login\"; sid:1;)");
    let uri: &Buffers<'_> = &[("http.uri", b"/login")];
    for stream_first in [true, false] {
        let mut flow = FlowState::default();
        let mut found = Vec::new();
        for step in [stream_first, !stream_first] {
            assert!(found.is_empty());
            let mut cx = context(Some(&mut flow), app("http"));
            let mut hits = Vec::new();
            match step {
                true => matcher.stream(&mut cx, b"a secret", &mut hits),
                false => found.extend(judge(&mut matcher, &mut cx, "http", uri)),
            }
            found.extend(sids(&matcher, &hits));
        }
        assert_eq!(found, [1]);
    }
}

#[test]
fn flow_bits_and_counters() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"x\"; flowbits:isset,B; sid:1;)\n\
         alert udp any any -> any any (content:\"b\"; flowbits:isset,A; flowbits:set,B; noalert; sid:2;)\n\
         alert udp any any -> any any (content:\"a\"; flowbits:set,A; flowbits:noalert; sid:3;)\n\
         alert udp any any -> any any (content:\"u\"; flowbits:unset,B; flowbits:noalert; sid:4;)\n\
         alert udp any any -> any any (content:\"o\"; flowbits:isset,Q|A; sid:5;)\n\
         alert udp any any -> any any (content:\"n\"; flowbits:isnotset,A; sid:6;)\n\
         alert udp any any -> any any (content:\"c\"; flowint:k,+,2; noalert; sid:7;)\n\
         alert udp any any -> any any (content:\"d\"; flowint:k,>,3; sid:8;)",
    );
    let mut flow = FlowState::default();
    let table: &[(&[u8], &[u32])] = &[
        (b"n x o", &[6]),
        // Setters are judged before readers, whatever the order of the rules.
        (b"abx", &[1]),
        (b"o n", &[5]),
        (b"u", &[]),
        (b"x", &[]),
        (b"cd", &[]),
        (b"cd", &[8]),
    ];
    for (payload, expected) in table {
        let mut hits = Vec::new();
        matcher.packet(&mut udp(Some(&mut flow)), payload, &mut hits);
        assert_eq!(sids(&matcher, &hits), *expected, "{payload:?}");
    }
}

#[test]
fn host_bits_cross_flows_and_expire() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"set\"; xbits:set,X,track ip_src,expire 10; noalert; sid:1;)\n\
         alert udp any any -> any any (content:\"ask\"; xbits:isset,X,track ip_src; sid:2;)",
    );
    let mut run = |payload: &[u8], src: &str, second: i64| {
        let mut hits = Vec::new();
        let mut cx = Context {
            src: address(src),
            ts_us: second * 1_000_000,
            ..udp(None)
        };
        matcher.packet(&mut cx, payload, &mut hits);
        hits.len()
    };
    assert_eq!(run(b"ask", "10.0.0.1", 0), 0);
    assert_eq!(run(b"set", "10.0.0.1", 0), 0);
    assert_eq!(run(b"ask", "10.0.0.1", 9), 1);
    assert_eq!(run(b"ask", "10.0.0.2", 9), 0);
    assert_eq!(run(b"ask", "10.0.0.1", 10), 0);
}

#[test]
fn thresholds_limit_reports() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"a\"; threshold:type limit, track by_src, count 1, seconds 60; sid:1;)\n\
         alert udp any any -> any any (content:\"a\"; detection_filter:track by_src, count 1, seconds 60; sid:2;)",
    );
    assert_eq!(on_payload(&mut matcher, b"a"), [1]);
    assert_eq!(on_payload(&mut matcher, b"a"), [2]);
    assert_eq!(matcher.counters().suppressed, 2);
}

#[test]
fn thresholds_of_a_flow_count_in_that_flow() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"a\"; threshold:type both, track by_flow, count 2, seconds 60; sid:1;)",
    );
    let run = |matcher: &mut Matcher, flow: &mut FlowState| {
        let mut hits = Vec::new();
        matcher.packet(&mut udp(Some(flow)), b"a", &mut hits);
        hits.len()
    };
    let (mut first, mut second) = (FlowState::default(), FlowState::default());
    assert_eq!(run(&mut matcher, &mut first), 0);
    assert_eq!(run(&mut matcher, &mut second), 0);
    assert_eq!(run(&mut matcher, &mut first), 1);
    assert_eq!(run(&mut matcher, &mut first), 0);
}

#[test]
fn the_sensors_own_thresholds() {
    let rules = "alert udp any any -> any any (content:\"a\"; flowbits:set,A; sid:1;)\n\
                 alert udp any any -> any any (content:\"a\"; threshold:type limit, track by_src, count 1, seconds 60; sid:2;)\n\
                 alert udp any any -> any any (content:\"b\"; flowbits:isset,A; sid:3;)\n\
                 alert udp any any -> any any (content:\"c\"; sid:4;)";
    let config = "suppress gen_id 1, sig_id 1, track by_src, ip $HOME_NET\n\
                  threshold gen_id 1, sig_id 2, type limit, track by_rule, count 2, seconds 60\n\
                  threshold gen_id 1, sig_id 0, type limit, track by_rule, count 1, seconds 60\n\
                  rate_filter gen_id 1, sig_id 4, track by_src, count 1, seconds 60, new_action drop, timeout 5\n\
                  suppress gen_id 1, sig_id 99";
    let variables = Variables::default();
    let (mut engine, errors) = Engine::compile(parse("t", rules).0, &variables, REGISTRY);
    assert!(errors.is_empty(), "{errors:?}");
    let (config, errors) = ThresholdConfig::parse("t", config, &variables);
    assert!(errors.is_empty(), "{errors:?}");
    let warnings = engine.apply_thresholds("t", &config);
    assert_eq!(
        warnings.iter().map(|warning| warning.sid).collect::<Vec<_>>(),
        [99]
    );
    let mut matcher = Matcher::new(std::sync::Arc::new(engine));
    let mut flow = FlowState::default();
    let mut run = |payload: &[u8]| {
        let mut hits = Vec::new();
        matcher.packet(&mut udp(Some(&mut flow)), payload, &mut hits);
        sids(&matcher, &hits)
    };
    assert_eq!(run(b"a"), [2]);
    // What a suppressed rule sets is set.
    assert_eq!(run(b"ab"), [2, 3]);
    assert_eq!(run(b"ab"), [0u32; 0]);
}

#[test]
fn address_rules_report_once_per_flow() {
    let mut matcher = matcher("alert ip any any -> [198.51.100.0/24] any (sid:1;)");
    let mut flow = FlowState::default();
    let mut hits = Vec::new();
    for _ in 0..3 {
        matcher.packet(&mut context(Some(&mut flow), None), b"", &mut hits);
    }
    assert_eq!(hits.len(), 1);
}

#[test]
fn counting_rules_see_the_stream_and_count_bytes_once() {
    let rules = "alert tcp any any -> any any (content:\"fail\"; threshold:type threshold, track by_src, count 3, seconds 60; sid:1;)\n\
                 alert tcp any any -> any any (content:\"fail\"; depth:4; detection_filter:track by_src, count 1, seconds 60; sid:2;)";
    let mut matcher = matcher(rules);
    let mut flow = FlowState::default();
    let mut found = Vec::new();
    // (packets' payload, the chunk it ends, how much of the chunk was seen before)
    let packets: &[(&[u8], &[u8], usize)] = &[
        (b"fa", b"fa", 0),
        (b"il.", b"fail.", 2),
        (b"x", b"fail.x", 5),
        (b"fail", b"fail.xfail", 6),
        (b"y", b"fail.xfaily", 10),
        (b"fail", b"fail.xfailyfail", 11),
    ];
    for (second, (payload, chunk, seen_before)) in (0..).zip(packets) {
        let mut hits = Vec::new();
        let mut cx = Context {
            ts_us: second,
            ..context(Some(&mut flow), None)
        };
        matcher.packet(&mut cx, payload, &mut hits);
        cx.seen_before = *seen_before;
        matcher.stream(&mut cx, chunk, &mut hits);
        found.push(sids(&matcher, &hits));
    }
    // The first rule counts the chunks that end packets 1, 3 and 5; the second ones 1 and, in their own
    // packets, 3 and 5.
    assert_eq!(found, [vec![], vec![], vec![], vec![2], vec![], vec![2, 1]]);
}

#[test]
fn halves_join_in_one_transaction_only() {
    // `content` in the first query's packet must not meet the name of a later query.
    let mut matcher =
        matcher("alert dns any any -> any any (content:\"|01 00|\"; dns.query; content:\"evil\"; sid:1;)");
    let mut flow = FlowState::default();
    let table: &[(&[u8], &[u8], usize)] = &[
        (b"\x01\x00good", b"good", 0),
        (b"\x02\x02evil", b"evil", 0),
        (b"\x01\x00evil", b"evil", 1),
        (b"\x02\x02evil", b"evil", 0),
    ];
    for (second, (payload, name, expected)) in (0..).zip(table) {
        let mut hits = Vec::new();
        let mut cx = Context {
            ts_us: second,
            app: app("dns"),
            ..udp(Some(&mut flow))
        };
        matcher.packet(&mut cx, payload, &mut hits);
        assert!(hits.is_empty());
        let found = judge(&mut matcher, &mut cx, "dns", &[("dns.query", *name)]);
        assert_eq!(found.len(), *expected, "packet {second}");
    }
}

#[test]
fn app_layer_protocol_negated() {
    let rules = "alert tcp any any -> any any (app-layer-protocol:!http; flags:S; sid:1;)\n\
                 alert tcp any any -> any any (app-layer-protocol:failed; flags:S; sid:2;)";
    let mut matcher = matcher(rules);
    let mut run = |app, app_failed| {
        let mut cx = Context {
            app_failed,
            packet: Some(PacketFacts {
                tcp: Some(TcpFacts {
                    flags: 2,
                    ..TcpFacts::default()
                }),
                ..PacketFacts::default()
            }),
            ..context(None, app)
        };
        let mut hits = Vec::new();
        matcher.packet(&mut cx, b"", &mut hits);
        sids(&matcher, &hits)
    };
    assert_eq!(run(None, false), [0u32; 0]);
    assert_eq!(run(app("tls"), false), [1]);
    assert_eq!(run(app("http"), false), [0u32; 0]);
    assert_eq!(run(None, true), [1, 2]);
}

#[test]
fn rules_with_a_direction_report_for_each_packet() {
    let mut matcher = matcher("alert ip any any -> any any (flow:to_server; sid:1;)");
    let mut flow = FlowState::default();
    let mut hits = Vec::new();
    for _ in 0..3 {
        matcher.packet(&mut context(Some(&mut flow), None), b"", &mut hits);
    }
    assert_eq!(hits.len(), 3);
}

#[test]
fn pass_on_a_packet_frees_what_it_brings() {
    let rules = "alert tcp any any -> any any (content:\"a\"; sid:1;)\n\
                 alert tcp any any -> any any (dsize:>0; sid:2;)\n\
                 pass tcp any any -> any any (dsize:4; sid:3;)";
    let mut matcher = matcher(rules);
    let mut flow = FlowState::default();
    let mut run = |payload: &[u8]| {
        let mut hits = Vec::new();
        matcher.packet(&mut context(Some(&mut flow), None), payload, &mut hits);
        matcher.stream(&mut context(Some(&mut flow), None), payload, &mut hits);
        sids(&matcher, &hits)
    };
    assert_eq!(run(b"aaaa"), [0u32; 0]);
    assert_eq!(run(b"aaa"), [2, 1]);
}

#[test]
fn pass_on_the_flow_frees_the_rest() {
    for pass in [
        "pass ip any any -> 198.51.100.7 any (sid:3;)",
        "pass http any any -> any any (http.method; content:\"GET\"; sid:3;)",
        "pass tcp any any -> any any (content:\"GET\"; sid:3;)",
    ] {
        let mut matcher = matcher(&format!(
            "alert tcp any any -> any any (dsize:>0; sid:1;)\n{pass}"
        ));
        let mut flow = FlowState::default();
        let mut hits = Vec::new();
        let mut cx = context(Some(&mut flow), app("http"));
        matcher.packet(&mut cx, b"GET", &mut hits);
        matcher.stream(&mut cx, b"GET", &mut hits);
        judge(&mut matcher, &mut cx, "http", &[("http.method", b"GET")]);
        hits.clear();
        matcher.packet(&mut cx, b"more", &mut hits);
        assert!(hits.is_empty(), "{pass}");
        assert!(flow.is_passed(), "{pass}");
    }
}

#[test]
fn pass_silences_the_packet() {
    let mut matcher = matcher(
        "alert udp any any -> any any (content:\"a\"; sid:1;)\n\
         pass udp any any -> any any (content:\"ok\"; sid:2;)\n\
         drop udp any any -> any any (content:\"a\"; sid:3;)",
    );
    let mut flow = FlowState::default();
    let mut hits = Vec::new();
    matcher.packet(&mut udp(Some(&mut flow)), b"a", &mut hits);
    assert_eq!(
        hits.iter().map(|hit| hit.action).collect::<Vec<_>>(),
        [Action::Drop, Action::Alert]
    );
    matcher.packet(&mut udp(Some(&mut flow)), b"a ok", &mut hits);
    assert_eq!(hits.len(), 2);
    matcher.packet(&mut udp(Some(&mut flow)), b"a", &mut hits);
    assert_eq!(hits.len(), 4);
    assert!(!flow.is_passed());
}

#[test]
fn information_is_kept() {
    let text = "alert udp any any -> any any (msg:\"a \\\"b\\\"\\; c\"; content:\"x\"; reference:cve,2020-1; \
                classtype:misc-attack; metadata:k v, created_at 2020_01_01; target:src_ip; sid:5; rev:3;)";
    let matcher = matcher(text);
    let info = matcher.engine().rules().next().unwrap();
    assert_eq!(
        (info.sid, info.gid, info.rev, info.priority, info.line),
        (5, 1, 3, 2, 1)
    );
    assert_eq!(info.message, "a \"b\"; c");
    assert_eq!(info.references, ["cve,2020-1"]);
    assert_eq!(info.metadata.first().unwrap(), &("k".to_owned(), "v".to_owned()));
    assert_eq!(info.text, text);
    assert_eq!(info.file, "t.rules");
}

#[test]
fn what_it_says_in_vietnamese_stands_in_its_metadata() {
    let text = "alert udp any any -> any any (msg:\"a\"; content:\"x\"; \
                metadata:k v, title_vi Duyệt thư mục trong URI,description_vi  Đường dẫn: lên thư mục cha – rồi xuống; sid:5;)";
    let matcher = matcher(text);
    let info = matcher.engine().rules().next().unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        info.metadata,
        [
            pair("k", "v"),
            pair("title_vi", "Duyệt thư mục trong URI"),
            pair("description_vi", "Đường dẫn: lên thư mục cha – rồi xuống"),
        ]
    );
}

#[test]
fn verification_is_bounded() {
    let options = r#"content:"a"; content:"a"; distance:0; content:"a"; distance:0; content:"a"; distance:0; content:"b"; distance:0; within:1;"#;
    let mut matcher = matcher(&format!("alert udp any any -> any any ({options} sid:1;)"));
    let mut payload = vec![b'a'; 1000];
    payload.extend_from_slice(b"..b");
    assert!(on_payload(&mut matcher, &payload).is_empty());
    assert_eq!(matcher.counters().step_limit, 1);
}
