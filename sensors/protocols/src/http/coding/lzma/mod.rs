//! `lzma`: what `lzma` and `xz --format=lzma` write. Old clients read it, and Suricata does.
//!
//! ```text
//!  properties(1) dictionary size(4) content size(8, all ones when unknown)   0 code(4) …   range-coded symbols
//! ```
//!
//! Written after the format's specification in the LZMA SDK. A symbol takes at most [`SYMBOL_BYTES_MAX`] bytes of input, so that it is decoded
//! once so many are there, or no more come.

mod range;
mod window;

use super::{Sink, Stop, Undo};
use range::{Input, RangeDecoder};
use window::Window;

const HEADER_BYTES: usize = 13;
/// A zero and the first four bytes of the code.
const START_BYTES: usize = 5;
/// Most input of one symbol.
const SYMBOL_BYTES_MAX: usize = 20;

// Where in the table of probabilities each kind stands.
const IS_MATCH: usize = 0;
const IS_REPEAT: usize = IS_MATCH + STATES * POSITIONS;
const IS_REPEAT_0: usize = IS_REPEAT + STATES;
const IS_REPEAT_1: usize = IS_REPEAT_0 + STATES;
const IS_REPEAT_2: usize = IS_REPEAT_1 + STATES;
const IS_LONG: usize = IS_REPEAT_2 + STATES;
const SLOTS: usize = IS_LONG + STATES * POSITIONS;
const DISTANCES: usize = SLOTS + 4 * 64;
const ALIGN: usize = DISTANCES + 115;
const LENGTHS: usize = ALIGN + 16;
const REPEAT_LENGTHS: usize = LENGTHS + LENGTH_PROBABILITIES;
const LITERALS: usize = REPEAT_LENGTHS + LENGTH_PROBABILITIES;
const LITERAL_PROBABILITIES: usize = 0x300;
const LENGTH_PROBABILITIES: usize = 2 + 2 * POSITIONS * 8 + 256;
const STATES: usize = 12;
const POSITIONS: usize = 16;
/// The distance that marks the end.
const END: u32 = u32::MAX;

/// Undoes LZMA. What follows its end is dropped.
#[derive(Debug, Default)]
pub(super) struct Unlzma {
    held: Vec<u8>,
    decoder: Option<Box<Symbols>>,
    is_over: bool,
}

impl Unlzma {
    /// Decodes what is held, but for what the last symbols may need when more is to come.
    fn run(&mut self, spare_bytes: usize, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.decoder.is_none() && !self.begin()? {
            return Ok(());
        }
        let Some(symbols) = &mut self.decoder else {
            return Ok(());
        };
        let mut input = Input {
            bytes: &self.held,
            at: 0,
        };
        let mut result = Ok(false);
        while result == Ok(false) && input.left() > spare_bytes {
            result = symbols.next(&mut input, sink);
        }
        let taken = input.at;
        self.held.drain(..taken.min(self.held.len()));
        symbols.window.flush(sink)?;
        self.is_over = result?;
        Ok(())
    }

    /// Reads the header; whether it is whole.
    fn begin(&mut self) -> Result<bool, Stop> {
        let Some((header, rest)) = self.held.split_at_checked(HEADER_BYTES) else {
            return Ok(false);
        };
        let Some(start) = rest.get(..START_BYTES) else {
            return Ok(false);
        };
        self.decoder = Some(Box::new(Symbols::new(header, start).ok_or(Stop::Broken)?));
        self.held.drain(..HEADER_BYTES + START_BYTES);
        Ok(true)
    }
}

impl Undo for Unlzma {
    fn push(&mut self, bytes: &[u8], _: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.is_over {
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        self.run(SYMBOL_BYTES_MAX, sink)
    }

    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if !self.is_over {
            self.run(0, sink)?;
        }
        match self.is_over || self.decoder.as_ref().is_some_and(|symbols| symbols.is_whole()) {
            true => Ok(()),
            false => Err(Stop::Broken),
        }
    }

    fn memory_bytes(&self) -> usize {
        let window = self
            .decoder
            .as_ref()
            .map_or(0, |symbols| symbols.window.memory_bytes());
        window.saturating_add(self.held.capacity())
    }
}

/// The symbols and their model.
#[derive(Debug)]
struct Symbols {
    bits: RangeDecoder,
    literal_context_bits: u32,
    literal_position_mask: u64,
    position_mask: u64,
    state: usize,
    /// The last four distances, less one.
    distances: [u32; 4],
    window: Window,
    size: Option<u64>,
}

impl Symbols {
    fn new(header: &[u8], start: &[u8]) -> Option<Self> {
        let (properties, rest) = header.split_first()?;
        let (dictionary, size) = rest.split_at_checked(4)?;
        let dictionary = u32::from_le_bytes(dictionary.try_into().ok()?);
        let size = u64::from_le_bytes(size.try_into().ok()?);
        let (first, code) = start.split_first()?;
        let (context, rest) = (u32::from(properties % 9), u32::from(properties / 9));
        let (literal_position, position) = (rest % 5, rest / 5);
        // More makes a table larger than any encoder writes (xz refuses it).
        if *first != 0 || position > 4 || context + literal_position > 4 {
            return None;
        }
        let literals = LITERAL_PROBABILITIES << (context + literal_position);
        Some(Self {
            bits: RangeDecoder::new(code.try_into().ok()?, LITERALS + literals),
            literal_context_bits: context,
            literal_position_mask: (1 << literal_position) - 1,
            position_mask: (1 << position) - 1,
            state: 0,
            distances: [0; 4],
            window: Window::new(usize::try_from(dictionary).ok()?),
            size: (size != u64::MAX).then_some(size),
        })
    }

