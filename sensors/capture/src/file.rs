//! Capture files: which format, and reading through them.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::{CaptureError, Frame, pcap, pcapng};

/// Bytes read from the system at once.
const READ_BYTES: usize = 256 * 1024;

/// Fewest bytes of a record: the header of the classic format.
const RECORD_BYTES_MIN: u64 = 16;

/// Reads frames from a capture file.
pub struct FileSource {
    input: Input,
    format: Format,
    is_compressed: bool,
    /// Size of the file as it lies on disk; `None` when it has none.
    size_bytes: Option<u64>,
    taken_bytes: Arc<AtomicU64>,
}

/// Counts what is read, before it is decompressed.
struct Counted {
    reader: Box<dyn Read + Send>,
    taken_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.taken_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

enum Format {
    Pcap(pcap::Header),
    PcapNg(pcapng::State),
}

/// A byte stream that knows where it is. Frames are looked at where the system put them.
pub(crate) struct Input {
    reader: Box<dyn Read + Send>,
    path: PathBuf,
    pub(crate) offset: u64,
    buffer: Vec<u8>,
    /// What of the buffer was read and not taken yet.
    unread: Range<usize>,
}

/// How a fixed number of bytes was read.
#[derive(PartialEq, Eq)]
pub(crate) enum Filled {
    /// All of them.
    Whole,
    /// None: the end.
    Nothing,
    /// Only so many: the file is cut off.
    Part(usize),
}

impl Input {
    pub(crate) fn broken(&self, offset: u64, problem: impl Into<String>) -> CaptureError {
        CaptureError::Broken {
            path: self.path.clone(),
            offset,
            problem: problem.into(),
        }
    }

    /// Reads until `wanted` bytes are at hand, or the end is reached; how many of them are.
    fn at_hand(&mut self, wanted: usize) -> Result<usize, CaptureError> {
        if self.unread.len() < wanted {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            let size = self.unread.end.max(wanted) + READ_BYTES;
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
        }
        while self.unread.len() < wanted {
            let free = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
            match self.reader.read(free) {
                Ok(0) => break,
                Ok(count) => self.unread.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A compressed file that is cut off or broken says so here; whatever came before counts.
                Err(error) => {
                    return Err(self.broken(self.offset + self.unread.len() as u64, error.to_string()));
                }
            }
        }
        Ok(self.unread.len().min(wanted))
    }

    /// Takes bytes that are at hand; where in the buffer they stand until the next ones are.
    fn take(&mut self, count: usize) -> Range<usize> {
        let start = self.unread.start;
        self.unread.start += count;
        self.offset += count as u64;
        start..start + count
    }

    /// The bytes of a piece that was taken last, or of a part of it.
    pub(crate) fn bytes(&self, piece: Range<usize>) -> &[u8] {
        self.buffer.get(piece).unwrap_or_default()
    }

    pub(crate) fn fill(&mut self, into: &mut [u8]) -> Result<Filled, CaptureError> {
        let have = self.at_hand(into.len())?;
        let piece = self.take(have);
        into.iter_mut()
            .zip(self.bytes(piece))
            .for_each(|(to, from)| *to = *from);
        Ok(match have {
            _ if have == into.len() => Filled::Whole,
            0 => Filled::Nothing,
            _ => Filled::Part(have),
        })
    }

    /// Fills the buffer or says at which record the file is cut off.
    pub(crate) fn need(&mut self, into: &mut [u8], record: u64, what: &str) -> Result<(), CaptureError> {
        let wanted = into.len();
        match self.fill(into)? {
            Filled::Whole => Ok(()),
            Filled::Nothing => Err(self.is_cut(record, what, [0, wanted])),
            Filled::Part(have) => Err(self.is_cut(record, what, [have, wanted])),
        }
    }

