//! Which start of the sensor this is.
//!
//! A boot is one order of sequence numbers. A sensor on a tap begins a new one each time it starts. A sensor that reads files can go on with
//! the boot it was killed in: it reads the same files again, makes the same events in the same order, and leaves out those whose
//! sequence was accepted already. [`Boot::job`] says whether it is the same work.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::SpoolError;

/// A boot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Boot {
    /// Its number, from 1.
    pub number: u32,
    /// What it works on; empty on a tap.
    pub job: String,
    /// Highest sequence accepted so far.
    pub last_sequence: u64,
    /// Whether its work came to its end.
    pub finished: bool,
}

const FILE: &str = "boot";

pub(crate) fn load(directory: &Path) -> Result<Boot, SpoolError> {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Boot::default()),
        Err(error) => return Err(SpoolError::io(&path)(error)),
    };
    parse(&text).ok_or_else(|| SpoolError::Broken {
        path,
        problem: format!("does not hold a boot: {text:?}"),
    })
}

pub(crate) fn save(directory: &Path, boot: &Boot) -> Result<(), SpoolError> {
    let state = if boot.finished { "finished" } else { "running" };
    let text = format!("{} {} {state} {}\n", boot.number, boot.last_sequence, boot.job);
    write_whole(directory, FILE, &text)
}

fn parse(text: &str) -> Option<Boot> {
    let mut words = text.strip_suffix('\n')?.splitn(4, ' ');
    let number = words.next()?.parse().ok()?;
    let last_sequence = words.next()?.parse().ok()?;
    let finished = match words.next()? {
        "finished" => true,
        "running" => false,
        _ => return None,
    };
    Some(Boot {
        number,
        job: words.next()?.to_owned(),
        last_sequence,
        finished,
    })
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
