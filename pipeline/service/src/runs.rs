//! What a sensor sends twice.
//!
//! A run of a sensor (an incarnation of its spool) numbers its events from 1, and within a partition they come in that order. So an event at or
//! below the highest number seen of its run is one that was sent again: after a kill, from the last place the sensor had noted.
//!
//! Where it is proved which sensor sent an event, a run is that sensor's: no other can make its events look like repeats.

use std::collections::HashMap;

use anyhow::Context as _;
use vonggac_enrolment::SensorId;
use vonggac_event::EventId;

/// Most runs remembered in a partition; beyond it those that were silent longest are given up. A repeat comes from a run that sent lately.
const RUNS_MAX: usize = 16_384;
/// How many are given up at once.
const FORGOTTEN_AT_ONCE: usize = RUNS_MAX / 16;
/// Repeats of one run in a row that a restart explains: what a sensor has under way at most, twice over. More is a fault worth a person.
pub(crate) const REPEATS_EXPLAINED: u64 = 50_000;

/// The runs of sensors in a partition.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    known: HashMap<Name, Run>,
    /// Grows with each event.
    clock: u64,
}

/// An incarnation, and whose it is.
type Name = (u64, Option<SensorId>);

#[derive(Debug, Clone, Copy)]
struct Run {
    highest: u64,
    heard: u64,
    repeats_in_a_row: u64,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    New,
    Repeat {
        /// With this one.
        in_a_row: u64,
    },
}

impl Runs {
    /// Takes note of an event, and who is proved to have sent it.
    pub(crate) fn see(&mut self, id: EventId, sensor: Option<SensorId>) -> Seen {
        self.clock += 1;
        let incarnation = id.incarnation();
        let name = (incarnation, sensor);
        // One that was nobody's, from before sensors had to prove who they are, is its first sender's.
        if sensor.is_some()
            && let Some(run) = self.known.remove(&(incarnation, None))
        {
            self.known.entry(name).or_insert(run);
        }
        let run = self.known.entry(name).or_insert(Run {
            highest: 0,
            heard: 0,
            repeats_in_a_row: 0,
        });
        run.heard = self.clock;
        if id.sequence() <= run.highest {
            run.repeats_in_a_row += 1;
            return Seen::Repeat {
                in_a_row: run.repeats_in_a_row,
            };
        }
        run.highest = id.sequence();
        run.repeats_in_a_row = 0;
        Seen::New
    }

    /// Gives up what is over the limit; says how many.
    pub(crate) fn keep_to_limit(&mut self) -> usize {
        if self.known.len() <= RUNS_MAX {
            return 0;
        }
        let mut heard: Vec<u64> = self.known.values().map(|run| run.heard).collect();
        heard.sort_unstable();
        let over = self.known.len() - RUNS_MAX + FORGOTTEN_AT_ONCE;
        let oldest_kept = heard.get(over).copied().unwrap_or(u64::MAX);
        let before = self.known.len();
        self.known.retain(|_, run| run.heard >= oldest_kept);
        before - self.known.len()
    }

    /// The runs as they are saved, those that were silent longest first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut list: Vec<(u64, Name, u64)> = self
            .known
            .iter()
            .map(|(&name, run)| (run.heard, name, run.highest))
            .collect();
        list.sort_unstable();
        let list: Vec<(u64, u64, String)> = list
            .into_iter()
            .map(|(_, (incarnation, sensor), highest)| {
                let sensor = sensor.map_or_else(String::new, |sensor| sensor.to_string());
                (incarnation, highest, sensor)
            })
            .collect();
        // Numbers and texts in a list always serialise.
        serde_json::to_vec(&list).unwrap_or_default()
    }

    /// Reads what was saved; also the pairs of builds before seals, and the triples (sensor, boot, sequence) of those whose ids had such halves.
    pub(crate) fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let list = read(bytes).context("state of an events partition")?;
        let mut runs = Self::default();
        for (name, highest) in list {
            runs.clock += 1;
            let run = Run {
                highest,
                heard: runs.clock,
                repeats_in_a_row: 0,
            };
            runs.known.insert(name, run);
        }
        Ok(runs)
    }
}

