//! How often a rule reports: `threshold` and `detection_filter`, and what the sensor's own file of
//! thresholds says of it.
//!
//! Counts across flows are those of all workers that share a [`crate::Memory`]. Counts of `track by_flow` live in the flow's own
//! memory.

mod apply;
mod config;
mod rate;
mod window;

use crate::bounded_map::SharedMap;
use crate::limits::THRESHOLD_ENTRIES_MAX;
use crate::rule::{Threshold, ThresholdKind, Track};

pub use config::ThresholdConfig;
pub(crate) use rate::{RateFilter, Suppression, SuppressionSide};
pub(crate) use window::{FlowWindows, Window};

/// Counts per rule and tracked address.
#[derive(Debug)]
pub(crate) struct ThresholdTable {
    windows: SharedMap<Key, Window>,
    rates: SharedMap<Key, rate::Rate>,
}

/// What a count is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rule: u64,
    /// `detection_filter` counts apart from `threshold`.
    filter: bool,
    first: u128,
    second: u128,
}

/// Which match is being counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occurrence {
    pub(crate) rule: u64,
    pub(crate) source: u128,
    pub(crate) destination: u128,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) ts_us: i64,
}

impl Occurrence {
    fn key(&self, track: Track, filter: bool) -> Key {
        let (first, second) = match track {
            Track::Source => (self.source, 0),
            Track::Destination => (self.destination, 0),
            Track::Both => (
                self.source.min(self.destination),
                self.source.max(self.destination),
            ),
            Track::Rule | Track::Flow => (0, 0),
        };
        Key {
            rule: self.rule,
            filter,
            first,
            second,
        }
    }
}

impl ThresholdTable {
    pub(crate) fn new(shards: usize) -> ThresholdTable {
        ThresholdTable {
            windows: SharedMap::new(THRESHOLD_ENTRIES_MAX, shards),
            rates: SharedMap::new(THRESHOLD_ENTRIES_MAX, shards),
        }
    }

    /// Counts one more match; whether it is to be reported. `flow` are the counts of its flow: what is
    /// tracked by flow is never reported without one. `evicted` counts the rows that gave way.
    pub(crate) fn admits(
        &self,
        threshold: &Threshold,
        occurrence: Occurrence,
        flow: Option<&mut FlowWindows>,
        evicted: &mut u64,
    ) -> bool {
        let filter = threshold.kind == ThresholdKind::DetectionFilter;
        let make = || Window::new(threshold, occurrence.ts_us);
        match (threshold.track, flow) {
            (Track::Flow, None) => false,
            (Track::Flow, Some(flow)) => flow
                .entry(occurrence.rule, filter, make)
                .admits(threshold, occurrence),
            _ => {
                let key = occurrence.key(threshold.track, filter);
                let admits = |window: &mut Window, _| window.admits(threshold, occurrence);
                self.windows.with(key, make, evicted, admits).unwrap_or(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::PortSide;

    fn occurrence(source: u128, destination: u128, second: i64) -> Occurrence {
        Occurrence {
            rule: 1,
            source,
            destination,
            source_port: 0,
            destination_port: 0,
            ts_us: second * 1_000_000,
        }
    }

    #[test]
    fn backoff_reports_ever_less_often() {
        let table = [
            (1, 10, vec![1, 10, 100]),
            (1, 2, vec![1, 2, 4, 8, 16, 32, 64]),
            (5, 5, vec![5, 25]),
        ];
        for (count, multiplier, expected) in table {
            let threshold = Threshold {
                kind: ThresholdKind::Backoff { multiplier },
                track: Track::Flow,
                count,
                seconds: 0,
                unique: None,
            };
            let table = ThresholdTable::new(1);
            let mut flow = FlowWindows::default();
            let reported: Vec<i64> = (1..=100)
                .filter(|n| table.admits(&threshold, occurrence(1, 2, *n), Some(&mut flow), &mut 0))
                .collect();
            assert_eq!(reported, expected, "count {count}, multiplier {multiplier}");
        }
    }

    #[test]
    fn unique_ports_are_counted_once() {
        let filter = Threshold {
            kind: ThresholdKind::DetectionFilter,
            track: Track::Destination,
            count: 2,
            seconds: 60,
            unique: Some(PortSide::Destination),
        };
        let table = ThresholdTable::new(1);
        let admitted = [80, 80, 81, 81, 82, 80].map(|destination_port| {
            let occurrence = Occurrence {
                destination_port,
                ..occurrence(1, 2, 0)
            };
            u8::from(table.admits(&filter, occurrence, None, &mut 0))
        });
        assert_eq!(admitted, [0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn kinds() {
        // Matches at these seconds, the window being 10 s and the count 2; which are reported?
        let seconds = [0, 1, 2, 3, 10, 11, 30];
        let table = [
            (ThresholdKind::Limit, [1, 1, 0, 0, 1, 1, 1]),
            (ThresholdKind::Threshold, [0, 1, 0, 1, 0, 1, 0]),
            (ThresholdKind::Both, [0, 1, 0, 0, 0, 1, 0]),
            (ThresholdKind::DetectionFilter, [0, 0, 1, 1, 0, 0, 0]),
        ];
        for (kind, expected) in table {
            let windows = ThresholdTable::new(1);
            let threshold = Threshold {
                kind,
                track: Track::Source,
                count: 2,
                seconds: 10,
                unique: None,
            };
            let reported = seconds
                .map(|second| u8::from(windows.admits(&threshold, occurrence(5, 6, second), None, &mut 0)));
            assert_eq!(reported, expected, "{kind:?}");
        }
    }

    #[test]
    fn tracks_apart() {
        let windows = ThresholdTable::new(1);
        let admits = |windows: &ThresholdTable, track, source, destination| {
            let threshold = Threshold {
                kind: ThresholdKind::Limit,
                track,
                count: 1,
                seconds: 10,
                unique: None,
            };
            windows.admits(&threshold, occurrence(source, destination, 0), None, &mut 0)
        };
        assert!(admits(&windows, Track::Source, 1, 2));
        assert!(!admits(&windows, Track::Source, 1, 3));
        assert!(admits(&windows, Track::Source, 2, 3));
        // Both ways between two addresses are one pair.
        assert!(admits(&windows, Track::Both, 1, 2));
        assert!(!admits(&windows, Track::Both, 2, 1));
        assert!(admits(&windows, Track::Both, 2, 3));
        // Without a flow nothing is tracked by flow.
        assert!(!admits(&windows, Track::Flow, 1, 2));
    }
}
