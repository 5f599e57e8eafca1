//! Opening a spool.

use std::fs::{self, File, TryLockError};
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::boot::{self, Boot, Loaded};
use crate::cursor::{Cursor, Step};
use crate::mark::{self, Acknowledger, MarkFile};
use crate::segment::{self, Segment};
use crate::shared::{Shared, Status};
use crate::{Limits, Position, Reader, SegmentId, SpoolError, Writer};

/// An opened spool, before it is split in its ends.
pub struct Spool {
    /// The end that appends.
    pub writer: Writer,
    /// The end that follows.
    pub reader: Reader,
    /// The mark.
    pub acknowledger: Acknowledger,
    /// A look at it from outside.
    pub status: Status,
    /// The order of sequence numbers, with the highest one accepted in it before now.
    pub boot: Boot,
}

impl Spool {
    /// Opens the spool in `directory`, making it when missing. `job` names the work: the same job that did not finish continues
    /// its incarnation; anything else, and an empty job always, begins a new one. Without a job nothing needs to be written, so that
    /// this also works on a full disk.
    ///
    /// # Errors
    /// When the disk refuses, another sensor has it, or it holds what this version does not read.
    pub fn open(directory: &Path, job: &str, limits: Limits) -> Result<Self, SpoolError> {
        fs::create_dir_all(directory).map_err(SpoolError::io(directory))?;
        let lock = lock(directory)?;
        let (mark_file, marked) = MarkFile::open(directory)?;
        let segments = segment::list(directory)?;
        let boot = next_boot(directory, job, |incarnation| {
            let of_it = |id: SegmentId| id.incarnation == incarnation;
            let end = last_position(directory, &segments, marked, of_it)?;
            let mark = marked.filter(|mark| of_it(mark.segment));
            Ok([end, mark].into_iter().flatten().map(|at| at.sequence).max())
        })?;
        let end = last_position(directory, &segments, marked, |_| true)?;
        let kept = unfinished(directory, &segments, marked)?;
        let numbers = segments.iter().map(|segment| segment.id.number);
        let number = numbers.chain(marked.map(|mark| mark.segment.number)).max();
        let current = SegmentId {
            number: number.unwrap_or(0) + 1,
            incarnation: boot.incarnation,
        };
        let shared = Arc::new(Shared::new(
            directory.to_owned(),
            lock,
            Position::start_of(current, boot.last_sequence),
        ));
        for segment in &kept {
            shared.hold(segment.id, segment.bytes);
        }
        if let (Some(oldest), Some(end)) = (kept.first(), end) {
            shared.extent().note_age(end, since(directory, oldest.id));
        }
        let first = kept.first().map_or(current, |segment| segment.id);
        let from = marked
            .filter(|mark| mark.segment == first)
            .unwrap_or(Position::start_of(first, 0));
        Ok(Self {
            reader: Reader::new(shared.clone(), from),
            acknowledger: Acknowledger::new(shared.clone(), mark_file, from),
            writer: Writer::new(shared.clone(), bounded(limits), boot.clone(), current),
            status: Status(shared),
            boot,
        })
    }
}

/// Small spools get small segments, so that there is room for others while one waits to be acknowledged.
fn bounded(limits: Limits) -> Limits {
    Limits {
        segment_bytes: limits.segment_bytes.min(limits.bytes_max / 4),
        ..limits
    }
}

fn lock(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(SpoolError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(SpoolError::io(&path)(error)),
    }
}

/// The place after the last whole record that is not acknowledged, in those segments that are `wanted`; `None` when there is none. Read
/// from the last segment back: within an incarnation a later one holds later sequences.
fn last_position(
    directory: &Path,
    segments: &[Segment],
    marked: Option<Position>,
    wanted: impl Fn(SegmentId) -> bool,
) -> Result<Option<Position>, SpoolError> {
    for &Segment { id, .. } in segments.iter().rev().filter(|segment| wanted(segment.id)) {
        if marked.is_some_and(|mark| id < mark.segment) {
            break;
        }
        let begin = marked
            .filter(|mark| mark.segment == id)
            .unwrap_or(Position::start_of(id, 0));
        let end = last_record(directory, begin)?;
        if end.offset > begin.offset {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// Reads a segment through to its last whole record.
fn last_record(directory: &Path, begin: Position) -> Result<Position, SpoolError> {
    let path = begin.segment.path(directory);
    let mut file = File::open(&path).map_err(SpoolError::io(&path))?;
    file.seek(SeekFrom::Start(begin.offset))
        .map_err(SpoolError::io(&path))?;
    let mut cursor = Cursor::new(file, begin.segment.incarnation, begin.offset);
    let mut end = begin;
    loop {
        match cursor.next(u64::MAX).map_err(SpoolError::io(&path))? {
            Step::Record(record) => {
                end.offset = cursor.offset;
                end.sequence = record.sequence;
            }
            Step::Lost(_) => {}
            Step::End => return Ok(end),
        }
    }
}

/// Removes the segments that are done; returns the others.
fn unfinished(
    directory: &Path,
    segments: &[Segment],
    marked: Option<Position>,
) -> Result<Vec<Segment>, SpoolError> {
    let mut kept = Vec::new();
    for &segment in segments {
        if marked.is_some_and(|mark| segment.id < mark.segment) {
            mark::remove(directory, segment.id)?;
        } else {
            kept.push(segment);
        }
    }
    Ok(kept)
}

/// Since when a segment's records are there at the latest: its file's time.
fn since(directory: &Path, segment: SegmentId) -> Instant {
    let now = Instant::now();
    let modified = fs::metadata(segment.path(directory)).and_then(|metadata| metadata.modified());
    let age = modified
        .ok()
        .and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

fn next_boot(
    directory: &Path,
    job: &str,
    last_sequence: impl FnOnce(u64) -> Result<Option<u64>, SpoolError>,
) -> Result<Boot, SpoolError> {
    let boot = match boot::load(directory)? {
        Loaded::Boot(before) if before.is_unfinished(job) => {
            let found = last_sequence(before.incarnation)?.unwrap_or(0);
            Boot {
                last_sequence: before.last_sequence.max(found),
                ..before
            }
        }
        // A tap has nothing to go on with, and leaves a job's note for that job.
        _ if job.is_empty() => return Boot::fresh(job),
        // Whether this is the same work can no longer be told, and a new incarnation could make its events twice.
        Loaded::Broken(error) => return Err(error),
        Loaded::Boot(_) | Loaded::Nothing => Boot::fresh(job)?,
    };
    boot::save(directory, &boot)?;
    Ok(boot)
}
