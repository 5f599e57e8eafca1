//! The mark: up to where Kafka has everything.
//!
//! ```text
//! DIR/mark:  slot | slot                       each at a multiple of 512 bytes, written in turn and in place
//! slot:      | "VGMARK01" | turn u64 | segment number u64 | incarnation u64 | offset u64 | sequence u64 | crc32c u32 |
//! ```
//! The file's room is taken when the spool is opened, so that on a full disk it can still be moved on. A broken slot costs the last step;
//! without a mark everything that is there is sent again, which the pipeline leaves out by its ids.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};

use crate::shared::{Shared, add};
use crate::{Position, SegmentId, SpoolError};

const FILE: &str = "mark";
const MAGIC: &[u8; 8] = b"VGMARK01";
const SLOT_BYTES: usize = 512;
const FACTS_BYTES: usize = 48;
/// Unit in which a file's room is given back.
const BLOCK_BYTES: u64 = 4096;
/// Least that is given back of a segment that is not done, in bytes.
const PUNCH_BYTES: u64 = 64 * 1024;

/// Moves the mark and removes what is done.
pub struct Acknowledger {
    shared: Arc<Shared>,
    file: MarkFile,
    /// What was acknowledged.
    reached: Position,
    /// What of it is written down.
    saved: Option<Position>,
    /// Up to where the current segment's room was given back.
    punched: Position,
    can_punch: bool,
}

impl Acknowledger {
    pub(crate) fn new(shared: Arc<Shared>, file: MarkFile, at: Position) -> Self {
        Self {
            shared,
            file,
            reached: at,
            saved: None,
            punched: at,
            can_punch: true,
        }
    }

    /// Says that Kafka has everything before `position`: removes the segments that are done and writes the mark down. Room is made
    /// before any is needed, so that this also works on a full disk.
    ///
    /// # Errors
    /// When a segment cannot be removed or the mark not be written. What was acknowledged stays so; the next call, also with the same
    /// position, tries again what is left.
    pub fn acknowledge(&mut self, position: Position) -> Result<(), SpoolError> {
        let position = self.past_the_end(position).max(self.reached);
        self.reached = position;
        self.shared.extent().forget_ages(position);
        let removed = self.remove_done();
        let written = self.save(position);
        if written.is_ok() {
            self.punch(position);
        }
        let outcome = removed.and(written);
        if outcome.is_err() {
            add(&self.shared.tallies.mark_failures, 1);
        }
        outcome
    }

    /// Where the mark stands.
    pub fn position(&self) -> Position {
        self.reached
    }

    /// The end of a segment after which another was begun is the start of that one.
    fn past_the_end(&self, position: Position) -> Position {
        let extent = self.shared.extent();
        let held = extent.segments.get(&position.segment);
        let is_over = held
            .and_then(|held| held.closed_at)
            .is_some_and(|end| position.offset >= end);
        match extent.after(position.segment).filter(|_| is_over) {
            Some(next) => Position::start_of(next, position.sequence),
            None => position,
        }
    }

    fn remove_done(&mut self) -> Result<(), SpoolError> {
        let mut outcome = Ok(());
        let done: Vec<SegmentId> = {
            let extent = self.shared.extent();
            extent
                .segments
                .range(..self.reached.segment)
                .map(|(&id, _)| id)
                .collect()
        };
        for segment in done {
            match remove(&self.shared.directory, segment) {
                Ok(()) => self.shared.release(segment, None),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    fn save(&mut self, position: Position) -> Result<(), SpoolError> {
        if self.saved == Some(position) {
            return Ok(());
        }
        self.file.write(position)?;
        self.saved = Some(position);
        Ok(())
    }

    /// Gives back the room of what is done in a segment that is not, so that a spool on a small disk never waits for itself.
    fn punch(&mut self, position: Position) {
        if self.punched.segment != position.segment {
            self.punched = Position::start_of(position.segment, 0);
        }
        let from = self.punched.offset.next_multiple_of(BLOCK_BYTES);
        let to = position.offset / BLOCK_BYTES * BLOCK_BYTES;
        if !self.can_punch || to < from + PUNCH_BYTES {
            return;
        }
        let path = position.segment.path(&self.shared.directory);
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let punched = OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| fallocate(&file, flags, from, to - from).map_err(io::Error::from));
        match punched {
            Ok(()) => self.shared.release(position.segment, Some(to - from)),
            Err(error) => {
                tracing::info!(%error, path = %path.display(), "room is given back by whole segments only");
                self.can_punch = false;
            }
        }
        self.punched = position;
    }
}

/// Removes a segment; one that is gone already is done too.
pub(crate) fn remove(directory: &Path, segment: SegmentId) -> Result<(), SpoolError> {
    let path = segment.path(directory);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SpoolError::io(&path)(error)),
        _ => Ok(()),
    }
}

