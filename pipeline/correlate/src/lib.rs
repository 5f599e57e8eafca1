//! Streaming correlation of rule matches into alerts.
//!
//! ```text
//! event ──direct_match / Plan::route──▶ Match… ──(Kafka, keyed by group)──▶ Correlator::apply ──▶ Alert…
//! ```
//! - [`direct_match`] makes the match of a signature's or a YARA rule's hit; [`Plan`] makes those of Sigma rules: one for the
//!   rule itself, and one for each correlation that it feeds.
//! - [`Correlator`] keeps state per target, tenant, exercise and group. A *direct* rule's alert takes in all matches of its
//!   group for [`Limits::suppress_us`]; a *correlation's* alert starts when its condition first holds over a sliding window of
//!   event time, and goes on until no window has held for the length of its timespan.
//!
//! Laws, each with a test:
//! - The same matches in the same order raise the same alerts, with the same ids and revisions, whatever snapshots are taken
//!   and restored in between.
//! - A match that comes twice counts once, as long as its window is kept.
//! - Matches may come in any order within [`Limits::lateness_us`]; a window is then judged as if they had come in order. An
//!   alert that went out keeps its id when an earlier match comes late.
//! - Nothing is dropped silently: what a limit takes is in [`Counters`].
//!
//! The first [`IMMEDIATE_REVISIONS_MAX`] revisions of an alert come out of `apply`; later ones gather until
//! [`Correlator::flush`], which the caller runs at the end of each batch, so that a storm costs one alert a batch and group.
//!
//! It does no I/O and reads no clock.

mod correlator;
mod direct;
mod keys;
mod outlet;
mod plan;
mod session;
mod snapshot;
mod summary;
mod table;
mod window;

#[cfg(test)]
mod tests;

pub use correlator::{Correlator, Counters, Limits};
pub use direct::direct_match;
pub use plan::Plan;
pub use snapshot::{Restored, SnapshotError};

/// Revisions of one alert that come out at once; further ones wait for [`Correlator::flush`].
pub const IMMEDIATE_REVISIONS_MAX: u64 = 32;
/// Most alerts one group has open at a time.
pub const OPEN_ALERTS_PER_GROUP_MAX: usize = 16;
/// Event ids a direct alert remembers to tell duplicates.
pub const REMEMBERED_EVENTS_MAX: usize = 1024;
/// Longest summary, in bytes.
pub const SUMMARY_BYTES_MAX: usize = 400;
/// Longest value of a group or counted field, in bytes.
pub const FIELD_BYTES_MAX: usize = 1024;
