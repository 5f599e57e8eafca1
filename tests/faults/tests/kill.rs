//! Kills the sensor, the pipeline, ClickHouse, Kafka and the console in turn while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use vonggac_e2e::{AlertFacts, Platform, Sample, Settings, alerts, run, sequences, wait_for};
use vonggac_faults::{Plan, RestartedSensor, seed};

/// Rounds of kills.
const ROUNDS: usize = 2;
/// The sample's ten minutes in half a minute.
const SPEED: &str = "20";
/// For the sensor, from the last kill on.
const PLAY_LIMIT: Duration = Duration::from_secs(90);
/// For everything to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(90);
/// For a killed part to run again.
const RESTART_LIMIT: Duration = Duration::from_secs(45);
/// What arrives twice would have arrived within this time.
const AFTERMATH: Duration = Duration::from_secs(3);

/// What a run leaves: how many events each incarnation of a spool accepted, in order of number, and the alerts.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<u64>,
    alerts: BTreeMap<String, AlertFacts>,
}

#[test]
fn killing_anything_loses_nothing_and_doubles_nothing() {
    let seed = seed();
    println!("seed {seed}: VONGGAC_FAULTS_SEED={seed} runs it again");
    let directory = tempfile::tempdir().unwrap();
    let sample = Sample::generate(directory.path(), seed % 1000, vonggac_traffic::START_US_DEFAULT).unwrap();
    let Some(undisturbed) = undisturbed(&sample).unwrap() else {
        return;
    };
    let count: u64 = undisturbed.events.iter().sum();
    println!("undisturbed: {count} events, {} alerts", undisturbed.alerts.len());
    assert!(count > 1000 && !undisturbed.alerts.is_empty());

    let begun = Instant::now();
    let platform = Platform::start(&Settings::default())
        .unwrap()
        .expect("it was there a moment ago");
    let outcome = disturbed(&platform, &sample, &Plan::new(seed, ROUNDS), count).unwrap();
    println!("disturbed: {} s", begun.elapsed().as_secs());
    assert_eq!(outcome.events, undisturbed.events, "seed {seed}");
    same_alerts(&outcome.alerts, &undisturbed.alerts);
    console_has_all(&platform, &outcome.alerts).unwrap();
}

/// The same capture with nobody killed: the measure.
fn undisturbed(sample: &Sample) -> anyhow::Result<Option<Outcome>> {
    let Some(platform) = Platform::start(&Settings::default())? else {
        return Ok(None);
    };
    let summary = sample.capture.with_file_name("summary.json");
    let mut sensor = platform.sensor("fault", &sample.capture);
    sensor.arg("--summary").arg(&summary);
    let ended = run(&mut sensor, PLAY_LIMIT)?;
    ensure!(ended.code() == 0, "{}", ended.err);
    let summary: Value = serde_json::from_slice(&fs::read(&summary)?)?;
    let accepted = summary["events"]["accepted"].as_u64().context("accepted")?;
    let outcome = arrived(&platform, accepted)?;
    Ok(Some(outcome))
}

