//! What the caller knows of the packet, chunk or transaction being judged.

use std::net::IpAddr;

use crate::flow_state::FlowState;
use crate::vocabulary::App;

/// Which way data goes within its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// 0 to the server, 1 to the client.
    pub(crate) fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }
}

/// What is known of a packet, chunk or transaction. Source and destination are those of the sender
/// and the receiver of these bytes, not of the flow.
#[derive(Debug)]
pub struct Context<'a> {
    /// Time of capture, microseconds since 1970.
    pub ts_us: i64,
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// Sender's port; 0 where the protocol has none.
    pub sport: u16,
    /// Receiver's port; 0 where the protocol has none.
    pub dport: u16,
    /// IANA number of the protocol over IP.
    pub protocol: u8,
    /// The application protocol, once recognised.
    pub app: Option<App>,
    /// Whether recognition is over without having found a protocol (`app` is `None`). Filled by who
    /// recognises protocols; `false` while that is not known.
    pub app_failed: bool,
    /// The transaction's number within its flow; [`crate::Matcher::transaction`] fills it.
    pub transaction: Option<u64>,
    /// How many bytes at the start of the chunk given to [`crate::Matcher::stream`] an earlier chunk held: they
    /// are not searched and not counted again. Filled by who cuts the stream into chunks.
    pub seen_before: usize,
    /// What the flow carries now is encrypted: [`crate::Matcher::packet`] looks for nothing in the payload.
    pub is_encrypted: bool,
    /// Which way the bytes go within the flow.
    pub direction: Direction,
    /// Whether both sides have spoken (TCP: the handshake is complete).
    pub established: bool,
    /// The flow's memory; `None` if the packet belongs to no flow.
    pub flow: Option<&'a mut FlowState>,
    /// The packet; `None` for transactions and for chunks that no single packet carries.
    pub packet: Option<PacketFacts<'a>>,
    /// Bytes of TCP payload seen so far: from the client, from the server.
    pub stream_size: [u64; 2],
    /// How long the flow lives and what it carried, this packet included; `None` without a flow.
    pub flow_facts: Option<FlowFacts>,
    /// Names of odd things found in the application protocol, as Suricata's rules call them
    /// (`http.unknown_error`, `applayer_mismatch_protocol_both_directions`), for [`crate::Matcher::events`].
    pub app_events: &'a [&'a str],
}

impl Context<'_> {
    /// The server's port, as far as ports apply.
    pub(crate) fn server_port(&self) -> u16 {
        match self.direction {
            Direction::ToServer => self.dport,
            Direction::ToClient => self.sport,
        }
    }
}

/// What is known of a file that is being transferred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFacts<'a> {
    /// Its name, if the protocol gives one.
    pub name: Option<&'a [u8]>,
    /// What it is, in the words of libmagic.
    pub magic: Option<&'a str>,
    /// Bytes so far.
    pub bytes: u64,
    /// Whether that is all of it, without a gap.
    pub is_complete: bool,
    /// Digest of the complete file.
    pub md5: Option<&'a [u8; 16]>,
    /// Digest of the complete file.
    pub sha1: Option<&'a [u8; 20]>,
    /// Digest of the complete file.
    pub sha256: Option<&'a [u8; 32]>,
}

/// How long a flow lives and what it carried so far. Filled by who keeps the flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowFacts {
    /// Whole seconds since its first packet.
    pub age_s: u64,
    /// Packets to the server, to the client.
    pub packets: [u64; 2],
    /// Bytes of these packets, link header included, to the server, to the client.
    pub bytes: [u64; 2],
}

/// Header fields of one packet. The size of the payload (`dsize`) is that of the bytes given to
/// [`crate::Matcher::packet`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacketFacts<'a> {
    /// Time to live, or IPv6's hop limit.
    pub ttl: u8,
    /// Type of service, or IPv6's traffic class.
    pub tos: u8,
    /// Identification of the IPv4 header.
    pub ip_id: u16,
    /// The protocol number of the IP header.
    pub ip_protocol: u8,
    /// Fragmentation fields.
    pub fragment: Fragment,
    /// The options of the IPv4 header as sent.
    pub ip_options: &'a [u8],
    /// TCP fields, if it is TCP.
    pub tcp: Option<TcpFacts>,
    /// ICMP fields, if it is ICMP or ICMPv6.
    pub icmp: Option<IcmpFacts>,
    /// Ids of the VLAN tags, the outermost first. Filled by the decoder.
    pub vlans: &'a [u16],
    /// Whether the checksums are right. Filled by the decoder.
    pub checksums: Checksums,
    /// Names of what the decoder found odd, as `decode-event` has them (`ipv4.opt_invalid_len`), for
    /// [`crate::Matcher::events`].
    pub decode_events: &'a [&'a str],
    /// Names of what following the TCP stream found odd, as `stream-event` has them (`pkt_invalid_ack`), for
    /// [`crate::Matcher::events`].
    pub stream_events: &'a [&'a str],
}

/// Whether checksums are right; `None` where there is none or nobody looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksums {
    /// The IPv4 header's.
    pub network: Option<bool>,
    /// That of TCP, UDP, ICMP or ICMPv6.
    pub transport: Option<bool>,
}

/// Fragmentation fields of an IPv4 header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fragment {
    /// Reserved bit.
    pub reserved: bool,
    /// "Don't fragment".
    pub dont_fragment: bool,
    /// "More fragments".
    pub more_fragments: bool,
    /// Offset in units of 8 bytes.
    pub offset: u16,
}

/// Fields of a TCP header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpFacts {
    /// The flag bits as sent: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Sequence number as sent.
    pub seq: u32,
    /// Acknowledgement number as sent.
    pub ack: u32,
    /// Window as sent, unscaled.
    pub window: u16,
    /// Maximum segment size, if the option is there.
    pub mss: Option<u16>,
    /// Window scale, if the option is there.
    pub window_scale: Option<u8>,
}

/// Fields of an ICMP or ICMPv6 header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IcmpFacts {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Identifier, where the type has one.
    pub id: Option<u16>,
    /// Sequence number, where the type has one.
    pub seq: Option<u16>,
}
