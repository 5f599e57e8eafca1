//! The end of the spool that appends.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use crate::boot::{self, Boot};
use crate::segment::{self, HEADER_BYTES};
use crate::shared::{Shared, add};
use crate::{Limits, Position, SegmentId, SpoolError, record};

/// Appends records.
pub struct Writer {
    shared: Arc<Shared>,
    limits: Limits,
    boot: Boot,
    /// The current segment's file; none before the first record.
    file: Option<File>,
    /// End of what is synced.
    end: Position,
    /// What is not synced yet.
    buffer: Vec<u8>,
    last_sequence: u64,
    /// The disk was full: another segment is begun, so that this one can go once it is acknowledged.
    is_crowded: bool,
}

impl Writer {
    /// Writes to `first`, which is made when the first record is there: so a spool can be opened on a full disk.
    pub(crate) fn new(shared: Arc<Shared>, limits: Limits, boot: Boot, first: SegmentId) -> Self {
        Self {
            shared,
            limits,
            end: Position::start_of(first, boot.last_sequence),
            last_sequence: boot.last_sequence,
            boot,
            file: None,
            buffer: Vec::new(),
            is_crowded: false,
        }
    }

    /// Appends a record; it is not accepted before [`Self::sync`].
    ///
    /// # Errors
    /// [`SpoolError::Full`] when there is no room, [`SpoolError::RecordTooLarge`] for one over the limit; nothing was appended then.
    pub fn append(&mut self, sequence: u64, key: &[u8], value: &[u8]) -> Result<(), SpoolError> {
        let held = self.shared.held_bytes() + self.buffer.len() as u64;
        let size = (key.len() + value.len() + record::EXTRA_BYTES) as u64;
        if held + size > self.limits.bytes_max {
            return Err(SpoolError::Full {
                bytes: held,
                bytes_max: self.limits.bytes_max,
            });
        }
        if record::put(self.boot.incarnation, sequence, key, value, &mut self.buffer) {
            self.last_sequence = sequence;
            Ok(())
        } else {
            Err(SpoolError::RecordTooLarge {
                bytes: key.len() + value.len(),
            })
        }
    }

    /// Bytes appended since the last sync.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what was appended and waits until it is on disk: when it says so, all of it is accepted and visible to the reader. On an
    /// error nothing is lost: what was appended stays pending and the next call tries again.
    ///
    /// # Errors
    /// When the disk refuses, for example because it is full.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let outcome = self.write();
        if let Err(error) = &outcome {
            add(&self.shared.tallies.sync_failures, 1);
            self.is_crowded = error.is_disk_full();
        }
        outcome
    }

    fn write(&mut self) -> Result<(), SpoolError> {
        let has_records = self.end.offset > HEADER_BYTES;
        let is_due = self.end.offset >= self.limits.segment_bytes || (self.is_crowded && has_records);
        if self.file.is_none() || is_due {
            self.begin_segment()?;
        }
        let path = self.end.segment.path(&self.shared.directory);
        let Some(file) = self.file.as_mut() else {
            return Ok(());
        };
        let written = file
            .seek(SeekFrom::Start(self.end.offset))
            .and_then(|_| file.write_all(&self.buffer))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half of it would only take room. When that fails too, the next try writes over it.
            let _ = file.set_len(self.end.offset);
            return Err(SpoolError::io(&path)(error));
        }
        let bytes = self.buffer.len() as u64;
        self.buffer.clear();
        self.is_crowded = false;
        self.end.offset += bytes;
        self.end.sequence = self.last_sequence;
        self.shared.accepted(self.end, bytes);
        Ok(())
    }

    /// Begins a segment. When it cannot be made, the current one goes on, and the next call tries again.
    fn begin_segment(&mut self) -> Result<(), SpoolError> {
        let current = self.end.segment;
        let next = match self.file {
            None => current,
            Some(_) => SegmentId {
                number: current.number + 1,
                ..current
            },
        };
        match segment::create(&self.shared.directory, next) {
            Ok(file) => {
                self.shared.hold(next, HEADER_BYTES);
                if next != current {
                    self.shared.close(self.end);
                }
                self.file = Some(file);
                self.end = Position::start_of(next, self.end.sequence);
                Ok(())
            }
            Err(error) => {
                let failures = add(&self.shared.tallies.segment_failures, 1);
                if failures.is_power_of_two() {
                    tracing::error!(%error, failures, "a new segment of the spool cannot be made");
                }
                if self.file.is_some() { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Says that the job came to its end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&mut self) -> Result<(), SpoolError> {
        self.sync()?;
        self.boot.finished = true;
        self.save_boot()
    }

    /// Remembers the highest accepted sequence beside the segments, so that it survives their removal.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note_sequence(&mut self, last_sequence: u64) -> Result<(), SpoolError> {
        self.boot.last_sequence = last_sequence;
        self.save_boot()
    }

    fn save_boot(&self) -> Result<(), SpoolError> {
        // A tap has nothing to go on with.
        if self.boot.job.is_empty() {
            return Ok(());
        }
        boot::save(&self.shared.directory, &self.boot)
    }
}
