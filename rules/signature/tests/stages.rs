//! When rules on transactions are judged, and what they can ask for beside buffers.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use support::{app, context, judge, matcher, sids};
use vonggac_event::Body;
use vonggac_protocol::{
    BufferCard, Card, Condition, Instances, KeywordCard, NumberCard, Side, Sides, Source, Transport,
};
use vonggac_signature::{App, Context, Engine, FlowState, Matcher, Stage, Variables, parse};

/// A protocol whose requests have a head and a body, whose responses a head alone.
static CARD: Card = Card {
    name: "lamp",
    aliases: &["light"],
    transports: &[Transport::Tcp],
    stages: [&["head", "body"], &["head"]],
    buffers: &[
        BufferCard {
            keyword: "lamp.name",
            sides: Sides::Client,
            ..BufferCard::BLANK
        },
        BufferCard {
            keyword: "lamp.body",
            sides: Sides::Client,
            stage: 1,
            ..BufferCard::BLANK
        },
        BufferCard {
            keyword: "lamp.note",
            ..BufferCard::BLANK
        },
    ],
    numbers: &[NumberCard {
        keyword: "lamp.colour",
        sides: Sides::Both,
        stage: 0,
        names: &[("red", 1), ("green", 2)],
    }],
    keywords: &[KeywordCard {
        keyword: "lamp",
        sides: Sides::Server,
        stage: 0,
        compile: |text| match text {
            "on" => Ok(Box::new(IsOn)),
            other => Err(format!("{other:?} is no state of a lamp")),
        },
    }],
    anomalies: &[],
    counters: &[],
    probe: |_| None,
    begin: |_| panic!("no flow is followed here"),
};

static LAMPS: &[&Card] = &[&CARD];

#[derive(Debug)]
struct IsOn;

impl Condition for IsOn {
    fn holds(&self, _: Side, source: &dyn Source) -> bool {
        source.as_any().unwrap().downcast_ref::<Lamp>().unwrap().is_on
    }
}

#[derive(Debug, Clone, Default)]
struct Lamp {
    name: &'static str,
    body: &'static str,
    note: &'static str,
    colours: Vec<u64>,
    is_on: bool,
}

impl Source for Lamp {
    fn transaction(&self) -> u64 {
        0
    }

    fn read<'a>(&'a self, _: Side, buffer: usize, into: &mut Instances<'a>) {
        let text = [self.name, self.body, self.note][buffer];
        if !text.is_empty() {
            into.push(Cow::Borrowed(text.as_bytes()));
        }
    }

    fn numbers(&self, _: Side, _: usize, into: &mut Vec<u64>) {
        into.extend(&self.colours);
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn excerpt(&self, _: Side) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn event(&self) -> Option<Body> {
        None
    }
}

fn lamps(rules: &str) -> Matcher {
    let (parsed, errors) = parse("t.rules", rules);
    assert!(errors.is_empty(), "{errors:?}");
    let (engine, errors) = Engine::compile(parsed, &Variables::default(), LAMPS);
    assert!(errors.is_empty(), "{errors:?}");
    Matcher::new(Arc::new(engine))
}

fn at(matcher: &mut Matcher, side: Side, number: u8, lamp: &Lamp) -> Vec<u32> {
    let mut flow = FlowState::default();
    let mut cx = Context {
        app: App::at(0),
        ..context(Some(&mut flow), None)
    };
    let mut hits = Vec::new();
    matcher.transaction(&mut cx, Stage { side, number }, lamp, &mut hits);
    sids(matcher, &hits)
}

