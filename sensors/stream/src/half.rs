//! One direction of a TCP connection: sequence numbers become offsets, segments become a stream.
//!
//! Offset 0 is the first byte after the SYN (or the first byte seen). Bytes below `delivered` are done; what waits is
//! kept in disjoint pieces above it:
//!
//! ```text
//!   acked        delivered                          edge
//! ────┴─────────────┴─────────┬───────┬───┬──────┬────┴────
//!     └─ unacked ──▶ hole ────┘ piece └───┘ piece┘
//! ```
//! The receiver has what it acknowledged. What is delivered and not acknowledged is kept a while, to be compared with what the sender
//! says in its place: a host that did not get the first takes the second.

use crate::flow::Interest;
use crate::policy::{Policy, Span};
use std::collections::{BTreeMap, VecDeque};

/// What each waiting segment is charged beyond its bytes, so that many tiny ones are bounded too: its place in the map, and what an
/// allocation takes at least.
pub const SEGMENT_OVERHEAD_BYTES: usize = 128;

/// How far beyond the receiver's window a segment may start: packets that carry a wider window may have been missed.
const WINDOW_SLACK_BYTES: u64 = 64 * 1024;

/// How far beyond what is known to be sent and allowed an acknowledgement counts: more than a capture loses at once.
const ACKNOWLEDGED_SLACK_BYTES: u64 = 1024 * 1024;

/// Segments in a row out of the window after which the window, not the sender, is held to be wrong.
const STRIKES_MAX: u8 = 16;

/// Most bytes of a direction that are kept for comparison.
pub(crate) const UNACKED_BYTES_MAX: usize = 32 * 1024;

/// Most memory that a direction keeps for bytes that were all acknowledged.
const UNACKED_IDLE_BYTES: usize = 2 * 1024;

/// Most urgent bytes of a direction that lie ahead.
const URGENT_MAX: usize = 16;

/// How long bytes that were acknowledged and not seen are waited for when nothing waits behind them: a tap may show the two directions in
/// another order than the hosts saw.
const LOST_PATIENCE_US: i64 = 1_000_000;

/// The next thing in a direction.
pub(crate) enum Piece<'a> {
    Data(&'a [u8]),
    Gap(u64),
    /// Two segments say different things about the same bytes; the stream has what is kept.
    Conflict {
        kept: &'a [u8],
        other: &'a [u8],
    },
}

/// Where pieces go.
pub(crate) type Out<'a> = dyn FnMut(Piece<'_>) -> Interest + 'a;

/// A segment on its way into a direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// Offset of its first byte.
    pub(crate) offset: i64,
    pub(crate) bytes: &'a [u8],
    pub(crate) policy: Policy,
    /// Most delivered bytes that are kept until they are acknowledged.
    pub(crate) unacked_max: usize,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Delivered,
    Waiting,
    Old,
    OutOfWindow,
    /// Nobody is interested in this direction any more.
    Ignored,
}

/// Bytes that wait behind a hole.
#[derive(Debug)]
struct Waiting {
    bytes: Box<[u8]>,
    /// Where the segment lay that they came in.
    span: Span,
}

#[derive(Debug, Default)]
pub(crate) struct Half {
    /// Sequence number of offset `delivered`.
    next: u32,
    delivered: u64,
    /// Highest offset that was sent.
    highest: u64,
    /// Highest offset the other side acknowledged.
    acked: u64,
    /// First offset beyond the other side's window; `None` until it told one.
    edge: Option<u64>,
    /// Offset of the FIN.
    fin: Option<u64>,
    strikes: u8,
    known: bool,
    skipped: bool,
    ended: bool,
    waiting: BTreeMap<u64, Waiting>,
    waiting_bytes: usize,
    /// What came with a SYN, before the other side agreed to take it.
    held_back: Box<[u8]>,
    /// The last bytes before `delivered`.
    unacked: VecDeque<u8>,
    /// Offsets of bytes that are not part of the stream.
    urgent: Vec<u64>,
    /// Since when bytes are acknowledged that were not seen.
    lost_since_us: Option<i64>,
}

