//! Floods, short: what is held stays within each budget at any time, and flows that were there before are read as if nothing were.
//!
//! `make hostile` runs them long, and measures memory and time (`examples/floods.rs`).
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use etherparse::PacketBuilder;
use vonggac_conformance::replay;
use vonggac_event::proto::event::Body;
use vonggac_hostile::play::Outcome;
use vonggac_inspect::{Config, Inspector, LinkType};
use vonggac_signature::Variables;
use vonggac_traffic::flood::Flood;

const KIB: usize = 1024;

/// Conversations that a flood comes amid.
const HONEST: u16 = 1000;

const START_US: i64 = 1_000_000_000;

/// A sensor so small that a small flood fills it.
fn small() -> Config {
    let mut config = replay::settings();
    config.stream.flows_max = 4 * KIB;
    config.stream.waiting_bytes_max = 256 * KIB;
    config.stream.unacked_bytes_max = 512 * KIB;
    config.body_bytes_max = 2048 * KIB;
    config.rule_overlap_bytes_max = 2048 * KIB;
    config
}

/// Frames that fill the small sensor many times over.
fn frames_of(flood: Flood) -> u64 {
    match flood {
        Flood::Bombs => 100,
        Flood::SmallBombs => 10,
        Flood::Headers => 1000,
        _ => 20_000,
    }
}

struct Honest {
    now_us: i64,
    inspector: Inspector,
    outcome: Outcome,
    /// How far client and server of each are.
    sent: [u32; 2],
}

const RULES: &str = r#"
alert http any any -> any any (msg:"across a flood"; flow:established,to_server; http.uri; content:"/first-half/second-half"; sid:1;)
alert tcp any any -> any any (msg:"stream across a flood"; flow:established,to_server; content:"first-half/second-half"; sid:2;)
alert http any any -> any any (msg:"body after a flood"; flow:established,to_server; http.request_body; content:"the end of it"; sid:3;)
"#;

#[derive(Clone, Copy)]
enum Kind {
    Ask,
    Answer,
    Plain,
}

impl Honest {
    fn new() -> Self {
        let (engine, errors) = replay::engine("flood.rules", RULES, &Variables::default());
        assert!(errors.is_empty(), "{errors:?}");
        Self {
            now_us: START_US,
            inspector: Inspector::new(small(), Arc::clone(&engine)),
            outcome: Outcome::default(),
            sent: [0; 2],
        }
    }

    /// The same segment in each conversation.
    fn each(&mut self, from_client: bool, kind: Kind, payload: &[u8]) {
        let (own, other) = if from_client { (0, 1) } else { (1, 0) };
        let (sequence, acknowledges) = (self.sent[own], self.sent[other]);
        for number in 0..HONEST {
            let (client, server) = ([172, 16, 0, 1], [192, 0, 2, 99]);
            let ports = (10_000 + number, 80);
            let (from, to, ports) = match from_client {
                true => (client, server, ports),
                false => (server, client, (ports.1, ports.0)),
            };
            let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
                .ipv4(from, to, 64)
                .tcp(ports.0, ports.1, sequence, 64_000);
            let builder = match kind {
                Kind::Ask => builder.syn(),
                Kind::Answer => builder.syn().ack(acknowledges),
                Kind::Plain => builder.ack(acknowledges),
            };
            let mut frame = Vec::new();
            builder.write(&mut frame, payload).unwrap();
            self.now_us += 1;
            self.inspector
                .packet(self.now_us, LinkType::Ethernet, &frame, &mut self.outcome);
        }
        let counted = payload.len() as u32 + u32::from(!matches!(kind, Kind::Plain));
        self.sent[own] += counted;
    }

    fn open(&mut self) {
        self.each(true, Kind::Ask, b"");
        self.each(false, Kind::Answer, b"");
        self.each(true, Kind::Plain, b"");
    }

    fn flood(&mut self, flood: Flood) {
        let most = small().memory_max();
        for (ts_us, frame) in flood.frames(1, self.now_us, frames_of(flood)) {
            self.inspector
                .packet(ts_us, LinkType::Ethernet, &frame, &mut self.outcome);
            self.now_us = ts_us;
            let held = self.inspector.memory();
            assert!(held.is_within(&most), "{}: {held:?} of {most:?}", flood.name());
        }
    }

    fn alerts(&self, sid: u32) -> usize {
        let events = self.outcome.events.iter();
        let alerts = events.filter_map(|event| match &event.body {
            Some(Body::Signature(signature)) if signature.sid == sid => Some(event.flow_id),
            _ => None,
        });
        alerts.collect::<std::collections::BTreeSet<_>>().len()
    }
}

fn amid(flood: Flood) -> Honest {
    let mut honest = Honest::new();
    honest.open();
    honest.each(true, Kind::Plain, b"POST /first-half");
    honest.each(false, Kind::Plain, b"");
    honest.flood(flood);
    honest.each(
        true,
        Kind::Plain,
        b"/second-half HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n",
    );
    honest.each(true, Kind::Plain, b"body: the end of it.");
    honest.each(false, Kind::Plain, b"HTTP/1.1 204 No Content\r\n\r\n");
    let (mut inspector, mut outcome) = (honest.inspector, honest.outcome);
    inspector.finish(&mut outcome);
    let left = inspector.memory();
    // Pieces of datagrams stay for their time; all else goes with its flow.
    assert_eq!(left.total(), left.fragments, "{left:?}");
    Honest {
        inspector,
        outcome,
        ..honest
    }
}

#[track_caller]
fn check(flood: Flood, counter: &str) {
    let honest = amid(flood);
    let counters = honest.inspector.counters();
    let alerts = [1, 2, 3].map(|sid| honest.alerts(sid));
    assert_eq!(
        alerts,
        [usize::from(HONEST); 3],
        "{}: {:?}",
        flood.name(),
        counters.list()
    );
    assert!(counter.is_empty() || counters.get(counter) > 0, "{counter} is 0");
}

#[test]
fn connections_that_were_there_are_read_on_behind_a_flood_of_syns() {
    check(Flood::Syns, "flows_evicted");
}

#[test]
fn behind_segments_of_unknown_connections() {
    check(Flood::Midstream, "flows_evicted");
}

#[test]
fn behind_datagrams() {
    check(Flood::Datagrams, "flows_evicted");
}

#[test]
fn behind_fragments() {
    check(Flood::Fragments, "ip_fragments_evicted");
}

#[test]
fn behind_holes() {
    check(Flood::Holes, "tcp_waiting_limit");
}

#[test]
fn behind_bodies() {
    check(Flood::Bodies, "body_memory_shed");
}

#[test]
fn behind_bytes_headers_and_bombs() {
    check(Flood::Bytes, "");
    check(Flood::Headers, "");
    check(Flood::Bombs, "body_decoded_limit");
    check(Flood::SmallBombs, "body_decoded_limit");
}
