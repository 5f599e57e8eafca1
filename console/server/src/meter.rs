//! What the console counts: requests by route and status, and what its parts keep themselves.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::counts::counts;
use crate::state::Console;

/// Upper ends of the buckets of a request's time, in seconds.
const SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts a request by the route that it matched, never by its path: that is anybody's to choose.
pub(crate) async fn count(State(console): State<Console>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or("front end", MatchedPath::as_str)
        .to_owned();
    let response = next.run(request).await;
    let status = response.status();
    let metrics = console.metrics();
    metrics
        .counter(
            "console_requests_total",
            "Requests that were answered, by route and status.",
            &[("route", &route), ("method", method), ("status", status.as_str())],
        )
        .inc();
    metrics
        .histogram(
            "console_request_seconds",
            "Time until the head of an answer, by route.",
            &SECONDS,
            &[("route", &route)],
        )
        .observe(start.elapsed().as_secs_f64());
    response
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Shows what the console's parts keep themselves.
pub(crate) fn show(console: &Console) {
    let weak = console.downgrade();
    console.metrics().collect(move |out| {
        // The registry is the console's own; the last page may be made while it goes.
        let Some(console) = weak.upgrade() else {
            return;
        };
        const HELP: &str = "Searches, streams, connections and intake of this console.";
        for (name, count) in counts(&console) {
            if name.ends_with("_total") {
                out.counter(name, HELP, &[], count);
            } else {
                out.gauge(name, HELP, &[], count as f64);
            }
        }
        let pool = console.database().pool_state();
        out.gauge(
            "console_postgres_connections",
            "Connections to PostgreSQL that are open.",
            &[],
            f64::from(pool.open),
        );
        out.gauge(
            "console_postgres_connections_idle",
            "Open connections to PostgreSQL that nobody uses.",
            &[],
            f64::from(pool.idle),
        );
        out.gauge(
            "console_postgres_connections_max",
            "Most connections to PostgreSQL.",
            &[],
            f64::from(pool.max),
        );
    });
}
