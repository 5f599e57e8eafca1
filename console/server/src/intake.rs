//! Alerts from Kafka into the case store.
//!
//! Several at a time: what has come is taken over in one transaction, in which PostgreSQL tells every console of it, and only then
//! are the offsets committed. After a crash the last ones come again; their revisions are known then, and nothing happens twice.
//! While PostgreSQL or Kafka is away the intake waits and tries again; when Kafka's side fails for good, as with a user that is none any more, it
//! begins anew with another consumer, and ends with the console when that does not help: its partitions are another's then.
//! A message that is no alert, or that PostgreSQL will never take, goes to `dead-letter` before its offset is committed.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vonggac_bus::{Consumer, Producer};
use vonggac_database::DatabaseError;
use vonggac_database::alert::Taken;
use vonggac_event::limits::cut;
use vonggac_event::{Alert, topic, wire};

use crate::state::Console;

/// Most alerts in one transaction.
const BATCH_ALERTS_MAX: usize = 200;
/// How long a batch waits for one more.
const GATHER: Duration = Duration::from_millis(5);
/// First and longest wait before trying again.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long the source may fail for good, again and again, before the intake ends.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// A source that works for so long has not failed because of what the one before failed of.
const SOUND: Duration = Duration::from_secs(60);
/// Longest reason sent with a message that is put aside, in bytes.
const REASON_BYTES_MAX: usize = 1024;

