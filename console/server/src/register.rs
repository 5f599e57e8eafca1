//! The register of sensors, told to the pipelines on the topic `sensors`.
//!
//! ```text
//!  change in PostgreSQL ─▶ notified ─▶ what is not told yet ─▶ Kafka has it ─▶ noted as told
//!  start, every COMPARE_EVERY, after a failure: what the topic says ─▶ what differs counts as not told
//! ```
//! Each is told at least once, and of each sensor the last word last (`vonggac_database::sensor::outbox`). Comparing heals the rest: a
//! Kafka that was made anew or set back, and a message that arrived after it was given up. It also takes in the sensors that the owner of the
//! deployment's key runs himself, which put themselves into the register: their ids are derived from the key, so nobody else can. Without a key and
//! without an enrolled sensor, Kafka is left alone.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::sync::Notify;
use vonggac_bus::{Connection, Producer, Table};
use vonggac_database::Database;
use vonggac_enrolment::{Enrolled, MasterKey, SensorId};
use vonggac_event::topic;

use crate::options::Options;
use crate::state::Console;

/// How often is looked whether something is to be told that was not heard of.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long is waited after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// How often what the topic says is compared.
const COMPARE_EVERY: Duration = Duration::from_secs(60);
/// How long Kafka may take to have what it is told.
const TELL_LIMIT: Duration = Duration::from_secs(10);
/// How long reading the topic may take.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// Most sensors on the topic.
const SENSORS_MAX: usize = 200_000;

/// The way to the task that tells.
#[derive(Default)]
pub(crate) struct Register {
    changed: Notify,
}

impl Register {
    /// Says that there may be something to tell.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }
}

/// The key of the options that sensors' keys are derived from; none when they name none.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub(crate) fn open_key(options: &Options) -> anyhow::Result<Option<MasterKey>> {
    let Some(path) = &options.sensor_key else {
        tracing::warn!("no sensor can be enrolled: give --sensor-key FILE");
        return Ok(None);
    };
    let key = read_key(path).with_context(|| format!("the key of sensors {}", path.display()))?;
    Ok(Some(key))
}

fn read_key(path: &Path) -> anyhow::Result<MasterKey> {
    let text = std::fs::read_to_string(path)?;
    text.parse().map_err(|problem| anyhow::anyhow!("it {problem}"))
}

/// Tells until the console stops.
pub(crate) async fn run(console: Console) {
    let mut stopped = console.stopped();
    let problem = console.metrics().problem("sensor_register");
    let telling = async {
        let mut line = Line::new(console.options().kafka.clone());
        loop {
            let pause = match line.round(&console).await {
                Ok(()) => {
                    problem.clear();
                    LOOK_EVERY
                }
                Err(error) => {
                    tracing::warn!("the register of sensors is not told to the pipelines: {error:#}");
                    problem.set(format!(
                        "the register of sensors is not told to the pipelines: {error:#}"
                    ));
                    RETRY
                }
            };
            let _ = tokio::time::timeout(pause, console.register().changed.notified()).await;
        }
    };
    tokio::select! {
        () = telling => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// The line to Kafka.
struct Line {
    connection: Connection,
    producer: Option<Producer>,
    compared: Option<Instant>,
}

impl Line {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            producer: None,
            compared: None,
        }
    }

    /// Compares when it is time, and tells what is to be told. After a failure, all that was under way is given up and compared again.
    async fn round(&mut self, console: &Console) -> anyhow::Result<()> {
        let outcome = self.compare_and_tell(console).await;
        if outcome.is_err() {
            // What it still has must not arrive after what another producer sends.
            self.producer = None;
            self.compared = None;
        }
        outcome
    }

    async fn compare_and_tell(&mut self, console: &Console) -> anyhow::Result<()> {
        let (database, key) = (console.database(), console.sensor_key());
        if key.is_none() && !database.has_enrolled_sensors().await? {
            return Ok(());
        }
        let producer = match &self.producer {
            Some(producer) => producer.clone(),
            None => self.producer.insert(Producer::new(&self.connection)?).clone(),
        };
        let send = |words| send(producer.clone(), words);
        // First what is new: comparing takes longer.
        tell(database, send).await?;
        if self.compared.is_none_or(|at| at.elapsed() >= COMPARE_EVERY) {
            let known = read_topic(&self.connection).await?;
            if let Some(key) = key {
                adopt(database, key, &known, console.now_us()).await?;
            }
            compare(database, &known).await?;
            self.compared = Some(Instant::now());
            tell(database, send).await?;
        }
        Ok(())
    }
}

