//! What the table keeps of a flow.

use crate::config::{Checksums, Config};
use crate::delivery::Told;
use crate::flow::{Direction, Endpoint, Flow, side_mut};
use crate::half::Half;
use crate::key::{Ends, Key};
use crate::table::FlowRef;
use crate::tcp::Connection;
use vonggac_decode::{ChecksumFaults, Packet, Transport, flag};

pub(crate) const TCP: u8 = 6;
const UDP: u8 = 17;

/// Kinds of flows with a time-out of their own; those after [`Class::UNPROVED`] the least valuable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Met amid its way, and one side alone has spoken.
    TcpOneSided,
    TcpNew,
    TcpClosed,
    Icmp,
    Other,
    UdpNew,
    TcpClosing,
    UdpEstablished,
    TcpEstablished,
}

impl Class {
    pub(crate) const ALL: [Self; 9] = [
        Self::TcpOneSided,
        Self::TcpNew,
        Self::TcpClosed,
        Self::Icmp,
        Self::Other,
        Self::UdpNew,
        Self::TcpClosing,
        Self::UdpEstablished,
        Self::TcpEstablished,
    ];

    /// Those that anybody can make as many of as he has packets, from whatever addresses, or that are over. Of them the kind that is
    /// flooded makes room for the others.
    pub(crate) const UNPROVED: [Self; 6] = [
        Self::TcpOneSided,
        Self::TcpNew,
        Self::TcpClosed,
        Self::Icmp,
        Self::Other,
        Self::UdpNew,
    ];

    pub(crate) fn timeout_us(self, config: &Config) -> i64 {
        let timeouts = &config.timeouts;
        match self {
            Self::TcpNew => timeouts.tcp_new_us,
            Self::TcpClosed => timeouts.tcp_closed_us,
            Self::Icmp => timeouts.icmp_us,
            Self::Other => timeouts.other_us,
            Self::UdpNew => timeouts.udp_new_us,
            Self::TcpClosing => timeouts.tcp_closing_us,
            Self::UdpEstablished => timeouts.udp_established_us,
            Self::TcpEstablished | Self::TcpOneSided => timeouts.tcp_established_us,
        }
    }
}

/// A flow with what the table keeps beside it.
pub(crate) struct Entry<T> {
    pub(crate) key: Key,
    pub(crate) flow: Flow<T>,
    /// Made with the first segment: most flows are not of TCP, and this is most of an entry.
    tcp: Option<Box<Connection>>,
    pub(crate) class: Class,
    pub(crate) told: Told,
    /// Its share of the table's sums.
    pub(crate) counted: Held,
    /// Which wrong checksums of each side are not held against it; `None` before its first packet.
    tolerated: [Option<ChecksumFaults>; 2],
}

impl<T> Entry<T> {
    /// The TCP connection.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.split().1
    }

    /// What is told of the flow, its connection, and which anomalies were.
    pub(crate) fn split(&mut self) -> (&mut Flow<T>, &mut Connection, &mut Told) {
        (&mut self.flow, self.tcp.get_or_insert_default(), &mut self.told)
    }

    fn is(&self, so: impl FnOnce(&Connection) -> bool) -> bool {
        self.tcp.as_deref().is_some_and(so)
    }
}

/// Bytes that a connection holds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Held {
    /// Behind holes, or of a SYN.
    pub(crate) waiting: usize,
    /// For what was delivered and not acknowledged.
    pub(crate) unacked: usize,
    /// Up to where both sides have acknowledged, added up.
    pub(crate) acked: u64,
}

impl Held {
    pub(crate) fn of(connection: &Connection) -> Self {
        Self {
            waiting: connection.waiting_bytes(),
            unacked: connection.unacked_bytes(),
            acked: connection
                .halves
                .iter()
                .map(Half::acked)
                .fold(0, u64::wrapping_add),
        }
    }
}

