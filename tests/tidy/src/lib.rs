//! Checks of the workspace's own rules: which crate may use which, and what stands in the sources.
//!
//! [`workspace`] asks cargo, [`sources`] asks git; `tests/` hold the rules themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The workspace's own packages, without their dependencies' facts.
///
/// # Errors
/// When cargo cannot say.
pub fn workspace() -> anyhow::Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata")
}

/// A file of the repository.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text; none when it is no UTF-8.
    pub text: Option<String>,
}

impl Source {
    /// Whether it is Rust of a crate (not of its tests, examples or build script).
    pub fn is_crate_source(&self) -> bool {
        self.path.ends_with(".rs") && self.path.contains("/src/")
    }

    /// Whether it holds nothing but tests, going by its name.
    pub fn is_test_module(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        matches!(name, "tests.rs" | "testing.rs" | "reference.rs")
            || name.ends_with("_tests.rs")
            || name.ends_with("_test.rs")
            || self.path.contains("/src/tests/")
    }

    /// The lines of code, numbered from 1: no comments, nothing from the tests at the end of the file on.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let text = self.text.as_deref().unwrap_or_default();
        let is_code = |line: &str| !line.trim_start().starts_with("//");
        text.lines()
            .enumerate()
            .take_while(|(_, line)| !line.starts_with("#[cfg(test)]") && !line.starts_with("#![cfg(test)]"))
            .filter(move |(_, line)| is_code(line))
            .map(|(index, line)| (index + 1, line))
    }
}

/// Every file that is tracked by git or would be, sorted by path.
///
/// # Errors
/// When git cannot say.
pub fn sources() -> anyhow::Result<Vec<Source>> {
    let root = root();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .context("git")?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut paths: Vec<String> = String::from_utf8(output.stdout)?
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    let read = |path: String| {
        // A file that was removed but not yet from git's index is no source any more.
        let bytes = fs::read(root.join(&path)).ok()?;
        Some(Source {
            path,
            text: String::from_utf8(bytes).ok(),
        })
    };
    Ok(paths.into_iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_no_code() {
        let text = "//! Docs\nuse a;\n    // why\nfn b() {}\n#[cfg(test)]\nmod tests {}\n";
        let source = Source {
            path: "x/src/lib.rs".to_owned(),
            text: Some(text.to_owned()),
        };
        assert_eq!(
            source.code_lines().collect::<Vec<_>>(),
            [(2, "use a;"), (4, "fn b() {}")]
        );
        assert!(source.is_crate_source() && !source.is_test_module());
    }
}
