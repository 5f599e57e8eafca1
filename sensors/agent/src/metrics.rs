//! The sensor's counters and problems, for Prometheus and `vonggac doctor`.
//!
//! The numbers are those of the last report, which the packet thread makes every `--stats-seconds` and when it ends. What other
//! threads and tasks count or have trouble with, they say to the registry themselves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use vonggac_metrics::{Registry, Samples};

use crate::report::Report;

/// The last report and the registry that shows it; clones are one.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    last: Arc<Mutex<Option<Last>>>,
}

struct Last {
    sensor: String,
    report: Report,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::default();
        let last: Arc<Mutex<Option<Last>>> = Arc::default();
        let shown = Arc::clone(&last);
        registry.collect(move |out| {
            if let Some(last) = shown.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                fill(out, &last.sensor, &last.report);
            }
        });
        Self { registry, last }
    }
}

impl Metrics {
    /// Takes a new report over.
    pub(crate) fn update(&self, sensor: &str, report: &Report) {
        let last = Last {
            sensor: sensor.to_owned(),
            report: report.clone(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// Where counters and problems go that are in no report.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Serves until dropped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub(crate) async fn serve(self, address: SocketAddr) -> anyhow::Result<()> {
        let _serving = self.registry().serve(address).await?;
        std::future::pending().await
    }
}

fn fill(out: &mut Samples, sensor: &str, report: &Report) {
    let labels = [("sensor", sensor)];
    out.counter(
        "sensor_packets_received_total",
        "Packets that arrived at the tap or stand in the captures, the dropped ones too.",
        &labels,
        report.received,
    );
    out.counter(
        "sensor_packets_processed_total",
        "Packets that were worked on.",
        &labels,
        report.processed,
    );
    for (reason, count) in &report.dropped {
        out.counter(
            "sensor_packets_dropped_total",
            "Packets that were not worked on, by reason.",
            &[("sensor", sensor), ("reason", reason)],
            *count,
        );
    }
    out.counter(
        "sensor_received_bytes_total",
        "Bytes of the packets as they were on the wire.",
        &labels,
        report.bytes,
    );
    for (reason, count) in &report.events_dropped {
        out.counter(
            "sensor_events_dropped_total",
            "Events that were made and not accepted, by reason.",
            &[("sensor", sensor), ("reason", reason)],
            *count,
        );
    }
    for (name, count) in &report.counters {
        out.counter(
            "sensor_counter_total",
            "Whatever else the sensor counts, by name, as in its `stats` events.",
            &[("sensor", sensor), ("name", name)],
            *count,
        );
    }
    for source in report.sources.iter().filter(|source| source.error.is_some()) {
        out.gauge(
            "sensor_source_broken_info",
            "A source that could not be read to its end.",
            &[("sensor", sensor), ("source", &source.name)],
            1.0,
        );
    }
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
            counters: vec![("files_unscanned_queue_full".into(), 4)],
            ..Report::default()
        };
        let metrics = Metrics::default();
        metrics.update("a\"b", &report);
        let page = metrics.registry().render();
        for line in [
            "sensor_packets_received_total{sensor=\"a\\\"b\"} 10\n",
            "sensor_packets_processed_total{sensor=\"a\\\"b\"} 7\n",
            "sensor_packets_dropped_total{reason=\"truncated\",sensor=\"a\\\"b\"} 2\n",
            "sensor_counter_total{name=\"files_unscanned_queue_full\",sensor=\"a\\\"b\"} 4\n",
            "# TYPE sensor_packets_dropped_total counter\n",
        ] {
            assert!(page.contains(line), "{line}{page}");
        }
    }
}
