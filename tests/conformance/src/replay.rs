//! Plays frames and capture files through an inspector, as `vonggac sensor --read` does.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use vonggac_capture::FileSource;
use vonggac_event::{Event, eve};
use vonggac_inspect::{Config, Inspector, LinkType, Sink};
use vonggac_signature::{Engine, Variables};

/// Keeps events.
#[derive(Default)]
struct Kept(Vec<Event>);

impl Sink for Kept {
    fn event(&mut self, event: Event) {
        self.0.push(event);
    }

    fn file(&mut self, event: Event, _: Vec<u8>) {
        self.0.push(event);
    }
}

/// The settings of a sensor that reads files and has no YARA rules.
pub fn settings() -> Config {
    let mut config = Config {
        numbers_packets: true,
        ..Config::default()
    };
    config.protocol.file_scan_bytes_max = 0;
    config
}

/// Rules, compiled; those that do not load are left out, and said why.
pub fn engine(name: &str, rules: &str, variables: &Variables) -> (Arc<Engine>, Vec<String>) {
    let (rules, mut errors) = vonggac_signature::parse(name, rules);
    let (engine, broken) = Engine::compile(rules, variables);
    errors.extend(broken);
    let words = errors.iter().map(ToString::to_string).collect();
    (Arc::new(engine), words)
}

/// What becomes of Ethernet frames with their times.
///
/// # Errors
/// When the packets do not add up, or a flow stays open.
pub fn frames(config: Config, engine: Arc<Engine>, frames: &[(i64, Vec<u8>)]) -> anyhow::Result<Vec<Event>> {
    let mut kept = Kept::default();
    let mut inspector = Inspector::new(config, engine);
    for (ts_us, frame) in frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    end(inspector, kept)
}

/// What becomes of a capture file, up to where it breaks off.
///
/// # Errors
/// When the file cannot be opened, or as [`frames`].
pub fn file(config: Config, engine: Arc<Engine>, path: &Path) -> anyhow::Result<Vec<Event>> {
    let mut kept = Kept::default();
    let mut inspector = Inspector::new(config, engine);
    let mut source = FileSource::open(path)?;
    // A broken capture counts up to the break.
    while let Ok(Some(frame)) = source.next_frame() {
        inspector.packet(frame.ts_us, LinkType::from_dlt(frame.link), frame.data, &mut kept);
    }
    end(inspector, kept)
}

fn end(mut inspector: Inspector, mut kept: Kept) -> anyhow::Result<Vec<Event>> {
    inspector.finish(&mut kept);
    let counters = inspector.counters();
    let dropped: u64 = counters.dropped().map(|(_, count)| count).sum();
    ensure!(
        counters.packets_received == counters.packets_processed + dropped,
        "packets do not add up: {} received, {} processed, {dropped} dropped",
        counters.packets_received,
        counters.packets_processed
    );
    ensure!(inspector.flows() == 0, "{} flows are left", inspector.flows());
    Ok(kept.0)
}

/// The events' EVE lines, as the sensor writes them.
///
/// # Errors
/// When one is no UTF-8.
pub fn eve_lines(events: &[Event]) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for event in events {
        eve::write(event, &eve::Options::default(), &mut lines);
    }
    String::from_utf8(lines).context("EVE that is no UTF-8")
}
