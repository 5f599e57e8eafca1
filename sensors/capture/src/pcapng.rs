//! The next-generation format: blocks of sections, interfaces and packets.
//!
//! ```text
//! block:  type 4 | total length 4 | body | total length 4          padded to 4 bytes
//! ```
//! Taken: section header, interface description (link type, `if_tsresol`, `if_tsoffset`), enhanced, simple and old packet
//! blocks. Others are skipped. Source: draft-ietf-opsawg-pcapng.

use std::ops::Range;

use crate::file::{Facts, Filled, Input};
use crate::{CaptureError, FRAME_BYTES_MAX};

/// Type of the first block.
pub(crate) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const SECTION: u32 = 0x0a0d_0d0a;

/// Longest block taken: a frame with its header and options.
const BLOCK_BYTES_MAX: usize = FRAME_BYTES_MAX + 64 * 1024;
/// Most interfaces in a section.
const INTERFACES_MAX: usize = 4096;

/// Where in the file's structure the reader is.
pub(crate) struct State {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    snap_bytes: u32,
    /// Units of time in a second.
    units: u64,
    offset_s: i64,
}

/// Reads numbers of the section's byte order from a block.
struct Bytes<'a> {
    rest: &'a [u8],
    big_endian: bool,
}

impl<'a> Bytes<'a> {
    fn u16(&mut self) -> Option<u16> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(if self.big_endian {
            u16::from_be_bytes(*head)
        } else {
            u16::from_le_bytes(*head)
        })
    }

    fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(if self.big_endian {
            u32::from_be_bytes(*head)
        } else {
            u32::from_le_bytes(*head)
        })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }
}

