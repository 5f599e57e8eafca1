//! Matches to alerts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use vonggac_bus::{Message, Record, TopicPartition};
use vonggac_correlate::Correlator;
use vonggac_event::{Alert, Match, topic, wire};
use vonggac_store::{Rows, alert_row};

use crate::Shared;
use crate::dead::{self, Dead};
use crate::gauges::CorrelatorGauges;
use crate::halt::{Halt, Stop};
use crate::lane::{Attempt, Work};
use crate::tables::{Table, insert};

/// The work of a `matches` partition.
pub(crate) struct Alerting {
    shared: Arc<Shared>,
    partition: TopicPartition,
    correlator: Correlator,
    gauges: CorrelatorGauges,
    unknown_targets: u64,
}

/// A batch, ready to be written.
#[derive(Default)]
pub(crate) struct Prepared {
    alerts: Vec<Alert>,
    dead: Vec<Dead>,
}

impl Alerting {
    pub(crate) fn new(shared: Arc<Shared>, partition: &TopicPartition) -> Self {
        let correlator = shared.rules.correlator();
        Self {
            gauges: CorrelatorGauges::new(&shared.metrics, partition, &correlator),
            shared,
            partition: partition.clone(),
            correlator,
            unknown_targets: 0,
        }
    }

    fn count(&mut self) {
        self.gauges.update(&self.correlator);
        let unknown = self.correlator.counters().unknown_target;
        if unknown > self.unknown_targets {
            tracing::warn!(
                partition = %self.partition,
                matches = unknown - self.unknown_targets,
                target = self.correlator.last_unknown_target(),
                "matches of correlations that are not in force here count nowhere; do all pipelines have the same rules?"
            );
            self.unknown_targets = unknown;
        }
    }

    /// Applies the messages to the state. What an alert says of when it was detected is when its match came into the log, so that a
    /// replay says the same.
    fn apply(&mut self, messages: &[Message]) -> Prepared {
        let mut prepared = Prepared::default();
        for (number, message) in messages.iter().enumerate() {
            let detected_us = message.timestamp_ms.saturating_mul(1000);
            match wire::decode::<Match>(&message.payload) {
                Ok(item) => self.correlator.apply(&item, detected_us, &mut prepared.alerts),
                Err(error) => prepared.dead.push(Dead::new(number, error)),
            }
        }
        self.correlator.flush(&mut prepared.alerts);
        prepared
    }
}

impl Work for Alerting {
    const LINGER: Duration = Duration::from_millis(20);
    const PLANS: bool = false;
    const WRITES: &[&str] = &[topic::ALERTS, topic::DEAD_LETTER];
    type Prepared = Prepared;

    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()> {
        self.correlator = self.shared.rules.correlator();
        self.gauges.begin();
        self.unknown_targets = 0;
        if !state.is_empty() {
            let restored = self.correlator.restore(state)?;
            tracing::info!(
                kept = restored.groups_kept,
                dropped = restored.groups_dropped,
                "correlation state is back"
            );
        }
        Ok(())
    }

    fn state(&self) -> Vec<u8> {
        self.correlator.snapshot()
    }

    fn replay(&mut self, messages: &[Message]) {
        // Its alerts went out with the place.
        self.apply(messages);
    }

    fn prepare(&mut self, slice: &[Message], _is_repeat: bool, prepared: &mut Prepared) {
        *prepared = self.apply(slice);
        keep_newest(&mut prepared.alerts);
        self.count();
    }

    async fn store(
        &self,
        prepared: &Prepared,
        _batch: &[Message],
        attempt: Attempt<'_>,
        stop: &Stop,
    ) -> Result<Vec<Record>, Halt> {
        let mut rows = Rows::default();
        prepared
            .alerts
            .iter()
            .for_each(|alert| alert_row(alert, &mut rows));
        let numbers = (0..rows.count).collect();
        let refused = insert(&self.shared, Table::Alerts, &rows, numbers, attempt.token, stop).await?;
        for (row, reason) in refused {
            let id = prepared
                .alerts
                .get(row)
                .map(|alert| format!("{:02x?}", alert.alert_id));
            tracing::error!(id, reason, "ClickHouse refuses an alert; the case store has it");
        }
        Ok(Vec::new())
    }

    fn records(&self, prepared: &mut Prepared, slice: &[Message]) -> Vec<Record> {
        let gauges = &self.shared.gauges;
        gauges.alerts.add(prepared.alerts.len() as u64);
        let alerts = prepared.alerts.iter().map(|alert| Record {
            topic: topic::ALERTS,
            key: alert.alert_id.clone(),
            payload: wire::to_bytes(alert),
            headers: Vec::new(),
        });
        let dead = dead::records(&prepared.dead, slice, &self.partition, gauges);
        alerts.chain(dead).collect()
    }
}

/// Of several revisions of one alert in a batch only the last is written.
fn keep_newest(alerts: &mut Vec<Alert>) {
    let mut newest = HashMap::new();
    for alert in alerts.iter() {
        let revision = newest.entry(alert.alert_id.clone()).or_insert(alert.revision);
        *revision = alert.revision.max(*revision);
    }
    alerts.retain(|alert| newest.get(&alert.alert_id) == Some(&alert.revision));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_revision_of_a_batch_is_written() {
        let alert = |id: u8, revision| Alert {
            alert_id: vec![id; 16],
            revision,
            ..Alert::default()
        };
        let mut alerts = vec![alert(1, 1), alert(2, 1), alert(1, 2)];
        keep_newest(&mut alerts);
        assert_eq!(alerts, [alert(2, 1), alert(1, 2)]);
    }
}
