//! The file in which a log leaves the console: JSON lines, each ended by `\n`.
//!
//! ```text
//!  {"format":"vonggac-audit-export","version":1,"entries":2,"checkpoints":1}
//!  {"hash":"<64 hex>","root":"<64 hex>","entry":{"v":1,"seq":0,…}}
//!  {"hash":"<64 hex>","root":"<64 hex>","entry":{"v":1,"seq":1,…}}
//!  {"checkpoint":"vonggac-audit-5f1c…\n2\nCsUY…=\n\n— vonggac-audit-5f1c… …\n"}
//! ```
//! - The first line tells how many entries and checkpoints follow.
//! - An entry's line holds the entry's own bytes (`super::entry`), their leaf hash, and the root of the tree up to and with this
//!   entry. The places of the hashes are fixed, so that nobody needs to parse JSON in order to hash.
//! - A checkpoint stands right after the last entry that it covers.

use serde::{Deserialize, Serialize};

use crate::tree::Hash;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = crate::entry::ENTRY_BYTES_MAX + 256;

const HASH: &[u8] = b"{\"hash\":\"";
const ROOT: &[u8] = b"\",\"root\":\"";
const ENTRY: &[u8] = b"\",\"entry\":";
const END: &[u8] = b"}";
const HEX: usize = 64;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    format: String,
    version: u8,
    /// Entries that follow.
    pub(crate) entries: u64,
    /// Checkpoints among them.
    pub(crate) checkpoints: u64,
}

impl Header {
    fn new(entries: u64, checkpoints: u64) -> Self {
        Self {
            format: "vonggac-audit-export".to_owned(),
            version: 1,
            entries,
            checkpoints,
        }
    }

    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let header: Self = serde_json::from_slice(line).ok()?;
        (header_line(header.entries, header.checkpoints)
            .as_bytes()
            .strip_suffix(b"\n")
            == Some(line))
        .then_some(header)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

/// The first line of an export of so many entries and checkpoints.
pub fn header_line(entries: u64, checkpoints: u64) -> String {
    serde_json::to_string(&Header::new(entries, checkpoints)).unwrap_or_default() + "\n"
}

/// The line of an entry, from its own bytes.
pub fn entry_line(entry: &[u8], hash: &Hash, root: &Hash) -> Vec<u8> {
    let (hash, root) = (hash.to_string(), root.to_string());
    [
        HASH,
        hash.as_bytes(),
        ROOT,
        root.as_bytes(),
        ENTRY,
        entry,
        END,
        b"\n",
    ]
    .concat()
}

/// The line of a checkpoint, from its signed note. A file of such lines is what a console leaves with its witness.
pub fn checkpoint_line(note: &str) -> String {
    let line = CheckpointLine {
        checkpoint: note.to_owned(),
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// The note in the line of a checkpoint, which has no `\n` at its end any more.
pub fn read_checkpoint_line(line: &[u8]) -> Option<String> {
    let read: CheckpointLine = serde_json::from_slice(line).ok()?;
    let written = checkpoint_line(&read.checkpoint);
    (written.as_bytes().strip_suffix(b"\n") == Some(line)).then_some(read.checkpoint)
}

pub(crate) fn is_checkpoint_line(line: &[u8]) -> bool {
    line.starts_with(b"{\"checkpoint\":")
}

/// What stands in an entry's line.
pub(crate) struct EntryLine<'a> {
    pub(crate) hash: Hash,
    pub(crate) root: Hash,
    pub(crate) entry: &'a [u8],
}

impl<'a> EntryLine<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let (hash, rest) = line.strip_prefix(HASH)?.split_at_checked(HEX)?;
        let (root, rest) = rest.strip_prefix(ROOT)?.split_at_checked(HEX)?;
        Some(Self {
            hash: Hash::from_hex(hash)?,
            root: Hash::from_hex(root)?,
            entry: rest.strip_prefix(ENTRY)?.strip_suffix(END)?,
        })
    }
}