/// Tells all that is to be told.
async fn tell<F: Future<Output = anyhow::Result<()>>>(
    database: &Database,
    mut send: impl FnMut(Vec<Enrolled>) -> F,
) -> anyhow::Result<()> {
    while let Some(untold) = database.untold_sensors().await? {
        send(untold.words().to_vec()).await?;
        untold.told().await?;
    }
    Ok(())
}

/// Takes in the sensors that the key's owner runs.
async fn adopt(database: &Database, key: &MasterKey, known: &[Enrolled], now_us: i64) -> anyhow::Result<()> {
    let is_own = |word: &&Enrolled| key.own_id(&word.name, &word.organisation) == word.id;
    let own: Vec<Enrolled> = known.iter().filter(is_own).cloned().collect();
    let sensors = database.adopt_sensors(&own, now_us).await?;
    if sensors > 0 {
        tracing::info!(sensors, "sensors of the owner of the key were entered");
    }
    Ok(())
}

/// Sees to it that what the topic does not say is told again.
async fn compare(database: &Database, known: &[Enrolled]) -> anyhow::Result<()> {
    let again = database.tell_sensors_again(known).await?;
    if again > 0 {
        tracing::warn!(
            sensors = again,
            "Kafka does not have what it was told of sensors; telling again"
        );
    }
    Ok(())
}

async fn send(producer: Producer, words: Vec<Enrolled>) -> anyhow::Result<()> {
    let sending = async {
        let mut deliveries = Vec::with_capacity(words.len());
        for word in &words {
            deliveries.push(
                producer
                    .send(topic::SENSORS, &word.id.0, &word.to_bytes())
                    .await?,
            );
        }
        for delivery in deliveries {
            delivery.await?;
        }
        anyhow::Ok(())
    };
    let limit = tokio::time::timeout(TELL_LIMIT, sending);
    limit
        .await
        .with_context(|| format!("Kafka did not take it within {} s", TELL_LIMIT.as_secs()))?
}

/// The last word about each sensor on the topic.
async fn read_topic(connection: &Connection) -> anyhow::Result<Vec<Enrolled>> {
    let reading = async {
        let mut table = Table::open(connection, topic::SENSORS).await?;
        let end = table.ends().now().await?;
        let mut known = HashMap::new();
        while let Some(message) = table.next_before(end).await? {
            take(&mut known, &message.key, &message.payload)?;
        }
        anyhow::Ok(known.into_values().collect())
    };
    let limit = tokio::time::timeout(READ_LIMIT, reading);
    limit
        .await
        .with_context(|| format!("the topic could not be read within {} s", READ_LIMIT.as_secs()))?
}

