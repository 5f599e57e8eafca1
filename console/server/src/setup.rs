//! The one-time code with which the first administrator is made.
//!
//! Kept as its SHA-256; worth nothing once there is an account. Made here with 100 random bits and written to a file only its owner
//! reads, or made elsewhere and given as its hash. Case, spaces and hyphens in it do not matter.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use vonggac_database::Database;

use crate::options::Options;

/// Digits of a code, without those that look alike; 32 of them.
const DIGITS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_DIGITS: usize = 20;

/// Whether the door is open, and to whom.
pub(crate) struct Gate {
    hash: Mutex<Option<[u8; 32]>>,
    file: Option<PathBuf>,
}

impl Gate {
    /// A gate that no code opens.
    pub(crate) fn closed() -> Self {
        Self {
            hash: Mutex::new(None),
            file: None,
        }
    }

    /// A gate that `code` opens.
    #[cfg(test)]
    pub(crate) fn for_code(code: &str, file: Option<PathBuf>) -> Self {
        Self {
            hash: Mutex::new(Some(digest(&plain(code)))),
            file,
        }
    }

    /// The gate as the options and the accounts have it.
    pub(crate) async fn open(database: &Database, options: &Options) -> anyhow::Result<Self> {
        if !database.setup_needed().await? {
            return Ok(Self::closed());
        }
        if let Some(hex) = &options.setup_code_sha256 {
            let hash = parse_hash(hex).context("--setup-code-sha256 is not 64 hexadecimal digits")?;
            return Ok(Self {
                hash: Mutex::new(Some(hash)),
                file: None,
            });
        }
        let Some(path) = &options.setup_code_file else {
            bail!(
                "there is no account yet: give --setup-code-file FILE, where the first administrator's one-time code is written"
            );
        };
        let code = new_code();
        write_private(path, &code)
            .with_context(|| format!("the one-time code cannot be written to {}", path.display()))?;
        tracing::info!(file = %path.display(), "no account yet: the first administrator's one-time code is in this file");
        Ok(Self {
            hash: Mutex::new(Some(digest(&plain(&code)))),
            file: Some(path.clone()),
        })
    }

    /// Whether `code` is the one.
    pub(crate) fn admits(&self, code: &str) -> bool {
        let hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(expected) = hash.as_ref() else {
            return false;
        };
        // A code made elsewhere may have been hashed as it is written.
        let plain = same(&digest(&plain(code)), expected);
        let written = same(&digest(code.trim()), expected);
        plain | written
    }

    /// Ends the code: there is an account now.
    pub(crate) fn close(&self) {
        *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let Some(file) = &self.file else { return };
        if let Err(error) = std::fs::remove_file(file) {
            tracing::warn!(%error, file = %file.display(), "the used one-time code could not be removed");
        }
    }
}

fn new_code() -> String {
    let random: [u8; CODE_DIGITS] = rand::random();
    let mut code = String::with_capacity(CODE_DIGITS + 4);
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(
            DIGITS.get(usize::from(byte % 32)).copied().unwrap_or(b'A'),
        ));
    }
    code
}

fn plain(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .flat_map(char::to_uppercase)
        .collect()
}

fn digest(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

/// Compares in a time that does not depend on where they differ.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    std::hint::black_box(one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b))) == 0
}

fn parse_hash(hex: &str) -> Option<[u8; 32]> {
    let hex = hex.trim();
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let (high, low) = hex.split_at(32);
    let half = |text| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes);
    let mut hash = [0; 32];
    let (front, back) = hash.split_at_mut(16);
    front.copy_from_slice(&half(high)?);
    back.copy_from_slice(&half(low)?);
    Some(hash)
}

fn write_private(path: &Path, code: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // A file that was there keeps its mode otherwise.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{code}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_opens_until_it_is_used() {
        let code = new_code();
        assert_eq!((code.len(), plain(&code).len()), (24, 20));
        let gate = Gate::for_code(&code, None);
        assert!(gate.admits(&code));
        assert!(gate.admits(&format!(" {}\n", code.to_lowercase().replace('-', " "))));
        assert!(!gate.admits(""));
        assert!(!gate.admits(&new_code()));
        gate.close();
        assert!(!gate.admits(&code));
        assert!(!Gate::closed().admits(""));
    }

    #[test]
    fn a_hash_given_is_read_whole() {
        let hex: String = digest("ABC").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(parse_hash(&hex), Some(digest("ABC")));
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+".repeat(64)] {
            assert_eq!(parse_hash(text), None, "{text}");
        }
    }

    #[test]
    fn the_file_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code");
        std::fs::write(&path, "older and longer than the new one").unwrap();
        write_private(&path, "CODE").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "CODE\n");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let gate = Gate::for_code("CODE", Some(path.clone()));
        gate.close();
        assert!(!path.exists());
    }
}
