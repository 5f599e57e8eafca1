//! The budget of anomaly events about frames that belong to no flow.

use crate::Config;

const MINUTE_US: i64 = 60_000_000;

/// Counts events within the current minute of packet time.
#[derive(Debug, Default)]
pub(crate) struct FrameBudget {
    minute: i64,
    spent: u32,
}

impl FrameBudget {
    /// Whether one more event may be made.
    pub(crate) fn spend(&mut self, ts_us: i64, config: &Config) -> bool {
        let minute = ts_us.div_euclid(MINUTE_US);
        if minute != self.minute {
            *self = Self { minute, spent: 0 };
        }
        self.spent = self.spent.saturating_add(1);
        self.spent <= config.anomalies_frame_minute_max
    }
}
