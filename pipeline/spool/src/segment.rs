//! Segment files: their names, their order, and reading them to the end.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::record::{self, Parsed};
use crate::{Record, SpoolError};

/// First bytes of a segment.
pub(crate) const MAGIC: &[u8; 8] = b"VGSPOOL1";

/// A place in the spool: before the record that starts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Number of the segment, from 1.
    pub segment: u64,
    /// Byte in it.
    pub offset: u64,
}

impl Position {
    /// Before the first record of a segment.
    pub(crate) fn start_of(segment: u64) -> Self {
        Self {
            segment,
            offset: MAGIC.len() as u64,
        }
    }
}

pub(crate) fn path(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment:016}.spool"))
}

/// The numbers of the segments there are, in order.
pub(crate) fn list(directory: &Path) -> Result<Vec<u64>, SpoolError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(SpoolError::io(directory))? {
        let name = entry.map_err(SpoolError::io(directory))?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".spool"))
            .and_then(|stem| stem.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads records one after the other, buffering a piece of the file.
pub(crate) struct Cursor {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    /// First unread byte of `buffer`.
    start: usize,
    /// Where in the file `buffer[start]` stands.
    pub(crate) offset: u64,
}

/// How much is read at once.
const READ_BYTES: u64 = 256 * 1024;

impl Cursor {
    pub(crate) fn open(directory: &Path, at: Position) -> Result<Self, SpoolError> {
        let path = path(directory, at.segment);
        let mut file = File::open(&path).map_err(SpoolError::io(&path))?;
        file.seek(SeekFrom::Start(at.offset))
            .map_err(SpoolError::io(&path))?;
        Ok(Self {
            file,
            path,
            buffer: Vec::new(),
            start: 0,
            offset: at.offset,
        })
    }

    /// The next record that ends at or before `limit` (a byte of the file).
    pub(crate) fn next(&mut self, limit: u64) -> Result<Step, SpoolError> {
        loop {
            let visible = usize::try_from(limit.saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let unread = self.buffer.get(self.start..).unwrap_or_default();
            let readable = unread.get(..visible.min(unread.len())).unwrap_or_default();
            match record::parse(readable) {
                Parsed::Record(record, length) => {
                    self.start += length;
                    self.offset += length as u64;
                    return Ok(Step::Record(record));
                }
                Parsed::Broken => return Ok(Step::Broken),
                Parsed::Short if unread.len() >= visible => return Ok(Step::End),
                Parsed::Short => {
                    if self.fill()? == 0 {
                        return Ok(Step::End);
                    }
                }
            }
        }
    }

    fn fill(&mut self) -> Result<usize, SpoolError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut piece = (&mut self.file).take(READ_BYTES);
        piece
            .read_to_end(&mut self.buffer)
            .map_err(SpoolError::io(&self.path))
    }
}

/// What a cursor found.
pub(crate) enum Step {
    Record(Record),
    /// Nothing more before the limit.
    End,
    /// Bytes that are not a record.
    Broken,
}

/// What a whole segment holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// End of the last whole record.
    pub(crate) end: u64,
    /// Its sequence; 0 when there is none.
    pub(crate) last_sequence: u64,
}

/// Reads a segment through to find where its whole records end.
pub(crate) fn extent(directory: &Path, segment: u64) -> Result<Extent, SpoolError> {
    let mut cursor = Cursor::open(directory, Position::start_of(segment))?;
    let mut last_sequence = 0;
    while let Step::Record(record) = cursor.next(u64::MAX)? {
        last_sequence = record.sequence;
    }
    Ok(Extent {
        end: cursor.offset,
        last_sequence,
    })
}
