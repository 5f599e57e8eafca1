//! What a frame becomes.

use crate::checksum::{ChecksumFaults, Summed};
use crate::vlans::Vlans;
use std::net::IpAddr;

/// How one frame ended.
#[derive(Debug, Clone)]
pub enum Decoded<'a> {
    /// An IP packet, whole or put together from fragments.
    Packet(Packet<'a>),
    /// A fragment that waits for the rest of its datagram.
    FragmentPending,
    /// A sound frame that does not carry IP (ARP, LLDP, spanning tree …).
    NotIp,
    /// A frame that could not be read.
    Dropped(DropReason),
}

/// Why a frame could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The capture's link type is not known here.
    UnsupportedLink,
    /// The link header or one of its tags is wrong, or there are too many tags.
    MalformedLink,
    /// The IP header or its extension headers contradict themselves.
    MalformedIp,
    /// The transport header contradicts itself or the IP length.
    MalformedTransport,
    /// The capture cut the frame within a header.
    Truncated,
    /// A fragment with an impossible offset or length.
    MalformedFragment,
    /// A fragment of a datagram in more pieces than are kept.
    FragmentLimit,
    /// A fragment whose IPv4 header has a wrong checksum.
    BadChecksum,
    /// More tunnels in one another than are taken off.
    TunnelLimit,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::UnsupportedLink,
        Self::MalformedLink,
        Self::MalformedIp,
        Self::MalformedTransport,
        Self::Truncated,
        Self::MalformedFragment,
        Self::FragmentLimit,
        Self::BadChecksum,
        Self::TunnelLimit,
    ];

    /// Name in counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnsupportedLink => "unsupported_link",
            Self::MalformedLink => "malformed_link",
            Self::MalformedIp => "malformed_ip",
            Self::MalformedTransport => "malformed_transport",
            Self::Truncated => "truncated",
            Self::MalformedFragment => "malformed_fragment",
            Self::FragmentLimit => "fragment_limit",
            Self::BadChecksum => "bad_checksum",
            Self::TunnelLimit => "tunnel_limit",
        }
    }

    /// Layer at which the frame failed, as anomaly events name it.
    pub fn layer(self) -> &'static str {
        match self {
            Self::UnsupportedLink | Self::MalformedLink | Self::Truncated => "link",
            Self::MalformedIp
            | Self::MalformedFragment
            | Self::FragmentLimit
            | Self::BadChecksum
            | Self::TunnelLimit => "network",
            Self::MalformedTransport => "transport",
        }
    }
}

/// How a packet's datagram came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assembly {
    /// It was not fragmented.
    Whole,
    /// Put together from fragments that agree.
    Reassembled,
    /// Put together from fragments that overlapped with different bytes; the receiver's [`crate::FragmentPolicy`] said which counts.
    Conflicting,
}

/// One IP packet; the innermost where it was tunnelled.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// Time on the wire, microseconds since 1970.
    pub ts_us: i64,
    /// Its VLAN tags.
    pub vlans: Vlans,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IANA number of the transport protocol.
    pub protocol: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class.
    pub tos: u8,
    /// The options of the IPv4 header as sent.
    pub ip_options: &'a [u8],
    /// IPv4 identification; the low half of the fragment header's for IPv6.
    pub ip_id: u16,
    /// IPv4 flags: 4 reserved, 2 don't fragment, 1 more fragments. 0 for IPv6.
    pub ip_flags: u8,
    /// Length of the whole IP packet by its header, in bytes.
    pub ip_len: u32,
    /// Length of the frame it came in (the last one's, where it is put together from fragments), as captured; of the IP packet alone, where
    /// it was tunnelled. In bytes.
    pub frame_bytes: u32,
    /// Bytes at the end of the payload that the capture did not keep.
    pub missing_bytes: u32,
    /// How the datagram came together.
    pub assembly: Assembly,
    /// Tunnels that were taken off.
    pub tunnel_depth: u8,
    /// Which tunnels those were, the same for both directions: made of the addresses of their ends and the numbers of the virtual networks
    /// (VXLAN, Geneve). 0 without.
    pub tunnel: u64,
    /// Transport header and payload.
    pub transport: Transport<'a>,
    pub(crate) summed: Summed<'a>,
}

