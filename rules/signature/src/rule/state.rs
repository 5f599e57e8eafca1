//! What rules remember of a flow or a host, and how often they report.

use crate::number::NumberTest;

/// `stream_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamSizeTest {
    pub(crate) side: StreamSide,
    pub(crate) test: NumberTest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamSide {
    Client,
    Server,
    Both,
    Either,
}

impl StreamSizeTest {
    pub(crate) fn holds(self, [client, server]: [u64; 2]) -> bool {
        match self.side {
            StreamSide::Client => self.test.holds(client),
            StreamSide::Server => self.test.holds(server),
            StreamSide::Both => self.test.holds(client) && self.test.holds(server),
            StreamSide::Either => self.test.holds(client) || self.test.holds(server),
        }
    }
}

/// A condition on what earlier rules left behind; names are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StateTest {
    /// Any of these bits is set.
    AnyBit(Vec<u64>),
    /// Any of these bits is not set.
    AnyBitUnset(Vec<u64>),
    Counter {
        name: u64,
        test: CounterTest,
    },
    HostBit {
        bit: HostBit,
        set: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CounterTest {
    IsSet,
    IsUnset,
    Compare(NumberTest),
    /// The comparison with the value of another counter in the place of the number.
    CompareWith(NumberTest, u64),
}

/// A number written out, or the value of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    Number(u32),
    Counter(u64),
}

/// A bit kept for an address or a pair of them (`xbits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HostBit {
    pub(crate) name: u64,
    pub(crate) track: TrackHost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TrackHost {
    Source,
    Destination,
    Pair,
}

/// What a matching rule leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    SetBit(u64),
    UnsetBit(u64),
    ToggleBit(u64),
    SetCounter {
        name: u64,
        value: Operand,
    },
    /// A counter that is not set counts from 0.
    AddCounter {
        name: u64,
        by: Operand,
    },
    /// A counter that is not set stays so.
    SubtractCounter {
        name: u64,
        by: Operand,
    },
    SetHostBit {
        bit: HostBit,
        expire_s: u32,
    },
    UnsetHostBit(HostBit),
    ToggleHostBit {
        bit: HostBit,
        expire_s: u32,
    },
}

/// How often a rule may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold {
    pub(crate) kind: ThresholdKind,
    pub(crate) track: Track,
    pub(crate) count: u32,
    /// Length of the window; 0 where there is none (`backoff`).
    pub(crate) seconds: u32,
    /// `unique_on`: not matches are counted but the different ports among them.
    pub(crate) unique: Option<PortSide>,
}

/// Which port of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortSide {
    Source,
    Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThresholdKind {
    /// The first `count` in each window.
    Limit,
    /// Each `count`-th within a window.
    Threshold,
    /// The `count`-th, once in each window.
    Both,
    /// All after the first `count` within a window.
    DetectionFilter,
    /// The `count`-th, then each time `multiplier` times as many as before.
    Backoff { multiplier: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    Source,
    Destination,
    Rule,
    /// The pair of addresses, whichever way.
    Both,
    Flow,
}
