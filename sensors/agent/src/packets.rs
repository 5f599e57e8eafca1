//! The packet thread: a source, an inspector, and the way out of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use vonggac_capture::{FileSource, Frame, RingOptions, RingSource};
use vonggac_decode::LinkType;
use vonggac_event::proto::{Counter, Stats};
use vonggac_event::{Body, Event};
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::Engine;

use crate::metrics::Metrics;
use crate::scan::Scanning;
use crate::{Item, Options};

/// Longest single wait when a file is played at its own pace.
const PACE_STEP: Duration = Duration::from_millis(100);
/// Most frames between two looks at what is due on a tap.
const FRAMES_PER_LOOK: u32 = 1024;
/// Longest time between two looks, by the frames' own clock, in microseconds.
const LOOK_EVERY_US: i64 = 100_000;

/// The packet thread, before it runs.
pub(crate) struct Packets {
    inspector: Inspector,
    out: Out,
    source: Source,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    metrics: Metrics,
    report: Report,
    /// Frames the kernel had no room for in the ring.
    kernel_dropped: u64,
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
    items: SyncSender<Item>,
    scanning: Scanning,
    waits: bool,
    queue_full: u64,
    unscanned: u64,
}

impl Sink for Out {
    fn event(&mut self, event: Event) {
        self.send(Item::Event(Box::new(event)));
    }

    fn file(&mut self, mut event: Event, data: Vec<u8>) {
        if let Scanning::Aside(files) = &self.scanning {
            match files.try_send((Box::new(event), data)) {
                Ok(()) => return,
                Err(TrySendError::Full((boxed, _)) | TrySendError::Disconnected((boxed, _))) => {
                    event = *boxed
                }
            }
            self.unscanned += 1;
            if let Some(Body::File(file)) = event.body.as_mut() {
                "skipped".clone_into(&mut file.scan);
            }
            self.send(Item::Event(Box::new(event)));
            return;
        }
        self.send(Item::File(Box::new(event), data));
    }
}

impl Out {
    fn send(&mut self, item: Item) {
        if self.waits {
            // The writer only goes away first when it failed, which the main task reports.
            let _ = self.items.send(item);
        } else if self.items.try_send(item).is_err() {
            self.queue_full += 1;
        }
    }
}

impl Packets {
    pub(crate) fn open(
        options: &Arc<Options>,
        engine: Arc<Engine>,
        incarnation: u64,
        scanning: Scanning,
        items: SyncSender<Item>,
        stop: Arc<AtomicBool>,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let source = match &options.interface {
            Some(name) => Source::Ring(RingSource::open(name, RingOptions::default())?),
            None => Source::Files(options.read.clone()),
        };
        let mut config = Config::default();
        config.stream.first_flow_id = first_flow_id(incarnation);
        Ok(Self {
            inspector: Inspector::new(config, engine),
            out: Out {
                items,
                scanning,
                waits: options.interface.is_none(),
                queue_full: 0,
                unscanned: 0,
            },
            source,
            options: options.clone(),
            stop,
            metrics,
            report: Report::default(),
            kernel_dropped: 0,
            started: Instant::now(),
            next_stats_us: i64::MIN,
            first_us: i64::MIN,
        })
    }

    pub(crate) fn run(mut self) -> anyhow::Result<Report> {
        // So that whoever asks for the counters before the first report finds them, at 0.
        self.metrics.update(&self.options.name, &self.report);
        let last_us = match std::mem::replace(&mut self.source, Source::Files(Vec::new())) {
            Source::Ring(mut ring) => self.run_ring(&mut ring)?,
            Source::Files(paths) => self.run_files(&paths),
        };
        self.inspector.finish(&mut self.out);
        self.send_stats(last_us);
        self.report.seconds = self.started.elapsed().as_secs_f64();
        self.fill_report();
        Ok(self.report)
    }

    fn run_ring(&mut self, ring: &mut RingSource) -> anyhow::Result<i64> {
        let name = self.options.interface.clone().unwrap_or_default();
        self.report.sources.push(SourceReport {
            name,
            ..SourceReport::default()
        });
        tracing::info!(interface = self.options.interface, "capturing");
        let mut look = Look::default();
        let mut now_us = now_us();
        while !self.stop.load(Ordering::Relaxed) {
            let is_due = match ring.next_frame()? {
                Some(frame) => {
                    self.take(&frame);
                    now_us = frame.ts_us;
                    look.is_due(now_us)
                }
                None => {
                    now_us = self::now_us();
                    true
                }
            };
            if is_due {
                look = Look::at(now_us);
                self.inspector.advance(now_us, &mut self.out);
                self.kernel_dropped = ring.statistics()?.dropped;
                self.stats_if_due(now_us);
            }
        }
        self.kernel_dropped = ring.statistics()?.dropped;
        Ok(now_us)
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
        let begun = Instant::now();
        let mut first_us = None;
        while let Some(frame) = file.next_frame()? {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let first_us = *first_us.get_or_insert(frame.ts_us);
            if self.options.speed > 0.0 {
                self.pace(begun, frame.ts_us.saturating_sub(first_us));
            }
            self.take(&frame);
            *packets += 1;
            *last_us = frame.ts_us.max(*last_us);
            self.stats_if_due(*last_us);
        }
        Ok(())
    }

    /// Waits until a frame that is `age_us` into its file is due.
    fn pace(&self, begun: Instant, age_us: i64) {
        let due = Duration::from_micros((age_us.max(0) as f64 / self.options.speed) as u64);
        while let Some(left) = due.checked_sub(begun.elapsed()) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(left.min(PACE_STEP));
        }
    }

    fn take(&mut self, frame: &Frame<'_>) {
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
            .iter()
            .map(|&(name, count)| (name.to_owned(), count))
            .collect();
        self.report
            .counters
            .push(("files_unscanned_queue_full".to_owned(), self.out.unscanned));
        self.report.counters.retain(|&(_, count)| count > 0);
        self.report.events_dropped = vec![("queue_full".to_owned(), self.out.queue_full)];
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
mod tests {
    use super::*;

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
