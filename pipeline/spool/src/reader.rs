//! The end of the spool that follows.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::sync::Arc;

use crate::cursor::{Cursor, Loss, Step};
use crate::segment::{HEADER_BYTES, has_magic};
use crate::shared::{Shared, add};
use crate::{Position, Record, SegmentId, SpoolError};

/// Follows the writer. After an error the next call goes on where it was.
pub struct Reader {
    shared: Arc<Shared>,
    segment: SegmentId,
    /// Where to begin in `segment` while there is no cursor.
    offset: u64,
    cursor: Option<Cursor<File>>,
    /// Incarnation and sequence of the last record; what lies between two of one incarnation is lost.
    last: Option<(u64, u64)>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, from: Position) -> Self {
        let last = (from.sequence > 0).then_some((from.segment.incarnation, from.sequence));
        Self {
            shared,
            segment: from.segment,
            offset: from.offset,
            cursor: None,
            last,
        }
    }

    /// The next accepted record and the place after it; `None` when there is none yet. What is broken is passed over and counted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn next_record(&mut self) -> Result<Option<(Record, Position)>, SpoolError> {
        loop {
            let (limit, next) = self.view();
            let Some(mut cursor) = self.open(limit)? else {
                match next {
                    Some(next) => self.go_to(next),
                    None => return Ok(None),
                }
                continue;
            };
            let step = cursor.next(limit);
            let offset = cursor.offset;
            self.cursor = Some(cursor);
            match step.map_err(SpoolError::io(&self.segment.path(&self.shared.directory)))? {
                Step::Record(record) => {
                    self.note_hole(&record);
                    let after = Position {
                        segment: self.segment,
                        offset,
                        sequence: record.sequence,
                    };
                    return Ok(Some((record, after)));
                }
                Step::Lost(loss) => self.note_loss(loss, offset),
                Step::End => match next {
                    Some(next) => self.go_to(next),
                    None => return Ok(None),
                },
            }
        }
    }

    /// Up to which byte of the segment one may read, and the segment after it.
    fn view(&self) -> (u64, Option<SegmentId>) {
        let extent = self.shared.extent();
        let limit = match self.segment.cmp(&extent.synced.segment) {
            Ordering::Equal => extent.synced.offset,
            // Begun, but nothing in it is synced.
            Ordering::Greater => 0,
            Ordering::Less => {
                let held = extent.segments.get(&self.segment);
                held.and_then(|held| held.closed_at).unwrap_or(u64::MAX)
            }
        };
        (limit, extent.after(self.segment))
    }

    /// The segment's cursor, taken out; `None` when there is nothing in it, or it is not there.
    fn open(&mut self, limit: u64) -> Result<Option<Cursor<File>>, SpoolError> {
        if let Some(cursor) = self.cursor.take() {
            return Ok(Some(cursor));
        }
        if limit <= self.offset {
            return Ok(None);
        }
        let path = self.segment.path(&self.shared.directory);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The first segment of a spool may be one that nothing was written to yet.
                if self.shared.extent().segments.contains_key(&self.segment) {
                    add(&self.shared.tallies.missing_segments, 1);
                    tracing::error!(path = %path.display(), "a segment of the spool is gone: what it held is lost");
                }
                self.offset = u64::MAX;
                return Ok(None);
            }
            Err(error) => return Err(SpoolError::io(&path)(error)),
        };
        if has_magic(&mut file).map_err(SpoolError::io(&path))? == Some(false) {
            let loss = Loss {
                bytes: HEADER_BYTES,
                is_torn_end: false,
            };
            self.note_loss(loss, HEADER_BYTES);
        }
        file.seek(SeekFrom::Start(self.offset))
            .map_err(SpoolError::io(&path))?;
        Ok(Some(Cursor::new(file, self.segment.incarnation, self.offset)))
    }

    fn go_to(&mut self, next: SegmentId) {
        self.segment = next;
        self.offset = HEADER_BYTES;
        self.cursor = None;
    }

    fn note_loss(&self, loss: Loss, end: u64) {
        let Loss { bytes, is_torn_end } = loss;
        let segment = self.segment.number;
        let tallies = &self.shared.tallies;
        if is_torn_end {
            add(&tallies.torn_bytes, bytes);
            tracing::info!(segment, bytes, "a torn end is passed over: it was never accepted");
        } else {
            add(&tallies.broken, 1);
            let lost_bytes = add(&tallies.lost_bytes, bytes);
            tracing::error!(
                segment,
                end,
                bytes,
                lost_bytes,
                "broken bytes in the spool are passed over"
            );
        }
    }

    fn note_hole(&mut self, record: &Record) {
        let now = (record.incarnation, record.sequence);
        let before = self.last.replace(now);
        if let Some((incarnation, sequence)) = before
            && incarnation == record.incarnation
        {
            let missing = record.sequence.saturating_sub(sequence.saturating_add(1));
            if missing > 0 {
                let lost_records = add(&self.shared.tallies.lost_records, missing);
                tracing::error!(
                    missing,
                    before = record.sequence,
                    lost_records,
                    "accepted events are missing in the spool"
                );
            }
        }
    }
}