    /// Takes a piece, for [`Input::bytes`] until more is taken, or says at which record the file is cut off.
    pub(crate) fn piece(
        &mut self,
        wanted: usize,
        record: u64,
        what: &str,
    ) -> Result<Range<usize>, CaptureError> {
        let have = self.at_hand(wanted)?;
        let piece = self.take(have);
        match have == wanted {
            true => Ok(piece),
            false => Err(self.is_cut(record, what, [have, wanted])),
        }
    }

    fn is_cut(&self, record: u64, what: &str, [have, wanted]: [usize; 2]) -> CaptureError {
        let problem = match have {
            0 => format!("the file ends where {what} of {wanted} bytes is due"),
            _ => format!("the file ends inside {what}: {have} of {wanted} bytes are there"),
        };
        self.broken(record, problem)
    }
}

impl FileSource {
    /// Opens a capture; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be opened or does not begin as a capture does.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let failed = |source| CaptureError::Io {
            path: path.to_owned(),
            source,
        };
        if path == Path::new("-") {
            return Self::new(Box::new(io::stdin()), path);
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().ok().filter(Metadata::is_file);
        let mut source = Self::new(Box::new(file), path)?;
        source.size_bytes = metadata.map(|metadata| metadata.len());
        Ok(source)
    }

    /// Reads a capture from any stream; `path` is for messages.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn new(raw: Box<dyn Read + Send>, path: &Path) -> Result<Self, CaptureError> {
        let failed = |source| CaptureError::Io {
            path: path.to_owned(),
            source,
        };
        let taken_bytes = Arc::<AtomicU64>::default();
        let counted = Counted {
            reader: raw,
            taken_bytes: taken_bytes.clone(),
        };
        let mut buffered = BufReader::with_capacity(READ_BYTES, counted);
        let is_gzip = buffered.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read + Send> = if is_gzip {
            Box::new(MultiGzDecoder::new(buffered))
        } else {
            Box::new(buffered)
        };
        let mut input = Input {
            reader,
            path: path.to_owned(),
            offset: 0,
            buffer: Vec::new(),
            unread: 0..0,
        };
        let mut magic = [0; 4];
        if let Filled::Nothing = input.fill(&mut magic)? {
            return Err(input.broken(0, "the file is empty"));
        }
        let format = if magic == pcapng::MAGIC {
            Format::PcapNg(pcapng::State::start(&mut input)?)
        } else if let Some(header) = pcap::Header::read(magic, &mut input)? {
            Format::Pcap(header)
        } else {
            return Err(input.broken(0, format!("begins with {magic:02x?}: neither pcap nor pcapng")));
        };
        Ok(Self {
            input,
            format,
            is_compressed: is_gzip,
            size_bytes: None,
            taken_bytes,
        })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// When the file is broken or cut off, with the offset; nothing follows then.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let facts = match &mut self.format {
            Format::Pcap(header) => header.next(&mut self.input)?,
            Format::PcapNg(state) => state.next(&mut self.input)?,
        };
        Ok(facts.map(|facts| Frame {
            ts_us: facts.ts_us,
            link: facts.link,
            data: self.input.bytes(facts.frame),
            wire_bytes: facts.wire_bytes,
        }))
    }

    /// Bytes taken from the file so far, as it lies there, and its size; `None` for what has no size, as a pipe.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let size = self.size_bytes?;
        Some((self.taken_bytes.load(Ordering::Relaxed).min(size), size))
    }

    /// Whether the next frame may have to be waited for, as from a pipe.
    pub fn may_wait(&self) -> bool {
        let at_hand = || {
            self.taken_bytes
                .load(Ordering::Relaxed)
                .saturating_sub(self.input.offset)
        };
        self.size_bytes.is_none() && (self.is_compressed || at_hand() < RECORD_BYTES_MIN)
    }

    /// Bytes of the (uncompressed) file read so far.
    pub fn offset(&self) -> u64 {
        self.input.offset
    }
}

/// What a record says of its frame.
pub(crate) struct Facts {
    pub(crate) ts_us: i64,
    pub(crate) link: u32,
    pub(crate) wire_bytes: u32,
    /// Where the frame stands, for [`Input::bytes`].
    pub(crate) frame: Range<usize>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::{Cursor, Write};

