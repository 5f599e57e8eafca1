//! Three pipelines over eight partitions: each is killed, stopped past its session, and joined by a fourth, at random, while traffic flows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Settings, repository, signal, wait_for};
use vonggac_faults::{Alike, Captures, Random, Stopped, Traffic, arrives, seed, told, undisturbed};

/// Moves when nothing is told; the long form has 100.
const MOVES: u64 = 6;
/// Those that `vonggac up` keeps running.
const PIPELINES: [&str; 3] = ["pipeline", "pipeline-2", "pipeline-3"];
/// Partitions of `events` and of `matches`.
const PARTITIONS: &str = "8";
/// A capture's ten minutes in two. A partition that nobody works on for a minute is then five minutes of event time behind the others,
/// well within the lateness.
const SPEED: f64 = 5.0;
/// Time between two moves, in milliseconds.
const APART_MS: (u64, u64) = (2_000, 7_000);
/// How long a pipeline stands still, in milliseconds: past its session of 10 s.
const STILL_MS: (u64, u64) = (12_000, 16_000);
/// How long a fourth one stays, in milliseconds.
const STAY_MS: (u64, u64) = (3_000, 15_000);
/// For the sensor, from the last move on.
const PLAY_LIMIT: Duration = Duration::from_secs(300);
/// For a pipeline that is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

#[test]
fn partitions_that_move_lose_nothing_and_double_nothing() {
    let seed = seed();
    let moves = told("VONGGAC_FAULTS_MOVES").unwrap_or(MOVES);
    let several = Settings {
        arguments: ["--pipelines", "3", "--partitions", PARTITIONS]
            .map(str::to_owned)
            .to_vec(),
    };
    let Some(platform) = Platform::start(&several).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    disturb(&platform, &mut captures, seed, moves).unwrap();
    let want = undisturbed(captures.made(), &several).unwrap().unwrap();
    assert!(want.count() > 1000 && !want.alerts.is_empty());
    arrives(&platform, &want, Alike::Group).unwrap();
}

/// What is going to end by itself.
enum Guest {
    /// A pipeline of `vonggac up` that stands still.
    Still(Stopped),
    /// A fourth pipeline; whether it is killed.
    Fourth(Fourth, bool),
}

fn disturb(platform: &Platform, captures: &mut Captures, seed: u64, moves: u64) -> anyhow::Result<()> {
    let mut random = Random::new(seed);
    let begun = Instant::now();
    let mut traffic = Traffic::start(platform, captures, SPEED)?;
    // Whoever is left is ended when this is dropped.
    let mut staying: Vec<(Instant, Guest)> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for number in 1..=moves {
        let due = Instant::now() + random.between(APART_MS);
        while Instant::now() < due {
            traffic.tend()?;
            end_due(&mut staying)?;
            thread::sleep(LOOK);
        }
        if kinds.is_empty() {
            kinds = random.shuffled(&["kill", "still", "join"]);
        }
        let kind = kinds.pop().unwrap_or("kill");
        let pipeline = PIPELINES[random.below(3) as usize];
        let at_s = begun.elapsed().as_secs_f64();
        match kind {
            "kill" => {
                let pid = platform.kill(pipeline)?;
                println!("{at_s:>6.1} s: {number:>3} {pipeline} (process {pid}) is killed");
            }
            "still" => {
                let time = random.between(STILL_MS);
                let pid = platform.signal(pipeline, libc::SIGSTOP)?;
                println!("{at_s:>6.1} s: {number:>3} {pipeline} (process {pid}) stands still for {time:?}");
                staying.push((Instant::now() + time, Guest::Still(Stopped(pid))));
            }
            _ => {
                let time = random.between(STAY_MS);
                let is_killed = random.below(2) == 0;
                println!("{at_s:>6.1} s: {number:>3} another joins for {time:?}, killed: {is_killed}");
                let fourth = Fourth::start(platform, number)?;
                staying.push((Instant::now() + time, Guest::Fourth(fourth, is_killed)));
            }
        }
    }
    while !staying.is_empty() {
        traffic.tend()?;
        end_due(&mut staying)?;
        thread::sleep(LOOK);
    }
    traffic.finish(PLAY_LIMIT)?;
    println!("{:>6.1} s: the sensor is done", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Ends those whose time has come.
fn end_due(staying: &mut Vec<(Instant, Guest)>) -> anyhow::Result<()> {
    for (_, guest) in staying.extract_if(.., |(until, _)| Instant::now() >= *until) {
        match guest {
            Guest::Still(stopped) => drop(stopped),
            Guest::Fourth(fourth, true) => drop(fourth),
            Guest::Fourth(fourth, false) => fourth.stop()?,
        }
    }
    Ok(())
}

/// A pipeline that this test started; killed when dropped.
struct Fourth {
    child: Child,
    log: PathBuf,
}

impl Fourth {
    fn start(platform: &Platform, number: u64) -> anyhow::Result<Self> {
        let mut command: Command = platform.command("pipeline");
        command
            .arg("--config")
            .arg(platform.client_settings())
            .args(["--partitions", PARTITIONS])
            .args(["--instance", &format!("fourth-{number}")])
            .arg("--rules")
            .arg(repository().join("rules/content/sigma"));
        let log = platform.data().join("log/pipeline-fourth.log");
        let file = File::options().create(true).append(true).open(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let child = command.spawn().context("pipeline")?;
        Ok(Self { child, log })
    }

    /// Stops it as a service manager does.
    fn stop(mut self) -> anyhow::Result<()> {
        signal(i32::try_from(self.child.id())?, libc::SIGTERM);
        let status = wait_for("the fourth pipeline's end", STOP_LIMIT, || {
            self.child.try_wait()?.context("it goes on")
        })?;
        ensure!(
            status.success(),
            "the fourth pipeline ended with {status}; see {}",
            self.log.display()
        );
        Ok(())
    }
}

impl Drop for Fourth {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
