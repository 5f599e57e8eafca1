//! The sensor's spool: where an event becomes *accepted*.
//!
//! ```text
//! DIR/lock                        held while a sensor runs on it
//! DIR/boot                        incarnation and the job it belongs to, as text
//! DIR/acked                       segment and offset up to which Kafka has everything, as text
//! DIR/0000000000000001.spool      segments, in order
//!
//! segment:  | "VGSPOOL1" | record | record | ...
//! record:   | length u32 | crc32c u32 | sequence u64 | key length u16 | key | value |      little endian
//!             length counts from `sequence` on, the checksum covers the same bytes
//! ```
//!
//! - [`Writer`] appends and, when told, fsyncs; what is synced is accepted.
//! - [`Reader`] follows the writer and only sees what is synced; [`Acknowledger`] moves the mark and removes segments that are done.
//!
//! Invariants:
//! - A record that was synced is read again after any kind of end, until it is acknowledged.
//! - A record whose checksum does not hold is never returned. A torn end of the last segment is what was never synced; a broken
//!   record elsewhere loses the rest of its segment, which is counted and logged as an error.
//! - The spool never holds more than [`Limits::bytes_max`]: the writer says [`SpoolError::Full`] first.

mod boot;
mod record;
mod segment;
mod state;

pub use boot::Boot;
pub use record::Record;
pub use segment::Position;
pub use state::{Acknowledger, Reader, Spool, Writer};

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Bounds of a spool.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size at which a segment is closed and the next begun, in bytes.
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

/// Longest key and value together, in bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

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
    #[error("record of {bytes} bytes is over the limit of {RECORD_BYTES_MAX}")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
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
}

#[cfg(test)]
mod tests;
