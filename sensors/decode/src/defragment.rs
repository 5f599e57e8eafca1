//! Puts fragmented datagrams together, within bounds.
//!
//! Where fragments overlap, the byte that came first wins, and a difference is told. Memory is bounded by
//! [`FRAGMENT_BYTES_MAX`] and [`DATAGRAMS_MAX`]: beyond either, the oldest unfinished datagram goes. Time is packet time.

use crate::packet::DropReason;
use crate::vlans::Vlans;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Most unfinished datagrams.
pub const DATAGRAMS_MAX: usize = 1024;

/// Most bytes of all unfinished datagrams together.
pub const FRAGMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most separate pieces of one unfinished datagram.
pub const DATAGRAM_RANGES_MAX: usize = 256;

/// How long a datagram may stay unfinished, in microseconds (RFC 8200: 60 s from the first fragment).
pub const FRAGMENT_TIMEOUT_US: i64 = 60_000_000;

/// Largest datagram: the IP length field has 16 bits.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What the fragments of one datagram share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FragmentKey {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) id: u32,
    /// IPv4 alone: fragments of IPv6 belong together whatever they say comes next (RFC 8200, 4.5).
    pub(crate) protocol: Option<u8>,
    pub(crate) vlans: Vlans,
}

/// One piece of a datagram.
#[derive(Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) offset: u32,
    pub(crate) more: bool,
    /// What it says that the datagram carries; the first fragment's word counts.
    pub(crate) next_header: u8,
    pub(crate) bytes: &'a [u8],
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pending,
    Complete { conflicting: bool, next_header: u8 },
    Refused(DropReason),
}

/// What happened to datagrams so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DefragmentCounters {
    /// Fragments seen.
    pub fragments: u64,
    /// Datagrams put together.
    pub reassembled: u64,
    /// Datagrams of which the rest never came in time.
    pub timed_out: u64,
    /// Unfinished datagrams that had to make room.
    pub evicted: u64,
    /// Datagrams whose fragments overlapped with different bytes.
    pub conflicts: u64,
}

#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// What is there: sorted, disjoint, not touching, half open.
    ranges: Vec<(usize, usize)>,
    /// Length of the whole, once its last fragment came.
    len: Option<usize>,
    conflicting: bool,
    /// That of the first fragment.
    next_header: u8,
    serial: u64,
}

/// The unfinished datagrams of one worker.
#[derive(Debug, Default)]
pub struct Defragmenter {
    partials: HashMap<FragmentKey, Partial>,
    /// Oldest first; an entry whose serial is no longer that of its datagram is stale.
    order: VecDeque<(i64, FragmentKey, u64)>,
    bytes_held: usize,
    serial: u64,
    completed: Vec<u8>,
    counters: DefragmentCounters,
}

impl Defragmenter {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happened so far.
    pub fn counters(&self) -> &DefragmentCounters {
        &self.counters
    }

    /// Unfinished datagrams.
    pub fn pending(&self) -> usize {
        self.partials.len()
    }

    /// Bytes of unfinished datagrams; never over [`FRAGMENT_BYTES_MAX`] between calls.
    pub fn bytes_held(&self) -> usize {
        self.bytes_held
    }

    /// Gives up datagrams that are older than the time-out at packet time `now_us`.
    pub fn expire(&mut self, now_us: i64) {
        while let Some((since_us, key, serial)) = self.order.front().copied() {
            let live = self.is_live(&key, serial);
            if live && now_us.saturating_sub(since_us) < FRAGMENT_TIMEOUT_US {
                return;
            }
            self.order.pop_front();
            if live {
                self.counters.timed_out += 1;
                self.remove(&key);
            }
        }
    }

    /// The datagram that the last [`Outcome::Complete`] was about.
    pub(crate) fn completed(&self) -> &[u8] {
        &self.completed
    }

    pub(crate) fn add(&mut self, key: FragmentKey, fragment: &Fragment<'_>, ts_us: i64) -> Outcome {
        self.counters.fragments += 1;
        self.expire(ts_us);
        let start = fragment.offset as usize;
        let end = start.saturating_add(fragment.bytes.len());
        let uneven = fragment.more && !fragment.bytes.len().is_multiple_of(8);
        if fragment.bytes.is_empty() || uneven || end > DATAGRAM_BYTES_MAX {
            return Outcome::Refused(DropReason::MalformedFragment);
        }
        if !self.partials.contains_key(&key) {
            self.begin(key, ts_us);
        }
        let Some(partial) = self.partials.get_mut(&key) else {
            return Outcome::Refused(DropReason::FragmentLimit);
        };
        let held_before = partial.bytes.len();
        if let Err(reason) = partial.insert(start, end, fragment) {
            return Outcome::Refused(reason);
        }
        self.bytes_held += partial.bytes.len() - held_before;
        if !partial.is_complete() {
            self.make_room(&key);
            return Outcome::Pending;
        }
        let Some(partial) = self.remove(&key) else {
            return Outcome::Pending;
        };
        self.counters.reassembled += 1;
        self.counters.conflicts += u64::from(partial.conflicting);
        self.completed = partial.bytes;
        Outcome::Complete {
            conflicting: partial.conflicting,
            next_header: partial.next_header,
        }
    }

