//! What a role counts, measures and has trouble with, and the page that shows it.
//!
//! ```text
//!  counter ─┐                              ┌─ GET /metrics   Prometheus text 0.0.4
//!  gauge ───┼─▶ Registry ─▶ render, serve ─┤
//!  problem ─┘                              └─ GET /health    200, or 503 and the problems in words
//! ```
//! The values and the text are the `prometheus` crate's. This one adds what a role needs around them: series that end with their
//! owner, a bound on their number, problems in words, and a page without a web server.
//!
//! Names are `<area>_<noun>_<unit>[_total]`. Names of metrics and labels are constants of the program; only values of labels come from
//! elsewhere, and no more than [`SERIES_MAX`] series are kept, whatever the values are.
//!
//! Invariant: neither page carries secrets or the content of events; both are for whoever can reach the address, which is
//! nobody until an address is given.

mod page;
mod problem;
mod registry;
mod samples;

pub use page::{Error, Serving};
pub use problem::{PROBLEMS_MAX, Problem, Trouble, WORDS_CHARS_MAX};
pub use registry::{Counter, Gauge, Histogram, LABEL_CHARS_MAX, Registry, SERIES_MAX};
pub use samples::Samples;
