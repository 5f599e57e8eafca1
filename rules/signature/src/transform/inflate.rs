//! `gunzip` and `zlib_deflate`: the first bytes of what is compressed.

use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::error::{Complaint, value};
use crate::limits::INFLATE_BYTES_MAX;
use crate::number::number;

/// Bytes that are made unless the rule says otherwise.
const BYTES_DEFAULT: u64 = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Inflate {
    format: Format,
    bytes_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Format {
    Gzip,
    Zlib,
}

impl Inflate {
    pub(super) fn parse(keyword: &str, text: &str) -> Result<Inflate, Complaint> {
        let format = match keyword {
            "gunzip" => Format::Gzip,
            _ => Format::Zlib,
        };
        let bytes_max = match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => BYTES_DEFAULT,
            ["max-size", size] => number(size)?,
            _ => return Err(value(format!("unknown words {text:?}"))),
        };
        if !(1..=INFLATE_BYTES_MAX).contains(&bytes_max) {
            return Err(value(format!("max-size goes from 1 to {INFLATE_BYTES_MAX}")));
        }
        Ok(Inflate { format, bytes_max })
    }

    /// What could be read before the limit, the end or the first fault; `None` if nothing could.
    pub(super) fn apply(self, data: &[u8]) -> Option<Vec<u8>> {
        let mut made = Vec::new();
        // A fault leaves what was read before it.
        let _ = match self.format {
            Format::Gzip => MultiGzDecoder::new(data)
                .take(self.bytes_max)
                .read_to_end(&mut made),
            Format::Zlib => ZlibDecoder::new(data).take(self.bytes_max).read_to_end(&mut made),
        };
        (!made.is_empty()).then_some(made)
    }
}