#[test]
fn a_rule_is_judged_once_at_the_stage_that_has_all_it_asks_for() {
    let mut matcher = lamps(
        r#"alert lamp any any -> any any (lamp.name; content:"hall"; sid:1;)
           alert light any any -> any any (lamp.body; content:"bright"; sid:2;)
           alert lamp any any -> any any (lamp.name; content:"hall"; lamp.body; content:"b"; sid:3;)
           alert lamp any any -> any any (lamp.note; content:"n"; sid:4;)
           alert lamp any any -> any any (flow:to_client; lamp.note; content:"n"; sid:5;)
           alert lamp any any -> any any (lamp.name; content:"hall"; lamp.body; absent; sid:6;)"#,
    );
    let lamp = Lamp {
        name: "hall",
        body: "bright",
        note: "n",
        ..Lamp::default()
    };
    assert_eq!(at(&mut matcher, Side::Client, 0, &lamp), [1, 4]);
    assert_eq!(at(&mut matcher, Side::Client, 1, &lamp), [2, 3]);
    assert_eq!(at(&mut matcher, Side::Server, 0, &lamp), [4]);
    let bodiless = Lamp {
        body: "",
        ..lamp.clone()
    };
    assert_eq!(at(&mut matcher, Side::Client, 1, &bodiless), [6]);
}

#[test]
fn numbers_and_own_keywords_are_asked_of_the_transaction() {
    let mut matcher = lamps(
        r#"alert lamp any any -> any any (lamp.colour:red; sid:1;)
           alert lamp any any -> any any (lamp.colour:!green; sid:2;)
           alert lamp any any -> any any (lamp.colour:>1; sid:3;)
           alert lamp any any -> any any (lamp:on; sid:4;)
           alert lamp any any -> any any (lamp:on; lamp.note; content:"n"; sid:5;)"#,
    );
    let lamp = |colours: &[u64], is_on| Lamp {
        colours: colours.to_vec(),
        is_on,
        ..Lamp::default()
    };
    assert_eq!(at(&mut matcher, Side::Client, 0, &lamp(&[1], true)), [1, 2]);
    assert_eq!(at(&mut matcher, Side::Client, 0, &lamp(&[2], true)), [3]);
    assert_eq!(at(&mut matcher, Side::Client, 0, &lamp(&[1, 2], true)), [1, 2, 3]);
    assert!(at(&mut matcher, Side::Client, 0, &lamp(&[], true)).is_empty());
    assert_eq!(at(&mut matcher, Side::Server, 0, &lamp(&[], true)), [4]);
    assert!(at(&mut matcher, Side::Server, 0, &lamp(&[], false)).is_empty());
    let noted = Lamp {
        note: "n",
        is_on: true,
        ..Lamp::default()
    };
    assert_eq!(at(&mut matcher, Side::Server, 0, &noted), [4, 5]);
}

#[test]
fn what_a_card_does_not_have_is_refused_with_its_name() {
    let check = |rule: &str, expect: &str| {
        let (parsed, _) = parse("t.rules", rule);
        let (_, errors) = Engine::compile(parsed, &Variables::default(), LAMPS);
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, [expect], "{rule}");
    };
    check(
        "alert lamp any any -> any any (lamp:off; sid:1;)",
        r#"lamp: "off" is no state of a lamp"#,
    );
    check(
        "alert lamp any any -> any any (lamp.colour:blue; sid:1;)",
        r#"lamp.colour: "blue" is no number"#,
    );
    check(
        "alert torch any any -> any any (sid:1;)",
        r#"unknown protocol "torch""#,
    );
    check(
        r#"alert lamp any any -> any any (ssh.software; content:"x"; sid:1;)"#,
        "the protocol that this rule names never has ssh.software",
    );
}

#[test]
fn rules_on_protocols_that_are_not_read_load_and_never_match() {
    let mut matcher = matcher(
        r#"alert smtp any any -> any any (file.data; content:"evil"; sid:1;)
           alert ssh any any -> any any (ssh.software; content:"evil"; sid:2;)
           alert http2 any any -> any any (http.uri; content:"evil"; sid:3;)
           alert http any any -> any any (http.uri; content:"evil"; sid:4;)"#,
    );
    let mut flow = FlowState::default();
    let mut cx = context(Some(&mut flow), app("http"));
    let found = judge(
        &mut matcher,
        &mut cx,
        "http",
        &[("http.uri", b"/evil"), ("file.data", b"evil")],
    );
    assert_eq!(found, [4]);
}
