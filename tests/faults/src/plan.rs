//! Who is killed when.

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Those that are killed, each once a round.
pub const VICTIMS: [&str; 5] = ["sensor", "pipeline", "clickhouse", "kafka", "console"];

/// Shortest and longest pause before a kill.
const PAUSE_MS: (u64, u64) = (700, 2_600);

/// One kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// How long after the one before.
    pub pause: Duration,
    /// Whom.
    pub victim: &'static str,
}

/// All kills of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub kills: Vec<Kill>,
}

impl Plan {
    /// The plan of a seed: in every round each victim once, in an order of its own. The last round spares the sensor, so that its play
    /// comes to its end.
    pub fn new(seed: u64, rounds: usize) -> Self {
        let mut random = Random(seed ^ 0x9e37_79b9_7f4a_7c15);
        let mut kills = Vec::new();
        for round in 0..rounds {
            let is_last = round + 1 == rounds;
            let mut left: Vec<&str> = VICTIMS
                .into_iter()
                .filter(|&victim| !(is_last && rounds > 1 && victim == "sensor"))
                .collect();
            while !left.is_empty() {
                let index = random.below(left.len() as u64) as usize;
                let victim = left.swap_remove(index);
                let (least, most) = PAUSE_MS;
                let pause = Duration::from_millis(least + random.below(most - least));
                kills.push(Kill { pause, victim });
            }
        }
        Self { kills }
    }
}

/// The seed of this run: as told, else from the clock.
pub fn seed() -> u64 {
    let told = env::var("VONGGAC_FAULTS_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    told.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |age| age.subsec_nanos().into())
    })
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_plan_and_spares_nobody() {
        assert_eq!(Plan::new(5, 2), Plan::new(5, 2));
        assert_ne!(Plan::new(5, 2), Plan::new(6, 2));
        let plan = Plan::new(7, 3);
        for victim in VICTIMS {
            let times = plan.kills.iter().filter(|kill| kill.victim == victim).count();
            assert_eq!(times, if victim == "sensor" { 2 } else { 3 }, "{victim}");
        }
        let longest: Duration = plan.kills.iter().map(|kill| kill.pause).sum();
        assert!(longest < Duration::from_millis(PAUSE_MS.1 * 14));
    }
}
