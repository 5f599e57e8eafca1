//! Search over stored events.
//!
//! ```text
//!  text ──▶ lexer ──▶ parse ──▶ Query (typed tree) ──▶ compile, class by class ──▶ one SQL statement with {p0:…} + bound values
//!                                                                                      │ page, histogram
//!                                    EventStore: a turn (fair among askers), a budget ──┴──▶ ask ──▶ ClickHouse
//! ```
//! The language: `field:value`, `field:"quoted"`, `field:pre*`, `field:>100`, `field:10.0.0.0/8`, `field:*` (has a value), `AND`, `OR`,
//! `NOT`, parentheses; things side by side mean AND; a bare word is looked for in every text column, and in the addresses when it is
//! one. Text compares without case. Names and aliases of fields come from `vonggac_event::schema`.
//!
//! Invariant: what a person typed reaches ClickHouse as a bound value only; the SQL's text is made of names from the schema and
//! of fixed pieces. Invariant: every function that reads events takes a [`Scope`] and restricts to it. A field that no chosen class has is an
//! error with its column; a class without the field is left out, also under NOT.
//!
//! Limits: [`QUERY_BYTES_MAX`], [`TERMS_MAX`], [`DEPTH_MAX`], [`PAGE_ROWS_MAX`], [`BUCKETS_MAX`], and ClickHouse's own for time
//! rows read, memory and threads ([`Limits`]). [`Shares`] says how many searches run and wait.

mod ask;
mod compile;
mod entity;
mod event_store;
mod histogram;
mod lexer;
mod literal;
#[cfg(test)]
mod live_tests;
mod page;
mod parse;
mod row;
mod run;
mod turns;
mod values;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use vonggac_event::{Class, EventId, Scope};

pub use entity::{DOMAIN, Known, Pair, Subject};
pub use event_store::{ELSEWHERE_MIN, EventStore};
pub use histogram::{Histogram, HistogramBucket};
pub use parse::Query;
pub use row::EventRow;
pub use run::{SENSOR_DAYS, SensorState, ping, sensors};
pub use turns::{Asker, Shares, TurnCounts};
pub use values::FieldValues;

/// Longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 4096;
/// Most terms in a query.
pub const TERMS_MAX: usize = 64;
/// Deepest nesting of parentheses and NOT.
pub const DEPTH_MAX: usize = 16;
/// Most events on a page.
pub const PAGE_ROWS_MAX: u32 = 500;
/// Most events on a page of what is written to a file.
pub const EXPORT_ROWS_MAX: u32 = 2_000;
/// Most buckets of a histogram.
pub const BUCKETS_MAX: u32 = 500;

/// What ClickHouse may spend on one statement; `None` leaves it to the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Seconds.
    pub max_execution_s: Option<u32>,
    /// Rows.
    pub max_rows_to_read: Option<u64>,
    /// Bytes.
    pub max_memory_bytes: Option<u64>,
    /// Threads.
    pub max_threads: Option<u32>,
    /// How far its threads stand back for others on a busy machine, as Linux counts it: up to 19. A server that may not raise and lower
    /// this ignores it.
    pub niceness: Option<u32>,
}

impl Limits {
    /// What is left for the next statement of a question that has taken `elapsed` so far; time is counted in whole seconds.
    fn after(self, elapsed: Duration) -> Result<Self, SearchError> {
        let Some(seconds) = self.max_execution_s else {
            return Ok(self);
        };
        let spent = u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX);
        match seconds.checked_sub(spent) {
            None | Some(0) => Err(SearchError::TooExpensive(format!("{seconds} s are over"))),
            left => Ok(Self {
                max_execution_s: left,
                ..self
            }),
        }
    }
}

/// What to look for, in which classes, when.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Whose events.
    pub scope: &'a Scope,
    /// What they must be like.
    pub query: &'a Query,
    /// Which classes; none means every class but the sensors' own counters.
    pub classes: &'a [Class],
    /// Then or later, in microseconds.
    pub from_us: Option<i64>,
    /// Before, in microseconds.
    pub to_us: Option<i64>,
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// Whatever the time.
    fn ever(scope: &'a Scope, query: &'a Query, classes: &'a [Class]) -> Self {
        Self {
            scope,
            query,
            classes,
            from_us: None,
            to_us: None,
        }
    }
}

/// The last event of a page, for the page after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    ts_us: i64,
    id: EventId,
    /// Events on all pages, as the first one counted them.
    total: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.ts_us, self.id, self.total)
    }
}

impl FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let parse = || {
            let (ts_us, rest) = text.split_once('.')?;
            let (id, total) = rest.split_once('.')?;
            Some(Self {
                ts_us: ts_us.parse().ok()?,
                id: id.parse().ok()?,
                total: total.parse().ok()?,
            })
        };
        parse().ok_or(SearchError::Cursor)
    }
}

/// A page of events, the latest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The events.
    pub rows: Vec<EventRow>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
    /// Events on all pages.
    pub total: u64,
}

/// Why a search did not succeed.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The query cannot be understood.
    #[error("column {column}: {problem}")]
    Query {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A field or value that was asked about does not do.
    #[error("{0}")]
    Field(String),
    /// The cursor is none that this module made.
    #[error("the cursor is not one that this server gave")]
    Cursor,
    /// The search asks for more than ClickHouse may spend on it.
    #[error("the search takes too long or reads too much; narrow the time or the query ({0})")]
    TooExpensive(String),
    /// Too many searches are going on.
    #[error("{0}")]
    Busy(Busy),
    /// ClickHouse failed or is away.
    #[error("ClickHouse: {0}")]
    Server(String),
    /// ClickHouse's answer is not what was asked for.
    #[error("ClickHouse answered something unexpected: {0}")]
    Answer(String),
}

/// Whose searches are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Busy {
    /// The asker's own.
    #[error("as many of your searches as may wait do so already; let some end")]
    Line,
    /// Everybody's: none ended in time.
    #[error("other searches have not ended in time for this one to begin; try again")]
    Wait,
}

impl SearchError {
    fn at(column: usize, problem: impl Into<String>) -> Self {
        Self::Query {
            column,
            problem: problem.into(),
        }
    }
}

impl From<clickhouse::error::Error> for SearchError {
    fn from(error: clickhouse::error::Error) -> Self {
        let text = error.to_string();
        // TIMEOUT_EXCEEDED, TOO_SLOW, TOO_MANY_ROWS, TOO_MANY_BYTES, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS_OR_BYTES.
        let dear = ["159", "160", "158", "307", "241", "396"];
        let code = text
            .split_once("Code: ")
            .and_then(|(_, rest)| rest.split_once('.'))
            .map(|(code, _)| code);
        match code {
            Some(code) if dear.contains(&code) => Self::TooExpensive(format!("code {code}")),
            // TOO_MANY_SIMULTANEOUS_QUERIES: others than searches, or another console's.
            Some("202") => Self::Busy(Busy::Wait),
            _ => Self::Server(text),
        }
    }
}

/// Whether a request's query fits its classes, without asking anybody.
///
/// # Errors
/// As for a search.
pub fn check(request: &Request<'_>) -> Result<(), SearchError> {
    classes(request).map(|_| ())
}

/// The classes that a request concerns; its query fits them.
fn classes(request: &Request<'_>) -> Result<Vec<Class>, SearchError> {
    let classes: Vec<Class> = if request.classes.is_empty() {
        Class::ALL
            .into_iter()
            .filter(|class| *class != Class::Stats)
            .collect()
    } else {
        request.classes.to_vec()
    };
    compile::check(request.query, &classes)?;
    Ok(classes)
}
