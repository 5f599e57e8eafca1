//! What all workers came to: the sensor's report, its metrics and `stats` events.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use vonggac_event::proto::{Counter, Stats};
use vonggac_event::{Body, Event};

use crate::Options;
use crate::metrics::Metrics;
use crate::tallies::Tallies;
use crate::worker::{Standing, Told};

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

/// One capture file or interface.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SourceReport {
    pub(crate) name: String,
    pub(crate) packets: u64,
    pub(crate) error: Option<String>,
}

impl SourceReport {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
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

/// Makes reports of what the workers told.
pub(crate) struct Reporter {
    options: Arc<Options>,
    metrics: Metrics,
    tallies: Arc<Tallies>,
    workers: Vec<Told>,
    report: Report,
    started: Instant,
    next_stats_us: i64,
    first_us: i64,
}

impl Reporter {
    pub(crate) fn new(
        options: Arc<Options>,
        metrics: Metrics,
        tallies: Arc<Tallies>,
        workers: Vec<Told>,
    ) -> Self {
        let reporter = Self {
            options,
            metrics,
            tallies,
            workers,
            report: Report::default(),
            started: Instant::now(),
            next_stats_us: i64::MIN,
            first_us: i64::MIN,
        };
        // So that whoever asks for the counters before the first report finds them, at 0.
        reporter.metrics.update(&reporter.options.name, &reporter.report);
        reporter
    }

    /// Whether it is time for the next `stats` event.
    pub(crate) fn is_due(&mut self, now_us: i64) -> bool {
        if self.first_us == i64::MIN {
            self.first_us = now_us;
            self.next_stats_us = now_us;
        }
        if now_us < self.next_stats_us {
            return false;
        }
        let interval_us = i64::from(self.options.stats_seconds) * 1_000_000;
        self.next_stats_us = now_us.saturating_add(interval_us);
        now_us > self.first_us
    }

    /// The report of what the workers told, as an event; the metrics show it, too. `waiting` are the bytes of files and events that wait.
    pub(crate) fn stats(&mut self, ts_us: i64, waiting: (usize, usize)) -> Event {
        // Without a packet there is no time but the clock's.
        let (ts_us, uptime_us) = match self.first_us {
            i64::MIN => (now_us(), 0),
            first_us => (ts_us, ts_us.saturating_sub(first_us).max(0)),
        };
        self.fill(waiting);
        self.metrics.update(&self.options.name, &self.report);
        let stats = Stats {
            uptime_us: uptime_us as u64,
            packets_received: self.report.received,
            packets_processed: self.report.processed,
            dropped: counters(&self.report.dropped),
            bytes_received: self.report.bytes,
            events: 0,
            counters: counters(&self.report.counters),
        };
        Event {
            ts_us,
            body: Some(Body::Stats(stats)),
            ..Event::default()
        }
    }

    /// The last report, with where the packets came from.
    pub(crate) fn finish(mut self, sources: Vec<SourceReport>, waiting: (usize, usize)) -> Report {
        self.fill(waiting);
        self.report.sources = sources;
        self.report.seconds = self.started.elapsed().as_secs_f64();
        self.report
    }

    fn fill(&mut self, (files_bytes, events_bytes): (usize, usize)) {
        let standings: Vec<Standing> = self.workers.iter().map(Told::get).collect();
        let sum = |count: fn(&Standing) -> u64| standings.iter().map(count).sum::<u64>();
        let kernel_dropped = sum(|worker| worker.tap.kernel_dropped);
        let report = &mut self.report;
        report.processed = sum(|worker| worker.counters.packets_processed);
        // What the kernel had no room for arrived too.
        report.received = sum(|worker| worker.counters.packets_received) + kernel_dropped;
        report.bytes = sum(|worker| worker.bytes);
        let dropped = standings.iter().map(|worker| named(worker.counters.dropped()));
        report.dropped = vec![("kernel".to_owned(), kernel_dropped)];
        report.dropped.extend(summed(dropped));
        report.dropped.retain(|&(_, count)| count > 0);
        report.counters = summed(standings.iter().map(|worker| named(worker.counters.list())));
        let own = [
            (
                "files_unscanned_queue_full",
                sum(|worker| worker.out.unscanned_queue_full),
            ),
            (
                "files_unscanned_bytes_full",
                sum(|worker| worker.out.unscanned_bytes_full),
            ),
            (
                "files_unscanned_scanner_gone",
                sum(|worker| worker.out.unscanned_scanner_gone),
            ),
            ("files_waiting_bytes", files_bytes as u64),
            ("events_waiting_bytes", events_bytes as u64),
            ("capture_interface_lost", sum(|worker| worker.tap.interface_lost)),
        ];
        report.counters.extend(named(own));
        report.counters.extend(self.tallies.list());
        report.counters.retain(|&(_, count)| count > 0);
        report.events_dropped = named([
            ("queue_full", sum(|worker| worker.out.dropped_queue_full)),
            ("queue_bytes_full", sum(|worker| worker.out.dropped_bytes_full)),
        ]);
    }
}

fn named(list: impl IntoIterator<Item = (impl Into<String>, u64)>) -> Vec<(String, u64)> {
    list.into_iter()
        .map(|(name, count)| (name.into(), count))
        .collect()
}

/// Counts of the same names together. All lists have the same names in the same order.
fn summed(lists: impl Iterator<Item = Vec<(String, u64)>>) -> Vec<(String, u64)> {
    lists
        .reduce(|mut sum, list| {
            for ((name, count), (other, more)) in sum.iter_mut().zip(list) {
                debug_assert_eq!(*name, other);
                *count += more;
            }
            sum
        })
        .unwrap_or_default()
}

fn counters(list: &[(String, u64)]) -> Vec<Counter> {
    list.iter()
        .map(|(name, value)| Counter {
            name: name.clone(),
            value: *value,
        })
        .collect()
}

/// The clock's time, microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_micros() as i64)
}
