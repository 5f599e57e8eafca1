//! Which sensors there are: told by the console on a topic of its own, the last word about each kept for ever.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Sealed, SensorId};

/// Why a message of the register cannot be read.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// It is not the JSON of an entry.
    #[error("it is not an entry of the register of sensors: {0}")]
    Json(#[from] serde_json::Error),
    /// The id is none.
    #[error("field sensor {0}")]
    Id(&'static str),
    /// It is of another sensor than it stands under.
    #[error("it is of another sensor than its key")]
    Other,
}

/// A sensor, as it may send now. On the topic: key, the id's 16 bytes; value, JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id.
    pub id: SensorId,
    /// The one generation of its credential that counts.
    pub generation: u32,
    /// Its name, in every event.
    pub name: String,
    /// Code of the organisation that all its events are of.
    pub organisation: String,
    /// The exercise that all its events are of; 0 is real work.
    pub exercise_id: u32,
    /// Whether it may send nothing any more.
    pub is_revoked: bool,
}

#[derive(Serialize, Deserialize)]
struct Text {
    sensor: String,
    generation: u32,
    name: String,
    organisation: String,
    #[serde(default, skip_serializing_if = "is_real")]
    exercise: u32,
    #[serde(default)]
    revoked: bool,
}

/// Whether a number of an exercise stands for real work.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it may skip by reference"
)]
pub(crate) fn is_real(exercise_id: &u32) -> bool {
    *exercise_id == 0
}

impl Enrolled {
    /// What stands on the topic.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = Text {
            sensor: self.id.to_string(),
            generation: self.generation,
            name: self.name.clone(),
            organisation: self.organisation.clone(),
            exercise: self.exercise_id,
            revoked: self.is_revoked,
        };
        // A struct of texts and numbers always becomes JSON.
        serde_json::to_vec(&text).unwrap_or_default()
    }

    /// Reads the word about a sensor that stands on the topic under its id; `None` for a message without a value, which takes the words before
    /// back.
    ///
    /// # Errors
    /// When it is no entry, or another sensor's.
    pub fn about(id: SensorId, value: &[u8]) -> Result<Option<Self>, RegisterError> {
        if value.is_empty() {
            return Ok(None);
        }
        let word = Self::read(value)?;
        if word.id != id {
            return Err(RegisterError::Other);
        }
        Ok(Some(word))
    }

    /// Reads an entry, whosesoever.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, RegisterError> {
        let text: Text = serde_json::from_slice(bytes)?;
        Ok(Self {
            id: text.sensor.parse().map_err(RegisterError::Id)?,
            generation: text.generation,
            name: text.name,
            organisation: text.organisation,
            exercise_id: text.exercise,
            is_revoked: text.revoked,
        })
    }
}

/// Why a sensor's message does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stranger {
    /// The register does not have it.
    #[error("sensor {0} is not enrolled")]
    Unknown(SensorId),
    /// It was revoked.
    #[error("sensor {name} of {organisation} is revoked")]
    Revoked {
        /// Its name.
        name: String,
        /// Its organisation.
        organisation: String,
    },
    /// Its credential was renewed, and this is an earlier one.
    #[error("sensor {name} of {organisation} sends with credential {generation}, and {current} counts")]
    Superseded {
        /// Its name.
        name: String,
        /// Its organisation.
        organisation: String,
        /// The credential it sends with.
        generation: u32,
        /// The one that counts.
        current: u32,
    },
    /// The event is of another organisation or of another sensor.
    #[error("sensor {name} of {organisation} sends as sensor {claimed_name} of {claimed_organisation}")]
    Foreign {
        /// Its name.
        name: String,
        /// Its organisation.
        organisation: String,
        /// The sensor of the event.
        claimed_name: String,
        /// The organisation of the event.
        claimed_organisation: String,
    },
    /// The event is of another exercise, or of one where it should be real, or the other way round.
    #[error("sensor {name} of {organisation} is for {} and sends for {}", work(*.exercise_id), work(*.claimed))]
    OffStage {
        /// Its name.
        name: String,
        /// Its organisation.
        organisation: String,
        /// The exercise that it is for; 0 is real work.
        exercise_id: u32,
        /// The exercise of the event.
        claimed: u32,
    },
}

fn work(exercise_id: u32) -> String {
    match exercise_id {
        0 => "real work".to_owned(),
        number => format!("exercise {number}"),
    }
}

/// Of what an event says that it is.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Name of the sensor.
    pub sensor: &'a str,
    /// Code of the organisation.
    pub organisation: &'a str,
    /// The exercise; 0 is real work.
    pub exercise_id: u32,
}

/// What is known of sensors.
#[derive(Debug, Clone, Default)]
pub struct Register {
    sensors: HashMap<SensorId, Enrolled>,
}

impl Register {
    /// Takes the last word about a sensor.
    pub fn take(&mut self, enrolled: Enrolled) {
        self.sensors.insert(enrolled.id, enrolled);
    }

