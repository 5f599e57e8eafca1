//! Where packets come from.
//!
//! - [`FileSource`]: capture files, pcap and pcapng, also gzip-compressed, also from standard input.
//! - [`RingSource`]: an interface, by a memory-mapped AF_PACKET ring (TPACKET_V3).
//!
//! Both give [`Frame`]s in the order of arrival and never copy a frame more than once. What a frame means is for others.
//!
//! Invariant: this crate and `pipeline/embedded` are the only ones with `unsafe` code; here it is in `ring` and `cores`.

#[allow(unsafe_code)]
mod cores;
mod file;
mod filter;
mod pcap;
mod pcapng;
#[allow(unsafe_code)]
mod ring;

pub use cores::{CORES_MAX, stay_on_core};
pub use file::FileSource;
pub use filter::{Filter, FilterError, INSTRUCTIONS_MAX};
pub use ring::{RingOptions, RingSource, RingStatistics, find_interface};

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Longest frame taken from a file, in bytes.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;

/// Link type of Ethernet, as capture files number it.
pub const LINK_ETHERNET: u32 = 1;

/// One frame as captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Time of capture, microseconds since 1970, UTC.
    pub ts_us: i64,
    /// Link type as in capture files (DLT).
    pub link: u32,
    /// The bytes captured.
    pub data: &'a [u8],
    /// The length on the wire, in bytes.
    pub wire_bytes: u32,
}

/// What went wrong with a source.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The file or the interface cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a capture, or stops being one.
    #[error("{}: at byte {offset}: {problem}", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// Where in the (uncompressed) file.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// There is no such interface.
    #[error("interface {name}: there is none of this name; there are: {available}")]
    NoInterface {
        /// As asked for.
        name: String,
        /// Those there are.
        available: String,
    },
    /// The interface was there and is not any more, or is down.
    #[error("interface {name}: it is down or gone: {source}")]
    InterfaceGone {
        /// The interface.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// This user may not capture.
    #[error("interface {name}: capturing needs root or the capability CAP_NET_RAW")]
    NotPermitted {
        /// The interface.
        name: String,
    },
}
