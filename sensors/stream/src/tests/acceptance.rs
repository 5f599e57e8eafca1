//! Segments that the receiving host drops, and those that open, end or reset a connection.

use super::*;

/// RFC 9293, 3.10.7.4: "if the ACK bit is off, drop the segment".
#[test]
fn segments_without_ack_are_dropped() {
    let lines = with_open(&[
        Line('c', "", 1, 0, b"JUNK"),
        Line('c', "F", 1, 0, b""),
        Line('c', "A", 1, 1, b"real"),
    ]);
    let expect = [
        "Originator pkt_without_ack",
        "Originator \"real\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

/// RFC 9293, 3.10.7.4: a segment that acknowledges what was not sent is answered and dropped; RFC 5961, 5.2: so is one far too old.
#[test]
fn segments_with_a_wrong_acknowledgement_are_dropped() {
    for acknowledgment in [1_700_000, 0_u32.wrapping_sub(100_000)] {
        let lines = with_open(&[
            Line('c', "A", 1, acknowledgment, b"JUNK"),
            Line('c', "A", 1, 1, b"real"),
        ]);
        let expect = [
            "Originator pkt_invalid_ack",
            "Originator \"real\"",
            "Originator end",
            "Responder end",
        ];
        check(&lines, &expect, "S1");
    }
}

#[test]
fn an_acknowledgement_before_the_answer_opens_nothing() {
    let lines = [
        OPEN[0],
        Line('s', "A", 77_777, 1, b""),
        OPEN[1],
        OPEN[2],
        Line('s', "A", 1, 1, b"answer"),
    ];
    let expect = [
        "Responder 3whs_ack_in_wrong_dir",
        "Responder \"answer\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn of_several_answers_the_one_counts_that_is_acknowledged() {
    let lines = [
        OPEN[0],
        Line('s', "SA", 50_000, 1, b""),
        OPEN[1],
        OPEN[2],
        Line('s', "A", 1, 1, b"answer"),
    ];
    let expect = [
        "Responder 3whs_synack_resend_with_diff_seq",
        "Responder \"answer\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
    // An answer to a SYN that nobody sent.
    let lines = [
        OPEN[0],
        Line('s', "SA", 50_000, 4_000, b""),
        OPEN[1],
        OPEN[2],
        Line('s', "A", 1, 1, b"answer"),
    ];
    let expect = [
        "Responder 3whs_synack_with_wrong_ack",
        "Responder 3whs_synack_resend_with_diff_seq",
        "Responder \"answer\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn of_several_syns_the_one_counts_that_is_answered() {
    for stray in [[30_000, 0], [0, 30_000]] {
        let lines = [
            Line('c', "S", stray[0], 0, b""),
            Line('c', "S", stray[1], 0, b""),
            OPEN[1],
            OPEN[2],
            Line('c', "A", 1, 1, b"real"),
        ];
        let expect = [
            "Responder 3whs_syn_resend_diff_seq_on_syn_recv",
            "Originator \"real\"",
            "Originator end",
            "Responder end",
        ];
        check(&lines, &expect, "S1");
    }
}

#[test]
fn a_handshake_of_which_a_part_was_missed_is_one() {
    let data = [Line('c', "A", 1, 1, b"ask"), Line('s', "A", 1, 4, b"answer")];
    let expect = [
        "Originator \"ask\"",
        "Responder \"answer\"",
        "Originator end",
        "Responder end",
    ];
    let seen =
        |parts: &[usize]| -> Vec<Line<'_>> { parts.iter().map(|part| OPEN[*part]).chain(data).collect() };
    check(&seen(&[0, 1]), &expect, "S1");
    check(&seen(&[0, 2]), &expect, "S1");
    check(&seen(&[1, 2]), &expect, "S1");
    check(&seen(&[1]), &expect, "S1");
    check(&seen(&[2]), &expect, "OTH");
    check(&seen(&[0]), &expect, "S1");
}

#[test]
fn a_connection_that_is_split_or_opened_at_once_by_both_is_one() {
    let data = [Line('c', "A", 1, 1, b"ask"), Line('s', "A", 1, 4, b"answer")];
    let expect = [
        "Originator \"ask\"",
        "Responder \"answer\"",
        "Originator end",
        "Responder end",
    ];
    let split = [
        OPEN[0],
        Line('s', "S", 0, 0, b""),
        Line('c', "SA", 0, 1, b""),
        Line('s', "A", 1, 1, b""),
    ];
    check(&[&split[..], &data].concat(), &expect, "S1");
    let at_once = [
        OPEN[0],
        Line('s', "S", 0, 0, b""),
        Line('c', "SA", 0, 1, b""),
        Line('s', "SA", 0, 1, b""),
    ];
    check(&[&at_once[..], &data].concat(), &expect, "S1");
}

#[test]
fn without_midstream_only_connections_from_their_start_are_followed() {
    let config = Config {
        midstream: false,
        ..Config::default()
    };
    let (recorder, table) = play(
        config,
        &[Line('c', "A", 1, 1, b"ask"), Line('s', "A", 1, 4, b"answer")],
    );
    assert!(recorder.log.is_empty(), "{:?}", recorder.log);
    assert_eq!(table.len(), 1);
}

/// With timestamps (RFC 7323, 5): one that is older than the last in order is dropped.
#[test]
fn segments_from_the_past_are_dropped() {
    let stamped = |line, value| {
        let mut packet = segment(line);
        if let Transport::Tcp(tcp) = &mut packet.transport {
            tcp.options.timestamp = Some(value);
        }
        packet
    };
    let mut table = FlowTable::new(Config::default());
    let mut recorder = Recorder::default();
    for packet in [
        stamped(OPEN[0], 1_000),
        stamped(OPEN[1], 77),
        stamped(OPEN[2], 1_001),
        stamped(Line('c', "A", 1, 1, b"JUNK"), 500),
        stamped(Line('c', "A", 1, 1, b"real"), 1_002),
        // Out of order, and of its time.
        stamped(Line('c', "A", 8, 1, b"c"), 1_004),
        stamped(Line('c', "A", 5, 1, b"abb"), 1_003),
        // Without the option it is taken, as Linux does.
        segment(Line('c', "A", 9, 1, b"!")),
    ] {
        table.packet(&packet, &mut recorder);
    }
    assert_eq!(recorder.data[0], b"realabbc!");
    assert_eq!(recorder.log[0], "Originator pkt_invalid_timestamp");
    assert_eq!(table.counters().tcp_dropped_by_host, 1);
}

#[test]
fn a_side_that_goes_on_was_not_reset() {
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"ab"),
        Line('c', "R", 3, 0, b""),
        Line('c', "A", 3, 1, b"cd"),
    ]);
    let expect = [
        "Originator \"ab\"",
        "Originator suspected_rst_inject",
        "Originator \"cd\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
    // Behind what was acknowledged a reset is none.
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"abcdef"),
        Line('s', "A", 1, 7, b""),
        Line('c', "R", 2, 0, b""),
    ]);
    let expect = [
        "Originator \"abcdef\"",
        "Originator rst_out_of_window",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

#[test]
fn a_stream_ends_when_its_fin_is_taken() {
    // Its sender goes on, and its receiver never had it.
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"ab"),
        Line('c', "FA", 3, 1, b""),
        Line('c', "A", 3, 1, b"cd"),
        Line('s', "A", 1, 5, b""),
    ]);
    let expect = [
        "Originator \"ab\"",
        "Originator data_after_fin",
        "Originator \"cd\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
    // Its receiver has acknowledged it.
    let lines = with_open(&[
        Line('c', "FA", 1, 1, b"ab"),
        Line('s', "A", 1, 4, b""),
        Line('c', "A", 3, 1, b"JUNK"),
    ]);
    let expect = [
        "Originator \"ab\"",
        "Originator end",
        "Originator data_after_fin",
        "Responder end",
    ];
    check(&lines, &expect, "S2");
}

