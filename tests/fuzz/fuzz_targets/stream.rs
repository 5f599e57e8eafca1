//! TCP segments of two connections through a flow table alone, with any host policy and small limits: what is delivered stands in the order of the
//! stream and was sent there, no byte comes twice, nothing comes behind an end, counters add up, and all budgets hold.
//!
//! ```text
//! input:    settings(2) segment*
//! settings: policy in bits 0-2, bit 3 urgent bytes belong to the stream, bit 4 no midstream, bit 5 streams are read to a depth of 600 bytes,
//!           bit 6 one flow at most, bit 7 little waits in a flow; then bit 0 little waits in all, bit 1 little is kept until it is acknowledged
//! segment:  kind flags sequence(2) acknowledgement(2) length time
//! kind:     bit 0 the server speaks, bit 1 other bytes than usual at each fourth place, bit 2 far ahead, bit 3 with a timestamp, bit 4 of the other
//!           connection, bit 5 the window is 0, bit 6 cut short by the capture, bit 7 all that time is seconds instead of milliseconds
//! ```
//!
//! Sequence and acknowledgement are 12 bits, from where the sides' sequence numbers begin, shortly before they wrap. The upper four bits of the
//! sequence are the urgent pointer.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use vonggac_decode::{Packet, Tcp, TcpOptions, Transport, flag};
use vonggac_stream::{
    Config, Direction, EndReason, Flow, FlowTable, Handler, HostPolicies, Interest, Policy, StreamAnomaly, UrgentData,
};

const BASES: [u32; 2] = [u32::MAX - 700, 70_000];
const FAR: u32 = 1 << 20;
/// Places of a zone: the near and the far one.
const PLACES: usize = 4096 + 256;
const SERVER_PORT: u16 = 80;
const TCP: u8 = 6;
const DEPTH_BYTES: u64 = 600;

/// Which bytes a side sent at each place: 1 the usual one, 2 the other.
struct Sent([Vec<u8>; 2]);

/// The byte of a side at a place, which tells neighbours apart.
fn byte(side: usize, place: u32, is_other: bool) -> u8 {
    let mixed = place.wrapping_mul(0x9e37_79b1).wrapping_add(side as u32 * 77);
    let usual = (mixed >> 24) as u8;
    if is_other && place % 4 == 3 { !usual } else { usual }
}

/// Where a place stands among those that can be sent to.
fn index(place: u32) -> Option<usize> {
    let (zone, within) = if place >= FAR { (1, place - FAR) } else { (0, place) };
    let within = usize::try_from(within).ok()?;
    (within < PLACES).then_some(zone * PLACES + within)
}

impl Sent {
    fn note(&mut self, side: usize, place: u32, value: u8) {
        let bit = if value == byte(side, place, false) { 1 } else { 2 };
        if let Some(sent) = index(place).and_then(|index| self.0[side].get_mut(index)) {
            *sent |= bit;
        }
    }

    fn has(&self, side: usize, place: u32, value: u8) -> bool {
        let sent = index(place).and_then(|index| self.0[side].get(index));
        let sent = sent.copied().unwrap_or(0);
        sent & 1 != 0 && value == byte(side, place, false) || sent & 2 != 0 && value == byte(side, place, true)
    }
}

/// What is known of one side of a flow.
#[derive(Default)]
struct Stream {
    /// Places where its next byte may be from; `None` before the first.
    next: Option<Vec<u32>>,
    data_bytes: u64,
    is_over: bool,
}

#[derive(Default)]
struct Streams {
    sides: [Stream; 2],
    gap_bytes: u64,
}

struct Checker {
    sent: Sent,
    is_out_of_band: bool,
    depth_bytes: u64,
    gaps: u64,
    gap_bytes: u64,
    conflicts: u64,
    ended: u64,
}

fn side_of(flow: &Flow<Streams>, direction: Direction) -> usize {
    usize::from(flow.sender(direction).port == SERVER_PORT)
}

