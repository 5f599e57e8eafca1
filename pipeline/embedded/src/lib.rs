//! The ClickHouse engine as a library, behind ClickHouse's HTTP interface: `vonggac clickhouse`.
//!
//! It loads libchdb at run time (nothing links to it) and serves it so that `curl`, the `clickhouse` crate and
//! `?query=` work as with a server: `GET` and `POST`, all of the engine's formats, ClickHouse's LZ4 frames and
//! HTTP's encodings both ways, `param_*`, settings, `database`, exceptions with their codes and statuses,
//! results and inserts that stream, parallel statements, users with passwords, sessions,
//! external tables, `KILL QUERY` by `query_id`, the Play page at `/play`, counts at `/metrics`.
//!
//! ```text
//!          asynchronous                      │            a thread for each statement
//!  client ──▶ request ──▶ body ──────────────┼─▶ codec ──▶ statement ──▶ execute ──▶ ffi ──▶ libchdb
//!         ◀── server ◀──────── pieces ───────┼── codec ◀── reply ◀───────┘
//! ```
//!
//! It does not have: replication, grants, `INTO OUTFILE` and `FROM INFILE`. The engine's table functions can read whatever files this process can: listening beyond
//! loopback needs a password.
//!
//! Invariant: success is said only of what is in parts on disk; SIGKILL loses nothing of it. (A power cut may:
//! the engine does not fsync inserts unless a table's `fsync_after_insert` says so.)
//! Invariant: neither bodies nor results are held whole, but for results of formats that cannot be cut into
//! blocks (JSON, Parquet, Pretty …), and those only up to a million rows and 64 MiB of columns.
//! Invariant: a client that goes away stops its `SELECT`.
//! Invariant: no write to the data fails unseen: one that finds no room waits for it, any other failure ends the process (`writes`).

mod answer;
mod body;
mod codec;
mod counters;
mod deed;
mod engine;
mod error;
mod exception;
mod execute;
mod ffi;
mod format;
mod frames;
mod imports;
mod multipart;
mod options;
mod play;
mod reply;
mod request;
mod server;
mod sessions;
mod settings;
mod statement;
mod token;
mod turns;
mod users;
mod writes;

pub use counters::Sample;
pub use error::EmbeddedError;
pub use options::{LIBRARY_VARIABLE, Options, find_library};
pub use server::{Server, run};
pub use users::UsersError;
