//! Where the public captures are: `VONGGAC_CORPUS`, or beside the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Extensions of capture files, as far as the corpus has them.
const EXTENSIONS: [&str; 5] = ["pcap", "pcapng", "cap", "trace", "gz"];

/// A folder of the corpus; `None` when it is not on this machine, which is printed.
pub fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let path = env::var_os("VONGGAC_CORPUS")
        .map_or(beside, PathBuf::from)
        .join(name);
    let found = path.canonicalize().ok().filter(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: no {name} in the corpus; VONGGAC_CORPUS says where a corpus is");
    }
    found
}

/// All capture files below a folder, in order of name.
///
/// # Errors
/// When a folder cannot be read.
pub fn captures(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() {
                waiting.push(path);
            } else if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
