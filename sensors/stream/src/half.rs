//! One direction of a TCP connection: sequence numbers become offsets, segments become a stream.
//!
//! Offset 0 is the first byte after the SYN (or the first byte seen). Bytes below `delivered` are done; what waits is
//! kept in disjoint pieces above it.

use crate::flow::Interest;
use std::collections::BTreeMap;

/// What each waiting segment is charged beyond its bytes, so that many tiny ones are bounded too.
pub const SEGMENT_OVERHEAD_BYTES: usize = 64;

/// How far beyond the receiver's window a segment may start: packets that carry a wider window may have been missed.
const WINDOW_SLACK_BYTES: u64 = 64 * 1024;

/// How far beyond what is known to be sent and allowed an acknowledgement counts: more than a capture loses at once.
const ACKNOWLEDGED_SLACK_BYTES: u64 = 1024 * 1024;

/// Segments in a row out of the window after which the window, not the sender, is held to be wrong.
const STRIKES_MAX: u8 = 16;

/// The next thing in a direction.
pub(crate) enum Piece<'a> {
    Data(&'a [u8]),
    Gap(u64),
}

/// Where pieces go.
pub(crate) type Out<'a> = dyn FnMut(Piece<'_>) -> Interest + 'a;

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
    waiting: BTreeMap<u64, Box<[u8]>>,
    waiting_bytes: usize,
}

impl Half {
    /// Says that the byte at offset 0 has sequence number `sequence`.
    pub(crate) fn open(&mut self, sequence: u32) {
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

    /// Bytes charged for what waits.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.skipped
    }

