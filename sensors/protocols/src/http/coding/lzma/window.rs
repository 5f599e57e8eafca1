//! What was decoded last, to be copied from, and what is on its way out.

use super::super::{Sink, Stop};

const BYTES_MIN: usize = 4096;
/// Largest window kept; what looks back further is broken.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest piece of output.
const PIECE_BYTES: usize = 16 * 1024;

/// The window: a ring once it is as long as it may be.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    bytes_max: usize,
    at: usize,
    /// All bytes that were put in.
    pub(super) made_bytes: u64,
    piece: Vec<u8>,
}

impl Window {
    /// A window of that size, if it may be so large.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max: bytes_max.clamp(BYTES_MIN, BYTES_MAX),
            at: 0,
            made_bytes: 0,
            piece: Vec::with_capacity(PIECE_BYTES),
        }
    }

    /// Memory it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The byte that came so many before the last.
    pub(super) fn back(&self, distance: u32) -> Option<u8> {
        let back = usize::try_from(distance).ok()?.checked_add(1)?;
        if back > self.bytes.len() {
            return None;
        }
        let at = match self.at.checked_sub(back) {
            Some(at) => at,
            None => self.at + self.bytes.len() - back,
        };
        self.bytes.get(at).copied()
    }

    /// Puts a byte in, and out to `sink` once there is a piece.
    pub(super) fn put(&mut self, byte: u8, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self.bytes.get_mut(self.at) {
            Some(old) => *old = byte,
            None => self.bytes.push(byte),
        }
        self.piece.push(byte);
        self.advance(1, sink)
    }

    /// Puts in again what came so many bytes before the last, and what follows it.
    ///
    /// # Errors
    ///
    /// When nothing came so long ago.
    pub(super) fn repeat(&mut self, distance: u32, length: usize, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let back = usize::try_from(distance).map_or(usize::MAX, |distance| distance.saturating_add(1));
        if back > self.bytes.len() {
            return Err(Stop::Broken);
        }
        // What was copied is followed by more of the same: a copy of a byte grows in steps of 1, 2, 4, 8, …
        let (mut left, mut reach) = (length, back);
        while left > 0 {
            let from = match self.at.checked_sub(reach) {
                Some(from) => from,
                None => self.at + self.bytes.len() - reach,
            };
            let until_end = self.bytes_max - self.at.max(from);
            let run = left.min(reach).min(until_end);
            if self.at == self.bytes.len() {
                self.bytes.extend_from_within(from..from + run);
            } else {
                self.bytes.copy_within(from..from + run, self.at);
            }
            let copied = self.bytes.get(self.at..self.at + run);
            self.piece.extend_from_slice(copied.unwrap_or_default());
            self.advance(run, sink)?;
            left -= run;
            reach = if run == reach && reach < BYTES_MIN / 2 {
                2 * reach
            } else {
                back
            };
        }
        Ok(())
    }

    /// So many bytes were put in where it stands, and to the piece.
    fn advance(&mut self, bytes: usize, sink: &mut Sink<'_>) -> Result<(), Stop> {
        self.at = match self.at + bytes {
            next if next >= self.bytes_max => 0,
            next => next,
        };
        self.made_bytes = self.made_bytes.saturating_add(bytes as u64);
        match self.piece.len() >= PIECE_BYTES {
            true => self.flush(sink),
            false => Ok(()),
        }
    }

    /// Gives what has not gone out.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let result = sink(&self.piece);
        self.piece.clear();
        result
    }
}
