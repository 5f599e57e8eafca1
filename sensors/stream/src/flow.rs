//! A flow, and what hears of it.

use std::net::IpAddr;
use vonggac_decode::{Packet, Vlans};

/// Which side of a flow speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The side that opened the flow.
    Originator,
    /// The other side.
    Responder,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Originator, Self::Responder];

    /// The other side.
    pub fn reverse(self) -> Self {
        match self {
            Self::Originator => Self::Responder,
            Self::Responder => Self::Originator,
        }
    }
}

/// A pair of things, one for each side of a flow.
pub(crate) fn side<V>(pair: &[V; 2], direction: Direction) -> &V {
    let [originator, responder] = pair;
    match direction {
        Direction::Originator => originator,
        Direction::Responder => responder,
    }
}

/// The mutable form of [`side`].
pub(crate) fn side_mut<V>(pair: &mut [V; 2], direction: Direction) -> &mut V {
    let [originator, responder] = pair;
    match direction {
        Direction::Originator => originator,
        Direction::Responder => responder,
    }
}

/// Address and port of one side. For ICMP the originator's port is the type of the first message, the responder's its
/// code; protocols without ports have 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// One flow and the caller's state of it. Pairs are originator, then responder.
#[derive(Debug)]
pub struct Flow<T> {
    /// Id, unique in its table.
    pub id: u64,
    /// IANA number of the transport protocol.
    pub protocol: u8,
    /// The VLAN tags of its first packet.
    pub vlans: Vlans,
    /// The side that opened it.
    pub originator: Endpoint,
    /// The other side.
    pub responder: Endpoint,
    /// Time of its first packet.
    pub start_us: i64,
    /// Time of its latest packet.
    pub last_us: i64,
    /// Packets.
    pub packets: [u64; 2],
    /// Bytes of IP packets.
    pub ip_bytes: [u64; 2],
    /// Bytes of frames, the link layer included, as captured.
    pub frame_bytes: [u64; 2],
    /// Bytes of transport payload, retransmissions included.
    pub payload_bytes: [u64; 2],
    /// Bytes of TCP streams that were sent, each counted once.
    pub stream_bytes: [u64; 2],
    /// TCP flags seen.
    pub tcp_flags: [u8; 2],
    /// TCP whose start was not seen: which side opened it is a guess.
    pub midstream: bool,
    /// Bytes of TCP streams that were never seen.
    pub missed_bytes: u64,
    /// TCP: the handshake was complete before this packet, or the flow was met after it. Others: both sides have spoken.
    pub established: bool,
    /// Zeek's `conn_state`; set when the flow ends.
    pub conn_state: &'static str,
    /// Where the flow stands in its table.
    pub reference: crate::FlowRef,
    /// The caller's.
    pub state: T,
}

impl<T> Flow<T> {
    /// The endpoint that speaks.
    pub fn sender(&self, direction: Direction) -> Endpoint {
        match direction {
            Direction::Originator => self.originator,
            Direction::Responder => self.responder,
        }
    }

    /// The endpoint that is spoken to.
    pub fn receiver(&self, direction: Direction) -> Endpoint {
        self.sender(direction.reverse())
    }
}

/// Why a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// TCP finished or was reset.
    Closed,
    /// No packets for its time-out.
    Timeout,
    /// The table was full.
    Evicted,
    /// The table is being emptied.
    Shutdown,
}

impl EndReason {
    /// Name in flow events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Evicted => "evicted",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Whether more data of a direction is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Go on.
    More,
    /// Deliver nothing further of this direction.
    Enough,
}

