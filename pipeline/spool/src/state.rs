//! The writer, the reader and the mark between them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::boot::{self, Boot, Loaded, sync_directory, write_whole};
use crate::segment::{self, Cursor, MAGIC, Position, Step};
use crate::{Limits, Record, SpoolError, record};

const ACKED: &str = "acked";

/// An opened spool, before it is split in its two ends.
pub struct Spool {
    /// The end that appends.
    pub writer: Writer,
    /// The end that follows.
    pub reader: Reader,
    /// The mark.
    pub acknowledger: Acknowledger,
    /// The order of sequence numbers, with the highest one accepted in it before now.
    pub boot: Boot,
}

struct Shared {
    directory: PathBuf,
    /// End of what is synced.
    synced: Mutex<Position>,
    /// Bytes of all segments.
    bytes: AtomicU64,
    /// Records lost because their bytes were broken; at least this many.
    broken: AtomicU64,
    _lock: File,
}

impl Shared {
    fn release(&self, bytes: u64) {
        let release = |held: u64| Some(held.saturating_sub(bytes));
        // The closure always gives a value, so the update cannot fail.
        let _ = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, release);
    }
}

/// Appends records.
pub struct Writer {
    shared: Arc<Shared>,
    limits: Limits,
    file: File,
    path: PathBuf,
    end: Position,
    buffer: Vec<u8>,
    boot: Boot,
}

/// Follows the writer.
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
    segment: u64,
}

/// Moves the mark.
pub struct Acknowledger {
    shared: Arc<Shared>,
    saved: Position,
}

impl Spool {
    /// Opens the spool in `directory`, making it when missing. `job` names the work: the same job that did not finish continues
    /// its incarnation; anything else, and an empty job always, begins a new one.
    ///
    /// # Errors
    /// When the disk refuses, another sensor has it, or one of its small files is broken.
    pub fn open(directory: &Path, job: &str, limits: Limits) -> Result<Self, SpoolError> {
        fs::create_dir_all(directory).map_err(SpoolError::io(directory))?;
        let lock = lock(directory)?;
        let numbers = segment::list(directory)?;
        let acked = load_acked(directory, &numbers)?;
        for &done in numbers.iter().filter(|&&number| number < acked.segment) {
            remove(directory, done)?;
        }
        let last = numbers
            .last()
            .copied()
            .unwrap_or(0)
            .max(acked.segment.saturating_sub(1));
        let (bytes, last_sequence) = seal_last(directory, &numbers, acked)?;
        let boot = next_boot(directory, job, last_sequence)?;

        let current = last + 1;
        let (file, path) = create(directory, current)?;
        let end = Position::start_of(current);
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            synced: Mutex::new(end),
            bytes: AtomicU64::new(bytes),
            broken: AtomicU64::new(0),
            _lock: lock,
        });
        let first = if numbers.contains(&acked.segment) {
            acked
        } else {
            end
        };
        Ok(Self {
            reader: Reader {
                cursor: Cursor::open(directory, first)?,
                segment: first.segment,
                shared: shared.clone(),
            },
            acknowledger: Acknowledger {
                shared: shared.clone(),
                saved: first,
            },
            writer: Writer {
                shared,
                limits,
                file,
                path,
                end,
                buffer: Vec::new(),
                boot: boot.clone(),
            },
            boot,
        })
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

/// Where Kafka's part ends: as written, or before the first segment there is.
fn load_acked(directory: &Path, numbers: &[u64]) -> Result<Position, SpoolError> {
    let path = directory.join(ACKED);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Position::start_of(numbers.first().copied().unwrap_or(1)));
        }
        Err(error) => return Err(SpoolError::io(&path)(error)),
    };
    let parse = || {
        let (segment, offset) = text.trim_end().split_once(' ')?;
        Some(Position {
            segment: segment.parse().ok()?,
            offset: offset.parse().ok()?,
        })
    };
    parse().ok_or_else(|| SpoolError::Broken {
        path,
        problem: format!("does not hold a position: {text:?}"),
    })
}

/// Cuts the torn end off the last segment. Returns the bytes of all segments and the highest sequence in the last one that has any.
fn seal_last(directory: &Path, numbers: &[u64], acked: Position) -> Result<(u64, u64), SpoolError> {
    let mut bytes = 0;
    let mut last_sequence = 0;
    let Some((&last, earlier)) = numbers.split_last() else {
        return Ok((0, 0));
    };
    for &number in earlier.iter().filter(|&&number| number >= acked.segment) {
        let path = segment::path(directory, number);
        bytes += fs::metadata(&path).map_err(SpoolError::io(&path))?.len();
        last_sequence = last_sequence.max(segment::extent(directory, number)?.last_sequence);
    }
    let extent = segment::extent(directory, last)?;
    let path = segment::path(directory, last);
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .map_err(SpoolError::io(&path))?;
    let length = file.metadata().map_err(SpoolError::io(&path))?.len();
    if length > extent.end {
        tracing::info!(
            segment = last,
            bytes = length - extent.end,
            "torn end cut off: it was never accepted"
        );
        file.set_len(extent.end)
            .and_then(|()| file.sync_all())
            .map_err(SpoolError::io(&path))?;
    }
    Ok((bytes + extent.end, last_sequence.max(extent.last_sequence)))
}

