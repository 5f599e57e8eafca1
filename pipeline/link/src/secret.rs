//! Files that settings name.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Largest file with a secret that is read, in bytes; a longer one is some other file.
const SECRET_BYTES_MAX: u64 = 4096;

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub enum SettingError {
    /// A file cannot be read.
    #[error("--{flag} {file}: {source}", file = file.display())]
    Unreadable {
        /// The setting, without its dashes.
        flag: &'static str,
        /// The file it names.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is too large to hold a secret.
    #[error("--{flag} {file}: more than {SECRET_BYTES_MAX} bytes, which is no password", file = file.display())]
    TooLarge {
        /// The setting, without its dashes.
        flag: &'static str,
        /// The file it names.
        file: PathBuf,
    },
    /// A setting needs another.
    #[error("--{flag} needs --{missing}")]
    Alone {
        /// The setting, without its dashes.
        flag: &'static str,
        /// What it needs.
        missing: &'static str,
    },
}

/// Reads a password: the file's text without the end of its line.
///
/// # Errors
/// When the file cannot be read or is too large.
pub fn read_secret(flag: &'static str, file: &Path) -> Result<String, SettingError> {
    let failed = |source| SettingError::Unreadable {
        flag,
        file: file.to_owned(),
        source,
    };
    let mut text = String::new();
    let opened = File::open(file).map_err(failed)?;
    opened
        .take(SECRET_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(SettingError::TooLarge {
            flag,
            file: file.to_owned(),
        });
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

/// Whether a file that another library will read can be read: that library does not know the setting that names it.
///
/// # Errors
/// When it cannot.
pub fn check_readable(flag: &'static str, file: &Path) -> Result<(), SettingError> {
    // A directory opens but does not read.
    let outcome = File::open(file).and_then(|mut opened| opened.read(&mut [0]));
    outcome.map(|_| ()).map_err(|source| SettingError::Unreadable {
        flag,
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn a_secret_is_the_line_in_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, expect) in [
            ("open sesame\n", "open sesame"),
            ("a\r\n", "a"),
            (" b ", " b "),
            ("", ""),
        ] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(read_secret("password-file", file.path()).unwrap(), expect);
        }
    }

    #[test]
    fn a_file_that_does_not_do_is_named_with_its_flag() {
        let directory = tempfile::tempdir().unwrap();
        let large = directory.path().join("large");
        fs::write(&large, "x".repeat(5000)).unwrap();
        let missing = directory.path().join("missing");
        for (file, words) in [
            (large.as_path(), "no password"),
            (missing.as_path(), "No such file"),
            (directory.path(), "directory"),
        ] {
            let error = read_secret("kafka-password-file", file).unwrap_err().to_string();
            for word in ["--kafka-password-file", &file.display().to_string(), words] {
                assert!(error.contains(word), "{word} is not in {error}");
            }
        }
        assert!(check_readable("kafka-ca", &missing).is_err());
        assert!(check_readable("kafka-ca", directory.path()).is_err());
        assert!(check_readable("kafka-ca", &large).is_ok());
    }
}
