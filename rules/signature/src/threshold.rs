//! How often a rule reports: `threshold` and `detection_filter`.
//!
//! Counts are those of one worker: rules that track hosts across flows count what that worker saw.

use crate::bounded_map::{BoundedMap, Found};
use crate::limits::THRESHOLD_ENTRIES_MAX;
use crate::rule::{Threshold, ThresholdKind, Track};

/// Counts per rule and tracked address.
#[derive(Debug)]
pub(crate) struct ThresholdTable {
    windows: BoundedMap<Key, Window>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rule: u64,
    filter: bool,
    first: u128,
    second: u128,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start_us: i64,
    count: u32,
}

/// Which match is being counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occurrence {
    pub(crate) rule: u64,
    pub(crate) source: u128,
    pub(crate) destination: u128,
    pub(crate) ts_us: i64,
}

impl ThresholdTable {
    pub(crate) fn new() -> ThresholdTable {
        ThresholdTable {
            windows: BoundedMap::new(THRESHOLD_ENTRIES_MAX),
        }
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.windows.evicted()
    }

    /// Counts one more match; whether it is to be reported.
    pub(crate) fn admits(&mut self, threshold: &Threshold, occurrence: Occurrence) -> bool {
        let (first, second) = match threshold.track {
            Track::Source => (occurrence.source, 0),
            Track::Destination => (occurrence.destination, 0),
            Track::Both => (occurrence.source, occurrence.destination),
            Track::Rule => (0, 0),
        };
        let filter = threshold.kind == ThresholdKind::DetectionFilter;
        let key = Key {
            rule: occurrence.rule,
            filter,
            first,
            second,
        };
        let ts_us = occurrence.ts_us;
        let (window, found) = self.windows.entry(key, || Window {
            start_us: ts_us,
            count: 0,
        });
        let length_us = i64::from(threshold.seconds) * 1_000_000;
        let is_over = found == Found::Old && ts_us.saturating_sub(window.start_us) >= length_us;
        if is_over {
            *window = Window {
                start_us: ts_us,
                count: 0,
            };
        }
        window.count = window.count.saturating_add(1);
        match threshold.kind {
            ThresholdKind::Limit => window.count <= threshold.count,
            ThresholdKind::Both => window.count == threshold.count,
            ThresholdKind::DetectionFilter => window.count > threshold.count,
            ThresholdKind::Threshold => {
                let reached = window.count >= threshold.count;
                if reached {
                    window.count = 0;
                }
                reached
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut windows = ThresholdTable::new();
            let threshold = Threshold {
                kind,
                track: Track::Source,
                count: 2,
                seconds: 10,
            };
            let reported = seconds.map(|second| {
                let occurrence = Occurrence {
                    rule: 1,
                    source: 5,
                    destination: 6,
                    ts_us: second * 1_000_000,
                };
                u8::from(windows.admits(&threshold, occurrence))
            });
            assert_eq!(reported, expected, "{kind:?}");
        }
    }

    #[test]
    fn tracks_apart() {
        let mut windows = ThresholdTable::new();
        let admits = |windows: &mut ThresholdTable, track, source, destination| {
            let threshold = Threshold {
                kind: ThresholdKind::Limit,
                track,
                count: 1,
                seconds: 10,
            };
            windows.admits(
                &threshold,
                Occurrence {
                    rule: 1,
                    source,
                    destination,
                    ts_us: 0,
                },
            )
        };
        assert!(admits(&mut windows, Track::Source, 1, 2));
        assert!(!admits(&mut windows, Track::Source, 1, 3));
        assert!(admits(&mut windows, Track::Source, 2, 3));
    }
}