/// The list as this build or an earlier one wrote it.
fn read(bytes: &[u8]) -> anyhow::Result<Vec<(Name, u64)>> {
    if let Ok(list) = serde_json::from_slice::<Vec<(u64, u64, String)>>(bytes) {
        return list
            .into_iter()
            .map(|(incarnation, highest, sensor)| {
                let sensor = match sensor.as_str() {
                    "" => None,
                    id => Some(id.parse().map_err(anyhow::Error::msg)?),
                };
                Ok(((incarnation, sensor), highest))
            })
            .collect();
    }
    if let Ok(list) = serde_json::from_slice::<Vec<(u64, u64)>>(bytes) {
        let named = |(incarnation, highest)| ((incarnation, None), highest);
        return Ok(list.into_iter().map(named).collect());
    }
    let oldest: Vec<(u32, u32, u64)> = serde_json::from_slice(bytes)?;
    let named = |(sensor, boot, highest)| ((u64::from(sensor) << 32 | u64::from(boot), None), highest);
    Ok(oldest.into_iter().map(named).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn see(runs: &mut Runs, incarnation: u64, sequence: u64) -> Seen {
        runs.see(EventId::new(incarnation, sequence), None)
    }

    fn see_of(runs: &mut Runs, sensor: u8, incarnation: u64, sequence: u64) -> Seen {
        runs.see(EventId::new(incarnation, sequence), Some(SensorId([sensor; 16])))
    }

    #[test]
    fn a_sensor_makes_no_repeats_of_anothers_events() {
        let mut runs = Runs::default();
        assert_eq!(see_of(&mut runs, 1, 7, 5), Seen::New);
        assert_eq!(see_of(&mut runs, 2, 7, u64::MAX), Seen::New);
        let mut runs = Runs::from_bytes(&runs.to_bytes()).unwrap();
        assert_eq!(see_of(&mut runs, 1, 7, 6), Seen::New);
        assert_eq!(see_of(&mut runs, 1, 7, 6), Seen::Repeat { in_a_row: 1 });
    }

    #[test]
    fn what_was_sent_before_there_were_seals_is_known_with_one() {
        let mut runs = Runs::from_bytes(b"[[7,5],[8,9]]").unwrap();
        assert_eq!(see_of(&mut runs, 1, 7, 5), Seen::Repeat { in_a_row: 1 });
        assert_eq!(see_of(&mut runs, 1, 7, 6), Seen::New);
        assert_eq!(see(&mut runs, 8, 9), Seen::Repeat { in_a_row: 1 });
    }

    #[test]
    fn what_comes_again_is_known_also_after_a_restart() {
        let mut runs = Runs::default();
        assert_eq!(see(&mut runs, 7, 1), Seen::New);
        assert_eq!(see(&mut runs, 7, 5), Seen::New);
        assert_eq!(see(&mut runs, 8, 3), Seen::New);
        let mut runs = Runs::from_bytes(&runs.to_bytes()).unwrap();
        assert_eq!(see(&mut runs, 7, 4), Seen::Repeat { in_a_row: 1 });
        assert_eq!(see(&mut runs, 7, 5), Seen::Repeat { in_a_row: 2 });
        assert_eq!(see(&mut runs, 7, 6), Seen::New);
        assert_eq!(see(&mut runs, 8, 4), Seen::New);
    }

    #[test]
    fn state_of_earlier_builds_is_read() {
        let mut runs = Runs::from_bytes(b"[[1,2,10]]").unwrap();
        assert_eq!(see(&mut runs, 1 << 32 | 2, 10), Seen::Repeat { in_a_row: 1 });
        assert!(Runs::from_bytes(b"nonsense").is_err());
    }

    #[test]
    fn a_flood_of_runs_pushes_out_the_silent_ones() {
        let mut runs = Runs::default();
        see(&mut runs, 1, 100);
        let mut forgotten = 0;
        for incarnation in 10..(10 + 3 * RUNS_MAX as u64) {
            see(&mut runs, incarnation, 1);
            // A run that goes on is kept.
            see(&mut runs, 2, incarnation);
            forgotten += runs.keep_to_limit();
        }
        assert!(runs.known.len() <= RUNS_MAX && forgotten > RUNS_MAX);
        assert!(matches!(see(&mut runs, 2, 10), Seen::Repeat { .. }));
        assert_eq!(see(&mut runs, 1, 100), Seen::New);
    }
}
