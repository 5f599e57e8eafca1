//! The packet path, on one thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vonggac_capture::FileSource;
use vonggac_decode::LinkType;
use vonggac_event::Event;
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::{Engine, Variables};

/// Seed of the traffic that is generated.
const SEED: u64 = 942;
/// Desks in it: enough that each measurement lasts some seconds.
const USERS: u8 = 100;

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    packets: u64,
    bytes: u64,
    events: u64,
    time: Duration,
}

/// Counts what it is given.
#[derive(Default)]
struct Counting(u64);

impl Sink for Counting {
    fn event(&mut self, event: Event) {
        self.0 += 1;
        drop(event);
    }

    fn file(&mut self, event: Event, data: Vec<u8>) {
        self.0 += 1;
        drop((event, data));
    }
}

/// Makes sample traffic in `directory`.
pub(crate) fn generate(directory: &Path) -> anyhow::Result<PathBuf> {
    let capture = directory.join("sample.pcap");
    let options = vonggac_traffic::Options {
        seed: SEED,
        users: USERS,
        ..vonggac_traffic::Options::default()
    };
    let file = std::io::BufWriter::new(std::fs::File::create(&capture)?);
    let mut writer = vonggac_traffic::pcap::Writer::new(file)?;
    vonggac_traffic::generate(&options, &mut writer)?;
    writer.finish()?;
    Ok(capture)
}

/// Measures and prints.
pub(crate) fn measure(capture: &Path, rules: &[PathBuf], rounds: u32) -> anyhow::Result<()> {
    let shipped = [Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/content/signatures")];
    let rules = if rules.is_empty() { &shipped[..] } else { rules };
    let engine = Arc::new(load(rules)?);
    let none = Arc::new(Engine::empty());
    println!("capture   {}", capture.display());
    let (mut alone, mut plain, mut matched) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that what else the machine does falls on all alike.
    for _ in 0..rounds.max(1) {
        alone.push(play(capture, None)?);
        plain.push(play(capture, Some(&none))?);
        matched.push(play(capture, Some(&engine))?);
    }
    let alone = best(&alone).context("no run")?;
    show("reading alone", alone, alone);
    show("one worker, no rules", best(&plain).context("no run")?, alone);
    show(
        &format!("one worker, {} rules", engine.len()),
        best(&matched).context("no run")?,
        alone,
    );
    Ok(())
}

fn load(paths: &[PathBuf]) -> anyhow::Result<Engine> {
    let mut rules = Vec::new();
    for file in vonggac_files::read(paths, vonggac_files::SIGNATURES)? {
        rules.extend(vonggac_signature::parse(&file.name, &file.text).0);
    }
    Ok(Engine::compile(rules, &Variables::default(), vonggac_protocols::REGISTRY).0)
}

/// Reads the capture and hands each packet to a worker with these signatures; without an engine the reading is all.
fn play(capture: &Path, engine: Option<&Arc<Engine>>) -> anyhow::Result<Run> {
    let mut inspector = engine.map(|engine| Inspector::new(Config::default(), engine.clone()));
    let mut sink = Counting::default();
    let begun = Instant::now();
    let mut source = FileSource::open(capture)?;
    let (mut packets, mut bytes) = (0, 0);
    while let Some(frame) = source.next_frame()? {
        packets += 1;
        bytes += frame.data.len() as u64;
        if let Some(inspector) = &mut inspector {
            inspector.packet(frame.ts_us, LinkType::from_dlt(frame.link), frame.data, &mut sink);
        }
    }
    if let Some(inspector) = &mut inspector {
        inspector.finish(&mut sink);
    }
    Ok(Run {
        packets,
        bytes,
        events: sink.0,
        time: begun.elapsed(),
    })
}

fn best(runs: &[Run]) -> Option<Run> {
    runs.iter().copied().min_by_key(|run| run.time)
}

fn show(what: &str, run: Run, alone: Run) {
    let seconds = run.time.as_secs_f64();
    println!(
        "packets   {what:<24} {:>10.0} packets/s {:>7.3} Gbit/s {:>9.0} events/s   {:>6.3} of reading alone",
        run.packets as f64 / seconds,
        run.bytes as f64 * 8.0 / 1e9 / seconds,
        run.events as f64 / seconds,
        alone.time.as_secs_f64() / seconds,
    );
}
