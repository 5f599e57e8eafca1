//! Laws: nothing panics, and the matcher agrees with a slow and obvious reference.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use support::*;
use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, Variables, parse};

const RULES: &[&str] = &[
    r#"alert tcp $HOME_NET any -> [10.0.0.0/8,!10.1.2.3] [80,1024:] (msg:"a\;b"; flow:established,to_server; content:"GET|20|"; depth:4; nocase; pcre:"/a(b|c)/Ui"; threshold:type limit, track by_src, count 1, seconds 60; sid:1; rev:2;)"#,
    r#"alert http any any <> any any (http.uri; content:!"x"; fast_pattern:0,1; byte_test:2,>,0x10,-4,relative,little; byte_jump:4,0,string,dec,align; isdataat:!1,relative; flowbits:isset,a|b; sid:2;)"#,
    r#"alert dns any any -> any any (dns.query; dotprefix; content:".x.y"; endswith; bsize:3<>9; metadata:a b, c d; xbits:set,q,track ip_pair,expire 5; sid:3;)"#,
];

fn everything(text: &str, data: &[u8]) {
    let (parsed, _) = parse("p", text);
    let (engine, _) = Engine::compile(parsed, &Variables::default(), REGISTRY);
    let mut matcher = vonggac_signature::Matcher::new(std::sync::Arc::new(engine));
    on_payload(&mut matcher, data);
    for card in REGISTRY {
        for buffer in card.buffers {
            on_transaction(&mut matcher, card.name, &[(buffer.keyword, data)]);
        }
    }
}

/// Every place where a content with these limits may lie, by their definition.
fn reference(data: &[u8], pattern: &[u8], low: i64, high: i64) -> Vec<usize> {
    (0..data.len())
        .filter(|at| data.get(*at..at + pattern.len()) == Some(pattern))
        .filter(|at| *at as i64 >= low && (*at + pattern.len()) as i64 <= high)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mutated_rules_never_panic(which in 0usize..3,
                                 edits in prop::collection::vec((any::<prop::sample::Index>(), ".{0,3}", 0usize..6), 0..6),
                                 data in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut text: Vec<char> = RULES[which].chars().collect();
        for (place, insert, remove) in edits {
            let at = place.index(text.len() + 1);
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        everything(&text.into_iter().collect::<String>(), &data);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s)[\\x00-\\u{2ff}]{0,200}") {
        everything(&text, b"abc");
        everything(&format!("alert udp any any -> any any ({text} sid:1;)"), b"abc");
    }

    #[test]
    fn single_content_agrees(data in "[ab]{0,12}", pattern in "[ab]{1,3}", negated: bool,
                             offset in prop::option::of(0i64..6), depth in prop::option::of(0i64..6)) {
        let length = pattern.len() as i64;
        let mut options = format!("content:{}\"{pattern}\";", if negated { "!" } else { "" });
        if let Some(offset) = offset { options.push_str(&format!("offset:{offset};")); }
        if let Some(depth) = depth { options.push_str(&format!("depth:{};", depth + length)); }
        let low = offset.unwrap_or(0);
        let high = depth.map_or(i64::MAX, |depth| low + depth + length);
        let found = !reference(data.as_bytes(), pattern.as_bytes(), low, high).is_empty();
        // Without payload nothing is judged.
        let expected = !data.is_empty() && found != negated;
        prop_assert_eq!(options_match(&options, data.as_bytes()), expected, "{} {}", options, data);
    }

    #[test]
    fn two_contents_agree(data in "[abc]{1,14}", first in "[ab]{1,2}", second in "[bc]{1,2}",
                          distance in prop::option::of(-4i64..5), within in prop::option::of(0i64..5), third: bool) {
        let length = second.len() as i64;
        let mut options = format!("content:\"{first}\"; content:\"{second}\";");
        let relative = distance.is_some() || within.is_some();
        if let Some(distance) = distance { options.push_str(&format!("distance:{distance};")); }
        if let Some(within) = within { options.push_str(&format!("within:{};", within + length)); }
        if third { options.push_str("content:\"c\"; distance:0; within:1;"); }
        let data_bytes = data.as_bytes();
        let expected = reference(data_bytes, first.as_bytes(), 0, i64::MAX).into_iter().any(|at| {
            let cursor = (at + first.len()) as i64;
            let (low, high) = if relative {
                let base = cursor + distance.unwrap_or(0);
                (base, within.map_or(i64::MAX, |within| base + within + length))
            } else {
                (0, i64::MAX)
            };
            reference(data_bytes, second.as_bytes(), low, high).into_iter().any(|at| {
                !third || data_bytes.get(at + second.len()) == Some(&b'c')
            })
        });
        prop_assert_eq!(options_match(&options, data_bytes), expected, "{} {}", options, data);
    }
}
