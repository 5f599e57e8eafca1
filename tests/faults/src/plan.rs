//! What happens to whom, and when.

use std::time::Duration;

use crate::Random;

/// Those that are killed and stopped, each once a round.
pub const VICTIMS: [&str; 6] = ["sensor", "pipeline", "clickhouse", "kafka", "console", "postgres"];

/// Shortest and longest time between two faults, in milliseconds.
const APART_MS: (u64, u64) = (700, 2_600);
/// Shortest time that a process stands still, in milliseconds.
const STILL_MS_MIN: u64 = 1_000;

/// What happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGSTOP, and SIGCONT after this time.
    Still(Duration),
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How long after the one before.
    pub after: Duration,
    /// To whom.
    pub victim: &'static str,
    /// What.
    pub fault: Fault,
}

/// All faults of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan of a seed: in every round each victim once, in an order of its own; a third of the faults are stops of at most
    /// `still_ms_max`, and the first stop of the pipeline is as long as that.
    pub fn new(seed: u64, faults: usize, still_ms_max: u64) -> Self {
        let mut random = Random::new(seed);
        let mut steps = Vec::new();
        let numbers: Vec<usize> = (0..VICTIMS.len()).collect();
        let mut was_longest = false;
        for round in 0.. {
            for number in random.shuffled(&numbers) {
                if steps.len() == faults {
                    return Self { steps };
                }
                let Some(&victim) = VICTIMS.get(number) else {
                    continue;
                };
                let after = random.between(APART_MS);
                let fault = if (round + number) % 3 != 1 {
                    Fault::Kill
                } else if victim == "pipeline" && !was_longest {
                    was_longest = true;
                    Fault::Still(Duration::from_millis(still_ms_max))
                } else {
                    Fault::Still(random.between((STILL_MS_MIN, still_ms_max)))
                };
                steps.push(Step { after, victim, fault });
            }
        }
        Self { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_plan_and_spares_nobody() {
        assert_eq!(Plan::new(5, 12, 9_000), Plan::new(5, 12, 9_000));
        assert_ne!(Plan::new(5, 12, 9_000), Plan::new(6, 12, 9_000));
        let plan = Plan::new(7, 18, 9_000);
        for victim in VICTIMS {
            let own = plan.steps.iter().filter(|step| step.victim == victim);
            let (killed, stood): (Vec<&Step>, Vec<&Step>) = own.partition(|step| step.fault == Fault::Kill);
            assert_eq!((killed.len(), stood.len()), (2, 1), "{victim}");
        }
        let longest = plan
            .steps
            .iter()
            .find(|step| step.fault == Fault::Still(Duration::from_secs(9)));
        assert_eq!(longest.map(|step| step.victim), Some("pipeline"));
    }
}
