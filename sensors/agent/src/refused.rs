//! Messages that nobody takes: kept in a file beside the spool, for a person.
//!
//! ```text
//! DIR/refused/messages.jsonl:  {"incarnation":"…","sequence":7,"reason":"…","key":"base 16","value":"base 16"}
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use vonggac_event::hexadecimal;
use vonggac_spool::Record;

/// Most bytes of the file; what comes then is lost and counted.
pub(crate) const FILE_BYTES_MAX: u64 = 64 << 20;

/// The file.
pub(crate) struct RefusedFile {
    path: PathBuf,
}

impl RefusedFile {
    /// The file of the spool in `directory`; it is made when there is something to keep.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join("refused").join("messages.jsonl"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a message; says whether there was room under the limit.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn keep(&self, record: &Record, reason: &str) -> io::Result<bool> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let line = format!(
            "{}\n",
            json!({
                "incarnation": format!("{:016x}", record.incarnation),
                "sequence": record.sequence,
                "reason": reason,
                "key": hexadecimal(&record.key),
                "value": hexadecimal(&record.value),
            })
        );
        let before = file.metadata()?.len();
        if before + line.len() as u64 > FILE_BYTES_MAX {
            return Ok(false);
        }
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line would break the next one.
            let _ = file.set_len(before);
        }
        written.map(|()| true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_message_can_be_read_again_and_the_file_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let file = RefusedFile::new(directory.path());
        let record = Record {
            incarnation: 0xab,
            sequence: 7,
            key: b"k".to_vec(),
            value: vec![0, 255],
        };
        assert!(file.keep(&record, "too \"large\"").unwrap());
        let line: serde_json::Value = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
        assert_eq!(line["incarnation"], "00000000000000ab");
        assert_eq!((&line["key"], &line["value"]), (&json!("6b"), &json!("00ff")));
        assert_eq!(line["reason"], "too \"large\"");
        let length = OpenOptions::new().write(true).open(file.path()).unwrap();
        length.set_len(FILE_BYTES_MAX).unwrap();
        assert!(!file.keep(&record, "").unwrap());
    }
}
