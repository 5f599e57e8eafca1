//! Chance that can be had again, and the numbers a run is told.

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// A time from the first to the second, which is not reached, in milliseconds.
    pub fn between(&mut self, (least_ms, most_ms): (u64, u64)) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms.saturating_sub(least_ms)))
    }

    /// The items in another order.
    pub fn shuffled<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        let mut left = items.to_vec();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let index = self.below(left.len() as u64) as usize;
            order.push(left.swap_remove(index));
        }
        order
    }
}

/// The seed of this run: `VONGGAC_FAULTS_SEED`, else from the clock. It is printed.
pub fn seed() -> u64 {
    let seed = told("VONGGAC_FAULTS_SEED").unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |age| age.subsec_nanos().into())
    });
    println!("seed {seed}: VONGGAC_FAULTS_SEED={seed} runs it again");
    seed
}

/// A number from the environment.
pub fn told(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}
