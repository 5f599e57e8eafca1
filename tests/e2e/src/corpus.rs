//! Where the repository and the public captures are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Extensions of capture files, as far as the corpus has them.
const EXTENSIONS: [&str; 5] = ["pcap", "pcapng", "cap", "trace", "gz"];

/// The repository's root.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The public captures and rules; `None` when they are not on this machine, which is printed.
pub fn corpus() -> Option<PathBuf> {
    let beside = repository().join("../shared/corpus");
    let path = env::var_os("VONGGAC_CORPUS").map_or(beside, PathBuf::from);
    let found = path.canonicalize().ok().filter(|path| path.is_dir());
    if found.is_none() {
        println!(
            "skipped: no corpus at {}; VONGGAC_CORPUS says where one is",
            path.display()
        );
    }
    found
}

/// All capture files below a directory, in order of name.
///
/// # Errors
/// When a directory cannot be read.
pub fn captures(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let extension = path
                .extension()
                .and_then(|extension| extension.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                waiting.push(path);
            } else if EXTENSIONS.contains(&extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
