//! `deflate`: zlib's format (RFC 1950), or none around the data (RFC 1951), as some servers send it.

use super::{Sink, Stop, Undo};
use flate2::{Decompress, FlushDecompress, Status};

/// Largest piece of output.
const PIECE_BYTES: usize = 16 * 1024;
/// The header of zlib's format.
const ZLIB_HEADER_BYTES: usize = 2;

/// Undoes deflate. What follows its end is dropped; so is zlib's checksum, which clients do not miss.
#[derive(Debug)]
pub(super) struct Inflater {
    decompress: Decompress,
    header_left_bytes: usize,
    is_over: bool,
}

impl Inflater {
    /// Of data without a header.
    pub(super) fn raw() -> Self {
        Self {
            decompress: Decompress::new(false),
            header_left_bytes: 0,
            is_over: false,
        }
    }

    /// Of zlib's format.
    pub(super) fn zlib() -> Self {
        Self {
            header_left_bytes: ZLIB_HEADER_BYTES,
            ..Self::raw()
        }
    }

    /// Whether the data came to its end.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Decodes up to the end of the data; how many bytes that took.
    pub(super) fn inflate(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<usize, Stop> {
        let mut piece = [0; PIECE_BYTES];
        let mut taken = 0_usize;
        while !self.is_over {
            let rest = bytes.get(taken..).unwrap_or_default();
            let (in_before, out_before) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self
                .decompress
                .decompress(rest, &mut piece, FlushDecompress::None);
            let made = difference(self.decompress.total_out(), out_before);
            let read = difference(self.decompress.total_in(), in_before);
            taken = taken.saturating_add(read);
            if made > 0 {
                sink(piece.get(..made).unwrap_or_default())?;
            }
            match status {
                Ok(Status::StreamEnd) => self.is_over = true,
                Ok(_) if made == 0 && read == 0 => break,
                Ok(_) => {}
                Err(_) => return Err(Stop::Broken),
            }
        }
        Ok(taken)
    }
}

impl Undo for Inflater {
    fn push(&mut self, bytes: &[u8], _: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let skipped = self.header_left_bytes.min(bytes.len());
        self.header_left_bytes -= skipped;
        self.inflate(bytes.get(skipped..).unwrap_or_default(), sink)?;
        Ok(())
    }

    fn finish(&mut self, _: &mut Sink<'_>) -> Result<(), Stop> {
        match self.is_over {
            true => Ok(()),
            false => Err(Stop::Broken),
        }
    }
}

fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}