impl Half {
    /// Says that the byte at offset 0 has sequence number `sequence`. What was held back with another beginning is forgotten.
    pub(crate) fn open(&mut self, sequence: u32) {
        if self.known && self.next != sequence {
            self.drop_held_back();
        }
        self.next = sequence;
        self.known = true;
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether nothing of it was delivered or waits.
    pub(crate) fn is_untouched(&self) -> bool {
        self.delivered == 0 && self.waiting.is_empty()
    }

    /// Offset up to which everything was delivered or given up.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Bytes of the stream that the sender is known to have sent, each counted once.
    pub(crate) fn sent(&self) -> u64 {
        self.highest.max(self.delivered)
    }

    /// Bytes charged for what waits.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Memory for bytes kept for comparison.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.unacked.capacity()
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.skipped
    }

    /// Stops reassembly for good.
    pub(crate) fn skip(&mut self) {
        self.skipped = true;
        self.forget_waiting();
        self.unacked = VecDeque::new();
    }

    fn forget_waiting(&mut self) {
        self.held_back = Box::default();
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Offset of a sequence number, by the shorter way round.
    pub(crate) fn offset_of(&self, sequence: u32) -> i64 {
        let distance = sequence.wrapping_sub(self.next).cast_signed();
        self.delivered.cast_signed().saturating_add(i64::from(distance))
    }

    /// Whether a segment at this offset may come from the sender, as far as window and history tell.
    pub(crate) fn is_plausible(&self, offset: i64) -> bool {
        let edge = self.edge.unwrap_or(self.delivered).max(self.highest);
        offset >= -1 && (offset.max(0) as u64) <= edge.saturating_add(WINDOW_SLACK_BYTES)
    }

    /// First offset beyond the other side's window. While that has told none, what is more than a capture loses at once is beyond it: who
    /// lets a made-up segment come first does not move the stream to where it lies.
    fn window_end(&self) -> u64 {
        let untold = self
            .highest
            .max(self.delivered)
            .saturating_add(ACKNOWLEDGED_SLACK_BYTES);
        self.edge.unwrap_or(untold)
    }

    /// Whether the other side can acknowledge up to this offset, as far as is known of what was sent.
    pub(crate) fn can_be_acked(&self, offset: i64) -> bool {
        let allowed = self.edge.unwrap_or(0).max(self.highest);
        // RFC 5961, 5.2: what is older than the widest window is no acknowledgement of this connection.
        let oldest = self.acked.saturating_sub(
            self.edge
                .unwrap_or(0)
                .saturating_sub(self.acked)
                .max(WINDOW_SLACK_BYTES),
        );
        offset >= oldest.cast_signed() - 1
            && (offset.max(0) as u64) <= allowed.saturating_add(ACKNOWLEDGED_SLACK_BYTES)
    }

    /// Offset up to which the other side acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    /// The other side acknowledged up to `sequence` and takes `window_bytes` more.
    pub(crate) fn acknowledge(&mut self, sequence: u32, window_bytes: u64) {
        let offset = self.offset_of(sequence);
        if !self.known || offset < 0 || !self.can_be_acked(offset) {
            return;
        }
        let offset = offset as u64;
        self.acked = self.acked.max(offset);
        self.edge = self.edge.max(Some(offset.saturating_add(window_bytes)));
        let unacked = usize::try_from(self.delivered.saturating_sub(self.acked)).unwrap_or(usize::MAX);
        let done = self.unacked.len().saturating_sub(unacked);
        self.unacked.drain(..done);
        if self.unacked.is_empty() && self.unacked.capacity() > UNACKED_IDLE_BYTES {
            self.unacked = VecDeque::new();
        }
    }

    /// Notes a FIN at `offset`. One before what the other side has taken is a left-over, which that drops (RFC 9293, 3.10.7.4).
    pub(crate) fn finish_at(&mut self, offset: i64) {
        let taken = self.acked.min(self.sent());
        if let Ok(offset) = u64::try_from(offset)
            && offset.saturating_add(1) >= taken
            && self.fin.is_none()
        {
            self.fin = Some(offset);
        }
    }

    /// Where its FIN lies.
    pub(crate) fn fin(&self) -> Option<u64> {
        self.fin
    }

    /// Whether the other side acknowledged the FIN.
    pub(crate) fn is_fin_acked(&self) -> bool {
        self.fin.is_some_and(|fin| self.acked > fin)
    }

    /// Takes the FIN back.
    pub(crate) fn unfinish(&mut self) {
        self.fin = None;
    }

    /// True once, when the direction is finished: all before its FIN was delivered, or will not be, and the other side has taken the FIN. What
    /// waits beyond is nobody's.
    pub(crate) fn take_end(&mut self) -> bool {
        let reached = self.fin.is_some_and(|fin| self.skipped || self.delivered >= fin);
        let is_end = reached && self.is_fin_acked() && !std::mem::replace(&mut self.ended, true);
        if is_end {
            self.forget_waiting();
        }
        is_end
    }

    /// True once, if [`Half::take_end`] was not yet.
    pub(crate) fn force_end(&mut self) -> bool {
        self.known && !std::mem::replace(&mut self.ended, true)
    }

    /// Says that the byte at `offset` is urgent: it does not count as part of the stream.
    pub(crate) fn leave_out(&mut self, offset: i64) {
        if let Ok(offset) = u64::try_from(offset)
            && offset >= self.delivered
            && self.urgent.len() < URGENT_MAX
            && !self.urgent.contains(&offset)
        {
            self.urgent.push(offset);
        }
    }

    /// Takes a segment.
    pub(crate) fn segment(&mut self, segment: Segment<'_>, out: &mut Out<'_>) -> Taken {
        if self.skipped {
            return Taken::Ignored;
        }
        let span = Span {
            start: segment.offset,
            end: segment.offset.saturating_add(segment.bytes.len() as i64),
        };
        let delivered = self.delivered.cast_signed();
        let old = usize::try_from(delivered.saturating_sub(span.start)).unwrap_or(0);
        let (old, bytes) = segment.bytes.split_at(old.min(segment.bytes.len()));
        self.compare_with_delivered(span.start, old, out);
        if bytes.is_empty() {
            return Taken::Old;
        }
        let start = span.start.max(delivered) as u64;
        if start > self.window_end().saturating_add(WINDOW_SLACK_BYTES) {
            self.strikes = self.strikes.saturating_add(1);
            if self.strikes < STRIKES_MAX {
                return Taken::OutOfWindow;
            }
        }
        self.strikes = 0;
        let end = start.saturating_add(bytes.len() as u64);
        self.highest = self.highest.max(end);
        let is_next = start == self.delivered;
        let overlaps = self
            .waiting
            .first_key_value()
            .is_some_and(|(first, _)| *first < end);
        if is_next && !overlaps {
            self.deliver(bytes, segment.unacked_max, out);
        } else {
            self.keep(start, bytes, span, segment.policy, out);
        }
        self.drain(segment.unacked_max, out);
        if is_next { Taken::Delivered } else { Taken::Waiting }
    }

    /// Keeps the data of a SYN, which the other side may take or not.
    pub(crate) fn hold_back(&mut self, bytes: &[u8]) {
        self.drop_held_back();
        self.waiting_bytes += bytes.len() + SEGMENT_OVERHEAD_BYTES;
        self.held_back = bytes.into();
    }

    /// Bytes that are held back.
    pub(crate) fn held_back_bytes(&self) -> usize {
        self.held_back.len()
    }

    /// Forgets what was held back.
    pub(crate) fn drop_held_back(&mut self) {
        if !self.held_back.is_empty() {
            self.discharge(self.held_back.len());
            self.held_back = Box::default();
        }
    }

    /// Delivers as much of what was held back as the other side acknowledged.
    pub(crate) fn settle(&mut self, unacked_max: usize, out: &mut Out<'_>) {
        let held = std::mem::take(&mut self.held_back);
        if held.is_empty() {
            return;
        }
        self.discharge(held.len());
        if self.delivered == 0 {
            let taken = usize::try_from(self.acked).unwrap_or(usize::MAX).min(held.len());
            self.highest = self.highest.max(taken as u64);
            self.deliver(held.get(..taken).unwrap_or_default(), unacked_max, out);
        }
    }

    /// Gives up holes that the other side acknowledged: at once when later bytes wait behind, else after some patience.
    pub(crate) fn pass_acknowledged_holes(&mut self, now_us: i64, unacked_max: usize, out: &mut Out<'_>) {
        while let Some((start, _)) = self.waiting.first_key_value()
            && *start <= self.acked
        {
            self.pass_hole(unacked_max, out);
        }
        // One byte may be a FIN that was not seen.
        let lost = self.acked.saturating_sub(self.delivered.saturating_add(1));
        if self.skipped || lost == 0 || self.fin.is_some_and(|fin| self.delivered >= fin) {
            self.lost_since_us = None;
            return;
        }
        let since_us = *self.lost_since_us.get_or_insert(now_us);
        if now_us.saturating_sub(since_us) >= LOST_PATIENCE_US {
            self.lost_since_us = None;
            self.gap(lost, out);
            self.drain(unacked_max, out);
        }
    }

    /// Gives up the first hole.
    pub(crate) fn pass_hole(&mut self, unacked_max: usize, out: &mut Out<'_>) {
        if let Some((start, _)) = self.waiting.first_key_value() {
            let hole = start.saturating_sub(self.delivered);
            self.gap(hole, out);
            self.drain(unacked_max, out);
        }
    }

    /// Delivers all that waits, and tells of bytes at the end that only an acknowledgement knows of.
    pub(crate) fn flush(&mut self, out: &mut Out<'_>) {
        while !self.waiting.is_empty() {
            self.pass_hole(0, out);
        }
        // The acknowledgement of a FIN that was not seen counts one more.
        let known_end = self.fin.unwrap_or(self.acked.saturating_sub(1));
        if self.known && !self.skipped && known_end > self.delivered {
            self.gap(known_end - self.delivered, out);
        }
    }

    /// Forgets what is kept for comparison.
    pub(crate) fn forget_unacked(&mut self) {
        self.unacked = VecDeque::new();
    }

    fn compare_with_delivered(&mut self, start: i64, bytes: &[u8], out: &mut Out<'_>) {
        if bytes == [0] && start + 1 == self.delivered.cast_signed() {
            // A keep-alive: one byte of no meaning before the next one (RFC 9293, 3.8.4).
            return;
        }
        let first = self.delivered.cast_signed() - self.unacked.len() as i64;
        let from = start.max(first);
        let (Ok(in_bytes), Ok(in_kept)) = (usize::try_from(from - start), usize::try_from(from - first))
        else {
            return;
        };
        let Some(other) = bytes.get(in_bytes..).filter(|other| !other.is_empty()) else {
            return;
        };
        let kept = self.unacked.make_contiguous().get(in_kept..in_kept + other.len());
        if let Some(kept) = kept
            && kept != other
        {
            out(Piece::Conflict { kept, other });
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.next = self.next.wrapping_add(bytes as u32);
    }

    fn gap(&mut self, bytes: u64, out: &mut Out<'_>) {
        if bytes > 0 && !self.skipped {
            self.advance(bytes);
            self.unacked.clear();
            if out(Piece::Gap(bytes)) == Interest::Enough {
                self.skip();
            }
        }
    }

    /// Delivers bytes that begin at `delivered`, but for those that are urgent.
    fn deliver(&mut self, mut bytes: &[u8], unacked_max: usize, out: &mut Out<'_>) {
        while let Some(at) = self.urgent_within(bytes.len()) {
            let (before, from) = bytes.split_at(at);
            let (urgent, behind) = from.split_at(1.min(from.len()));
            self.hand_over(before, unacked_max, out);
            self.remember(urgent, unacked_max);
            self.advance(urgent.len() as u64);
            bytes = behind;
        }
        self.hand_over(bytes, unacked_max, out);
    }

    /// How far ahead the next urgent byte is, if it is among the next `len`.
    fn urgent_within(&mut self, len: usize) -> Option<usize> {
        if self.urgent.is_empty() {
            return None;
        }
        let delivered = self.delivered;
        self.urgent.retain(|offset| *offset >= delivered);
        let next = self.urgent.iter().min()?;
        usize::try_from(next - delivered)
            .ok()
            .filter(|ahead| *ahead < len)
    }

    fn hand_over(&mut self, bytes: &[u8], unacked_max: usize, out: &mut Out<'_>) {
        if !bytes.is_empty() && !self.skipped {
            self.remember(bytes, unacked_max);
            self.advance(bytes.len() as u64);
            if out(Piece::Data(bytes)) == Interest::Enough {
                self.skip();
            }
        }
    }

    /// Keeps bytes that are delivered for comparison, unless they are acknowledged already.
    fn remember(&mut self, bytes: &[u8], unacked_max: usize) {
        let end = self.delivered.saturating_add(bytes.len() as u64);
        let unacked = usize::try_from(end.saturating_sub(self.acked)).unwrap_or(usize::MAX);
        let room = unacked_max.min(UNACKED_BYTES_MAX).min(unacked);
        let fresh = bytes.get(bytes.len().saturating_sub(room)..).unwrap_or_default();
        let past = (self.unacked.len() + fresh.len()).saturating_sub(room);
        self.unacked.drain(..past.min(self.unacked.len()));
        self.unacked.extend(fresh);
    }

    fn pop(&mut self) -> Option<Waiting> {
        let (_, waiting) = self.waiting.pop_first()?;
        self.discharge(waiting.bytes.len());
        Some(waiting)
    }

    fn discharge(&mut self, bytes: usize) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes + SEGMENT_OVERHEAD_BYTES);
    }

