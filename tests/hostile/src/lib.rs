//! Hostile input: what nobody would send by mistake neither stops the sensor nor makes it lose count.
//!
//! [`capture`] reads a capture from memory, however broken; [`damage`] cuts and flips; [`chunks`] says the streams of a capture again in
//! segments of a given size; [`play`] takes frames through decoding, streams, protocols and rules, and checks the sums.

pub mod capture;
pub mod chunks;
pub mod damage;
pub mod play;

/// Whether the long forms of the suites were asked for: `VONGGAC_HOSTILE=full`, as `make hostile` does.
pub fn is_full() -> bool {
    std::env::var("VONGGAC_HOSTILE").is_ok_and(|form| form == "full")
}
