//! What a sensor has to prove who it is: a file of its own, as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::key::read_hexadecimal;
use crate::register::is_real;
use crate::{Enrolled, MasterKey, SensorId, SensorKey};

/// The form this build writes.
const FORM: u32 = 1;

/// Why a text is no credential.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// It is not the JSON of a credential.
    #[error("it is not a sensor's credential: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of a form that this build does not know.
    #[error("a credential of form {0} is not known here (this build reads {FORM})")]
    Form(u32),
    /// A field is not what it must be.
    #[error("field {field} {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The credential of a sensor. Its `Debug` does not show the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Id that the console gave.
    pub id: SensorId,
    /// Counts from 1 and grows when the credential is renewed.
    pub generation: u32,
    /// The sensor's name, in every event.
    pub name: String,
    /// Code of the organisation that it counts for.
    pub organisation: String,
    /// The exercise that it counts for; 0 is real work.
    pub exercise_id: u32,
    /// What it seals with.
    pub key: SensorKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    form: u32,
    sensor: String,
    generation: u32,
    name: String,
    organisation: String,
    #[serde(default, skip_serializing_if = "is_real")]
    exercise: u32,
    key: String,
}

impl Credential {
    /// The credential of a sensor that whoever holds the deployment's key runs itself (see [`MasterKey::own_id`]).
    pub fn own(master: &MasterKey, name: &str, organisation: &str) -> Self {
        let id = master.own_id(name, organisation);
        Self {
            id,
            generation: 1,
            name: name.to_owned(),
            organisation: organisation.to_owned(),
            exercise_id: 0,
            key: master.sensor_key(id, 1),
        }
    }

    /// What the register says of a sensor that sends with this credential.
    pub fn enrolled(&self) -> Enrolled {
        Enrolled {
            id: self.id,
            generation: self.generation,
            name: self.name.clone(),
            organisation: self.organisation.clone(),
            exercise_id: self.exercise_id,
            is_revoked: false,
        }
    }

    /// What stands in the file.
    pub fn to_text(&self) -> String {
        let text = Text {
            form: FORM,
            sensor: self.id.to_string(),
            generation: self.generation,
            name: self.name.clone(),
            organisation: self.organisation.clone(),
            exercise: self.exercise_id,
            key: self.key.to_text(),
        };
        // A struct of texts and numbers always becomes JSON.
        serde_json::to_string_pretty(&text).unwrap_or_default() + "\n"
    }

    /// Reads what stands in the file.
    ///
    /// # Errors
    /// When it is no credential of a form that is known here.
    pub fn read(text: &str) -> Result<Self, CredentialError> {
        let text: Text = serde_json::from_str(text)?;
        if text.form != FORM {
            return Err(CredentialError::Form(text.form));
        }
        let field = |field, problem| CredentialError::Field { field, problem };
        Ok(Self {
            id: text.sensor.parse().map_err(|problem| field("sensor", problem))?,
            generation: text.generation,
            name: text.name,
            organisation: text.organisation,
            exercise_id: text.exercise,
            key: read_hexadecimal(&text.key)
                .map(SensorKey::new)
                .ok_or_else(|| field("key", "is not 64 hexadecimal digits"))?,
        })
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} of {} ({}, generation {})",
            self.name, self.organisation, self.id, self.generation
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_comes_back_from_its_file_and_is_not_shown() {
        let id = SensorId([0xab; 16]);
        for exercise_id in [0, 7] {
            let credential = Credential {
                id,
                generation: 2,
                name: "tap-1".into(),
                organisation: "moh".into(),
                exercise_id,
                key: MasterKey::new([9; 32]).sensor_key(id, 2),
            };
            let text = credential.to_text();
            assert_eq!(Credential::read(&text).unwrap(), credential);
            // One of real work is what it was before there were exercises.
            assert_eq!(text.contains("exercise"), exercise_id != 0);
            assert!(!format!("{credential:?} {credential}").contains(&credential.key.to_text()));
        }
    }

    #[test]
    fn an_owners_sensor_is_the_same_each_time_and_no_two_are_one() {
        let master = MasterKey::new([9; 32]);
        let own = |name: &str, organisation: &str| Credential::own(&master, name, organisation);
        assert_eq!(own("tap", "moh"), own("tap", "moh"));
        assert_ne!(own("tap", "moh").id, own("tapm", "oh").id);
        assert_ne!(own("tap", "moh").id, own("tap", "mot").id);
        let other = MasterKey::new([8; 32]);
        assert_ne!(own("tap", "moh").id, other.own_id("tap", "moh"));
        let entry = own("tap", "moh").enrolled();
        assert_eq!((entry.generation, entry.is_revoked), (1, false));
    }

    #[test]
    fn what_is_no_credential_is_refused_by_its_field() {
        let check = |text: &str, expect: &str| {
            let error = Credential::read(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("", "not a sensor's credential");
        let with = |form: u32, sensor: &str, key: &str| {
            format!(
                r#"{{"form":{form},"sensor":"{sensor}","generation":1,"name":"a","organisation":"moh","key":"{key}"}}"#
            )
        };
        check(&with(9, "", ""), "form 9");
        check(&with(1, "xy", ""), "field sensor is not 32 hexadecimal digits");
        check(
            &with(1, &"0".repeat(32), "00"),
            "field key is not 64 hexadecimal digits",
        );
    }
}
