//! The register of sensors as this pipeline knows it: read whole before the first lane opens, and followed from then on.
//!
//! The console writes it. What is read stays known when the topic is lost, so that nobody is shut out by that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use vonggac_bus::{Connection, Ends, Message, ReadError, Table};
use vonggac_enrolment::{Claim, Enrolled, Register, Sealed, SensorId, Stranger};
use vonggac_event::topic;
use vonggac_metrics::{Counter, Gauge, Registry};

use crate::gauges::now_ms;
use crate::halt::{Halt, Server, Stop, Waiting};

/// How long the register may take to come up to an end that was seen. Offsets at the end may hold nothing.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(3);
/// Pause before the topic is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);
/// How long the credential before the newest still counts: a sensor takes a renewed one a moment after the register has it, and what it sent
/// before that is on its way.
const GRACE_MS: i64 = 60_000;
const WHAT: &str = "the register of sensors";

/// What is known of sensors.
pub(crate) struct Roll {
    known: RwLock<Known>,
    /// One past the last message that was read.
    read_to: watch::Sender<i64>,
    ends: Mutex<Ends>,
    sensors: Gauge,
    unreadable: Counter,
}

/// The register, and when its last word about each sensor came, in milliseconds since 1970.
#[derive(Default)]
struct Known {
    register: Register,
    came_ms: HashMap<SensorId, i64>,
}

impl Known {
    fn refuses(&self, sender: Sender, claim: Claim<'_>, now_ms: i64) -> Option<Stranger> {
        let refusal = |generation| {
            let sealed = Sealed {
                id: sender.id,
                generation,
                message: &[],
            };
            self.register.admit(&sealed, claim).err()
        };
        match refusal(sender.generation) {
            Some(Stranger::Superseded { current, .. })
                if sender.generation.checked_add(1) == Some(current) && self.is_fresh(sender.id, now_ms) =>
            {
                refusal(current)
            }
            outcome => outcome,
        }
    }

    fn is_fresh(&self, id: SensorId, now_ms: i64) -> bool {
        let came_ms = self.came_ms.get(&id);
        came_ms.is_some_and(|came_ms| now_ms.saturating_sub(*came_ms) < GRACE_MS)
    }

    fn take(&mut self, id: SensorId, entry: Option<Enrolled>, came_ms: i64) {
        match entry {
            Some(entry) => {
                self.came_ms.insert(id, came_ms);
                self.register.take(entry);
            }
            None => {
                self.came_ms.remove(&id);
                self.register.forget(id);
            }
        }
    }
}

/// Reads on.
pub(crate) struct Follower {
    roll: Arc<Roll>,
    table: Table,
    kafka: Connection,
    metrics: Registry,
    stop: Stop,
}

impl Roll {
    /// Reads what there is.
    pub(crate) async fn read(
        kafka: &Connection,
        metrics: &Registry,
        stop: &Stop,
    ) -> Result<(Arc<Self>, Follower), Halt> {
        let table = opened(kafka, metrics, stop).await?;
        let sensors = "Sensors in the register, revoked ones too.";
        let unreadable = "Messages of the register of sensors that cannot be read.";
        let roll = Arc::new(Self {
            known: RwLock::default(),
            read_to: watch::Sender::new(table.next_offset()),
            ends: Mutex::new(table.ends()),
            sensors: metrics.gauge("pipeline_sensors_enrolled", sensors, &[]),
            unreadable: metrics.counter("pipeline_register_unreadable_total", unreadable, &[]),
        });
        let mut follower = Follower {
            roll: roll.clone(),
            table,
            kafka: kafka.clone(),
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        follower.read_whole().await?;
        tracing::info!(sensors = roll.sensors.get(), "the register of sensors is read");
        Ok((roll, follower))
    }

    /// Why an event of `sensor` and `organisation` does not count, sent by one whose seal is proved.
    pub(crate) fn refuses(&self, sender: Sender, claim: Claim<'_>) -> Option<Stranger> {
        self.known().refuses(sender, claim, now_ms())
    }

    /// Whether the sender may be newer than what was read of the register.
    pub(crate) fn is_behind(&self, sender: Sender) -> bool {
        let known = self.known();
        let known = known.register.get(sender.id);
        known.is_none_or(|known| known.generation < sender.generation)
    }

    /// Organisation of a sensor, if it is in the register.
    pub(crate) fn organisation(&self, id: SensorId) -> Option<String> {
        let known = self.known();
        let known = known.register.get(id);
        known.map(|known| known.organisation.clone())
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all is read that is in the topic now.
    pub(crate) async fn catch_up(&self, metrics: &Registry, stop: &Stop) -> Result<(), Halt> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waiting = Waiting::new(metrics, Server::Kafka, WHAT);
        let end = stop.until_ok(waiting, || ends.now()).await?;
        let mut read_to = self.read_to.subscribe();
        // Out of time is as good: then nothing stands before the end.
        let _ = timeout(CATCH_UP_LIMIT, read_to.wait_for(|to| *to >= end)).await;
        Ok(())
    }

    fn take(&self, message: &Message) {
        let (id, entry) = match read_entry(message) {
            Ok(read) => read,
            Err(reason) => {
                self.unreadable.inc();
                tracing::error!(
                    offset = message.offset,
                    reason,
                    "what stands in the register of sensors cannot be read"
                );
                return;
            }
        };
        tracing::debug!(%id, ?entry, "of the register of sensors");
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.take(id, entry, message.timestamp_ms);
        self.sensors.set(known.register.len() as f64);
    }
}

/// A sensor and the last word about it; none for a message without a value.
fn read_entry(message: &Message) -> Result<(SensorId, Option<Enrolled>), String> {
    let id = SensorId::try_from(message.key.as_slice()).map_err(|problem| format!("its key {problem}"))?;
    let entry = Enrolled::about(id, &message.payload).map_err(|error| error.to_string())?;
    Ok((id, entry))
}

/// Who sealed a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sender {
    pub(crate) id: SensorId,
    pub(crate) generation: u32,
}

