//! `br` (RFC 7932), without the large windows that browsers refuse, too.

use super::{Sink, Stop, Undo};
use brotli_decompressor::{
    BrotliDecoderTakeOutput, BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc,
};

/// Largest piece of output.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes decoded at once: what an error is among gives nothing.
const STEP_BYTES: usize = 512;
/// Largest window of the format.
const WINDOW_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Undoes brotli. What follows its end is dropped.
pub(super) struct Unbrotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    piece: Vec<u8>,
    made_bytes: usize,
    is_over: bool,
}

impl Default for Unbrotli {
    fn default() -> Self {
        let [bytes, words, codes] = std::array::from_fn(|_| StandardAlloc::default());
        Self {
            state: BrotliState::new_strict(bytes, words, codes),
            piece: vec![0; PIECE_BYTES],
            made_bytes: 0,
            is_over: false,
        }
    }
}

impl std::fmt::Debug for Unbrotli {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Unbrotli")
            .field("made_bytes", &self.made_bytes)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

impl Unbrotli {
    fn step(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        let (mut left, mut read, mut total) = (bytes.len(), 0, 0);
        while !self.is_over {
            let (mut room, mut made) = (self.piece.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                bytes,
                &mut room,
                &mut made,
                &mut self.piece,
                &mut total,
                &mut self.state,
            );
            if made > 0 {
                self.made_bytes = self.made_bytes.saturating_add(made);
                sink(self.piece.get(..made).unwrap_or_default())?;
            }
            match result {
                BrotliResult::ResultSuccess => self.is_over = true,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return self.give_window(sink),
                BrotliResult::ResultFailure => return Err(Stop::Broken),
            }
        }
        Ok(())
    }

    /// Gives what waits in the window until it is full: the body may be cut before.
    fn give_window(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        loop {
            let mut wanted = PIECE_BYTES;
            let made = BrotliDecoderTakeOutput(&mut self.state, &mut wanted);
            if made.is_empty() {
                return Ok(());
            }
            self.made_bytes = self.made_bytes.saturating_add(made.len());
            sink(made)?;
        }
    }
}

impl Undo for Unbrotli {
    fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Stop> {
        bytes
            .chunks(STEP_BYTES)
            .try_for_each(|step| self.step(step, sink))
    }

    fn finish(&mut self, _: &mut Sink<'_>) -> Result<(), Stop> {
        match self.is_over {
            true => Ok(()),
            false => Err(Stop::Broken),
        }
    }

    fn memory_bytes(&self) -> usize {
        // The pages of a window that nothing was written to are not there.
        self.made_bytes.min(WINDOW_BYTES_MAX)
    }
}
