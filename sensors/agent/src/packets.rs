//! The packet thread: a source, an inspector, and the way out of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TrySendError;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use vonggac_capture::{CaptureError, FileSource, Frame, RingOptions, RingSource};
use vonggac_decode::LinkType;
use vonggac_event::proto::{Counter, Stats};
use vonggac_event::{Body, Event};
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::Engine;
use vonggac_spool::Boot;

use crate::Options;
use crate::budget::Budget;
use crate::in_force::Reader;
use crate::metrics::Metrics;
use crate::queue::{FILES_BYTES_MAX, Item, ItemSender, Refusal};
use crate::reload::Rules;
use crate::scan::{Scanning, WaitingFile};
use crate::tallies::Tallies;

/// Longest single wait when a file is played at its own pace.
const PACE_STEP: Duration = Duration::from_millis(100);
/// Most frames between two looks at what is due on a tap.
const FRAMES_PER_LOOK: u32 = 1024;
/// Longest time between two looks, by the frames' own clock, in microseconds.
const LOOK_EVERY_US: i64 = 100_000;

/// Pause between two tries to open an interface that went away.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// Longest single wait in it.
const REOPEN_STEP: Duration = Duration::from_millis(100);

/// The packet thread, before it runs.
pub(crate) struct Packets {
    inspector: Inspector,
    newer_rules: Reader<Arc<Engine>>,
    out: Out,
    source: Source,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    /// Set when all there was is done.
    complete: Arc<AtomicBool>,
    metrics: Metrics,
    tallies: Arc<Tallies>,
    report: Report,
    /// Events of this job that an earlier run of the sensor accepted.
    accepted_before: u64,
    /// Frames the kernel had no room for in the ring.
    kernel_dropped: u64,
    /// The same of rings before this one.
    kernel_dropped_before: u64,
    /// How often the interface went away.
    interface_lost: u64,
    started: Instant,
    next_stats_us: i64,
    first_us: i64,
}

enum Source {
    Ring(RingSource),
    Files(Vec<PathBuf>),
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) received: u64,
    pub(crate) processed: u64,
    pub(crate) dropped: Vec<(String, u64)>,
    pub(crate) bytes: u64,
    pub(crate) counters: Vec<(String, u64)>,
    pub(crate) sources: Vec<SourceReport>,
    pub(crate) events_dropped: Vec<(String, u64)>,
    pub(crate) seconds: f64,
}

impl Report {
    /// Puts newer numbers in the place of those of the same names.
    pub(crate) fn refresh(&mut self, newer: Vec<(String, u64)>) {
        self.counters
            .retain(|(name, _)| newer.iter().all(|(other, _)| other != name));
        self.counters
            .extend(newer.into_iter().filter(|&(_, count)| count > 0));
    }
}

/// One capture file or the interface.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SourceReport {
    pub(crate) name: String,
    pub(crate) packets: u64,
    pub(crate) error: Option<String>,
}

/// When a tap was last looked at for what is due: timeouts, drops, counters. Neither a steady trickle nor a flood puts it off.
#[derive(Debug, Default)]
struct Look {
    frames: u32,
    ts_us: i64,
}

impl Look {
    fn at(ts_us: i64) -> Self {
        Self { frames: 0, ts_us }
    }

    /// Counts a frame; says whether it is time to look again.
    fn is_due(&mut self, ts_us: i64) -> bool {
        self.frames += 1;
        self.frames >= FRAMES_PER_LOOK || ts_us.saturating_sub(self.ts_us) >= LOOK_EVERY_US
    }
}

/// The way to the writer.
struct Out {
    items: ItemSender,
    scanning: Scanning,
    /// Bytes of files that wait for their scan, wherever.
    files: Budget,
    stop: Arc<AtomicBool>,
    /// Events and files on their way, dropped or not.
    made: u64,
    dropped_items: u64,
    dropped_bytes: u64,
    unscanned: Unscanned,
}

/// Files that went on without their scan, by reason.
#[derive(Debug, Default)]
struct Unscanned {
    queue_full: u64,
    bytes_full: u64,
    scanner_gone: u64,
}

impl Sink for Out {
    fn event(&mut self, event: Event) {
        self.made += 1;
        self.send(Item::Event(Box::new(event)));
    }