/// A flow that begins with `packet`.
pub(crate) fn new_entry<T: Default>(packet: &Packet<'_>, ends: &Ends, reference: FlowRef) -> Entry<T> {
    let src = Endpoint {
        address: packet.src,
        port: ends.ports.0,
    };
    let dst = Endpoint {
        address: packet.dst,
        port: ends.ports.1,
    };
    let answers = matches!(&packet.transport, Transport::Tcp(tcp) if tcp.has(flag::SYN | flag::ACK));
    let (originator, responder) = if answers { (dst, src) } else { (src, dst) };
    let flow = Flow {
        id: reference.id,
        protocol: packet.protocol,
        vlans: packet.vlans,
        originator,
        responder,
        start_us: packet.ts_us,
        last_us: packet.ts_us,
        packets: [0; 2],
        ip_bytes: [0; 2],
        frame_bytes: [0; 2],
        payload_bytes: [0; 2],
        stream_bytes: [0; 2],
        tcp_flags: [0; 2],
        midstream: false,
        missed_bytes: 0,
        established: false,
        conn_state: "",
        reference,
        state: T::default(),
    };
    let mut entry = Entry {
        key: ends.key,
        flow,
        tcp: None,
        class: Class::Other,
        told: Told::default(),
        counted: Held::default(),
        tolerated: [None; 2],
    };
    entry.class = class_of(&entry);
    entry
}

/// Which side of the flow sent `packet`.
pub(crate) fn direction<T>(entry: &Entry<T>, packet: &Packet<'_>, ends: &Ends) -> Direction {
    let flow = &entry.flow;
    // ICMP's ports are types, which differ between the sides of one exchange.
    let same_port = match packet.transport {
        Transport::Icmp(_) => packet.src != packet.dst || ends.ports.0 == flow.originator.port,
        _ => ends.ports.0 == flow.originator.port,
    };
    if packet.src == flow.originator.address && same_port {
        Direction::Originator
    } else {
        Direction::Responder
    }
}

/// Whether the receiver drops a packet for a wrong checksum.
pub(crate) fn is_damaged<T>(
    entry: &mut Entry<T>,
    packet: &Packet<'_>,
    direction: Direction,
    checksums: Checksums,
) -> bool {
    // Nobody looks at what the rest of a direction holds that is not wanted any more.
    if checksums == Checksums::Ignore || entry.is(|tcp| tcp.half(direction).is_skipped()) {
        return false;
    }
    let faults = packet.checksum_faults();
    let tolerated = side_mut(&mut entry.tolerated, direction);
    match (checksums, *tolerated) {
        (Checksums::Auto, None) => {
            *tolerated = Some(faults);
            false
        }
        (Checksums::Auto, Some(_)) if !faults.any() && !faults.unfinished => {
            // What it sends right it does not leave to its network card.
            *tolerated = Some(faults);
            false
        }
        (Checksums::Auto, Some(before)) => !faults.within(before),
        _ => faults.any(),
    }
}

/// Counts a packet.
pub(crate) fn count<T>(entry: &mut Entry<T>, packet: &Packet<'_>, direction: Direction) {
    let flow = &mut entry.flow;
    flow.last_us = flow.last_us.max(packet.ts_us);
    *side_mut(&mut flow.packets, direction) += 1;
    *side_mut(&mut flow.ip_bytes, direction) += u64::from(packet.ip_len);
    *side_mut(&mut flow.frame_bytes, direction) += u64::from(packet.frame_bytes);
    *side_mut(&mut flow.payload_bytes, direction) += packet.transport.payload().len() as u64;
    match &packet.transport {
        Transport::Tcp(tcp) => *side_mut(&mut flow.tcp_flags, direction) |= tcp.flags,
        _ => flow.established = flow.packets.iter().all(|packets| *packets > 0),
    }
}

/// The class that the flow belongs to now.
pub(crate) fn class_of<T>(entry: &Entry<T>) -> Class {
    match entry.flow.protocol {
        TCP if entry.is(Connection::is_over) => Class::TcpClosed,
        TCP if entry.is(Connection::is_closing) => Class::TcpClosing,
        TCP if entry.flow.midstream && entry.flow.packets.contains(&0) => Class::TcpOneSided,
        TCP if entry.flow.established => Class::TcpEstablished,
        TCP => Class::TcpNew,
        UDP if entry.flow.established => Class::UdpEstablished,
        UDP => Class::UdpNew,
        1 | 58 => Class::Icmp,
        _ => Class::Other,
    }
}

/// Zeek's `conn_state` of a flow that ends here.
pub(crate) fn conn_state<T>(entry: &Entry<T>) -> &'static str {
    match entry.flow.protocol {
        TCP => entry.tcp.as_deref().map_or("OTH", |connection| {
            connection.conn_state(entry.flow.payload_bytes == [0; 2])
        }),
        UDP => match entry.flow.packets {
            [0, 0] => "OTH",
            [_, 0] => "S0",
            [0, _] => "SHR",
            _ => "SF",
        },
        _ => "OTH",
    }
}
