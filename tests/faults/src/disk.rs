//! Disks that fill.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// Size of the pieces in which the ballast is written at first, in bytes.
const PIECE: usize = 1 << 20;

/// A file system of its own at a directory, full after some bytes; unmounted when dropped, also while it is in use.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `path`, which is made; `None`, with a word about it, where this user may not mount.
    ///
    /// # Errors
    /// When it should be possible: for root with `CI=true`.
    pub fn mount(path: &Path, bytes: u64) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(path)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "tmpfs"])
            .arg(path)
            .output()
            .context("mount")?;
        if mounted.status.success() {
            return Ok(Some(Self {
                path: path.to_owned(),
            }));
        }
        let said = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
        let is_root = fs::read_to_string("/proc/self/status")?
            .lines()
            .any(|line| line.starts_with("Uid:\t0\t"));
        if is_root && std::env::var_os("CI").is_some_and(|value| value == "true") {
            bail!("mounting a small disk: {said}");
        }
        println!("skipped: mounting a small disk needs root: {said}");
        Ok(None)
    }

    /// Takes all the room there is.
    ///
    /// # Errors
    /// When the ballast cannot be made at all.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        let mut bytes = vec![0; PIECE];
        while !bytes.is_empty() {
            if file.write_all(&bytes).is_err() {
                bytes.truncate(bytes.len() / 2);
            }
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the ballast cannot be removed.
    pub fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.ballast()).context("ballast")
    }

    /// Unmounts it. What is in use is gone when it is closed.
    ///
    /// # Errors
    /// When it cannot be unmounted.
    pub fn unmount(self) -> anyhow::Result<()> {
        ensure!(unmount(&self.path), "{} stays mounted", self.path.display());
        std::mem::forget(self);
        Ok(())
    }

    /// A name that no server takes for its own.
    fn ballast(&self) -> PathBuf {
        self.path.join("ballast.tmp")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if !unmount(&self.path) {
            println!("{} stays mounted", self.path.display());
        }
    }
}

fn unmount(path: &Path) -> bool {
    Command::new("umount")
        .arg("-l")
        .arg(path)
        .output()
        .is_ok_and(|output| output.status.success())
}
