//! Floods a sensor's packet path and prints what that costs: memory beside its budget, and time for each kilobyte.
//!
//! Usage: `floods [NAME[=FRAMES]]…`; all floods in their long form when nothing is named. Each runs in a process of its own, so that its
//! memory is its own: what the kernel counts as resident at most, without what was so before the first frame. Fails when a flood takes more
//! than a tenth over the budget of [`vonggac_inspect::Config::memory_max`], or more than a millisecond of processor time for each 1,000
//! bytes. Runs in a memory cgroup as well as without.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use vonggac_conformance::replay;
use vonggac_event::{Event, eve};
use vonggac_hostile::play;
use vonggac_inspect::{Inspector, Limits, LinkType, Sink};
use vonggac_traffic::START_US_DEFAULT;
use vonggac_traffic::flood::Flood;

/// Most processor time for 1,000 bytes of input, in microseconds.
const MICROSECONDS_PER_KB_MAX: f64 = 1000.0;

/// Parts of the names of counters that tell that a limit was reached, or that something was left out.
const LIMITS: [&str; 7] = [
    "limit",
    "evicted",
    "shed",
    "summed",
    "suppressed",
    "dropped",
    "damaged",
];

/// How many frames each flood has in its long form.
fn frames_of(flood: Flood) -> u64 {
    match flood {
        Flood::Syns => 10_000_000,
        // A million holes and the handshakes.
        Flood::Holes => 1_011_719,
        Flood::Midstream | Flood::Datagrams | Flood::Fragments | Flood::Bodies => 2_000_000,
        Flood::Bytes => 1_000_000,
        Flood::Headers => 50_000,
        Flood::Bombs | Flood::SmallBombs => 5000,
    }
}

/// Writes EVE to nowhere, and counts.
#[derive(Default)]
struct Written {
    line: Vec<u8>,
    events: u64,
    bytes: u64,
}

impl Sink for Written {
    fn event(&mut self, event: Event) {
        self.line.clear();
        eve::write(&event, &eve::Options::default(), &mut self.line);
        self.events += 1;
        self.bytes += self.line.len() as u64;
    }

    fn file(&mut self, event: Event, _: Vec<u8>) {
        self.event(event);
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, flood, frames] = arguments.as_slice()
        && first == "--one"
    {
        return one(named(flood)?, frames.parse()?);
    }
    let mut floods = Vec::new();
    for argument in &arguments {
        let (name, frames) = match argument.split_once('=') {
            Some((name, frames)) => (name, Some(frames.parse()?)),
            None => (argument.as_str(), None),
        };
        let flood = named(name)?;
        floods.push((flood, frames.unwrap_or(frames_of(flood))));
    }
    if floods.is_empty() {
        floods = Flood::ALL.map(|flood| (flood, frames_of(flood))).into();
    }
    println!(
        "{:10} {:>10} {:>9} {:>8} {:>8} {:>10} {:>9} {:>10} {:>9}",
        "flood", "frames", "MB", "s", "µs/KB", "events", "EVE MB", "peak MiB", "most MiB"
    );
    let mut failed = Vec::new();
    for (flood, frames) in floods {
        let status = Command::new(std::env::current_exe()?)
            .args(["--one", flood.name(), &frames.to_string()])
            .status()?;
        if !status.success() {
            failed.push(flood.name());
        }
    }
    ensure!(failed.is_empty(), "over their bounds: {}", failed.join(", "));
    Ok(())
}

fn named(name: &str) -> anyhow::Result<Flood> {
    let found = Flood::ALL.into_iter().find(|flood| flood.name() == name);
    found.with_context(|| format!("no flood is called {name}"))
}

fn one(flood: Flood, frames: u64) -> anyhow::Result<()> {
    let mut config = replay::settings();
    // As with YARA rules, for which bodies are kept.
    config.protocol.file_scan_bytes_max = Limits::default().file_scan_bytes_max;
    let budget = config.memory_max().total() as u64;
    let mut inspector = Inspector::new(config, play::engine());
    let mut written = Written::default();
    // Making the frames costs time, too, which is not the sensor's.
    let before_making_s = processor_s()?;
    let bytes: u64 = made(flood, frames).map(|(_, frame)| frame.len() as u64).sum();
    let making_s = processor_s()? - before_making_s;
    let resident_before = resident("VmRSS:")?;
    let before_s = processor_s()?;
    for (ts_us, frame) in made(flood, frames) {
        inspector.packet(ts_us, LinkType::Ethernet, &frame, &mut written);
    }
    inspector.finish(&mut written);
    let spent_s = processor_s()? - before_s - making_s;
    let peak = resident("VmHWM:")?.saturating_sub(resident_before);
    let per_kb_us = spent_s * 1e6 / (bytes as f64 / 1000.0);
    println!(
        "{:10} {frames:>10} {:>9.1} {spent_s:>8.2} {per_kb_us:>8.1} {:>10} {:>9.1} {:>10} {:>9}",
        flood.name(),
        bytes as f64 / 1e6,
        written.events,
        written.bytes as f64 / 1e6,
        peak >> 20,
        budget >> 20
    );
    let hit = inspector.counters().list();
    let hit = hit
        .iter()
        .filter(|(name, count)| *count > 0 && LIMITS.iter().any(|part| name.contains(part)));
    println!(
        "{}",
        hit.map(|(name, count)| format!("  {name} {count}"))
            .collect::<String>()
    );
    if peak > budget + budget / 10 {
        bail!("{}: {peak} bytes resident, {budget} are its budget", flood.name());
    }
    ensure!(
        per_kb_us <= MICROSECONDS_PER_KB_MAX,
        "{}: {per_kb_us:.0} µs for each KB",
        flood.name()
    );
    Ok(())
}

fn made(flood: Flood, frames: u64) -> impl Iterator<Item = (i64, Vec<u8>)> {
    flood.frames(1, START_US_DEFAULT, frames)
}

/// Processor time of this process, in seconds.
fn processor_s() -> anyhow::Result<f64> {
    // The first number of schedstat is nanoseconds on a processor.
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let first = text.split_whitespace().next().context("an empty schedstat")?;
    Ok(first.parse::<u64>()? as f64 / 1e9)
}

/// A size in /proc/self/status, in bytes.
fn resident(name: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.with_context(|| format!("no {name} in status"))?.parse()?;
    Ok(kib * 1024)
}