impl<'a> Packet<'a> {
    /// A packet that was not captured: everything but what is given is as an ordinary host would send it, and no checksum is wrong.
    pub fn made(src: IpAddr, dst: IpAddr, protocol: u8, transport: Transport<'a>) -> Self {
        Packet {
            ts_us: 0,
            vlans: Vlans::default(),
            src,
            dst,
            protocol,
            ttl: 64,
            tos: 0,
            ip_options: &[],
            ip_id: 0,
            ip_flags: 0,
            frame_bytes: 0,
            ip_len: 40 + transport.payload().len() as u32,
            missing_bytes: 0,
            assembly: Assembly::Whole,
            tunnel_depth: 0,
            tunnel: 0,
            transport,
            summed: Summed::default(),
        }
    }

    /// Sums its checksums up.
    pub fn checksum_faults(&self) -> ChecksumFaults {
        self.summed.faults(self.protocol, self.src, self.dst)
    }
}

/// Transport header and payload.
#[derive(Debug, Clone)]
pub enum Transport<'a> {
    /// TCP segment.
    Tcp(Tcp<'a>),
    /// UDP datagram.
    Udp(Udp<'a>),
    /// ICMP or ICMPv6 message.
    Icmp(Icmp<'a>),
    /// Payload of any other IP protocol.
    Other(&'a [u8]),
}

impl<'a> Transport<'a> {
    /// What the transport carries.
    pub fn payload(&self) -> &'a [u8] {
        match self {
            Self::Tcp(tcp) => tcp.payload,
            Self::Udp(udp) => udp.payload,
            Self::Icmp(icmp) => icmp.payload,
            Self::Other(payload) => payload,
        }
    }

    /// Source and destination port; 0 for protocols without ports.
    pub fn ports(&self) -> (u16, u16) {
        match self {
            Self::Tcp(tcp) => (tcp.sport, tcp.dport),
            Self::Udp(udp) => (udp.sport, udp.dport),
            Self::Icmp(_) | Self::Other(_) => (0, 0),
        }
    }
}

/// TCP flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Opens a connection.
    pub const SYN: u8 = 0x02;
    /// Tears a connection down.
    pub const RST: u8 = 0x04;
    /// Asks for prompt delivery.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
}

/// TCP segment.
#[derive(Debug, Clone)]
pub struct Tcp<'a> {
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgment: u32,
    /// Flags, see [`flag`]; the high bits are CWR and ECE.
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Urgent pointer; it counts only beside [`flag::URG`].
    pub urgent: u16,
    /// The options that matter to whoever follows the connection.
    pub options: TcpOptions,
    /// Data.
    pub payload: &'a [u8],
}

/// Options of a TCP header, as far as they decide what a host does with the segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Largest segment that the sender takes (RFC 9293, 3.7.1).
    pub segment_bytes_max: Option<u16>,
    /// Window scale, which counts only in a SYN (RFC 7323, 2.2); at most 14.
    pub window_scale: Option<u8>,
    /// Value of the sender's clock (RFC 7323, 3.2).
    pub timestamp: Option<u32>,
    /// Fast Open with a cookie: the data of this SYN may be delivered at once (RFC 7413).
    pub fast_open: bool,
}

impl Tcp<'_> {
    /// Whether all of `flags` are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// UDP datagram.
#[derive(Debug, Clone)]
pub struct Udp<'a> {
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Data.
    pub payload: &'a [u8],
}

/// ICMP or ICMPv6 message.
#[derive(Debug, Clone)]
pub struct Icmp<'a> {
    /// Message type.
    pub kind: u8,
    /// Code within the type.
    pub code: u8,
    /// Identifier of an echo; meaningless for other types.
    pub id: u16,
    /// Sequence number of an echo; meaningless for other types.
    pub sequence: u16,
    /// What follows the 8-byte header.
    pub payload: &'a [u8],
}
