//! What the console is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use vonggac_database::SessionLimits;
use vonggac_passkey::Site;
use vonggac_store::search::{Limits, Shares};

use crate::network::Network;

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
    /// Certificate that the console speaks TLS with, in PEM, with its chain; read again when it changes. Without one it speaks plain HTTP, for
    /// this machine or a proxy in front.
    #[arg(
        long,
        env = "VONGGAC_TLS_CERTIFICATE",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of that certificate, in PEM, without a password.
    #[arg(
        long,
        env = "VONGGAC_TLS_KEY",
        value_name = "FILE",
        requires = "tls_certificate"
    )]
    pub tls_key: Option<PathBuf>,
    /// Speaks TLS with a certificate of an authority of its own, which lies in this directory and is made when there is none; browsers are to
    /// be given its ca.pem.
    #[arg(
        long,
        env = "VONGGAC_TLS_OWN",
        value_name = "DIR",
        conflicts_with = "tls_certificate"
    )]
    pub tls_own: Option<PathBuf>,
    /// Oldest version of TLS that is spoken.
    #[arg(long, env = "VONGGAC_TLS_MIN", value_enum, default_value_t = TlsVersion::Tls13, value_name = "VERSION")]
    pub tls_min: TlsVersion,
    /// Most connections of one network (IPv4 /24, IPv6 /56) at once, and most open requests of one behind a trusted proxy.
    #[arg(long, env = "VONGGAC_CONNECTIONS_PER_NETWORK_MAX", default_value_t = 512, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=2048))]
    pub connections_per_network_max: u32,
    /// Address people reach the console at, as in `https://soc.example`.
    #[arg(long, env = "VONGGAC_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Networks of the proxies that are believed on whom they speak for, in X-Forwarded-For, separated by commas; without it those on this
    /// machine, when there is a --public-url.
    #[arg(
        long,
        env = "VONGGAC_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<Network>,
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
    /// Serves counters for Prometheus on this address, as `GET /metrics`, and what is wrong as `GET /health`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Name of this console on the health page; the machine's when left out. Each of several on one machine needs its own.
    #[arg(long, env = "VONGGAC_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
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
    /// File with the key that signs the audit log's checkpoints; made when there is none, with the public key beside it in FILE.pub. Without
    /// it nothing is signed.
    #[arg(long, env = "VONGGAC_AUDIT_KEY", value_name = "FILE")]
    pub audit_key: Option<PathBuf>,
    /// File that each checkpoint of the audit log is appended to; best where the database's owner cannot reach it.
    #[arg(
        long,
        env = "VONGGAC_AUDIT_WITNESS_FILE",
        value_name = "FILE",
        requires = "audit_key"
    )]
    pub audit_witness_file: Option<PathBuf>,
    /// File with the key of what the console keeps secret in the database, as the secrets of second factors; made when there is none. Consoles on
    /// one database have the same. Without it nobody can have a second factor.
    #[arg(long, env = "VONGGAC_SECRETS_KEY", value_name = "FILE")]
    pub secrets_key: Option<PathBuf>,
    /// File with the deployment's key of sensors, 64 hexadecimal digits, from which each sensor's own is derived; the pipelines have the same.
    /// Without it no sensor can be enrolled.
    #[arg(long, env = "VONGGAC_SENSOR_KEY", value_name = "FILE")]
    pub sensor_key: Option<PathBuf>,
    /// How long a session lives without a request, in minutes.
    #[arg(long, default_value_t = 30, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub session_idle_minutes: u32,
    /// How long a session lives in all, in hours.
    #[arg(long, default_value_t = 12, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=168))]
    pub session_hours: u32,
    /// Longest a token of the API is good, in days.
    #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub api_token_days_max: u32,
    /// Longest a statement may take in PostgreSQL, in seconds.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=25))]
    pub postgres_seconds_max: u32,
    /// Longest a search may take in ClickHouse, in seconds. With the wait for its turn it ends before its request does, after 30 s.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=20))]
    pub search_seconds_max: u32,
    /// Most rows a search may read in ClickHouse; 0 leaves it to the server.
    #[arg(long, default_value_t = 5_000_000_000, value_name = "ROWS")]
    pub search_rows_max: u64,
    /// Most memory a search may take in ClickHouse, in bytes; 0 leaves it to the server.
    #[arg(long, default_value_t = 1 << 30, value_name = "BYTES")]
    pub search_memory_bytes_max: u64,
    /// Most threads a search may take in ClickHouse, of which one of several of an account takes half; 0 means as many as this machine has
    /// processors.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub search_threads_max: u32,
    /// Searches that run at once.
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub searches_max: u16,
    /// Searches of one account that run at once; its others wait, and hold up nobody else's.
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub searches_per_account_max: u16,
    /// Searches of one account that wait; more are refused.
    #[arg(long, default_value_t = 32, value_name = "COUNT")]
    pub searches_waiting_max: u16,
    /// Longest a search waits for its turn, in seconds.
    #[arg(long, default_value_t = 8, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub search_wait_seconds_max: u32,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsVersion {
    /// RFC 8446.
    #[value(name = "1.3")]
    Tls13,
    /// RFC 5246, for old clients.
    #[value(name = "1.2")]
    Tls12,
}