impl State {
    /// Reads the first section header, whose type was read already.
    pub(crate) fn start(input: &mut Input) -> Result<Self, CaptureError> {
        let mut state = Self {
            big_endian: false,
            interfaces: Vec::new(),
        };
        state.section(input, 0)?;
        Ok(state)
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    /// A section header after its type: its own byte order comes after the length.
    fn section(&mut self, input: &mut Input, start: u64) -> Result<(), CaptureError> {
        let mut head = [0; 8];
        input.need(&mut head, start, "a section header")?;
        let [l0, l1, l2, l3, order @ ..] = head;
        self.big_endian = match order {
            [0x1a, 0x2b, 0x3c, 0x4d] => true,
            [0x4d, 0x3c, 0x2b, 0x1a] => false,
            other => return Err(input.broken(start, format!("a section of unknown byte order {other:02x?}"))),
        };
        let length = self.number([l0, l1, l2, l3]);
        self.body(input, start, length, 12)?;
        self.interfaces.clear();
        Ok(())
    }

    /// Takes the rest of a block of `length` bytes, of which `done` are read, without the closing length.
    fn body(
        &self,
        input: &mut Input,
        start: u64,
        length: u32,
        done: usize,
    ) -> Result<Range<usize>, CaptureError> {
        let length = length as usize;
        if !length.is_multiple_of(4) || length < done + 4 || length > BLOCK_BYTES_MAX {
            return Err(input.broken(
                start,
                format!("a block of {length} bytes: not a multiple of 4 up to {BLOCK_BYTES_MAX}"),
            ));
        }
        let rest = input.piece(length - done, start, "a block")?;
        Ok(rest.start..rest.end - 4)
    }

    pub(crate) fn next(&mut self, input: &mut Input) -> Result<Option<Facts>, CaptureError> {
        loop {
            let start = input.offset;
            let mut kind = [0; 4];
            match input.fill(&mut kind)? {
                Filled::Whole => {}
                Filled::Nothing => return Ok(None),
                Filled::Part(have) => {
                    return Err(input.broken(
                        start,
                        format!("the file ends inside a block type: {have} of 4 bytes are there"),
                    ));
                }
            }
            if kind == MAGIC {
                self.section(input, start)?;
                continue;
            }
            let mut length = [0; 4];
            input.need(&mut length, start, "a block length")?;
            let (kind, length) = (self.number(kind), self.number(length));
            let block = self.body(input, start, length, 8)?;
            match self.take_block(kind, input.bytes(block.clone())) {
                Ok(Some(facts)) => {
                    let frame = block.start + facts.frame.start..block.start + facts.frame.end;
                    return Ok(Some(Facts { frame, ..facts }));
                }
                Ok(None) => {}
                Err(problem) => return Err(input.broken(start, problem)),
            }
        }
    }

    /// Takes an interface or a packet out of a block; the packet's frame is told by its place in the block.
    fn take_block(&mut self, kind: u32, block: &[u8]) -> Result<Option<Facts>, String> {
        let mut bytes = Bytes {
            rest: block,
            big_endian: self.big_endian,
        };
        match kind {
            INTERFACE => {
                let interface = read_interface(&mut bytes).ok_or("an interface block that is too short")?;
                if self.interfaces.len() >= INTERFACES_MAX {
                    return Err(format!("more than {INTERFACES_MAX} interfaces in a section"));
                }
                self.interfaces.push(interface);
                Ok(None)
            }
            ENHANCED_PACKET | OLD_PACKET => {
                let short = "a packet block that is too short";
                let number = if kind == OLD_PACKET {
                    let number = u32::from(bytes.u16().ok_or(short)?);
                    bytes.u16().ok_or(short)?;
                    number
                } else {
                    bytes.u32().ok_or(short)?
                };
                let interface = *self
                    .interfaces
                    .get(number as usize)
                    .ok_or("a packet of an interface not described")?;
                let (high, low) = (bytes.u32().ok_or(short)?, bytes.u32().ok_or(short)?);
                let (captured, wire_bytes) = (bytes.u32().ok_or(short)?, bytes.u32().ok_or(short)?);
                let start = block.len() - bytes.rest.len();
                let data = bytes
                    .take(captured as usize)
                    .ok_or("a packet longer than its block")?;
                let ts_us = interface.time_us(u64::from(high) << 32 | u64::from(low));
                Ok(Some(Facts {
                    ts_us,
                    link: interface.link,
                    wire_bytes,
                    frame: start..start + data.len(),
                }))
            }
            SIMPLE_PACKET => {
                let interface = *self
                    .interfaces
                    .first()
                    .ok_or("a packet of an interface not described")?;
                let wire_bytes = bytes.u32().ok_or("a packet block that is too short")?;
                let snap = if interface.snap_bytes == 0 {
                    u32::MAX
                } else {
                    interface.snap_bytes
                };
                let captured = (wire_bytes.min(snap) as usize).min(bytes.rest.len());
                let start = block.len() - bytes.rest.len();
                Ok(Some(Facts {
                    ts_us: 0,
                    link: interface.link,
                    wire_bytes,
                    frame: start..start + captured,
                }))
            }
            SECTION => Err("a section header where none can be".to_owned()),
            _ => Ok(None),
        }
    }
}

fn read_interface(bytes: &mut Bytes<'_>) -> Option<Interface> {
    let link = u32::from(bytes.u16()?);
    bytes.u16()?;
    let snap_bytes = bytes.u32()?;
    let mut interface = Interface {
        link,
        snap_bytes,
        units: 1_000_000,
        offset_s: 0,
    };
    while let (Some(code), Some(length)) = (bytes.u16(), bytes.u16()) {
        let Some(value) = bytes.take(usize::from(length)) else {
            break;
        };
        bytes.take(usize::from(length).next_multiple_of(4) - usize::from(length));
        match (code, value) {
            (0, _) => break,
            (9, [resolution]) => interface.units = units(*resolution),
            (14, value) => {
                if let Ok(octets) = <[u8; 8]>::try_from(value) {
                    let big = bytes.big_endian;
                    interface.offset_s = if big {
                        i64::from_be_bytes(octets)
                    } else {
                        i64::from_le_bytes(octets)
                    };
                }
            }
            _ => {}
        }
    }
    Some(interface)
}

/// `if_tsresol`: a negative power of 10, or of 2 when the top bit is set. What is finer than 64 bits can hold is taken as
/// microseconds.
fn units(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(1_000_000)
}

impl Interface {
    fn time_us(&self, units: u64) -> i64 {
        let us = u128::from(units) * 1_000_000 / u128::from(self.units.max(1));
        i64::try_from(us)
            .unwrap_or(i64::MAX)
            .saturating_add(self.offset_s.saturating_mul(1_000_000))
    }
}
