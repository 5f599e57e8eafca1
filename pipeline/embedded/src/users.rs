//! Who may come in: users, their passwords, and what they may do.
//!
//! ```toml
//! # The file of `--users-file`: TOML, mode 0600, named as in ClickHouse's own users file.
//! [users.vonggac]
//! password_sha256_hex = "<64 hexadecimal digits>"
//!
//! [users.analyst]
//! password = "correct horse battery staple"
//! readonly = true        # or 1: no settings either, and none of the functions that read files; true is 2
//! ```
//! The file is read at start. Passwords are kept as SHA-256 only and compared in constant time.
//!
//! Invariant: a file of users makes a password mandatory for each of them; none of its users has an empty one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::exception::{Exception, code};

/// Largest file of users, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The user of requests that name none.
const DEFAULT_USER: &str = "default";
/// Permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;

type Sha256Bytes = [u8; 32];

/// Why a file of users was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// It cannot be read.
    #[error("the users file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others on this machine may read or change it.
    #[error(
        "the users file {} has mode {mode:04o}, so others on this machine can read it: run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is not TOML of the form wanted.
    #[error("the users file {} cannot be understood: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    users: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    password: Option<String>,
    password_sha256_hex: Option<String>,
    #[serde(default)]
    readonly: Level,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Level {
    Flag(bool),
    Number(u8),
}

impl Default for Level {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// What a user may do, as ClickHouse's setting `readonly` counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything.
    #[default]
    Full,
    /// Reading only, and no settings: 1.
    Reads,
    /// Reading only, with settings and temporary tables: 2.
    ReadsAndSets,
}

/// One who has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: Arc<str>,
    pub(crate) access: Access,
}

struct User {
    /// `None`: nobody is asked for one.
    password: Option<Sha256Bytes>,
    account: Account,
}

/// Everybody who may come in.
pub(crate) struct Users {
    users: Vec<User>,
}

impl Users {
    /// One user, who may do everything, with or without a password.
    pub(crate) fn one(name: &str, password: Option<&str>) -> Self {
        let user = User {
            password: password.filter(|text| !text.is_empty()).map(sha256),
            account: account(name, Access::Full),
        };
        Self { users: vec![user] }
    }

    /// Reads a file of users.
    ///
    /// # Errors
    /// Every reason of [`UsersError`].
    pub(crate) fn read(path: &Path) -> Result<Self, UsersError> {
        let unreadable = |source| UsersError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & OTHERS != 0 {
            return Err(UsersError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Self::parse(&text).map_err(|reason| UsersError::Malformed {
            path: path.to_owned(),
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The parser's own message shows the line, and with it perhaps a password; its position will do.
        let file: FileText = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count().saturating_add(1));
            format!("line {line}: {}", error.message())
        })?;
        if file.users.is_empty() {
            return Err("it names nobody".to_owned());
        }
        let users = file
            .users
            .into_iter()
            .map(|(name, entry)| entry.user(&name))
            .collect::<Result<_, _>>()?;
        Ok(Self { users })
    }

    /// Whether somebody may come in without a password.
    pub(crate) fn open(&self) -> bool {
        self.users.iter().any(|user| user.password.is_none())
    }

    /// Finds who it is.
    ///
    /// # Errors
    /// ClickHouse's 516, the same for a wrong password and an unknown name.
    pub(crate) fn check(&self, name: Option<&str>, password: Option<&str>) -> Result<Account, Exception> {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_USER);
        let given = sha256(password.unwrap_or_default());
        let known = self
            .users
            .iter()
            .find(|user| &*user.account.name == name)
            .filter(|user| user.password.is_none_or(|wanted| same(&wanted, &given)));
        known.map(|user| user.account.clone()).ok_or_else(|| {
            Exception::new(
                code::AUTHENTICATION_FAILED,
                "AUTHENTICATION_FAILED",
                format_args!(
                    "{name}: Authentication failed: password is incorrect, or there is no user with such name."
                ),
            )
        })
    }
}

