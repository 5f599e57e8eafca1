//! Makes engines and contexts for the tables of the suites.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub, missing_docs)]

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use vonggac_event::Body;
use vonggac_event::proto::File;
use vonggac_protocol::{Card, Instances, Side, Sides, Source};
use vonggac_protocols::REGISTRY;
use vonggac_signature::{
    App, Context, Direction, Engine, FlowState, Hit, Matcher, PacketFacts, Stage, Variables, parse,
};

/// What one side of a transaction says: keywords with what their buffers hold.
pub type Buffers<'a> = [(&'a str, &'a [u8])];

/// The protocol of that name.
pub fn app(name: &str) -> Option<App> {
    App::at(REGISTRY.iter().position(|card| card.name == name)?)
}

/// A transaction that has just these buffers.
struct Given<'a> {
    card: &'static Card,
    buffers: &'a Buffers<'a>,
    number: u64,
    files: &'a [File],
}

impl Source for Given<'_> {
    fn transaction(&self) -> u64 {
        self.number
    }

    fn read<'a>(&'a self, _: Side, buffer: usize, into: &mut Instances<'a>) {
        let keyword = self.card.buffers[buffer].keyword;
        let held = self.buffers.iter().filter(|(known, _)| *known == keyword);
        into.extend(held.map(|(_, bytes)| Cow::Borrowed(*bytes)));
    }

    fn excerpt(&self, _: Side) -> Cow<'_, [u8]> {
        Cow::Borrowed(&[])
    }

    fn event(&self) -> Option<Body> {
        None
    }

    fn files(&self, _: Side) -> Vec<File> {
        self.files.to_vec()
    }
}

/// Has every stage judged of the side that says these buffers.
pub fn judge(matcher: &mut Matcher, cx: &mut Context<'_>, protocol: &str, buffers: &Buffers<'_>) -> Vec<u32> {
    judge_with(matcher, cx, protocol, buffers, &[])
}

/// The same of a side that carries files.
pub fn judge_with(
    matcher: &mut Matcher,
    cx: &mut Context<'_>,
    protocol: &str,
    buffers: &Buffers<'_>,
    files: &[File],
) -> Vec<u32> {
    let card = REGISTRY.iter().find(|card| card.name == protocol).unwrap();
    let cards = card.buffers.iter();
    let mut held = cards.filter(|card| buffers.iter().any(|(keyword, _)| *keyword == card.keyword));
    let is_of_server = held.any(|card| card.sides == Sides::Server) || cx.direction == Direction::ToClient;
    let side = match is_of_server {
        true => Side::Server,
        false => Side::Client,
    };
    // At one time one transaction is judged.
    let number = cx.ts_us.unsigned_abs();
    let source = Given {
        card,
        buffers,
        number,
        files,
    };
    let mut hits = Vec::new();
    for number in 0..u8::try_from(side.of(&card.stages).len()).unwrap() {
        matcher.transaction(cx, Stage { side, number }, &source, &mut hits);
    }
    sids(matcher, &hits)
}

/// A matcher of these rules, all of which must compile.
pub fn matcher(rules: &str) -> Matcher {
    let (parsed, errors) = parse("t.rules", rules);
    assert!(errors.is_empty(), "{errors:?}");
    let (engine, errors) = Engine::compile(parsed, &Variables::default(), REGISTRY);
    assert!(errors.is_empty(), "{errors:?}");
    Matcher::new(Arc::new(engine))
}

/// A TCP packet from a client at home to a server outside, port 80, in an established flow.
pub fn context<'a>(flow: Option<&'a mut FlowState>, app: Option<App>) -> Context<'a> {
    Context {
        ts_us: 0,
        src: "10.0.0.1".parse().unwrap(),
        dst: "198.51.100.7".parse().unwrap(),
        sport: 40_000,
        dport: 80,
        protocol: 6,
        app,
        app_failed: false,
        transaction: None,
        seen_before: 0,
        is_encrypted: false,
        direction: Direction::ToServer,
        established: true,
        flow,
        packet: Some(PacketFacts {
            ip_protocol: 6,
            ttl: 64,
            ..PacketFacts::default()
        }),
        stream_size: [100, 200],
        flow_facts: None,
        app_events: &[],
    }
}

pub fn udp<'a>(flow: Option<&'a mut FlowState>) -> Context<'a> {
    Context {
        protocol: 17,
        dport: 53,
        ..context(flow, None)
    }
}

pub fn sids(matcher: &Matcher, hits: &[Hit]) -> Vec<u32> {
    hits.iter()
        .map(|hit| matcher.engine().rule(hit.rule).sid)
        .collect()
}

/// The numbers of the rules that match one payload of UDP.
pub fn on_payload(matcher: &mut Matcher, payload: &[u8]) -> Vec<u32> {
    let mut hits = Vec::new();
    matcher.packet(&mut udp(Some(&mut FlowState::default())), payload, &mut hits);
    sids(matcher, &hits)
}

/// The numbers of the rules that match one transaction.
pub fn on_transaction(matcher: &mut Matcher, protocol: &str, buffers: &Buffers<'_>) -> Vec<u32> {
    let mut flow = FlowState::default();
    let mut cx = Context {
        packet: None,
        ..context(Some(&mut flow), app(protocol))
    };
    judge(matcher, &mut cx, protocol, buffers)
}

/// Whether rule text with these options matches one payload of UDP.
pub fn options_match(options: &str, payload: &[u8]) -> bool {
    let mut matcher = matcher(&format!("alert udp any any -> any any ({options} sid:1;)"));
    !on_payload(&mut matcher, payload).is_empty()
}

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The corpus that is not part of the project, if it is there.
pub fn corpus(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VONGGAC_CORPUS")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"));
    let path = root.join(part);
    if !path.is_dir() {
        println!("skipped: no corpus at {}", path.display());
        return None;
    }
    Some(path)
}