    fn source(bytes: Vec<u8>) -> Result<FileSource, CaptureError> {
        FileSource::new(Box::new(Cursor::new(bytes)), Path::new("x.pcap"))
    }

    /// Reads to the end or the error.
    fn read(bytes: Vec<u8>) -> (Vec<(i64, Vec<u8>)>, Option<String>) {
        let mut frames = Vec::new();
        let mut source = match source(bytes) {
            Ok(source) => source,
            Err(error) => return (frames, Some(error.to_string())),
        };
        loop {
            match source.next_frame() {
                Ok(Some(frame)) => frames.push((frame.ts_us, frame.data.to_vec())),
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
    }

    fn pcap(magic: [u8; 4], big: bool, records: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let u32b = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut out = magic.to_vec();
        out.extend(if big { [0, 2, 0, 4] } else { [2, 0, 4, 0] });
        for n in [0, 0, 65_535, 1] {
            out.extend(u32b(n));
        }
        for (seconds, fraction, data) in records {
            for n in [*seconds, *fraction, data.len() as u32, data.len() as u32] {
                out.extend(u32b(n));
            }
            out.extend_from_slice(data);
        }
        out
    }

    const RECORDS: &[(u32, u32, &[u8])] = &[(1, 5, b"abc"), (2, 7, b"defg")];

    #[test]
    fn both_byte_orders_and_both_resolutions() {
        let micro = vec![(1_000_005, b"abc".to_vec()), (2_000_007, b"defg".to_vec())];
        assert_eq!(
            read(pcap([0xd4, 0xc3, 0xb2, 0xa1], false, RECORDS)),
            (micro.clone(), None)
        );
        assert_eq!(read(pcap([0xa1, 0xb2, 0xc3, 0xd4], true, RECORDS)), (micro, None));
        let nano: &[(u32, u32, &[u8])] = &[(1, 5_999, b"abc")];
        assert_eq!(
            read(pcap([0x4d, 0x3c, 0xb2, 0xa1], false, nano)),
            (vec![(1_000_005, b"abc".to_vec())], None)
        );
    }

    #[test]
    fn gzip_is_seen_through() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder
            .write_all(&pcap([0xd4, 0xc3, 0xb2, 0xa1], false, RECORDS))
            .unwrap();
        assert_eq!(read(encoder.finish().unwrap()).0.len(), 2);
    }

    #[test]
    fn a_cut_file_gives_what_is_whole_and_the_place_of_the_rest() {
        let mut bytes = pcap([0xd4, 0xc3, 0xb2, 0xa1], false, RECORDS);
        bytes.truncate(bytes.len() - 1);
        let (frames, error) = read(bytes);
        assert_eq!(frames.len(), 1);
        assert_eq!(
            error.unwrap(),
            "x.pcap: at byte 43: the file ends inside a packet of 4 bytes: 3 of 4 bytes are there"
                .replace("a packet of 4 bytes", "a packet")
        );
    }

    #[test]
    fn what_is_no_capture_is_named() {
        assert_eq!(
            read(Vec::new()).1.unwrap(),
            "x.pcap: at byte 0: the file is empty"
        );
        assert!(
            read(b"%PDF-1.7".to_vec())
                .1
                .unwrap()
                .ends_with("neither pcap nor pcapng")
        );
    }

    #[test]
    fn an_absurd_length_is_refused_before_it_is_allocated() {
        let mut bytes = pcap([0xd4, 0xc3, 0xb2, 0xa1], false, &[(1, 1, b"abc")]);
        bytes[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read(bytes).1.unwrap().contains("over the limit"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_are_survived(ng: bool, rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = if ng { pcapng::MAGIC.to_vec() } else { vec![0xd4, 0xc3, 0xb2, 0xa1] };
            bytes.extend(rest);
            let _ = read(bytes);
        }
    }
}