    fn file(&mut self, event: Event, data: Vec<u8>) {
        self.made += 1;
        let event = Box::new(event);
        let item = match &self.scanning {
            Scanning::Off => Item::Event(event),
            Scanning::Inline => {
                let room = self.files.reserve_waiting(data.len(), &self.stop);
                Item::File(event, data, room)
            }
            Scanning::Aside(files) => {
                let Some(room) = self.files.reserve(data.len()) else {
                    self.unscanned.bytes_full += 1;
                    return self.send(unscanned(event));
                };
                match files.try_send(WaitingFile { event, data, room }) {
                    Ok(()) => return,
                    Err(TrySendError::Full(file)) => {
                        self.unscanned.queue_full += 1;
                        unscanned(file.event)
                    }
                    Err(TrySendError::Disconnected(file)) => {
                        self.unscanned.scanner_gone += 1;
                        unscanned(file.event)
                    }
                }
            }
        };
        self.send(item);
    }
}

/// The event of a file for whose scan there was no room.
fn unscanned(mut event: Box<Event>) -> Item {
    if let Some(Body::File(file)) = event.body.as_mut() {
        "skipped".clone_into(&mut file.scan);
    }
    Item::Event(event)
}

impl Out {
    fn send(&mut self, item: Item) {
        match self.items.send(item) {
            Ok(()) => {}
            Err(Refusal::Items) => self.dropped_items += 1,
            Err(Refusal::Bytes) => self.dropped_bytes += 1,
        }
    }
}

/// What the packet thread needs of the others.
pub(crate) struct Surroundings {
    pub(crate) items: ItemSender,
    pub(crate) scanning: Scanning,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) complete: Arc<AtomicBool>,
    pub(crate) metrics: Metrics,
    pub(crate) tallies: Arc<Tallies>,
}

impl Packets {
    pub(crate) fn open(
        options: &Arc<Options>,
        rules: &Rules,
        boot: &Boot,
        around: Surroundings,
    ) -> anyhow::Result<Self> {
        let source = match &options.interface {
            Some(name) => Source::Ring(RingSource::open(name, RingOptions::default())?),
            None => Source::Files(options.read.clone()),
        };
        let mut config = Config {
            numbers_packets: options.interface.is_none(),
            ..Config::default()
        };
        config.stream.first_flow_id = first_flow_id(boot.incarnation);
        options.tcp.apply(&mut config.stream)?;
        if matches!(around.scanning, Scanning::Off) {
            // Nobody wants them.
            config.protocol.file_scan_bytes_max = 0;
        }
        let (engine, newer_rules) = rules.signatures.reader();
        Ok(Self {
            inspector: Inspector::new(config, engine),
            newer_rules,
            out: Out {
                items: around.items,
                scanning: around.scanning,
                files: Budget::new(FILES_BYTES_MAX),
                stop: around.stop.clone(),
                made: 0,
                dropped_items: 0,
                dropped_bytes: 0,
                unscanned: Unscanned::default(),
            },
            source,
            options: options.clone(),
            stop: around.stop,
            complete: around.complete,
            metrics: around.metrics,
            tallies: around.tallies,
            report: Report::default(),
            accepted_before: boot.last_sequence,
            kernel_dropped: 0,
            kernel_dropped_before: 0,
            interface_lost: 0,
            started: Instant::now(),
            next_stats_us: i64::MIN,
            first_us: i64::MIN,
        })
    }

    pub(crate) fn run(mut self) -> anyhow::Result<Report> {
        // So that whoever asks for the counters before the first report finds them, at 0.
        self.metrics.update(&self.options.name, &self.report);
        let last_us = match std::mem::replace(&mut self.source, Source::Files(Vec::new())) {
            Source::Ring(ring) => self.run_tap(ring),
            Source::Files(paths) => self.run_files(&paths),
        };
        self.inspector.finish(&mut self.out);
        self.send_stats(last_us);
        self.report.seconds = self.started.elapsed().as_secs_f64();
        self.fill_report();
        self.complete.store(true, Ordering::Release);
        Ok(self.report)
    }

