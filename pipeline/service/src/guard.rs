//! Who may send events: a lane's look at the seal of each message, and at what the register says of its sender.
//!
//! Without the deployment's key the door is open: whoever can write to the topic is believed, and a seal is taken off without a look, so
//! that sensors can be enrolled one after another before the pipelines are given the key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use vonggac_bus::Message;
use vonggac_enrolment::{Claim, MasterKey, Opener, SealError, Stranger, VERSION, peel};
use vonggac_event::Event;
use vonggac_metrics::Registry;

use crate::halt::{Halt, Stop};
use crate::roll::{Roll, Sender};

/// A sender that the register does not have, after it was looked up, is not looked up again for this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Most senders of whom it is remembered that they were looked up.
const LOOKED_MAX: usize = 1024;

/// Whether senders are asked who they are.
#[derive(Clone)]
pub(crate) enum Door {
    Open,
    Guarded { key: MasterKey, roll: Arc<Roll> },
}

/// Why a message does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// It was refused when the batch was done the first time.
    #[error("refused before")]
    Before,
}

impl Refusal {
    /// All that are counted.
    pub(crate) const REASONS: [&str; 8] = [
        "unsealed",
        "malformed",
        "forged",
        "unknown",
        "revoked",
        "superseded",
        "foreign",
        "off_stage",
    ];

    /// Its name for counters.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Seal(SealError::None) => "unsealed",
            Self::Seal(SealError::Length { .. }) => "malformed",
            Self::Seal(SealError::Forged { .. }) => "forged",
            Self::Stranger(Stranger::Unknown(_)) => "unknown",
            Self::Stranger(Stranger::Revoked { .. }) => "revoked",
            Self::Stranger(Stranger::Superseded { .. }) => "superseded",
            Self::Stranger(Stranger::Foreign { .. }) => "foreign",
            Self::Stranger(Stranger::OffStage { .. }) => "off_stage",
            Self::Before => "before",
        }
    }
}

/// What a seal comes to.
pub(crate) type Sealing = Result<Option<Sender>, SealError>;

/// The guard of a lane.
pub(crate) struct Guard {
    door: Door,
    opener: Option<Opener>,
    looked_up: HashMap<Sender, Instant>,
}

impl Guard {
    pub(crate) fn new(door: &Door) -> Self {
        Self {
            opener: match door {
                Door::Open => None,
                Door::Guarded { key, .. } => Some(Opener::new(key.clone())),
            },
            door: door.clone(),
            looked_up: HashMap::new(),
        }
    }

    /// Who is proved to have sent a message; nobody at an open door.
    pub(crate) fn sender(&mut self, bytes: &[u8]) -> Sealing {
        let Some(opener) = &mut self.opener else {
            return Ok(None);
        };
        opener.open(bytes).map(|sealed| {
            Some(Sender {
                id: sealed.id,
                generation: sealed.generation,
            })
        })
    }

    /// The seals of messages. Where one is of a sensor that the register does not have yet, the register is first brought up to date.
    pub(crate) async fn look(
        &mut self,
        messages: &[Message],
        metrics: &Registry,
        stop: &Stop,
    ) -> Result<Vec<Sealing>, Halt> {
        let sealings: Vec<Sealing> = messages
            .iter()
            .map(|message| self.sender(&message.payload))
            .collect();
        let Door::Guarded { roll, .. } = &self.door else {
            return Ok(sealings);
        };
        let roll = roll.clone();
        let senders = sealings.iter().filter_map(|sealing| sealing.ok().flatten());
        let mut newer: Vec<Sender> = senders.filter(|sender| roll.is_behind(*sender)).collect();
        newer.dedup();
        newer.retain(|sender| {
            let looked_up = self.looked_up.get(sender);
            looked_up.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
        });
        if !newer.is_empty() {
            roll.catch_up(metrics, stop).await?;
            if self.looked_up.len() >= LOOKED_MAX {
                self.looked_up.clear();
            }
            let now = Instant::now();
            self.looked_up
                .extend(newer.into_iter().map(|sender| (sender, now)));
        }
        Ok(sealings)
    }

    /// Why an event does not count.
    pub(crate) fn refuses(&self, sealing: Sealing, event: &Event) -> Option<Refusal> {
        let Door::Guarded { roll, .. } = &self.door else {
            return None;
        };
        match sealing {
            Err(error) => Some(error.into()),
            // Only an open door proves nobody.
            Ok(None) => Some(SealError::None.into()),
            Ok(Some(sender)) => {
                let claim = Claim {
                    sensor: &event.sensor,
                    organisation: &event.tenant,
                    exercise_id: event.exercise_id,
                };
                roll.refuses(sender, claim).map(Refusal::from)
            }
        }
    }

    /// Organisation of a proved sender, if the register has it.
    pub(crate) fn organisation(&self, sealing: Sealing) -> Option<String> {
        match (&self.door, sealing) {
            (Door::Guarded { roll, .. }, Ok(Some(sender))) => roll.organisation(sender.id),
            _ => None,
        }
    }
}

/// A message without its seal, whoever made that.
pub(crate) fn unsealed(bytes: &[u8]) -> &[u8] {
    match bytes.first() {
        Some(&VERSION) => peel(bytes).map_or(bytes, |sealed| sealed.message),
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_an_open_door_a_seal_is_taken_off_and_nobody_is_asked() {
        let master = MasterKey::new([1; 32]);
        let credential = vonggac_enrolment::Credential::own(&master, "tap-1", "moh");
        let sealed = vonggac_enrolment::seal(&credential, b"\x01event");
        assert_eq!(unsealed(&sealed), b"\x01event");
        assert_eq!(unsealed(b"\x01event"), b"\x01event");
        assert_eq!(unsealed(&[VERSION, 0]), [VERSION, 0]);
        let mut guard = Guard::new(&Door::Open);
        assert_eq!(guard.sender(&sealed), Ok(None));
        assert_eq!(guard.refuses(Ok(None), &Event::default()), None);
    }
}
