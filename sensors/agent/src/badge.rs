//! What the sensor proves who it is with: its credential, whose seal goes on each message as it is handed to Kafka.
//!
//! The spool holds messages without a seal, so that a renewed credential holds for what waits there, too. The credential's file is looked at
//! every [`LOOK_EVERY`] and read again when it has changed; one that cannot be read, or is of another sensor, changes nothing and is
//! told as a problem.
//!
//! Whoever holds the deployment's key may give that instead: the sensor then enrols itself under its name and organisation.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::time::timeout;
use vonggac_bus::{Connection, Producer, Table};
use vonggac_enrolment::{Credential, Enrolled, MasterKey, SensorId, seal};
use vonggac_event::topic;
use vonggac_metrics::{Problem, Registry};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long reading the register of sensors may take before it is opened again.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// The sensor's proof of who it is.
pub(crate) struct Badge {
    credential: Credential,
    origin: Origin,
}

enum Origin {
    File(File),
    /// The deployment's key, with which the credential of each generation can be made.
    Key(MasterKey),
    /// Enrolled with that key, which is needed no more.
    Enrolled,
}

struct File {
    path: PathBuf,
    stamp: Stamp,
    looked_at: Instant,
    problem: Option<Problem>,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Stamp {
    inode: u64,
    changed: (i64, i64),
    bytes: u64,
}

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        Self {
            inode: facts.ino(),
            changed: (facts.mtime(), facts.mtime_nsec()),
            bytes: facts.size(),
        }
    }
}

impl Badge {
    /// The credential in a file.
    ///
    /// # Errors
    /// When it cannot be read; the path is in the message.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let (credential, stamp) = read(path).with_context(|| format!("--credential {}", path.display()))?;
        Ok(Self {
            credential,
            origin: Origin::File(File {
                path: path.to_owned(),
                stamp,
                looked_at: Instant::now(),
                problem: None,
            }),
        })
    }

    /// The credential of an owner's sensor, by the deployment's key.
    ///
    /// # Errors
    /// When the key's file cannot be read; the path is in the message.
    pub(crate) fn from_key(path: &Path, name: &str, organisation: &str) -> anyhow::Result<Self> {
        let named = || format!("--sensor-key {}", path.display());
        let text = fs::read_to_string(path).with_context(named)?;
        let key: MasterKey = text
            .parse()
            .map_err(|problem| anyhow::anyhow!("{}: what stands in it {problem}", named()))?;
        Ok(Self {
            credential: Credential::own(&key, name, organisation),
            origin: Origin::Key(key),
        })
    }

    /// The sensor's name.
    pub(crate) fn name(&self) -> &str {
        &self.credential.name
    }

    /// Code of the organisation that its events are of.
    pub(crate) fn organisation(&self) -> &str {
        &self.credential.organisation
    }

    /// The exercise that its events are of; 0 is real work.
    pub(crate) fn exercise_id(&self) -> u32 {
        self.credential.exercise_id
    }

    /// Tells in a role's registry from now on when the file does not do.
    pub(crate) fn report_to(&mut self, registry: &Registry) {
        if let Origin::File(file) = &mut self.origin {
            file.problem = Some(registry.problem("credential"));
        }
    }

    /// The sealed form of a message.
    pub(crate) fn seal(&self, message: &[u8]) -> Vec<u8> {
        seal(&self.credential, message)
    }

    /// Reads the file again if it has changed; looks at it at most every [`LOOK_EVERY`].
    pub(crate) fn look(&mut self) {
        let Origin::File(file) = &mut self.origin else {
            return;
        };
        if file.looked_at.elapsed() < LOOK_EVERY {
            return;
        }
        file.looked_at = Instant::now();
        match file.changed(&self.credential) {
            Ok(None) => {}
            Ok(Some((credential, stamp))) => {
                tracing::info!(%credential, path = %file.path.display(), "the credential was read again");
                (self.credential, file.stamp) = (credential, stamp);
                file.tell(None);
            }
            Err(error) => file.tell(Some(format!("{error:#}"))),
        }
    }

    /// Sees to it that the register of sensors has an owner's sensor. What it says of the sensor stays: one that was revoked stays so.
    ///
    /// # Errors
    /// When Kafka is away, or has no register yet: to be tried again.
    pub(crate) async fn enrol(&mut self, connection: &Connection, producer: &Producer) -> anyhow::Result<()> {
        let Origin::Key(key) = &self.origin else {
            return Ok(());
        };
        let id = self.credential.id;
        match timeout(READ_LIMIT, last_word(connection, id)).await?? {
            Some(known) => {
                if known.is_revoked {
                    tracing::error!(
                        sensor = known.name,
                        "this sensor is revoked; what it sends will not count"
                    );
                }
                self.credential.generation = known.generation;
                self.credential.key = key.sensor_key(id, known.generation);
            }
            None => {
                let entry = self.credential.enrolled();
                producer
                    .send(topic::SENSORS, &id.0, &entry.to_bytes())
                    .await?
                    .await?;
                tracing::info!(credential = %self.credential, "this sensor is enrolled by its owner's key");
            }
        }
        self.origin = Origin::Enrolled;
        Ok(())
    }
}

