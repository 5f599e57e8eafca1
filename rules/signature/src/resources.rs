//! What rules name that lies outside of them: lists in files, sets shared between workers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::{DatasetStore, MemoryDatasets};
use crate::reputation::ReputationLists;

/// Reads the files that rules name. The crate itself reads none.
pub trait RuleFiles: fmt::Debug + Send + Sync {
    /// The text of a file that a rule of `rule_file` names.
    ///
    /// # Errors
    /// In words, why it cannot be read.
    fn read(&self, rule_file: &str, name: &str) -> Result<String, String>;

    /// Where the file lies that a rule of `rule_file` wants the values of a set written to.
    ///
    /// # Errors
    /// In words, why nothing is written there.
    fn saved_path(&self, rule_file: &str, name: &str) -> Result<PathBuf, String> {
        let _ = rule_file;
        Err(format!("{name} cannot be written: no files are written here"))
    }

    /// What was written to such a file; `None` when nothing was yet.
    ///
    /// # Errors
    /// In words, why a file that is there cannot be read.
    fn read_saved(&self, path: &Path) -> Result<Option<String>, String> {
        let _ = path;
        Ok(None)
    }
}

/// Reads nothing: rules that name files are refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl RuleFiles for NoFiles {
    fn read(&self, _rule_file: &str, name: &str) -> Result<String, String> {
        Err(format!("{name} cannot be read: no files are read here"))
    }
}

/// Where rules get what they name.
#[derive(Debug, Clone)]
pub struct Resources {
    /// Lists of digests (`filemd5` …).
    pub files: Arc<dyn RuleFiles>,
    /// Sets (`dataset`, `datarep`). One store serves all engines that are to share their sets.
    pub datasets: Arc<dyn DatasetStore>,
    /// What is thought of addresses (`iprep`).
    pub reputation: Arc<ReputationLists>,
}

impl Resources {
    /// Files read through `files`, sets in memory.
    pub fn new(files: Arc<dyn RuleFiles>) -> Resources {
        Resources {
            datasets: Arc::new(MemoryDatasets::new(Arc::clone(&files))),
            files,
            reputation: Arc::default(),
        }
    }
}

impl Default for Resources {
    /// No files; sets in memory, empty at first.
    fn default() -> Resources {
        Resources::new(Arc::new(NoFiles))
    }
}
