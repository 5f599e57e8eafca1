//! Of ordinary traffic nothing is told: anomalies on at most one flow in a thousand of the clean captures of the corpus.
//!
//! The corpus is made of other projects' tests, so that many captures are odd on purpose. Those are left out by what their names say of
//! them ([`ODD`]) or, where the names are silent, by what was found in them ([`ALTERED`]).
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vonggac_conformance::{corpus, replay};
use vonggac_event::proto::event::Body;
use vonggac_signature::Variables;

const FOLDERS: [&str; 4] = ["arkime", "eternalsafety", "pcaps", "zeek"];

/// Flows with an anomaly, of so many one may be.
const FLOWS_TO_ONE: usize = 1000;

/// What is odd on purpose says so.
const ODD: &[&str] = &[
    "synthetic",
    "fuzz",
    "malformed",
    "invalid",
    "bad",
    "error",
    "violation",
    "overflow",
    "confusion",
    "inject",
    "unclosed",
    "unanswered",
    "issue",
    "no-syn-ack",
    "then-rst",
    "payload-syn",
    "reassembly",
    "fragmented",
    "http_09",
    "no-version",
    "https-to-http",
    "to-ssh",
    // HTTP/1.1 without a host, which the server refuses.
    "http-single-conn-22",
    // Each function of a Modbus device tried in turn.
    "modbus.pcap",
];

/// Captures whose packets are not as they went over a wire.
const ALTERED: &[(&str, &str)] = &[
    ("smtp-subject-8859", "other text, old checksum"),
    ("smtp-subject-gb2312", "other text, old checksum"),
    ("smtp-subject-utf8-mixed", "other text, old checksum"),
    ("smtp-zip", "other text, old checksum"),
    ("http-simple-get", "other text, old checksum"),
    ("mysql-allow", "other text, old checksum"),
    ("postgres-no-sslrequest", "other text, old checksum"),
    ("geneve-many-options", "other options, old checksum"),
    ("bigtransfer", "380 MB of a transfer cut out of its middle"),
    ("communityid/tcp.pcap", "only the first 96 bytes of each packet"),
    (
        "pppoe-over-qinq",
        "the link's padding counted into the length of IP",
    ),
    ("dns-update", "an answer that counts other records than it has"),
];

/// Ordinary traffic that is told of nevertheless, and why. What is mended leaves this list, or the test fails.
const FALSE_ALARMS: &[(&str, &str)] = &[
    (
        "https2-301-get",
        "tls_malformed: a hello in the form of SSL 2.0, which old clients send",
    ),
    (
        "arkime/tests/pcap/pppoe.pcap",
        "tls_malformed: a hello in the form of SSL 2.0",
    ),
    ("ssl.v3", "tls_malformed: a hello in the form of SSL 2.0"),
    ("twovlan", "http_malformed: the capture ends amid a body"),
    (
        "putty-upload",
        "http_malformed: the server answers and closes before it has read the request",
    ),
    ("Teredo", "dns_malformed_data: bytes behind the last record"),
];

fn is_among(table: &[(&str, &str)], path: &Path) -> Option<usize> {
    let path = path.to_string_lossy();
    table.iter().position(|(part, _)| path.contains(part))
}

fn is_odd(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ODD.iter().any(|part| name.contains(part)) || is_among(ALTERED, path).is_some()
}

/// How many flows a capture has, and the anomalies of each that has any.
fn look(path: &Path) -> (usize, BTreeMap<u64, BTreeSet<String>>) {
    let (engine, _) = replay::engine("none.rules", "", &Variables::default());
    // Some files of the corpus are no captures, on purpose.
    let events = replay::file(replay::settings(), engine, path).unwrap_or_default();
    let (mut flows, mut odd) = (0, BTreeMap::<u64, BTreeSet<String>>::new());
    for event in &events {
        match &event.body {
            Some(Body::Flow(_)) => flows += 1,
            Some(Body::Anomaly(anomaly)) if event.flow_id != 0 => {
                odd.entry(event.flow_id).or_default().insert(anomaly.kind.clone());
            }
            _ => {}
        }
    }
    (flows, odd)
}

#[test]
fn ordinary_flows_have_no_anomalies() {
    let (mut flows, mut told, mut lines) = (0, 0, Vec::new());
    let mut alarmed = BTreeSet::new();
    for folder in FOLDERS {
        let Some(folder) = corpus::folder(folder) else {
            return;
        };
        for path in corpus::captures(&folder)
            .unwrap()
            .into_iter()
            .filter(|path| !is_odd(path))
        {
            let (count, odd) = look(&path);
            flows += count;
            match is_among(FALSE_ALARMS, &path) {
                Some(known) if !odd.is_empty() => drop(alarmed.insert(known)),
                _ if odd.is_empty() => {}
                _ => {
                    told += odd.len();
                    lines.push(format!(
                        "{}: {:?}",
                        path.display(),
                        odd.values().collect::<Vec<_>>()
                    ));
                }
            }
        }
    }
    println!(
        "{flows} flows, {told} with anomalies, {} known false alarms",
        FALSE_ALARMS.len()
    );
    assert!(flows > 1000, "only {flows} flows");
    assert!(
        told * FLOWS_TO_ONE <= flows,
        "{told} of {flows} flows:\n{}",
        lines.join("\n")
    );
    for (index, (name, why)) in FALSE_ALARMS.iter().enumerate() {
        assert!(
            alarmed.contains(&index),
            "no more false alarm: take it out: {name} ({why})"
        );
    }
}
