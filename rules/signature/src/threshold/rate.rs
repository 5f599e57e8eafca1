//! `suppress` and `rate_filter` of the sensor's own file of thresholds.

use std::sync::Arc;

use crate::bounded_map::Found;
use crate::rule::{Action, Track};
use crate::variables::AddressSet;

use super::{Occurrence, ThresholdTable};

/// For which addresses a rule does not report.
#[derive(Debug, Clone)]
pub(crate) struct Suppression {
    pub(crate) side: SuppressionSide,
    pub(crate) addresses: Arc<AddressSet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuppressionSide {
    Source,
    Destination,
    Either,
}

impl Suppression {
    pub(crate) fn covers(&self, occurrence: Occurrence) -> bool {
        let source = || self.addresses.contains(occurrence.source);
        let destination = || self.addresses.contains(occurrence.destination);
        match self.side {
            SuppressionSide::Source => source(),
            SuppressionSide::Destination => destination(),
            SuppressionSide::Either => source() || destination(),
        }
    }
}

/// Another action for a rule while it matches too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateFilter {
    pub(crate) track: Track,
    /// Matches within `seconds` after which the filter is in place.
    pub(crate) count: u32,
    pub(crate) seconds: u32,
    pub(crate) action: Action,
    /// How long it stays in place, in seconds.
    pub(crate) timeout: u32,
}

/// How often a rule matched of late, and since when its filter is in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    start_us: i64,
    count: u32,
    active_since_us: Option<i64>,
}

impl ThresholdTable {
    /// Counts one more match; whether the filter's action takes the place of the rule's. `evicted` counts the rows that gave way.
    pub(crate) fn exceeds(&self, filter: &RateFilter, occurrence: Occurrence, evicted: &mut u64) -> bool {
        let fresh = Rate::fresh(occurrence.ts_us);
        let key = occurrence.key(filter.track, false);
        let count = |rate: &mut Rate, found| rate.exceeds(filter, occurrence.ts_us, found);
        self.rates.with(key, || fresh, evicted, count).unwrap_or(false)
    }
}

impl Rate {
    fn fresh(now_us: i64) -> Rate {
        Rate {
            start_us: now_us,
            count: 0,
            active_since_us: None,
        }
    }

    fn exceeds(&mut self, filter: &RateFilter, now_us: i64, found: Found) -> bool {
        let passed = |since_us: i64, seconds: u32| {
            now_us.saturating_sub(since_us) >= i64::from(seconds).saturating_mul(1_000_000)
        };
        if let Some(since_us) = self.active_since_us {
            if !passed(since_us, filter.timeout) {
                return true;
            }
            *self = Rate::fresh(now_us);
        }
        if found == Found::Old && passed(self.start_us, filter.seconds) {
            *self = Rate::fresh(now_us);
        }
        self.count = self.count.saturating_add(1);
        let exceeds = self.count > filter.count;
        if exceeds {
            self.active_since_us = Some(now_us);
        }
        exceeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_filter_takes_over_and_times_out() {
        let filter = RateFilter {
            track: Track::Source,
            count: 2,
            seconds: 10,
            action: Action::Drop,
            timeout: 20,
        };
        let table = ThresholdTable::new(1);
        let seconds = [0, 1, 2, 15, 21, 22, 23, 24];
        let taken = seconds.map(|second| {
            let occurrence = Occurrence {
                rule: 1,
                source: 1,
                destination: 2,
                source_port: 0,
                destination_port: 0,
                ts_us: second * 1_000_000,
            };
            u8::from(table.exceeds(&filter, occurrence, &mut 0))
        });
        assert_eq!(taken, [0, 0, 1, 1, 1, 0, 0, 1]);
    }
}
