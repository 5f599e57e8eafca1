//! What an application protocol is to the sensor.
//!
//! ```text
//!              probe ┌──────────────────────┐ data, gap, end, overdue, finish
//!  sensor core ─────▶│ Card ──▶ dyn Protocol │◀──────────────── sensor core
//!                    └──────────┬───────────┘
//!                               ▼ event, anomaly, count, judge, file, wake
//!                           dyn Host  (the core: rules, sink, budgets)
//! ```
//!
//! A protocol is a folder that gives a [`Card`], which declares it, and a [`Protocol`], which follows one flow. The core knows protocols by these alone
//! and tells which one a flow speaks by [`Card::probe`], on any port. A protocol knows the core by [`Host`] alone: it neither sees packets nor
//! addresses, speaks of [`Side`]s instead of directions, reads no clock and does no I/O.
//!
//! What a request and its response say is a transaction. As it grows, stage by stage ([`Card::stages`]), the protocol has it judged
//! ([`Host::judge`]); rules then read what they ask for out of its [`Source`].
//!
//! Invariants: a protocol keeps bounded memory for a flow, by [`Limits`] or by limits of its own; what it keeps of bodies comes out of the core's budget
//! ([`Host::reserve`]). No input makes it panic, and the work is linear in what it is given.

mod card;
mod file_body;
mod host;
mod limits;
mod magic;
mod number;
mod side;
mod source;

pub use card::{BufferCard, Card, Condition, KeywordCard, NumberCard, Occurs, Sides, Start, Transport};
pub use file_body::{Digests, End, FileBody};
pub use host::{Host, Next, Protocol};
pub use limits::{FileDigests, Limits};
pub use number::{Dash, NumberTest, number};
pub use side::Side;
pub use source::{Instances, Judged, Source};
