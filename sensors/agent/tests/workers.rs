//! A capture with several workers tells what it tells with one. The benchmark capture of the corpus is read when `VONGGAC_CORPUS` names one;
//! traffic of the lab else.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use serde_json::Value;
use vonggac_agent::Options;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// What a run told.
#[derive(Debug, PartialEq)]
struct Told {
    /// Events of each kind, by signature or conversation; alerts with the packet of the capture that is their cause.
    events: BTreeMap<(String, String, u64), usize>,
    flow_ids: usize,
    packets: Value,
    by_class: Value,
    counters: BTreeMap<String, u64>,
}

/// Counters of work that depends on when a flow is looked at, or on how memory is shared.
const OF_THE_ROUNDS: [&str; 2] = ["signature_candidates", "events_waiting_bytes"];

async fn read(capture: &Path, rules: &[PathBuf], workers: usize, more: &[&str]) -> Told {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let mut line = vec!["sensor".to_owned()];
    line.extend([
        "--read".to_owned(),
        capture.display().to_string(),
        "--workers".to_owned(),
        workers.to_string(),
    ]);
    line.extend([
        "--eve".to_owned(),
        path("eve.json"),
        "--summary".to_owned(),
        path("summary.json"),
    ]);
    // One at the end: in between they tell what rounds were done by then.
    line.extend(["--stats-seconds".to_owned(), "4000000000".to_owned()]);
    line.extend(more.iter().map(|&word| word.to_owned()));
    for file in rules {
        line.extend(["--rules".to_owned(), file.display().to_string()]);
    }
    let options = Line::try_parse_from(line).unwrap().options;
    assert!(vonggac_agent::run(options, std::future::pending()).await.unwrap());
    let mut events = BTreeMap::new();
    let mut flow_ids = std::collections::BTreeSet::new();
    for line in fs::read_to_string(path("eve.json")).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["event_type"].as_str().unwrap().to_owned();
        let name = match kind.as_str() {
            "alert" => event["alert"]["signature_id"].to_string(),
            "stats" => continue,
            _ => event["community_id"].to_string(),
        };
        // What a flow tells when its time is over comes with whatever packet shows the time.
        let packet = match kind.as_str() {
            "alert" => event["pcap_cnt"].as_u64().unwrap_or(0),
            _ => 0,
        };
        *events.entry((kind, name, packet)).or_default() += 1;
        flow_ids.extend(event["flow_id"].as_u64());
    }
    let summary: Value = serde_json::from_slice(&fs::read(path("summary.json")).unwrap()).unwrap();
    let counters = summary["counters"].as_object().unwrap();
    let counters = counters
        .iter()
        .filter(|(name, _)| !OF_THE_ROUNDS.contains(&name.as_str()));
    Told {
        events,
        flow_ids: flow_ids.len(),
        packets: summary["packets"].clone(),
        by_class: summary["events"]["by_class"].clone(),
        counters: counters
            .map(|(name, count)| (name.clone(), count.as_u64().unwrap()))
            .collect(),
    }
}

/// The rules of the corpus that alert on its benchmark capture, in a file: all of them would only take longer.
fn alerting(corpus: &Path, directory: &Path) -> PathBuf {
    let alerts = fs::read_to_string(corpus.join("bench/alerts.tsv")).unwrap();
    let sids: std::collections::BTreeSet<&str> = alerts.split_whitespace().collect();
    let mut rules = String::new();
    for file in fs::read_dir(corpus.join("et-open")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rules") {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let sid = |line: &str| Some(line.split_once("sid:")?.1.split_once(';')?.0.to_owned());
        for line in text.lines().filter(|line| line.starts_with("alert")) {
            if sid(line).is_some_and(|sid| sids.contains(sid.as_str())) {
                rules += line;
                rules += "\n";
            }
        }
    }
    let path = directory.join("alerting.rules");
    fs::write(&path, rules).unwrap();
    path
}

/// Traffic of the lab, in a file at this path.
fn generated(path: &Path) -> PathBuf {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut writer = vonggac_traffic::pcap::Writer::new(file).unwrap();
    vonggac_traffic::generate(&vonggac_traffic::Options::default(), &mut writer).unwrap();
    writer.finish().unwrap();
    path.to_owned()
}

/// The corpus' benchmark capture and its rules, or the lab's traffic and the shipped rules.
fn capture(directory: &Path) -> (PathBuf, Vec<PathBuf>) {
    let capture = directory.join("capture.pcap");
    if let Some(corpus) = std::env::var_os("VONGGAC_CORPUS").map(PathBuf::from) {
        let packed = corpus.join("bench/mixed.pcap.xz");
        let out = File::create(&capture).unwrap();
        let unpacked = Command::new("xz").arg("-dc").arg(packed).stdout(out).status();
        assert!(unpacked.unwrap().success());
        return (capture, vec![alerting(&corpus, directory)]);
    }
    println!("VONGGAC_CORPUS is not set: traffic of the lab is read");
    let capture = generated(&capture);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/content/signatures");
    (capture, vec![shipped])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_tell_what_one_tells() {
    let directory = tempfile::tempdir().unwrap();
    let (capture, rules) = capture(directory.path());
    let one = read(&capture, &rules, 1, &[]).await;
    assert!(one.events.keys().any(|(kind, ..)| kind == "alert"));
    for workers in [2, 5] {
        let several = read(&capture, &rules, workers, &[]).await;
        for (event, count) in &one.events {
            assert_eq!(
                several.events.get(event),
                Some(count),
                "{event:?} with {workers} workers"
            );
        }
        assert_eq!(one, several, "{workers} workers");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_leaves_out_of_a_capture_what_it_does_not_want() {
    // `tcp`, of IPv4 and IPv6.
    const TCP: &str =
        "9,40 0 0 12,21 0 2 34525,48 0 0 20,21 3 4 6,21 0 3 2048,48 0 0 23,21 0 1 6,6 0 0 262144,6 0 0 0";
    let directory = tempfile::tempdir().unwrap();
    let capture = generated(&directory.path().join("capture.pcap"));
    let all = read(&capture, &[], 1, &[]).await;
    let some = read(&capture, &[], 2, &["--bpf", TCP]).await;
    let tcp = all.counters["packets_tcp"];
    assert!(tcp > 0 && all.packets["received"].as_u64().unwrap() > tcp);
    assert_eq!(some.packets["received"], tcp);
    assert_eq!(some.counters["packets_tcp"], tcp);
    assert_eq!(some.by_class["http"], all.by_class["http"]);
}
