//! The classic format.
//!
//! ```text
//! file:    magic 4 | major 2 | minor 2 | zone 4 | accuracy 4 | snap length 4 | link type 4
//! record:  seconds 4 | micro- or nanoseconds 4 | captured 4 | on the wire 4 | bytes
//! ```
//! The magic gives byte order and resolution. Source: draft-ietf-opsawg-pcap.

use crate::file::{Facts, Filled, Input};
use crate::{CaptureError, FRAME_BYTES_MAX};

/// The file's header.
pub(crate) struct Header {
    big_endian: bool,
    nanoseconds: bool,
    /// The "modified" format of old Linux kernels carries 8 more bytes per record.
    extra_bytes: usize,
    link: u32,
}

impl Header {
    /// Reads the rest of the header; `None` when the magic is not this format's.
    pub(crate) fn read(magic: [u8; 4], input: &mut Input) -> Result<Option<Self>, CaptureError> {
        let (big_endian, nanoseconds, extra_bytes) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false, 0),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false, 0),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true, 0),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true, 0),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, false, 8),
            [0xa1, 0xb2, 0xcd, 0x34] => (true, false, 8),
            _ => return Ok(None),
        };
        let mut rest = [0; 20];
        input.need(&mut rest, 0, "the file header")?;
        let mut header = Self {
            big_endian,
            nanoseconds,
            extra_bytes,
            link: 0,
        };
        let [.., a, b, c, d] = rest;
        // The upper bits may carry the length of a frame check sequence.
        header.link = header.number([a, b, c, d]) & 0x0fff_ffff;
        Ok(Some(header))
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    pub(crate) fn next(&mut self, input: &mut Input) -> Result<Option<Facts>, CaptureError> {
        let start = input.offset;
        let mut head = [0; 16];
        match input.fill(&mut head)? {
            Filled::Whole => {}
            Filled::Nothing => return Ok(None),
            Filled::Part(have) => {
                return Err(input.broken(
                    start,
                    format!("the file ends inside a record header: {have} of 16 bytes are there"),
                ));
            }
        }
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = head;
        let captured = self.number([c0, c1, c2, c3]) as usize;
        if captured > FRAME_BYTES_MAX {
            return Err(input.broken(
                start,
                format!("a packet of {captured} bytes is over the limit of {FRAME_BYTES_MAX}"),
            ));
        }
        if self.extra_bytes > 0 {
            input.need(&mut [0; 8], start, "a record header")?;
        }
        let frame = input.piece(captured, start, "a packet")?;
        let fraction = i64::from(self.number([f0, f1, f2, f3]));
        let fraction_us = if self.nanoseconds {
            fraction / 1000
        } else {
            fraction
        };
        let seconds = i64::from(self.number([s0, s1, s2, s3]));
        let wire_bytes = self.number([w0, w1, w2, w3]);
        Ok(Some(Facts {
            ts_us: seconds * 1_000_000 + fraction_us,
            link: self.link,
            wire_bytes,
            frame,
        }))
    }
}
