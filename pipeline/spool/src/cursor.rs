//! Reading the records of one segment, also past broken bytes.

use std::io::{self, Read};

use memchr::memmem;

use crate::Record;
use crate::record::{self, Parsed, marker};

/// How much is read at once, in bytes.
const READ_BYTES: u64 = 256 * 1024;

/// Reads records one after the other, buffering a piece of the file. It never holds more than a record and a piece.
pub(crate) struct Cursor<R> {
    file: R,
    incarnation: u64,
    buffer: Vec<u8>,
    /// First unread byte of `buffer`.
    start: usize,
    /// Where in the file `buffer[start]` stands.
    pub(crate) offset: u64,
}

/// What a cursor found.
#[derive(Debug)]
pub(crate) enum Step {
    Record(Record),
    /// Bytes that are no record were passed over.
    Lost(Loss),
    /// Nothing more before the limit.
    End,
}

/// Bytes that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) bytes: u64,
    /// They begin a record that goes on beyond the end: so a file ends that was being written when its writer ended.
    pub(crate) is_torn_end: bool,
}

impl<R: Read> Cursor<R> {
    /// Reads from `file`, which stands at `offset`.
    pub(crate) fn new(file: R, incarnation: u64, offset: u64) -> Self {
        Self {
            file,
            incarnation,
            buffer: Vec::new(),
            start: 0,
            offset,
        }
    }

    /// What comes next and ends at or before `limit` (a byte of the file). After broken bytes the next whole record is looked for by its
    /// marker; each byte is looked at a bounded number of times, as markers hardly ever stand anywhere but before a record.
    pub(crate) fn next(&mut self, limit: u64) -> io::Result<Step> {
        let mut file_ended = false;
        let mut lost = 0;
        let mut is_torn = false;
        loop {
            let (readable, has_more) = self.view(limit);
            let has_more = has_more && !file_ended;
            if readable.is_empty() && !has_more {
                return Ok(match lost {
                    0 => Step::End,
                    bytes => Step::Lost(Loss {
                        bytes,
                        is_torn_end: is_torn,
                    }),
                });
            }
            let parsed = record::parse(self.incarnation, readable);
            if matches!(parsed, Parsed::Short) && has_more {
                file_ended = self.fill(limit)? == 0;
                continue;
            }
            if let Parsed::Record(record, length) = parsed {
                if lost > 0 {
                    return Ok(Step::Lost(Loss {
                        bytes: lost,
                        is_torn_end: false,
                    }));
                }
                self.pass(length);
                return Ok(Step::Record(record));
            }
            if lost == 0 {
                is_torn = matches!(parsed, Parsed::Short);
            }
            let skipped = self.garbage(limit, has_more);
            self.pass(skipped);
            lost += skipped as u64;
        }
    }

    /// The bytes at hand before `limit`, and whether more may come from the file.
    fn view(&self, limit: u64) -> (&[u8], bool) {
        let visible = usize::try_from(limit.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let unread = self.buffer.get(self.start..).unwrap_or_default();
        let readable = unread.get(..visible).unwrap_or(unread);
        (readable, unread.len() < visible)
    }

    /// How many bytes cannot begin a record, at least 1; up to the next marker or to where one may begin.
    fn garbage(&self, limit: u64, has_more: bool) -> usize {
        let (readable, _) = self.view(limit);
        let marker = marker(self.incarnation);
        let after_first = readable.get(1..).unwrap_or_default();
        if let Some(found) = memmem::find(after_first, &marker) {
            return found + 1;
        }
        let kept = if has_more { marker.len() - 1 } else { 0 };
        readable.len().saturating_sub(kept).max(1)
    }

    fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads on, never beyond `limit`: what stands there may still change.
    fn fill(&mut self, limit: u64) -> io::Result<usize> {
        self.buffer.drain(..self.start.min(self.buffer.len()));
        self.start = 0;
        let wanted = limit
            .saturating_sub(self.offset)
            .saturating_sub(self.buffer.len() as u64);
        (&mut self.file)
            .take(wanted.min(READ_BYTES))
            .read_to_end(&mut self.buffer)
    }
}
