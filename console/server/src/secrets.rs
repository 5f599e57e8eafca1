//! The key of the console's own secrets: 64 hexadecimal digits in a file that only its owner reads.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use vonggac_database::Vault;
use vonggac_database::vault::KEY_BYTES;

use crate::options::Options;

/// The vault of the options; none when they name no key. Makes the key when there is none.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub(crate) fn open(options: &Options) -> anyhow::Result<Option<Vault>> {
    let Some(path) = &options.secrets_key else {
        tracing::warn!("nobody can have a second factor: give --secrets-key FILE");
        return Ok(None);
    };
    let key =
        read_key(path).with_context(|| format!("the key of the console's secrets {}", path.display()))?;
    Ok(Some(Vault::new(&key)?))
}

fn read_key(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    match fs::read_to_string(path) {
        Ok(text) => parse(text.trim()),
        Err(error) if error.kind() == ErrorKind::NotFound => make_key(path),
        Err(error) => Err(error.into()),
    }
}

fn parse(text: &str) -> anyhow::Result<[u8; KEY_BYTES]> {
    ensure!(
        text.len() == 2 * KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "it is not {} hexadecimal digits",
        2 * KEY_BYTES
    );
    let mut key = [0; KEY_BYTES];
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for (slot, pair) in key.iter_mut().zip(pairs) {
        *slot = u8::from_str_radix(std::str::from_utf8(pair)?, 16)?;
    }
    Ok(key)
}

fn make_key(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let key: [u8; KEY_BYTES] = rand::random();
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    tracing::info!(file = %path.display(), "the console's secrets have a new key; keep a copy of it, and give every console the same");
    Ok(key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let key = read_key(&path).unwrap();
        assert_eq!(read_key(&path).unwrap(), key);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+".repeat(64)] {
            fs::write(&path, text).unwrap();
            assert!(read_key(&path).is_err(), "{text}");
        }
    }
}
