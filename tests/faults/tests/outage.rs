//! ClickHouse does not answer for a while, and traffic flows on: the alerts count what they would have counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread;
use std::time::{Duration, Instant};

use vonggac_e2e::{Platform, Settings, wait_for};
use vonggac_faults::{Alike, Captures, Stopped, Traffic, arrives, seed, told, undisturbed};

/// Seconds without ClickHouse when nothing is told; the long form has 600.
const OUTAGE_S: u64 = 20;
/// A capture's ten minutes in half a minute.
const SPEED: f64 = 20.0;
/// For the first event to be stored.
const FIRST_LIMIT: Duration = Duration::from_secs(90);
/// For the sensor, from the end of the outage on.
const PLAY_LIMIT: Duration = Duration::from_secs(240);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn clickhouse_away_changes_no_count() {
    let seed = seed();
    let outage = Duration::from_secs(told("VONGGAC_FAULTS_OUTAGE").unwrap_or(OUTAGE_S));
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let mut traffic = Traffic::start(&platform, &mut captures, SPEED).unwrap();
    let rows = platform.rows().unwrap();
    wait_for("the first event", FIRST_LIMIT, || {
        anyhow::ensure!(!rows.events("1", "1")?.is_empty(), "nothing is stored");
        Ok(())
    })
    .unwrap();
    // It keeps its connections and its port, so that nobody notices but by its silence.
    let stopped = Stopped(platform.signal("clickhouse", libc::SIGSTOP).unwrap());
    let until = Instant::now() + outage;
    while Instant::now() < until {
        traffic.tend().unwrap();
        thread::sleep(LOOK);
    }
    drop(stopped);
    println!("ClickHouse was away for {} s", outage.as_secs());
    traffic.finish(PLAY_LIMIT).unwrap();
    let want = undisturbed(captures.made(), &Settings::default())
        .unwrap()
        .unwrap();
    assert!(!want.alerts.is_empty());
    arrives(&platform, &want, Alike::Id).unwrap();
}
