//! Whether an export is the log that the console wrote, and if not, where it first is not.
//!
//! What is proved depends on what whoever checks knows beside the export:
//!
//! | known | what cannot have happened unnoticed |
//! |---|---|
//! | nothing | a byte changed, an entry taken out, put in, or moved, a file cut off: by somebody who did not make all hashes after it anew |
//! | the console's public key | the same by anybody, up to the export's last checkpoint, but for a log cut back to an older checkpoint |
//! | the key and the newest checkpoint | the same, and a log cut back |
//!
//! Where: a line that does not fit is named with its entry. Somebody who makes every hash after a change anew leaves no such line, but
//! cannot sign: then the first checkpoint that does not fit is found, and the entries named are those since the last one that does,
//! one minute's. Entries after the last checkpoint are vouched for by nobody yet; [`Verified::signed`] tells how many are.
//!
//! What is not proved: that what an entry tells is true, that a console with its key stolen has not written lies, and that what
//! happened without the console is there at all.

use std::cmp::Reverse;
use std::fmt;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::entry::Entry;
use crate::export::{self, EntryLine, Header, LINE_BYTES_MAX};
use crate::note::PublicKey;
use crate::proof::Head;
use crate::tree::{Frontier, Hash, leaf_hash};

/// What of an export is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first line.
    Header,
    /// One entry, by its number.
    Entry(u64),
    /// One or more of these entries.
    Entries {
        /// The first that nobody vouches for.
        first: u64,
        /// The last before the checkpoint that does not fit.
        last: u64,
    },
    /// A checkpoint that stands after so many entries.
    Checkpoint(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => out.write_str("the first line"),
            Self::Entry(entry) => write!(out, "entry {entry}"),
            Self::Entries { first, last } => write!(out, "entries {first} to {last}"),
            Self::Checkpoint(size) => write!(out, "the checkpoint after {size} entries"),
        }
    }
}

/// The first thing that is wrong with an export.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line}: {place}: {why}")]
pub struct Bad {
    /// Line of the export, from 1.
    pub line: u64,
    /// What is bad.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// An export in which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its entries and their root.
    pub head: Head,
    /// Checkpoints in it.
    pub checkpoints: u64,
    /// Entries under its last checkpoint, or under one that was known.
    pub signed: u64,
}

/// Checks an export line by line. A clone goes on from where the other stands.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<PublicKey>,
    /// Checkpoints known from elsewhere, the largest first.
    known: Vec<Checkpoint>,
    header: Option<Header>,
    lines: u64,
    frontier: Frontier,
    last_leaf: Option<Hash>,
    checkpoints: u64,
    /// Entries under the last checkpoint that fits.
    vouched: u64,
}

impl Verifier {
    /// A verifier that believes `keys` (all that signed checkpoints of this log; none, to check no signature) and holds the log
    /// against `known` signed checkpoints from elsewhere.
    ///
    /// # Errors
    /// When a known checkpoint is none, or none of the keys has signed it.
    pub fn new(keys: Vec<PublicKey>, known: &[String]) -> Result<Self, CheckpointError> {
        let known: Result<Vec<_>, _> = known.iter().map(|note| Checkpoint::open(note, &keys)).collect();
        let mut known = known?;
        known.sort_by_key(|checkpoint| Reverse(checkpoint.head.size));
        Ok(Self {
            keys,
            known,
            header: None,
            lines: 0,
            frontier: Frontier::default(),
            last_leaf: None,
            checkpoints: 0,
            vouched: 0,
        })
    }

    fn bad(&self, place: Place, why: impl Into<String>) -> Bad {
        Bad {
            line: self.lines,
            place,
            why: why.into(),
        }
    }

    fn bad_entry(&self, why: impl Into<String>) -> Bad {
        self.bad(Place::Entry(self.frontier.size()), why)
    }

    /// Takes the next line, with the `\n` at its end.
    ///
    /// # Errors
    /// [`Bad`] when it is the first that does not fit; nothing more is to be asked then.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Bad> {
        self.lines = self.lines.saturating_add(1);
        let size = self.frontier.size();
        let place = match (&self.header, export::is_checkpoint_line(line)) {
            (None, _) => Place::Header,
            (Some(_), true) => Place::Checkpoint(size),
            (Some(_), false) => Place::Entry(size),
        };
        if line.len() > LINE_BYTES_MAX {
            return Err(self.bad(place, "the line is longer than any that is written"));
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(self.bad(place, "the line is cut off"));
        };
        match place {
            Place::Header => self.header(line),
            Place::Checkpoint(_) => self.checkpoint(line),
            _ => self.entry(line),
        }
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Bad> {
        let Some(header) = Header::parse(line) else {
            return Err(self.bad(Place::Header, "it is not that of an export"));
        };
        self.header = Some(header);
        self.compare_known()
    }

