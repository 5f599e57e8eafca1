//! Kafka's coordinator forgets a transaction that is open, as after a disk that was full or a power cut: nothing hangs, and what it had
//! written is never read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Rows, Settings, is_alive, signal, wait_for};
use vonggac_faults::{Alike, Batch, Captures, Kafka, Segment, Stopped, Traffic, arrives, seed, undisturbed};

/// What the lane of `events` writes under, and its group.
const ID: &str = "vonggac-pipeline-events-0";
const GROUP: &str = "vonggac-pipeline";
/// What the transaction writes, where matches are expected.
const NEVER_COMMITTED: &[u8] = b"of a transaction that was never committed";
/// How much faster than life the traffic goes.
const SPEED: f64 = 60.0;
/// For events to be stored again.
const FLOW_LIMIT: Duration = Duration::from_secs(120);
/// For a process to be gone.
const END_LIMIT: Duration = Duration::from_secs(10);
/// For a sensor that plays.
const PLAY_LIMIT: Duration = Duration::from_secs(180);
/// The state of a transaction that is open, as its coordinator writes it.
const ONGOING: u8 = 1;

#[test]
fn a_transaction_that_its_coordinator_forgets() {
    let seed = seed();
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let mut traffic = Traffic::start(&platform, &mut captures, SPEED).unwrap();
    let rows = platform.rows().unwrap();
    for with_place in [false, true] {
        flows(&rows, &mut traffic).unwrap();
        let forgotten = forget(&platform, with_place).unwrap();
        println!("forgotten, with the place {with_place}: {forgotten} words of the coordinator");
    }
    flows(&rows, &mut traffic).unwrap();
    traffic.finish(PLAY_LIMIT).unwrap();
    let want = undisturbed(captures.made(), &Settings::default())
        .unwrap()
        .unwrap();
    arrives(&platform, &want, Alike::Id).unwrap();
    let matches = Kafka::of(&platform).unwrap().read("matches").unwrap();
    let read = matches
        .iter()
        .filter(|found| found.payload == NEVER_COMMITTED)
        .count();
    assert_eq!(read, 0, "of {} matches", matches.len());
}

/// Waits until events are stored that were not before.
fn flows(rows: &Rows, traffic: &mut Traffic<'_>) -> anyhow::Result<()> {
    let before = rows.count("1")?;
    wait_for("more events", FLOW_LIMIT, || {
        traffic.tend()?;
        let now = rows.count("1")?;
        ensure!(now > before, "{now}, as before");
        Ok(())
    })
}

/// Kills the pipeline, leaves a transaction of its lane open that has written a message (and its place), and takes from Kafka that there is one.
/// Both are started again by `vonggac up`. Gives how many words of its coordinator that took.
fn forget(platform: &Platform, with_place: bool) -> anyhow::Result<usize> {
    let logs = platform.data().join("kafka/log");
    // What it starts again must find the log cut.
    let supervisor = platform.parts()?.supervisor().context("nobody supervises")?;
    signal(supervisor, libc::SIGSTOP);
    let supervisor = Stopped(supervisor);
    platform.kill("pipeline")?;
    let place = with_place.then_some((GROUP, "events"));
    let producer = Kafka::of(platform)?.leave_open(ID, ("matches", NEVER_COMMITTED), place)?;
    let kafka = platform.kill("kafka")?;
    wait_for("Kafka's end", END_LIMIT, || {
        ensure!(!is_alive(kafka), "it lives");
        Ok(())
    })?;
    drop(producer);
    let forgotten = cut_open(&logs)?;
    drop(supervisor);
    Ok(forgotten)
}

/// Takes from the coordinator's log that the lane's transaction is open.
fn cut_open(logs: &Path) -> anyhow::Result<usize> {
    for directory in fs::read_dir(logs)? {
        let name = directory?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("__transaction_state-") {
            continue;
        }
        let coordinator = Segment::last(logs, &name)?;
        let is_open = |batch: &&Batch| state(&coordinator, batch) == Some(ONGOING);
        let forgotten = coordinator.batches.iter().rev().take_while(is_open).count();
        if forgotten > 0 {
            coordinator.cut(coordinator.batches.len() - forgotten)?;
            return Ok(forgotten);
        }
    }
    anyhow::bail!("the transaction is not open")
}

/// The state of the lane's transaction that a batch of its coordinator's log tells.
fn state(coordinator: &Segment, batch: &Batch) -> Option<u8> {
    // Key: version (2 bytes), length (2), id. Value: version (2), producer (8), epoch (2), time limit in ms (4), state (1), …
    let (key, value) = coordinator.first_message(batch)?;
    (key.get(4..) == Some(ID.as_bytes())).then_some(*value.get(16)?)
}
