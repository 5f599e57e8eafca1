//! Suricata's alerts on the benchmark's capture with all of ET Open, beside ours.
//!
//! `bench/alerts.tsv` of the corpus has them, `bench/mixed.pcap.xz` the capture, which `xz` unpacks. Compared is which rule reports how
//! often on which flow in which direction; [`DIFFERENCES`] are those by intention.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vonggac_conformance::{corpus, replay};
use vonggac_event::proto::event::Body;
use vonggac_event::{Event, parse_address};
use vonggac_signature::Variables;

/// A rule, and the sender and the receiver of what it found.
type Alert = (u32, String, String);

/// How often each alert comes.
type Alerts = BTreeMap<Alert, usize>;

/// Rules that report otherwise than Suricata's by intention, with how often more (or less) in all, and why.
const DIFFERENCES: &[(u32, isize, &str)] = &[
    (
        2008701,
        1,
        "0B at the third byte of a chunk of a stream: where chunks begin is by chance, there and here",
    ),
    (
        2010781,
        -4,
        "the same name five times in one direction: a rule on a stream reports once for each",
    ),
    (
        2025699,
        -3,
        "two files, each found in its packet and in the stream: a rule on a stream reports once for each direction",
    ),
];

fn suricatas(folder: &Path) -> Alerts {
    let mut alerts = Alerts::new();
    for line in fs::read_to_string(folder.join("alerts.tsv"))
        .unwrap()
        .lines()
        .skip(1)
    {
        let columns: [&str; 7] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [_, sid, src, src_port, dst, dst_port, _] = columns;
        let alert = (
            sid.parse().unwrap(),
            format!("{src} {src_port}"),
            format!("{dst} {dst_port}"),
        );
        *alerts.entry(alert).or_default() += 1;
    }
    alerts
}

fn ours(events: &[Event]) -> Alerts {
    let mut alerts = Alerts::new();
    for event in events {
        let Some(Body::Signature(signature)) = &event.body else {
            continue;
        };
        let end = |address: &[u8], port: u32| format!("{} {port}", parse_address(address).unwrap());
        let (client, server) = (end(&event.src, event.sport), end(&event.dst, event.dport));
        let alert = match signature.direction.as_str() {
            "to_client" => (signature.sid, server, client),
            _ => (signature.sid, client, server),
        };
        *alerts.entry(alert).or_default() += 1;
    }
    alerts
}

/// All rule files of ET Open, one after the other.
fn rules(folder: &Path) -> String {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rules"))
        .collect();
    paths.sort();
    let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

/// Unpacks the capture; `None`, which is told, when that cannot be done here.
fn unpacked(folder: &Path) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mixed.pcap");
    let out = File::create(&path).unwrap();
    let mut xz = Command::new("xz");
    xz.arg("-dc").arg(folder.join("mixed.pcap.xz"));
    match xz.stdout(Stdio::from(out)).status() {
        Ok(status) => {
            assert!(status.success(), "xz: {status}");
            Some(path)
        }
        Err(error) => {
            println!("skipped: xz: {error}");
            None
        }
    }
}

#[test]
fn alerts_are_suricatas() {
    let (Some(bench), Some(et_open)) = (corpus::folder("bench"), corpus::folder("et-open")) else {
        return;
    };
    let Some(capture) = unpacked(&bench) else { return };
    let (engine, _) = replay::engine("et-open.rules", &rules(&et_open), &Variables::default());
    let events = replay::file(replay::settings(), engine, &capture).unwrap();
    fs::remove_file(&capture).unwrap();
    let (expected, found) = (suricatas(&bench), ours(&events));
    let mut more: BTreeMap<u32, isize> = BTreeMap::new();
    for alert in expected
        .keys()
        .chain(found.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let of = |alerts: &Alerts| {
            alerts
                .get(alert)
                .map_or(0, |count| isize::try_from(*count).unwrap())
        };
        let (theirs, ours) = (of(&expected), of(&found));
        if theirs != ours {
            println!("{alert:?}: {ours} here, {theirs} of Suricata");
            *more.entry(alert.0).or_default() += ours - theirs;
        }
    }
    let known: BTreeMap<u32, isize> = DIFFERENCES.iter().map(|(sid, more, _)| (*sid, *more)).collect();
    assert_eq!(more, known);
}