fn next_boot(directory: &Path, job: &str, last_sequence: u64) -> Result<Boot, SpoolError> {
    let boot = match boot::load(directory)? {
        Loaded::Boot(before) if before.is_unfinished(job) => Boot {
            last_sequence: before.last_sequence.max(last_sequence),
            ..before
        },
        // Whether this is the same work can no longer be told, and a new incarnation could make its events twice.
        Loaded::Broken(error) if !job.is_empty() => return Err(error),
        Loaded::Boot(_) | Loaded::Broken(_) | Loaded::Nothing => Boot::fresh(job)?,
    };
    boot::save(directory, &boot)?;
    Ok(boot)
}

fn create(directory: &Path, number: u64) -> Result<(File, PathBuf), SpoolError> {
    let path = segment::path(directory, number);
    let mut file = File::create_new(&path).map_err(SpoolError::io(&path))?;
    file.write_all(MAGIC)
        .and_then(|()| file.sync_all())
        .map_err(SpoolError::io(&path))?;
    sync_directory(directory)?;
    Ok((file, path))
}

fn remove(directory: &Path, number: u64) -> Result<u64, SpoolError> {
    let path = segment::path(directory, number);
    let length = fs::metadata(&path).map_err(SpoolError::io(&path))?.len();
    fs::remove_file(&path).map_err(SpoolError::io(&path))?;
    Ok(length)
}

impl Writer {
    /// Appends a record; it is not accepted before [`Self::sync`].
    ///
    /// # Errors
    /// [`SpoolError::Full`] when there is no room, [`SpoolError::RecordTooLarge`] for one over the limit; nothing was appended then.
    pub fn append(&mut self, sequence: u64, key: &[u8], value: &[u8]) -> Result<(), SpoolError> {
        let held = self.shared.bytes.load(Ordering::Relaxed) + self.buffer.len() as u64;
        let size = (key.len() + value.len()) as u64;
        if held + size > self.limits.bytes_max {
            return Err(SpoolError::Full {
                bytes: held,
                bytes_max: self.limits.bytes_max,
            });
        }
        if record::put(sequence, key, value, &mut self.buffer) {
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

    /// Writes what was appended and waits until it is on disk: from here on it is accepted. On an error nothing of it is lost: it stays
    /// pending and the next call tries again.
    ///
    /// # Errors
    /// When the disk refuses, for example because it is full.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let at = self.end.offset;
        let written = self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(&self.buffer))
            .and_then(|()| self.file.sync_data());
        written.map_err(SpoolError::io(&self.path))?;
        let length = self.buffer.len() as u64;
        self.buffer.clear();
        self.end.offset += length;
        self.shared.bytes.fetch_add(length, Ordering::Relaxed);
        if self.end.offset >= self.limits.segment_bytes {
            let next = self.end.segment + 1;
            (self.file, self.path) = create(&self.shared.directory, next)?;
            self.end = Position::start_of(next);
        }
        *self.shared.synced.lock().unwrap_or_else(PoisonError::into_inner) = self.end;
        Ok(())
    }

    /// Says that the job came to its end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&mut self) -> Result<(), SpoolError> {
        self.sync()?;
        self.boot.finished = true;
        boot::save(&self.shared.directory, &self.boot)
    }

    /// Remembers the highest accepted sequence beside the segments, so that it survives their removal.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note_sequence(&mut self, last_sequence: u64) -> Result<(), SpoolError> {
        self.boot.last_sequence = last_sequence;
        boot::save(&self.shared.directory, &self.boot)
    }

    /// Bytes the spool holds on disk.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }
}

impl Reader {
    /// The next accepted record and the place after it; `None` when there is none yet.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn next_record(&mut self) -> Result<Option<(Record, Position)>, SpoolError> {
        loop {
            let synced = *self.shared.synced.lock().unwrap_or_else(PoisonError::into_inner);
            let limit = if synced.segment == self.segment {
                synced.offset
            } else {
                u64::MAX
            };
            match self.cursor.next(limit)? {
                Step::Record(record) => {
                    let after = Position {
                        segment: self.segment,
                        offset: self.cursor.offset,
                    };
                    return Ok(Some((record, after)));
                }
                Step::End if self.segment >= synced.segment => return Ok(None),
                Step::End => {}
                Step::Broken => {
                    self.shared.broken.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(
                        segment = self.segment,
                        offset = self.cursor.offset,
                        "broken record: the rest of its segment is lost"
                    );
                    if self.segment >= synced.segment {
                        return Ok(None);
                    }
                }
            }
            self.segment += 1;
            self.cursor = Cursor::open(&self.shared.directory, Position::start_of(self.segment))?;
        }
    }

    /// Segments whose rest was lost to broken bytes.
    pub fn broken(&self) -> u64 {
        self.shared.broken.load(Ordering::Relaxed)
    }
}

impl Acknowledger {
    /// Says that Kafka has everything before `position`; removes the segments that are done.
    ///
    /// # Errors
    /// When the disk refuses; the mark then stays where it was, and records are sent again.
    pub fn acknowledge(&mut self, position: Position) -> Result<(), SpoolError> {
        if position <= self.saved {
            return Ok(());
        }
        write_whole(
            &self.shared.directory,
            ACKED,
            &format!("{} {}\n", position.segment, position.offset),
        )?;
        for done in self.saved.segment..position.segment {
            let bytes = remove(&self.shared.directory, done)?;
            self.shared.release(bytes);
        }
        self.saved = position;
        Ok(())
    }

    /// Where the mark stands.
    pub fn position(&self) -> Position {
        self.saved
    }
}
