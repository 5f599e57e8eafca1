//! The sliding window of one correlation's group.
//!
//! Entries stand in the order of event time. The *head* is the window that ends at the last entry; its aggregate is kept, so a
//! match that comes in order costs O(1) amortised (and a look-up in the order). A late one slides the head back to its place
//! and forward again, which costs as many steps as matches overtook it, and judges each window on the way.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use vonggac_sigma::{Bounds, Correlation, CorrelationKind};

/// A match in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) ts_us: i64,
    pub(crate) event_id: u128,
    /// Which of the correlation's rules.
    pub(crate) feed: u16,
    /// Hash of the counted values, or the number to add.
    pub(crate) value: u64,
    pub(crate) flow_id: u64,
}

impl Entry {
    /// Where one event matched several rules, the later rule comes first, so that it cannot follow itself in a chain.
    fn key(&self) -> (i64, u128, Reverse<u16>) {
        (self.ts_us, self.event_id, Reverse(self.feed))
    }
}

/// What a window needs to know of its correlation.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) kind: CorrelationKind,
    pub(crate) bounds: Bounds,
    pub(crate) timespan_us: i64,
    pub(crate) feeds: usize,
}

impl Spec {
    pub(crate) fn new(correlation: &Correlation) -> Self {
        Self {
            kind: correlation.kind,
            bounds: correlation.bounds.clone(),
            timespan_us: correlation.timespan_us,
            feeds: correlation.feeds.len(),
        }
    }
}

/// From a time to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
}

impl Stretch {
    pub(crate) fn at(ts_us: i64) -> Self {
        Self {
            first_us: ts_us,
            last_us: ts_us,
        }
    }
}

/// The windows around a new entry in which the condition holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Held {
    /// End of the first of them, and of the last.
    pub(crate) ends: Stretch,
    /// Time of the first entry in the first of them.
    pub(crate) start_us: i64,
    /// The count, sum or mean in the last of them.
    pub(crate) metric: f64,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Insertion {
    Duplicate,
    New(Option<Held>),
}

#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: VecDeque<Entry>,
    /// The head is `low..high`; between calls `high` is the number of entries.
    low: usize,
    high: usize,
    distinct: HashMap<u64, u32>,
    sum: i128,
    /// For ordered rules: by position, the latest start of a chain that has come this far.
    chain: Vec<i64>,
}

impl Window {
    /// A window with these entries, as a snapshot kept them.
    pub(crate) fn restore(entries: Vec<Entry>, chain: Vec<i64>, spec: &Spec) -> Self {
        let mut window = Self {
            entries: entries.into(),
            chain,
            ..Self::default()
        };
        while window.high < window.entries.len() {
            window.extend(spec);
        }
        window
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn chain(&self) -> &[i64] {
        &self.chain
    }

    /// Puts an entry in its place and judges every window that it belongs to.
    pub(crate) fn insert(&mut self, entry: Entry, spec: &Spec) -> Insertion {
        let place = self.entries.partition_point(|other| other.key() < entry.key());
        if self
            .entries
            .get(place)
            .is_some_and(|other| other.key() == entry.key())
        {
            return Insertion::Duplicate;
        }
        while self.high > place {
            self.retract(spec);
        }
        self.entries.insert(place, entry);
        let is_ordered = spec.kind == CorrelationKind::TemporalOrdered;
        if is_ordered && place + 1 < self.entries.len() {
            self.chain.clear();
            for index in 0..place {
                self.link(index, spec);
            }
        }
        let last_end_us = entry.ts_us.saturating_add(spec.timespan_us);
        let mut held: Option<Held> = None;
        while self.high < self.entries.len() {
            self.extend(spec);
            let index = self.high - 1;
            if is_ordered {
                self.link(index, spec);
            }
            let Some(end_us) = self.time_at(index) else {
                break;
            };
            let is_tied = self.time_at(index + 1) == Some(end_us);
            if is_tied || end_us > last_end_us {
                continue;
            }
            let metric = self.metric(spec);
            if self.holds(metric, end_us, spec) {
                let start_us = self.time_at(self.low).unwrap_or(end_us);
                let held = held.get_or_insert(Held {
                    ends: Stretch::at(end_us),
                    start_us,
                    metric,
                });
                (held.ends.last_us, held.metric) = (end_us, metric);
            }
        }
        Insertion::New(held)
    }

    fn holds(&self, metric: f64, end_us: i64, spec: &Spec) -> bool {
        if spec.kind == CorrelationKind::TemporalOrdered {
            let start = self.chain.get(spec.feeds.saturating_sub(1)).copied();
            return start.is_some_and(|start| start >= end_us.saturating_sub(spec.timespan_us));
        }
        spec.bounds.hold(metric)
    }

    fn metric(&self, spec: &Spec) -> f64 {
        let count = self.high - self.low;
        match spec.kind {
            CorrelationKind::EventCount => count as f64,
            CorrelationKind::ValueCount | CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                self.distinct.len() as f64
            }
            CorrelationKind::ValueSum => self.sum as f64,
            CorrelationKind::ValueAverage => self.sum as f64 / count.max(1) as f64,
        }
    }

