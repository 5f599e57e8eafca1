//! `br` (RFC 7932), without the large windows that browsers refuse, too.
//!
//! The decoder gives nothing away before its window is full or its input at an end, and a body of 14 bytes may ask for a window of 16 MiB and fill
//! it. So it gets a window that holds what the body has earned (see [`Bounds`](super::Bounds)), and begins anew with a larger one once that is full and
//! what is in it was taken. A window that is large enough for all output is as good as any larger one.

use super::{Sink, Stop, Undo};
use brotli_decompressor::{
    BrotliDecoderTakeOutput, BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc,
};

/// Largest piece of output.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes decoded at once: what an error is among gives nothing.
const STEP_BYTES: usize = 512;
/// Smallest and largest window that a body is begun with or goes on with, as powers of two.
const WINDOW_BITS_MIN: u32 = 13;
const WINDOW_BITS_MAX: u32 = 24;

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Undoes brotli. What follows its end is dropped.
pub(super) struct Unbrotli {
    state: Box<State>,
    window: Window,
    /// All input so far while a larger window may have to begin with it.
    taken: Vec<u8>,
    made_bytes: usize,
    /// Output that was given before this window and is made again.
    again_bytes: usize,
    is_over: bool,
}

/// How large the window is, as a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Window {
    /// The body has yet to say. So many bits are earned.
    Unknown { earned: u32 },
    /// Smaller than it says.
    Part { bits: u32 },
    /// As large as it says.
    Whole,
}

/// Why the decoder stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    /// It has read all.
    Input,
    /// Its window is full, and smaller than the body says.
    Window,
    /// At the end of the body.
    End,
}

impl Default for Unbrotli {
    fn default() -> Self {
        Self {
            state: state(),
            window: Window::Unknown {
                earned: WINDOW_BITS_MIN,
            },
            taken: Vec::new(),
            made_bytes: 0,
            again_bytes: 0,
            is_over: false,
        }
    }
}

fn state() -> Box<State> {
    let [bytes, words, codes] = std::array::from_fn(|_| StandardAlloc::default());
    Box::new(BrotliState::new_strict(bytes, words, codes))
}

impl std::fmt::Debug for Unbrotli {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Unbrotli")
            .field("window", &self.window)
            .field("made_bytes", &self.made_bytes)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

impl Unbrotli {
    /// Takes the next bytes, with ever larger windows while these are full.
    fn step(&mut self, bytes: &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.window == Window::Whole {
            self.run(bytes, sink)?;
            return Ok(());
        }
        if let Window::Unknown { earned } = &mut self.window {
            *earned = earned_bytes
                .max(1)
                .ilog2()
                .clamp(WINDOW_BITS_MIN, WINDOW_BITS_MAX);
        }
        self.taken.extend_from_slice(bytes);
        let mut halt = self.run(bytes, sink)?;
        while let (Window::Part { bits }, true) = (self.window, self.is_outgrown(halt)) {
            let larger = earned_bytes.max(1).ilog2().max(bits + 1);
            self.state = state();
            self.window = Window::Unknown { earned: larger };
            self.again_bytes = self.made_bytes;
            let taken = std::mem::take(&mut self.taken);
            halt = self.run(&taken, sink)?;
            if self.window != Window::Whole {
                self.taken = taken;
            }
        }
        if self.window == Window::Whole || halt == Halt::End {
            self.taken = Vec::new();
        }
        Ok(())
    }

    /// Whether another window is due. Input that makes no output is not kept without end either.
    fn is_outgrown(&self, halt: Halt) -> bool {
        let Window::Part { bits } = self.window else {
            return false;
        };
        halt == Halt::Window || halt == Halt::Input && self.taken.len() >> bits > 0
    }

    /// Decodes, and gives what waits in the window whenever the decoder stops: the body may be cut there.
    fn run(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<Halt, Stop> {
        // The first byte says how large the window is. None is made before there are more.
        let (first, rest) = match self.window {
            Window::Unknown { .. } => bytes.split_at(bytes.len().min(1)),
            _ => bytes.split_at(0),
        };
        if !first.is_empty() {
            let halt = self.decode(first, sink)?;
            self.set_window();
            if halt != Halt::Input {
                return Ok(halt);
            }
        }
        self.decode(rest, sink)
    }

    fn set_window(&mut self) {
        let Window::Unknown { earned } = self.window else {
            return;
        };
        self.window = match earned < self.state.window_bits {
            true => {
                self.state.window_bits = earned;
                Window::Part { bits: earned }
            }
            false => Window::Whole,
        };
    }

    fn decode(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<Halt, Stop> {
        let (mut left, mut read, mut total) = (bytes.len(), 0, 0);
        loop {
            if self.is_over {
                return Ok(Halt::End);
            }
            // Without room for output it stops as soon as there is some to be taken, and begins no second round of its window.
            let (mut room, mut made) = (0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                bytes,
                &mut room,
                &mut made,
                &mut [],
                &mut total,
                &mut self.state,
            );
            let is_full = self.state.pos >= self.state.ringbuffer_size;
            match result {
                BrotliResult::ResultFailure => return Err(Stop::Broken),
                BrotliResult::ResultSuccess => self.is_over = true,
                BrotliResult::NeedsMoreOutput | BrotliResult::NeedsMoreInput => self.give_window(sink)?,
            }
            let is_part = matches!(self.window, Window::Part { .. });
            match result {
                BrotliResult::NeedsMoreInput => return Ok(Halt::Input),
                BrotliResult::NeedsMoreOutput if is_full && is_part => return Ok(Halt::Window),
                _ => {}
            }
        }
    }

    /// Gives all that waits in the window, in pieces: the decoder would drop what it is not asked for.
    fn give_window(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        const ALL: usize = 0;
        let made = BrotliDecoderTakeOutput(&mut self.state, &mut { ALL });
        let again = self.again_bytes.min(made.len());
        self.again_bytes -= again;
        for piece in made.get(again..).unwrap_or_default().chunks(PIECE_BYTES) {
            self.made_bytes = self.made_bytes.saturating_add(piece.len());
            sink(piece)?;
        }
        Ok(())
    }
}

impl Undo for Unbrotli {
    fn push(&mut self, bytes: &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        bytes
            .chunks(STEP_BYTES)
            .try_for_each(|step| self.step(step, earned_bytes, sink))
    }

    fn finish(&mut self, _: &mut Sink<'_>) -> Result<(), Stop> {
        match self.is_over {
            true => Ok(()),
            false => Err(Stop::Broken),
        }
    }

    fn memory_bytes(&self) -> usize {
        // The pages of a window that nothing was written to are not there.
        self.made_bytes.min(1 << WINDOW_BITS_MAX) + self.taken.capacity()
    }
}
