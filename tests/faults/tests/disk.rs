//! The disks of the spool, of ClickHouse and of Kafka fill and are freed again while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use vonggac_e2e::{Platform, Rows, Settings, run, wait_for};
use vonggac_faults::{Alike, Captures, SmallDisk, Traffic, arrives, seed, undisturbed};

/// Size of the spool's disk, in bytes.
const SPOOL_BYTES: u64 = 16 << 20;
/// Size of the servers' disks, in bytes.
const SERVER_BYTES: u64 = 256 << 20;
/// A capture's ten minutes in a minute.
const SPEED: f64 = 10.0;
/// For somebody to say that the disk is full.
const WORDS_LIMIT: Duration = Duration::from_secs(90);
/// How long it stays full after that.
const FULL: Duration = Duration::from_secs(4);
/// For events to be stored again.
const RECOVERY_LIMIT: Duration = Duration::from_secs(180);
/// For the sensor, from the last fault on.
const PLAY_LIMIT: Duration = Duration::from_secs(300);
/// For `vonggac doctor`.
const DOCTOR_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How a full disk is told, by the system and by the servers, in small letters.
const WORDS: [&str; 4] = [
    "no space left",
    "disk is full",
    "not enough space",
    "disk refuses",
];

#[test]
fn disks_that_fill_lose_nothing_and_need_nobody() {
    let seed = seed();
    let Some(mut platform) = Platform::prepare().unwrap() else {
        return;
    };
    let data = platform.data().to_owned();
    // Unmounted before the platform's directory is removed: declared after it.
    let mut disks = Vec::new();
    for (name, path, bytes, log) in [
        ("spool", data.with_file_name("spool-fault"), SPOOL_BYTES, "sensor"),
        ("clickhouse", data.join("clickhouse"), SERVER_BYTES, "pipeline"),
        ("kafka", data.join("kafka"), SERVER_BYTES, "kafka"),
    ] {
        let Some(disk) = SmallDisk::mount(&path, bytes).unwrap() else {
            return;
        };
        disks.push((name, disk, log));
    }
    platform.start_again(&Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let mut traffic = Traffic::start(&platform, &mut captures, SPEED).unwrap();
    let rows = platform.rows().unwrap();
    flows(&rows, &mut traffic).unwrap();
    for (name, disk, log) in &disks {
        let begun = Instant::now();
        let already = said(&platform, log).len();
        disk.fill().unwrap();
        let words = wait_for("words about the full disk", WORDS_LIMIT, || {
            traffic.tend()?;
            disk.fill()?;
            let lines = said(&platform, log);
            let line = lines.get(already..).and_then(<[String]>::first);
            line.cloned()
                .ok_or_else(|| anyhow::anyhow!("{log}.log says nothing about the disk of {name}"))
        });
        let words = words.unwrap();
        println!(
            "{name}: full; after {:.1} s {log}.log: {words}",
            begun.elapsed().as_secs_f64()
        );
        let until = Instant::now() + FULL;
        while Instant::now() < until {
            traffic.tend().unwrap();
            thread::sleep(LOOK);
        }
        println!("{name}: doctor: {}", problems(&platform).unwrap().join("; "));
        disk.free().unwrap();
        let freed = Instant::now();
        flows(&rows, &mut traffic).unwrap();
        println!(
            "{name}: flows {:.1} s after there was room",
            freed.elapsed().as_secs_f64()
        );
    }
    traffic.finish(PLAY_LIMIT).unwrap();
    let want = undisturbed(captures.made(), &Settings::default())
        .unwrap()
        .unwrap();
    arrives(&platform, &want, Alike::Id).unwrap();
    platform.stop().unwrap();
    for (_, disk, _) in disks {
        disk.unmount().unwrap();
    }
}

/// Waits until another event is stored.
fn flows(rows: &Rows, traffic: &mut Traffic<'_>) -> anyhow::Result<()> {
    let mut before = None;
    wait_for("another event", RECOVERY_LIMIT, || {
        traffic.tend()?;
        let now = rows.events("1", "1")?.len();
        let is_more = *before.get_or_insert(now) < now;
        ensure!(is_more, "still {now} events");
        Ok(())
    })
}

/// Lines of a log that tell of a full disk.
fn said(platform: &Platform, log: &str) -> Vec<String> {
    let text = fs::read(platform.data().join(format!("log/{log}.log"))).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| {
            let line = line.to_lowercase();
            WORDS.iter().any(|words| line.contains(words))
        })
        .map(str::to_owned)
        .collect()
}

/// What `vonggac doctor` finds.
fn problems(platform: &Platform) -> anyhow::Result<Vec<String>> {
    let mut doctor = platform.command("doctor");
    doctor.arg("--data").arg(platform.data());
    let ended = run(&mut doctor, DOCTOR_LIMIT)?;
    let lines = ended
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("problem: "));
    Ok(lines.map(str::to_owned).collect())
}