    /// Captures until the sensor is told to stop. An interface that goes away ends its flows, and is waited for.
    fn run_tap(&mut self, mut ring: RingSource) -> i64 {
        let name = self.options.interface.clone().unwrap_or_default();
        tracing::info!(interface = name, "capturing");
        let mut source = SourceReport {
            name: name.clone(),
            ..SourceReport::default()
        };
        let away = self.metrics.registry().problem(format!("interface:{name}"));
        let last_us = loop {
            let (last_us, lost) = self.run_ring(&mut ring);
            self.kernel_dropped_before = self.kernel_dropped;
            let Some(error) = lost else { break last_us };
            self.interface_lost += 1;
            away.set(format!("the interface went away and is waited for: {error}"));
            tracing::error!(%error, "the interface went away; its flows are ended, and it is waited for");
            self.inspector.finish(&mut self.out);
            self.send_stats(last_us);
            drop(ring);
            match self.reopen(&name) {
                Some(fresh) => ring = fresh,
                None => {
                    source.error = Some(error.to_string());
                    break now_us();
                }
            }
            away.clear();
            tracing::info!(interface = name, "the interface is back; capturing");
        };
        self.report.sources.push(source);
        last_us
    }

    /// Captures on one ring. Returns the last time and, when the interface went away, what the system said.
    fn run_ring(&mut self, ring: &mut RingSource) -> (i64, Option<CaptureError>) {
        let mut look = Look::default();
        let mut now_us = now_us();
        let mut lost = None;
        while !self.stop.load(Ordering::Relaxed) {
            let is_due = match ring.next_frame() {
                Ok(Some(frame)) => {
                    self.take(&frame);
                    now_us = frame.ts_us;
                    look.is_due(now_us)
                }
                // What had arrived before the interface went away is taken.
                Ok(None) if lost.is_some() => break,
                Ok(None) => {
                    now_us = self::now_us();
                    true
                }
                Err(error) if lost.is_some() => {
                    tracing::debug!(%error, "the interface is still away");
                    break;
                }
                Err(error) => {
                    lost = Some(error);
                    false
                }
            };
            if is_due {
                look = Look::at(now_us);
                self.take_newer_rules();
                self.inspector.advance(now_us, &mut self.out);
                self.note_kernel_drops(ring);
                self.stats_if_due(now_us);
            }
        }
        self.note_kernel_drops(ring);
        (now_us, lost)
    }

    fn note_kernel_drops(&mut self, ring: &mut RingSource) {
        match ring.statistics() {
            Ok(statistics) => self.kernel_dropped = self.kernel_dropped_before + statistics.dropped,
            Err(error) => tracing::warn!(%error, "the kernel does not tell its drops"),
        }
    }

    /// Waits for an interface to come back; `None` when the sensor is told to stop before it does.
    fn reopen(&mut self, name: &str) -> Option<RingSource> {
        loop {
            let tried = Instant::now();
            while let Some(left) = REOPEN_PAUSE.checked_sub(tried.elapsed()) {
                if self.stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.take_newer_rules();
                self.stats_if_due(now_us());
                thread::sleep(left.min(REOPEN_STEP));
            }
            match RingSource::open(name, RingOptions::default()) {
                Ok(ring) => return Some(ring),
                Err(error) => tracing::debug!(%error, "the interface is still away"),
            }
        }
    }