    fn drain(&mut self, unacked_max: usize, out: &mut Out<'_>) {
        while let Some((start, _)) = self.waiting.first_key_value()
            && *start == self.delivered
        {
            if let Some(waiting) = self.pop() {
                self.deliver(&waiting.bytes, unacked_max, out);
            }
        }
    }

    /// Puts bytes among those that wait; where they meet others, the policy says which stay.
    fn keep(&mut self, start: u64, bytes: &[u8], span: Span, policy: Policy, out: &mut Out<'_>) {
        let end = start + bytes.len() as u64;
        let mut at = start;
        for (have_start, have) in self.take_overlapping(start, end) {
            let have_end = have_start + have.bytes.len() as u64;
            let (from, to) = (have_start.max(start), have_end.min(end));
            let (theirs, ours) = (
                slice(&have.bytes, have_start, from, to),
                slice(bytes, start, from, to),
            );
            let later_wins = policy.later_wins(have.span, span);
            if theirs != ours {
                let (kept, other) = if later_wins {
                    (ours, theirs)
                } else {
                    (theirs, ours)
                };
                out(Piece::Conflict { kept, other });
            }
            if later_wins {
                // What of the earlier one lies outside stays.
                self.put(
                    have_start,
                    slice(&have.bytes, have_start, have_start, from),
                    have.span,
                );
                self.put(to, slice(&have.bytes, have_start, to, have_end), have.span);
            } else {
                self.put(at, slice(bytes, start, at, from), span);
                at = to;
                self.put(have_start, &have.bytes, have.span);
            }
        }
        self.put(at, slice(bytes, start, at, end), span);
    }

