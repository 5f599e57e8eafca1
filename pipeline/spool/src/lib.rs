//! The sensor's spool: where an event becomes *accepted*.
//!
//! ```text
//! DIR/lock                                        held while a sensor runs on it
//! DIR/boot                                        the unfinished job and its incarnation, as text
//! DIR/mark                                        up to where Kafka has everything
//! DIR/0000000000000001-0123456789abcdef.spool     segments, in order: number and incarnation
//!
//! segment:  | "VGSPOOL2" | record | record | ...
//! ```
//! - [`Writer`] appends and, when told, fsyncs; what is synced is accepted.
//! - [`Reader`] follows the writer and only sees what is synced; [`Acknowledger`] moves the mark and removes segments that are done.
//! - [`Status`] says what the spool holds and what it met.
//!
//! Invariants:
//! - A record that was synced is read again after any kind of end, until it is acknowledged.
//! - A record whose checksum does not hold is never returned; each whole record after it is. What is lost is counted in bytes and, by
//!   holes in the order of sequences, in records.
//! - No sequence is given twice in one incarnation, and no incarnation is drawn twice (see `docs/adr/0004`), whatever becomes of the
//!   directory.
//! - A disk that refuses is an error that goes away with its cause: the same call made again goes on. Acknowledging needs no room.
//! - The spool never holds more than [`Limits::bytes_max`]: the writer says [`SpoolError::Full`] first.

mod boot;
mod cursor;
mod mark;
mod reader;
mod record;
mod segment;
mod shared;
mod state;
mod writer;

pub use boot::Boot;
pub use mark::Acknowledger;
pub use reader::Reader;
pub use record::Record;
pub use segment::{Position, SegmentId};
pub use shared::{Counters, Status};
pub use state::Spool;
pub use writer::Writer;

/// Longest key of a record, in bytes.
pub use vonggac_event::limits::KEY_BYTES_MAX;
/// Longest value of a record, in bytes: what Kafka and the pipeline take.
pub use vonggac_event::limits::MESSAGE_BYTES_MAX as VALUE_BYTES_MAX;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Bounds of a spool.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size at which a segment is closed and the next begun, in bytes; at most a quarter of `bytes_max` is used.
    pub segment_bytes: u64,
    /// Most bytes of all segments together.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            bytes_max: 8 << 30,
        }
    }
}

/// What went wrong with the spool.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The disk refused.
    #[error("spool {}: {source}", path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error("spool {} is in use by another sensor", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is no room left under the limit.
    #[error("the spool holds {bytes} bytes, its limit is {bytes_max}")]
    Full {
        /// Bytes held.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A record is larger than a record may be.
    #[error(
        "record of {bytes} bytes is over the limit of {KEY_BYTES_MAX} for its key or {VALUE_BYTES_MAX} for its value"
    )]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A segment that an earlier version wrote.
    #[error(
        "spool {}: was written by an earlier version: start that one once more so that it sends what is there, or remove the directory",
        path.display()
    )]
    OldFormat {
        /// The segment.
        path: PathBuf,
    },
    /// The system has no random numbers for us.
    #[error("no random incarnation for the spool: {0}")]
    Randomness(getrandom::Error),
    /// A small file of ours does not say what it should.
    #[error("spool {}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl SpoolError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether the disk has no room: it goes away when somebody makes some.
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

#[cfg(test)]
mod tests;
