#![allow(clippy::unwrap_used)]

mod acceptance;
mod early;
mod overlaps;
mod room;

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;
use vonggac_decode::{Icmp, Packet, Tcp, TcpOptions, Transport, Udp, flag};

const CLIENT: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 40_000);
const SERVER: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 80);
const SECOND_US: i64 = 1_000_000;

/// Writes down what it hears; `enough` bytes of a direction are enough.
#[derive(Default)]
struct Recorder {
    log: Vec<String>,
    data: [Vec<u8>; 2],
    enough: Option<usize>,
    flows: Vec<(u64, &'static str, EndReason, u64)>,
}

impl Handler<()> for Recorder {
    fn packet(&mut self, _: &mut Flow<()>, _: Direction, _: &Packet<'_>) {}

    fn data(&mut self, _: &mut Flow<()>, direction: Direction, data: &[u8]) -> Interest {
        let kept = &mut self.data[direction as usize];
        kept.extend(data);
        self.log
            .push(format!("{direction:?} {:?}", String::from_utf8_lossy(data)));
        match self.enough {
            Some(enough) if kept.len() >= enough => Interest::Enough,
            _ => Interest::More,
        }
    }

    fn conflict(&mut self, _: &mut Flow<()>, direction: Direction, kept: &[u8], other: &[u8]) {
        let (kept, other) = (String::from_utf8_lossy(kept), String::from_utf8_lossy(other));
        self.log.push(format!("{direction:?} {kept:?} not {other:?}"));
    }

    fn gap(&mut self, _: &mut Flow<()>, direction: Direction, bytes: u64) {
        self.log.push(format!("{direction:?} gap {bytes}"));
    }

    fn end_of_stream(&mut self, _: &mut Flow<()>, direction: Direction) {
        self.log.push(format!("{direction:?} end"));
    }

    fn anomaly(&mut self, _: &mut Flow<()>, direction: Direction, anomaly: StreamAnomaly) {
        self.log.push(format!("{direction:?} {}", anomaly.name()));
    }

    fn end(&mut self, flow: &mut Flow<()>, reason: EndReason) {
        self.flows
            .push((flow.id, flow.conn_state, reason, flow.missed_bytes));
    }
}

fn packet(src: (IpAddr, u16), dst: (IpAddr, u16), transport: Transport<'_>) -> Packet<'_> {
    let protocol = match transport {
        Transport::Tcp(_) => 6,
        Transport::Udp(_) => 17,
        Transport::Icmp(_) => 1,
        Transport::Other(_) => 99,
    };
    let mut packet = Packet::made(src.0, dst.0, protocol, transport);
    packet.ts_us = 1;
    packet
}

/// One line of a conversation: who, flags, sequence, acknowledgement, payload. Sequences count from 0 at the SYN.
#[derive(Clone, Copy)]
struct Line<'a>(char, &'static str, u32, u32, &'a [u8]);

const BASES: [u32; 2] = [u32::MAX - 2, 7_000];

fn flags(text: &str) -> u8 {
    text.bytes().fold(0, |flags, letter| {
        flags
            | match letter {
                b'S' => flag::SYN,
                b'A' => flag::ACK,
                b'F' => flag::FIN,
                b'R' => flag::RST,
                _ => flag::PSH,
            }
    })
}

fn segment<'a>(line: Line<'a>) -> Packet<'a> {
    let Line(who, letters, sequence, acknowledgment, payload) = line;
    let (src, dst, own, other) = match who {
        'c' => (CLIENT, SERVER, BASES[0], BASES[1]),
        _ => (SERVER, CLIENT, BASES[1], BASES[0]),
    };
    let tcp = Tcp {
        sport: src.1,
        dport: dst.1,
        sequence: own.wrapping_add(sequence),
        acknowledgment: other.wrapping_add(acknowledgment),
        flags: flags(letters),
        window: 8192,
        urgent: 0,
        options: TcpOptions::default(),
        payload,
    };
    packet(src, dst, Transport::Tcp(tcp))
}

fn play(config: Config, lines: &[Line<'_>]) -> (Recorder, FlowTable<()>) {
    let mut table = FlowTable::new(config);
    let mut recorder = Recorder::default();
    for line in lines {
        table.packet(&segment(*line), &mut recorder);
    }
    (recorder, table)
}

const OPEN: [Line<'static>; 3] = [
    Line('c', "S", 0, 0, b""),
    Line('s', "SA", 0, 1, b""),
    Line('c', "A", 1, 1, b""),
];

#[track_caller]
fn check(lines: &[Line<'_>], expect: &[&str], state: &str) {
    let (mut recorder, mut table) = play(Config::default(), lines);
    table.finish(&mut recorder);
    assert_eq!(recorder.log, expect);
    assert_eq!(recorder.flows.last().unwrap().1, state);
    assert_eq!((table.len(), table.waiting_bytes()), (0, 0));
}

fn with_open<'a>(lines: &[Line<'a>]) -> Vec<Line<'a>> {
    OPEN.iter().copied().chain(lines.iter().copied()).collect()
}

