//! A capture read now and the same capture with times of 2019 raise the same alerts but for the times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use vonggac_e2e::{AlertFacts, Platform, Sample, Settings, now_us};
use vonggac_faults::{RestartedSensor, read, resting, seed};
use vonggac_traffic::Options;

/// First word of a pcap file whose times have microseconds.
const PCAP_MAGIC: u32 = 0xa1b2_c3d4;
/// Days between the two.
const DAYS: i64 = 2_500;
/// A day in microseconds.
const DAY_US: i64 = 86_400 * 1_000_000;
/// A quarter of an hour, in microseconds: the capture that is read now begins this long ago.
const AGO_US: i64 = 900 * 1_000_000;
/// How fast the two are played beside each other.
const SPEED: &str = "30";
/// For the two that are played beside each other.
const PLAY_LIMIT: Duration = Duration::from_secs(240);

#[test]
fn the_same_capture_read_now_and_with_times_of_2019() {
    let seed = seed();
    let directory = tempfile::tempdir().unwrap();
    let starts = {
        let now = now_us() - AGO_US;
        [now, now - DAYS * DAY_US]
    };
    let captures = captures(directory.path(), seed, starts).unwrap();

    // One after the other, by one sensor.
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let mut accepted = Vec::new();
    for capture in &captures {
        accepted.push(read(&platform, "times", capture).unwrap());
    }
    assert_eq!(accepted[0], accepted[1], "events of the same packets");
    let outcome = resting(&platform, accepted.iter().sum()).unwrap();
    let in_turn = starts.map(|start| since(&outcome.alerts, start));
    println!("one after the other: {} alerts each", in_turn[0].len());
    assert!(!in_turn[0].is_empty());
    same(&in_turn[1], &in_turn[0]).unwrap();
    drop(platform);

    // Beside each other, by two.
    let platform = Platform::start(&Settings::default()).unwrap().unwrap();
    let mut sensors: Vec<RestartedSensor> = captures
        .iter()
        .zip(["times-now", "times-2019"])
        .map(|(capture, name)| {
            let mut sensor = platform.sensor(name, capture);
            sensor.args(["--speed", SPEED]);
            RestartedSensor::start(sensor).unwrap()
        })
        .collect();
    for sensor in &mut sensors {
        sensor.finish(PLAY_LIMIT).unwrap();
    }
    let outcome = resting(&platform, accepted.iter().sum()).unwrap();
    for start in starts {
        same(&since(&outcome.alerts, start), &in_turn[0]).unwrap();
    }
}

/// The same packets twice: from the first of two times on, and from the second, which is whole days from it.
fn captures(directory: &Path, seed: u64, starts: [i64; 2]) -> anyhow::Result<[PathBuf; 2]> {
    let options = Options {
        seed: seed % 1_000,
        start_us: starts[0],
        ..Options::default()
    };
    let first = Sample::write(directory.join("first.pcap"), &options)?.capture;
    let later_s = (starts[1] - starts[0]).div_euclid(1_000_000);
    let mut bytes = fs::read(&first)?;
    // What it writes: a little-endian pcap with microseconds, packets from 24 on, each after its seconds (4),
    // microseconds (4), captured (4) and original length (4).
    ensure!(
        bytes.starts_with(&PCAP_MAGIC.to_le_bytes()),
        "no pcap of microseconds"
    );
    let mut at = 24;
    while let Some(head) = bytes.get_mut(at..at + 16) {
        let seconds = u32::from_le_bytes(head[..4].try_into()?);
        let moved = u32::try_from(i64::from(seconds) + later_s)?;
        head[..4].copy_from_slice(&moved.to_le_bytes());
        at += 16 + usize::try_from(u32::from_le_bytes(head[8..12].try_into()?))?;
    }
    ensure!(at == bytes.len(), "the capture's end");
    let second = directory.join("second.pcap");
    fs::write(&second, bytes)?;
    Ok([first, second])
}

/// Alerts of a capture by rule, group and when they begin in it in microseconds, with their counts.
fn since(alerts: &BTreeMap<String, AlertFacts>, start_us: i64) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for alert in alerts.values() {
        let offset_us = alert.start_us - start_us;
        if offset_us.abs() < DAY_US {
            let key = format!("{} {:?} from {offset_us} µs", alert.title, alert.group);
            *found.entry(key).or_default() += alert.count;
        }
    }
    found
}

fn same(have: &BTreeMap<String, u64>, want: &BTreeMap<String, u64>) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for (key, count) in want {
        match have.get(key) {
            None => wrong.push(format!("{key} is missing")),
            Some(found) if found != count => wrong.push(format!("{key} counts {found} instead of {count}")),
            Some(_) => {}
        }
    }
    for (key, count) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
        wrong.push(format!("{key}, counting {count}, is one too many"));
    }
    ensure!(wrong.is_empty(), "other alerts:\n  {}", wrong.join("\n  "));
    Ok(())
}
