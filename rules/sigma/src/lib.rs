//! Sigma 2.1 rules and correlations: parser with positions, compiler and matcher.
//!
//! ```text
//! text ──parse──▶ Document ──RuleSet::compile──▶ RuleSet ──matches(event)──▶ RuleIndex…
//! ```
//! - [`parse`] reads a file of one or more YAML documents and gives back those it could read together with what is wrong with
//!   the others, each with file, line and column.
//! - [`RuleSet::compile`] binds rules to the event classes of this platform through [`vonggac_event::Class::column`]. A rule for
//!   a log source that no class covers is kept as [`NotApplicable`]; a field that its class does not have is an error.
//! - [`RuleSet::matches`] finds an event's rules: one Aho-Corasick pass per text column decides most predicates, and only
//!   rules one of whose necessary predicates holds are evaluated. It allocates nothing once [`Scratch`] has grown, except what
//!   a derived column's reader allocates.
//!
//! What it does not do: filters, value_percentile, chained correlations and temporal conditions written as expressions are
//! refused with an error that says so. It correlates nothing itself; `vonggac-correlate` does.
//!
//! Semantics where the specification leaves room:
//! - An empty text and an absent one are the same in an event, so `''` and `null` both match it in a text column; in other
//!   columns `''` matches nothing. `*` and `contains: ''` want a value.
//! - Texts compare by simple case folding over Unicode, unless `cased`. A number compares with a text column by how it is written.
//! - An item of a list column suffices; with `all`, each value wants some item.
//! - `neq` is the negation of the same item without it, so it holds for an absent field.
//! - Keywords look for their text anywhere in every column except ids and times.
//! - A regular expression may match anywhere in the text.
//! - IPv4-mapped IPv6 addresses are IPv4 addresses.
//! - `1 of x*` that names no search identifier is an error, except under `not`, where it is false.

mod bits;
mod condition;
mod correlation;
mod detection;
mod document;
mod encode;
mod expression;
mod fold;
mod logsource;
mod lower;
mod matcher;
mod network;
mod pattern;
mod predicate;
mod ruleset;
mod time;
mod yaml;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use correlation::{Bounds, Correlation, CorrelationKind, Feed};
pub use document::{Document, Rule, parse};
pub use matcher::Scratch;
pub use ruleset::{NotApplicable, RuleIndex, RuleSet};

use thiserror::Error;

/// Largest rule file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most YAML nodes in a file, aliases expanded.
pub const NODES_MAX: usize = 100_000;
/// Deepest nesting of YAML nodes, and of parentheses in a condition.
pub const DEPTH_MAX: usize = 32;
/// Most nodes of one rule's compiled expression.
pub const EXPRESSION_NODES_MAX: usize = 50_000;
/// Largest compiled regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most rules one correlation may refer to.
pub const CORRELATION_RULES_MAX: usize = 64;
/// Longest timespan of a correlation, in seconds.
pub const TIMESPAN_SECONDS_MAX: u64 = 31 * 24 * 3600;
/// Largest count a correlation may wait for.
pub const COUNT_MAX: u64 = 10_000;

/// What is wrong with a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RuleError {
    /// The rule file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// A place in a file; both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A fault at a place of the file at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
        }
    }

    pub(crate) fn in_file(self, file: &str) -> RuleError {
        RuleError {
            file: file.to_owned(),
            line: self.place.line,
            column: self.place.column,
            message: self.message,
        }
    }
}
