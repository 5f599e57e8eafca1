//! The address of PostgreSQL with what the settings add to it.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use vonggac_link::{PostgresSecurity, check_readable};

use crate::{DatabaseError, Result};

/// What an address and the settings come to. An authority demands TLS, and the host's name unless the address says otherwise.
pub(crate) fn options(url: &str, security: &PostgresSecurity) -> Result<PgConnectOptions> {
    let mut options: PgConnectOptions = url.parse().map_err(DatabaseError::Address)?;
    if let Some(password) = security.password()? {
        options = options.password(&password);
    }
    if let Some(file) = &security.postgres_ca {
        check_readable("postgres-ca", file)?;
        options = options.ssl_root_cert(file);
        if !matches!(
            options.get_ssl_mode(),
            PgSslMode::VerifyCa | PgSslMode::VerifyFull
        ) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
    }
    if let Some(file) = &security.postgres_certificate {
        check_readable("postgres-certificate", file)?;
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = &security.postgres_key {
        check_readable("postgres-key", file)?;
        options = options.ssl_client_key(file);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_authority_demands_tls_and_the_hosts_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with_authority = PostgresSecurity {
            postgres_ca: Some(file.path().to_owned()),
            ..PostgresSecurity::default()
        };
        for (url, security, expect) in [
            ("postgres://h/d", &PostgresSecurity::default(), "Prefer"),
            ("postgres://h/d", &with_authority, "VerifyFull"),
            ("postgres://h/d?sslmode=require", &with_authority, "VerifyFull"),
            ("postgres://h/d?sslmode=verify-ca", &with_authority, "VerifyCa"),
        ] {
            let mode = options(url, security).unwrap().get_ssl_mode();
            assert_eq!(format!("{mode:?}"), expect, "{url}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_flag_and_link() {
        let missing = || Some("/nonexistent/x".into());
        for (security, flag) in [
            (
                PostgresSecurity {
                    postgres_password_file: missing(),
                    ..PostgresSecurity::default()
                },
                "--postgres-password-file",
            ),
            (
                PostgresSecurity {
                    postgres_ca: missing(),
                    ..PostgresSecurity::default()
                },
                "--postgres-ca",
            ),
        ] {
            let error = options("postgres://h/d", &security).unwrap_err().to_string();
            for word in ["PostgreSQL", flag, "/nonexistent/x"] {
                assert!(error.contains(word), "{word} is not in {error}");
            }
        }
    }
}
