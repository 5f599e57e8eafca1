//! Reads capture files in libpcap's classic format: either byte order, microseconds or nanoseconds.
//!
//! It reads no pcapng and nothing compressed. A frame longer than [`FRAME_BYTES_MAX`] is a broken file.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use crate::RangeError;

/// Longest frame taken, in bytes.
pub const FRAME_BYTES_MAX: u32 = 262_144;

/// Link type of Ethernet.
const ETHERNET: u32 = 1;

/// Reads frames one by one.
pub struct Reader<R> {
    input: R,
    path: PathBuf,
    offset: u64,
    big_endian: bool,
    /// Parts of a second in the file's unit.
    nanoseconds: bool,
    frame: Vec<u8>,
}

/// A frame and its time in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Time of capture.
    pub timestamp_ns: u64,
    /// Bytes on the wire, which may be more than were kept.
    pub wire_bytes: u32,
    /// What was kept.
    pub bytes: &'a [u8],
}

impl Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`RangeError::File`] if it cannot be opened, [`RangeError::Broken`] if it is no capture of Ethernet frames.
    pub fn open(path: &Path) -> Result<Self, RangeError> {
        let file = File::open(path).map_err(|source| RangeError::File {
            path: path.to_owned(),
            source,
        })?;
        Reader::new(BufReader::with_capacity(256 * 1024, file), path)
    }
}

impl<R: BufRead> Reader<R> {
    /// Begins to read; `path` is for messages.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(input: R, path: &Path) -> Result<Self, RangeError> {
        let mut reader = Self {
            input,
            path: path.to_owned(),
            offset: 0,
            big_endian: false,
            nanoseconds: false,
            frame: Vec::new(),
        };
        let mut header = [0; 24];
        if !reader.fill(&mut header)? {
            return Err(reader.broken("the file is empty"));
        }
        let [a, b, c, d, ..] = header;
        (reader.big_endian, reader.nanoseconds) = match [a, b, c, d] {
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            _ => {
                return Err(
                    reader.broken("this is no pcap file (pcapng and compressed files cannot be played)")
                );
            }
        };
        let link = reader.word(&header, 20);
        // The upper bits may say how long the FCS is.
        if link & 0xffff != ETHERNET {
            return Err(reader.broken(format!("link type {link} is not Ethernet")));
        }
        Ok(reader)
    }

    fn broken(&self, problem: impl Into<String>) -> RangeError {
        RangeError::Broken {
            path: self.path.clone(),
            offset: self.offset,
            problem: problem.into(),
        }
    }

    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let mut word = [0; 4];
        if let Some(found) = bytes.get(at..at + 4) {
            word.copy_from_slice(found);
        }
        if self.big_endian {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    }

    /// Fills the buffer; false at the end of the file, if it comes before the first byte.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, RangeError> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) if done == 0 => return Ok(false),
                Ok(0) => {
                    let wanted = buffer.len();
                    return Err(self.broken(format!("the file ends after {done} of {wanted} bytes")));
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(RangeError::File {
                        path: self.path.clone(),
                        source,
                    });
                }
            }
        }
        self.offset += done as u64;
        Ok(true)
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// [`RangeError::Broken`] where the file stops making sense; every frame before it has been given out.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, RangeError> {
        let mut header = [0; 16];
        if !self.fill(&mut header)? {
            return Ok(None);
        }
        let (seconds, fraction) = (self.word(&header, 0), self.word(&header, 4));
        let (kept, wire_bytes) = (self.word(&header, 8), self.word(&header, 12));
        if kept > FRAME_BYTES_MAX {
            return Err(self.broken(format!("a frame of {kept} bytes, more than {FRAME_BYTES_MAX}")));
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.resize(kept as usize, 0);
        let filled = self.fill(&mut frame);
        self.frame = frame;
        if !filled? && kept > 0 {
            return Err(self.broken("the file ends before the frame"));
        }
        let unit = if self.nanoseconds { 1 } else { 1000 };
        let timestamp_ns = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * unit;
        Ok(Some(Frame {
            timestamp_ns,
            wire_bytes,
            bytes: &self.frame,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(big_endian: bool, magic: u32, link: u32) -> Vec<u8> {
        let word = |value: u32| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        [
            word(magic),
            word(0x0002_0004),
            word(0),
            word(0),
            word(65_535),
            word(link),
        ]
        .concat()
    }

    fn with_frame(big_endian: bool, magic: u32, kept: u32) -> Vec<u8> {
        let word = |value: u32| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let mut bytes = file(big_endian, magic, 1);
        bytes.extend([word(3), word(7), word(kept), word(9)].concat());
        bytes.extend([1, 2, 3]);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(u64, Vec<u8>), String> {
        let mut reader = Reader::new(bytes, Path::new("x.pcap")).map_err(|error| error.to_string())?;
        let frame = reader.next_frame().map_err(|error| error.to_string())?.unwrap();
        let found = (frame.timestamp_ns, frame.bytes.to_vec());
        assert!(reader.next_frame().unwrap().is_none());
        Ok(found)
    }

    #[test]
    fn every_form_is_read() {
        for big_endian in [false, true] {
            assert_eq!(
                read(&with_frame(big_endian, 0xa1b2_c3d4, 3)),
                Ok((3_000_007_000, vec![1, 2, 3]))
            );
            assert_eq!(
                read(&with_frame(big_endian, 0xa1b2_3c4d, 3)),
                Ok((3_000_000_007, vec![1, 2, 3]))
            );
        }
    }

    #[test]
    fn broken_files_are_named_with_the_place() {
        let check =
            |bytes: &[u8], expect: &str| assert_eq!(read(bytes), Err(format!("x.pcap: at byte {expect}")));
        check(&[], "0: the file is empty");
        check(b"abc", "0: the file ends after 3 of 24 bytes");
        check(
            &file(false, 0, 1),
            "24: this is no pcap file (pcapng and compressed files cannot be played)",
        );
        check(
            &file(false, 0xa1b2_c3d4, 113),
            "24: link type 113 is not Ethernet",
        );
        check(
            &with_frame(false, 0xa1b2_c3d4, 4),
            "40: the file ends after 3 of 4 bytes",
        );
        check(
            &with_frame(false, 0xa1b2_c3d4, 262_145),
            "40: a frame of 262145 bytes, more than 262144",
        );
    }
}
