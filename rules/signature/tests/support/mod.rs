//! Makes engines and contexts for the tables of the suites.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub, missing_docs)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use vonggac_signature::{
    App, Buffer, Context, Direction, Engine, FlowState, Hit, Matcher, PacketFacts, Variables, parse,
};

/// A matcher of these rules, all of which must compile.
pub fn matcher(rules: &str) -> Matcher {
    let (parsed, errors) = parse("t.rules", rules);
    assert!(errors.is_empty(), "{errors:?}");
    let (engine, errors) = Engine::compile(parsed, &Variables::default());
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
        files: &[],
        reputation: None,
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
pub fn on_transaction(matcher: &mut Matcher, app: App, buffers: &[(Buffer, &[u8])]) -> Vec<u32> {
    let mut flow = FlowState::default();
    let mut hits = Vec::new();
    matcher.transaction(
        &mut Context {
            packet: None,
            ..context(Some(&mut flow), Some(app))
        },
        buffers,
        &mut hits,
    );
    sids(matcher, &hits)
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
