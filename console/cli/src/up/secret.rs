//! Passwords of the servers that `vonggac up` starts: made at first start, each in a file that only this user reads.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Random bytes of a password; it is written in hexadecimal, so that it needs no quoting anywhere.
const RANDOM_BYTES: usize = 24;
/// Bytes of the deployment's key for sensors.
const SENSOR_KEY_BYTES: usize = 32;

/// A password and its file. It has no `Debug`, so that it reaches no log.
pub(crate) struct Secret {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    /// Whether it was made just now.
    pub(crate) is_new: bool,
}

impl Secret {
    /// The password of that name; makes one when there is none.
    pub(crate) fn open(data: &Path, name: &str) -> anyhow::Result<Self> {
        let directory = data.join("secrets");
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let file = directory.join(format!("{name}.password"));
        if let Ok(text) = fs::read_to_string(&file) {
            let text = text.trim().to_owned();
            let is_new = false;
            return Ok(Self { file, text, is_new });
        }
        let text = random_text::<RANDOM_BYTES>();
        write_private(&file, format!("{text}\n").as_bytes())?;
        let is_new = true;
        Ok(Self { file, text, is_new })
    }

    /// Takes over the file in which an earlier build kept the password.
    pub(crate) fn adopt(data: &Path, name: &str, earlier: &Path) -> anyhow::Result<Self> {
        if earlier.exists() {
            let text = fs::read(earlier).with_context(|| earlier.display().to_string())?;
            let directory = data.join("secrets");
            fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
            write_private(&directory.join(format!("{name}.password")), &text)?;
            fs::remove_file(earlier).with_context(|| earlier.display().to_string())?;
        }
        Self::open(data, name)
    }
}

fn random_text<const BYTES: usize>() -> String
where
    rand::distr::StandardUniform: rand::distr::Distribution<[u8; BYTES]>,
{
    let mut text = String::with_capacity(2 * BYTES);
    for byte in rand::random::<[u8; BYTES]>() {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The file of the deployment's key for sensors; made at first start. Who has it can be any sensor.
pub(crate) fn sensor_key(data: &Path) -> anyhow::Result<PathBuf> {
    let directory = data.join("secrets");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let file = directory.join("sensor.key");
    if !file.try_exists().with_context(|| file.display().to_string())? {
        let text = random_text::<SENSOR_KEY_BYTES>();
        write_private(&file, format!("{text}\n").as_bytes())?;
    }
    Ok(file)
}

/// Writes a file that only this user reads, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    // One that an interrupted start left may have other permissions.
    let _ = fs::remove_file(&fresh);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(named)?;
    file.write_all(bytes).with_context(named)?;
    file.sync_all().with_context(named)?;
    fs::rename(&fresh, path).with_context(named)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_password_is_made_once_and_is_its_users_alone() {
        let data = tempfile::tempdir().unwrap();
        let first = Secret::open(data.path(), "kafka").unwrap();
        let again = Secret::open(data.path(), "kafka").unwrap();
        let other = Secret::open(data.path(), "clickhouse").unwrap();
        assert!(first.is_new && !again.is_new);
        assert_eq!(first.text, again.text);
        assert_ne!(first.text, other.text);
        assert_eq!(first.text.len(), 48);
        let mode = fs::metadata(&first.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_key_of_sensors_is_made_once_and_is_its_users_alone() {
        let data = tempfile::tempdir().unwrap();
        let file = sensor_key(data.path()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.trim().len(), 64);
        assert_eq!(sensor_key(data.path()).unwrap(), file);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_password_of_an_earlier_build_stays() {
        let data = tempfile::tempdir().unwrap();
        let earlier = data.path().join("postgres.password");
        fs::write(&earlier, "old").unwrap();
        assert_eq!(
            Secret::adopt(data.path(), "postgres", &earlier).unwrap().text,
            "old"
        );
        assert!(!earlier.exists());
        let again = Secret::adopt(data.path(), "postgres", &earlier).unwrap();
        assert_eq!((again.text.as_str(), again.is_new), ("old", false));
    }
}
