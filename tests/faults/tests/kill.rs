//! Kills and stops the sensor, the pipeline, ClickHouse, Kafka, the console and PostgreSQL in turn while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use vonggac_e2e::{AlertFacts, Platform, Settings, wait_for};
use vonggac_faults::{
    Alike, Captures, Fault, Plan, Stopped, Traffic, VICTIMS, arrives, seed, told, undisturbed,
};

/// Faults when nothing is told; the long form has 200.
const FAULTS: u64 = 10;
/// Longest time that a process stands still, in milliseconds: past Kafka's session of 10 s.
const STILL_MS_MAX: u64 = 12_000;
/// The same where there is time: from this number of faults on.
const LONG_FORM: (u64, u64) = (100, 30_000);
/// A capture's ten minutes in half a minute.
const SPEED: f64 = 20.0;
/// For the sensor, from the last fault on.
const PLAY_LIMIT: Duration = Duration::from_secs(240);
/// For a killed part to run again.
const RESTART_LIMIT: Duration = Duration::from_secs(90);
/// For the console to show what is stored.
const SHOWN_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn killing_or_stopping_anything_loses_nothing_and_doubles_nothing() {
    let seed = seed();
    let faults = told("VONGGAC_FAULTS_KILLS").unwrap_or(FAULTS);
    let still_ms_max = if faults >= LONG_FORM.0 {
        LONG_FORM.1
    } else {
        STILL_MS_MAX
    };
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let plan = Plan::new(seed, faults as usize, still_ms_max);
    disturb(&platform, &mut captures, &plan).unwrap();
    let want = undisturbed(captures.made(), &Settings::default())
        .unwrap()
        .unwrap();
    assert!(want.count() > 1000 && !want.alerts.is_empty());
    let have = arrives(&platform, &want, Alike::Id).unwrap();
    console_has_all(&platform, &have.alerts).unwrap();
}

/// Lets a plan happen while captures are played; returns when the last of them is over.
fn disturb(platform: &Platform, captures: &mut Captures, plan: &Plan) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut traffic = Traffic::start(platform, captures, SPEED)?;
    let mut still: Vec<(Instant, Stopped)> = Vec::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let due = Instant::now() + step.after;
        while Instant::now() < due {
            traffic.tend()?;
            still.retain(|(until, _)| Instant::now() < *until);
            thread::sleep(LOOK);
        }
        let at_s = begun.elapsed().as_secs_f64();
        println!(
            "{at_s:>6.1} s: {:>3} {} {:?}",
            number + 1,
            step.victim,
            step.fault
        );
        let is_sensor = step.victim == "sensor";
        match step.fault {
            Fault::Kill if is_sensor => traffic.kill()?,
            Fault::Kill => {
                platform.kill(step.victim)?;
            }
            Fault::Still(time) => {
                let pid = if is_sensor {
                    traffic.signal(libc::SIGSTOP)?
                } else {
                    Some(platform.signal(step.victim, libc::SIGSTOP)?)
                };
                still.extend(pid.map(|pid| (Instant::now() + time, Stopped(pid))));
            }
        }
    }
    while !still.is_empty() {
        traffic.tend()?;
        still.retain(|(until, _)| Instant::now() < *until);
        thread::sleep(LOOK);
    }
    ensure!(traffic.kills() > 0, "the sensor was never killed");
    for part in VICTIMS.into_iter().filter(|&victim| victim != "sensor") {
        let kills = plan
            .steps
            .iter()
            .filter(|step| step.victim == part && step.fault == Fault::Kill);
        let kills = kills.count() as u64;
        wait_for(part, RESTART_LIMIT, || {
            let parts = platform.parts()?;
            ensure!(
                parts.restarts(part) >= kills && parts.pid(part).is_some(),
                "it does not run: {parts:?}"
            );
            Ok(())
        })?;
    }
    traffic.finish(PLAY_LIMIT)?;
    println!("{:>6.1} s: the sensor is done", begun.elapsed().as_secs_f64());
    Ok(())
}

fn console_has_all(platform: &Platform, wanted: &BTreeMap<String, AlertFacts>) -> anyhow::Result<()> {
    let console = platform.console()?;
    // The console was killed, and while there is no account each start makes a new code.
    let code = platform.setup_code().context("no setup code")?;
    console.set_up(&code)?;
    wait_for("all alerts in the console", SHOWN_LIMIT, || {
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
