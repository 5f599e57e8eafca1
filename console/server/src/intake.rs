//! Alerts from Kafka into the case store.
//!
//! Several at a time: what has come is taken over in one transaction, told to the open browsers, and only then are the offsets
//! committed. After a crash the last ones come again; their revisions are known then, and nothing happens twice. While PostgreSQL
//! is away the intake waits and tries again. A message that is no alert, or that PostgreSQL will never take, is logged with its
//! place and passed over: the pipeline's copy in ClickHouse remains.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vonggac_database::alert::Taken;
use vonggac_database::{AlertRow, DatabaseError};
use vonggac_event::{Alert, wire};

use crate::live::Happening;
use crate::state::Console;

/// Most alerts in one transaction.
const BATCH_ALERTS_MAX: usize = 200;
/// How long a batch waits for one more.
const GATHER: Duration = Duration::from_millis(5);
/// First and longest wait before trying again.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// A message and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Wire form of an alert.
    pub payload: Vec<u8>,
}

/// Where alerts come from.
pub trait AlertSource: Send + 'static {
    /// The next message. Giving up waiting for it must lose nothing.
    ///
    /// # Errors
    /// When the source is beyond repair.
    fn next(&mut self) -> impl Future<Output = anyhow::Result<Delivered>> + Send;

    /// Says that everything below `next_offset` of a partition is in the case store.
    fn commit(&mut self, partition: i32, next_offset: i64);
}

impl AlertSource for vonggac_bus::Consumer {
    async fn next(&mut self) -> anyhow::Result<Delivered> {
        let message = vonggac_bus::Consumer::next(self).await?;
        Ok(Delivered {
            partition: message.partition,
            offset: message.offset,
            payload: message.payload,
        })
    }

    fn commit(&mut self, partition: i32, next_offset: i64) {
        vonggac_bus::Consumer::commit(self, vonggac_event::topic::ALERTS, partition, next_offset);
    }
}

/// Takes alerts over until the console stops or the source fails for good.
pub(crate) async fn run(console: Console, mut source: impl AlertSource) {
    let mut stopped = console.stopped();
    let work = async {
        loop {
            let batch = match gather(&mut source).await {
                Ok(batch) => batch,
                Err(error) => {
                    console
                        .intake()
                        .failing_since_us
                        .store(console.now_us(), Ordering::Relaxed);
                    tracing::error!(%error, "alerts cannot be read from Kafka any more; restart the console");
                    return;
                }
            };
            take(&console, &batch).await;
            for (partition, next_offset) in ends(&batch) {
                source.commit(partition, next_offset);
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn gather(source: &mut impl AlertSource) -> anyhow::Result<Vec<Delivered>> {
    let mut batch = vec![source.next().await?];
    while batch.len() < BATCH_ALERTS_MAX {
        match tokio::time::timeout(GATHER, source.next()).await {
            Ok(Ok(message)) => batch.push(message),
            // What has come is taken over first; the failure comes again.
            Ok(Err(_)) | Err(_) => break,
        }
    }
    Ok(batch)
}

/// The next offset of each partition in a batch.
fn ends(batch: &[Delivered]) -> Vec<(i32, i64)> {
    let mut ends = std::collections::BTreeMap::new();
    for message in batch {
        let end = ends.entry(message.partition).or_insert(0);
        *end = message.offset.saturating_add(1).max(*end);
    }
    ends.into_iter().collect()
}

/// Takes a batch over, however long PostgreSQL is away.
async fn take(console: &Console, batch: &[Delivered]) {
    let alerts: Vec<Alert> = batch.iter().filter_map(decoded).collect();
    let mut wait = RETRY_MIN;
    loop {
        match take_once(console, &alerts).await {
            Ok(rows) => {
                console.intake().failing_since_us.store(0, Ordering::Relaxed);
                console
                    .intake()
                    .last_us
                    .store(console.now_us(), Ordering::Relaxed);
                for row in rows {
                    console.live().tell(Happening::Told(Arc::new(row)));
                }
                return;
            }
            Err(error) => {
                let failing = &console.intake().failing_since_us;
                let _ = failing.compare_exchange(0, console.now_us(), Ordering::Relaxed, Ordering::Relaxed);
                tracing::warn!(%error, alerts = alerts.len(), "alerts could not be taken over; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
    }
}

fn decoded(message: &Delivered) -> Option<Alert> {
    match wire::decode(&message.payload) {
        Ok(alert) => Some(alert),
        Err(error) => {
            tracing::warn!(%error, partition = message.partition, offset = message.offset, "passed over what is no alert");
            None
        }
    }
}

/// Takes all over in one transaction, or one by one when PostgreSQL will not take one of them.
async fn take_once(console: &Console, alerts: &[Alert]) -> Result<Vec<AlertRow>, DatabaseError> {
    match console.database().take_alerts(alerts).await {
        Ok(taken) => Ok(changed(taken)),
        Err(error) if error.is_about_data() => {
            let mut rows = Vec::new();
            for alert in alerts {
                match console.database().take_alerts(std::slice::from_ref(alert)).await {
                    Ok(taken) => rows.extend(changed(taken)),
                    Err(error) if error.is_about_data() => {
                        tracing::error!(%error, "passed over an alert that PostgreSQL refuses");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(rows)
        }
        Err(error) => Err(error),
    }
}

fn changed(taken: Vec<Taken>) -> Vec<AlertRow> {
    let row = |one| match one {
        Taken::Changed(row) => Some(*row),
        Taken::Known => None,
        Taken::Refused => {
            tracing::warn!("passed over an alert whose id is not 16 bytes long");
            None
        }
    };
    taken.into_iter().filter_map(row).collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_batch_ends_behind_its_last_message() {
        let at = |partition, offset| Delivered {
            partition,
            offset,
            payload: Vec::new(),
        };
        assert_eq!(ends(&[at(0, 4), at(1, 9), at(0, 5), at(0, 3)]), [(0, 6), (1, 10)]);
        assert_eq!(ends(&[]), []);
    }
}
