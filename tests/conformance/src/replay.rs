//! Plays frames and capture files through an inspector, as `vonggac sensor --read` does.
//!
//! What the sensor itself adds to a file's events, `stats` every ten seconds of packet time and at the end, is added here, too.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use vonggac_capture::FileSource;
use vonggac_event::proto::{Counter, Stats, event::Body};
use vonggac_event::{Event, eve};
use vonggac_inspect::{Config, Inspector, LinkType, Sink};
use vonggac_signature::{Engine, RuleError, Variables};

/// How often the sensor tells its counters, in microseconds of packet time.
const STATS_EVERY_US: i64 = 10_000_000;

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
pub fn engine(name: &str, rules: &str, variables: &Variables) -> (Arc<Engine>, Vec<RuleError>) {
    let (rules, mut errors) = vonggac_signature::parse(name, rules);
    let (engine, broken) = Engine::compile(rules, variables, vonggac_protocols::REGISTRY);
    errors.extend(broken);
    (Arc::new(engine), errors)
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
    let mut clock = Clock::default();
    // A broken capture counts up to the break.
    while let Ok(Some(frame)) = source.next_frame() {
        inspector.packet(frame.ts_us, LinkType::from_dlt(frame.link), frame.data, &mut kept);
        if clock.is_due(frame.ts_us) {
            kept.0.push(clock.stats(&inspector));
        }
    }
    inspector.finish(&mut kept);
    kept.0.push(clock.stats(&inspector));
    end(inspector, kept)
}

/// Packet time since the first packet.
#[derive(Default)]
struct Clock {
    first_us: Option<i64>,
    last_us: i64,
    next_us: i64,
}

impl Clock {
    /// Whether the next `stats` are due after a packet.
    fn is_due(&mut self, ts_us: i64) -> bool {
        let is_first = self.first_us.is_none();
        self.last_us = if is_first { ts_us } else { self.last_us.max(ts_us) };
        self.first_us.get_or_insert(ts_us);
        let is_due = is_first || self.last_us >= self.next_us;
        if is_due {
            self.next_us = self.last_us.saturating_add(STATS_EVERY_US);
        }
        is_due && Some(self.last_us) > self.first_us
    }

    fn stats(&self, inspector: &Inspector) -> Event {
        let counters = inspector.counters();
        let counter = |(name, value): (&str, u64)| Counter {
            name: name.to_owned(),
            value,
        };
        let uptime_us = self.last_us - self.first_us.unwrap_or(self.last_us);
        let stats = Stats {
            uptime_us: uptime_us.max(0).cast_unsigned(),
            packets_received: counters.packets_received,
            packets_processed: counters.packets_processed,
            bytes_received: counters.bytes_received,
            dropped: counters
                .dropped()
                .map(|(name, value)| counter((name, value)))
                .collect(),
            counters: counters
                .list()
                .into_iter()
                .map(|(name, value)| counter((name.as_ref(), value)))
                .collect(),
            ..Stats::default()
        };
        Event {
            ts_us: self.last_us,
            body: Some(Body::Stats(stats)),
            ..Event::default()
        }
    }
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

/// The events' EVE lines, as the sensor writes them by these options.
///
/// # Errors
/// When one is no UTF-8.
pub fn eve_lines(events: &[Event], options: &eve::Options) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for event in events {
        eve::write(event, options, &mut lines);
    }
    String::from_utf8(lines).context("EVE that is no UTF-8")
}
