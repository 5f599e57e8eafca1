//! gzip (RFC 1952), as browsers read it.
//!
//! ```text
//!  1f 8b 08 flags(1) time(4) more(2)  extra? name? comment? header checksum?   deflate   checksum(4) size(4)   another member?
//! ```
//!
//! Checksums are not verified, reserved flags and a missing end are passed over: clients show the content all the same.

use super::deflate::Inflater;
use super::{Sink, Stop, Undo};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const FIXED_BYTES: usize = 10;
const FLAGS_AT: usize = 3;
const TRAILER_BYTES: usize = 8;
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// Undoes gzip.
#[derive(Debug)]
pub(super) struct Gunzip {
    part: Part,
    flags: u8,
    /// A member was read to its end.
    has_member: bool,
}

/// Where in a member it is.
#[derive(Debug)]
enum Part {
    /// So many bytes of the fixed header were read.
    Fixed(usize),
    /// The length of the extra field, as far as it was read.
    ExtraLength(Option<u8>),
    /// Bytes left of the extra field.
    Extra(usize),
    Name,
    Comment,
    /// Bytes left of the header's checksum.
    HeaderChecksum(usize),
    Data(Box<Inflater>),
    /// Bytes left of what follows the data.
    Trailer(usize),
    /// What follows is no member.
    Over,
}

impl Default for Gunzip {
    fn default() -> Self {
        Self {
            part: Part::Fixed(0),
            flags: 0,
            has_member: false,
        }
    }
}

impl Gunzip {
    /// Takes a byte of what is around the data.
    fn step(&mut self, byte: u8) -> Result<(), Stop> {
        let next = match self.part {
            Part::Fixed(at) => return self.fixed(at, byte),
            Part::ExtraLength(None) => Part::ExtraLength(Some(byte)),
            Part::ExtraLength(Some(low)) => match usize::from(u16::from_le_bytes([low, byte])) {
                0 => self.part_behind(EXTRA),
                length => Part::Extra(length),
            },
            Part::Extra(2..) | Part::HeaderChecksum(2..) | Part::Trailer(2..) => return self.count_down(),
            Part::Extra(_) => self.part_behind(EXTRA),
            Part::Name if byte == 0 => self.part_behind(NAME),
            Part::Comment if byte == 0 => self.part_behind(COMMENT),
            Part::HeaderChecksum(_) => data(),
            Part::Trailer(_) => Part::Fixed(0),
            Part::Name | Part::Comment | Part::Data(_) | Part::Over => return Ok(()),
        };
        self.part = next;
        Ok(())
    }

    fn count_down(&mut self) -> Result<(), Stop> {
        if let Part::Extra(left) | Part::HeaderChecksum(left) | Part::Trailer(left) = &mut self.part {
            *left = left.saturating_sub(1);
        }
        Ok(())
    }

    fn fixed(&mut self, at: usize, byte: u8) -> Result<(), Stop> {
        if MAGIC.get(at).is_some_and(|expected| *expected != byte) {
            self.part = Part::Over;
            return match self.has_member {
                true => Ok(()),
                false => Err(Stop::Broken),
            };
        }
        if at == FLAGS_AT {
            self.flags = byte;
        }
        self.part = match at + 1 {
            FIXED_BYTES => self.part_behind(0),
            next => Part::Fixed(next),
        };
        Ok(())
    }

    /// The first of the parts behind this one that the flags say is there.
    fn part_behind(&self, part: u8) -> Part {
        let is_next = |flag: u8, before: &[u8]| self.flags & flag != 0 && before.contains(&part);
        if is_next(EXTRA, &[0]) {
            Part::ExtraLength(None)
        } else if is_next(NAME, &[0, EXTRA]) {
            Part::Name
        } else if is_next(COMMENT, &[0, EXTRA, NAME]) {
            Part::Comment
        } else if self.flags & HEADER_CHECKSUM != 0 {
            Part::HeaderChecksum(2)
        } else {
            data()
        }
    }
}

fn data() -> Part {
    Part::Data(Box::new(Inflater::raw()))
}

impl Undo for Gunzip {
    fn push(&mut self, bytes: &[u8], _: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let mut rest = bytes;
        while let Some((byte, behind)) = rest.split_first() {
            match &mut self.part {
                Part::Over => return Ok(()),
                Part::Data(inflater) => {
                    let taken = inflater.inflate(rest, sink)?;
                    rest = rest.get(taken..).unwrap_or_default();
                    if inflater.is_over() {
                        self.has_member = true;
                        self.part = Part::Trailer(TRAILER_BYTES);
                    } else if taken == 0 {
                        return Ok(());
                    }
                }
                _ => {
                    self.step(*byte)?;
                    rest = behind;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Sink<'_>) -> Result<(), Stop> {
        match self.part {
            Part::Trailer(_) | Part::Over | Part::Fixed(0) if self.has_member => Ok(()),
            _ => Err(Stop::Broken),
        }
    }
}