fn disturbed(platform: &Platform, sample: &Sample, plan: &Plan, count: u64) -> anyhow::Result<Outcome> {
    let mut command = platform.sensor("fault", &sample.capture);
    command.args(["--speed", SPEED]);
    let log = fs::File::create(platform.data().join("log/sensor.log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    let mut sensor = RestartedSensor::start(command)?;
    let begun = Instant::now();
    for kill in &plan.kills {
        thread::sleep(kill.pause);
        println!("{:>6.1} s: kill {}", begun.elapsed().as_secs_f64(), kill.victim);
        if kill.victim == "sensor" {
            sensor.kill()?;
        } else {
            platform.kill(kill.victim)?;
        }
    }
    ensure!(sensor.kills > 0, "the sensor was never killed");
    ensure!(!sensor.is_done()?, "the traffic was over before the last kill");
    for part in ["pipeline", "clickhouse", "kafka", "console"] {
        wait_for(part, RESTART_LIMIT, || {
            let parts = platform.parts()?;
            ensure!(
                parts.restarts(part) >= ROUNDS as u64 && parts.pid(part).is_some(),
                "it does not run: {parts:?}"
            );
            Ok(())
        })?;
    }
    sensor.finish(PLAY_LIMIT)?;
    println!("{:>6.1} s: the sensor is done", begun.elapsed().as_secs_f64());
    arrived(platform, count)
}

/// Waits until `count` events and an unchanging set of alerts are stored, then sees that the ids are 1 to N, each once.
fn arrived(platform: &Platform, count: u64) -> anyhow::Result<Outcome> {
    let rows = platform.rows()?;
    let total =
        |events: &BTreeMap<u64, Vec<u64>>| events.values().map(|sequence| sequence.len() as u64).sum::<u64>();
    wait_for("all events", ARRIVAL_LIMIT, || {
        let have = total(&sequences(&rows)?);
        ensure!(have >= count, "{have} of {count} events");
        Ok(())
    })?;
    let mut before = BTreeMap::new();
    wait_for("the alerts", ARRIVAL_LIMIT, || {
        thread::sleep(AFTERMATH);
        let now = alerts(&rows)?;
        let is_still = !now.is_empty() && now == before;
        before = now;
        ensure!(is_still, "still changing, {} so far", before.len());
        Ok(())
    })?;
    let found = sequences(&rows)?;
    let mut events = Vec::new();
    for (incarnation, sequence) in found {
        let is_complete = sequence.iter().zip(1..).all(|(&have, want)| have == want);
        ensure!(
            is_complete,
            "incarnation {incarnation:016x}: {}",
            holes(&sequence)
        );
        events.push(sequence.len() as u64);
    }
    events.sort_unstable();
    Ok(Outcome {
        events,
        alerts: before,
    })
}

/// What is wrong with an ordered list of numbers.
fn holes(sequence: &[u64]) -> String {
    let unique: BTreeSet<u64> = sequence.iter().copied().collect();
    let last = unique.last().copied().unwrap_or_default();
    let lost: Vec<u64> = (1..=last).filter(|number| !unique.contains(number)).collect();
    let twice = sequence.len() - unique.len();
    format!(
        "1 to {last}: {} lost (first {:?}), {twice} twice",
        lost.len(),
        lost.first()
    )
}

/// The same alerts, by their ids. Which of many matches an alert names, and in which order, depends on how the partitions' events
/// interleave; how many there were does not.
fn same_alerts(have: &BTreeMap<String, AlertFacts>, want: &BTreeMap<String, AlertFacts>) {
    let mut wrong = Vec::new();
    for (id, alert) in want {
        match have.get(id) {
            None => wrong.push(format!("{id} ({}) is missing", shown(alert))),
            Some(found) if (&found.rule_id, &found.techniques) != (&alert.rule_id, &alert.techniques) => {
                wrong.push(format!(
                    "{id} is of rule {} instead of {}",
                    found.rule_id, alert.rule_id
                ));
            }
            Some(found) if found.count != alert.count => {
                let sets = [found, alert].map(|facts| facts.events.iter().collect::<BTreeSet<_>>());
                let others = sets[0].symmetric_difference(&sets[1]).count();
                wrong.push(format!(
                    "{id} ({}) counts {} instead of {}; it names {} events instead of {}, {others} differ",
                    alert.title,
                    found.count,
                    alert.count,
                    sets[0].len(),
                    sets[1].len()
                ));
            }
            Some(_) => {}
        }
    }
    for (id, alert) in have.iter().filter(|(id, _)| !want.contains_key(*id)) {
        wrong.push(format!("{id} ({}) is one too many", shown(alert)));
    }
    assert!(
        wrong.is_empty(),
        "other alerts than undisturbed:\n  {}",
        wrong.join("\n  ")
    );
}

fn shown(alert: &AlertFacts) -> String {
    format!(
        "{}, {:?}, {} matches from {}",
        alert.title, alert.hosts, alert.count, alert.window_start
    )
}

fn console_has_all(platform: &Platform, wanted: &BTreeMap<String, AlertFacts>) -> anyhow::Result<()> {
    let console = platform.console()?;
    console.set_up(&setup_code(platform)?)?;
    wait_for("all alerts in the console", ARRIVAL_LIMIT, || {
        let shown = console.alerts()?;
        let ids: BTreeSet<&str> = shown.iter().filter_map(|alert| alert["id"].as_str()).collect();
        ensure!(
            ids == wanted.keys().map(String::as_str).collect(),
            "{} shown, {} stored",
            ids.len(),
            wanted.len()
        );
        Ok(())
    })
}

/// The console was killed, and while there is no account each start makes a new code.
fn setup_code(platform: &Platform) -> anyhow::Result<String> {
    let path: &Path = platform.data();
    platform
        .setup_code()
        .with_context(|| format!("no setup code in {}", path.display()))
}
