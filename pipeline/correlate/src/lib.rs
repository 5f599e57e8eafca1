//! Streaming correlation of rule matches into alerts.
//!
//! ```text
//! event ──direct_match / Plan::route──▶ Match… ──(Kafka, keyed by group)──▶ Correlator::apply ──▶ Alert…
//! ```
//! - [`direct_match`] makes the match of a signature's or a YARA rule's hit; [`Plan`] makes those of Sigma rules: one for the
//!   rule itself, and one for each correlation that it feeds.
//! - [`Correlator`] keeps state per target, tenant, exercise and group. A *direct* rule's alert takes in all matches of its
//!   group for [`Limits::suppress_us`]; a *correlation's* alert starts when its condition first holds over a sliding window of
//!   event time. It ends when no window has held for the length of its timespan, or [`Limits::alert_us_max`] after its start;
//!   the next window that holds starts another, with an id of its own, and may reach back into the one that ended.
//!
//! # Event time
//! Windows are pruned by event time, never by a clock on the wall. Each *source*, one incarnation of a sensor's spool, has a watermark
//! that follows its matches (`clocks.rs`): an entry goes when the watermark of the source it came from has passed the end of every
//! window with it by [`Limits::lateness_us`], an open alert when that of the source that fed it last has. So a rule of five minutes
//! keeps five minutes and the lateness, at any rate; a capture of last month raises what it raised last month, beside live traffic
//! too; and one event with a wrong time prunes nothing. What a silent source holds, and what nothing touches, goes after
//! [`Limits::idle_us_max`] of arrival time. See `docs/adr/0005`.
//!
//! Laws, each with a test:
//! - The same matches in the same order at the same arrival times raise the same alerts, byte by byte, whatever snapshots are taken
//!   and restored in between: one id and revision has one content.
//! - Shifting all event times shifts the times of the alerts and changes nothing else.
//! - Matches of other times in between, of another source, change no alert.
//! - A match that comes twice counts once, as long as its window is kept.
//! - Matches of a source may come in any order within [`Limits::lateness_us`]; a window is then judged as if they had come in order. An
//!   alert that went out keeps its id when an earlier match comes late.
//! - What is kept is about rate × (timespan + lateness), however long it goes on.
//! - Nothing is dropped silently: what a limit takes is in [`Counters`].
//!
//! The first [`IMMEDIATE_REVISIONS_MAX`] revisions of an alert come out of `apply`; later ones gather until
//! [`Correlator::flush`], which the caller runs at the end of each batch, so that a storm costs one alert a batch and group.
//!
//! It does no I/O and reads no clock.

mod clocks;
mod correlator;
mod direct;
mod eviction;
mod keys;
mod limits;
mod outlet;
mod plan;
mod session;
mod snapshot;
mod summary;
mod table;
mod window;

#[cfg(test)]
mod tests;

pub use correlator::Correlator;
pub use direct::direct_match;
pub use limits::{Counters, Held, Limits};
pub use plan::{Plan, PlanCounters};
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
