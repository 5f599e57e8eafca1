//! What can go wrong.

use std::io;

/// Errors of the generator.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// The caller asked for something outside the generator's bounds.
    #[error("{option} is {value}, but must be between {low} and {high}")]
    OutOfRange {
        /// Which option.
        option: &'static str,
        /// What was asked for.
        value: i64,
        /// Smallest value allowed.
        low: i64,
        /// Largest value allowed.
        high: i64,
    },
    /// The sink could not take a packet.
    #[error("cannot write the packets: {0}")]
    Sink(#[from] io::Error),
}
