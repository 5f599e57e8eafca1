//! A compiled rule.

mod state;

use std::sync::Arc;

use vonggac_protocol::Side;

use crate::app_test::AppTest;
use crate::condition::Condition;
use crate::context::Direction;
use crate::event_test::EventTest;
use crate::file_test::FileTest;
use crate::number::NumberTest;
use crate::packet_test::PacketTest;
use crate::threshold::{RateFilter, Suppression};
use crate::transform::Transform;
use crate::variables::{AddressSet, PortSet};
use crate::verify::StepList;
use crate::vocabulary::{App, AppSet, TermId, Vocabulary};

pub(crate) use state::{
    CounterTest, Effect, HostBit, Operand, PortSide, StateTest, StreamSide, StreamSizeTest, Threshold,
    ThresholdKind, Track, TrackHost,
};

/// A rule's place in its engine; rules that must be judged first come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub(crate) u32);

impl RuleIndex {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a rule wants done. Only `pass` changes what the matcher reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Be silent about this packet, or about this and all that follows in its flow; see the crate's
    /// documentation.
    Pass,
    /// Report, and stop the packet where the sensor is able to.
    Drop,
    /// Report, and refuse the connection where the sensor is able to.
    Reject,
    /// Report.
    Alert,
}

/// What people are told of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Signature number.
    pub sid: u32,
    /// Group of the number; 1 unless the rule says otherwise.
    pub gid: u32,
    /// Revision; 0 if the rule has none.
    pub rev: u32,
    /// What the rule says it found.
    pub message: String,
    /// Class, as in Suricata's `classification.config`; empty if the rule has none.
    pub classtype: String,
    /// 1 is gravest; the rule's own, else its class's, else 3.
    pub priority: u8,
    /// What the rule wants done.
    pub action: Action,
    /// Pairs from `metadata`; `target` comes as a pair of that name.
    pub metadata: Vec<(String, String)>,
    /// References as `type,address`.
    pub references: Vec<String>,
    /// The rule as written, continuation lines joined.
    pub text: String,
    /// The file it came from.
    pub file: String,
    /// Its first line, from 1.
    pub line: u32,
}

/// Protocols over IP that a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Any,
    Tcp,
    Udp,
    Icmp,
    Number(u8),
}

impl Transport {
    pub(crate) fn admits(self, protocol: u8) -> bool {
        match self {
            Transport::Any => true,
            Transport::Tcp => protocol == 6,
            Transport::Udp => protocol == 17,
            Transport::Icmp => matches!(protocol, 1 | 58),
            Transport::Number(number) => protocol == number,
        }
    }
}

/// Addresses and ports, one way.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) transport: Transport,
    /// Only IPv4, only IPv6, or both.
    pub(crate) family: Family,
    pub(crate) source: Arc<AddressSet>,
    pub(crate) source_ports: Arc<PortSet>,
    pub(crate) destination: Arc<AddressSet>,
    pub(crate) destination_ports: Arc<PortSet>,
    pub(crate) both_ways: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Both,
    V4,
    V6,
}

/// What `flow` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FlowTest {
    pub(crate) established: Option<bool>,
    pub(crate) direction: Option<Direction>,
    pub(crate) only: Option<PayloadFrom>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadFrom {
    Packets,
    Stream,
}

/// Where a rule's payload conditions look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadScope {
    /// Single packets only.
    Packet,
    /// TCP: the reassembled stream. Others: single packets.
    Stream,
    /// TCP: both. Others: single packets.
    PacketAndStream,
}

/// A buffer after its transforms; rules share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) buffer: TermId,
    pub(crate) transforms: Vec<Transform>,
}

/// What a rule says about a buffer's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    /// The buffer must be missing.
    Absent,
    /// Missing, or the conditions hold.
    AbsentOr,
}

/// What a rule asks of one thing that a transaction has.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) term: TermId,
    /// In a rule on both sides of a transaction: on which one.
    pub(crate) side: Option<Direction>,
    pub(crate) check: Check,
}

/// A question about a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// Whether a buffer meets conditions.
    Buffer {
        /// Index into the engine's sources.
        source: u32,
        presence: Presence,
        steps: StepList,
    },
    /// Whether one of the values of a number is so.
    Number(NumberTest),
    /// Whether a protocol's own condition holds.
    Own(Arc<dyn vonggac_protocol::Condition>),
}

/// Where a rule on transactions is judged: at this stage of what that side says in that protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) app: App,
    pub(crate) side: Side,
    pub(crate) stage: u8,
}

/// A rule ready to be judged.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) info: RuleInfo,
    pub(crate) header: Header,
    /// The application protocols the header names.
    pub(crate) app: Option<AppSet>,
    pub(crate) app_tests: Vec<AppTest>,
    /// Conditions that one file must meet.
    pub(crate) file_tests: Vec<FileTest>,
    /// Conditions on what the caller knows beside packets and buffers.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) flow: FlowTest,
    /// `=>`: the rule speaks of both sides of one transaction; its header of the client's.
    pub(crate) is_exchange: bool,
    pub(crate) packet_tests: Vec<PacketTest>,
    pub(crate) stream_sizes: Vec<StreamSizeTest>,
    pub(crate) state_tests: Vec<StateTest>,
    pub(crate) effects: Vec<Effect>,
    /// Names of the flow bits that it sets, by their keys.
    pub(crate) bit_names: Vec<(u64, Box<str>)>,
    pub(crate) payload: Option<StepList>,
    pub(crate) payload_scope: PayloadScope,
    pub(crate) targets: Vec<Target>,
    pub(crate) threshold: Option<Threshold>,
    pub(crate) detection_filter: Option<Threshold>,
    /// From the sensor's own file of thresholds.
    pub(crate) suppressions: Vec<Suppression>,
    pub(crate) rate_filters: Vec<RateFilter>,
    pub(crate) silent: bool,
}

