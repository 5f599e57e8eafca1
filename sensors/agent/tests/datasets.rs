//! Sets that rules fill outlive the sensor.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use clap::Parser as _;
use serde_json::Value;
use vonggac_agent::Options;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A capture of DNS queries for these names of one label from 192.0.2.1, a second between two.
fn capture(names: &[&str]) -> Vec<u8> {
    let mut capture = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    capture.extend([0; 8]);
    // Frames begin with the IP header.
    capture.extend([0, 0, 1, 0, 101, 0, 0, 0]);
    for (name, second) in names.iter().zip(1_700_000_000_u32..) {
        let payload = query(name);
        let udp = u16::try_from(8 + payload.len()).unwrap();
        let mut frame = vec![0x45, 0];
        frame.extend((20 + udp).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        let sum: u32 = frame
            .chunks(2)
            .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
            .sum();
        let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        frame[10..12].copy_from_slice(&sum.to_be_bytes());
        for number in [1001, 53, udp, 0] {
            frame.extend(number.to_be_bytes());
        }
        frame.extend(payload);
        let length = u32::try_from(frame.len()).unwrap();
        for number in [second, 0, length, length] {
            capture.extend(number.to_le_bytes());
        }
        capture.extend(frame);
    }
    capture
}

/// RFC 1035, 4.1: one question, for the address of a name.
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.push(u8::try_from(name.len()).unwrap());
    message.extend(name.as_bytes());
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// Reads queries for the names with the rules in `place`: numbers of the signatures that alerted, in order of number, and the counters.
async fn read(place: &Path, names: &[&str]) -> (Vec<u64>, Value) {
    let path = |name: &str| place.join(name).display().to_string();
    fs::write(path("a.pcap"), capture(names)).unwrap();
    let words = [
        "sensor",
        "--read",
        "a.pcap",
        "--rules",
        "rules",
        "--eve",
        "eve.json",
        "--summary",
        "summary.json",
    ];
    let line = words.map(|word| match word.starts_with("--") || word == "sensor" {
        true => word.to_owned(),
        false => path(word),
    });
    let options = Line::try_parse_from(line).unwrap().options;
    assert!(vonggac_agent::run(options, std::future::pending()).await.unwrap());
    let eve = fs::read_to_string(path("eve.json")).unwrap();
    let alerts = eve.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["alert"]["signature_id"].as_u64()
    });
    let summary: Value = serde_json::from_slice(&fs::read(path("summary.json")).unwrap()).unwrap();
    let mut alerts: Vec<u64> = alerts.collect();
    alerts.sort_unstable();
    (alerts, summary["counters"].clone())
}

const FILLING: &str = "\
    alert dns any any -> any any (dns.query; dataset:set,names,type string,state names.lst; sid:1;)\n\
    alert dns any any -> any any (dns.query; to_md5; dataset:set,sums,type md5,state sums.lst; sid:2;)\n\
    alert dns any any -> any any (dns.query; to_sha256; dataset:set,hashes,type sha256,save hashes.lst; sid:3;)\n\
    alert udp any any -> any 53 (ip.src; dataset:set,hosts,type ip,save hosts.lst; sid:4;)\n";
const ASKING: &str = "\
    alert dns any any -> any any (dns.query; dataset:isset,names,type string,state names.lst; sid:11;)\n\
    alert dns any any -> any any (dns.query; to_md5; dataset:isset,sums,type md5,load sums.lst; sid:12;)\n\
    alert dns any any -> any any (dns.query; to_sha256; dataset:isset,hashes,type sha256,load hashes.lst; sid:13;)\n\
    alert udp any any -> any 53 (ip.src; dataset:isset,hosts,type ip,load hosts.lst; sid:14;)\n";

#[tokio::test]
async fn what_rules_put_into_a_set_is_there_at_the_next_start() {
    let place = tempfile::tempdir().unwrap();
    let rules = place.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("a.rules"), FILLING).unwrap();
    let (alerts, counters) = read(place.path(), &["evil", "evil"]).await;
    assert_eq!(alerts, [1, 2, 3, 4], "{counters}");
    assert_eq!(counters["datasets_saved"], 4);
    for (file, text) in [
        ("names.lst", "ZXZpbA==\n"),
        ("sums.lst", "4034a346ccee15292d823416f7510a2f\n"),
        (
            "hashes.lst",
            "b5c1fb2efc6d6b4674c2fdcc48ce01b43a3b7c03763c0c3355de0099ee0f8c73\n",
        ),
        ("hosts.lst", "192.0.2.1\n"),
    ] {
        assert_eq!(fs::read_to_string(rules.join(file)).unwrap(), text, "{file}");
    }
    fs::write(rules.join("a.rules"), ASKING).unwrap();
    let (alerts, counters) = read(place.path(), &["good", "evil"]).await;
    assert_eq!(alerts, [11, 12, 13, 14, 14], "of the other name its host only");
    assert!(
        counters["datasets_saved"].is_null(),
        "nothing has changed: {counters}"
    );
}

#[tokio::test]
async fn a_set_that_cannot_be_saved_is_counted() {
    let place = tempfile::tempdir().unwrap();
    let rules = place.path().join("rules");
    fs::create_dir_all(rules.join("taken.lst.new")).unwrap();
    let rule =
        "alert dns any any -> any any (dns.query; dataset:set,seen,type string,save taken.lst; sid:1;)\n";
    fs::write(rules.join("a.rules"), rule).unwrap();
    let (alerts, counters) = read(place.path(), &["evil"]).await;
    assert_eq!(alerts, [1]);
    assert_eq!(counters["datasets_save_failed"], 1, "{counters}");
}
