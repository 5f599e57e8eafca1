//! Forms with files (`multipart/form-data`, RFC 7578): each part that has a file name is a file.
//!
//! ```text
//!  preamble  LF --boundary blank* LF  (header LF)* LF  data  LF --boundary … LF --boundary-- epilogue
//! ```
//!
//! Read as PHP, Go and others read it: a bare LF ends a line, too, `--boundary--` ends nothing when another part follows, and what only
//! begins like a delimiter is data. At most [`FILES_MAX`] files are kept of one form; a part's head is at most [`HEAD_BYTES_MAX`] bytes, and
//! of the data no more is held back than a delimiter may take.

use super::disposition::{file_name, parameter_called};
use super::headers::Headers;
use super::odd::Odd;
use super::start_line::{is_filler, without_line_end};
use super::{Header, values};
use vonggac_event::limits::text;
use vonggac_protocol::{End, FileBody, Host, Side};

/// Most files of one form.
const FILES_MAX: usize = 64;
/// Longest head of a part.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest boundary; the standard says 70 (RFC 2046, 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 512;
/// Most bytes behind the boundary in the line of a delimiter.
const PADDING_BYTES_MAX: usize = 128;

/// A form under way.
pub(super) struct Form {
    /// LF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    place: Place,
    /// What it takes more to tell of.
    held: Vec<u8>,
    has_delimiter: bool,
    files: Vec<FilePart>,
}

/// A part that is a file.
pub(super) struct FilePart {
    pub(super) name: String,
    /// Its media type, as declared.
    pub(super) declared: Vec<u8>,
    pub(super) body: FileBody,
}

enum Place {
    /// Before the first delimiter, behind the last, or in a part that is no file.
    Outside,
    Head(Box<Headers>),
    /// In the last of the files. Of what is held, the first byte is the line end that a delimiter may begin with, if nothing was taken yet.
    File {
        is_new: bool,
    },
}

/// What stands where a delimiter may.
enum Found {
    /// It takes more to tell.
    Unknown,
    Data,
    /// A delimiter, whose line ends here.
    Delimiter(usize),
}

