//! What the console has counted, under the names that its metrics have.

use std::sync::atomic::Ordering;

use crate::state::Console;

/// A number, with its name; one that ends in `_total` only grows.
pub(crate) type Count = (&'static str, u64);

/// All of them, as they stand.
pub(crate) fn counts(console: &Console) -> Vec<Count> {
    let turns = console.events().counts();
    let (streams_open, streams_refused_account, streams_refused_console) = console.streams().counts();
    let intake = console.intake();
    vec![
        ("console_searches_running", turns.running),
        ("console_searches_waiting", turns.waiting),
        ("console_searches_served_total", turns.served),
        ("console_searches_waited_total", turns.waited),
        ("console_searches_refused_line_total", turns.refused_line),
        ("console_searches_refused_wait_total", turns.refused_wait),
        ("console_searches_too_expensive_total", turns.too_expensive),
        ("console_streams_open", streams_open),
        ("console_streams_refused_account_total", streams_refused_account),
        ("console_streams_refused_console_total", streams_refused_console),
        ("console_alerts_taken_total", intake.taken.load(Ordering::Relaxed)),
        (
            "console_alerts_put_aside_total",
            intake.put_aside.load(Ordering::Relaxed),
        ),
        (
            "console_intake_restarts_total",
            intake.restarts.load(Ordering::Relaxed),
        ),
        (
            "console_connections_full_total",
            console.connections_full().load(Ordering::Relaxed),
        ),
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
