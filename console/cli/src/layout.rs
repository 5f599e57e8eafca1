//! Where things are: the data directory, the servers' files, the shipped rules.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The data directory when none is given: of the system for root, of the user otherwise.
pub(crate) fn default_data() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/vonggac");
    }
    let home = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    home("XDG_DATA_HOME")
        .or_else(|| home("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("vonggac")
}

/// The directory that holds `kafka/libs` and `clickhouse/`.
pub(crate) fn servers(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    first_there(
        given,
        &["../servers", "../../servers", "../lib/vonggac/servers"],
        &["/usr/lib/vonggac/servers"],
    )
    .context("the servers' files are not there: run `make servers`, or give --servers DIR")
}

/// The rules that come with the platform.
pub(crate) fn rules(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    first_there(
        given,
        &[
            "../../rules/content",
            "../../../rules/content",
            "../share/vonggac/rules",
        ],
        &["/usr/share/vonggac/rules"],
    )
    .context("the shipped rules are not there: give --rules DIR")
}

/// `given` when it is; else the first directory there is, beside the binary or at a fixed place.
fn first_there(given: Option<&Path>, beside: &[&str], fixed: &[&str]) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return given.canonicalize().with_context(|| given.display().to_string());
    }
    let binary = env::current_exe()?.canonicalize()?;
    let directory = binary.parent().unwrap_or(Path::new("/"));
    let candidates = beside
        .iter()
        .map(|place| directory.join(place))
        .chain(fixed.iter().map(PathBuf::from));
    let tried: Vec<PathBuf> = candidates.collect();
    tried
        .iter()
        .find_map(|place| place.canonicalize().ok().filter(|place| place.is_dir()))
        .with_context(|| {
            format!(
                "looked at {}",
                tried
                    .iter()
                    .map(|place| place.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        })
}
