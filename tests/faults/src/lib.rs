//! Fault tests: what was accepted is neither lost nor doubled, and the alerts are those of an undisturbed run.
//!
//! ```text
//!  play ──▶ sensor ──▶ Kafka ──▶ pipeline ──▶ ClickHouse      each killed, stopped, moved, filled, cut back, while traffic flows
//!             ▲          ▲           ▲            ▲           the sensor is started again here, the others by `vonggac up`
//! ```
//! [`Traffic`] plays [`Captures`] for as long as a test makes trouble; then [`undisturbed`] reads the same captures on a platform of its
//! own, and [`arrives`] sees that the ids of the events are complete and unique and the alerts the same.
//!
//! Whatever is chance follows from a seed, which is printed and taken from `VONGGAC_FAULTS_SEED`. `make test` runs the short forms,
//! `make faults` the long ones, whose numbers stand in `VONGGAC_FAULTS_KILLS`, `_MOVES`, `_OUTAGE` and `_DISKS`.
//!
//! They do not cut the power or lose packets on a network.

mod disk;
mod kafka;
mod outcome;
mod plan;
mod random;
mod segment;
mod sensor;
mod traffic;

pub use disk::SmallDisk;
pub use kafka::{Kafka, Record};
pub use outcome::{Alike, Outcome, arrives, complete, differences, resting, undisturbed, wait_for_events};
pub use plan::{Fault, Plan, Step, VICTIMS};
pub use random::{Random, seed, told};
pub use segment::{Batch, Segment};
pub use sensor::{RestartedSensor, Stopped};
pub use traffic::{Captures, Traffic, read, read_all};