impl Handler<Streams> for Checker {
    fn packet(&mut self, _: &mut Flow<Streams>, _: Direction, _: &Packet<'_>) {}

    fn data(&mut self, flow: &mut Flow<Streams>, direction: Direction, data: &[u8]) -> Interest {
        let side = side_of(flow, direction);
        let payload_bytes = flow.payload_bytes[direction as usize];
        let stream = &mut flow.state.sides[side];
        assert!(!stream.is_over, "data behind the end");
        stream.data_bytes += data.len() as u64;
        assert!(stream.data_bytes <= payload_bytes, "more delivered than came");
        assert!(self.depth_bytes == 0 || stream.data_bytes <= self.depth_bytes, "deeper than asked for");
        if self.is_out_of_band {
            // The byte that is left out is not told.
            return Interest::More;
        }
        let places = stream.next.take().unwrap_or_else(|| {
            let near = 0..PLACES as u32;
            near.clone().chain(near.map(|place| FAR + place)).collect()
        });
        let fits = |start: &u32| {
            let mut bytes = data.iter().zip(*start..);
            bytes.all(|(value, place)| self.sent.has(side, place, *value))
        };
        let places: Vec<u32> = places.into_iter().filter(fits).collect();
        assert!(!places.is_empty(), "{} bytes in an order that was not sent", data.len());
        stream.next = Some(places.into_iter().map(|place| place + data.len() as u32).collect());
        Interest::More
    }

    fn conflict(&mut self, _: &mut Flow<Streams>, _: Direction, kept: &[u8], other: &[u8]) {
        self.conflicts += 1;
        assert_eq!(kept.len(), other.len());
        assert_ne!(kept, other);
    }

    fn gap(&mut self, flow: &mut Flow<Streams>, direction: Direction, bytes: u64) {
        assert!(bytes > 0);
        self.gaps += 1;
        self.gap_bytes += bytes;
        let side = side_of(flow, direction);
        flow.state.gap_bytes += bytes;
        let stream = &mut flow.state.sides[side];
        assert!(!stream.is_over, "a gap behind the end");
        for place in stream.next.iter_mut().flatten() {
            *place = place.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }

    fn end_of_stream(&mut self, flow: &mut Flow<Streams>, direction: Direction) {
        let side = side_of(flow, direction);
        let stream = &mut flow.state.sides[side];
        assert!(!stream.is_over, "a second end");
        stream.is_over = true;
    }

    fn anomaly(&mut self, _: &mut Flow<Streams>, _: Direction, _: StreamAnomaly) {}

    fn end(&mut self, flow: &mut Flow<Streams>, _: EndReason) {
        self.ended += 1;
        let mut spoke = flow.state.sides.iter().filter(|stream| stream.data_bytes > 0);
        assert!(spoke.all(|stream| stream.is_over), "a flow ends before its streams");
        assert_eq!(flow.missed_bytes, flow.state.gap_bytes);
    }
}

fn config(settings: [u8; 2]) -> Config {
    const POLICIES: [Policy; 6] = [
        Policy::First,
        Policy::Last,
        Policy::Bsd,
        Policy::Linux,
        Policy::OldLinux,
        Policy::Solaris,
    ];
    let has = |bit: u8| settings[0] & bit != 0;
    let mut config = Config {
        host_policies: HostPolicies::new(POLICIES[usize::from(settings[0] & 7) % POLICIES.len()]),
        urgent_data: if has(8) { UrgentData::Inline } else { UrgentData::OutOfBand },
        midstream: !has(16),
        depth_bytes: if has(32) { DEPTH_BYTES } else { 0 },
        ..Config::default()
    };
    if has(64) {
        config.flows_max = 1;
    }
    if has(128) {
        config.waiting_bytes_flow_max = 1000;
    }
    if settings[1] & 1 != 0 {
        config.waiting_bytes_max = 1500;
    }
    if settings[1] & 2 != 0 {
        config.unacked_bytes_max = 300;
    }
    config
}

/// One segment as the input says it; `payload` is what it may borrow.
fn packet<'a>(fields: [u8; 8], ts_us: i64, sent: &mut Sent, payload: &'a mut Vec<u8>) -> Packet<'a> {
    let [kind, flags, sequence_high, sequence_low, ack_high, ack_low, length, _] = fields;
    let has = |bit: u8| kind & bit != 0;
    let side = usize::from(has(1));
    let near = u32::from(u16::from_be_bytes([sequence_high & 15, sequence_low]));
    let place = if has(4) { FAR + near } else { near };
    // A SYN takes the first place.
    let begins = if flags & flag::SYN != 0 { place + 1 } else { place };
    *payload = (begins..).take(usize::from(length)).map(|place| byte(side, place, has(2))).collect();
    for (value, place) in payload.iter().zip(begins..) {
        sent.note(side, place, *value);
    }
    let client = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40_000 + u16::from(has(16)));
    let server = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), SERVER_PORT);
    let (source, target) = if side == 0 { (client, server) } else { (server, client) };
    let acknowledged = u32::from(u16::from_be_bytes([ack_high & 15, ack_low]));
    let tcp = Tcp {
        sport: source.1,
        dport: target.1,
        sequence: BASES[side].wrapping_add(place),
        acknowledgment: BASES[1 - side].wrapping_add(acknowledged),
        flags,
        window: if has(32) { 0 } else { 8192 },
        urgent: u16::from(sequence_high >> 4),
        options: TcpOptions {
            timestamp: has(8).then_some(1000 + u32::from(ack_high >> 4)),
            fast_open: has(8),
            ..TcpOptions::default()
        },
        payload,
    };
    let mut packet = Packet::made(source.0, target.0, TCP, Transport::Tcp(tcp));
    packet.ts_us = ts_us;
    packet.missing_bytes = if has(64) { 5 } else { 0 };
    packet
}

fuzz_target!(|input: &[u8]| {
    let Some((settings, mut rest)) = input.split_first_chunk::<2>() else { return };
    let config = config(*settings);
    let mut table: FlowTable<Streams> = FlowTable::new(config.clone());
    let mut checker = Checker {
        sent: Sent([vec![0; 2 * PLACES], vec![0; 2 * PLACES]]),
        is_out_of_band: config.urgent_data == UrgentData::OutOfBand,
        depth_bytes: config.depth_bytes,
        gaps: 0,
        gap_bytes: 0,
        conflicts: 0,
        ended: 0,
    };
    let (mut ts_us, mut payload) = (1_000_000, Vec::new());
    while let Some((fields, behind)) = rest.split_first_chunk::<8>() {
        rest = behind;
        let unit_us = if fields[0] & 128 != 0 { 1_000_000 } else { 1000 };
        ts_us += i64::from(fields[7]) * unit_us;
        let packet = packet(*fields, ts_us, &mut checker.sent, &mut payload);
        table.packet(&packet, &mut checker);
        assert!(table.len() <= config.flows_max);
        assert!(table.waiting_bytes() <= config.waiting_bytes_max);
        assert!(table.unacked_bytes() <= config.unacked_bytes_max);
    }
    table.finish(&mut checker);
    assert!(table.is_empty());
    assert_eq!((table.waiting_bytes(), table.unacked_bytes()), (0, 0), "what is held when nobody is left");
    let counters = table.counters();
    assert_eq!(counters.flows_opened, checker.ended);
    assert_eq!((counters.tcp_gaps, counters.tcp_gap_bytes), (checker.gaps, checker.gap_bytes));
    assert!(counters.tcp_overlap_conflicts >= checker.conflicts);
});