    fn entry(&mut self, line: &[u8]) -> Result<(), Bad> {
        let expected = self.frontier.size();
        let Some(read) = EntryLine::parse(line) else {
            return Err(self.bad_entry("the line is not written as an entry's"));
        };
        let leaf = leaf_hash(read.entry);
        if leaf != read.hash {
            return Err(self.bad_entry("its content is not what its hash was made of"));
        }
        let entry = Entry::decode(read.entry).map_err(|why| self.bad_entry(why.to_string()))?;
        if entry.seq != expected {
            return Err(self.out_of_order(entry.seq, &leaf));
        }
        if self
            .header
            .as_ref()
            .is_some_and(|header| header.entries <= expected)
        {
            return Err(self.bad_entry("the first line tells of fewer entries"));
        }
        self.frontier.push(leaf, |_, _| ());
        if self.frontier.root() != read.root {
            let why = "its root does not follow from the entries up to it";
            return Err(self.bad(Place::Entry(expected), why));
        }
        self.last_leaf = Some(leaf);
        self.compare_known()
    }

    fn out_of_order(&self, found: u64, leaf: &Hash) -> Bad {
        let expected = self.frontier.size();
        if found > expected {
            return self.bad_entry(format!("it is missing: entry {found} stands in its place"));
        }
        if found + 1 == expected && self.last_leaf.as_ref() != Some(leaf) {
            return self.bad(Place::Entry(found), "two different entries have this number");
        }
        self.bad_entry(format!("entry {found} stands in its place, again"))
    }

    fn checkpoint(&mut self, line: &[u8]) -> Result<(), Bad> {
        let size = self.frontier.size();
        let place = Place::Checkpoint(size);
        let note = export::read_checkpoint_line(line);
        let note = note.ok_or_else(|| self.bad(place, "the line is not written as a checkpoint's"))?;
        let read = Checkpoint::open(&note, &self.keys).map_err(|why| self.bad(place, why.to_string()))?;
        if read.head.size > size {
            // It covers what does not stand before it.
            return Err(self.bad_entry(format!(
                "it is missing before a checkpoint of {} entries",
                read.head.size
            )));
        }
        if read.head.size < size {
            return Err(self.bad(place, format!("it is of {} entries", read.head.size)));
        }
        self.checkpoints = self.checkpoints.saturating_add(1);
        if self
            .header
            .as_ref()
            .is_some_and(|header| header.checkpoints < self.checkpoints)
        {
            return Err(self.bad(place, "the first line tells of fewer checkpoints"));
        }
        self.vouch(&read)
    }

    /// Holds the log against the checkpoints that are known of its present size.
    fn compare_known(&mut self) -> Result<(), Bad> {
        while let Some(known) = self.known.pop_if(|known| known.head.size == self.frontier.size()) {
            self.vouch(&known)?;
        }
        Ok(())
    }

    fn vouch(&mut self, checkpoint: &Checkpoint) -> Result<(), Bad> {
        let size = self.frontier.size();
        if checkpoint.head.root == self.frontier.root() {
            self.vouched = size;
            return Ok(());
        }
        let place = match size.checked_sub(1) {
            Some(last) if last > self.vouched => Place::Entries {
                first: self.vouched,
                last,
            },
            Some(last) if last == self.vouched => Place::Entry(last),
            // Two checkpoints of one size, of which one fits.
            _ => Place::Checkpoint(size),
        };
        let why = format!(
            "the signed root of {size} entries is {}, and that of these entries is {}",
            checkpoint.head.root,
            self.frontier.root()
        );
        Err(self.bad(place, why))
    }

    /// That the export ends here.
    ///
    /// # Errors
    /// [`Bad`] when something is missing.
    pub fn finish(mut self) -> Result<Verified, Bad> {
        self.lines = self.lines.saturating_add(1);
        let size = self.frontier.size();
        let Some(header) = &self.header else {
            return Err(self.bad(Place::Header, "there is none"));
        };
        if size < header.entries {
            return Err(self.bad_entry(format!(
                "it is missing: the first line tells of {} entries",
                header.entries
            )));
        }
        if let Some(known) = self.known.first() {
            return Err(self.bad_entry(format!(
                "it is missing: a checkpoint of {} entries is known",
                known.head.size
            )));
        }
        if self.checkpoints < header.checkpoints {
            return Err(self.bad(
                Place::Checkpoint(size),
                "it is missing: the first line tells of more",
            ));
        }
        if !self.keys.is_empty() && self.vouched == 0 && size > 0 {
            return Err(self.bad(
                Place::Checkpoint(size),
                "there is none, so that nobody vouches for any entry",
            ));
        }
        Ok(Verified {
            head: Head {
                size,
                root: self.frontier.root(),
            },
            checkpoints: self.checkpoints,
            signed: self.vouched,
        })
    }
}

/// Checks a whole export.
///
/// # Errors
/// [`Bad`]
pub fn verify(export: &[u8], mut verifier: Verifier) -> Result<Verified, Bad> {
    for line in export.split_inclusive(|byte| *byte == b'\n') {
        verifier.line(line)?;
    }
    verifier.finish()
}
