//! What the packet path holds, and the most that it may hold.

use crate::{Config, Inspector};
use vonggac_decode::FRAGMENT_BYTES_MAX;

/// What a flow is reckoned at without what it holds of any budget: its entry in the table, its conversation, and the state of its protocol.
pub const FLOW_BYTES: usize = 3 * 1024;

/// Bytes held now, or at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Flows, each at [`FLOW_BYTES`].
    pub flows: usize,
    /// Segments behind holes.
    pub waiting: usize,
    /// Data that is not acknowledged yet.
    pub unacked: usize,
    /// Pieces of datagrams.
    pub fragments: usize,
    /// Bodies, and the windows of their codings.
    pub bodies: usize,
    /// What signatures see again of streams.
    pub windows: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        let Self {
            flows,
            waiting,
            unacked,
            fragments,
            bodies,
            windows,
        } = self;
        flows + waiting + unacked + fragments + bodies + windows
    }

    /// Whether each part is within that of `most`.
    pub fn is_within(&self, most: &Self) -> bool {
        self.flows <= most.flows
            && self.waiting <= most.waiting
            && self.unacked <= most.unacked
            && self.fragments <= most.fragments
            && self.bodies <= most.bodies
            && self.windows <= most.windows
    }
}

impl Config {
    /// The most that an inspector of these settings holds for flows and what they carry; rules and what they remember of hosts come on top.
    pub fn memory_max(&self) -> Memory {
        Memory {
            flows: self.stream.flows_max * FLOW_BYTES,
            waiting: self.stream.waiting_bytes_max,
            unacked: self.stream.unacked_bytes_max,
            fragments: FRAGMENT_BYTES_MAX,
            bodies: self.body_bytes_max,
            windows: self.rule_overlap_bytes_max,
        }
    }
}

impl Inspector {
    /// What it holds now; within [`Config::memory_max`] between packets.
    pub fn memory(&self) -> Memory {
        let (waiting, unacked) = self.stream_bytes();
        Memory {
            flows: self.flows() * FLOW_BYTES,
            waiting,
            unacked,
            fragments: self.fragment_bytes(),
            bodies: self.body_bytes(),
            windows: self.window_bytes(),
        }
    }
}