async fn opened(kafka: &Connection, metrics: &Registry, stop: &Stop) -> Result<Table, Halt> {
    let waiting = Waiting::new(metrics, Server::Kafka, WHAT);
    stop.until_ok(waiting, || Table::open(kafka, topic::SENSORS))
        .await
}

impl Follower {
    /// Reads up to where the topic ends now, however often it must be opened for that.
    async fn read_whole(&mut self) -> Result<(), Halt> {
        loop {
            let ends = self.table.ends();
            let waiting = Waiting::new(&self.metrics, Server::Kafka, WHAT);
            let end = self.stop.until_ok(waiting, || ends.now()).await?;
            match self.read_to(end).await {
                Ok(()) => return Ok(()),
                Err(error) => self.reopen(error).await?,
            }
        }
    }

    async fn read_to(&mut self, end: i64) -> Result<(), ReadError> {
        loop {
            let next = tokio::select! {
                () = self.stop.wait() => return Ok(()),
                next = self.table.next_before(end) => next?,
            };
            let Some(message) = next else { return Ok(()) };
            self.take(&message);
        }
    }

    /// Follows the topic until something is beyond repair, or it is time to stop.
    pub(crate) async fn follow(mut self) -> Halt {
        loop {
            let next = tokio::select! {
                () = self.stop.wait() => return Halt::Stopped,
                next = self.table.next() => next,
            };
            match next {
                Ok(message) => self.take(&message),
                Err(error) => {
                    if let Err(halt) = self.reopen(error).await {
                        return halt;
                    }
                }
            }
        }
    }

    fn take(&self, message: &Message) {
        self.roll.take(message);
        self.roll.read_to.send_replace(self.table.next_offset());
    }

    async fn reopen(&mut self, error: ReadError) -> Result<(), Halt> {
        if let ReadError::Fatal(error) = error {
            return Err(Halt::Failed(
                anyhow::Error::new(error).context("the register of sensors"),
            ));
        }
        tracing::warn!(%error, "the register of sensors is opened again");
        self.stop.pause(REOPEN_PAUSE).await?;
        self.table = opened(&self.kafka, &self.metrics, &self.stop).await?;
        *self.roll.ends.lock().unwrap_or_else(PoisonError::into_inner) = self.table.ends();
        self.roll.read_to.send_replace(self.table.next_offset());
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: SensorId = SensorId([5; 16]);
    const CAME_MS: i64 = 1_000_000;

    fn known(generation: u32) -> Known {
        let mut known = Known::default();
        let entry = Enrolled {
            id: ID,
            generation,
            name: "tap-1".into(),
            organisation: "moh".into(),
            exercise_id: 0,
            is_revoked: false,
        };
        known.take(ID, Some(entry), CAME_MS);
        known
    }

    fn refusal(known: &Known, generation: u32, organisation: &str, after_ms: i64) -> Option<String> {
        let sender = Sender { id: ID, generation };
        let claim = Claim {
            sensor: "tap-1",
            organisation,
            exercise_id: 0,
        };
        let refusal = known.refuses(sender, claim, CAME_MS + after_ms);
        refusal.map(|refusal| refusal.to_string())
    }

    #[test]
    fn the_credential_before_counts_for_a_moment_after_it_was_renewed() {
        let known = known(3);
        assert_eq!(refusal(&known, 3, "moh", GRACE_MS), None);
        assert_eq!(refusal(&known, 2, "moh", GRACE_MS - 1), None);
        let foreign = refusal(&known, 2, "mot", 0).unwrap();
        assert!(foreign.contains("sends as"), "{foreign}");
        for (generation, after_ms) in [(2, GRACE_MS), (1, 0), (4, 0)] {
            let refused = refusal(&known, generation, "moh", after_ms).unwrap();
            assert!(refused.contains("and 3 counts"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_entry_of_its_key_is_not_taken() {
        let entry = known(1).register.get(ID).unwrap().clone();
        let message = |key: &[u8], payload: Vec<u8>| Message {
            key: key.to_vec(),
            payload,
            ..Message::default()
        };
        assert_eq!(
            read_entry(&message(&ID.0, entry.to_bytes())),
            Ok((ID, Some(entry.clone())))
        );
        assert_eq!(read_entry(&message(&ID.0, Vec::new())), Ok((ID, None)));
        for (key, payload) in [
            (&[6; 16][..], entry.to_bytes()),
            (b"short", entry.to_bytes()),
            (&ID.0, b"{}".to_vec()),
        ] {
            assert!(read_entry(&message(key, payload)).is_err());
        }
    }
}
