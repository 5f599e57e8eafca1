//! Sensors are enrolled: what an enrolled one sends counts for its organisation, and whatever else comes is put aside with the reason, counted,
//! told and raises an alarm; each message once, also when a sensor is revoked and the pipeline killed while it sends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Settings, Story, accepted, alerts, sequences, wait_for};
use vonggac_enrolment::{Credential, Enrolled, MasterKey, peel, seal};
use vonggac_event::proto::Anomaly;
use vonggac_event::{Body, Event, EventId, topic, wire};
use vonggac_faults::{Captures, Kafka, Record, RestartedSensor, seed};

/// For everything to arrive. A debug build shares the machine with others.
const LIMIT: Duration = Duration::from_secs(120);
/// For the sensor that plays.
const PLAY_LIMIT: Duration = Duration::from_secs(120);
/// A capture's ten minutes in some ten seconds.
const SPEED: &str = "60";
const RULE: &str = "vonggac:sensor-not-admitted";

#[test]
fn only_what_enrolled_sensors_send_counts() {
    let seed = seed();
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&platform, Captures::new(directory.path(), seed)).unwrap();
    let mut story = Story::default();
    story.check("an enrolled sensor's events arrive", || scene.enrolled());
    story.check("everything else is put aside with the reason", || {
        scene.strangers()
    });
    story.check("one is told, counted and an alarm", || scene.is_told());
    story.check("revoked and killed, each event is once in one place", || {
        scene.revoked()
    });
    story.end();
}

struct Scene<'a> {
    platform: &'a Platform,
    kafka: Kafka,
    key: MasterKey,
    captures: Vec<PathBuf>,
}

impl<'a> Scene<'a> {
    fn new(platform: &'a Platform, mut captures: Captures) -> anyhow::Result<Self> {
        let key = fs::read_to_string(platform.data().join("secrets/sensor.key"))?;
        Ok(Self {
            kafka: Kafka::of(platform)?,
            platform,
            key: key.parse().map_err(anyhow::Error::msg)?,
            captures: vec![captures.get(0)?, captures.get(1)?],
        })
    }

    /// A sensor's credential; the register does not have it yet.
    fn credential(&self, name: &str, organisation: &str, generation: u32) -> Credential {
        let own = Credential::own(&self.key, name, organisation);
        Credential {
            key: self.key.sensor_key(own.id, generation),
            generation,
            ..own
        }
    }

    /// Says on the register's topic what a sensor may send.
    fn tell(&self, entry: &Enrolled) -> anyhow::Result<()> {
        self.kafka
            .send(topic::SENSORS, &[(&entry.id.0, &entry.to_bytes())])
    }

    /// A sensor that reads a capture with a credential of its own; gives where it writes its summary.
    fn sensor(
        &self,
        credential: &Credential,
        capture: usize,
    ) -> anyhow::Result<(std::process::Command, PathBuf)> {
        let scratch = self.platform.scratch("enrolled")?;
        let file = scratch.join(format!("{}.credential", credential.name));
        fs::write(&file, credential.to_text())?;
        let summary = scratch.join(format!("{}.json", credential.name));
        let mut command = self.platform.sensor(&credential.name, &self.captures[capture]);
        command
            .arg("--credential")
            .arg(file)
            .arg("--summary")
            .arg(&summary);
        Ok((command, summary))
    }

    fn enrolled(&self) -> anyhow::Result<()> {
        let credential = self.credential("tap-1", "moh", 1);
        self.tell(&credential.enrolled())?;
        let (mut command, summary) = self.sensor(&credential, 0)?;
        let ended = vonggac_e2e::run(&mut command, PLAY_LIMIT)?;
        ensure!(ended.code() == 0, "{}", ended.err);
        let count = accepted(&summary)?;
        let rows = self.platform.rows()?;
        wait_for("its events", LIMIT, || {
            let stored = rows.count("sensor = 'tap-1' AND tenant = 'moh'")?;
            ensure!(stored == count, "{stored} of {count}");
            Ok(())
        })?;
        let dead = self.kafka.read(topic::DEAD_LETTER)?;
        ensure!(dead.is_empty(), "{:?}", reasons(&dead));
        Ok(())
    }

