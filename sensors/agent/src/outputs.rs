//! What the sensor writes must not be what it reads: opening it would empty it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::Options;

/// Refuses settings under which a file would be read and written, or written twice.
pub(crate) fn check(options: &Options) -> anyhow::Result<()> {
    let outputs: Vec<(&str, &Path)> = [("--eve", &options.eve), ("--summary", &options.summary)]
        .into_iter()
        .filter_map(|(flag, path)| Some((flag, path.as_deref()?)))
        .filter(|(_, path)| *path != Path::new("-"))
        .collect();
    if let [(first, one), (second, other)] = outputs.as_slice()
        && is_same(one, other)
    {
        bail!("{second} {}: {first} writes it, too", other.display());
    }
    for (input, path) in inputs(options)? {
        for (output, written) in &outputs {
            if is_same(&path, written) {
                bail!(
                    "{output} {}: {input} reads it, and writing would empty it",
                    written.display()
                );
            }
        }
    }
    Ok(())
}

/// Every file that is read, with the flag that names it.
fn inputs(options: &Options) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let captures = options.read.iter().cloned().map(|path| ("--read", path));
    let signatures = vonggac_files::list(&options.rules, vonggac_files::SIGNATURES)?;
    let yara = vonggac_files::list(&options.yara, vonggac_files::YARA)?;
    Ok(captures
        .chain(signatures.into_iter().map(|path| ("--rules", path)))
        .chain(yara.into_iter().map(|path| ("--yara", path)))
        .collect())
}

/// Whether two paths lead to one file, however they are written.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()),
        // One that is not there yet is another than one that is.
        _ => one == other,
    }
}