    /// Forgets a sensor, as for a message without a value.
    pub fn forget(&mut self, id: SensorId) {
        self.sensors.remove(&id);
    }

    /// What it says of a sensor.
    pub fn get(&self, id: SensorId) -> Option<&Enrolled> {
        self.sensors.get(&id)
    }

    /// How many sensors it has, revoked ones too.
    pub fn len(&self) -> usize {
        self.sensors.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.sensors.is_empty()
    }

    /// Whether a sealed message may be an event of what that says it is of.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, sealed: &Sealed<'_>, claim: Claim<'_>) -> Result<&Enrolled, Stranger> {
        let known = self.sensors.get(&sealed.id).ok_or(Stranger::Unknown(sealed.id))?;
        let (name, owner) = (&known.name, &known.organisation);
        let organisation = || owner.clone();
        if known.is_revoked {
            return Err(Stranger::Revoked {
                name: name.clone(),
                organisation: organisation(),
            });
        }
        if known.generation != sealed.generation {
            return Err(Stranger::Superseded {
                name: name.clone(),
                organisation: organisation(),
                generation: sealed.generation,
                current: known.generation,
            });
        }
        if name != claim.sensor || owner != claim.organisation {
            return Err(Stranger::Foreign {
                name: name.clone(),
                organisation: organisation(),
                claimed_name: claim.sensor.to_owned(),
                claimed_organisation: claim.organisation.to_owned(),
            });
        }
        if known.exercise_id != claim.exercise_id {
            return Err(Stranger::OffStage {
                name: name.clone(),
                organisation: organisation(),
                exercise_id: known.exercise_id,
                claimed: claim.exercise_id,
            });
        }
        Ok(known)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: SensorId = SensorId([5; 16]);

    fn enrolled() -> Enrolled {
        Enrolled {
            id: ID,
            generation: 2,
            name: "tap-1".into(),
            organisation: "moh".into(),
            exercise_id: 0,
            is_revoked: false,
        }
    }

    #[test]
    fn an_entry_comes_back_from_the_topic() {
        for is_revoked in [false, true] {
            let entry = Enrolled {
                is_revoked,
                exercise_id: if is_revoked { 7 } else { 0 },
                ..enrolled()
            };
            assert_eq!(Enrolled::read(&entry.to_bytes()).unwrap(), entry);
        }
        // What earlier consoles told is of real work.
        let earlier = br#"{"sensor":"05050505050505050505050505050505","generation":2,"name":"tap-1","organisation":"moh"}"#;
        assert_eq!(Enrolled::read(earlier).unwrap(), enrolled());
        Enrolled::read(b"{}").unwrap_err();
    }

    #[test]
    fn a_word_is_about_the_sensor_that_it_stands_under() {
        let value = enrolled().to_bytes();
        assert_eq!(Enrolled::about(ID, &value).unwrap(), Some(enrolled()));
        assert_eq!(Enrolled::about(ID, b"").unwrap(), None);
        let other = Enrolled::about(SensorId([6; 16]), &value).unwrap_err();
        assert!(matches!(other, RegisterError::Other), "{other}");
    }

    #[test]
    fn a_sensor_sends_for_its_organisation_under_its_name_with_its_newest_credential() {
        let mut register = Register::default();
        let sealed = |generation| Sealed {
            id: ID,
            generation,
            message: b"",
        };
        let refusal = |register: &Register, generation, sensor: &str, organisation: &str| {
            let claim = Claim {
                sensor,
                organisation,
                exercise_id: 0,
            };
            let refused = register.admit(&sealed(generation), claim);
            refused.err().map(|stranger| stranger.to_string())
        };
        let check = |register: &Register, generation, sensor, organisation, expect: Option<&str>| {
            assert_eq!(
                refusal(register, generation, sensor, organisation).as_deref(),
                expect
            );
        };
        let unknown = "sensor 05050505050505050505050505050505 is not enrolled";
        check(&register, 2, "tap-1", "moh", Some(unknown));
        register.take(enrolled());
        check(&register, 2, "tap-1", "moh", None);
        let earlier = "sensor tap-1 of moh sends with credential 1, and 2 counts";
        check(&register, 1, "tap-1", "moh", Some(earlier));
        let foreign = "sensor tap-1 of moh sends as sensor tap-1 of mot";
        check(&register, 2, "tap-1", "mot", Some(foreign));
        let other = "sensor tap-1 of moh sends as sensor tap-2 of moh";
        check(&register, 2, "tap-2", "moh", Some(other));
        register.take(Enrolled {
            exercise_id: 7,
            ..enrolled()
        });
        let mixed = "sensor tap-1 of moh is for exercise 7 and sends for real work";
        check(&register, 2, "tap-1", "moh", Some(mixed));
        register.take(Enrolled {
            is_revoked: true,
            ..enrolled()
        });
        check(
            &register,
            2,
            "tap-1",
            "moh",
            Some("sensor tap-1 of moh is revoked"),
        );
        register.forget(ID);
        check(&register, 2, "tap-1", "moh", Some(unknown));
    }
}