#[test]
fn an_urgent_byte_is_no_part_of_the_stream() {
    let urgent = |settings: UrgentData| {
        let mut table = FlowTable::new(Config {
            urgent_data: settings,
            ..Config::default()
        });
        let mut recorder = Recorder::default();
        for line in OPEN {
            table.packet(&segment(line), &mut recorder);
        }
        let mut packet = segment(Line('c', "A", 1, 1, b"ab!cd"));
        if let Transport::Tcp(tcp) = &mut packet.transport {
            tcp.flags |= flag::URG;
            tcp.urgent = 3;
        }
        table.packet(&packet, &mut recorder);
        table.packet(&segment(Line('c', "A", 6, 1, b"ef")), &mut recorder);
        assert_eq!(recorder.log[0], "Originator urgent_data");
        recorder.data[0].clone()
    };
    assert_eq!(urgent(UrgentData::OutOfBand), b"abcdef");
    assert_eq!(urgent(UrgentData::Inline), b"ab!cdef");
}

#[test]
fn a_syns_data_that_is_not_taken_is_not_counted_any_more() {
    // The data came with the first SYN, and the answer is to the second.
    let (_, table) = play(
        Config::default(),
        &[
            Line('c', "S", 0, 0, b"early"),
            Line('c', "S", 500, 0, b""),
            Line('s', "SA", 0, 501, b""),
        ],
    );
    assert_eq!(table.waiting_bytes(), 0);
}

/// RFC 9293, 3.10.7.4: a segment that lies wholly before what the receiver waits for is dropped, with its FIN.
#[test]
fn a_fin_from_the_past_ends_nothing() {
    let lines = with_open(&[
        Line('c', "A", 1, 1, b"abcdef"),
        Line('s', "A", 1, 7, b""),
        Line('c', "FA", 1, 1, b"ab"),
        Line('s', "A", 1, 7, b""),
        Line('c', "A", 7, 1, b"attack"),
    ]);
    let expect = [
        "Originator \"abcdef\"",
        "Originator \"attack\"",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "S1");
}

/// The receiver has no use for what lies behind a FIN that it took.
#[test]
fn what_waits_behind_a_fin_that_was_taken_is_nobodys() {
    let lines = with_open(&[
        Line('c', "A", 10, 1, b"beyond"),
        Line('c', "FA", 1, 1, b"ab"),
        Line('s', "A", 1, 4, b""),
    ]);
    let expect = ["Originator \"ab\"", "Originator end", "Responder end"];
    check(&lines, &expect, "S2");
}