    /// Takes out what waits between two offsets, in order.
    fn take_overlapping(&mut self, start: u64, end: u64) -> Vec<(u64, Waiting)> {
        let before = self.waiting.range(..start).next_back();
        let before = before.filter(|(at, have)| **at + have.bytes.len() as u64 > start);
        let keys: Vec<u64> = before
            .into_iter()
            .chain(self.waiting.range(start..end))
            .map(|(at, _)| *at)
            .collect();
        let mut taken = Vec::with_capacity(keys.len());
        for at in keys {
            if let Some(have) = self.waiting.remove(&at) {
                self.discharge(have.bytes.len());
                taken.push((at, have));
            }
        }
        taken
    }

    fn put(&mut self, at: u64, bytes: &[u8], span: Span) {
        if bytes.is_empty() {
            return;
        }
        self.waiting_bytes += bytes.len() + SEGMENT_OVERHEAD_BYTES;
        let bytes = bytes.into();
        self.waiting.insert(at, Waiting { bytes, span });
    }
}

/// What of `bytes`, which lie at `start`, lies between two offsets.
fn slice(bytes: &[u8], start: u64, from: u64, to: u64) -> &[u8] {
    let range = (from.saturating_sub(start)) as usize..(to.saturating_sub(start)) as usize;
    bytes.get(range).unwrap_or_default()
}