    fn time_at(&self, index: usize) -> Option<i64> {
        self.entries.get(index).map(|entry| entry.ts_us)
    }

    /// Moves the head's end one entry on.
    fn extend(&mut self, spec: &Spec) {
        let Some(end_us) = self.time_at(self.high) else {
            return;
        };
        self.include(self.high, spec);
        self.high += 1;
        let start_us = end_us.saturating_sub(spec.timespan_us);
        while self.time_at(self.low).is_some_and(|ts_us| ts_us < start_us) {
            self.exclude(self.low, spec);
            self.low += 1;
        }
    }

    /// Moves the head's end one entry back.
    fn retract(&mut self, spec: &Spec) {
        let Some(last) = self.high.checked_sub(1) else {
            return;
        };
        self.exclude(last, spec);
        self.high = last;
        let Some(end_us) = last.checked_sub(1).and_then(|index| self.time_at(index)) else {
            self.low = 0;
            return;
        };
        let start_us = end_us.saturating_sub(spec.timespan_us);
        while let Some(before) = self.low.checked_sub(1)
            && self.time_at(before).is_some_and(|ts_us| ts_us >= start_us)
        {
            self.include(before, spec);
            self.low = before;
        }
    }

    fn include(&mut self, index: usize, spec: &Spec) {
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        self.sum += i128::from(entry.value);
        if let Some(value) = counted(entry, spec.kind) {
            *self.distinct.entry(value).or_insert(0) += 1;
        }
    }

    fn exclude(&mut self, index: usize, spec: &Spec) {
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        self.sum -= i128::from(entry.value);
        if let Some(value) = counted(entry, spec.kind)
            && let Some(count) = self.distinct.get_mut(&value)
        {
            *count -= 1;
            if *count == 0 {
                self.distinct.remove(&value);
            }
        }
    }

    /// Lets the entry at `index` lengthen the chains.
    fn link(&mut self, index: usize, spec: &Spec) {
        self.chain.resize(spec.feeds, i64::MIN);
        let Some(entry) = self.entries.get(index) else {
            return;
        };
        let feed = usize::from(entry.feed);
        let start = match feed.checked_sub(1) {
            None => entry.ts_us,
            Some(before) => self.chain.get(before).copied().unwrap_or(i64::MIN),
        };
        if let Some(latest) = self.chain.get_mut(feed) {
            *latest = start.max(*latest);
        }
    }

    /// Removes the oldest entry.
    pub(crate) fn pop_oldest(&mut self, spec: &Spec) {
        if self.low == 0 && self.high > 0 {
            self.exclude(0, spec);
        }
        if self.entries.pop_front().is_some() {
            self.low = self.low.saturating_sub(1);
            self.high = self.high.saturating_sub(1);
        }
    }

    /// Removes the entries that are over. Those of one source go from the front; of several, from anywhere.
    pub(crate) fn prune(&mut self, mut is_over: impl FnMut(&Entry) -> bool, spec: &Spec) {
        while self.entries.front().is_some_and(&mut is_over) {
            self.pop_oldest(spec);
        }
        if self.entries.iter().any(&mut is_over) {
            let chain = std::mem::take(&mut self.chain);
            let mut entries = std::mem::take(&mut self.entries);
            entries.retain(|entry| !is_over(entry));
            *self = Self::restore(entries.into(), chain, spec);
        }
    }

    /// Takes in the entries of a window that has come near.
    pub(crate) fn merge(&mut self, other: Self, spec: &Spec) {
        let mut entries: Vec<Entry> = std::mem::take(&mut self.entries).into();
        entries.extend(other.entries);
        entries.sort_unstable_by_key(Entry::key);
        let count = entries.len();
        *self = Self::restore(entries, Vec::new(), spec);
        if spec.kind == CorrelationKind::TemporalOrdered {
            for index in 0..count {
                self.link(index, spec);
            }
        }
    }

    /// Time of the first entry and of the last.
    pub(crate) fn span_us(&self) -> Option<(i64, i64)> {
        let (first, last) = self.entries.front().zip(self.entries.back())?;
        Some((first.ts_us, last.ts_us))
    }
}

/// What `distinct` counts of an entry.
fn counted(entry: &Entry, kind: CorrelationKind) -> Option<u64> {
    match kind {
        CorrelationKind::ValueCount => Some(entry.value),
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => Some(u64::from(entry.feed)),
        _ => None,
    }
}
