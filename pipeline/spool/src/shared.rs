//! What the ends of a spool share, and what it counts.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Position, SegmentId};

/// Shortest time between two marks of age.
const AGE_EVERY: Duration = Duration::from_millis(100);
/// Most marks of age; at the limit every second one goes.
const AGES_MAX: usize = 4096;

/// What a spool holds and what it met since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of all segments now, without what was acknowledged and given back.
    pub held_bytes: u64,
    /// Stretches of broken bytes.
    pub broken: u64,
    /// Bytes in them.
    pub lost_bytes: u64,
    /// Records missing in the order of sequences. Of records lost at the very end of an incarnation only the bytes are known.
    pub lost_records: u64,
    /// Bytes of records that were being written when a sensor ended: they were never accepted.
    pub torn_bytes: u64,
    /// Segments whose file is not there any more.
    pub missing_segments: u64,
    /// Times that a new segment could not be made.
    pub segment_failures: u64,
    /// Times that what was appended could not be written.
    pub sync_failures: u64,
    /// Times that the mark of what is acknowledged could not be written, or a segment not removed.
    pub mark_failures: u64,
}

macro_rules! tallies {
    ($($name:ident),*) => {
        /// [`Counters`], counted from several threads.
        #[derive(Default)]
        pub(crate) struct Tallies {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Tallies {
            fn read(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Counters {
            /// Each counter with its name.
            pub fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

tallies!(
    held_bytes,
    broken,
    lost_bytes,
    lost_records,
    torn_bytes,
    missing_segments,
    segment_failures,
    sync_failures,
    mark_failures
);

/// Adds to a tally; says what it came to.
pub(crate) fn add(tally: &AtomicU64, count: u64) -> u64 {
    tally.fetch_add(count, Ordering::Relaxed) + count
}

/// A segment there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    /// Bytes it takes.
    pub(crate) bytes: u64,
    /// Where it ends, once another was begun after it.
    pub(crate) closed_at: Option<u64>,
}

/// How far the spool goes, and what there is of it.
pub(crate) struct Extent {
    /// End of what is synced.
    pub(crate) synced: Position,
    pub(crate) segments: BTreeMap<SegmentId, Held>,
    ages: VecDeque<(Position, Instant)>,
}

pub(crate) struct Shared {
    pub(crate) directory: PathBuf,
    pub(crate) tallies: Tallies,
    extent: Mutex<Extent>,
    _lock: File,
}

impl Shared {
    pub(crate) fn new(directory: PathBuf, lock: File, synced: Position) -> Self {
        Self {
            directory,
            tallies: Tallies::default(),
            extent: Mutex::new(Extent {
                synced,
                segments: BTreeMap::new(),
                ages: VecDeque::new(),
            }),
            _lock: lock,
        }
    }

    pub(crate) fn extent(&self) -> MutexGuard<'_, Extent> {
        self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn held_bytes(&self) -> u64 {
        self.tallies.held_bytes.load(Ordering::Relaxed)
    }

    /// A segment is there, with so many bytes.
    pub(crate) fn hold(&self, segment: SegmentId, bytes: u64) {
        let held = Held {
            bytes,
            closed_at: None,
        };
        self.extent().segments.insert(segment, held);
        add(&self.tallies.held_bytes, bytes);
    }

    /// Nothing more comes into a segment.
    pub(crate) fn close(&self, end: Position) {
        if let Some(held) = self.extent().segments.get_mut(&end.segment) {
            held.closed_at = Some(end.offset);
        }
    }

    /// The current segment has grown, and what it holds up to `end` is accepted.
    pub(crate) fn accepted(&self, end: Position, bytes: u64) {
        let mut extent = self.extent();
        extent.synced = end;
        if let Some(held) = extent.segments.get_mut(&end.segment) {
            held.bytes += bytes;
        }
        extent.note_age(end, Instant::now());
        drop(extent);
        add(&self.tallies.held_bytes, bytes);
    }

    /// A segment is gone, or takes `bytes` less.
    pub(crate) fn release(&self, segment: SegmentId, bytes: Option<u64>) {
        let mut extent = self.extent();
        let freed = match bytes {
            Some(bytes) => extent.segments.get_mut(&segment).map_or(0, |held| {
                let freed = bytes.min(held.bytes);
                held.bytes -= freed;
                freed
            }),
            None => extent.segments.remove(&segment).map_or(0, |held| held.bytes),
        };
        drop(extent);
        self.tallies.held_bytes.fetch_sub(freed, Ordering::Relaxed);
    }
}

impl Extent {
    /// The segment after `segment`.
    pub(crate) fn after(&self, segment: SegmentId) -> Option<SegmentId> {
        let range = (Bound::Excluded(segment), Bound::Unbounded);
        self.segments.range(range).next().map(|(&next, _)| next)
    }

    /// Remembers since when records up to `end` are accepted.
    pub(crate) fn note_age(&mut self, end: Position, since: Instant) {
        match self.ages.back_mut() {
            Some((last, begun)) if since.saturating_duration_since(*begun) < AGE_EVERY => *last = end,
            _ => self.ages.push_back((end, since)),
        }
        if self.ages.len() > AGES_MAX {
            // The older of two is kept with the end of the younger: ages come out a little too high, never too low.
            let ages = std::mem::take(&mut self.ages);
            let mut ages = ages.into_iter();
            while let Some((end, since)) = ages.next() {
                let end = ages.next().map_or(end, |(end, _)| end);
                self.ages.push_back((end, since));
            }
        }
    }

    pub(crate) fn forget_ages(&mut self, acknowledged: Position) {
        while self.ages.front().is_some_and(|(end, _)| *end <= acknowledged) {
            self.ages.pop_front();
        }
    }
}

/// A look at a spool from outside.
#[derive(Clone)]
pub struct Status(pub(crate) Arc<Shared>);

impl Status {
    /// What it holds and what it met.
    pub fn counters(&self) -> Counters {
        self.0.tallies.read()
    }

    /// For how long the oldest record that is not acknowledged has been there, to about a tenth of a second; `None` when all are.
    pub fn oldest_age(&self) -> Option<Duration> {
        let extent = self.0.extent();
        extent.ages.front().map(|(_, since)| since.elapsed())
    }
}