/// What a TCP stream did that it should not. A segment that its receiver drops changes nothing in the stream; which it was is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamAnomaly {
    /// A segment lies beyond the receiver's window: dropped.
    OutOfWindow,
    /// A reset has an impossible sequence or acknowledgement number: dropped.
    ResetIgnored,
    /// A side goes on after its reset: the reset was somebody else's.
    ResetDisbelieved,
    /// More out-of-order data than is kept.
    WaitingLimit,
    /// A segment without ACK: dropped.
    NoAck,
    /// A segment acknowledges what was never sent, or too old: dropped.
    InvalidAck,
    /// A segment whose timestamp is older than the last: dropped.
    InvalidTimestamp,
    /// A packet with a wrong checksum: dropped.
    InvalidChecksum,
    /// The side that was asked acknowledges before it answers: dropped.
    AckInWrongDirection,
    /// A segment of the opener that fits no answer: dropped.
    HandshakeMismatch,
    /// A SYN was answered, and there are others with other sequence numbers.
    SynDiffers,
    /// A SYN within a connection: dropped.
    SynAmidConnection,
    /// A SYN with data and without Fast Open: it counts if it is acknowledged.
    SynData,
    /// An answer by the side that asked: dropped.
    SynAckInWrongDirection,
    /// An answer to a SYN that was not seen.
    SynAckWrongAck,
    /// An answer with another sequence number than the one before.
    SynAckDiffers,
    /// Data beyond a FIN.
    DataAfterFin,
    /// A byte is told to be urgent, and is taken out of the stream.
    UrgentData,
}

impl StreamAnomaly {
    /// Name in anomaly events; Suricata's where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutOfWindow => "est_packet_out_of_window",
            Self::ResetIgnored => "rst_out_of_window",
            Self::ResetDisbelieved => "suspected_rst_inject",
            Self::WaitingLimit => "out_of_order_limit",
            Self::NoAck => "pkt_without_ack",
            Self::InvalidAck => "pkt_invalid_ack",
            Self::InvalidTimestamp => "pkt_invalid_timestamp",
            Self::InvalidChecksum => "invalid_checksum",
            Self::AckInWrongDirection => "3whs_ack_in_wrong_dir",
            Self::HandshakeMismatch => "3whs_wrong_seq_wrong_ack",
            Self::SynDiffers => "3whs_syn_resend_diff_seq_on_syn_recv",
            Self::SynAmidConnection => "est_syn_resend_diff_seq",
            Self::SynData => "syn_data_without_fast_open",
            Self::SynAckInWrongDirection => "3whs_synack_in_wrong_direction",
            Self::SynAckWrongAck => "3whs_synack_with_wrong_ack",
            Self::SynAckDiffers => "3whs_synack_resend_with_diff_seq",
            Self::DataAfterFin => "data_after_fin",
            Self::UrgentData => "urgent_data",
        }
    }
}

/// How many conflicts of a flow are told; further ones are counted.
pub const CONFLICTS_FLOW_MAX: u8 = 4;

/// Name of [`Handler::conflict`] in anomaly events.
pub const CONFLICT_NAME: &str = "reassembly_overlap_different_data";

/// Hears what happens in a table's flows.
pub trait Handler<T> {
    /// A packet of the flow, after it was counted and TCP's state followed it, before its data.
    fn packet(&mut self, flow: &mut Flow<T>, direction: Direction, packet: &Packet<'_>);
    /// The next bytes of a TCP direction.
    fn data(&mut self, flow: &mut Flow<T>, direction: Direction, data: &[u8]) -> Interest;
    /// Two segments of a TCP direction say different things about the same bytes; the stream has what is kept. Told for the first of a
    /// flow's [`CONFLICTS_FLOW_MAX`].
    fn conflict(&mut self, flow: &mut Flow<T>, direction: Direction, kept: &[u8], other: &[u8]);
    /// The next `bytes` of a TCP direction were not seen.
    fn gap(&mut self, flow: &mut Flow<T>, direction: Direction, bytes: u64);
    /// A TCP direction is finished; no data follows.
    fn end_of_stream(&mut self, flow: &mut Flow<T>, direction: Direction);
    /// A TCP direction misbehaves; told once of each kind for each direction.
    fn anomaly(&mut self, flow: &mut Flow<T>, direction: Direction, anomaly: StreamAnomaly);
    /// The flow is over.
    fn end(&mut self, flow: &mut Flow<T>, reason: EndReason);
}