impl Entry {
    fn user(self, name: &str) -> Result<User, String> {
        let password = match (self.password, self.password_sha256_hex) {
            (Some(text), None) if !text.is_empty() => sha256(&text),
            (None, Some(hex)) => parse_hex(&hex)
                .ok_or_else(|| format!("user {name}: password_sha256_hex is not 64 hex digits"))?,
            _ => {
                return Err(format!(
                    "user {name}: wants a password that is not empty or a password_sha256_hex, and one of them"
                ));
            }
        };
        let access = match self.readonly {
            Level::Flag(false) | Level::Number(0) => Access::Full,
            Level::Number(1) => Access::Reads,
            Level::Flag(true) | Level::Number(2) => Access::ReadsAndSets,
            Level::Number(other) => {
                return Err(format!(
                    "user {name}: readonly is true, false, 0, 1 or 2, not {other}"
                ));
            }
        };
        Ok(User {
            password: Some(password),
            account: account(name, access),
        })
    }
}

fn account(name: &str, access: Access) -> Account {
    Account {
        name: Arc::from(name),
        access,
    }
}

fn sha256(text: &str) -> Sha256Bytes {
    Sha256::digest(text.as_bytes()).into()
}

fn parse_hex(text: &str) -> Option<Sha256Bytes> {
    let text = text.trim();
    let mut bytes = Sha256Bytes::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let start = index.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(bytes)
}

/// Compares without telling by its duration where the digests differ.
fn same(one: &Sha256Bytes, other: &Sha256Bytes) -> bool {
    let difference = one.iter().zip(other).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const FILE: &str = "
        [users.vonggac]
        password_sha256_hex = \"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"
        [users.'nguyễn an']
        password = 'mật khẩu'
        readonly = true
        [users.viewer]
        password = 'x'
        readonly = 1
    ";

    #[test]
    fn users_come_in_by_their_passwords_only() {
        let users = Users::parse(FILE).unwrap();
        for (name, password, access) in [
            (Some("vonggac"), Some("secret"), Some(Access::Full)),
            (Some("vonggac"), Some("secre"), None),
            (Some("vonggac"), Some(""), None),
            (Some("vonggac"), None, None),
            (Some("nguyễn an"), Some("mật khẩu"), Some(Access::ReadsAndSets)),
            (Some("viewer"), Some("x"), Some(Access::Reads)),
            (Some("viewer"), Some("secret"), None),
            (Some("default"), None, None),
            (None, None, None),
            (Some(""), Some(""), None),
        ] {
            let checked = users.check(name, password);
            assert_eq!(
                checked.as_ref().ok().map(|account| account.access),
                access,
                "{name:?} {password:?}"
            );
            if let Err(exception) = checked {
                assert_eq!((exception.code, exception.status().as_u16()), (516, 403));
            }
        }
        assert!(!users.open());
    }

    #[test]
    fn one_user_needs_no_file() {
        let open = Users::one("default", None);
        assert!(open.check(None, None).is_ok() && open.open());
        assert!(open.check(Some("other"), None).is_err());
        let closed = Users::one("default", Some("secret"));
        assert!(closed.check(None, None).is_err() && !closed.open());
        assert!(closed.check(Some("default"), Some("secret")).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_passwords() {
        for (text, said) in [
            ("", "users"),
            ("[users]", "names nobody"),
            ("[users.a]", "user a: wants a password"),
            ("[users.a]\npassword = ''", "user a: wants a password"),
            ("[users.a]\npassword_sha256_hex = 'abc'", "64 hex digits"),
            (
                "[users.a]\npassword = 'p'\npassword_sha256_hex = 'abc'",
                "one of them",
            ),
            ("[users.a]\npassword = 'p'\nreadonly = 7", "not 7"),
            ("[users.a]\n\npasword = 'hunter2'", "line 3"),
            ("[users.a]\npassword = 'hunter2", "line 2"),
        ] {
            let error = Users::parse(text).err().unwrap();
            assert!(
                error.contains(said) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        std::fs::write(&path, FILE).unwrap();
        for (mode, allowed) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = Users::read(&path);
            assert_eq!(read.is_ok(), allowed, "{mode:o}");
            if let Err(error) = read {
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
        let missing = Users::read(&directory.path().join("no"))
            .err()
            .unwrap()
            .to_string();
        assert!(missing.contains("cannot be read"), "{missing}");
    }
}
