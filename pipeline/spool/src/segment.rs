//! Segment files: their names, their order, their first bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::SpoolError;
use crate::boot::sync_directory;

/// First bytes of a segment.
pub(crate) const MAGIC: &[u8; 8] = b"VGSPOOL2";
/// Where its first record stands.
pub(crate) const HEADER_BYTES: u64 = MAGIC.len() as u64;

/// A segment: its place in the order, and whose records it holds. Both stand in its file's name, so that broken bytes in the file
/// cannot hide them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// Number, from 1.
    pub number: u64,
    /// Incarnation of the spool that wrote it.
    pub incarnation: u64,
}

/// A place in the spool: before the record that starts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which segment.
    pub segment: SegmentId,
    /// Byte in it.
    pub offset: u64,
    /// Sequence of the record before it; 0 when that is not known.
    pub sequence: u64,
}

impl Position {
    /// Before the first record of a segment.
    pub(crate) fn start_of(segment: SegmentId, sequence: u64) -> Self {
        Self {
            segment,
            offset: HEADER_BYTES,
            sequence,
        }
    }
}

impl SegmentId {
    pub(crate) fn path(self, directory: &Path) -> PathBuf {
        directory.join(format!("{:016}-{:016x}.spool", self.number, self.incarnation))
    }

    fn parse(stem: &str) -> Option<Self> {
        let (number, incarnation) = stem.split_once('-')?;
        Some(Self {
            number: number.parse().ok()?,
            incarnation: u64::from_str_radix(incarnation, 16).ok()?,
        })
    }
}

/// A segment there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    /// Bytes it takes: fewer than its length when room of it was given back.
    pub(crate) bytes: u64,
}

/// The segments there are, in order.
///
/// # Errors
/// When the directory cannot be read, or holds segments of the time before incarnations.
pub(crate) fn list(directory: &Path) -> Result<Vec<Segment>, SpoolError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(SpoolError::io(directory))? {
        let entry = entry.map_err(SpoolError::io(directory))?;
        let name = entry.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".spool")) else {
            continue;
        };
        let Some(id) = SegmentId::parse(stem) else {
            if stem.parse::<u64>().is_ok() {
                return Err(SpoolError::OldFormat { path: entry.path() });
            }
            continue;
        };
        let metadata = entry.metadata().map_err(SpoolError::io(directory))?;
        found.push(Segment {
            id,
            bytes: metadata.len().min(metadata.blocks() * 512),
        });
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes a segment's file. It appears whole or not at all: what a failed try leaves is written over by the next.
pub(crate) fn create(directory: &Path, segment: SegmentId) -> Result<File, SpoolError> {
    let path = segment.path(directory);
    let fresh = directory.join("segment.new");
    let made = File::create(&fresh).and_then(|mut file| {
        file.write_all(MAGIC)?;
        file.sync_all()?;
        Ok(file)
    });
    let made = made.and_then(|file| fs::rename(&fresh, &path).map(|()| file));
    let file = made.map_err(|error| {
        // It only takes room; the next try would write over it.
        let _ = fs::remove_file(&fresh);
        SpoolError::io(&path)(error)
    })?;
    sync_directory(directory)?;
    Ok(file)
}

/// Reads a segment's first bytes; says whether they are right, `None` when there are fewer.
pub(crate) fn has_magic(file: &mut impl Read) -> io::Result<Option<bool>> {
    let mut magic = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut magic)?;
    Ok((magic.len() as u64 == HEADER_BYTES).then(|| magic == MAGIC))
}
