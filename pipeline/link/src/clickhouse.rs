//! ClickHouse: the user and TLS. An `https` address speaks TLS.

use std::fmt;
use std::path::PathBuf;

use crate::{Flag, SettingError, file_flags, read_secret};

/// User and TLS of a connection to ClickHouse.
#[derive(Clone, Default, PartialEq, Eq, clap::Args)]
#[group(skip)]
pub struct ClickhouseSecurity {
    /// User of ClickHouse; `default` when left out.
    #[arg(long, env = "VONGGAC_CLICKHOUSE_USER", value_name = "NAME")]
    pub clickhouse_user: Option<String>,
    /// Password of that user; a file keeps it from those who see this machine's processes.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub clickhouse_password: Option<String>,
    /// File with the password of that user; comes before --clickhouse-password.
    #[arg(long, env = "VONGGAC_CLICKHOUSE_PASSWORD_FILE", value_name = "FILE")]
    pub clickhouse_password_file: Option<PathBuf>,
    /// Certificate authority that ClickHouse's certificate comes from, in PEM; the machine's own ones when left out.
    #[arg(long, env = "VONGGAC_CLICKHOUSE_CA", value_name = "FILE")]
    pub clickhouse_ca: Option<PathBuf>,
    /// Certificate that this client shows to ClickHouse, in PEM, with its chain.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_CERTIFICATE",
        value_name = "FILE",
        requires = "clickhouse_key"
    )]
    pub clickhouse_certificate: Option<PathBuf>,
    /// Private key of that certificate, in PEM, without a password.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_KEY",
        value_name = "FILE",
        requires = "clickhouse_certificate"
    )]
    pub clickhouse_key: Option<PathBuf>,
}

/// Written by hand so that the password never reaches a log.
impl fmt::Debug for ClickhouseSecurity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClickhouseSecurity")
            .field("clickhouse_user", &self.clickhouse_user)
            .field(
                "clickhouse_password",
                &self.clickhouse_password.as_ref().map(|_| "set"),
            )
            .field("clickhouse_password_file", &self.clickhouse_password_file)
            .field("clickhouse_ca", &self.clickhouse_ca)
            .field("clickhouse_certificate", &self.clickhouse_certificate)
            .field("clickhouse_key", &self.clickhouse_key)
            .finish()
    }
}

impl ClickhouseSecurity {
    /// The user to sign in as.
    pub fn user(&self) -> &str {
        self.clickhouse_user.as_deref().unwrap_or("default")
    }

    /// The user's password; `None` when there is none.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn password(&self) -> Result<Option<String>, SettingError> {
        let text = match &self.clickhouse_password_file {
            Some(file) => Some(read_secret("clickhouse-password-file", file)?),
            None => self.clickhouse_password.clone(),
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// The settings as flags, but for a password that is no file's.
    pub fn flags(&self) -> Vec<Flag> {
        let user = self
            .clickhouse_user
            .as_ref()
            .map(|user| ("clickhouse-user", Some(user.clone())));
        let files = file_flags([
            ("clickhouse-password-file", &self.clickhouse_password_file),
            ("clickhouse-ca", &self.clickhouse_ca),
            ("clickhouse-certificate", &self.clickhouse_certificate),
            ("clickhouse-key", &self.clickhouse_key),
        ]);
        user.into_iter().chain(files).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Role {
        #[command(flatten)]
        security: ClickhouseSecurity,
    }

    #[test]
    fn the_password_is_shown_to_nobody_and_its_file_comes_first() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from the file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let role = Role::parse_from([
            "role",
            "--clickhouse-password",
            "from the flag",
            "--clickhouse-password-file",
            path,
        ]);
        assert_eq!(
            role.security.password().unwrap().as_deref(),
            Some("from the file")
        );
        assert!(!format!("{role:?}").contains("from the flag"));
    }

    #[test]
    fn flags_say_the_same_again() {
        let arguments = [
            "role",
            "--clickhouse-user=u",
            "--clickhouse-password-file=/p",
            "--clickhouse-ca=/a",
            "--clickhouse-certificate=/c",
            "--clickhouse-key=/k",
        ];
        let flags = Role::parse_from(arguments).security.flags();
        let again: Vec<String> = flags
            .into_iter()
            .map(|(flag, value)| format!("--{flag}={}", value.unwrap()))
            .collect();
        assert_eq!(again, arguments[1..]);
    }
}