impl Options {
    /// Whether the console speaks TLS itself.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.tls_own.is_some()
    }

    /// Whether browsers reach the console by https.
    pub(crate) fn is_https(&self) -> bool {
        let is_public = |url: &str| url.starts_with("https://");
        self.speaks_tls() || self.public_url.as_deref().is_some_and(is_public)
    }

    /// Networks whose word on X-Forwarded-For counts.
    pub(crate) fn proxies(&self) -> Vec<Network> {
        if self.trusted_proxies.is_empty() && self.is_https() && !self.speaks_tls() {
            return ["127.0.0.0/8", "::1"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect();
        }
        self.trusted_proxies.clone()
    }

    /// Where passkeys are good for: the public address, or this machine by its name `localhost` (browsers give none to bare addresses).
    pub(crate) fn site(&self) -> Site {
        let scheme = if self.speaks_tls() { "https" } else { "http" };
        let local = || format!("{scheme}://localhost:{}", self.listen.port());
        let origin = self.public_url.clone().unwrap_or_else(local);
        let origin = origin.trim_end_matches('/').to_owned();
        let authority = origin.split_once("://").map_or(origin.as_str(), |(_, rest)| rest);
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split_once(':').map_or(authority, |(host, _)| host),
        };
        Site {
            id: host.to_owned(),
            origin,
        }
    }

    pub(crate) fn search_limits(&self) -> Limits {
        Limits {
            max_execution_s: Some(self.search_seconds_max),
            max_rows_to_read: (self.search_rows_max > 0).then_some(self.search_rows_max),
            max_memory_bytes: (self.search_memory_bytes_max > 0).then_some(self.search_memory_bytes_max),
            max_threads: Some(match self.search_threads_max {
                0 => processors(),
                count => count,
            }),
            niceness: None,
        }
    }

    pub(crate) fn search_shares(&self) -> Shares {
        Shares {
            running_max: self.searches_max.into(),
            running_per_asker_max: self.searches_per_account_max.into(),
            waiting_per_asker_max: self.searches_waiting_max.into(),
            wait_max: Duration::from_secs(self.search_wait_seconds_max.into()),
        }
    }

    pub(crate) fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            idle_us: i64::from(self.session_idle_minutes) * 60 * 1_000_000,
            absolute_us: i64::from(self.session_hours) * 3600 * 1_000_000,
        }
    }

    pub(crate) fn statement_limit(&self) -> Duration {
        Duration::from_secs(self.postgres_seconds_max.into())
    }
}

fn processors() -> u32 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX)
}