    fn run_files(&mut self, paths: &[PathBuf]) -> i64 {
        let mut last_us = 0;
        for path in paths {
            let mut source = SourceReport {
                name: path.display().to_string(),
                ..SourceReport::default()
            };
            match self.run_file(path, &mut source.packets, &mut last_us) {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(packets_before = source.packets, "capture ends early: {error}");
                    source.error = Some(error.to_string());
                }
            }
            self.report.sources.push(source);
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
        }
        last_us
    }

    fn run_file(
        &mut self,
        path: &std::path::Path,
        packets: &mut u64,
        last_us: &mut i64,
    ) -> anyhow::Result<()> {
        let mut file = FileSource::open(path)?;
        let mut start = None;
        while let Some(frame) = file.next_frame()? {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            // A sensor that was started again gets over what it has done at once.
            if self.options.speed > 0.0 && self.out.made >= self.accepted_before {
                let (begun, from_us) = *start.get_or_insert((Instant::now(), frame.ts_us));
                self.pace(begun, frame.ts_us.saturating_sub(from_us));
            }
            self.take(&frame);
            *packets += 1;
            *last_us = frame.ts_us.max(*last_us);
            self.stats_if_due(*last_us);
        }
        Ok(())
    }

    /// Waits until a frame is due that is `age_us` after the one that was taken at `begun`.
    fn pace(&self, begun: Instant, age_us: i64) {
        let due = Duration::from_micros((age_us.max(0) as f64 / self.options.speed) as u64);
        while let Some(left) = due.checked_sub(begun.elapsed()) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(left.min(PACE_STEP));
        }
    }

    /// Goes on with other rules when there are some.
    fn take_newer_rules(&mut self) {
        if let Some(engine) = self.newer_rules.newer() {
            self.inspector.replace_engine(engine);
        }
    }

    fn take(&mut self, frame: &Frame<'_>) {
        self.take_newer_rules();
        self.report.bytes += u64::from(frame.wire_bytes);
        self.inspector.packet(
            frame.ts_us,
            LinkType::from_dlt(frame.link),
            frame.data,
            &mut self.out,
        );
    }

    fn stats_if_due(&mut self, now_us: i64) {
        if self.first_us == i64::MIN {
            self.first_us = now_us;
            self.next_stats_us = now_us;
        }
        if now_us >= self.next_stats_us {
            let interval_us = i64::from(self.options.stats_seconds) * 1_000_000;
            self.next_stats_us = now_us.saturating_add(interval_us);
            if now_us > self.first_us {
                self.send_stats(now_us);
            }
        }
    }

    fn fill_report(&mut self) {
        let counters = self.inspector.counters();
        self.report.processed = counters.packets_processed;
        // What the kernel had no room for arrived too.
        self.report.received = counters.packets_received + self.kernel_dropped;
        let mut dropped: Vec<(String, u64)> = vec![("kernel".to_owned(), self.kernel_dropped)];
        dropped.extend(counters.dropped().map(|(name, count)| (name.to_owned(), count)));
        dropped.retain(|&(_, count)| count > 0);
        self.report.dropped = dropped;
        self.report.counters = counters
            .list()
            .into_iter()
            .map(|(name, count)| (name.into_owned(), count))
            .collect();
        let Unscanned {
            queue_full,
            bytes_full,
            scanner_gone,
        } = self.out.unscanned;
        let own = [
            ("files_unscanned_queue_full", queue_full),
            ("files_unscanned_bytes_full", bytes_full),
            ("files_unscanned_scanner_gone", scanner_gone),
            ("files_waiting_bytes", self.out.files.used_bytes() as u64),
            ("events_waiting_bytes", self.out.items.used_bytes() as u64),
            ("capture_interface_lost", self.interface_lost),
        ];
        let own = own.into_iter().map(|(name, count)| (name.to_owned(), count));
        self.report.counters.extend(own);
        self.report.counters.extend(self.tallies.list());
        self.report.counters.retain(|&(_, count)| count > 0);
        self.report.events_dropped = vec![
            ("queue_full".to_owned(), self.out.dropped_items),
            ("queue_bytes_full".to_owned(), self.out.dropped_bytes),
        ];
    }

    fn send_stats(&mut self, ts_us: i64) {
        // Without a packet there is no time but the clock's.
        let (ts_us, uptime_us) = match self.first_us {
            i64::MIN => (now_us(), 0),
            first_us => (ts_us, ts_us.saturating_sub(first_us).max(0)),
        };
        self.fill_report();
        self.metrics.update(&self.options.name, &self.report);
        let counters = |list: &[(String, u64)]| {
            list.iter()
                .map(|(name, value)| Counter {
                    name: name.clone(),
                    value: *value,
                })
                .collect::<Vec<_>>()
        };
        let stats = Stats {
            uptime_us: uptime_us as u64,
            packets_received: self.report.received,
            packets_processed: self.report.processed,
            dropped: counters(&self.report.dropped),
            bytes_received: self.report.bytes,
            events: 0,
            counters: counters(&self.report.counters),
        };
        self.out.event(Event {
            ts_us,
            body: Some(Body::Stats(stats)),
            ..Event::default()
        });
    }
}

