//! `zstd` (RFC 8878), with windows up to what browsers take (RFC 9659).
//!
//! ```text
//!  28 b5 2f fd descriptor window? dictionary? size?   (header(3) block)*   checksum(4)?   another frame?
//! ```
//!
//! A block is decoded once it is whole; what stays in the window comes out at the end of the frame, or of the body. Blocks that say far more
//! sequences than their length can hold but for tricks are not decoded: a sequence of no bits costs as much time as any other.

use super::{Sink, Stop, Undo};
use ruzstd::decoding::FrameDecoder;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What frames that hold no content begin with, but for the lowest four bits.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
const MAGIC_BYTES: usize = 4;
const BLOCK_HEADER_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;
/// Largest block (RFC 8878, 3.1.1.2.4).
const BLOCK_BYTES_MAX: usize = 128 * 1024;
/// Largest window taken (RFC 9659, 3).
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Largest piece of output.
const PIECE_BYTES: usize = 16 * 1024;
/// What a sequence counts for in what a body has to earn: as many bytes as are written in the time that it takes.
const SEQUENCE_BYTES: u64 = 64;
/// A block that ends a frame and holds nothing.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// Undoes Zstandard. What follows the last frame is dropped.
pub(super) struct Unzstd {
    decoder: FrameDecoder,
    part: Part,
    /// What of the next header or block has come.
    held: Vec<u8>,
    has_checksum: bool,
    window_bytes: usize,
    made_bytes: usize,
    sequences: u64,
}

/// Where in a frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Block,
    /// Bytes left of what is skipped.
    Skip(usize),
    Over,
}

/// The header of a frame.
struct Header {
    bytes: usize,
    window_bytes: u64,
    has_checksum: bool,
}

impl Default for Unzstd {
    fn default() -> Self {
        Self {
            decoder: FrameDecoder::new(),
            part: Part::Header,
            held: Vec::new(),
            has_checksum: false,
            window_bytes: 0,
            made_bytes: 0,
            sequences: 0,
        }
    }
}

impl std::fmt::Debug for Unzstd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Unzstd")
            .field("part", &self.part)
            .finish_non_exhaustive()
    }
}

/// Whether the bytes are the magic number of a frame.
pub(super) fn is_frame(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) || is_skippable(head)
}

fn is_skippable(head: &[u8]) -> bool {
    matches!(head.split_first(), Some((first, rest)) if first >> 4 == 5 && rest.starts_with(&SKIPPABLE))
}

impl Unzstd {
    /// Takes bytes until `held` has so many; whether it has.
    fn gather(&mut self, rest: &mut &[u8], wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.held.len());
        let (taken, behind) = rest.split_at(missing.min(rest.len()));
        self.held.extend_from_slice(taken);
        *rest = behind;
        self.held.len() >= wanted
    }

    /// Takes a frame's header; whether it is whole.
    fn header(&mut self, rest: &mut &[u8]) -> Result<bool, Stop> {
        if !self.gather(rest, MAGIC_BYTES + 1) {
            return Ok(false);
        }
        if is_skippable(&self.held) {
            return Ok(self.skippable(rest));
        }
        if !self.held.starts_with(&MAGIC) {
            self.part = Part::Over;
            return Ok(true);
        }
        let Some(header) = header(&self.held) else {
            let wanted = self.held.len() + 1;
            return Ok(self.gather(rest, wanted));
        };
        if !self.gather(rest, header.bytes) {
            return Ok(false);
        }
        if header.window_bytes > WINDOW_BYTES_MAX {
            return Err(Stop::OverLimit);
        }
        self.decoder
            .reset(self.held.as_slice())
            .map_err(|_| Stop::Broken)?;
        self.window_bytes = usize::try_from(header.window_bytes).unwrap_or(usize::MAX);
        self.has_checksum = header.has_checksum;
        self.held.clear();
        self.part = Part::Block;
        Ok(true)
    }

    fn skippable(&mut self, rest: &mut &[u8]) -> bool {
        if !self.gather(rest, 2 * MAGIC_BYTES) {
            return false;
        }
        let length = self
            .held
            .get(MAGIC_BYTES..)
            .and_then(|bytes| bytes.try_into().ok());
        let length = length.map_or(0, u32::from_le_bytes);
        self.held.clear();
        self.part = Part::Skip(usize::try_from(length).unwrap_or(usize::MAX));
        true
    }

    /// Takes a block; whether it is whole.
    fn block(&mut self, rest: &mut &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<bool, Stop> {
        if !self.gather(rest, BLOCK_HEADER_BYTES) {
            return Ok(false);
        }
        let [low, middle, high, ..] = *self.held.as_slice() else {
            return Ok(false);
        };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        let (is_last, kind) = (header & 1 == 1, header >> 1 & 3);
        const REPEATED_BYTE: u32 = 1;
        const COMPRESSED: u32 = 2;
        if size > BLOCK_BYTES_MAX {
            return Err(Stop::Broken);
        }
        let content = if kind == REPEATED_BYTE { 1 } else { size };
        if !self.gather(rest, BLOCK_HEADER_BYTES + content) {
            return Ok(false);
        }
        let block = std::mem::take(&mut self.held);
        if kind == COMPRESSED {
            let sequences = sequences(block.get(BLOCK_HEADER_BYTES..).unwrap_or_default());
            self.sequences = self.sequences.saturating_add(sequences.unwrap_or(0));
            if self.sequences.saturating_mul(SEQUENCE_BYTES) > earned_bytes {
                return Err(Stop::OverLimit);
            }
        }
        if is_last {
            self.part = Part::Skip(self.checksum().len());
        }
        self.decode(block, is_last, sink)?;
        Ok(true)
    }

    /// What stands for a frame's checksum, which is not verified.
    fn checksum(&self) -> &'static [u8] {
        match self.has_checksum {
            true => &[0; CHECKSUM_BYTES],
            false => &[],
        }
    }

    /// Decodes a whole block, and gives what leaves the window: with the last block all of it.
    fn decode(&mut self, mut block: Vec<u8>, is_last: bool, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if is_last {
            // The decoder gives nothing more before it has this.
            block.extend_from_slice(self.checksum());
        }
        let mut piece = vec![0; PIECE_BYTES];
        let mut source = block.as_slice();
        loop {
            let decoded = self.decoder.decode_from_to(source, &mut piece);
            let (_, made) = decoded.map_err(|_| Stop::Broken)?;
            source = &[];
            if made == 0 {
                return Ok(());
            }
            self.made_bytes = self.made_bytes.saturating_add(made);
            sink(piece.get(..made).unwrap_or_default())?;
        }
    }
}

