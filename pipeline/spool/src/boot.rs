//! Which order of sequence numbers the sensor is in.
//!
//! ```text
//! DIR/boot:  INCARNATION LAST_SEQUENCE running|finished JOB CRC\n       the job with its odd characters escaped
//! ```
//! An incarnation is a random number, drawn each time the spool is opened: whatever becomes of the directory, no id is made twice. A
//! sensor that reads files can go on with the incarnation it was killed in: it reads the same files again, makes the same events in the
//! same order, and leaves out those whose sequence was accepted already. The job says whether it is the same work.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::SpoolError;

/// The order of sequence numbers that events get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Its random number, never 0: the upper half of each event's id.
    pub incarnation: u64,
    /// Highest sequence accepted in it so far.
    pub last_sequence: u64,
    /// What it works on; empty on a tap.
    pub(crate) job: String,
    /// Whether its work came to its end.
    pub(crate) finished: bool,
}

impl Boot {
    /// One that nobody had before.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn fresh(job: &str) -> Result<Self, SpoolError> {
        loop {
            let incarnation = getrandom::u64().map_err(SpoolError::Randomness)?;
            if incarnation != 0 {
                return Ok(Self {
                    job: escaped(job),
                    ..Self::new(incarnation)
                });
            }
        }
    }

    /// One whose number somebody else answers for.
    pub fn new(incarnation: u64) -> Self {
        Self {
            incarnation,
            last_sequence: 0,
            job: String::new(),
            finished: false,
        }
    }

    /// Whether `job` is the work of this one and not done.
    pub(crate) fn is_unfinished(&self, job: &str) -> bool {
        !job.is_empty() && self.job == escaped(job) && !self.finished
    }
}

/// A job's name on one line.
fn escaped(job: &str) -> String {
    job.escape_default().to_string()
}

const FILE: &str = "boot";

/// What stands in the file.
pub(crate) enum Loaded {
    /// Nothing that can be gone on with: no file, or one of the time before incarnations.
    Nothing,
    Boot(Boot),
    /// Bytes that no sensor wrote.
    Broken(SpoolError),
}

pub(crate) fn load(directory: &Path) -> Result<Loaded, SpoolError> {
    let path = directory.join(FILE);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Loaded::Nothing),
        Err(error) => return Err(SpoolError::io(&path)(error)),
    };
    if is_numbered(&text) {
        return Ok(Loaded::Nothing);
    }
    Ok(parse(&text).map_or_else(
        || {
            Loaded::Broken(SpoolError::Broken {
                path,
                problem: format!("does not hold a boot: {text:?}"),
            })
        },
        Loaded::Boot,
    ))
}

pub(crate) fn save(directory: &Path, boot: &Boot) -> Result<(), SpoolError> {
    let state = if boot.finished { "finished" } else { "running" };
    let facts = format!(
        "{:016x} {} {state} {}",
        boot.incarnation, boot.last_sequence, boot.job
    );
    let checksum = crc32c::crc32c(facts.as_bytes());
    write_whole(directory, FILE, &format!("{facts} {checksum:08x}\n"))
}

fn parse(text: &str) -> Option<Boot> {
    let (facts, checksum) = text.strip_suffix('\n')?.rsplit_once(' ')?;
    if u32::from_str_radix(checksum, 16).ok()? != crc32c::crc32c(facts.as_bytes()) {
        return None;
    }
    let mut words = facts.splitn(4, ' ');
    let incarnation = u64::from_str_radix(words.next()?, 16).ok()?;
    let last_sequence = words.next()?.parse().ok()?;
    let finished = match words.next()? {
        "finished" => true,
        "running" => false,
        _ => return None,
    };
    Some(Boot {
        incarnation,
        last_sequence,
        job: words.next()?.to_owned(),
        finished,
    })
}

/// Whether it is the form of before: `NUMBER LAST_SEQUENCE running|finished JOB`, where the number has at most ten digits.
fn is_numbered(text: &str) -> bool {
    let number = text.split(' ').next().unwrap_or_default();
    number.len() < 16 && number.parse::<u32>().is_ok()
}

/// Replaces a small file so that after any kind of end either the old or the new text is there.
pub(crate) fn write_whole(directory: &Path, name: &str, text: &str) -> Result<(), SpoolError> {
    let path = directory.join(name);
    let fresh = directory.join(format!("{name}.new"));
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(SpoolError::io(&fresh))?;
    fs::rename(&fresh, &path).map_err(SpoolError::io(&path))?;
    sync_directory(directory)
}

pub(crate) fn sync_directory(directory: &Path) -> Result<(), SpoolError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(SpoolError::io(directory))
}
