//! What is wrong with a sensor, in words, found from what its parts count.
//!
//! The parts go on by themselves and count; here it is looked every second whether a count says that something lasts.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vonggac_metrics::{Gauge, Problem, Registry};

use crate::tallies::Tallies;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// From here on it is told that events wait in the spool, in seconds.
const LATE_S: u64 = 15;
/// How long nothing must have failed until it is told no more. Tries come every second.
const QUIET: Duration = Duration::from_secs(5);
/// From here on a spool is told to be full, in hundredths of what it may hold.
const FULL_PERCENT: u64 = 95;

/// Counts of the spool that grow when its disk fails.
const DISK_FAILURES: [&str; 3] = [
    "spool_segment_failures",
    "spool_sync_failures",
    "spool_mark_failures",
];

/// Looks again and again.
pub(crate) async fn watch(registry: Registry, tallies: Arc<Tallies>, spool_bytes_max: u64) -> Infallible {
    let mut troubles = Troubles::new(&registry, spool_bytes_max);
    loop {
        troubles.look(&tallies.list(), Instant::now());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Troubles {
    spool_bytes_max: u64,
    kafka: Problem,
    full: Problem,
    disk: Failing,
    reading: Failing,
    lag_seconds: Gauge,
    held_bytes: Gauge,
    // Held so that it is shown.
    _bytes_max: Gauge,
}

/// Something that has failed lately.
struct Failing {
    problem: Problem,
    failures: u64,
    last: Option<Instant>,
}

impl Failing {
    fn new(problem: Problem) -> Self {
        Self {
            problem,
            failures: 0,
            last: None,
        }
    }

    fn look(&mut self, failures: u64, now: Instant, words: &str) {
        if failures > self.failures {
            self.failures = failures;
            self.last = Some(now);
            self.problem.set(format!("{words} ({failures} failures so far)"));
        } else if self.last.is_some_and(|last| now.duration_since(last) > QUIET) {
            self.last = None;
            self.problem.clear();
        }
    }
}

impl Troubles {
    fn new(registry: &Registry, spool_bytes_max: u64) -> Self {
        let gauge = |name, help| registry.gauge(name, help, &[]);
        let bytes_max = gauge("sensor_spool_bytes_max", "Most bytes that the spool may hold.");
        bytes_max.set(spool_bytes_max as f64);
        Self {
            spool_bytes_max,
            kafka: registry.problem("kafka"),
            full: registry.problem("spool_full"),
            disk: Failing::new(registry.problem("spool_disk")),
            reading: Failing::new(registry.problem("spool_unreadable")),
            lag_seconds: gauge(
                "sensor_spool_lag_seconds",
                "Age of the oldest event that Kafka has not confirmed; 0 when it has confirmed all.",
            ),
            held_bytes: gauge("sensor_spool_held_bytes", "Bytes that the spool holds."),
            _bytes_max: bytes_max,
        }
    }

    fn look(&mut self, counts: &[(String, u64)], now: Instant) {
        let counts: HashMap<&str, u64> = counts
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        let count = |name: &str| counts.get(name).copied().unwrap_or(0);
        let (lag_s, held_bytes) = (count("spool_lag_seconds"), count("spool_held_bytes"));
        self.lag_seconds.set(lag_s as f64);
        self.held_bytes.set(held_bytes as f64);
        if lag_s >= LATE_S {
            self.kafka.set(format!(
                "Kafka has not confirmed events for {lag_s} s; {held_bytes} bytes wait in the spool"
            ));
        } else {
            self.kafka.clear();
        }
        if held_bytes >= self.spool_bytes_max / 100 * FULL_PERCENT {
            let bytes_max = self.spool_bytes_max;
            self.full
                .set(format!("the spool is full: {held_bytes} of {bytes_max} bytes"));
        } else {
            self.full.clear();
        }
        let failures = DISK_FAILURES.iter().map(|name| count(name)).sum();
        let words = "the spool's disk takes nothing; it is tried again until it does";
        self.disk.look(failures, now, words);
        let words = "the spool cannot be read; it is tried again until it can";
        self.reading.look(count("spool_read_failures"), now, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(registry: &Registry) -> Vec<String> {
        let mut keys: Vec<String> = registry
            .problems()
            .into_iter()
            .map(|trouble| trouble.key)
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn what_lasts_is_told_and_what_is_over_is_not() {
        let registry = Registry::default();
        let mut troubles = Troubles::new(&registry, 1000);
        let start = Instant::now();
        let mut check = |second: u64, counts: &[(&str, u64)], expect: &[&str]| {
            let counts: Vec<(String, u64)> = counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect();
            troubles.look(&counts, start + Duration::from_secs(second));
            assert_eq!(keys(&registry), expect, "second {second}");
        };
        check(0, &[], &[]);
        check(1, &[("spool_lag_seconds", 14), ("spool_held_bytes", 900)], &[]);
        check(2, &[("spool_lag_seconds", 15)], &["kafka"]);
        check(3, &[("spool_held_bytes", 990)], &["spool_full"]);
        check(4, &[("spool_sync_failures", 1)], &["spool_disk"]);
        // Tries have pauses between them.
        check(7, &[("spool_sync_failures", 1)], &["spool_disk"]);
        check(
            8,
            &[("spool_sync_failures", 2), ("spool_read_failures", 1)],
            &["spool_disk", "spool_unreadable"],
        );
        check(14, &[("spool_sync_failures", 2), ("spool_read_failures", 1)], &[]);
        assert!(registry.render().contains("sensor_spool_bytes_max 1000\n"));
    }
}