    fn strangers(&self) -> anyhow::Result<()> {
        let tap = self.credential("tap-1", "moh", 1);
        let revoked = self.credential("tap-2", "moh", 1);
        self.tell(&Enrolled {
            is_revoked: true,
            ..revoked.enrolled()
        })?;
        let earlier = self.credential("tap-3", "moh", 1);
        // The one before the newest still counts for a moment.
        self.tell(&self.credential("tap-3", "moh", 3).enrolled())?;
        let unknown = self.credential("tap-4", "moh", 1);
        let forger = Credential {
            key: MasterKey::new([0; 32]).sensor_key(tap.id, 1),
            ..tap.clone()
        };
        let mut sequence = 0;
        let mut event = |sensor: &str, organisation: &str, exercise_id: u32| {
            sequence += 1;
            wire::to_bytes(&Event {
                exercise_id,
                event_id: EventId::new(7, sequence).to_bytes().to_vec(),
                ts_us: vonggac_e2e::now_us(),
                sensor: sensor.to_owned(),
                tenant: organisation.to_owned(),
                body: Some(Body::Anomaly(Anomaly {
                    kind: "test".to_owned(),
                    ..Anomaly::default()
                })),
                ..Event::default()
            })
        };
        let messages = [
            event("tap-1", "moh", 0),
            seal(&forger, &event("tap-1", "moh", 0)),
            seal(&unknown, &event("tap-4", "moh", 0)),
            seal(&revoked, &event("tap-2", "moh", 0)),
            seal(&earlier, &event("tap-3", "moh", 0)),
            seal(&tap, &event("tap-1", "mot", 0)),
            seal(&tap, &event("tap-5", "moh", 0)),
            seal(&tap, &event("tap-1", "moh", 7)),
        ];
        let keyed: Vec<(&[u8], &[u8])> = messages
            .iter()
            .map(|message| (b"".as_slice(), message.as_slice()))
            .collect();
        self.kafka.send(topic::EVENTS, &keyed)?;
        let dead = wait_for("all put aside", LIMIT, || {
            let dead = self.kafka.read(topic::DEAD_LETTER)?;
            ensure!(dead.len() >= messages.len(), "{:?}", reasons(&dead));
            Ok(dead)
        })?;
        for (record, message) in dead.iter().zip(&messages) {
            ensure!(record.payload == *message, "another message was put aside");
        }
        let expect = [
            "the message is not sealed by a sensor; it says that it is of sensor tap-1 of moh".to_owned(),
            format!(
                "the seal is not of sensor {}, generation 1; it says that it is of sensor tap-1 of moh",
                tap.id
            ),
            format!("sensor {} is not enrolled", unknown.id),
            "sensor tap-2 of moh is revoked".to_owned(),
            "sensor tap-3 of moh sends with credential 1, and 3 counts".to_owned(),
            "sensor tap-1 of moh sends as sensor tap-1 of mot".to_owned(),
            "sensor tap-1 of moh sends as sensor tap-5 of moh".to_owned(),
            "sensor tap-1 of moh is for real work and sends for exercise 7".to_owned(),
        ];
        ensure!(reasons(&dead) == expect, "{:?}", reasons(&dead));
        let strange = self.platform.rows()?.count("bitShiftRight(event_id, 64) = 7")?;
        ensure!(strange == 0, "{strange} of them are stored");
        Ok(())
    }

    fn is_told(&self) -> anyhow::Result<()> {
        let page = self.page("/metrics")?;
        for (reason, count) in [
            ("unsealed", 1),
            ("forged", 1),
            ("unknown", 1),
            ("revoked", 1),
            ("superseded", 1),
            ("foreign", 2),
            ("off_stage", 1),
        ] {
            let line = format!("pipeline_strangers_total{{reason=\"{reason}\"}} {count}");
            ensure!(page.lines().any(|have| have == line), "{line} is not in {page}");
        }
        let mut doctor = self.platform.command("doctor");
        doctor.arg("--data").arg(self.platform.data());
        let said = vonggac_e2e::run(&mut doctor, LIMIT)?;
        for words in [
            "sensor tap-1 of moh sends as sensor",
            "sensor tap-2 of moh is revoked",
        ] {
            ensure!(said.out.contains(words), "{words:?} is not said: {}", said.out);
        }
        let rows = self.platform.rows()?;
        let expect: BTreeMap<(String, String), (String, u64)> = [
            ("", "unsealed", "vn", 1),
            ("", "forged", "vn", 1),
            ("?", "unknown", "vn", 1),
            ("tap-2", "revoked", "moh", 1),
            ("tap-3", "superseded", "moh", 1),
            ("tap-1", "foreign", "moh", 2),
            ("tap-1", "off_stage", "moh", 1),
        ]
        .into_iter()
        .map(|(sensor, reason, organisation, count)| {
            let key = (sensor.to_owned(), reason.to_owned());
            (key, (organisation.to_owned(), count))
        })
        .collect();
        wait_for("the alarms", LIMIT, || {
            let tenants = rows.query(&format!(
                "SELECT lower(hex(alert_id)) AS id, tenant FROM alerts FINAL WHERE rule_id = '{RULE}'"
            ))?;
            let found: BTreeMap<(String, String), (String, u64)> = alerts(&rows)?
                .into_values()
                .filter(|alert| alert.rule_id == RULE)
                .map(|alert| {
                    let group = |name: &str| alert.group.get(name).cloned().unwrap_or_default();
                    let tenant = tenants
                        .iter()
                        .find(|row| row["id"] == alert.id.as_str())
                        .and_then(|row| row["tenant"].as_str())
                        .unwrap_or_default();
                    let sensor = match group("sensor") {
                        id if id.len() == 32 => "?".to_owned(),
                        name => name,
                    };
                    ((sensor, group("reason")), (tenant.to_owned(), alert.count))
                })
                .collect();
            ensure!(found == expect, "{found:?}");
            Ok(())
        })
    }

