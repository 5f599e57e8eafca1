//! Kafka's log and the spool become others than they were: every event of every run is there once all the same, and nothing loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Rows, Settings, accepted};
use vonggac_faults::{
    Alike, Captures, Kafka, RestartedSensor, Segment, arrives, read, resting, seed, undisturbed,
    wait_for_events,
};

/// Name of every sensor here.
const NAME: &str = "fault";
/// For a sensor that plays.
const PLAY_LIMIT: Duration = Duration::from_secs(180);
/// Longer than a pipeline takes to look twice whether its log is the one it was.
const LOOP: Duration = Duration::from_secs(25);
/// What the pipeline says when it is not.
const REPORT: &str = "Kafka's log is not the one it was";

#[test]
fn a_log_that_goes_back_and_a_spool_that_is_lost() {
    let seed = seed();
    let Some(mut platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let mut number = 0..;
    let mut next = || captures.get(number.next().unwrap()).unwrap();
    let rows = platform.rows().unwrap();
    let kafka = Kafka::of(&platform).unwrap();
    let mut count = read(&platform, NAME, &next()).unwrap();

    fs::remove_dir_all(spool(&platform, NAME)).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    stored(&platform, count, "the spool was deleted").unwrap();

    count += two_of_one_name(&platform, [&next(), &next()], &rows, count).unwrap();
    stored(&platform, count, "two sensors had one name").unwrap();
    assert_eq!(reports(&platform), 0);

    // The new log stays shorter than the old one was.
    kafka.make_again("events", 1).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    stored(&platform, count, "`events` was made again").unwrap();
    assert_eq!(reports(&platform), 1);

    // The new log is longer than the old one was, perhaps before anybody looks.
    kafka.make_again("events", 1).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    stored(&platform, count, "`events` was made again and grew").unwrap();

    kafka.make_again("matches", 1).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    stored(&platform, count, "`matches` was made again").unwrap();

    platform.stop().unwrap();
    let kept = cut_back(&platform.data().join("kafka/log"), "events-0").unwrap();
    platform.start_again(&Settings::default()).unwrap();
    count += read(&platform, NAME, &next()).unwrap();
    stored(&platform, count, &format!("`events` was cut back to {kept}")).unwrap();

    let before = reports(&platform);
    println!("{before} reports of another log");
    assert!((2..=8).contains(&before));
    let want = undisturbed(captures.made(), &Settings::default())
        .unwrap()
        .unwrap();
    arrives(&platform, &want, Alike::Id).unwrap();
    thread::sleep(LOOP);
    assert_eq!(reports(&platform), before, "it loops");
}

fn spool(platform: &Platform, name: &str) -> std::path::PathBuf {
    platform.data().with_file_name(format!("spool-{name}"))
}

/// Waits until all events are stored once and no alert changes any more.
fn stored(platform: &Platform, count: u64, after: &str) -> anyhow::Result<()> {
    let outcome = resting(platform, count).with_context(|| after.to_owned())?;
    println!("{after}: {count} events of {} runs", outcome.events.len());
    Ok(())
}

/// Plays two captures at the same time by two sensors of one name; gives how many events came of it.
fn two_of_one_name(
    platform: &Platform,
    captures: [&Path; 2],
    rows: &Rows,
    before: u64,
) -> anyhow::Result<u64> {
    let mut sensors = Vec::new();
    let mut summaries = Vec::new();
    for (number, capture) in captures.iter().enumerate() {
        let summary = platform.scratch("summary")?.join(format!("twin-{number}.json"));
        // The spool is named after what is given first.
        let mut sensor = platform.sensor(&format!("twin-{number}"), capture);
        sensor.args(["--speed", "60", "--summary"]).arg(&summary);
        sensors.push(RestartedSensor::start(renamed(&sensor, NAME))?);
        summaries.push(summary);
    }
    let mut count = 0;
    for (sensor, summary) in sensors.iter_mut().zip(&summaries) {
        sensor.finish(PLAY_LIMIT)?;
        count += accepted(summary)?;
    }
    wait_for_events(rows, before + count)?;
    let names = rows.events("sensor", "1")?;
    ensure!(
        names.iter().all(|row| row["sensor"] == NAME),
        "events of a sensor with another name"
    );
    Ok(count)
}

/// The same command with another `--name`.
fn renamed(command: &std::process::Command, name: &str) -> std::process::Command {
    let mut renamed = std::process::Command::new(command.get_program());
    let mut is_name = false;
    for argument in command.get_args() {
        renamed.arg(if is_name { name.as_ref() } else { argument });
        is_name = argument == "--name";
    }
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => renamed.env(key, value),
            None => renamed.env_remove(key),
        };
    }
    renamed
}

/// How often the pipeline said that its log is another one.
fn reports(platform: &Platform) -> usize {
    let log = fs::read_to_string(platform.data().join("log/pipeline.log")).unwrap_or_default();
    log.lines().filter(|line| line.contains(REPORT)).count()
}

/// Cuts a partition's log back to its middle, as a power cut may; gives the offset at which it ends then.
fn cut_back(logs: &Path, partition: &str) -> anyhow::Result<i64> {
    let segment = Segment::last(logs, partition)?;
    segment.cut(segment.batches.len() / 2)
}
