//! Settings, limits, time-outs and counters.

use crate::policy::HostPolicies;

/// How long a flow without packets is kept, in microseconds of packet time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP whose handshake is not complete.
    pub tcp_new_us: i64,
    /// TCP under way.
    pub tcp_established_us: i64,
    /// TCP that one side has finished.
    pub tcp_closing_us: i64,
    /// TCP that both sides have finished, or one has reset: kept for stragglers.
    pub tcp_closed_us: i64,
    /// UDP of which one side has spoken.
    pub udp_new_us: i64,
    /// UDP of which both sides have spoken.
    pub udp_established_us: i64,
    /// ICMP and ICMPv6.
    pub icmp_us: i64,
    /// Any other protocol.
    pub other_us: i64,
}

impl Default for Timeouts {
    fn default() -> Self {
        const SECOND_US: i64 = 1_000_000;
        Self {
            tcp_new_us: 60 * SECOND_US,
            tcp_established_us: 3600 * SECOND_US,
            tcp_closing_us: 30 * SECOND_US,
            tcp_closed_us: 5 * SECOND_US,
            udp_new_us: 60 * SECOND_US,
            udp_established_us: 180 * SECOND_US,
            icmp_us: 30 * SECOND_US,
            other_us: 60 * SECOND_US,
        }
    }
}

/// What is made of packets with wrong checksums, which hosts drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// They are dropped, unless the sender is seen to leave its checksums to its network card: its SYN had a wrong one, too, and was
    /// answered; or, without a handshake, its first packet.
    #[default]
    Auto,
    /// They are dropped.
    Verify,
    /// They are taken as if they were right.
    Ignore,
}

/// Which VLAN tags tell flows with the same ends apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VlanKey {
    /// None: the directions of a connection may have different ones.
    None,
    /// The innermost one.
    #[default]
    Innermost,
    /// All of them: customers of a provider may have the same addresses and inner tags.
    All,
}

/// What makes flows with the same ends different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keys {
    /// The VLAN tags that count.
    pub vlans: VlanKey,
    /// The tunnels count that packets came through: virtual networks may have the same addresses. Off, a connection whose directions, or
    /// whose packets, take different tunnels is one.
    pub tunnels: bool,
}

/// What is made of TCP's urgent bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UrgentData {
    /// The urgent byte is no part of the stream, as with every usual system's sockets.
    #[default]
    OutOfBand,
    /// It is part of the stream, as with `SO_OOBINLINE`.
    Inline,
}

/// Settings and limits of a flow table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Most flows at once; beyond, one is evicted: of the kinds that have not proved to be two hosts in talk (one direction alone, a
    /// handshake under way, over), the oldest of that which has the most flows; where there are none, the oldest of the next kind.
    pub flows_max: usize,
    /// What tells flows apart.
    pub keys: Keys,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Most out-of-order bytes that wait in one flow, both directions together.
    pub waiting_bytes_flow_max: usize,
    /// Most out-of-order bytes that wait in all flows together; beyond, the flow whose hole is open longest gives it up.
    pub waiting_bytes_max: usize,
    /// Most bytes of all flows together that are kept until they are acknowledged, to be compared with what comes in their place; beyond,
    /// the flow that keeps some longest gives them up.
    pub unacked_bytes_max: usize,
    /// Whether TCP connections are followed whose start was not seen.
    pub midstream: bool,
    /// What is made of wrong checksums.
    pub checksums: Checksums,
    /// What is made of urgent bytes.
    pub urgent_data: UrgentData,
    /// How the hosts treat segments that overlap.
    pub host_policies: HostPolicies,
    /// Bytes of each direction after which reassembly stops; 0 for no limit.
    pub depth_bytes: u64,
    /// Id of the first flow; the following count up from it.
    pub first_flow_id: u64,
    /// How far the next flow's id is from the one before: the number of tables that are not to give the same one.
    pub flow_id_step: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            flows_max: 256 * 1024,
            keys: Keys::default(),
            timeouts: Timeouts::default(),
            waiting_bytes_flow_max: 256 * 1024,
            waiting_bytes_max: 64 * 1024 * 1024,
            unacked_bytes_max: 64 * 1024 * 1024,
            midstream: true,
            checksums: Checksums::default(),
            urgent_data: UrgentData::default(),
            host_policies: HostPolicies::default(),
            depth_bytes: 0,
            first_flow_id: 1,
            flow_id_step: 1,
        }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What happened so far.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// Each counter with its name.
            pub fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Flows opened.
    flows_opened,
    /// Flows that ended for lack of packets.
    flows_timed_out,
    /// Flows evicted because the table was full.
    flows_evicted,
    /// TCP flows that a new connection on the same ports ended.
    flows_reused,
    /// TCP flows whose start was not seen.
    tcp_midstream,
    /// Segments that brought nothing new.
    tcp_retransmitted,
    /// Segments that came before an earlier one.
    tcp_out_of_order,
    /// Segments that their receiver drops: without ACK, beyond the window, with a wrong acknowledgement, timestamp or checksum, or amid a
    /// handshake that they do not fit.
    tcp_dropped_by_host,
    /// Packets with wrong checksums, ignored.
    checksums_invalid,
    /// Segments that overlapped others with different bytes.
    tcp_overlap_conflicts,
    /// Holes given up.
    tcp_gaps,
    /// Bytes in those holes.
    tcp_gap_bytes,
    /// Times a flow's out-of-order data reached its limit.
    tcp_waiting_flow_limit,
    /// Times all out-of-order data reached its limit.
    tcp_waiting_limit,
    /// Times all bytes kept until they are acknowledged reached their limit.
    tcp_unacked_limit,
    /// Directions that reached the depth limit.
    tcp_depth_reached,
}
