//! The data directory is its user's alone.
//!
//! PostgreSQL runs as another user when this one is root: that user's group may pass through the directory, but not list it, and
//! owns nothing in it but the cluster. A directory that holds other things than ours keeps its rights; what is ours in it does not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::Mode;

/// Rights of everybody but the owner.
const OTHERS: u32 = 0o077;
/// The group's right to pass through.
const GROUP_PASSES: u32 = 0o010;

/// Whatever the parts make lies in one of these, so that closing them is enough.
const OURS: [&str; 15] = [
    "audit.checkpoints",
    "clickhouse",
    "client.toml",
    "kafka",
    "log",
    "postgres",
    "postgres.init",
    "postgres.password",
    "run",
    "sample",
    "secrets",
    "setup-code",
    "spool",
    "status.json",
    "status.new",
];

/// What this process and those it starts make from now on is nobody else's to read.
pub(crate) fn from_now_on() {
    rustix::process::umask(Mode::from_raw_mode(OTHERS));
}

/// Closes the directory to other users, and what earlier builds left open in it. `guest` is the group that may pass through.
pub(crate) fn close(data: &Path, guest: Option<u32>) -> anyhow::Result<()> {
    let named = || data.display().to_string();
    let mut is_shared = false;
    for entry in fs::read_dir(data).with_context(named)? {
        let entry = entry.with_context(named)?;
        let name = entry.file_name();
        if !OURS.iter().any(|ours| name == *ours) {
            is_shared |= name != "lost+found";
        } else if !entry.file_type().with_context(named)?.is_symlink() {
            restrict(&entry.path(), 0)?;
        }
    }
    if is_shared {
        return Ok(());
    }
    if let Some(group) = guest {
        chown(data, None, Some(group)).with_context(named)?;
    }
    restrict(data, if guest.is_some() { GROUP_PASSES } else { 0 })
}

/// Takes every right of others but `left`.
fn restrict(path: &Path, left: u32) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mode = fs::metadata(path).with_context(named)?.permissions().mode() & 0o7777;
    let wanted = (mode & !OTHERS) | left;
    if mode != wanted {
        fs::set_permissions(path, Permissions::from_mode(wanted)).with_context(named)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn open_directory() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        fs::set_permissions(data.path(), Permissions::from_mode(0o755)).unwrap();
        for name in ["kafka", "log"] {
            fs::create_dir(data.path().join(name)).unwrap();
            fs::set_permissions(data.path().join(name), Permissions::from_mode(0o755)).unwrap();
        }
        data
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_an_earlier_build_left_open_is_closed() {
        let data = open_directory();
        close(data.path(), None).unwrap();
        assert_eq!(mode(data.path()), 0o700);
        assert_eq!(mode(&data.path().join("kafka")), 0o700);
    }

    #[test]
    fn the_group_of_postgresql_may_pass_through_and_no_more() {
        let data = open_directory();
        let own = rustix::process::getegid().as_raw();
        close(data.path(), Some(own)).unwrap();
        assert_eq!(mode(data.path()), 0o710);
        assert_eq!(mode(&data.path().join("log")), 0o700);
    }

    #[test]
    fn a_directory_that_holds_other_things_keeps_its_rights() {
        let data = open_directory();
        fs::write(data.path().join("notes"), "").unwrap();
        fs::set_permissions(data.path().join("notes"), Permissions::from_mode(0o644)).unwrap();
        close(data.path(), None).unwrap();
        assert_eq!(mode(data.path()), 0o755);
        assert_eq!(mode(&data.path().join("notes")), 0o644);
        assert_eq!(mode(&data.path().join("kafka")), 0o700);
    }
}