    /// Stops reassembly for good.
    pub(crate) fn skip(&mut self) {
        self.skipped = true;
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

    /// The other side acknowledged up to `sequence` and takes `window_bytes` more.
    pub(crate) fn acknowledge(&mut self, sequence: u32, window_bytes: u64) {
        let offset = self.offset_of(sequence);
        if !self.known || offset < 0 {
            return;
        }
        let offset = offset as u64;
        let allowed = self.edge.unwrap_or(0).max(self.highest);
        if offset > allowed.saturating_add(ACKNOWLEDGED_SLACK_BYTES) {
            return;
        }
        self.acked = self.acked.max(offset);
        self.edge = self.edge.max(Some(offset.saturating_add(window_bytes)));
    }

    /// Notes a FIN at `offset`.
    pub(crate) fn finish_at(&mut self, offset: i64) {
        if let Ok(offset) = u64::try_from(offset)
            && self.fin.is_none()
        {
            self.fin = Some(offset);
        }
    }

    /// True once, when the direction is finished: its FIN was reached, or was seen after interest ended.
    pub(crate) fn take_end(&mut self) -> bool {
        let reached = self.fin.is_some_and(|fin| self.skipped || self.delivered >= fin);
        reached && !std::mem::replace(&mut self.ended, true)
    }

    /// True once, if [`Half::take_end`] was not yet.
    pub(crate) fn force_end(&mut self) -> bool {
        self.known && !std::mem::replace(&mut self.ended, true)
    }

    /// Takes a segment whose first byte is at `offset`; `true` beside the verdict tells of bytes that differ from those
    /// which came first.
    pub(crate) fn segment(&mut self, offset: i64, bytes: &[u8], out: &mut Out<'_>) -> (Taken, bool) {
        if self.skipped {
            return (Taken::Ignored, false);
        }
        let end = offset.saturating_add(bytes.len() as i64);
        if end <= self.delivered.cast_signed() {
            return (Taken::Old, false);
        }
        let old = usize::try_from(self.delivered.cast_signed().saturating_sub(offset)).unwrap_or(0);
        let Some(bytes) = bytes.get(old..) else {
            return (Taken::Old, false);
        };
        let start = offset.max(self.delivered.cast_signed()) as u64;
        if self
            .edge
            .is_some_and(|edge| start > edge.saturating_add(WINDOW_SLACK_BYTES))
        {
            self.strikes = self.strikes.saturating_add(1);
            if self.strikes < STRIKES_MAX {
                return (Taken::OutOfWindow, false);
            }
        }
        self.strikes = 0;
        self.highest = self.highest.max(start.saturating_add(bytes.len() as u64));
        if start == self.delivered {
            let conflict = self.in_order(bytes, out);
            (Taken::Delivered, conflict)
        } else {
            (Taken::Waiting, self.keep(start, bytes))
        }
    }

    /// Gives up holes that the other side acknowledged.
    pub(crate) fn pass_acknowledged_holes(&mut self, out: &mut Out<'_>) {
        while let Some((start, _)) = self.waiting.first_key_value()
            && *start <= self.acked
        {
            self.pass_hole(out);
        }
    }

    /// Gives up the first hole.
    pub(crate) fn pass_hole(&mut self, out: &mut Out<'_>) {
        if let Some((start, _)) = self.waiting.first_key_value() {
            let hole = start.saturating_sub(self.delivered);
            self.gap(hole, out);
            self.drain(out);
        }
    }

    /// Delivers all that waits, and tells of bytes at the end that only an acknowledgement knows of.
    pub(crate) fn flush(&mut self, out: &mut Out<'_>) {
        while !self.waiting.is_empty() {
            self.pass_hole(out);
        }
        // The acknowledgement of a FIN that was not seen counts one more.
        let known_end = self.fin.unwrap_or(self.acked.saturating_sub(1));
        if self.known && !self.skipped && known_end > self.delivered {
            self.gap(known_end - self.delivered, out);
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.delivered = self.delivered.saturating_add(bytes);
        self.next = self.next.wrapping_add(bytes as u32);
    }

    fn gap(&mut self, bytes: u64, out: &mut Out<'_>) {
        if bytes > 0 && !self.skipped {
            self.advance(bytes);
            if out(Piece::Gap(bytes)) == Interest::Enough {
                self.skip();
            }
        }
    }

    fn deliver(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if !bytes.is_empty() && !self.skipped {
            self.advance(bytes.len() as u64);
            if out(Piece::Data(bytes)) == Interest::Enough {
                self.skip();
            }
        }
    }

    /// Delivers bytes that begin at `delivered`; where they overlap what waits, what waits came first.
    fn in_order(&mut self, mut bytes: &[u8], out: &mut Out<'_>) -> bool {
        let mut conflict = false;
        while !self.skipped && !bytes.is_empty() {
            let free = match self.waiting.first_key_value() {
                Some((start, _)) => usize::try_from(start - self.delivered).unwrap_or(usize::MAX),
                None => usize::MAX,
            };
            let (fresh, rest) = bytes.split_at(free.min(bytes.len()));
            self.deliver(fresh, out);
            bytes = rest;
            if let Some(first) = (!bytes.is_empty()).then(|| self.pop()).flatten() {
                let common = first.len().min(bytes.len());
                conflict |= first.get(..common) != bytes.get(..common);
                self.deliver(&first, out);
                bytes = bytes.get(common..).unwrap_or_default();
            }
        }
        self.drain(out);
        conflict
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let (_, bytes) = self.waiting.pop_first()?;
        self.waiting_bytes = self
            .waiting_bytes
            .saturating_sub(bytes.len() + SEGMENT_OVERHEAD_BYTES);
        Some(bytes)
    }

    fn drain(&mut self, out: &mut Out<'_>) {
        while let Some((start, _)) = self.waiting.first_key_value()
            && *start == self.delivered
        {
            if let Some(bytes) = self.pop() {
                self.deliver(&bytes, out);
            }
        }
    }

    /// Keeps those bytes of a segment that do not wait already; tells whether those that do differ.
    fn keep(&mut self, start: u64, bytes: &[u8]) -> bool {
        let end = start + bytes.len() as u64;
        let piece = |from: u64, to: u64| {
            bytes
                .get((from - start) as usize..(to - start) as usize)
                .unwrap_or_default()
        };
        let mut conflict = false;
        let mut at = start;
        let mut fresh: Vec<(u64, Box<[u8]>)> = Vec::new();
        let before = self.waiting.range(..start).next_back();
        for (have_start, have) in before.into_iter().chain(self.waiting.range(start..end)) {
            let have_end = have_start + have.len() as u64;
            if have_end <= at {
                continue;
            }
            if *have_start > at {
                fresh.push((at, piece(at, *have_start).into()));
            }
            let (from, to) = (at.max(*have_start), have_end.min(end));
            let theirs = have.get((from - have_start) as usize..(to - have_start) as usize);
            conflict |= theirs != Some(piece(from, to));
            at = have_end;
        }
        if at < end {
            fresh.push((at, piece(at, end).into()));
        }
        for (offset, bytes) in fresh {
            self.waiting_bytes += bytes.len() + SEGMENT_OVERHEAD_BYTES;
            self.waiting.insert(offset, bytes);
        }
        conflict
    }
}