    /// Whether all is there that the header said.
    fn is_whole(&self) -> bool {
        self.size.is_some_and(|size| self.window.made_bytes >= size)
    }

    /// Decodes a symbol; whether it was the end.
    fn next(&mut self, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Result<bool, Stop> {
        if self.is_whole() {
            return Ok(true);
        }
        let position = usize::try_from(self.window.made_bytes & self.position_mask).unwrap_or(0);
        if self
            .bits
            .bit(input, IS_MATCH + self.state * POSITIONS + position)?
            == 0
        {
            self.literal(input, sink)?;
            return Ok(false);
        }
        let length = if self.bits.bit(input, IS_REPEAT + self.state)? == 0 {
            let length = self.length(input, LENGTHS, position)?;
            self.distances.rotate_right(1);
            self.distances[0] = self.distance(input, length)?;
            if self.distances[0] == END {
                return Ok(true);
            }
            self.state = if self.state < 7 { 7 } else { 10 };
            length
        } else {
            match self.repeat(input, position)? {
                Some(length) => length,
                None => return self.copy(1, sink).map(|()| false),
            }
        };
        self.copy(length + 2, sink)?;
        Ok(false)
    }

    /// Which of the last distances counts, and the length; none for one byte at the last of them.
    fn repeat(&mut self, input: &mut Input<'_>, position: usize) -> Result<Option<u32>, Stop> {
        if self.bits.bit(input, IS_REPEAT_0 + self.state)? == 0 {
            if self
                .bits
                .bit(input, IS_LONG + self.state * POSITIONS + position)?
                == 0
            {
                self.state = if self.state < 7 { 9 } else { 11 };
                return Ok(None);
            }
        } else if self.bits.bit(input, IS_REPEAT_1 + self.state)? == 0 {
            self.distances.swap(0, 1);
        } else if self.bits.bit(input, IS_REPEAT_2 + self.state)? == 0 {
            self.distances[..3].rotate_right(1);
        } else {
            self.distances.rotate_right(1);
        }
        let length = self.length(input, REPEAT_LENGTHS, position)?;
        self.state = if self.state < 7 { 8 } else { 11 };
        Ok(Some(length))
    }

    fn literal(&mut self, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let last = self.window.back(0).unwrap_or(0);
        let place = usize::try_from(self.window.made_bytes & self.literal_position_mask).unwrap_or(0);
        let context = (place << self.literal_context_bits)
            + (usize::from(last) >> (8_u32.saturating_sub(self.literal_context_bits)));
        let base = LITERALS + LITERAL_PROBABILITIES * context;
        let mut symbol = 1_usize;
        if self.state >= 7 {
            let mut expected = usize::from(self.window.back(self.distances[0]).ok_or(Stop::Broken)?);
            while symbol < 0x100 {
                let expected_bit = expected >> 7 & 1;
                expected <<= 1;
                let bit = self.bits.bit(input, base + ((1 + expected_bit) << 8) + symbol)?;
                symbol = symbol << 1 | bit;
                if expected_bit != bit {
                    break;
                }
            }
        }
        while symbol < 0x100 {
            symbol = symbol << 1 | self.bits.bit(input, base + symbol)?;
        }
        self.state = match self.state {
            0..4 => 0,
            state @ 4..10 => state - 3,
            state => state - 6,
        };
        self.window.put(symbol.to_le_bytes()[0], sink)
    }

    /// A length, less two.
    fn length(&mut self, input: &mut Input<'_>, base: usize, position: usize) -> Result<u32, Stop> {
        const LOW: usize = 2;
        const MIDDLE: usize = LOW + POSITIONS * 8;
        const HIGH: usize = MIDDLE + POSITIONS * 8;
        if self.bits.bit(input, base)? == 0 {
            self.bits.tree(input, base + LOW + position * 8, 3)
        } else if self.bits.bit(input, base + 1)? == 0 {
            Ok(8 + self.bits.tree(input, base + MIDDLE + position * 8, 3)?)
        } else {
            Ok(16 + self.bits.tree(input, base + HIGH, 8)?)
        }
    }

    /// A distance, less one.
    fn distance(&mut self, input: &mut Input<'_>, length: u32) -> Result<u32, Stop> {
        let row = usize::try_from(length.min(3)).unwrap_or(0);
        let slot = self.bits.tree(input, SLOTS + row * 64, 6)?;
        if slot < 4 {
            return Ok(slot);
        }
        let bits = (slot >> 1) - 1;
        let distance = (2 | slot & 1) << bits;
        if slot < 14 {
            let base = usize::try_from(distance - slot).unwrap_or(0);
            return Ok(distance + self.bits.reverse_tree(input, DISTANCES + base, bits)?);
        }
        let mut direct = 0;
        for _ in 0..bits - 4 {
            direct = direct << 1 | self.bits.even_bit(input)?;
        }
        let low = self.bits.reverse_tree(input, ALIGN, 4)?;
        Ok(distance.wrapping_add(direct << 4).wrapping_add(low))
    }

    fn copy(&mut self, length: u32, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let missing = self.size.map(|size| size.saturating_sub(self.window.made_bytes));
        let length = u64::from(length).min(missing.unwrap_or(u64::MAX));
        let length = usize::try_from(length).unwrap_or(0);
        self.window.repeat(self.distances[0], length, sink)
    }
}
