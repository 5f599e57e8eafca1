//! The sensor alone: no server, every public capture, EVE on standard output, counters that add up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use vonggac_e2e::{Sample, Story, binary, captures, corpus, repository, requirements, run};

/// Captures read by one process.
const CAPTURES_AT_ONCE: usize = 60;
/// For one process.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn the_sensor_works_without_any_server() {
    if requirements().unwrap().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut story = Story::default();
    story.check("the sample as EVE", || the_sample_as_eve(directory.path()));
    story.check("every public capture", || every_public_capture(directory.path()));
    story.end();
}

fn sensor(directory: &Path, captures: &[PathBuf]) -> anyhow::Result<(Command, PathBuf)> {
    let summary = directory.join("summary.json");
    let _ = fs::remove_file(&summary);
    let rules = repository().join("rules/content");
    let mut command = Command::new(binary()?);
    command
        .args([
            "--log", "error", "sensor", "--name", "alone", "--eve", "-", "--read",
        ])
        .args(captures);
    command
        .arg("--rules")
        .arg(rules.join("signatures"))
        .arg("--yara")
        .arg(rules.join("yara"));
    command.arg("--summary").arg(&summary);
    Ok((command, summary))
}

/// Reads captures; gives the EVE lines by type and the summary, after seeing that both are sound.
fn read(directory: &Path, captures: &[PathBuf]) -> anyhow::Result<(Vec<Value>, Value)> {
    let (mut command, summary) = sensor(directory, captures)?;
    let ended = run(&mut command, LIMIT)?;
    ensure!(
        matches!(ended.code(), 0 | 2),
        "it ended with {}: {}",
        ended.status,
        ended.err
    );
    ensure!(!ended.err.contains("panicked"), "{}", ended.err);
    let lines: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect::<anyhow::Result<_>>()?;
    let summary: Value = serde_json::from_slice(&fs::read(&summary)?)?;
    adds_up(&summary, captures.len())
        .and_then(|accepted| every_event_is_told(&lines, accepted))
        .with_context(|| summary.to_string())?;
    let broken = summary["sources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|source| !source["error"].is_null());
    for source in broken.clone() {
        let error = source["error"].as_str().unwrap_or_default();
        ensure!(error.contains("at byte "), "{error}: does not say where");
    }
    ensure!(
        (ended.code() == 2) == (broken.count() > 0),
        "the exit code {} does not say it: {summary}",
        ended.code()
    );
    Ok((lines, summary))
}

/// Packets: received = processed + dropped by reason, and the sources' sum. Events: accepted = those of all classes, which it gives.
fn adds_up(summary: &Value, sources: usize) -> anyhow::Result<u64> {
    let number = |value: &Value| value.as_u64().context("no number");
    let sum = |value: &Value| -> anyhow::Result<u64> {
        Ok(value
            .as_object()
            .context("no object")?
            .values()
            .filter_map(Value::as_u64)
            .sum())
    };
    let (packets, events) = (&summary["packets"], &summary["events"]);
    let received = number(&packets["received"])?;
    let whereabouts = number(&packets["processed"])? + sum(&packets["dropped"])?;
    ensure!(
        received == whereabouts,
        "{received} packets received, {whereabouts} accounted for"
    );
    let listed = summary["sources"].as_array().context("sources")?;
    ensure!(listed.len() == sources, "{} sources of {sources}", listed.len());
    let read: u64 = listed
        .iter()
        .filter_map(|source| source["packets"].as_u64())
        .sum();
    ensure!(
        received == read,
        "{received} packets received, {read} read from the files"
    );
    let accepted = number(&events["accepted"])?;
    ensure!(
        accepted == sum(&events["by_class"])?,
        "{accepted} events accepted, by class it is another sum"
    );
    ensure!(
        sum(&events["dropped"])? == 0,
        "events are dropped though nothing is in a hurry"
    );
    Ok(accepted)
}

/// Each accepted event has one line; a DNS exchange may have two, for the question and then for the answer.
fn every_event_is_told(lines: &[Value], accepted: u64) -> anyhow::Result<()> {
    let mut by_event: HashMap<&str, Vec<&Value>> = HashMap::new();
    for line in lines {
        let id = line["vonggac"]["event_id"].as_str();
        let id = id.with_context(|| format!("of no event: {line}"))?;
        by_event.entry(id).or_default().push(line);
    }
    ensure!(
        accepted == by_event.len() as u64,
        "{accepted} events accepted, {} on lines",
        by_event.len()
    );
    for told in by_event.values() {
        let sound = match told.as_slice() {
            [_] => true,
            [asked, answered] => asked["dns"]["type"] == "request" && answered["dns"]["type"] == "response",
            _ => false,
        };
        ensure!(sound, "one event on {} lines: {told:?}", told.len());
    }
    Ok(())
}

fn the_sample_as_eve(directory: &Path) -> anyhow::Result<()> {
    let sample = Sample::generate(directory, 11, vonggac_traffic::START_US_DEFAULT)?;
    let (lines, summary) = read(directory, &[sample.capture])?;
    ensure!(
        summary["packets"]["received"] == sample.truth.packets,
        "{summary}"
    );
    for kind in ["flow", "dns", "http", "tls", "fileinfo", "alert", "yara", "stats"] {
        ensure!(
            lines.iter().any(|line| line["event_type"] == kind),
            "no line of type {kind}"
        );
    }
    let alert = lines
        .iter()
        .find(|line| line["event_type"] == "alert")
        .context("no alert")?;
    ensure!(
        alert["alert"]["signature_id"].is_u64() && alert["src_ip"].is_string() && alert["flow_id"].is_u64(),
        "{alert}"
    );
    Ok(())
}

fn every_public_capture(directory: &Path) -> anyhow::Result<()> {
    let Some(corpus) = corpus() else { return Ok(()) };
    let all = captures(&corpus)?;
    ensure!(all.len() > 1000, "only {} captures in the corpus", all.len());
    let (mut packets, mut events, mut broken) = (0, 0, 0);
    for chunk in all.chunks(CAPTURES_AT_ONCE) {
        match read(directory, chunk) {
            Ok((_, summary)) => {
                packets += summary["packets"]["received"].as_u64().unwrap_or_default();
                events += summary["events"]["accepted"].as_u64().unwrap_or_default();
                let sources = summary["sources"].as_array().into_iter().flatten();
                broken += sources.filter(|source| !source["error"].is_null()).count();
            }
            // Once more one by one, to name the capture.
            Err(error) => {
                for capture in chunk {
                    read(directory, std::slice::from_ref(capture))
                        .with_context(|| capture.display().to_string())?;
                }
                return Err(error.context("together, though each alone is sound"));
            }
        }
    }
    println!(
        "  {} captures, {broken} of them cut or broken; {packets} packets, {events} events",
        all.len()
    );
    Ok(())
}