/// What is no entry is not ours, and says nothing of ours.
fn take(known: &mut HashMap<SensorId, Enrolled>, key: &[u8], value: &[u8]) -> anyhow::Result<()> {
    let Ok(id) = SensorId::try_from(key) else {
        return Ok(());
    };
    match Enrolled::about(id, value) {
        Ok(Some(word)) => known.insert(id, word),
        Ok(None) | Err(_) => known.remove(&id),
    };
    ensure!(
        known.len() <= SENSORS_MAX,
        "the topic has more than {SENSORS_MAX} sensors"
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::ready;

    use vonggac_access::Role;
    use vonggac_database::audit::Asker;
    use vonggac_database::sensor::NewSensor;
    use vonggac_database::testing::{self, NOW_US};
    use vonggac_enrolment::Credential;

    use super::*;

    /// Enrols a sensor of that name at `moh`.
    async fn enrolled(database: &Database, name: &str) -> Enrolled {
        let user_name = format!("by.{name}");
        let maker = testing::member(database, &user_name, "moh", &[Role::OrganisationManager]).await;
        let new = NewSensor {
            name: name.into(),
            organisation: "moh".parse().unwrap(),
            note: String::new(),
            stage: vonggac_event::Stage::Live,
        };
        let (_, token) = database
            .prepare_sensor(&Asker::from(&maker), &new, NOW_US)
            .await
            .unwrap();
        let origin = testing::from("10.0.0.1");
        database
            .enrol_sensor(&token.secret.to_text(), &origin, NOW_US)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_kafka_does_not_take_is_told_again_and_what_it_lost_too() {
        let Some(database) = testing::database().await else {
            return;
        };
        let one = enrolled(&database, "tap-1").await;
        let away = tell(&database, |_| ready(Err(anyhow::anyhow!("away")))).await;
        assert_eq!(away.unwrap_err().to_string(), "away");
        let told = async || {
            let mut told = Vec::new();
            let take = |words: Vec<Enrolled>| {
                told.extend(words);
                ready(Ok(()))
            };
            tell(&database, take).await.unwrap();
            told
        };
        assert_eq!(told().await, std::slice::from_ref(&one));
        assert_eq!(told().await, []);
        let told_after = async |kafka: Vec<Enrolled>| {
            compare(&database, &kafka).await.unwrap();
            told().await
        };
        assert_eq!(told_after(vec![one.clone()]).await, []);
        let all = std::slice::from_ref(&one);
        assert_eq!(told_after(Vec::new()).await, all, "Kafka was made anew");
        let earlier = Enrolled {
            generation: 0,
            ..one.clone()
        };
        assert_eq!(told_after(vec![earlier]).await, [one], "Kafka was set back");
    }

    #[tokio::test]
    async fn kafka_is_left_alone_while_there_is_neither_key_nor_sensor() {
        let Some(harness) = crate::tests::Harness::start(&[]).await else {
            return;
        };
        let mut line = Line::new(harness.console.options().kafka.clone());
        line.round(&harness.console).await.unwrap();
        assert!(line.producer.is_none());
    }

    #[tokio::test]
    async fn the_owners_own_sensors_are_taken_in_and_revoked_as_others_are() {
        let Some(database) = testing::database().await else {
            return;
        };
        let key = MasterKey::new([7; 32]);
        let own = |name: &str, organisation: &str| Credential::own(&key, name, organisation).enrolled();
        let forged = Enrolled {
            id: SensorId([9; 16]),
            ..own("forged", "moh")
        };
        let known = [
            own("tap-1", "moh"),
            own("lost", "nowhere"),
            own("?", "moh"),
            forged,
        ];
        for _ in 0..2 {
            adopt(&database, &key, &known, NOW_US).await.unwrap();
        }
        let scope = testing::everyone();
        let id = known[0].id;
        let boss = testing::account(&database, "boss", "*").await;
        database
            .revoke_sensor(&scope, &Asker::from(&boss), id, NOW_US)
            .await
            .unwrap();
        let told = database.untold_sensors().await.unwrap().unwrap();
        let expect = Enrolled {
            is_revoked: true,
            ..known[0].clone()
        };
        assert_eq!(told.words(), [expect]);
        told.told().await.unwrap();
        for strange in &known[1..] {
            let none = database
                .revoke_sensor(&scope, &Asker::from(&boss), strange.id, NOW_US)
                .await;
            assert!(none.is_err(), "{strange:?}");
        }
    }

    #[test]
    fn the_last_word_about_each_counts() {
        let word = |generation| Enrolled {
            id: SensorId([7; 16]),
            generation,
            name: "tap-1".into(),
            organisation: "moh".into(),
            exercise_id: 0,
            is_revoked: false,
        };
        let mut known = HashMap::new();
        let id = [7; 16];
        take(&mut known, &id, &word(1).to_bytes()).unwrap();
        take(&mut known, &id, &word(2).to_bytes()).unwrap();
        take(&mut known, b"foreign", b"anything").unwrap();
        assert_eq!(known.get(&SensorId(id)), Some(&word(2)));
        take(&mut known, &id, b"").unwrap();
        assert!(known.is_empty());
    }

    #[test]
    fn the_key_is_64_digits_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sensor.key");
        let key = MasterKey::new([7; 32]);
        std::fs::write(&path, key.to_text() + "\n").unwrap();
        assert_eq!(read_key(&path).unwrap().to_text(), key.to_text());
        std::fs::write(&path, "07").unwrap();
        let told = read_key(&path).unwrap_err().to_string();
        assert_eq!(told, "it is not 64 hexadecimal digits");
        read_key(&directory.path().join("none")).unwrap_err();
    }
}
