//! Every capture of the corpus: as it is, cut, damaged, and in chunks.
//!
//! Short by default, a sample of each kind of damage for every capture; `VONGGAC_HOSTILE=full` (`make hostile`) takes every cut. What
//! fails names the capture and its seed or place, and `VONGGAC_HOSTILE_SEED` runs another seed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use vonggac_conformance::{corpus, replay};
use vonggac_event::proto::event::Body;
use vonggac_hostile::capture::{Frame, frames};
use vonggac_hostile::chunks::Streams;
use vonggac_hostile::damage::{Chance, flip};
use vonggac_hostile::is_full;
use vonggac_hostile::play::{Outcome, play};
use vonggac_inspect::{Checksums, Config};

/// Where a capture is cut: at every such byte.
const CUT_BYTES: usize = 64;

/// Cuts of each capture in the short form.
const CUTS_SAMPLED: usize = 2;

/// Bytes of all streams of a capture that are said again in chunks.
const STREAM_BYTES_MAX: usize = 4 * 1024;
const STREAM_BYTES_MAX_FULL: usize = 256 * 1024;

/// Captures beyond this size are played and not damaged in the short form.
const DAMAGED_BYTES_MAX: usize = 256 * 1024;

const CHUNKS_BYTES: [usize; 3] = [1, 7, 1460];

fn seed() -> u64 {
    let set = std::env::var("VONGGAC_HOSTILE_SEED");
    set.map_or(1, |seed| seed.parse().unwrap())
}

/// Runs `check` on each capture of the corpus, and fails with every capture that failed.
fn each_capture(what: &str, check: impl Fn(&str, Vec<u8>) -> anyhow::Result<()>) {
    let Some(folder) = corpus::folder(".") else { return };
    let captures = corpus::captures(&folder).unwrap();
    let mut failed = Vec::new();
    for path in &captures {
        let name = name_of(path, &folder);
        let bytes = std::fs::read(path).unwrap();
        match catch_unwind(AssertUnwindSafe(|| check(&name, bytes))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push(format!("{name}: {error:#}")),
            Err(_) => failed.push(format!("{name}: panic")),
        }
    }
    println!("{what}: {} captures, seed {}", captures.len(), seed());
    assert!(!captures.is_empty(), "no capture in {}", folder.display());
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        captures.len(),
        failed.join("\n")
    );
}

fn name_of(path: &Path, folder: &PathBuf) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.display().to_string()
}

/// Whether a capture is left undamaged for its size.
fn is_too_large(bytes: &[u8]) -> bool {
    !is_full() && bytes.len() > DAMAGED_BYTES_MAX
}

#[test]
fn as_it_is() {
    each_capture("as they are", |_, bytes| {
        play(replay::settings(), &frames(bytes)).map(drop)
    });
}

#[test]
fn cut() {
    each_capture("cut", |name, bytes| {
        if is_too_large(&bytes) {
            return Ok(());
        }
        let places = bytes.len() / CUT_BYTES;
        let mut chance = Chance::new(seed(), name);
        let cuts: Vec<usize> = match is_full() {
            true => (0..=places).collect(),
            false => (0..CUTS_SAMPLED).map(|_| chance.below(places + 1)).collect(),
        };
        // Cuts within one record leave the same frames.
        let mut played = BTreeSet::new();
        for cut in cuts {
            let left = frames(bytes.get(..cut * CUT_BYTES).unwrap_or_default().to_vec());
            if played.insert(left.len()) {
                play(replay::settings(), &left)
                    .map_err(|error| error.context(format!("cut at {}", cut * CUT_BYTES)))?;
            }
        }
        Ok(())
    });
}

#[test]
fn damaged_files() {
    each_capture("files with flipped bytes", |name, mut bytes| {
        if is_too_large(&bytes) {
            return Ok(());
        }
        flip(&mut bytes, 256, &mut Chance::new(seed(), name));
        play(replay::settings(), &frames(bytes)).map(drop)
    });
}

/// Frames that are damaged and go through all the same: a capture's own lengths stay right.
#[test]
fn damaged_frames() {
    each_capture("frames with flipped bytes, cut frames", |name, bytes| {
        if is_too_large(&bytes) {
            return Ok(());
        }
        let mut chance = Chance::new(seed(), name);
        let mut frames = frames(bytes);
        for frame in &mut frames {
            damage(frame, &mut chance);
        }
        // Who leaves checksums to nobody is not kept from the parsers by them.
        let mut config = replay::settings();
        config.stream.checksums = Checksums::Ignore;
        play(config, &frames).map(drop)
    });
}

fn damage(frame: &mut Frame, chance: &mut Chance) {
    match chance.below(8) {
        0 => {
            let len = chance.below(frame.bytes.len() + 1);
            frame.bytes.truncate(len);
        }
        1..=4 => flip(&mut frame.bytes, 128, chance),
        _ => {}
    }
}

#[test]
fn in_chunks() {
    each_capture("in chunks", |_, bytes| {
        let bytes_max = match is_full() {
            true => STREAM_BYTES_MAX_FULL,
            false => STREAM_BYTES_MAX,
        };
        let streams = Streams::of(&frames(bytes), bytes_max);
        if streams.is_empty() {
            return Ok(());
        }
        let mut first: Option<BTreeSet<String>> = None;
        for chunk_bytes in CHUNKS_BYTES {
            let config = Config {
                // Which packet of many smaller ones it was differs.
                numbers_packets: false,
                ..replay::settings()
            };
            let outcome = play(config, &streams.in_chunks(chunk_bytes)?)?;
            let told = told(&outcome);
            match &first {
                None => first = Some(told),
                Some(first) => {
                    let difference = difference(first, &told);
                    anyhow::ensure!(difference.is_empty(), "1 and {chunk_bytes}: {difference}");
                }
            }
        }
        Ok(())
    });
}

/// The first few lines that one of two has alone.
fn difference(one: &BTreeSet<String>, other: &BTreeSet<String>) -> String {
    const LINES_MAX: usize = 3;
    const CHARS_MAX: usize = 400;
    let lost = one.difference(other).map(|line| ('-', line)).take(LINES_MAX);
    let new = other.difference(one).map(|line| ('+', line)).take(LINES_MAX);
    let lines = lost.chain(new);
    lines
        .map(|(sign, line)| format!("\n  {sign} {}", line.chars().take(CHARS_MAX).collect::<String>()))
        .collect()
}

/// What does not depend on how streams are cut: protocols' events, alerts without what they show of packets, what flows spoke.
fn told(outcome: &Outcome) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for event in &outcome.events {
        let line = match &event.body {
            // Rules on packets see segments, which is what differs.
            Some(Body::Signature(signature)) if signature.sid == 1 || signature.sid == 16 => continue,
            Some(Body::Signature(signature)) => format!("flow {} rule {}", event.flow_id, signature.sid),
            Some(Body::Flow(flow)) => format!(
                "flow {} speaks {} {} missed {}",
                event.flow_id, flow.app, flow.app_failed, flow.missed_bytes
            ),
            body => format!("flow {} tx {:?} {body:?}", event.flow_id, event.tx_id),
        };
        told.insert(line);
    }
    told
}
