//! What the console is told.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The console's options.
#[derive(Debug, Clone, clap::Args)]
// The store's options, flattened below, have a group of the same name.
#[group(skip)]
pub struct Options {
    /// Address and port to serve the console on.
    #[arg(
        long,
        env = "VONGGAC_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS:PORT"
    )]
    pub listen: SocketAddr,
    /// Address people reach the console at, when a TLS proxy stands in front, as in `https://soc.example`.
    #[arg(long, env = "VONGGAC_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// PostgreSQL: postgres://user:password@host:port/database, or ?host=/socket/directory.
    #[arg(long, env = "VONGGAC_POSTGRES", value_name = "URL", hide_env_values = true)]
    pub postgres: String,
    /// Password and TLS of PostgreSQL.
    #[command(flatten)]
    pub postgres_security: vonggac_link::PostgresSecurity,
    /// ClickHouse.
    #[command(flatten)]
    pub store: vonggac_store::Options,
    /// Where alerts come from.
    #[command(flatten)]
    pub kafka: vonggac_bus::Connection,
    /// File to write the first administrator's one-time code to, when there is no account yet.
    #[arg(long, value_name = "FILE")]
    pub setup_code_file: Option<PathBuf>,
    /// SHA-256 of a one-time code made elsewhere, in hexadecimal.
    #[arg(
        long,
        env = "VONGGAC_SETUP_CODE_SHA256",
        value_name = "HEX",
        conflicts_with = "setup_code_file"
    )]
    pub setup_code_sha256: Option<String>,
    /// Longest a search may take in ClickHouse, in seconds; 0 leaves it to the server.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    pub search_seconds_max: u32,
    /// Most rows a search may read in ClickHouse; 0 leaves it to the server.
    #[arg(long, default_value_t = 0, value_name = "ROWS")]
    pub search_rows_max: u64,
}

impl Options {
    /// Whether browsers reach the console by https.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    pub(crate) fn search_limits(&self) -> vonggac_store::search::Limits {
        vonggac_store::search::Limits {
            max_execution_s: (self.search_seconds_max > 0).then_some(self.search_seconds_max),
            max_rows_to_read: (self.search_rows_max > 0).then_some(self.search_rows_max),
        }
    }
}
