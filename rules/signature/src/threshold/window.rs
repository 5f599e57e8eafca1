//! One count over a window of time.

use crate::limits::FLOW_RULES_MAX;
use crate::rule::{PortSide, Threshold, ThresholdKind};

use super::Occurrence;

/// A count since a moment.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    start_us: i64,
    count: u64,
    /// `backoff`: the count that is reported next.
    next: u64,
    /// `unique_on`: the ports seen, at most one more than the threshold counts.
    ports: Vec<u16>,
}

impl Window {
    pub(super) fn new(threshold: &Threshold, ts_us: i64) -> Window {
        Window {
            start_us: ts_us,
            count: 0,
            next: threshold.count.into(),
            ports: Vec::new(),
        }
    }

    pub(super) fn admits(&mut self, threshold: &Threshold, occurrence: Occurrence) -> bool {
        if let ThresholdKind::Backoff { multiplier } = threshold.kind {
            return self.backs_off(multiplier);
        }
        let length_us = i64::from(threshold.seconds) * 1_000_000;
        if occurrence.ts_us.saturating_sub(self.start_us) >= length_us {
            *self = Window::new(threshold, occurrence.ts_us);
        }
        let limit = u64::from(threshold.count);
        match threshold.unique {
            Some(side) => self.see_port(port(side, occurrence), limit),
            None => self.count = self.count.saturating_add(1),
        }
        match threshold.kind {
            ThresholdKind::Limit => self.count <= limit,
            ThresholdKind::Both => self.count == limit,
            ThresholdKind::DetectionFilter => self.count > limit,
            ThresholdKind::Threshold => {
                let reached = self.count >= limit;
                if reached {
                    self.count = 0;
                }
                reached
            }
            ThresholdKind::Backoff { .. } => false,
        }
    }

    fn backs_off(&mut self, multiplier: u32) -> bool {
        self.count = self.count.saturating_add(1);
        let reached = self.count == self.next;
        if reached {
            self.next = self.next.saturating_mul(multiplier.into());
        }
        reached
    }

    fn see_port(&mut self, port: u16, limit: u64) {
        // More than the limit need not be told apart.
        if self.count <= limit && !self.ports.contains(&port) {
            self.ports.push(port);
            self.count = self.ports.len() as u64;
        }
    }
}

fn port(side: PortSide, occurrence: Occurrence) -> u16 {
    match side {
        PortSide::Source => occurrence.source_port,
        PortSide::Destination => occurrence.destination_port,
    }
}

/// The counts of one flow; the oldest gives way.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlowWindows {
    rows: Vec<(u64, bool, Window)>,
}

impl FlowWindows {
    pub(super) fn entry(&mut self, rule: u64, filter: bool, make: impl FnOnce() -> Window) -> &mut Window {
        let found = self.rows.iter().position(|row| (row.0, row.1) == (rule, filter));
        let place = found.unwrap_or_else(|| {
            if self.rows.len() >= FLOW_RULES_MAX {
                self.rows.remove(0);
            }
            self.rows.push((rule, filter, make()));
            self.rows.len() - 1
        });
        // The place is that of a row found or just pushed.
        &mut self.rows[place].2
    }
}
