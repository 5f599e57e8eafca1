//! The files of Kafka's log: what is in the last one of a partition, and cutting it off as a power cut or a full disk may.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Bytes before a batch's records.
const HEAD_BYTES: usize = 61;

/// The last segment of a partition.
#[derive(Debug)]
pub struct Segment {
    directory: PathBuf,
    file: PathBuf,
    bytes: Vec<u8>,
    /// Its batches, in order.
    pub batches: Vec<Batch>,
}

/// A batch of messages (format 2), as it lies in its segment.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    start: usize,
    end: usize,
    /// One past its last offset.
    pub next_offset: i64,
}

impl Segment {
    /// Reads it. `logs` is Kafka's directory, `partition` one such as `events-0`.
    ///
    /// # Errors
    /// When there is none, or it holds something else.
    pub fn last(logs: &Path, partition: &str) -> anyhow::Result<Self> {
        let directory = logs.join(partition);
        let mut segments = files(&directory)?;
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        let file = segments.into_iter().max().context("no segment")?;
        let bytes = fs::read(&file)?;
        let mut batches = Vec::new();
        let mut start = 0;
        while let Some(head) = bytes.get(start..start + HEAD_BYTES) {
            let (Some(base), Some(length), Some(last)) = (field(head, 0), field(head, 8), field(head, 23))
            else {
                break;
            };
            let (base, length) = (i64::from_be_bytes(base), i32::from_be_bytes(length));
            // What the file is made larger by in advance is zeros.
            if length <= 0 {
                break;
            }
            let end = start + 12 + usize::try_from(length)?;
            batches.push(Batch {
                start,
                end,
                next_offset: base + i64::from(i32::from_be_bytes(last)) + 1,
            });
            start = end;
        }
        Ok(Self {
            directory,
            file,
            bytes,
            batches,
        })
    }

    /// Key and value of a batch's first message, if the batch is not compressed.
    pub fn first_message(&self, batch: &Batch) -> Option<(&[u8], &[u8])> {
        let mut rest = self.bytes.get(batch.start + HEAD_BYTES..batch.end)?;
        let _length = varint(&mut rest)?;
        let (_attributes, mut rest) = rest.split_first()?;
        let _milliseconds = varint(&mut rest)?;
        let _offset = varint(&mut rest)?;
        let mut field = || {
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            let (field, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(field)
        };
        Some((field()?, field()?))
    }

    /// Ends the log after so many of the segment's batches, and takes away what Kafka, which must not run, has noted of its length. Gives
    /// the offset at which it ends then.
    ///
    /// # Errors
    /// When there are not more batches.
    pub fn cut(&self, kept: usize) -> anyhow::Result<i64> {
        ensure!(
            kept < self.batches.len(),
            "{} batches cannot be cut to {kept}",
            self.batches.len()
        );
        let cut = self.batches.get(kept).context("no batches")?;
        let ends_at = kept
            .checked_sub(1)
            .and_then(|last| self.batches.get(last))
            .context("nothing would be left")?
            .next_offset;
        File::options()
            .write(true)
            .open(&self.file)?
            .set_len(cut.start as u64)?;
        for path in files(&self.directory)? {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("index" | "timeindex" | "txnindex" | "snapshot")) {
                fs::remove_file(path)?;
            }
        }
        let logs = self.directory.parent().context("no directory of logs")?;
        for note in [
            ".kafka_cleanshutdown",
            "recovery-point-offset-checkpoint",
            "replication-offset-checkpoint",
            "log-start-offset-checkpoint",
        ] {
            if logs.join(note).exists() {
                fs::remove_file(logs.join(note))?;
            }
        }
        Ok(ends_at)
    }
}

/// The bytes at a place.
fn field<const LENGTH: usize>(bytes: &[u8], at: usize) -> Option<[u8; LENGTH]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Takes a number off its front.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // Zigzag.
            return i64::try_from(value >> 1)
                .ok()
                .map(|half| if value & 1 == 0 { half } else { -half - 1 });
        }
        shift += 7;
        if shift > 63 {
            return None;
        }
    }
}

/// The files of a directory.
fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
}
