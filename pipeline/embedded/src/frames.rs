//! ClickHouse's own compressed frames (`compress=1`, `decompress=1`).
//!
//! ```text
//! ┌──────────────┬────────┬─────────────────┬───────────────────┬─────────┐
//! │ checksum  16 │ method │ compressed    4 │ uncompressed    4 │ payload │   little-endian
//! └──────────────┴────────┴─────────────────┴───────────────────┴─────────┘
//!                └─── covered by the checksum (CityHash128 1.0.2) ────────┘
//! ```
//! `compressed` counts method, both lengths and payload (9 + payload). Methods: 0x82 LZ4 block, 0x02 as it is.
//! Others (ZSTD 0x90 and the codecs of columns) are refused by name.
//!
//! Invariant: no frame over [`FRAME_BYTES_MAX`] is read, whatever its header says; none over
//! [`WRITE_BYTES_MAX`] uncompressed is written.

use std::io::{self, Read, Write};

use crate::exception::{Exception, code};

/// Largest frame, compressed or not, that is read.
const FRAME_BYTES_MAX: usize = 128 << 20;
/// Uncompressed size at which a frame is written.
const WRITE_BYTES_MAX: usize = 1 << 20;
const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const METHOD_LZ4: u8 = 0x82;
const METHOD_NONE: u8 = 0x02;

/// The checksum as it stands in a frame: ClickHouse writes the two halves in the other order.
fn checksum(covered: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_rs::cityhash_102_128(covered)
        .rotate_right(64)
        .to_le_bytes()
}

fn refuse(code: u32, name: &str, message: impl std::fmt::Display) -> io::Error {
    io::Error::other(Exception::new(code, name, message))
}

/// Reads the bytes inside a sequence of frames.
pub(crate) struct FrameReader<R> {
    inner: R,
    covered: Vec<u8>,
    plain: Vec<u8>,
    position: usize,
}

impl<R: Read> FrameReader<R> {
    /// Reads frames from `inner`.
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            covered: Vec::new(),
            plain: Vec::new(),
            position: 0,
        }
    }

    /// Reads the next frame; says whether there was one.
    fn next_frame(&mut self) -> io::Result<bool> {
        let mut head = [0_u8; CHECKSUM_BYTES + HEADER_BYTES];
        if !fill_or_end(&mut self.inner, &mut head)? {
            return Ok(false);
        }
        let [sum @ .., method, c0, c1, c2, c3, u0, u1, u2, u3] = head;
        let compressed = u32::from_le_bytes([c0, c1, c2, c3]) as usize;
        let uncompressed = u32::from_le_bytes([u0, u1, u2, u3]) as usize;
        if compressed > FRAME_BYTES_MAX || uncompressed > FRAME_BYTES_MAX || compressed < HEADER_BYTES {
            return Err(refuse(
                code::TOO_LARGE_SIZE_COMPRESSED,
                "TOO_LARGE_SIZE_COMPRESSED",
                format_args!(
                    "A frame of {compressed} bytes, {uncompressed} uncompressed, is outside {HEADER_BYTES} to \
                     {FRAME_BYTES_MAX}. Most likely the body is not compressed."
                ),
            ));
        }
        self.covered.clear();
        self.covered
            .extend_from_slice(&[method, c0, c1, c2, c3, u0, u1, u2, u3]);
        self.read_payload(compressed - HEADER_BYTES)?;
        if checksum(&self.covered) != sum {
            return Err(refuse(
                code::CHECKSUM_DOESNT_MATCH,
                "CHECKSUM_DOESNT_MATCH",
                "Checksum doesn't match: corrupted data in the request body.",
            ));
        }
        self.unpack(method, uncompressed)?;
        Ok(true)
    }

    /// Appends the payload to `covered`; memory grows with what arrives, not with what was announced.
    fn read_payload(&mut self, length: usize) -> io::Result<()> {
        let read = self
            .inner
            .by_ref()
            .take(length as u64)
            .read_to_end(&mut self.covered)?;
        match read == length {
            true => Ok(()),
            false => Err(cut_off()),
        }
    }

    fn unpack(&mut self, method: u8, uncompressed: usize) -> io::Result<()> {
        let payload = self.covered.get(HEADER_BYTES..).unwrap_or_default();
        self.position = 0;
        self.plain.clear();
        let length = match method {
            METHOD_NONE => {
                self.plain.extend_from_slice(payload);
                self.plain.len()
            }
            METHOD_LZ4 => {
                self.plain.resize(uncompressed, 0);
                lz4_flex::block::decompress_into(payload, &mut self.plain)
                    .map_err(|error| refuse(code::CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", error))?
            }
            other => {
                return Err(refuse(
                    code::UNKNOWN_COMPRESSION_METHOD,
                    "UNKNOWN_COMPRESSION_METHOD",
                    format_args!("Unknown compression method 0x{other:02x}: this server reads LZ4 (0x82)."),
                ));
            }
        };
        match length == uncompressed {
            true => Ok(()),
            false => Err(refuse(
                code::CANNOT_DECOMPRESS,
                "CANNOT_DECOMPRESS",
                format_args!("A frame announced {uncompressed} bytes and holds {length}."),
            )),
        }
    }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.plain.get(self.position..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(rest) {
                    *to = *from;
                }
                self.position = self.position.saturating_add(count);
                return Ok(count);
            }
            if buffer.is_empty() || !self.next_frame()? {
                return Ok(0);
            }
        }
    }
}