impl Undo for Unzstd {
    fn push(&mut self, bytes: &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let mut rest = bytes;
        let mut goes_on = true;
        while goes_on {
            goes_on = match self.part {
                Part::Header => self.header(&mut rest)?,
                Part::Block => self.block(&mut rest, earned_bytes, sink)?,
                Part::Skip(0) => {
                    self.part = Part::Header;
                    true
                }
                Part::Skip(left) => {
                    let skipped = left.min(rest.len());
                    rest = rest.get(skipped..).unwrap_or_default();
                    self.part = Part::Skip(left - skipped);
                    skipped > 0
                }
                Part::Over => false,
            };
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.part == Part::Block {
            // The frame was cut: what its window holds is good.
            self.decode(LAST_BLOCK.to_vec(), true, sink)?;
            return Err(Stop::Broken);
        }
        match self.part == Part::Header && !self.held.is_empty() {
            true => Err(Stop::Broken),
            false => Ok(()),
        }
    }

    fn memory_bytes(&self) -> usize {
        // The pages of a window that nothing was written to are not there. A block may wait in it.
        let written = self.made_bytes.saturating_add(BLOCK_BYTES_MAX);
        self.window_bytes
            .min(written)
            .saturating_add(self.held.capacity())
    }
}

/// Reads a frame's header from behind its magic number on (RFC 8878, 3.1.1.1); none when it is not whole.
fn header(bytes: &[u8]) -> Option<Header> {
    let descriptor = *bytes.get(MAGIC_BYTES)?;
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let size = match descriptor >> 6 {
        0 => usize::from(is_single),
        exponent => 1_usize << exponent,
    };
    let window = usize::from(!is_single);
    let size_at = MAGIC_BYTES + 1 + window + dictionary;
    let window_bytes = if is_single {
        let mut field = [0; 8];
        field
            .get_mut(..size)?
            .copy_from_slice(bytes.get(size_at..size_at + size)?);
        let added = if size == 2 { 256 } else { 0 };
        u64::from_le_bytes(field).saturating_add(added)
    } else {
        let coded = *bytes.get(MAGIC_BYTES + 1)?;
        let base = 1_u64 << (10 + u32::from(coded >> 3));
        base + base / 8 * u64::from(coded & 7)
    };
    Some(Header {
        bytes: size_at + size,
        window_bytes,
        has_checksum: descriptor & 4 != 0,
    })
}

/// How many sequences a compressed block says that it has (RFC 8878, 3.1.1.3); none when it is damaged.
fn sequences(block: &[u8]) -> Option<u64> {
    let first = *block.first()?;
    let (kind, format) = (first & 3, first >> 2 & 3);
    let number = |bytes: usize| {
        let mut field = [0; 8];
        field.get_mut(..bytes)?.copy_from_slice(block.get(..bytes)?);
        Some(u64::from_le_bytes(field))
    };
    const RAW: u8 = 0;
    const REPEATED_BYTE: u8 = 1;
    let literals_bytes = match kind {
        RAW | REPEATED_BYTE => {
            let (header, shift) = match format {
                1 => (2, 4),
                3 => (3, 4),
                _ => (1, 3),
            };
            let size = number(header)? >> shift;
            header as u64 + if kind == REPEATED_BYTE { 1 } else { size }
        }
        _ => {
            let (header, bits) = match format {
                0 | 1 => (3, 10),
                2 => (4, 14),
                _ => (5, 18),
            };
            header as u64 + (number(header)? >> (4 + bits) & ((1 << bits) - 1))
        }
    };
    let rest = block.get(usize::try_from(literals_bytes).ok()?..)?;
    match *rest {
        [few @ 0..128, ..] => Some(u64::from(few)),
        [255, low, high, ..] => Some(u64::from(u16::from_le_bytes([low, high])) + 0x7f00),
        [high @ 128..=254, low, ..] => Some((u64::from(high - 128) << 8) + u64::from(low)),
        _ => None,
    }
}
