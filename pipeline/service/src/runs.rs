//! What a sensor sends twice.
//!
//! A run of a sensor (an incarnation of its spool) numbers its events from 1, and within a partition they come in that order. So an event at or
//! below the highest number seen of its run is one that was sent again: after a kill, from the last place the sensor had noted.

use std::collections::HashMap;

use anyhow::Context as _;
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
    known: HashMap<u64, Run>,
    /// Grows with each event.
    clock: u64,
}

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
    /// Takes note of an event.
    pub(crate) fn see(&mut self, id: EventId) -> Seen {
        self.clock += 1;
        let run = self.known.entry(id.incarnation()).or_insert(Run {
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
        let mut list: Vec<(u64, u64, u64)> = self
            .known
            .iter()
            .map(|(&incarnation, run)| (run.heard, incarnation, run.highest))
            .collect();
        list.sort_unstable();
        let list: Vec<(u64, u64)> = list
            .into_iter()
            .map(|(_, incarnation, highest)| (incarnation, highest))
            .collect();
        // Numbers in a list always serialise.
        serde_json::to_vec(&list).unwrap_or_default()
    }

    /// Reads what was saved; also the triples (sensor, boot, sequence) of builds whose ids had those halves.
    pub(crate) fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let list: Vec<(u64, u64)> = match serde_json::from_slice(bytes) {
            Ok(list) => list,
            Err(_) => {
                let old: Vec<(u32, u32, u64)> =
                    serde_json::from_slice(bytes).context("state of an events partition")?;
                old.into_iter()
                    .map(|(sensor, boot, highest)| (u64::from(sensor) << 32 | u64::from(boot), highest))
                    .collect()
            }
        };
        let mut runs = Self::default();
        for (incarnation, highest) in list {
            runs.clock += 1;
            let run = Run {
                highest,
                heard: runs.clock,
                repeats_in_a_row: 0,
            };
            runs.known.insert(incarnation, run);
        }
        Ok(runs)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn see(runs: &mut Runs, incarnation: u64, sequence: u64) -> Seen {
        runs.see(EventId::new(incarnation, sequence))
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
