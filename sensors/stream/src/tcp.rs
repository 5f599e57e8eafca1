//! What TCP's flags say about a connection: who is where in it, and which segments count.

use crate::flow::{Direction, StreamAnomaly, side, side_mut};
use crate::half::Half;
use vonggac_decode::{Tcp, flag};

/// Scale held for a side whose SYN was not seen: the widest there is, so that nothing is wrongly ignored.
const SCALE_UNKNOWN: u8 = 14;

/// Where one side stands, in Zeek's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    Inactive,
    SynSent,
    /// It speaks, but how it began was not seen.
    Partial,
    Established,
    Closed,
    Reset,
}

/// What one side's SYN said about scaling its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Scale {
    #[default]
    Unseen,
    None,
    Some(u8),
}

/// What to do with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its payload belongs at this offset of its direction.
    Data(i64),
    /// Its payload does not count.
    Ignore(Option<StreamAnomaly>),
    /// It belongs to a new connection on the same ports.
    Restart,
}

/// A TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    stages: [Stage; 2],
    scales: [Scale; 2],
    /// A SYN amid the connection; a SYN-ACK to it proves a new connection.
    stray_syn: Option<(Direction, u32)>,
    pub(crate) halves: [Half; 2],
    pub(crate) established: bool,
    pub(crate) midstream: bool,
}

impl Connection {
    fn stage(&self, direction: Direction) -> Stage {
        *side(&self.stages, direction)
    }

    fn set_stage(&mut self, direction: Direction, stage: Stage) {
        *side_mut(&mut self.stages, direction) = stage;
    }

    pub(crate) fn half(&self, direction: Direction) -> &Half {
        side(&self.halves, direction)
    }

    pub(crate) fn half_mut(&mut self, direction: Direction) -> &mut Half {
        side_mut(&mut self.halves, direction)
    }

    /// Whether both sides finished, or one reset.
    pub(crate) fn is_over(&self) -> bool {
        self.stages.contains(&Stage::Reset) || self.stages == [Stage::Closed; 2]
    }

    /// Whether a side finished.
    pub(crate) fn is_closing(&self) -> bool {
        self.stages.contains(&Stage::Closed)
    }

