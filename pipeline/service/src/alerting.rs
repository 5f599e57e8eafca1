//! Matches to alerts.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::try_join_all;
use vonggac_bus::Message;
use vonggac_correlate::Correlator;
use vonggac_event::{Alert, Match, topic, wire};

use crate::Shared;
use crate::dead::{self, Dead};
use crate::lane::Work;

/// The work of a `matches` partition.
pub(crate) struct Alerting {
    shared: Arc<Shared>,
    correlator: Correlator,
}

/// A batch, ready to be written.
pub(crate) struct Prepared {
    alerts: Vec<Alert>,
    dead: Vec<Dead>,
}

impl Alerting {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let correlator = shared.rules.correlator();
        Self { shared, correlator }
    }
}

impl Work for Alerting {
    const LINGER: Duration = Duration::from_millis(20);
    const SAVE_EVERY: Duration = Duration::from_secs(2);
    type Prepared = Prepared;

    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()> {
        self.correlator = self.shared.rules.correlator();
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

    fn prepare(&mut self, batch: &[Message]) -> Prepared {
        let now_us = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |age| age.as_micros() as i64);
        let mut prepared = Prepared {
            alerts: Vec::new(),
            dead: Vec::new(),
        };
        for message in batch {
            match wire::decode::<Match>(&message.payload) {
                Ok(item) => self.correlator.apply(&item, now_us, &mut prepared.alerts),
                Err(error) => prepared.dead.push((message.clone(), error.to_string())),
            }
        }
        self.correlator.flush(&mut prepared.alerts);
        keep_newest(&mut prepared.alerts);
        prepared
    }

    async fn write(&self, prepared: &Prepared, _token: &str) -> anyhow::Result<()> {
        let shared = &self.shared;
        shared.store.insert_alerts(&prepared.alerts).await?;
        let mut deliveries = Vec::with_capacity(prepared.alerts.len());
        for alert in &prepared.alerts {
            deliveries.push(
                shared
                    .producer
                    .send(topic::ALERTS, &alert.alert_id, &wire::to_bytes(alert))
                    .await?,
            );
        }
        deliveries.extend(dead::send(&shared.producer, &prepared.dead).await?);
        try_join_all(deliveries).await?;
        Ok(())
    }
}

/// Of several revisions of one alert in a batch only the last is written.
fn keep_newest(alerts: &mut Vec<Alert>) {
    let mut newest = std::collections::HashMap::new();
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