fn cut_off() -> io::Error {
    refuse(
        code::CANNOT_DECOMPRESS,
        "CANNOT_DECOMPRESS",
        "The request body ends within a compressed frame.",
    )
}

/// Fills the buffer; `false` if the input was at its end before the first byte.
fn fill_or_end(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(cut_off()),
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Puts what is written into LZ4 frames.
pub(crate) struct FrameWriter<W: Write> {
    inner: W,
    plain: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// Writes frames to `inner`.
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            plain: Vec::new(),
        }
    }

    /// Writes what is left and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write_frame()?;
        Ok(self.inner)
    }

    fn write_frame(&mut self) -> io::Result<()> {
        if self.plain.is_empty() {
            return Ok(());
        }
        let payload = lz4_flex::block::compress(&self.plain);
        let length = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
        let mut covered = Vec::with_capacity(payload.len().saturating_add(HEADER_BYTES));
        covered.push(METHOD_LZ4);
        covered.extend_from_slice(&length(payload.len().saturating_add(HEADER_BYTES))?.to_le_bytes());
        covered.extend_from_slice(&length(self.plain.len())?.to_le_bytes());
        covered.extend_from_slice(&payload);
        self.plain.clear();
        self.inner.write_all(&checksum(&covered))?;
        self.inner.write_all(&covered)
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = WRITE_BYTES_MAX.saturating_sub(self.plain.len());
        let taken = buffer.get(..room.min(buffer.len())).unwrap_or_default();
        self.plain.extend_from_slice(taken);
        let count = taken.len();
        if self.plain.len() >= WRITE_BYTES_MAX {
            self.write_frame()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_frame()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn pack(data: &[u8]) -> Vec<u8> {
        let mut writer = FrameWriter::new(Vec::new());
        writer.write_all(data).unwrap();
        writer.finish().unwrap()
    }

    fn unpack(frames: &[u8]) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        FrameReader::new(frames).read_to_end(&mut data).map(|_| data)
    }

    #[track_caller]
    fn refused(frames: &[u8], code: u32) {
        let error = unpack(frames).unwrap_err();
        let exception = error.into_inner().unwrap().downcast::<Exception>().unwrap();
        assert_eq!(exception.code, code, "{exception}");
    }

    #[test]
    fn large_input_is_cut_into_frames() {
        let data: Vec<u8> = (0..3_000_000_u32)
            .flat_map(|number| (number / 7).to_le_bytes())
            .collect();
        assert_eq!(unpack(&pack(&data)).unwrap(), data);
        assert_eq!(pack(b""), b"");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = pack(b"hello hello hello hello");
        refused(&good[..good.len() - 1], code::CANNOT_DECOMPRESS);
        refused(&good[..7], code::CANNOT_DECOMPRESS);
        let mut bad = good;
        bad[3] ^= 1;
        refused(&bad, code::CHECKSUM_DOESNT_MATCH);
        refused(&[0xff; 40], code::TOO_LARGE_SIZE_COMPRESSED);
        let mut zstd = vec![0x90, 10, 0, 0, 0, 1, 0, 0, 0, 7];
        let sum = checksum(&zstd);
        zstd.splice(0..0, sum);
        refused(&zstd, code::UNKNOWN_COMPRESSION_METHOD);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn round_trip(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6)) {
            let frames: Vec<u8> = parts.iter().flat_map(|part| pack(part)).collect();
            prop_assert_eq!(unpack(&frames).unwrap(), parts.concat());
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
        }
    }
}
