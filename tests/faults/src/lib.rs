//! Kill tests: what was accepted is neither lost nor doubled.
//!
//! ```text
//!  play ──▶ sensor ──▶ Kafka ──▶ pipeline ──▶ ClickHouse      each killed with SIGKILL, again and again, while traffic flows
//!             ▲          ▲           ▲            ▲           the sensor is started again here, the others by `vonggac up`
//! ```
//! At the end the ids of the events must be complete and unique, and the alerts the same as those of an undisturbed run over the same
//! capture. [`Plan`] says what is killed when; it follows from a seed, which is printed and taken from `VONGGAC_FAULTS_SEED`.
//!
//! It kills processes; it does not cut the power, fill the disk or lose packets on a network.

mod plan;
mod sensor;

pub use plan::{Kill, Plan, VICTIMS, seed};
pub use sensor::RestartedSensor;