/// A message and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Key; empty when it has none.
    pub key: Vec<u8>,
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

    /// Says that everything below `next_offset` of a partition is in the case store, or put aside.
    fn commit(&mut self, partition: i32, next_offset: i64);

    /// Puts a message aside, with the reason; when this returns it is safe there.
    ///
    /// # Errors
    /// When it could not be put there; it is not to be committed then.
    fn put_aside(
        &mut self,
        message: &Delivered,
        reason: &str,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Kafka's topic of alerts, and the one for what cannot be taken over.
pub(crate) struct Topics {
    pub(crate) alerts: Consumer,
    pub(crate) dead_letter: Producer,
}

impl AlertSource for Topics {
    async fn next(&mut self) -> anyhow::Result<Delivered> {
        let message = self.alerts.next().await?;
        Ok(Delivered {
            partition: message.partition,
            offset: message.offset,
            key: message.key,
            payload: message.payload,
        })
    }

    fn commit(&mut self, partition: i32, next_offset: i64) {
        self.alerts.commit(topic::ALERTS, partition, next_offset);
    }

    async fn put_aside(&mut self, message: &Delivered, reason: &str) -> anyhow::Result<()> {
        let place = format!("{}/{}/{}", topic::ALERTS, message.partition, message.offset);
        let headers = [("reason", reason), ("from", place.as_str())];
        let delivery = self
            .dead_letter
            .send_with(topic::DEAD_LETTER, &message.key, &message.payload, &headers)
            .await?;
        Ok(delivery.await?)
    }
}

/// Takes alerts over until the console stops. A source that fails for good is replaced by another, for five minutes; then this ends.
pub(crate) async fn run<S: AlertSource>(console: Console, open: impl FnMut() -> anyhow::Result<S>) {
    run_patiently(console, open, PATIENCE).await;
}

/// The same with that much patience.
pub(crate) async fn run_patiently<S: AlertSource>(
    console: Console,
    mut open: impl FnMut() -> anyhow::Result<S>,
    patience: Duration,
) {
    let mut stopped = console.stopped();
    let work = async {
        let mut wait = RETRY_MIN;
        let mut failing: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let error = match open() {
                Ok(mut source) => take_from(&console, &mut source, &mut wait).await,
                Err(error) => error,
            };
            // Alerts were taken over since, or none came.
            if wait == RETRY_MIN || began.elapsed() >= SOUND {
                failing = None;
            }
            let since = *failing.get_or_insert(began);
            console.intake().fails(console.now_us(), &error);
            console.intake().restarts.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                error = format!("{error:#}"),
                ?wait,
                "alerts cannot be read from Kafka; beginning anew"
            );
            if since.elapsed() >= patience {
                tracing::error!(
                    ?patience,
                    "no alert could be read from Kafka for too long; this console ends, so that another takes them over"
                );
                return;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Takes over what a source has, until it fails.
async fn take_from(console: &Console, source: &mut impl AlertSource, wait: &mut Duration) -> anyhow::Error {
    loop {
        let batch = match gather(source).await {
            Ok(batch) => batch,
            Err(error) => return error,
        };
        for refused in take(console, &batch).await {
            if let Err(error) = put_aside(console, source, &refused).await {
                return error.context("a message could not be put aside");
            }
        }
        console.intake().works(console.now_us());
        *wait = RETRY_MIN;
        for (partition, next_offset) in ends(&batch) {
            source.commit(partition, next_offset);
        }
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

/// A message that will never be taken over, and why.
struct Refused<'a> {
    message: &'a Delivered,
    reason: String,
}

impl<'a> Refused<'a> {
    fn new(message: &'a Delivered, reason: impl ToString) -> Self {
        Self {
            message,
            reason: cut(reason.to_string(), REASON_BYTES_MAX),
        }
    }
}

async fn put_aside(
    console: &Console,
    source: &mut impl AlertSource,
    refused: &Refused<'_>,
) -> anyhow::Result<()> {
    let Refused { message, reason } = refused;
    source.put_aside(message, reason).await?;
    console.intake().put_aside.fetch_add(1, Ordering::Relaxed);
    tracing::error!(
        reason,
        partition = message.partition,
        offset = message.offset,
        "put aside in dead-letter what cannot be taken over as an alert"
    );
    Ok(())
}

/// Takes a batch over, however long PostgreSQL is away; what will never be taken over.
async fn take<'a>(console: &Console, batch: &'a [Delivered]) -> Vec<Refused<'a>> {
    let mut refused = Vec::new();
    let mut alerts: Vec<(&Delivered, Alert)> = Vec::with_capacity(batch.len());
    for message in batch {
        match wire::decode(&message.payload) {
            Ok(alert) => alerts.push((message, alert)),
            Err(error) => refused.push(Refused::new(message, error)),
        }
    }
    let mut wait = RETRY_MIN;
    loop {
        match take_once(console, &alerts).await {
            Ok(others) => {
                refused.extend(others);
                return refused;
            }
            Err(error) => {
                console.intake().fails(console.now_us(), &error);
                tracing::warn!(%error, alerts = alerts.len(), "alerts could not be taken over; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
    }
}

/// Takes all over in one transaction, or one by one when PostgreSQL will not take one of them; what it will never take.
async fn take_once<'a>(
    console: &Console,
    alerts: &[(&'a Delivered, Alert)],
) -> Result<Vec<Refused<'a>>, DatabaseError> {
    let all: Vec<Alert> = alerts.iter().map(|(_, alert)| alert.clone()).collect();
    let now_us = console.now_us();
    match console.database().take_alerts_at(&all, now_us).await {
        Ok(taken) => return Ok(judged(console, alerts, &taken)),
        Err(error) if error.is_about_data() => {}
        Err(error) => return Err(error),
    }
    let mut refused = Vec::new();
    for one in alerts {
        match console
            .database()
            .take_alerts_at(std::slice::from_ref(&one.1), now_us)
            .await
        {
            Ok(taken) => refused.extend(judged(console, std::slice::from_ref(one), &taken)),
            Err(error) if error.is_about_data() => refused.push(Refused::new(one.0, error)),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Counts what was taken over; what was refused.
fn judged<'a>(console: &Console, alerts: &[(&'a Delivered, Alert)], taken: &[Taken]) -> Vec<Refused<'a>> {
    let changed = taken
        .iter()
        .filter(|one| matches!(one, Taken::Changed(_)))
        .count();
    let changed = u64::try_from(changed).unwrap_or(u64::MAX);
    console.intake().taken.fetch_add(changed, Ordering::Relaxed);
    alerts
        .iter()
        .zip(taken)
        .filter(|(_, taken)| matches!(taken, Taken::Refused))
        .map(|((message, _), _)| Refused::new(message, "its id is not 16 bytes long"))
        .collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_batch_ends_behind_its_last_message() {
        let at = |partition, offset| Delivered {
            partition,
            offset,
            key: Vec::new(),
            payload: Vec::new(),
        };
        assert_eq!(ends(&[at(0, 4), at(1, 9), at(0, 5), at(0, 3)]), [(0, 6), (1, 10)]);
        assert_eq!(ends(&[]), []);
    }
}
