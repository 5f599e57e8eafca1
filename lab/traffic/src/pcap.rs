//! Captures in libpcap's classic format, with microseconds.
//!
//! ```text
//! file:   | magic a1b2c3d4 | 2.4 | zone 0 | accuracy 0 | snapshot length | link type 1 (Ethernet) |   little endian
//! packet: | seconds | microseconds | bytes kept | bytes on the wire | frame |
//! ```

use std::io::{self, Write};

use crate::PacketSink;

/// Largest frame the header promises to hold, in bytes.
pub const SNAPSHOT_BYTES_MAX: u32 = 65_535;

/// Writes packets to a capture file.
pub struct Writer<W> {
    out: W,
    packets: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        out.write_all(&SNAPSHOT_BYTES_MAX.to_le_bytes())?;
        out.write_all(&1_u32.to_le_bytes())?;
        Ok(Self { out, packets: 0 })
    }

    /// Packets written so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> PacketSink for Writer<W> {
    fn packet(&mut self, timestamp_us: i64, frame: &[u8]) -> io::Result<()> {
        let outside = |what| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a pcap file cannot hold {what}"),
            )
        };
        let seconds = u32::try_from(timestamp_us.div_euclid(1_000_000))
            .map_err(|_| outside(format!("the time {timestamp_us} us")))?;
        let length = u32::try_from(frame.len())
            .ok()
            .filter(|length| *length <= SNAPSHOT_BYTES_MAX)
            .ok_or_else(|| outside(format!("a frame of {} bytes", frame.len())))?;
        let mut header = [0; 16];
        header[..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&(timestamp_us.rem_euclid(1_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&length.to_le_bytes());
        header[12..].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame)?;
        self.packets += 1;
        Ok(())
    }
}
