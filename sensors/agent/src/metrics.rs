//! The counters for Prometheus: `GET /metrics` on an address of its own.
//!
//! One plain text, no keep-alive, so that a sensor on a tap carries no web server. The numbers are those of the last report, which the
//! packet thread makes every `--stats-seconds` and when it ends.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::packets::Report;

/// Longest request read, in bytes.
const REQUEST_BYTES: usize = 2048;
/// How long one client may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(5);

/// The last report, for whoever asks.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    text: Arc<Mutex<String>>,
}

impl Metrics {
    /// Takes a new report over.
    pub(crate) fn update(&self, sensor: &str, report: &Report) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = render(sensor, report);
    }

    /// Serves until dropped.
    pub(crate) async fn serve(self, address: SocketAddr) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("--metrics {address}"))?;
        tracing::info!(%address, "metrics");
        loop {
            match listener.accept().await {
                Ok((client, _)) => {
                    let metrics = self.clone();
                    tokio::spawn(async move {
                        // A client that goes away or dawdles is its own affair.
                        let _ = timeout(CLIENT_LIMIT, metrics.answer(client)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "metrics");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn answer(self, mut client: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        let mut piece = [0; 512];
        while !request.windows(4).any(|window| window == b"\r\n\r\n") && request.len() < REQUEST_BYTES {
            match client.read(&mut piece).await? {
                0 => break,
                count => request.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
        let (status, body) = if request.starts_with(b"GET /metrics ") {
            (
                "200 OK",
                self.text.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            )
        } else {
            ("404 Not Found", "only /metrics is here\n".to_owned())
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(body.as_bytes()).await?;
        client.shutdown().await
    }
}

fn render(sensor: &str, report: &Report) -> String {
    let sensor = sensor.replace(['\\', '"', '\n'], "_");
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut put = |name: &str, label: &str, value: u64| {
        let _ = writeln!(out, "{name}{{sensor=\"{sensor}\"{label}}} {value}");
    };
    put("sensor_packets_received_total", "", report.received);
    put("sensor_packets_processed_total", "", report.processed);
    for (reason, count) in &report.dropped {
        put(
            "sensor_packets_dropped_total",
            &format!(",reason=\"{reason}\""),
            *count,
        );
    }
    put("sensor_received_bytes_total", "", report.bytes);
    for (reason, count) in &report.events_dropped {
        put(
            "sensor_events_dropped_total",
            &format!(",reason=\"{reason}\""),
            *count,
        );
    }
    for (name, count) in &report.counters {
        put("sensor_counter_total", &format!(",name=\"{name}\""), *count);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_add_up_on_the_page() {
        let report = Report {
            received: 10,
            processed: 7,
            dropped: vec![("kernel".into(), 1), ("truncated".into(), 2)],
            ..Report::default()
        };
        let page = render("a\"b", &report);
        assert!(
            page.contains("sensor_packets_received_total{sensor=\"a_b\"} 10\n"),
            "{page}"
        );
        assert!(
            page.contains("sensor_packets_dropped_total{sensor=\"a_b\",reason=\"truncated\"} 2\n"),
            "{page}"
        );
    }
}
