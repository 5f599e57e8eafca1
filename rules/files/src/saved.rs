//! Files that rules want written: the values of `dataset:set,seen,type string,state seen.lst`.
//!
//! Rules come from others: what they name is written beside them or below, or where the operator allows it, and never over rules.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::{FilesError, SIGMA, SIGNATURES, YARA};

/// Where a file of this name is written, which a rule in `directory` wants.
pub(crate) fn path(directory: &Path, name: &str, allowed: &[PathBuf]) -> Result<PathBuf, String> {
    let named = Path::new(name);
    let is_within = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    let is_allowed = match named.is_absolute() {
        true => allowed
            .iter()
            .any(|directory| named.strip_prefix(directory).is_ok_and(is_within)),
        false => is_within(named),
    };
    if !is_allowed {
        return Err(format!(
            "{name} is not written: it lies in no directory that rules may write to"
        ));
    }
    let path = directory.join(named);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let of_rules = [SIGNATURES, SIGMA, YARA].concat();
    if extension.is_some_and(|extension| of_rules.contains(&extension)) {
        return Err(format!("{name} is not written: its name is one of rules"));
    }
    if named.file_name().is_none() || path.is_dir() {
        return Err(format!("{name:?} is no name of a file"));
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    match parent.as_os_str().is_empty() || parent.is_dir() {
        true => Ok(path),
        false => Err(format!("{} is no directory", parent.display())),
    }
}

/// Writes a file whole: whoever reads it, also after a power cut, finds this text or what was there before.
///
/// # Errors
/// When it cannot be written; the error names it.
pub fn write(path: &Path, text: &str) -> Result<(), FilesError> {
    try_write(path, text).map_err(FilesError::io(path))
}

fn try_write(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut beside = name.to_owned();
    beside.push(".new");
    let beside = path.with_file_name(beside);
    // Left by one that was killed.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if let Err(error) = renamed {
        // The first error says what is wrong.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rules_write_beside_themselves_and_where_they_may() {
        let place = tempfile::TempDir::new().unwrap();
        let (rules, state) = (place.path().join("rules"), place.path().join("state"));
        for directory in [&rules, &state, &rules.join("sub")] {
            fs::create_dir(directory).unwrap();
        }
        let whole = |name: &str| state.join(name).display().to_string();
        let check = |name: &str, allowed: &[PathBuf], expect: Result<PathBuf, &str>| {
            let found = path(&rules, name, allowed);
            match expect {
                Ok(expect) => assert_eq!(found, Ok(expect), "{name}"),
                Err(words) => assert!(found.unwrap_err().contains(words), "{name}"),
            }
        };
        let allowed = [state.clone()];
        check("seen.lst", &[], Ok(rules.join("seen.lst")));
        check("sub/seen.lst", &[], Ok(rules.join("sub/seen.lst")));
        check("no/seen.lst", &[], Err("rules/no is no directory"));
        check("", &[], Err("no name of a file"));
        check("sub", &[], Err("no name of a file"));
        check("../state/seen.lst", &allowed, Err("may write to"));
        check("sub/../../state/seen.lst", &allowed, Err("may write to"));
        check("other.rules", &[], Err("one of rules"));
        check(&whole("seen.lst"), &[], Err("may write to"));
        check(&whole("seen.lst"), &allowed, Ok(state.join("seen.lst")));
        check(&whole("../rules/seen.lst"), &allowed, Err("may write to"));
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join("seen.lst");
        for text in ["a\nb\n", "c\n"] {
            write(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let names = |place: &Path| fs::read_dir(place).unwrap().count();
        assert_eq!(names(place.path()), 1);
        // A directory in its place cannot be replaced.
        let taken = place.path().join("taken");
        fs::create_dir_all(taken.join("x")).unwrap();
        let error = write(&taken, "c").unwrap_err().to_string();
        assert!(error.contains("taken: "), "{error}");
        assert_eq!(names(place.path()), 2);
    }
}
