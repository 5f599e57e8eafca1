//! Events by time: one statement for every class.

use std::collections::BTreeMap;

use serde_json::Value;
use vonggac_event::Class;

use super::ask::{Statement, union};
use super::compile::Bound;
use super::row::{signed, unsigned};
use super::{BUCKETS_MAX, Request, SearchError, classes};

/// Widths of a histogram's buckets in microseconds, up to a day; wider ones are whole days.
const WIDTHS_US: [i64; 20] = {
    const S: i64 = 1_000_000;
    [
        1_000,
        10_000,
        100_000,
        S / 2,
        S,
        2 * S,
        5 * S,
        10 * S,
        15 * S,
        30 * S,
        60 * S,
        120 * S,
        300 * S,
        600 * S,
        900 * S,
        1800 * S,
        3600 * S,
        10_800 * S,
        21_600 * S,
        43_200 * S,
    ]
};
const DAY_US: i64 = 86_400 * 1_000_000;

/// Events by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Width of a bucket; 0 when there is no bucket.
    pub bucket_us: i64,
    /// The buckets in order, without a hole.
    pub buckets: Vec<HistogramBucket>,
}

/// The events of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramBucket {
    /// Where it starts.
    pub start_us: i64,
    /// Events by class; a class without one is not there.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Histogram {
    pub(super) const EMPTY: Self = Self {
        bucket_us: 0,
        buckets: Vec::new(),
    };
}

/// The statement for the first and last time of what a request finds; `None` when no class can have anything.
pub(super) fn extent_statement(request: &Request<'_>) -> Result<Option<Statement>, SearchError> {
    let classes = classes(request)?;
    Ok(union(request, &classes, |class, condition, _| {
        format!(
            "SELECT toUnixTimestamp64Micro(min(ts)), toUnixTimestamp64Micro(max(ts)), count() FROM `{}` WHERE {condition}",
            class.name(),
        )
    }))
}

/// Reads the answer to [`extent_statement`].
pub(super) fn extent(rows: &[Vec<Value>]) -> Option<(i64, i64)> {
    let one = |row: &Vec<Value>| {
        let [first, last, count] = row.as_slice() else {
            return None;
        };
        let is_there = unsigned(count).is_some_and(|count| count > 0);
        is_there.then_some((signed(first)?, signed(last)?))
    };
    rows.iter()
        .filter_map(one)
        .reduce(|whole, part| (whole.0.min(part.0), whole.1.max(part.1)))
}

/// The statement that fills a shape's buckets; `None` when no class can have anything.
pub(super) fn statement(request: &Request<'_>, shape: &Shape) -> Result<Option<Statement>, SearchError> {
    let classes = classes(request)?;
    Ok(union(request, &classes, |class, condition, values| {
        let start = values.bind(Bound::Signed(shape.start_us));
        let width = values.bind(Bound::Signed(shape.width_us));
        let name = class.name();
        format!(
            "SELECT '{name}', intDiv(toUnixTimestamp64Micro(ts) - {start}, {width}) AS bucket, count() FROM `{name}` \
             WHERE {condition} GROUP BY bucket"
        )
    }))
}

/// Reads the answer to [`statement`].
pub(super) fn filled(shape: &Shape, rows: &[Vec<Value>]) -> Histogram {
    let mut buckets = shape.empty_buckets();
    for row in rows {
        let [class, bucket, count] = row.as_slice() else {
            continue;
        };
        let class = class.as_str().and_then(Class::from_name);
        let slot = signed(bucket).and_then(|bucket| buckets.get_mut(usize::try_from(bucket).ok()?));
        if let (Some(class), Some(slot), Some(count)) = (class, slot, unsigned(count)) {
            slot.counts.insert(class.name(), count);
        }
    }
    Histogram {
        bucket_us: shape.width_us,
        buckets,
    }
}

/// The buckets that a span of time is cut into.
pub(super) struct Shape {
    start_us: i64,
    width_us: i64,
    count: usize,
}

impl Shape {
    /// The narrowest round width that needs no more than `buckets` (and one, for the round start).
    pub(super) fn of(from_us: i64, to_us: i64, buckets: u32) -> Option<Self> {
        let span_us = to_us.checked_sub(from_us).filter(|span| *span > 0)?;
        let wanted = i64::from(buckets.clamp(1, BUCKETS_MAX));
        let least_us = span_us / wanted + i64::from(span_us % wanted != 0);
        let width_us = WIDTHS_US
            .into_iter()
            .find(|width| *width >= least_us)
            .unwrap_or_else(|| {
                (least_us / DAY_US + i64::from(least_us % DAY_US != 0)).saturating_mul(DAY_US)
            });
        let start_us = from_us.checked_sub(from_us.rem_euclid(width_us))?;
        let count = to_us.checked_sub(1)?.checked_sub(start_us)? / width_us + 1;
        Some(Self {
            start_us,
            width_us,
            count: usize::try_from(count).ok()?,
        })
    }

    fn empty_buckets(&self) -> Vec<HistogramBucket> {
        let start = |index: usize| {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            self.start_us.saturating_add(self.width_us.saturating_mul(index))
        };
        (0..self.count)
            .map(|index| HistogramBucket {
                start_us: start(index),
                counts: BTreeMap::new(),
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_round_and_cover_the_span() {
        let check = |from_us: i64, to_us: i64, buckets: u32, width_us: i64, count: usize| {
            let shape = Shape::of(from_us, to_us, buckets).unwrap();
            assert_eq!(
                (shape.width_us, shape.count),
                (width_us, count),
                "{from_us} {to_us}"
            );
            let all = shape.empty_buckets();
            assert!(all.first().unwrap().start_us <= from_us);
            assert!(all.last().unwrap().start_us + width_us >= to_us);
        };
        let hour_us = 3_600_000_000;
        check(0, hour_us, 60, 60_000_000, 60);
        check(30_000_000, hour_us + 30_000_000, 60, 60_000_000, 61);
        check(0, 24 * hour_us, 60, 1_800_000_000, 48);
        check(0, 1, 60, 1_000, 1);
        check(-1, 1, 60, 1_000, 2);
        check(0, 400 * 24 * hour_us, 60, 7 * DAY_US, 58);
        assert!(Shape::of(1, 1, 60).is_none());
        assert!(Shape::of(i64::MIN, i64::MAX, 60).is_none());
        assert!(Shape::of(0, i64::MAX, u32::MAX).is_some());
    }
}