#[test]
fn connection_states_are_those_of_zeek() {
    let state = |lines: &[Line<'_>]| {
        let (mut recorder, mut table) = play(Config::default(), lines);
        table.finish(&mut recorder);
        recorder.flows.last().unwrap().1
    };
    assert_eq!(state(&OPEN[..1]), "S0");
    assert_eq!(state(&OPEN[..2]), "S1");
    assert_eq!(state(&OPEN), "S1");
    assert_eq!(state(&[OPEN[0], Line('s', "RA", 0, 1, b"")]), "REJ");
    assert_eq!(state(&with_open(&[Line('c', "FA", 1, 1, b"")])), "S2");
    assert_eq!(state(&with_open(&[Line('s', "FA", 1, 1, b"")])), "S3");
    let both = [Line('c', "FA", 1, 1, b""), Line('s', "FA", 1, 2, b"")];
    assert_eq!(state(&with_open(&both)), "SF");
    assert_eq!(state(&with_open(&[Line('c', "RA", 1, 1, b"")])), "RSTO");
    assert_eq!(state(&with_open(&[Line('s', "RA", 1, 1, b"")])), "RSTR");
    assert_eq!(state(&[OPEN[0], Line('c', "R", 1, 0, b"")]), "RSTOS0");
    assert_eq!(state(&[OPEN[0], Line('c', "F", 1, 0, b"")]), "SH");
    assert_eq!(state(&[OPEN[1], Line('s', "FA", 1, 1, b"")]), "SHR");
    assert_eq!(state(&[OPEN[1], Line('s', "RA", 1, 1, b"")]), "RSTRH");
    assert_eq!(
        state(&[Line('c', "A", 1, 1, b"x"), Line('s', "A", 1, 2, b"y")]),
        "OTH"
    );
}

#[test]
fn data_comes_in_order_across_the_sequence_wrap() {
    let lines = with_open(&[
        Line('c', "A", 4, 1, b"def"),
        Line('c', "A", 1, 1, b"abc"),
        Line('c', "A", 1, 1, b"abc"),
        Line('s', "A", 1, 7, b"ok"),
        Line('c', "FA", 7, 3, b"!"),
        Line('s', "FA", 3, 9, b""),
    ]);
    let expect = [
        "Originator \"abc\"",
        "Originator \"def\"",
        "Responder \"ok\"",
        "Originator \"!\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "SF");
}

#[test]
fn of_a_syns_data_counts_what_is_acknowledged() {
    let lines = |acknowledged| {
        [
            Line('c', "S", 0, 0, b"ab"),
            Line('s', "SA", 0, acknowledged, b""),
            Line('c', "A", acknowledged, 1, b"cd"),
        ]
    };
    let taken = [
        "Originator syn_data_without_fast_open",
        "Originator \"ab\"",
        "Originator \"cd\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines(3), &taken, "S1");
    let dropped = [
        "Originator syn_data_without_fast_open",
        "Originator \"cd\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines(1), &dropped, "S1");
}

#[test]
fn keep_alives_are_no_data() {
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"cd"),
        Line('c', "A", 2, 1, b"\0"),
        Line('c', "A", 2, 1, b""),
    ]);
    check(
        &lines,
        &["Originator \"cd\"", "Originator end", "Responder end"],
        "S1",
    );
}

