//! What a sensor says when it ends.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Options, report, writer};

/// Everything that is counted.
pub(crate) struct Summary<'a> {
    pub(crate) options: &'a Options,
    pub(crate) packets: &'a report::Report,
    pub(crate) writer: &'a writer::Report,
    pub(crate) signatures: usize,
}

impl Summary<'_> {
    /// One line for people.
    pub(crate) fn log(&self) {
        let dropped: u64 = self.packets.dropped.iter().map(|(_, count)| count).sum();
        tracing::info!(
            received = self.packets.received,
            processed = self.packets.processed,
            dropped,
            events = self.writer.accepted,
            seconds = self.packets.seconds,
            "sensor ended"
        );
    }

    /// Writes all of it as JSON.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_vec_pretty(&self.to_json())?;
        text.push(b'\n');
        fs::write(path, text)
    }

    fn to_json(&self) -> Value {
        let mut events_dropped = pairs(&self.packets.events_dropped);
        events_dropped.extend(
            self.writer
                .dropped
                .iter()
                .map(|(&name, &count)| (name.to_owned(), json!(count))),
        );
        json!({
            "sensor": self.options.name,
            "tenant": self.options.tenant,
            "packets": {
                "received": self.packets.received,
                "processed": self.packets.processed,
                "dropped": pairs(&self.packets.dropped),
                "bytes": self.packets.bytes,
            },
            "events": {
                "accepted": self.writer.accepted,
                "accepted_before": self.writer.accepted_before,
                "by_class": self.writer.by_class,
                "dropped": events_dropped,
            },
            "sources": self.packets.sources,
            "counters": pairs(&self.packets.counters),
            "signatures_loaded": self.signatures,
            "seconds": self.packets.seconds,
        })
    }
}

fn pairs(list: &[(String, u64)]) -> Map<String, Value> {
    list.iter()
        .map(|(name, count)| (name.clone(), json!(count)))
        .collect()
}
