//! Whole-platform tests: real servers, real traffic, truth compared.
//!
//! [`Platform`] starts `vonggac up` in a temporary directory on free ports and ends it when dropped; the tests look at it the way
//! people do: through the console's API ([`Console`]), the event store ([`Rows`]) and the command line ([`Platform::command`]).
//! [`secured`] has servers with TLS on, for roles that are started one by one.
//! [`Story`] runs the checks of one platform in order and reports all that failed.
//!
//! The tests run `target/debug/vonggac`, which `cargo build --workspace` makes, with the servers that `make servers` fetches. Where one of
//! them is missing a bare `cargo test` prints that it skips; with `CI=true` or `VONGGAC_TEST_SERVERS=required`, as `make test` has it,
//! that is a failure. `VONGGAC_KEEP=1` leaves the temporary directories.
//!
//! Invariants: every process started here is ended by its number; nothing is listened on but loopback; every wait has a limit.

mod console;
mod corpus;
mod facts;
mod machine;
mod platform;
mod process;
mod sample;
pub mod secured;
mod story;

pub use console::{Console, PASSWORD, USER_NAME};
pub use corpus::{captures, corpus, repository};
pub use facts::{AlertFacts, Rows, accepted, alerts, event_flows, sequences};
pub use machine::{binary, free_ports, requirements};
pub use platform::{CLICKHOUSE_USER, Parts, Platform, Settings};
pub use process::{Ended, is_alive, run, shell_word, signal};
pub use sample::{Sample, now_us};
pub use story::{Story, wait_for};