    fn begin(&mut self, key: FragmentKey, ts_us: i64) {
        while self.partials.len() >= DATAGRAMS_MAX && self.evict_oldest(None) {}
        self.serial += 1;
        let partial = Partial {
            serial: self.serial,
            ..Partial::default()
        };
        self.partials.insert(key, partial);
        self.order.push_back((ts_us, key, self.serial));
        // Entries of finished datagrams stay behind; without this they could pile up behind one that never finishes.
        if self.order.len() > 2 * DATAGRAMS_MAX {
            let partials = &self.partials;
            self.order.retain(|(_, key, serial)| {
                partials.get(key).is_some_and(|partial| partial.serial == *serial)
            });
        }
    }

    fn make_room(&mut self, keep: &FragmentKey) {
        while self.bytes_held > FRAGMENT_BYTES_MAX && self.evict_oldest(Some(keep)) {}
    }

    /// Evicts the oldest datagram, unless it is `keep`.
    fn evict_oldest(&mut self, keep: Option<&FragmentKey>) -> bool {
        while let Some((since_us, key, serial)) = self.order.pop_front() {
            if !self.is_live(&key, serial) {
                continue;
            }
            if keep == Some(&key) {
                self.order.push_back((since_us, key, serial));
                return self.order.len() > 1;
            }
            self.counters.evicted += 1;
            self.remove(&key);
            return true;
        }
        false
    }

    fn is_live(&self, key: &FragmentKey, serial: u64) -> bool {
        self.partials
            .get(key)
            .is_some_and(|partial| partial.serial == serial)
    }

    fn remove(&mut self, key: &FragmentKey) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.bytes_held -= partial.bytes.len();
        Some(partial)
    }
}

impl Partial {
    fn insert(&mut self, start: usize, end: usize, fragment: &Fragment<'_>) -> Result<(), DropReason> {
        let known_end = self.ranges.last().map_or(0, |range| range.1);
        match (fragment.more, self.len) {
            (false, Some(len)) if len != end => return Err(DropReason::MalformedFragment),
            (false, None) if end < known_end => return Err(DropReason::MalformedFragment),
            (true, Some(len)) if end > len => return Err(DropReason::MalformedFragment),
            _ => {}
        }
        if self.ranges.len() >= DATAGRAM_RANGES_MAX {
            return Err(DropReason::FragmentLimit);
        }
        if !fragment.more {
            self.len = Some(end);
        }
        let is_known = self.ranges.first().is_some_and(|range| range.0 == 0);
        if start == 0 && !is_known {
            self.next_header = fragment.next_header;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.copy_new(start, end, fragment.bytes);
        self.merge(start, end);
        Ok(())
    }

    /// Copies what is not there yet, and compares what is.
    fn copy_new(&mut self, start: usize, end: usize, bytes: &[u8]) {
        let mut at = start;
        let mut copy = |from: usize, to: usize| {
            if let (Some(target), Some(source)) =
                (self.bytes.get_mut(from..to), bytes.get(from - start..to - start))
            {
                target.copy_from_slice(source);
            }
        };
        for (have_start, have_end) in self.ranges.iter().copied() {
            if have_end <= at || have_start >= end {
                continue;
            }
            if have_start > at {
                copy(at, have_start);
            }
            at = have_end;
        }
        if at < end {
            copy(at, end);
        }
        // First wins, so wherever this fragment now differs from the buffer, an earlier one said otherwise.
        if self.bytes.get(start..end) != Some(bytes) {
            self.conflicting = true;
        }
    }

    fn merge(&mut self, start: usize, end: usize) {
        let first = self.ranges.partition_point(|range| range.1 < start);
        let last = self.ranges.partition_point(|range| range.0 <= end);
        let touched = self.ranges.get(first..last).unwrap_or_default();
        let merged = (
            touched.first().map_or(start, |range| range.0.min(start)),
            touched.last().map_or(end, |range| range.1.max(end)),
        );
        self.ranges.splice(first..last, [merged]);
    }

    fn is_complete(&self) -> bool {
        match (self.len, self.ranges.as_slice()) {
            (Some(len), [(0, end)]) => *end == len,
            _ => false,
        }
    }
}
