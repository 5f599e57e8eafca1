//! PostgreSQL: what its address should not or cannot say.

use std::path::PathBuf;

use crate::{Flag, SettingError, file_flags, read_secret};

/// Password and TLS of a connection to PostgreSQL. With an authority, TLS is demanded and the host's name checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[group(skip)]
pub struct PostgresSecurity {
    /// File with the password of PostgreSQL's user; comes before one in the address.
    #[arg(long, env = "VONGGAC_POSTGRES_PASSWORD_FILE", value_name = "FILE")]
    pub postgres_password_file: Option<PathBuf>,
    /// Certificate authority that PostgreSQL's certificate comes from, in PEM; demands TLS.
    #[arg(long, env = "VONGGAC_POSTGRES_CA", value_name = "FILE")]
    pub postgres_ca: Option<PathBuf>,
    /// Certificate that this client shows to PostgreSQL, in PEM, with its chain.
    #[arg(
        long,
        env = "VONGGAC_POSTGRES_CERTIFICATE",
        value_name = "FILE",
        requires = "postgres_key"
    )]
    pub postgres_certificate: Option<PathBuf>,
    /// Private key of that certificate, in PEM, without a password.
    #[arg(
        long,
        env = "VONGGAC_POSTGRES_KEY",
        value_name = "FILE",
        requires = "postgres_certificate"
    )]
    pub postgres_key: Option<PathBuf>,
}

impl PostgresSecurity {
    /// The user's password, when a file says it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn password(&self) -> Result<Option<String>, SettingError> {
        self.postgres_password_file
            .as_deref()
            .map(|file| read_secret("postgres-password-file", file))
            .transpose()
    }

    /// The settings as flags.
    pub fn flags(&self) -> Vec<Flag> {
        file_flags([
            ("postgres-password-file", &self.postgres_password_file),
            ("postgres-ca", &self.postgres_ca),
            ("postgres-certificate", &self.postgres_certificate),
            ("postgres-key", &self.postgres_key),
        ])
    }
}