/// The first of the flows' ids: upper half from the incarnation, lower half counted, so that ids are unique on one platform for all
/// practical ends. Its highest bit is 0: counting on never overflows.
fn first_flow_id(incarnation: u64) -> u64 {
    ((incarnation >> 33) << 32) | 1
}

fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_micros() as i64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::in_force::InForce;
    use crate::queue::{Queued, queue};
    use clap::Parser as _;
    use std::sync::mpsc::{Receiver, sync_channel};
    use tempfile::TempDir;

    /// Frames of the capture that is played here.
    const DAYS: u32 = 9;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn no_rules() -> Rules {
        Rules {
            signatures: InForce::new(Arc::default()),
            yara: InForce::new(None),
        }
    }

    /// Packets of a capture whose frames are a day apart, each with an event of counters, played as fast as life.
    fn played(directory: &TempDir, accepted_before: u64) -> (Packets, Arc<AtomicBool>, Receiver<Queued>) {
        let path = directory.path().join("days.pcap");
        let mut capture = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        capture.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        for day in 1..=DAYS {
            capture.extend((day * 86_400).to_le_bytes());
            capture.extend([0, 0, 0, 0, 14, 0, 0, 0, 14, 0, 0, 0]);
            capture.extend([0; 14]);
        }
        std::fs::write(&path, capture).unwrap();
        let line = Line::parse_from([
            "sensor",
            "--speed",
            "1",
            "--eve",
            "-",
            "--read",
            path.to_str().unwrap(),
        ]);
        let stop = Arc::new(AtomicBool::new(false));
        // It has room for all of them: nobody needs to take any out.
        let (items, received) = queue(true, &stop);
        let around = Surroundings {
            items,
            scanning: Scanning::Off,
            stop: stop.clone(),
            complete: Arc::default(),
            metrics: Metrics::default(),
            tallies: Arc::default(),
        };
        let mut boot = Boot::new(7);
        boot.last_sequence = accepted_before;
        let packets = Packets::open(&Arc::new(line.options), &no_rules(), &boot, around).unwrap();
        (packets, stop, received)
    }

    #[test]
    fn what_was_accepted_before_a_restart_is_not_waited_for_again() {
        let directory = TempDir::new().unwrap();
        let (packets, _stop, _received) = played(&directory, u64::from(DAYS));
        let (done, waits) = sync_channel(1);
        thread::spawn(move || {
            let _ = done.send(packets.run());
        });
        let report = waits.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(report.received, u64::from(DAYS));
    }

    #[test]
    fn what_is_new_keeps_its_pace() {
        let directory = TempDir::new().unwrap();
        // The first frame's counters wait for the second.
        let (packets, stop, _received) = played(&directory, 2);
        let run = thread::spawn(move || packets.run());
        thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        // Two frames more than the three that made two events: the first sets the pace, the second was waited for.
        assert_eq!(run.join().unwrap().unwrap().received, 5);
    }

    #[test]
    fn flow_ids_differ_between_incarnations_and_never_overflow() {
        assert_ne!(first_flow_id(1 << 33), first_flow_id(2 << 33));
        assert!(first_flow_id(u64::MAX) <= u64::MAX / 2);
        assert_eq!(first_flow_id(0), 1);
    }

    #[test]
    fn a_trickle_and_a_flood_are_looked_at_in_time() {
        let mut look = Look::at(0);
        let trickle: Vec<i64> = (1..=30)
            .map(|frame| frame * 10_000)
            .filter(|&ts_us| {
                let is_due = look.is_due(ts_us);
                if is_due {
                    look = Look::at(ts_us);
                }
                is_due
            })
            .collect();
        assert_eq!(trickle, [100_000, 200_000, 300_000]);
        let mut look = Look::at(0);
        let flood = (1..=2 * FRAMES_PER_LOOK)
            .filter(|_| {
                let is_due = look.is_due(1);
                if is_due {
                    look = Look::at(1);
                }
                is_due
            })
            .count();
        assert_eq!(flood, 2);
        // A clock that goes back puts nothing off for longer than that many frames.
        assert!(!Look::at(i64::MAX).is_due(i64::MIN));
    }
}
