//! What the operator can choose, and where the engine's library is looked for.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::EmbeddedError;
use crate::turns::Limits;

/// File name of the engine.
const LIBRARY_NAME: &str = "libchdb.so";

/// npm's name for the package that holds the engine, for this machine.
#[cfg(target_arch = "aarch64")]
const PACKAGE: &str = "@chdb/lib-linux-arm64-gnu";
/// npm's name for the package that holds the engine, for this machine.
#[cfg(not(target_arch = "aarch64"))]
const PACKAGE: &str = "@chdb/lib-linux-x64-gnu";

/// Environment variable that names the engine's library.
pub const LIBRARY_VARIABLE: &str = "VONGGAC_LIBCHDB";

/// The embedded ClickHouse server's options.
#[derive(Clone, clap::Args)]
pub struct Options {
    /// Address and port of the HTTP interface; beyond loopback every user needs a password.
    #[arg(long, value_name = "ADDRESS", default_value_t = default_listen())]
    pub listen: SocketAddr,
    /// Directory of the data; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "data/clickhouse")]
    pub data: PathBuf,
    /// The engine, libchdb.so; looked for if not given.
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
    /// TOML file (mode 0600) of the users who may come in, instead of the one of --user and --password; its form stands
    /// in docs/clickhouse.md.
    #[arg(long, value_name = "FILE", env = "VONGGAC_CLICKHOUSE_USERS_FILE")]
    pub users_file: Option<PathBuf>,
    /// The one user there is without a users file.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub user: String,
    /// That user's password; none means that nobody is asked for one.
    #[arg(
        long,
        value_name = "TEXT",
        env = "VONGGAC_CLICKHOUSE_PASSWORD",
        hide_env_values = true
    )]
    pub password: Option<String>,
    /// Reading statements that run at once; more wait their turn.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub reads: u32,
    /// Of these, those of one account (a user, or a quota_key of a user); half of --reads if not given.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub reads_per_account: Option<u32>,
    /// Writing statements (inserts, changes of tables) that run at once, in turns of their own.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub writes: u32,
    /// Longest time a SELECT may run, in seconds, whatever its max_execution_time; 0 sets no limit.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub query_seconds_max: u64,
    /// Memory the engine may use, in bytes; 0 leaves it nine tenths of the machine's.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub memory_bytes_max: u64,
}

/// Written by hand so that the password never reaches a log.
impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Options")
            .field("listen", &self.listen)
            .field("data", &self.data)
            .field("library", &self.library)
            .field("users_file", &self.users_file)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "set"))
            .field("reads", &self.reads)
            .field("reads_per_account", &self.reads_per_account)
            .field("writes", &self.writes)
            .field("query_seconds_max", &self.query_seconds_max)
            .field("memory_bytes_max", &self.memory_bytes_max)
            .finish()
    }
}

impl Options {
    /// The defaults, on a data directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: default_listen(),
            data: data.into(),
            library: None,
            users_file: None,
            user: "default".to_owned(),
            password: None,
            reads: 8,
            reads_per_account: None,
            writes: 8,
            query_seconds_max: 600,
            memory_bytes_max: 0,
        }
    }
}

impl Options {
    /// Turns of what reads.
    pub(crate) fn read_limits(&self) -> Limits {
        let share = self.reads_per_account.unwrap_or(self.reads.div_ceil(2));
        Limits {
            running: self.reads as usize,
            share: share.min(self.reads) as usize,
        }
    }

    /// Turns of what writes: an account leaves one to the others, if there is more than one.
    pub(crate) fn write_limits(&self) -> Limits {
        Limits {
            running: self.writes as usize,
            share: self.writes.saturating_sub(1).max(1) as usize,
        }
    }

    /// How long a `SELECT` may run.
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        (self.query_seconds_max > 0).then(|| Duration::from_secs(self.query_seconds_max))
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8123))
}

/// Finds the engine: the path given, `VONGGAC_LIBCHDB`, beside this program, `target/servers/clickhouse`
/// (where the Makefile installs it), `/usr/lib/vonggac`.
///
/// A path that was named by flag or variable is taken or refused, never passed over.
///
/// # Errors
/// [`EmbeddedError::LibraryMissing`] with every path tried.
pub fn find_library(explicit: Option<PathBuf>) -> Result<PathBuf, EmbeddedError> {
    let named = explicit.or_else(|| std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from));
    let searched = match named {
        Some(path) => vec![path],
        None => candidates(),
    };
    match searched.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(EmbeddedError::LibraryMissing { searched }),
    }
}

fn candidates() -> Vec<PathBuf> {
    let installed = PathBuf::from("servers/clickhouse/node_modules")
        .join(PACKAGE)
        .join(LIBRARY_NAME);
    let program = std::env::current_exe().unwrap_or_default();
    let mut paths = Vec::new();
    if let Some(directory) = program.parent() {
        paths.push(directory.join(LIBRARY_NAME));
    }
    // The program itself lies in target/release, its tests in target/debug/deps.
    for directory in program.ancestors().skip(2).take(2) {
        paths.push(directory.join(&installed));
    }
    paths.push(PathBuf::from("target").join(&installed));
    paths.push(PathBuf::from("/usr/lib/vonggac").join(LIBRARY_NAME));
    paths
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_named_library_is_never_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("no.so");
        let error = find_library(Some(missing.clone())).unwrap_err();
        assert!(
            error.to_string().contains(&missing.display().to_string()),
            "{error}"
        );
        let there = directory.path().join(LIBRARY_NAME);
        std::fs::write(&there, b"").unwrap();
        assert_eq!(find_library(Some(there.clone())).unwrap(), there);
    }

    #[test]
    fn the_password_is_not_shown() {
        let options = Options {
            password: Some("hunter2".to_owned()),
            ..Options::new("x")
        };
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn the_flags_parse() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            options: Options,
        }
        let parse = |flags: &[&str]| <Cli as clap::Parser>::try_parse_from([&["x"], flags].concat());
        let options = parse(&["--listen", "127.0.0.1:9", "--reads", "3", "--writes", "1"])
            .unwrap()
            .options;
        assert_eq!(options.listen.port(), 9);
        let (reads, writes) = (options.read_limits(), options.write_limits());
        assert_eq!((reads.running, reads.share), (3, 2));
        assert_eq!((writes.running, writes.share), (1, 1));
        assert!(parse(&["--reads", "0"]).is_err());
    }
}
