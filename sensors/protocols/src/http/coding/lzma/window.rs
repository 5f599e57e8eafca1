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
        self.at = match self.at + 1 {
            next if next >= self.bytes_max => 0,
            next => next,
        };
        self.made_bytes = self.made_bytes.saturating_add(1);
        self.piece.push(byte);
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
