//! Rule files from paths: which ones, in which order, bounded.
//!
//! Every role that loads rules, and `vonggac rules check`, take paths the same way: a file as it is, a directory's files of the right
//! extensions in order of name, also in directories below it. What is in them is for the engines.

mod saved;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vonggac_signature::RuleFiles;

pub use saved::write;

/// Largest rule file read, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// How deep directories are searched.
pub const DEPTH_MAX: usize = 8;

/// Extensions of signatures.
pub const SIGNATURES: &[&str] = &["rules"];
/// Extensions of Sigma rules.
pub const SIGMA: &[&str] = &["yml", "yaml"];
/// Extensions of YARA rules.
pub const YARA: &[&str] = &["yar", "yara"];

/// A rule file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its path, for messages.
    pub name: String,
    /// Its text; bytes that are not UTF-8 (old sets carry Latin-1 in messages) are replaced.
    pub text: String,
}

/// Why a path could not be read.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is too large to be rules.
    #[error("{}: {bytes} bytes are over the limit of {FILE_BYTES_MAX}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

impl FilesError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Reads `paths`: a file as it is, a directory's files of one of `extensions`.
///
/// # Errors
/// When a path cannot be read; the error names it.
pub fn read(paths: &[PathBuf], extensions: &[&str]) -> Result<Vec<RuleFile>, FilesError> {
    list(paths, extensions)?
        .iter()
        .map(|path| read_file(path))
        .collect()
}

/// The files that [`read`] reads.
///
/// # Errors
/// When a directory cannot be read; the error names it.
pub fn list(paths: &[PathBuf], extensions: &[&str]) -> Result<Vec<PathBuf>, FilesError> {
    let mut found = Vec::new();
    for path in paths {
        if fs::metadata(path).map_err(FilesError::io(path))?.is_dir() {
            search(path, extensions, DEPTH_MAX, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn search(
    directory: &Path,
    extensions: &[&str],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), FilesError> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(FilesError::io(directory))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            if depth > 0 {
                search(&path, extensions, depth - 1, found)?;
            }
        } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
            found.push(path);
        }
    }
    Ok(())
}

/// The text of one file.
///
/// # Errors
/// When it cannot be read; the error names it.
pub fn read_text(path: &Path) -> Result<String, FilesError> {
    Ok(read_file(path)?.text)
}

fn read_file(path: &Path) -> Result<RuleFile, FilesError> {
    let bytes = fs::metadata(path).map_err(FilesError::io(path))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(FilesError::TooLarge {
            path: path.to_owned(),
            bytes,
        });
    }
    let text = fs::read(path).map_err(FilesError::io(path))?;
    Ok(RuleFile {
        name: path.display().to_string(),
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// The lists that signatures name, such as `dataset:isset,hosts,type ip,load hosts.lst`: beside the file of rules that names them, or where their
/// whole path says. What rules want written lies there, too, and in no other directory than those below it and those that are allowed.
#[derive(Debug, Clone, Default)]
pub struct BesideRules {
    /// Directories that a rule may name by their whole path to have files written there.
    pub written_to: Vec<PathBuf>,
}

impl RuleFiles for BesideRules {
    fn read(&self, rule_file: &str, name: &str) -> Result<String, String> {
        read_text(&directory(rule_file).join(name)).map_err(|error| error.to_string())
    }

    fn saved_path(&self, rule_file: &str, name: &str) -> Result<PathBuf, String> {
        saved::path(directory(rule_file), name, &self.written_to)
    }

    fn read_saved(&self, path: &Path) -> Result<Option<String>, String> {
        match read_text(path) {
            Ok(text) => Ok(Some(text)),
            Err(FilesError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The directory that a file of rules lies in.
fn directory(rule_file: &str) -> &Path {
    Path::new(rule_file).parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directories_give_their_files_in_order_and_files_come_as_they_are() {
        let directory = tempfile::TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("c")).unwrap();
        for name in ["b.rules", "a.rules", "c/d.rules", "notes.txt"] {
            fs::write(at(name), name).unwrap();
        }
        let texts = |paths: &[PathBuf]| -> Vec<String> {
            read(paths, SIGNATURES)
                .unwrap()
                .into_iter()
                .map(|file| file.text)
                .collect()
        };
        assert_eq!(
            texts(&[directory.path().to_owned()]),
            ["a.rules", "b.rules", "c/d.rules"]
        );
        assert_eq!(texts(&[at("notes.txt")]), ["notes.txt"]);
    }

    #[test]
    fn lists_lie_beside_the_rules_that_name_them() {
        let directory = tempfile::TempDir::new().unwrap();
        fs::write(directory.path().join("hosts.lst"), "192.0.2.1").unwrap();
        let rules = directory.path().join("a.rules").display().to_string();
        let files = BesideRules::default();
        assert_eq!(files.read(&rules, "hosts.lst").unwrap(), "192.0.2.1");
        let error = files.read(&rules, "no.lst").unwrap_err();
        assert!(error.contains("no.lst: "), "{error}");
    }

    #[test]
    fn a_missing_path_is_named() {
        let error = read(&[PathBuf::from("/nonexistent/x.rules")], SIGNATURES).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/x.rules: "), "{error}");
    }
}