impl Rule {
    /// A number that stays the same when rules are loaded anew.
    pub(crate) fn identity(&self) -> u64 {
        u64::from(self.info.gid) << 32 | u64::from(self.info.sid)
    }

    /// Whether the rule asks for nothing but addresses: then once per flow and direction is enough.
    pub(crate) fn is_address_only(&self) -> bool {
        self.judges_packets()
            && self.payload.is_none()
            && self.packet_tests.is_empty()
            && self.stream_sizes.is_empty()
            && self.state_tests.is_empty()
            && self.app_tests.is_empty()
            && self.conditions.iter().all(Condition::is_of_addresses)
            && self.flow.established.is_none()
            && self.flow.direction.is_none()
            && self.header.source_ports.is_all()
            && self.header.destination_ports.is_all()
    }

    /// Whether a `pass` found in a packet frees the whole flow: it says something of the flow, not of the packet.
    pub(crate) fn passes_flow(&self) -> bool {
        self.is_address_only() || self.app.is_some() || !self.app_tests.is_empty()
    }

    /// Whether the rule is judged on single packets without payload conditions.
    pub(crate) fn judges_packets(&self) -> bool {
        self.payload.is_none() && self.targets.is_empty() && self.file_tests.is_empty() && self.app.is_none()
    }

    /// The conditions that a side must meet.
    pub(crate) fn targets_at(&self, side: Side) -> impl Iterator<Item = &Target> {
        let wanted = direction(side);
        let is_here = move |target: &&Target| target.side.is_none_or(|side| side == wanted);
        self.targets.iter().filter(is_here)
    }

    /// Whether the rule is judged on transactions.
    pub(crate) fn judges_transactions(&self) -> bool {
        !self.targets.is_empty()
            || !self.file_tests.is_empty()
            || (self.payload.is_none() && self.app.is_some())
    }

    /// Where the rule is judged on transactions: wherever all is there that it asks for.
    pub(crate) fn placements(&self, vocabulary: &Vocabulary) -> Vec<Placement> {
        let named = vocabulary
            .apps()
            .filter(|(app, _)| self.app.is_none_or(|set| set.contains(*app)));
        let sides = named.flat_map(|(app, card)| Side::BOTH.map(|side| (app, card, side)));
        let wanted = sides.filter(|(_, _, side)| {
            self.flow
                .direction
                .is_none_or(|wanted| wanted == direction(*side))
        });
        let asks_for_all = self.file_tests.iter().any(FileTest::asks_for_all);
        let placed = wanted.filter_map(|(app, card, side)| {
            // Files are there with their names, and whole at the last stage.
            let last = u8::try_from(side.of(&card.stages).len().saturating_sub(1)).ok()?;
            let files = self.file_tests.first().map(|_| vocabulary.buffer(FILE_NAME));
            let terms = self.targets_at(side).map(|target| Some(target.term)).chain(files);
            let stages = terms.map(|term| {
                let owner = vocabulary.term(term?)?.of(app, side)?;
                Some(owner.stage)
            });
            let stage = stages
                .collect::<Option<Vec<u8>>>()?
                .into_iter()
                .chain(asks_for_all.then_some(last))
                .max()
                .unwrap_or(0);
            Some(Placement { app, side, stage })
        });
        placed.collect()
    }

    /// The event that the rule waits for, if it asks for nothing that only packets, streams or transactions have.
    pub(crate) fn event(&self) -> Option<&str> {
        if self.payload.is_some() || !self.targets.is_empty() || !self.file_tests.is_empty() {
            return None;
        }
        let of_packets = self.packet_tests.iter().filter_map(PacketTest::event);
        let mut events = of_packets.chain(self.conditions.iter().filter_map(Condition::event));
        events.next().map(EventTest::name)
    }

    /// Whether the rule needs both a payload and a transaction.
    pub(crate) fn has_two_halves(&self) -> bool {
        self.payload.is_some() && (!self.targets.is_empty() || !self.file_tests.is_empty())
    }

    /// Whether the rule counts what it finds before it reports.
    pub(crate) fn counts(&self) -> bool {
        self.detection_filter.is_some()
            || self
                .threshold
                .is_some_and(|threshold| threshold.kind != ThresholdKind::Limit)
    }
}

/// The buffer that a protocol has for the names of its files.
const FILE_NAME: &str = "file.name";

/// Which way a side's messages go.
pub(crate) fn direction(side: Side) -> Direction {
    match side {
        Side::Client => Direction::ToServer,
        Side::Server => Direction::ToClient,
    }
}
