//! What the console has counted, under the names that its metrics have.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::state::Console;

/// A number, with its name; one that ends in `_total` only grows.
pub(crate) type Count = (&'static str, u64);

/// All of them, as they stand.
pub(crate) fn counts(console: &Console) -> Vec<Count> {
    let turns = console.events().counts();
    let streams = console.streams().counts();
    let intake = console.intake();
    let door = console.door();
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    vec![
        ("console_searches_running", turns.running),
        ("console_searches_waiting", turns.waiting),
        ("console_searches_served_total", turns.served),
        ("console_searches_waited_total", turns.waited),
        ("console_searches_refused_line_total", turns.refused_line),
        ("console_searches_refused_wait_total", turns.refused_wait),
        ("console_searches_too_expensive_total", turns.too_expensive),
        ("console_streams_open", streams.open),
        ("console_streams_refused_session_total", streams.refused_session),
        ("console_streams_refused_account_total", streams.refused_account),
        ("console_streams_refused_console_total", streams.refused_console),
        ("console_alerts_taken_total", load(&intake.taken)),
        ("console_alerts_put_aside_total", load(&intake.put_aside)),
        ("console_intake_restarts_total", load(&intake.restarts)),
        ("console_connections_open", load(&door.open)),
        ("console_connections_full_total", load(&door.full)),
        (
            "console_connections_refused_network_total",
            console.places().refused(),
        ),
        (
            "console_requests_refused_network_total",
            console.proxied_places().refused(),
        ),
        ("console_handshakes_failed_total", load(&door.handshakes_failed)),
        ("console_handshakes_slow_total", load(&door.handshakes_slow)),
        ("console_connections_plain_total", load(&door.plain)),
        ("console_answers_untaken_total", load(&door.untaken)),
        ("console_bodies_slow_total", load(&door.bodies_slow)),
    ]
}

/// Writes them to the log, without those that are nought.
pub(crate) fn log(console: &Console) {
    let told: Vec<String> = counts(console)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    tracing::info!(counts = told.join(" "), "what the console has counted");
}
