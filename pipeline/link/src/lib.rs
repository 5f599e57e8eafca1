//! How the three servers are reached: addresses, TLS, users and their secrets, as settings of the roles. It opens no connection.
//!
//! - [`KafkaConnection`] and its [`KafkaSecurity`]
//! - [`ClickhouseSecurity`]
//! - [`PostgresSecurity`]
//!
//! Invariant: a secret is read from its file when a connection is made, and is in no setting; so settings can be printed and logged.
//! The one exception is ClickHouse's password when it comes by environment; it is left out of `Debug`.

mod clickhouse;
mod kafka;
mod postgres;
mod secret;

use std::path::{PathBuf, absolute};

pub use clickhouse::ClickhouseSecurity;
pub use kafka::{KafkaConnection, KafkaSecurity, SaslMechanism};
pub use postgres::PostgresSecurity;
pub use secret::{SettingError, check_readable, read_secret};

/// A setting as it stands on a command line: the long flag without its dashes, and its value; `None` for a flag that stands alone.
pub type Flag = (&'static str, Option<String>);

/// The flags of files that are set, each with its whole path, since they may be read in another directory.
fn file_flags<const N: usize>(files: [(&'static str, &Option<PathBuf>); N]) -> Vec<Flag> {
    files
        .into_iter()
        .filter_map(|(flag, file)| {
            let file = file.as_ref()?;
            let whole = absolute(file).unwrap_or_else(|_| file.clone());
            Some((flag, Some(whole.to_string_lossy().into_owned())))
        })
        .collect()
}