/// The file with the two slots.
pub(crate) struct MarkFile {
    path: PathBuf,
    file: Option<File>,
    turn: u64,
}

impl MarkFile {
    /// Opens the file and reads the mark. That its room cannot be taken now is no error: it is tried again with the first mark.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Option<Position>), SpoolError> {
        let path = directory.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(SpoolError::io(&path)(error)),
        };
        let last = bytes
            .chunks(SLOT_BYTES)
            .filter_map(parse)
            .max_by_key(|(turn, _)| *turn);
        if last.is_none() && bytes.iter().any(|&byte| byte != 0) {
            tracing::error!(path = %path.display(), "the mark is broken: what is in the spool is sent again");
        }
        let turn = last.map_or(0, |(turn, _)| turn);
        let mut mark = Self {
            path,
            file: None,
            turn,
        };
        if let Err(error) = mark.make_room(bytes.len()) {
            tracing::warn!(%error, "no room for the mark yet");
        }
        Ok((mark, last.map(|(_, position)| position)))
    }

    fn make_room(&mut self, have_bytes: usize) -> Result<(), SpoolError> {
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path);
        let made = opened.and_then(|mut file| {
            let missing = (2 * SLOT_BYTES).saturating_sub(have_bytes);
            if missing > 0 {
                file.seek(SeekFrom::Start(have_bytes as u64))?;
                file.write_all(&vec![0; missing])?;
                file.sync_all()?;
            }
            Ok(file)
        });
        self.file = Some(made.map_err(SpoolError::io(&self.path))?);
        Ok(())
    }

    fn write(&mut self, position: Position) -> Result<(), SpoolError> {
        if self.file.is_none() {
            self.make_room(0)?;
        }
        let turn = self.turn + 1;
        let slot = put(turn, position);
        if let Some(file) = self.file.as_mut() {
            file.seek(SeekFrom::Start(turn % 2 * SLOT_BYTES as u64))
                .and_then(|_| file.write_all(&slot))
                .and_then(|()| file.sync_data())
                .map_err(SpoolError::io(&self.path))?;
        }
        self.turn = turn;
        Ok(())
    }
}

fn put(turn: u64, position: Position) -> Vec<u8> {
    let mut slot = Vec::with_capacity(FACTS_BYTES + 4);
    slot.extend_from_slice(MAGIC);
    let Position {
        segment,
        offset,
        sequence,
    } = position;
    for number in [turn, segment.number, segment.incarnation, offset, sequence] {
        slot.extend_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&slot);
    slot.extend_from_slice(&checksum.to_le_bytes());
    slot
}

fn parse(slot: &[u8]) -> Option<(u64, Position)> {
    let (facts, rest) = slot.split_at_checked(FACTS_BYTES)?;
    let checksum = rest.first_chunk::<4>()?;
    if crc32c::crc32c(facts) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut numbers = facts
        .strip_prefix(MAGIC)?
        .chunks_exact(8)
        .filter_map(|bytes| bytes.try_into().ok().map(u64::from_le_bytes));
    let turn = numbers.next()?;
    let segment = SegmentId {
        number: numbers.next()?,
        incarnation: numbers.next()?,
    };
    Some((
        turn,
        Position {
            segment,
            offset: numbers.next()?,
            sequence: numbers.next()?,
        },
    ))
}