    /// Revokes a sensor while it sends, and kills the pipeline then.
    fn revoked(&self) -> anyhow::Result<()> {
        let credential = self.credential("tap-6", "moh", 1);
        self.tell(&credential.enrolled())?;
        let (mut command, summary) = self.sensor(&credential, 1)?;
        command.args(["--speed", SPEED]);
        let mut sensor = RestartedSensor::start(command)?;
        let rows = self.platform.rows()?;
        let before = wait_for("its first events", LIMIT, || {
            let stored = rows.count("sensor = 'tap-6'")?;
            ensure!(stored > 0, "none");
            Ok(stored)
        })?;
        self.tell(&Enrolled {
            is_revoked: true,
            ..credential.enrolled()
        })?;
        self.platform.kill("pipeline")?;
        wait_for("the revocation", LIMIT, || {
            let dead = self.own_dead("tap-6")?;
            ensure!(!dead.is_empty(), "none is put aside");
            Ok(())
        })?;
        self.platform.kill("pipeline")?;
        sensor.finish(PLAY_LIMIT)?;
        let count = accepted(&summary)?;
        let (stored, dead) = wait_for("all in one place or the other", LIMIT, || {
            let stored = rows.count("sensor = 'tap-6'")?;
            let dead = self.own_dead("tap-6")?;
            let both = stored + dead.len() as u64;
            ensure!(
                both >= count,
                "{stored} stored, {} put aside of {count}",
                dead.len()
            );
            Ok((stored, dead))
        })?;
        println!(
            "  {count} events: {before} before, {stored} stored, {} put aside",
            dead.len()
        );
        // Of each run, stored and put aside together have no hole and no repeat.
        let mut all: BTreeMap<u64, Vec<u64>> = sequences(&rows)?;
        let runs: BTreeSet<u64> = dead.iter().map(|id| id.incarnation()).collect();
        all.retain(|incarnation, _| runs.contains(incarnation));
        for id in &dead {
            all.entry(id.incarnation()).or_default().push(id.sequence());
        }
        for (incarnation, mut sequence) in all {
            sequence.sort_unstable();
            let is_complete = sequence.iter().zip(1..).all(|(&have, want)| have == want);
            ensure!(is_complete, "run {incarnation:016x} has gaps or repeats");
        }
        ensure!(
            stored > 0 && !dead.is_empty(),
            "nothing changed by the revocation"
        );
        Ok(())
    }

    /// Ids of the events of a sensor that were put aside.
    fn own_dead(&self, sensor: &str) -> anyhow::Result<Vec<EventId>> {
        let dead = self.kafka.read(topic::DEAD_LETTER)?;
        let events = dead.iter().filter_map(|record| {
            let message = peel(&record.payload).ok()?.message;
            wire::decode_event(message).ok()
        });
        events
            .filter(|event| event.sensor == sensor)
            .map(|event| EventId::from_bytes(&event.event_id).context("no id"))
            .collect()
    }

    /// A page of the pipeline's metrics.
    fn page(&self, path: &str) -> anyhow::Result<String> {
        let status: serde_json::Value =
            serde_json::from_slice(&fs::read(self.platform.data().join("status.json"))?)?;
        let address = status["parts"]["pipeline"]["metrics"]
            .as_str()
            .context("no page")?;
        let mut client = TcpStream::connect(address)?;
        write!(client, "GET {path} HTTP/1.1\r\n\r\n")?;
        let mut page = String::new();
        client.read_to_string(&mut page)?;
        Ok(page)
    }
}

fn reasons(dead: &[Record]) -> Vec<String> {
    dead.iter()
        .map(|record| record.header("reason").unwrap_or_default().to_owned())
        .collect()
}
