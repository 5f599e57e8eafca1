//! Golden captures: a few flows of each protocol with the EVE lines expected of them beside.
//!
//! `golden/<protocol>/` holds `capture.pcap`, `rules.rules`, and `eve.json`; a folder that is put there is checked. Captures of protocols
//! that our generator speaks are made by it, others by hand. `VONGGAC_WRITE=1` makes the former and all lines anew; what they say then is to
//! be read before it is committed. Lines of class `stats` are left out: every new counter would change them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use vonggac_conformance::replay;
use vonggac_event::eve;
use vonggac_signature::Variables;
use vonggac_traffic::{Flow, Options, PacketSink, Protocol, generate, pcap};

/// Which flows of the generated traffic are a protocol's that it speaks.
struct Golden {
    name: &'static str,
    transport: Protocol,
    port: u16,
    flows: usize,
    /// Shorter ones only knock.
    packets_min: u64,
}

const GOLDEN: [Golden; 3] = [
    Golden {
        name: "http",
        transport: Protocol::Tcp,
        port: 80,
        flows: 8,
        packets_min: 6,
    },
    Golden {
        name: "dns",
        transport: Protocol::Udp,
        port: 53,
        flows: 16,
        packets_min: 2,
    },
    Golden {
        name: "tls",
        transport: Protocol::Tcp,
        port: 443,
        flows: 8,
        packets_min: 6,
    },
];

/// Most bytes of a flow that is taken: the captures are to stay small.
const FLOW_BYTES_MAX: u64 = 24_000;

/// Most bytes of a capture.
const FILE_BYTES_MAX: u64 = 100_000;

/// Address and port of both ends, the lower one first, so that both directions have the same.
type Ends = [(IpAddr, u16); 2];

fn ends(frame: &[u8]) -> Option<Ends> {
    let port = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    let v4 = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(*frame.get(at..)?.first_chunk::<4>()?)));
    let v6 = |at: usize| Some(IpAddr::V6(Ipv6Addr::from(*frame.get(at..)?.first_chunk::<16>()?)));
    // The generator's headers have no options.
    let ends = match port(12)? {
        0x0800 => [(v4(26)?, port(34)?), (v4(30)?, port(36)?)],
        _ => [(v6(22)?, port(54)?), (v6(38)?, port(56)?)],
    };
    Some(in_order(ends))
}

fn in_order(mut ends: Ends) -> Ends {
    ends.sort_unstable();
    ends
}

/// Keeps frames.
#[derive(Default)]
struct Kept(Vec<(i64, Vec<u8>)>);

impl PacketSink for Kept {
    fn packet(&mut self, timestamp_us: i64, frame: &[u8]) -> io::Result<()> {
        self.0.push((timestamp_us, frame.to_vec()));
        Ok(())
    }
}

/// Makes a protocol's capture: every kind of step of the intrusion first, then whatever is small enough.
fn make(golden: &Golden) -> Vec<u8> {
    let options = Options {
        seed: 20,
        duration_s: 120,
        users: 4,
        ..Options::default()
    };
    let mut kept = Kept::default();
    let truth = generate(&options, &mut kept).unwrap();
    let is_its = |flow: &&Flow| {
        flow.proto == golden.transport
            && flow.dport == golden.port
            && flow.bytes <= FLOW_BYTES_MAX
            && flow.packets >= golden.packets_min
    };
    let mut flows: Vec<&Flow> = truth.flows.iter().filter(is_its).collect();
    let mut seen = BTreeMap::<Option<String>, usize>::new();
    let turn = |flow: &&Flow| {
        let count = seen.entry(flow.step.clone()).or_default();
        *count += 1;
        *count
    };
    flows.sort_by_cached_key(turn);
    flows.truncate(golden.flows);
    let wanted: Vec<Ends> = flows
        .iter()
        .map(|flow| in_order([(flow.src, flow.sport), (flow.dst, flow.dport)]))
        .collect();
    let mut writer = pcap::Writer::new(Vec::new()).unwrap();
    for (ts_us, frame) in &kept.0 {
        if ends(frame).is_some_and(|ends| wanted.contains(&ends)) {
            writer.packet(*ts_us, frame).unwrap();
        }
    }
    writer.finish().unwrap()
}

/// What the sensor writes about a golden capture.
fn eve(folder: &Path) -> String {
    let rules = fs::read_to_string(folder.join("rules.rules")).unwrap();
    let (engine, errors) = replay::engine("rules.rules", &rules, &Variables::default());
    assert!(errors.is_empty(), "{errors:?}");
    let events = replay::file(replay::settings(), engine, &folder.join("capture.pcap")).unwrap();
    let lines = replay::eve_lines(&events, &eve::Options::default()).unwrap();
    let kept = lines
        .lines()
        .filter(|line| !line.contains(r#""event_type":"stats""#));
    kept.map(|line| format!("{line}\n")).collect()
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name)
}

fn writes() -> bool {
    env::var_os("VONGGAC_WRITE").is_some()
}

/// Checks a capture against the lines beside it.
fn check(name: &str) {
    let folder = folder(name);
    if writes() {
        fs::write(folder.join("eve.json"), eve(&folder)).unwrap();
    }
    let size = fs::metadata(folder.join("capture.pcap")).unwrap().len();
    assert!(size < FILE_BYTES_MAX, "{name} is too large");
    let expected = fs::read_to_string(folder.join("eve.json")).unwrap();
    let got = eve(&folder);
    for (number, (expected, got)) in (1..).zip(expected.lines().zip(got.lines())) {
        assert_eq!(got, expected, "{name} line {number}");
    }
    assert_eq!(got.lines().count(), expected.lines().count(), "lines of {name}");
    // The protocol's own class, files or alerts, and the flows: a capture of nothing proves nothing.
    for class in [name, "alert", "flow"] {
        let is_its = format!(r#""event_type":"{class}""#);
        assert!(
            got.lines().any(|line| line.contains(&is_its)),
            "no {class} of {name}"
        );
    }
}

#[test]
fn the_generator_makes_the_captures_that_are_its() {
    for golden in &GOLDEN {
        let made = make(golden);
        let path = folder(golden.name).join("capture.pcap");
        if writes() {
            fs::write(&path, &made).unwrap();
        }
        assert!(
            fs::read(&path).unwrap() == made,
            "{}: the generator makes another capture now",
            golden.name
        );
    }
}

#[test]
fn golden_captures_give_the_lines_beside_them() {
    let entries = fs::read_dir(folder("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.collect();
    assert!(names.len() >= GOLDEN.len());
    names.iter().for_each(|name| check(name));
}
