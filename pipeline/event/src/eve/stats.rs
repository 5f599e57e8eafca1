//! `stats`.

use super::json::Object;
use crate::proto::{Counter, Stats};

/// Microseconds of a second.
const SECOND_US: u64 = 1_000_000;

/// The counters since the sensor started.
pub(super) fn describe(stats: &Stats, object: &mut Object<'_>) {
    object.number("uptime", stats.uptime_us / SECOND_US);
    object.object("capture", |capture| {
        capture.number("packets", stats.packets_received);
        capture.number("bytes", stats.bytes_received);
    });
    object.object("decoder", |decoder| {
        decoder.number("pkts", stats.packets_processed)
    });
    object.object("dropped", |object| counters(&stats.dropped, object));
    object.number("events", stats.events);
    object.object("counters", |object| counters(&stats.counters, object));
}

/// Names and numbers.
pub(super) fn counters(counters: &[Counter], object: &mut Object<'_>) {
    for counter in counters {
        object.number(&counter.name, counter.value);
    }
}
