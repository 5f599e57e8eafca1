//! Takes frames through the packet path, and checks that what went in is accounted for.

use std::sync::{Arc, OnceLock};

use anyhow::ensure;
use vonggac_conformance::replay;
use vonggac_event::Event;
use vonggac_event::proto::event::Body;
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::{Engine, Variables};

use crate::capture::Frame;

/// A few rules for each protocol and each way of looking: packets, streams, transactions, files.
const RULES: &str = r#"
alert tcp any any -> any any (msg:"segment"; content:"GET "; startswith; sid:1;)
alert tcp any any -> any any (msg:"stream"; flow:established; content:"HTTP/1."; content:"|0d 0a|"; distance:1; within:2; sid:2;)
alert tcp any any -> any any (msg:"expression"; flow:established; content:"User"; pcre:"/User-?[A-Z]gent: *[^\r\n]{3,}/i"; sid:3;)
alert udp any any -> any any (msg:"datagram"; content:"|00 01 00 00|"; offset:4; depth:4; sid:4;)
alert icmp any any -> any any (msg:"echo"; itype:8; sid:5;)
alert http any any -> any any (msg:"uri"; flow:to_server; http.uri; content:"/"; sid:6;)
alert http any any -> any any (msg:"header"; http.header; content:"Host"; nocase; sid:7;)
alert http any any -> any any (msg:"response"; flow:to_client; http.stat_code; content:"200"; sid:8;)
alert http any any -> any any (msg:"request body"; http.request_body; content:"a"; sid:9;)
alert http any any -> any any (msg:"file"; flow:to_client; file.data; content:"<"; sid:10;)
alert dns any any -> any any (msg:"question"; dns.query; content:"."; sid:11;)
alert tls any any -> any any (msg:"name"; tls.sni; content:"."; sid:12;)
alert tls any any -> any any (msg:"certificate"; tls.cert_subject; content:"CN="; sid:13;)
alert modbus any any -> any any (msg:"modbus"; modbus:function 3; sid:14;)
alert http any any -> any any (msg:"odd http"; app-layer-event:http_malformed; sid:15;)
alert http any any -> any any (msg:"seldom"; flow:to_server; http.method; content:"E"; threshold:type limit, track by_src, count 1, seconds 60; sid:16;)
"#;

/// What came of frames.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Events, files among them, in the order in which they came.
    pub events: Vec<Event>,
}

impl Sink for Outcome {
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn file(&mut self, event: Event, _: Vec<u8>) {
        self.events.push(event);
    }
}

/// The suite's rules, compiled once.
pub fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let compile = || {
        let (engine, errors) = replay::engine("hostile.rules", RULES, &Variables::default());
        assert!(errors.is_empty(), "{errors:?}");
        engine
    };
    ENGINE.get_or_init(compile).clone()
}

/// Plays frames to their end.
///
/// # Errors
/// When something is not accounted for: a packet, a byte, a flow, or memory that was lent.
pub fn play(config: Config, frames: &[Frame]) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut inspector = Inspector::new(config, engine());
    for frame in frames {
        inspector.packet(frame.ts_us, frame.link, &frame.bytes, &mut outcome);
    }
    inspector.finish(&mut outcome);
    check_sums(&inspector, frames)?;
    check_flows(&inspector, &outcome)?;
    Ok(outcome)
}

fn check_sums(inspector: &Inspector, frames: &[Frame]) -> anyhow::Result<()> {
    let counters = inspector.counters();
    let bytes: u64 = frames.iter().map(|frame| frame.bytes.len() as u64).sum();
    let dropped: u64 = counters.dropped().map(|(_, count)| count).sum();
    let of_flows = in_flows(inspector);
    let elsewhere = counters.packets_not_ip + counters.packets_fragment_pending;
    ensure!(
        counters.packets_received == frames.len() as u64,
        "frames do not add up: {counters:?}"
    );
    ensure!(
        counters.bytes_received == bytes,
        "bytes do not add up: {counters:?}"
    );
    ensure!(
        counters.packets_received == counters.packets_processed + dropped,
        "packets do not add up: {counters:?}"
    );
    ensure!(
        counters.packets_processed == of_flows + elsewhere,
        "packets processed do not add up: {counters:?}"
    );
    ensure!(inspector.flows() == 0, "{} flows are left", inspector.flows());
    ensure!(
        inspector.body_bytes() == 0,
        "{} bytes of bodies are left",
        inspector.body_bytes()
    );
    Ok(())
}

/// Packets that belong to flows.
fn in_flows(inspector: &Inspector) -> u64 {
    let counters = inspector.counters();
    counters.packets_tcp + counters.packets_udp + counters.packets_icmp + counters.packets_other
}

/// Each packet that belongs to a flow is counted in the event of just one.
fn check_flows(inspector: &Inspector, outcome: &Outcome) -> anyhow::Result<()> {
    let counted: u64 = outcome
        .events
        .iter()
        .map(|event| match &event.body {
            Some(Body::Flow(flow)) => flow.orig_packets + flow.resp_packets,
            _ => 0,
        })
        .sum();
    let counters = inspector.counters();
    ensure!(
        counters.events == outcome.events.len() as u64,
        "events do not add up: {counters:?}"
    );
    ensure!(
        counted == in_flows(inspector),
        "{counted} packets in flow events: {counters:?}"
    );
    Ok(())
}