impl Form {
    /// The form that comes with these headers, if it is one.
    pub(super) fn new(headers: &[Header]) -> Option<Self> {
        const KIND: &[u8] = b"multipart/form-data";
        let is_form = |value: &&[u8]| {
            value
                .get(..KIND.len())
                .is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
        };
        let declared = values(headers, "content-type").find(is_form)?;
        let boundary = parameter_called(declared, "boundary")?;
        let boundary = boundary.split(|byte| *byte == b',').next()?;
        if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
            return None;
        }
        Some(Self {
            delimiter: [b"\n--", boundary].concat(),
            place: Place::Outside,
            // The first delimiter begins the body, and no line goes before it.
            held: vec![b'\n'],
            has_delimiter: false,
            files: Vec::new(),
        })
    }

    /// Whether it was a form indeed: a delimiter was seen.
    pub(super) fn is_form(&self) -> bool {
        self.has_delimiter
    }

    /// The files so far.
    pub(super) fn files(&self) -> &[FilePart] {
        &self.files
    }

    /// Gives back what is kept of the files; whether that was any.
    pub(super) fn shed(&mut self, host: &mut dyn Host) -> bool {
        let shed = self.files.iter_mut().map(|file| file.body.shed(host));
        shed.fold(false, |any, shed| any | shed)
    }

    /// Gives up the files.
    pub(super) fn take_files(&mut self) -> Vec<FilePart> {
        std::mem::take(&mut self.files)
    }

    /// Takes the next bytes.
    pub(super) fn add(&mut self, host: &mut dyn Host, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        self.run(host, false);
    }

    /// The next `bytes` were not seen.
    pub(super) fn miss(&mut self, host: &mut dyn Host, bytes: u64) {
        self.run(host, true);
        match (&self.place, self.files.last_mut()) {
            (Place::File { .. }, Some(file)) => file.body.miss(bytes),
            _ => self.place = Place::Outside,
        }
    }

    /// The body is over.
    pub(super) fn finish(&mut self, host: &mut dyn Host) {
        self.run(host, true);
        self.end_file(End::Truncated);
    }

    /// Goes through what is held; with `is_end`, to its end.
    fn run(&mut self, host: &mut dyn Host, is_end: bool) {
        let held = std::mem::take(&mut self.held);
        let mut at = 0;
        loop {
            let rest = held.get(at..).unwrap_or_default();
            let taken = match &mut self.place {
                Place::Head(_) => self.head(host, rest),
                _ => self.data(host, rest, is_end),
            };
            match taken {
                Some(taken) => at += taken,
                None => break,
            }
        }
        let rest = held.get(at..).unwrap_or_default();
        let kept = match self.place {
            _ if is_end => rest.len(),
            Place::Head(_) => 0,
            _ => self.data_before(rest, rest.len().saturating_sub(self.delimiter.len())),
        };
        if !matches!(self.place, Place::Head(_)) {
            self.take_data(host, rest, kept);
        }
        self.held = rest.get(kept..).unwrap_or_default().to_vec();
    }

    /// How much of `rest` is data for sure, at most `most`: up to where a delimiter may begin.
    fn data_before(&self, rest: &[u8], most: usize) -> usize {
        let found = memchr::memmem::find(rest, &self.delimiter);
        // The CR before it is of its line end.
        found.map_or(most, |found| found.saturating_sub(1).min(most))
    }

    /// Looks for a delimiter; how many bytes that took, none when there is none yet.
    fn data(&mut self, host: &mut dyn Host, rest: &[u8], is_end: bool) -> Option<usize> {
        let start = memchr::memmem::find(rest, &self.delimiter)?;
        let behind = start + self.delimiter.len();
        match found(rest, behind, is_end) {
            Found::Unknown => None,
            Found::Data => {
                self.take_data(host, rest, start + 1);
                Some(start + 1)
            }
            Found::Delimiter(end) => {
                let data = rest.get(..start).unwrap_or_default();
                let has_cr = data.last() == Some(&b'\r');
                self.take_data(host, rest, start - usize::from(has_cr));
                self.end_file(End::Whole);
                self.has_delimiter = true;
                self.place = Place::Head(Box::default());
                Some(end)
            }
        }
    }

    /// Takes the first `count` bytes as data of the file under way.
    fn take_data(&mut self, host: &mut dyn Host, rest: &[u8], count: usize) {
        let Place::File { is_new } = &mut self.place else {
            return;
        };
        if count == 0 {
            return;
        }
        let start = usize::from(std::mem::take(is_new));
        if let (Some(file), Some(data)) = (self.files.last_mut(), rest.get(start..count)) {
            file.body.add(host, data);
        }
    }

    fn end_file(&mut self, end: End) {
        if let (Place::File { .. }, Some(file)) = (&self.place, self.files.last_mut()) {
            file.body.finish(end);
        }
        self.place = Place::Outside;
    }

    /// Takes a line of a part's head; how many bytes that took, none when it is not whole.
    fn head(&mut self, host: &mut dyn Host, rest: &[u8]) -> Option<usize> {
        let Place::Head(headers) = &mut self.place else {
            return None;
        };
        let end = memchr::memchr(b'\n', rest);
        let length = end.map_or(rest.len(), |end| end + 1);
        if headers.raw.len() + length > HEAD_BYTES_MAX {
            super::flow::tell(host, Side::Client, Odd::PART_OVER_LIMIT);
            self.place = Place::Outside;
            return Some(0);
        }
        let raw = rest.get(..end? + 1)?;
        let line = without_line_end(raw);
        if self
            .delimiter
            .get(1..)
            .is_some_and(|delimiter| line.starts_with(delimiter))
        {
            **headers = Headers::default();
        } else if line.iter().all(|byte| is_filler(*byte)) {
            headers.finish(raw);
            let headers = std::mem::take(&mut headers.headers);
            self.begin_part(host, &headers);
            // A delimiter may begin with this line's end.
            return Some(raw.len() - 1);
        } else {
            headers.push_line(raw, line);
        }
        Some(raw.len())
    }

    fn begin_part(&mut self, host: &mut dyn Host, headers: &[Header]) {
        self.place = Place::Outside;
        let Some(name) = values(headers, "content-disposition").find_map(file_name) else {
            return;
        };
        if self.files.len() >= FILES_MAX {
            host.count("http_form_files_limit", 1);
            return;
        }
        self.files.push(FilePart {
            name: text(&name),
            declared: declared_type(headers),
            body: FileBody::default(),
        });
        self.place = Place::File { is_new: true };
    }
}

fn declared_type(headers: &[Header]) -> Vec<u8> {
    /// Most bytes kept of it.
    const BYTES_MAX: usize = 256;
    let declared = values(headers, "content-type").next().unwrap_or_default();
    declared.get(..BYTES_MAX).unwrap_or(declared).to_vec()
}

/// What stands behind a boundary: only a line of blanks, or of two hyphens and whatever follows, makes it a delimiter.
fn found(held: &[u8], behind: usize, is_end: bool) -> Found {
    let rest = held.get(behind..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest);
    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let is_delimiter = line.starts_with(b"--") || line.iter().all(|byte| is_filler(*byte));
    match end {
        _ if line.len() > PADDING_BYTES_MAX => Found::Data,
        Some(end) if is_delimiter => Found::Delimiter(behind + end + 1),
        None if is_delimiter && is_end => Found::Delimiter(held.len()),
        None if !is_end && (is_delimiter || line == b"-") => Found::Unknown,
        _ => Found::Data,
    }
}
