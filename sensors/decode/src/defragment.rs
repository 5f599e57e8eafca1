//! Puts fragmented datagrams together, within bounds.
//!
//! Where fragments overlap, the receiver's [`FragmentPolicy`] says whose bytes count, and a difference is told. Memory is bounded by
//! [`FRAGMENT_BYTES_MAX`] and [`DATAGRAMS_MAX`]: beyond either, the oldest unfinished datagram goes. Time is packet time.

use crate::fragment_policy::{FragmentPolicy, Span};
use crate::hosts::ByHost;
use crate::packet::DropReason;
use crate::vlans::Vlans;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

/// Most unfinished datagrams.
pub const DATAGRAMS_MAX: usize = 1024;

/// Most bytes of all unfinished datagrams together, each fragment charged [`FRAGMENT_OVERHEAD_BYTES`] more.
pub const FRAGMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What each fragment is charged beyond its bytes, so that many tiny ones are bounded too.
pub const FRAGMENT_OVERHEAD_BYTES: usize = 64;

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

/// How the hosts treat fragments that overlap, by the network of the one that receives.
pub type FragmentPolicies = ByHost<FragmentPolicy>;

/// Bytes of a datagram that one fragment gave.
#[derive(Debug)]
struct Piece {
    end: usize,
    /// Where that fragment lay.
    span: Span,
}

#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// What is there: sorted, disjoint, not touching, half open.
    ranges: Vec<(usize, usize)>,
    /// The same by fragment, by where each piece starts: disjoint.
    pieces: BTreeMap<usize, Piece>,
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
    policies: FragmentPolicies,
    counters: DefragmentCounters,
}

impl Defragmenter {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose hosts treat overlaps so.
    pub fn with_policies(policies: FragmentPolicies) -> Self {
        Self {
            policies,
            ..Self::default()
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> &DefragmentCounters {
        &self.counters
    }

    /// Unfinished datagrams.
    pub fn pending(&self) -> usize {
        self.partials.len()
    }

    /// Memory of unfinished datagrams; never over [`FRAGMENT_BYTES_MAX`] between calls.
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
        let held_before = partial.held_bytes();
        let policy = self.policies.of(key.dst);
        if let Err(reason) = partial.insert(Span { start, end }, fragment, policy) {
            return Outcome::Refused(reason);
        }
        self.bytes_held = self.bytes_held.saturating_sub(held_before) + partial.held_bytes();
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
        self.bytes_held = self.bytes_held.saturating_sub(partial.held_bytes());
        Some(partial)
    }
}

impl Partial {
    fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.pieces.len() * FRAGMENT_OVERHEAD_BYTES
    }

    fn insert(
        &mut self,
        span: Span,
        fragment: &Fragment<'_>,
        policy: FragmentPolicy,
    ) -> Result<(), DropReason> {
        let Span { start, end } = span;
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
        if self.bytes.len() < end {
            let doubled = (2 * self.bytes.capacity()).min(DATAGRAM_BYTES_MAX);
            self.bytes.reserve_exact(end.max(doubled) - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        self.lay(span, fragment, policy);
        self.merge(start, end);
        Ok(())
    }

    /// Puts a fragment's bytes among those that are there; where it meets others, the policy says which stay.
    fn lay(&mut self, span: Span, fragment: &Fragment<'_>, policy: FragmentPolicy) {
        let mut at = span.start;
        for (have_start, have) in self.take_overlapping(span) {
            let (from, to) = (have_start.max(span.start), have.end.min(span.end));
            let theirs = self.bytes.get(from..to);
            self.conflicting |= theirs != fragment.bytes.get(from - span.start..to - span.start);
            if policy.later_wins(have.span, span) {
                // What of the earlier one lies outside stays.
                self.keep(have_start, from, have.span);
                self.keep(to, have.end, have.span);
            } else {
                self.write(at, from, span, fragment);
                self.keep(have_start, have.end, have.span);
                at = to;
            }
        }
        self.write(at, span.end, span, fragment);
    }

    /// Takes out the pieces that a fragment meets, in order.
    fn take_overlapping(&mut self, span: Span) -> Vec<(usize, Piece)> {
        let before = self.pieces.range(..span.start).next_back();
        let before = before.filter(|(_, piece)| piece.end > span.start);
        let starts: Vec<usize> = before
            .into_iter()
            .chain(self.pieces.range(span.start..span.end))
            .map(|(start, _)| *start)
            .collect();
        let taken = starts.into_iter();
        taken
            .filter_map(|start| Some((start, self.pieces.remove(&start)?)))
            .collect()
    }

    fn keep(&mut self, from: usize, to: usize, span: Span) {
        if from < to {
            self.pieces.insert(from, Piece { end: to, span });
        }
    }

    /// Copies what of a fragment lies between two places.
    fn write(&mut self, from: usize, to: usize, span: Span, fragment: &Fragment<'_>) {
        let source = fragment
            .bytes
            .get(from.saturating_sub(span.start)..to.saturating_sub(span.start));
        if let (Some(target), Some(source)) = (self.bytes.get_mut(from..to), source) {
            target.copy_from_slice(source);
        }
        if from == 0 && to > 0 {
            self.next_header = fragment.next_header;
        }
        self.keep(from, to, span);
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