impl File {
    /// The credential in the file, if that is another than before.
    fn changed(&self, known: &Credential) -> anyhow::Result<Option<(Credential, Stamp)>> {
        let facts = fs::metadata(&self.path)?;
        if Stamp::of(&facts) == self.stamp {
            return Ok(None);
        }
        let (credential, stamp) = read(&self.path)?;
        let whose = |one: &Credential| (one.name.clone(), one.organisation.clone(), one.exercise_id);
        if whose(&credential) != whose(known) {
            bail!(
                "it is of {} of {} now; start the sensor again to make it that one",
                credential.name,
                credential.organisation
            );
        }
        Ok(Some((credential, stamp)))
    }

    fn tell(&self, problem: Option<String>) {
        let Some(place) = &self.problem else { return };
        let Some(words) = problem else {
            return place.clear();
        };
        let path = self.path.display();
        let words = format!("{words}; the one before is used on ({path})");
        if place.since_us().is_none() {
            tracing::error!("the credential that is there does not do: {words}");
        }
        place.set(words);
    }
}

fn read(path: &Path) -> anyhow::Result<(Credential, Stamp)> {
    // Looked at first: one that is replaced meanwhile is read again.
    let stamp = Stamp::of(&fs::metadata(path)?);
    let credential = Credential::read(&fs::read_to_string(path)?)?;
    Ok((credential, stamp))
}

/// What the register says of a sensor.
async fn last_word(connection: &Connection, id: SensorId) -> anyhow::Result<Option<Enrolled>> {
    let mut table = Table::open(connection, topic::SENSORS).await?;
    let end = table.ends().now().await?;
    let mut last = None;
    while let Some(message) = table.next_before(end).await? {
        if message.key == id.0 {
            last = Enrolled::about(id, &message.payload).ok().flatten();
        }
    }
    Ok(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_enrolment::open;

    use super::*;

    /// A credential of another generation of the same sensor, or of another.
    fn credential(key: &MasterKey, name: &str, generation: u32) -> Credential {
        let own = Credential::own(key, name, "moh");
        Credential {
            key: key.sensor_key(own.id, generation),
            generation,
            ..own
        }
    }

    fn look_at_once(badge: &mut Badge) {
        if let Origin::File(file) = &mut badge.origin {
            file.looked_at = Instant::now() - LOOK_EVERY;
        }
        badge.look();
    }

    #[test]
    fn a_renewed_credential_is_taken_and_one_that_does_not_do_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credential");
        let key = MasterKey::new([3; 32]);
        fs::write(&path, credential(&key, "tap-1", 1).to_text()).unwrap();
        let registry = Registry::default();
        let mut badge = Badge::from_file(&path).unwrap();
        badge.report_to(&registry);
        assert_eq!((badge.name(), badge.organisation()), ("tap-1", "moh"));
        let mut check = |text: &str, generation: u32, problem: Option<&str>| {
            let fresh = directory.path().join("fresh");
            fs::write(&fresh, text).unwrap();
            fs::rename(&fresh, &path).unwrap();
            look_at_once(&mut badge);
            let sealed = badge.seal(b"m");
            assert_eq!(open(&key, &sealed).unwrap().generation, generation);
            let told: Vec<String> = registry
                .problems()
                .into_iter()
                .map(|trouble| trouble.words)
                .collect();
            assert_eq!(told.len(), usize::from(problem.is_some()), "{told:?}");
            assert!(
                told.iter()
                    .zip(problem)
                    .all(|(told, problem)| told.contains(problem)),
                "{told:?}"
            );
        };
        check(&credential(&key, "tap-1", 2).to_text(), 2, None);
        check("nonsense", 2, Some("not a sensor's credential"));
        check(
            &credential(&key, "tap-2", 3).to_text(),
            2,
            Some("start the sensor again"),
        );
        check(&credential(&key, "tap-1", 4).to_text(), 4, None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let path = Path::new("/nonexistent/tap-1");
        let refusal = |outcome: anyhow::Result<Badge>| format!("{:#}", outcome.err().unwrap());
        let error = refusal(Badge::from_file(path));
        assert!(error.contains("--credential /nonexistent/tap-1"), "{error}");
        let error = refusal(Badge::from_key(path, "a", "b"));
        assert!(error.contains("--sensor-key /nonexistent/tap-1"), "{error}");
    }
}