#[test]
fn acknowledged_holes_are_gaps() {
    let lines = with_open(&[
        Line('c', "A", 4, 1, b"def"),
        Line('s', "A", 1, 1, b""),
        Line('s', "A", 1, 7, b""),
        Line('c', "A", 7, 1, b"g"),
        Line('s', "A", 1, 12, b""),
    ]);
    let expect = [
        "Originator gap 3",
        "Originator \"def\"",
        "Originator \"g\"",
        "Originator gap 3",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn an_impossible_acknowledgement_is_no_gap() {
    let lines = with_open(&[Line('c', "A", 1, 1, b"ab"), Line('s', "A", 1, 900_000_000, b"")]);
    let expect = [
        "Originator \"ab\"",
        "Responder pkt_invalid_ack",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn an_end_that_was_acknowledged_and_not_seen_is_given_up_after_a_second() {
    let mut table = FlowTable::new(Config::default());
    let mut recorder = Recorder::default();
    let at = |line, ts_us| {
        let mut packet = segment(line);
        packet.ts_us = ts_us;
        packet
    };
    for line in OPEN {
        table.packet(&at(line, 1), &mut recorder);
    }
    table.packet(&at(Line('s', "A", 1, 101, b""), 2), &mut recorder);
    assert!(recorder.log.is_empty(), "{:?}", recorder.log);
    table.packet(&at(Line('s', "A", 1, 101, b"x"), SECOND_US + 2), &mut recorder);
    assert_eq!(recorder.log, ["Responder \"x\"", "Originator gap 99"]);
    // The tap shows an acknowledgement before what it is for.
    table.packet(&at(Line('s', "A", 2, 111, b""), SECOND_US + 3), &mut recorder);
    table.packet(
        &at(Line('c', "A", 100, 2, b"0123456789X"), SECOND_US + 4),
        &mut recorder,
    );
    assert_eq!(recorder.data[0], b"0123456789X");
}

/// TCP segments as frames, with sums that are right or not.
fn frame(from_client: bool, letters: &str, sequence: u32, payload: &[u8], is_right: bool) -> Vec<u8> {
    let (src, dst, ports) = match from_client {
        true => ([10, 0, 0, 1], [10, 0, 0, 2], (40_000, 80)),
        false => ([10, 0, 0, 2], [10, 0, 0, 1], (80, 40_000)),
    };
    let mut header = etherparse::TcpHeader::new(ports.0, ports.1, sequence, 8192);
    header.syn = letters.contains('S');
    header.ack = letters.contains('A');
    header.rst = letters.contains('R');
    header.acknowledgment_number = 1;
    let mut bytes = Vec::new();
    etherparse::PacketBuilder::ipv4(src, dst, 64)
        .tcp_header(header)
        .write(&mut bytes, payload)
        .unwrap();
    if !is_right {
        bytes[36] ^= 0x55;
    }
    bytes
}

fn read_frames(checksums: Checksums, frames: &[Vec<u8>]) -> Recorder {
    let mut table = FlowTable::new(Config {
        checksums,
        ..Config::default()
    });
    let mut recorder = Recorder::default();
    for bytes in frames {
        let mut defragmenter = vonggac_decode::Defragmenter::new();
        match vonggac_decode::decode(vonggac_decode::LinkType::RawIp, bytes, &mut defragmenter, 1) {
            vonggac_decode::Decoded::Packet(packet) => table.packet(&packet, &mut recorder),
            other => panic!("{other:?}"),
        }
    }
    recorder
}

#[test]
fn segments_with_a_wrong_checksum_are_dropped() {
    let frames = |own: bool| {
        [
            frame(true, "S", 0, b"", own),
            frame(false, "SA", 0, b"", true),
            frame(true, "A", 1, b"", own),
            frame(true, "A", 1, b"JUNK", false),
            frame(true, "RA", 1, b"", false),
            frame(true, "A", 1, b"real", own),
        ]
    };
    let recorder = read_frames(Checksums::Auto, &frames(true));
    assert_eq!(
        recorder.log,
        ["Originator invalid_checksum", "Originator \"real\""]
    );
    // All of the sender's are wrong, from its SYN on: its card fills them in.
    let recorder = read_frames(Checksums::Auto, &frames(false));
    assert_eq!(recorder.data[0], b"JUNK");
    let recorder = read_frames(Checksums::Verify, &frames(false));
    assert!(recorder.data[0].is_empty());
    let recorder = read_frames(Checksums::Ignore, &frames(true));
    assert_eq!(recorder.data[0], b"JUNK");
}

#[test]
fn who_hoards_holes_gives_them_up_before_honest_flows_do() {
    let config = Config {
        waiting_bytes_max: 6_000,
        ..Config::default()
    };
    let mut table = FlowTable::new(config);
    let mut recorder = Recorder::default();
    let of = |port: u16, line| {
        let mut packet = segment(line);
        if let Transport::Tcp(tcp) = &mut packet.transport {
            (tcp.sport, tcp.dport) = (tcp.sport.min(port), tcp.dport.min(port));
            let is_client = packet.src == CLIENT.0;
            (tcp.sport, tcp.dport) = if is_client { (port, 80) } else { (80, port) };
        }
        packet
    };
    for port in 1000..1100 {
        for line in OPEN {
            table.packet(&of(port, line), &mut recorder);
        }
        table.packet(&of(port, Line('c', "A", 50, 1, b"hoarded")), &mut recorder);
    }
    for line in OPEN {
        table.packet(&of(2000, line), &mut recorder);
    }
    recorder.log.clear();
    table.packet(&of(2000, Line('c', "A", 7, 1, b"second")), &mut recorder);
    for port in 1100..1130 {
        for line in OPEN {
            table.packet(&of(port, line), &mut recorder);
        }
        table.packet(&of(port, Line('c', "A", 50, 1, b"hoarded")), &mut recorder);
    }
    assert!(table.waiting_bytes() <= 6_000);
    table.packet(&of(2000, Line('c', "A", 1, 1, b"first,")), &mut recorder);
    let log = recorder.log.join("\n");
    assert!(
        log.contains("Originator \"first,\"\nOriginator \"second\""),
        "{log}"
    );
}

#[test]
fn forged_resets_and_far_segments_do_not_count() {
    let lines = with_open(&[
        Line('s', "A", 1, 1, b""),
        Line('c', "R", 900_000, 0, b""),
        Line('c', "A", 900_000, 1, b"far"),
        Line('c', "A", 1, 1, b"near"),
    ]);
    let expect = [
        "Originator rst_out_of_window",
        "Originator est_packet_out_of_window",
        "Originator \"near\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn the_originator_is_the_one_that_was_answered() {
    let (recorder, mut table) = play(
        Config::default(),
        &[Line('s', "SA", 0, 1, b""), Line('c', "A", 1, 1, b"hi")],
    );
    assert_eq!(recorder.log, ["Originator \"hi\""]);
    let flow = table.get_mut(table_ref(1)).unwrap();
    assert_eq!((flow.originator.port, flow.established), (40_000, true));
}

fn table_ref(id: u64) -> FlowRef {
    let mut table: FlowTable<()> = FlowTable::new(Config {
        first_flow_id: id,
        ..Config::default()
    });
    struct Keep(Option<FlowRef>);
    impl Handler<()> for Keep {
        fn packet(&mut self, flow: &mut Flow<()>, _: Direction, _: &Packet<'_>) {
            self.0 = Some(flow.reference);
        }
        fn data(&mut self, _: &mut Flow<()>, _: Direction, _: &[u8]) -> Interest {
            Interest::More
        }
        fn conflict(&mut self, _: &mut Flow<()>, _: Direction, _: &[u8], _: &[u8]) {}
        fn gap(&mut self, _: &mut Flow<()>, _: Direction, _: u64) {}
        fn end_of_stream(&mut self, _: &mut Flow<()>, _: Direction) {}
        fn anomaly(&mut self, _: &mut Flow<()>, _: Direction, _: StreamAnomaly) {}
        fn end(&mut self, _: &mut Flow<()>, _: EndReason) {}
    }
    let mut keep = Keep(None);
    table.packet(&segment(OPEN[0]), &mut keep);
    keep.0.unwrap()
}

#[test]
fn a_new_connection_on_the_same_ports_is_a_new_flow() {
    let again = |line: Line<'static>| Line(line.0, line.1, line.2 + 5_000_000, line.3, line.4);
    let lines = with_open(&[
        again(OPEN[0]),
        Line('s', "SA", 90_000, 5_000_001, b""),
        Line('c', "A", 5_000_001, 90_001, b"new"),
    ]);
    let (mut recorder, mut table) = play(Config::default(), &lines);
    table.finish(&mut recorder);
    assert_eq!(recorder.flows.len(), 2);
    assert_eq!(recorder.data[0], b"new");

    let closed = with_open(&[Line('c', "RA", 1, 1, b""), again(OPEN[0])]);
    let (recorder, table) = play(Config::default(), &closed);
    assert_eq!(recorder.flows, [(1, "RSTO", EndReason::Closed, 0)]);
    assert_eq!(table.counters().flows_reused, 1);
}

#[test]
fn a_late_repetition_of_the_handshake_is_no_new_connection() {
    let lines = [
        Line('c', "A", 1, 1, b"ab"),
        OPEN[0],
        OPEN[1],
        OPEN[2],
        Line('c', "A", 3, 1, b"cd"),
    ];
    let expect = [
        "Originator \"ab\"",
        "Originator \"cd\"",
        "Originator end",
        "Responder end",
    ];
    check(&with_open(&lines), &expect, "S1");
}

#[test]
fn flows_time_out_by_packet_time() {
    let (mut recorder, mut table) = play(Config::default(), &OPEN);
    table.advance(1 + 3599 * SECOND_US, &mut recorder);
    assert_eq!(table.len(), 1);
    table.advance(1 + 3600 * SECOND_US, &mut recorder);
    assert_eq!(recorder.flows, [(1, "S1", EndReason::Timeout, 0)]);

    let (mut recorder, mut table) = play(Config::default(), &OPEN[..1]);
    table.advance(60 * SECOND_US, &mut recorder);
    assert_eq!(table.len(), 1);
    table.advance(1 + 60 * SECOND_US, &mut recorder);
    assert!(table.is_empty());
}

fn udp(sport: u16, from_client: bool) -> Packet<'static> {
    let (src, dst) = match from_client {
        true => ((CLIENT.0, sport), SERVER),
        false => (SERVER, (CLIENT.0, sport)),
    };
    let udp = Udp {
        sport: src.1,
        dport: dst.1,
        payload: b"x",
    };
    packet(src, dst, Transport::Udp(udp))
}

#[test]
fn a_full_table_evicts_the_oldest_of_the_least_valuable() {
    let config = Config {
        flows_max: 3,
        ..Config::default()
    };
    let mut table = FlowTable::new(config);
    let mut recorder = Recorder::default();
    table.packet(&udp(1, true), &mut recorder);
    table.packet(&udp(1, false), &mut recorder);
    table.packet(&udp(2, true), &mut recorder);
    table.packet(&udp(3, true), &mut recorder);
    table.packet(&udp(4, true), &mut recorder);
    assert_eq!(recorder.flows, [(2, "S0", EndReason::Evicted, 0)]);
    table.finish(&mut recorder);
    assert_eq!(recorder.flows.len(), 4);
    assert!(recorder.flows.contains(&(1, "SF", EndReason::Shutdown, 0)));
}

#[test]
fn an_echo_and_its_reply_are_one_flow() {
    let icmp = |kind| {
        Transport::Icmp(Icmp {
            kind,
            code: 0,
            id: 1,
            sequence: 1,
            payload: b"",
        })
    };
    let mut table = FlowTable::new(Config::default());
    let mut recorder = Recorder::default();
    table.packet(&packet((CLIENT.0, 0), (SERVER.0, 0), icmp(8)), &mut recorder);
    table.packet(&packet((SERVER.0, 0), (CLIENT.0, 0), icmp(0)), &mut recorder);
    assert_eq!(table.len(), 1);
    table.packet(&packet((CLIENT.0, 0), (SERVER.0, 0), icmp(3)), &mut recorder);
    assert_eq!(table.len(), 2);
}

#[test]
fn waiting_data_is_bounded_per_flow_and_in_all() {
    let lines = with_open(&[
        Line('c', "A", 10, 1, b"0123456789"),
        Line('c', "A", 30, 1, b"0123456789"),
    ]);
    let small = Config {
        waiting_bytes_flow_max: 200,
        ..Config::default()
    };
    let (recorder, table) = play(small, &lines);
    let expect = [
        "Originator out_of_order_limit",
        "Originator gap 9",
        "Originator \"0123456789\"",
    ];
    assert_eq!(recorder.log, expect);
    assert_eq!(table.waiting_bytes(), 10 + SEGMENT_OVERHEAD_BYTES);

    let tight = Config {
        waiting_bytes_max: 200,
        ..Config::default()
    };
    let (_, table) = play(tight, &lines);
    assert_eq!(
        (table.waiting_bytes(), table.counters().tcp_waiting_limit),
        (0, 1)
    );
}

#[test]
fn depth_and_lost_interest_end_delivery() {
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"abc"),
        Line('c', "A", 4, 1, b"def"),
        Line('c', "FA", 7, 1, b"ghi"),
        Line('s', "A", 1, 11, b""),
    ]);
    let config = Config {
        depth_bytes: 4,
        ..Config::default()
    };
    let (recorder, _) = play(config, &lines);
    assert_eq!(recorder.data[0], b"abcd");
    let mut table = FlowTable::new(Config::default());
    let mut recorder = Recorder {
        enough: Some(3),
        ..Recorder::default()
    };
    for line in lines {
        table.packet(&segment(line), &mut recorder);
    }
    assert_eq!(recorder.log, ["Originator \"abc\"", "Originator end"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn segments_in_any_order_make_the_same_stream(
        stream in proptest::collection::vec(any::<u8>(), 1..2000),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 1usize..300), 0..40),
        order in proptest::collection::vec(any::<u32>(), 140),
    ) {
        // Pieces that cover the stream, and any others of it.
        let mut pieces: Vec<(usize, usize)> = (0..stream.len()).step_by(20)
            .map(|start| (start, (start + 20).min(stream.len()))).collect();
        pieces.extend(cuts.iter().map(|(start, len)| {
            let start = start.index(stream.len());
            (start, (start + len).min(stream.len()))
        }));
        let mut shuffled: Vec<(u32, (usize, usize))> = pieces.into_iter().enumerate()
            .map(|(index, piece)| (order[index % order.len()], piece)).collect();
        shuffled.sort_unstable();
        let mut lines = OPEN.to_vec();
        lines.extend(shuffled.iter().map(|(_, (start, end))| {
            Line('c', "A", *start as u32 + 1, 1, &stream[*start..*end])
        }));
        let (recorder, table) = play(Config::default(), &lines);
        prop_assert_eq!(&recorder.data[0], &stream);
        prop_assert_eq!(table.waiting_bytes(), 0);
        prop_assert_eq!(table.counters().tcp_overlap_conflicts, 0);
    }

    #[test]
    fn any_segments_are_survived_and_counted(
        segments in proptest::collection::vec(
            (any::<bool>(), any::<u8>(), prop_oneof![0u32..200, any::<u32>()], prop_oneof![0u32..200, any::<u32>()],
             proptest::collection::vec(any::<u8>(), 0..30)), 1..120),
    ) {
        let config = Config { waiting_bytes_flow_max: 500, waiting_bytes_max: 600, ..Config::default() };
        let mut table = FlowTable::new(config);
        let mut recorder = Recorder::default();
        for (from_client, bits, sequence, acknowledgment, payload) in &segments {
            let who = if *from_client { 'c' } else { 's' };
            let mut packet = segment(Line(who, "", *sequence, *acknowledgment, payload));
            if let Transport::Tcp(tcp) = &mut packet.transport {
                tcp.flags = *bits;
            }
            table.packet(&packet, &mut recorder);
            prop_assert!(table.waiting_bytes() <= 500);
        }
        table.finish(&mut recorder);
        prop_assert_eq!(table.waiting_bytes(), 0);
        prop_assert_eq!(recorder.flows.len() as u64, table.counters().flows_opened);
    }
}
