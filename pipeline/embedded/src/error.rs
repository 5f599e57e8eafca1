//! What can go wrong before a client is there to be told: at start and at stop.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the embedded engine could not be loaded, started, served or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No `libchdb.so` was found in any of the places it is looked for.
    #[error(
        "libchdb.so not found; looked at {}; install it with `npm ci --prefix pipeline/embedded/engine` \
         or name it by --library or VONGGAC_LIBCHDB",
        searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    LibraryMissing {
        /// Every path that was tried, in order.
        searched: Vec<PathBuf>,
    },
    /// The library is there but could not be loaded, or lacks a function.
    #[error("{} cannot be used as the ClickHouse engine: {source}", path.display())]
    LibraryUnusable {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        source: libloading::Error,
    },
    /// The library's writes could not be watched.
    #[error(
        "{} cannot be used as the ClickHouse engine: it takes no notice of writes that fail, and they cannot be watched: {reason}",
        path.display()
    )]
    Unwatched {
        /// The library.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The data directory could not be made or locked.
    #[error("the data directory {} cannot be used: {source}", path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process serves this data directory.
    #[error(
        "the data directory {} is in use by {holder}; stop it, or choose another directory with --data",
        path.display()
    )]
    DataTaken {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as it says.
        holder: String,
    },
    /// The engine refused to open the data directory; its own words are on the standard error.
    #[error("the engine could not open the data directory {} (its reason is on the standard error)", path.display())]
    EngineRefused {
        /// The directory.
        path: PathBuf,
    },
    /// The engine opened but does not answer its first question.
    #[error("the engine opened but does not answer: {reason}")]
    EngineSilent {
        /// The engine's exception.
        reason: String,
    },
    /// The port is taken.
    #[error(
        "port {} on {} is already taken by another program; stop it, or choose another port with --listen",
        address.port(), address.ip()
    )]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address could not be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file of users was not taken.
    #[error(transparent)]
    Users(#[from] crate::users::UsersError),
    /// Listening beyond this machine without a password.
    #[error(
        "listening on {address} would open the database to the network: set a password first, \
         by --users-file or VONGGAC_CLICKHOUSE_PASSWORD"
    )]
    PasswordMissing {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The HTTP server stopped by itself.
    #[error("the HTTP server failed: {0}")]
    Serve(#[source] std::io::Error),
}