    /// Bytes charged for what waits in both directions.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.halves.iter().map(Half::waiting_bytes).sum()
    }

    /// Follows a segment.
    pub(crate) fn observe(&mut self, direction: Direction, tcp: &Tcp<'_>, missing_bytes: u32) -> Step {
        if tcp.has(flag::RST) {
            return self.reset(direction, tcp);
        }
        if !tcp.has(flag::SYN) {
            return self.segment(direction, tcp, missing_bytes);
        }
        let step = if tcp.has(flag::ACK) {
            self.syn_ack(direction, tcp)
        } else {
            self.syn(direction, tcp)
        };
        if step == Step::Data(0) {
            *side_mut(&mut self.scales, direction) = tcp.window_scale.map_or(Scale::None, Scale::Some);
        }
        step
    }

    fn syn(&mut self, direction: Direction, tcp: &Tcp<'_>) -> Step {
        if self.is_over() {
            return Step::Restart;
        }
        let can_begin = match self.stage(direction) {
            Stage::Inactive => true,
            Stage::SynSent => self.half(direction).is_untouched(),
            _ => false,
        };
        if can_begin {
            self.half_mut(direction).open(tcp.sequence.wrapping_add(1));
            self.set_stage(direction, Stage::SynSent);
            return Step::Data(0);
        }
        self.stray_syn = Some((direction, tcp.sequence));
        Step::Ignore(None)
    }

    fn syn_ack(&mut self, direction: Direction, tcp: &Tcp<'_>) -> Step {
        let peer = direction.reverse();
        if self.stray_syn == Some((peer, tcp.acknowledgment.wrapping_sub(1))) {
            return Step::Restart;
        }
        if self.is_over() || !matches!(self.stage(direction), Stage::Inactive | Stage::SynSent) {
            return Step::Ignore(None);
        }
        let their_half = self.half_mut(peer);
        if !their_half.is_known() || their_half.is_untouched() {
            // The side that was acknowledged knows best where its own stream begins.
            their_half.open(tcp.acknowledgment);
        }
        their_half.acknowledge(tcp.acknowledgment, u64::from(tcp.window));
        self.half_mut(direction).open(tcp.sequence.wrapping_add(1));
        self.set_stage(direction, Stage::Established);
        if self.stage(peer) == Stage::SynSent {
            self.set_stage(peer, Stage::Established);
        }
        Step::Data(0)
    }

    fn reset(&mut self, direction: Direction, tcp: &Tcp<'_>) -> Step {
        let half = self.half(direction);
        let peer = self.half(direction.reverse());
        let plausible = if half.is_known() {
            half.is_plausible(half.offset_of(tcp.sequence))
        } else if peer.is_known() && tcp.has(flag::ACK) {
            peer.is_plausible(peer.offset_of(tcp.acknowledgment))
        } else {
            true
        };
        if !plausible {
            return Step::Ignore(Some(StreamAnomaly::ResetIgnored));
        }
        self.set_stage(direction, Stage::Reset);
        Step::Ignore(None)
    }

    fn segment(&mut self, direction: Direction, tcp: &Tcp<'_>, missing_bytes: u32) -> Step {
        let peer = direction.reverse();
        if self.stage(direction) == Stage::Inactive {
            let answers = self.stage(peer) == Stage::Established;
            self.midstream |= !answers && self.stage(peer) == Stage::Inactive;
            let stage = if answers {
                Stage::Established
            } else {
                Stage::Partial
            };
            self.set_stage(direction, stage);
        }
        if !self.half(direction).is_known() {
            self.half_mut(direction).open(tcp.sequence);
        }
        if tcp.has(flag::ACK) {
            let window_bytes = u64::from(tcp.window) << self.scale(direction);
            self.half_mut(peer).acknowledge(tcp.acknowledgment, window_bytes);
            let opened_it = direction == Direction::Originator;
            self.established |= opened_it || self.stage(direction) == Stage::Partial;
        }
        let half = self.half_mut(direction);
        let offset = half.offset_of(tcp.sequence);
        if tcp.has(flag::FIN) && half.is_plausible(offset) {
            let len = tcp.payload.len() as i64 + i64::from(missing_bytes);
            half.finish_at(offset.saturating_add(len));
            if self.stage(direction) != Stage::Reset {
                self.set_stage(direction, Stage::Closed);
            }
        }
        Step::Data(offset)
    }

    fn scale(&self, direction: Direction) -> u8 {
        match (
            side(&self.scales, direction),
            side(&self.scales, direction.reverse()),
        ) {
            (Scale::None, _) | (_, Scale::None) => 0,
            (Scale::Some(scale), _) => *scale,
            (Scale::Unseen, _) => SCALE_UNKNOWN,
        }
    }

    /// Zeek's `conn_state` of a connection that ends here; `silent` when neither side sent payload.
    pub(crate) fn conn_state(&self, silent: bool) -> &'static str {
        use Stage::{Closed, Established, Inactive, Partial, Reset, SynSent};
        match self.stages {
            [SynSent, Reset] => "REJ",
            [Reset, Reset] if silent => "REJ",
            [Inactive | Partial, Reset] => "RSTRH",
            [_, Reset] => "RSTR",
            [Reset, Inactive | Partial] => "RSTOS0",
            [Reset, _] => "RSTO",
            [Closed, Closed] => "SF",
            [Closed, Inactive | Partial] => "SH",
            [Closed, _] => "S2",
            [Inactive | Partial, Closed] => "SHR",
            [_, Closed] => "S3",
            [SynSent, Inactive] => "S0",
            [Established, Established] => "S1",
            _ => "OTH",
        }
    }
}
