//! The disks of the spool, of ClickHouse and of Kafka fill and are freed again while traffic flows. `VONGGAC_FAULTS_DISKS` says which, if not all
//! of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
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
    let wanted = std::env::var("VONGGAC_FAULTS_DISKS").ok();
    // With the parts that may be the first to tell.
    let all: [(&str, _, _, &[&str]); 3] = [
        (
            "spool",
            data.with_file_name("spool-fault"),
            SPOOL_BYTES,
            &["sensor"],
        ),
        (
            "clickhouse",
            data.join("clickhouse"),
            SERVER_BYTES,
            &["clickhouse", "pipeline"],
        ),
        ("kafka", data.join("kafka"), SERVER_BYTES, &["kafka"]),
    ];
    for (name, path, bytes, tellers) in all {
        let is_one_of = |wanted: &String| wanted.split(',').any(|other| other == name);
        if !wanted.as_ref().is_none_or(is_one_of) {
            continue;
        }
        let Some(disk) = SmallDisk::mount(&path, bytes).unwrap() else {
            return;
        };
        disks.push((name, disk, tellers));
    }
    assert!(!disks.is_empty(), "VONGGAC_FAULTS_DISKS={wanted:?}");
    platform.start_again(&Settings::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let mut traffic = Traffic::start(&platform, &mut captures, SPEED).unwrap();
    let rows = platform.rows().unwrap();
    flows(&rows, &mut traffic).unwrap();
    for (name, disk, tellers) in &disks {
        let begun = Instant::now();
        let already = said(&platform, tellers).len();
        disk.fill().unwrap();
        let words = wait_for("words about the full disk", WORDS_LIMIT, || {
            traffic.tend()?;
            disk.fill()?;
            let lines = said(&platform, tellers);
            ensure!(
                lines.len() > already,
                "{tellers:?} log nothing about the disk of {name}"
            );
            Ok(lines)
        })
        .unwrap();
        let words_s = begun.elapsed().as_secs_f64();
        println!("{name}: full; after {words_s:.1} s: {}", words.last().unwrap());
        let told = wait_for("the doctor's word", WORDS_LIMIT, || {
            traffic.tend()?;
            disk.fill()?;
            let problems = problems(&platform, &traffic)?;
            let own = problems.iter().find(|problem| is_of(problem, tellers, &traffic));
            own.cloned()
                .with_context(|| format!("nothing about {tellers:?}: {problems:?}"))
        })
        .unwrap();
        println!("{name}: doctor: {told}");
        let until = Instant::now() + FULL;
        while Instant::now() < until {
            traffic.tend().unwrap();
            thread::sleep(LOOK);
        }
        disk.free().unwrap();
        let freed = Instant::now();
        flows(&rows, &mut traffic).unwrap();
        let flows_s = freed.elapsed().as_secs_f64();
        wait_for("the doctor's all clear", RECOVERY_LIMIT, || {
            traffic.tend()?;
            let problems = problems(&platform, &traffic)?;
            let is_over = !problems.iter().any(|problem| is_of(problem, tellers, &traffic));
            ensure!(is_over, "{problems:?}");
            Ok(())
        })
        .unwrap();
        let clear_s = freed.elapsed().as_secs_f64();
        println!("{name}: flows {flows_s:.1} s after there was room; all clear after {clear_s:.1} s");
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

/// Lines of some parts' logs that tell of a full disk.
fn said(platform: &Platform, parts: &[&str]) -> Vec<String> {
    let lines = |part: &&str| {
        let text = fs::read(platform.data().join(format!("log/{part}.log"))).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines()
            .map(|line| format!("{part}.log: {line}"))
            .collect::<Vec<_>>()
    };
    let is_about = |line: &String| {
        let line = line.to_lowercase();
        WORDS.iter().any(|words| line.contains(words))
    };
    parts.iter().flat_map(lines).filter(is_about).collect()
}

/// Whether a problem that the doctor names is one of some parts; the sensor goes by the address of its page.
fn is_of(problem: &str, parts: &[&str], traffic: &Traffic<'_>) -> bool {
    parts.iter().any(|part| {
        let name = if *part == "sensor" {
            traffic.metrics()
        } else {
            part
        };
        problem.starts_with(name)
    })
}

/// What `vonggac doctor` finds.
fn problems(platform: &Platform, traffic: &Traffic<'_>) -> anyhow::Result<Vec<String>> {
    let mut doctor = platform.command("doctor");
    doctor.arg("--data").arg(platform.data());
    doctor.args(["--metrics", traffic.metrics()]);
    let ended = run(&mut doctor, DOCTOR_LIMIT)?;
    let lines = ended
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("problem: "));
    Ok(lines.map(str::to_owned).collect())
}
