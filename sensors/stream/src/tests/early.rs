//! Data that hosts deliver before the handshake is complete, and streams whose beginning was not seen.

use super::*;

/// Writes down what came while the flow counted as established.
#[derive(Default)]
struct Established(Vec<u8>);

impl Handler<()> for Established {
    fn packet(&mut self, _: &mut Flow<()>, _: Direction, _: &Packet<'_>) {}

    fn data(&mut self, flow: &mut Flow<()>, _: Direction, data: &[u8]) -> Interest {
        if flow.established {
            self.0.extend(data);
        }
        Interest::More
    }

    fn conflict(&mut self, _: &mut Flow<()>, _: Direction, _: &[u8], _: &[u8]) {}

    fn gap(&mut self, _: &mut Flow<()>, _: Direction, _: u64) {}

    fn end_of_stream(&mut self, _: &mut Flow<()>, _: Direction) {}

    fn anomaly(&mut self, _: &mut Flow<()>, _: Direction, _: StreamAnomaly) {}

    fn end(&mut self, _: &mut Flow<()>, _: EndReason) {}
}

#[track_caller]
fn check_established(lines: &[Line<'_>], expect: &[u8]) {
    let mut table = FlowTable::new(Config::default());
    let mut established = Established::default();
    for line in lines {
        table.packet(&segment(*line), &mut established);
    }
    assert_eq!(established.0, expect);
}

#[test]
fn a_syns_data_is_of_an_established_flow_once_it_is_acknowledged() {
    let lines = [
        Line('c', "S", 0, 0, b"ab"),
        Line('s', "SA", 0, 3, b""),
        Line('s', "A", 1, 3, b"ok"),
        Line('c', "A", 3, 3, b"cd"),
    ];
    check_established(&lines, b"abokcd");
}

#[test]
fn a_simultaneous_open_is_complete_with_the_second_answer() {
    let lines = [
        Line('c', "S", 0, 0, b""),
        Line('s', "S", 0, 0, b""),
        Line('c', "SA", 0, 1, b""),
        Line('s', "SA", 0, 1, b""),
        Line('c', "A", 1, 1, b"ab"),
    ];
    check_established(&lines, b"ab");
}

#[test]
fn an_answer_that_takes_no_data_leaves_the_handshake_open() {
    let lines = [
        Line('c', "S", 0, 0, b"ab"),
        Line('s', "SA", 0, 1, b""),
        Line('s', "A", 1, 1, b"ok"),
    ];
    check_established(&lines, b"");
}

#[test]
fn one_side_alone_is_established_and_its_syns_data_is_told_by_where_it_goes_on() {
    check_established(
        &[Line('c', "S", 0, 0, b"ab"), Line('c', "A", 3, 1, b"cd")],
        b"abcd",
    );
    // It says it again: nobody took it.
    check_established(&[Line('c', "S", 0, 0, b"xx"), Line('c', "A", 1, 1, b"cd")], b"cd");
    check_established(&[Line('s', "SA", 0, 1, b""), Line('s', "A", 1, 1, b"ok")], b"ok");
    let both = [
        Line('c', "S", 0, 0, b""),
        Line('c', "SA", 0, 1, b""),
        Line('c', "A", 1, 1, b"ab"),
    ];
    check_established(&both, b"ab");
}

#[test]
fn what_lies_before_a_stream_that_was_met_amid_its_way_is_told_until_its_receiver_speaks() {
    let late = [
        Line('c', "A", 9, 1, b"cd"),
        Line('c', "A", 7, 1, b"ab"),
        Line('s', "A", 1, 11, b""),
    ];
    let expect = [
        "Originator \"cd\"",
        "Originator est_packet_out_of_window",
        "Originator end",
        "Responder end",
    ];
    check(&late, &expect, "OTH");
    let repeated = [
        Line('c', "A", 9, 1, b"cd"),
        Line('s', "A", 1, 11, b""),
        Line('c', "A", 7, 1, b"ab"),
    ];
    check(
        &repeated,
        &["Originator \"cd\"", "Originator end", "Responder end"],
        "OTH",
    );
    let keep_alive = [Line('c', "A", 9, 1, b"cd"), Line('c', "A", 8, 1, b"\0")];
    check(
        &keep_alive,
        &["Originator \"cd\"", "Originator end", "Responder end"],
        "OTH",
    );
}

#[test]
fn a_made_up_first_segment_does_not_move_a_stream() {
    let far = 2 * 1024 * 1024;
    let lines = [Line('c', "A", 9, 1, b"xx"), Line('c', "A", 9 + far, 1, b"ab")];
    let expect = [
        "Originator \"xx\"",
        "Originator est_packet_out_of_window",
        "Originator end",
        "Responder end",
    ];
    check(&lines, &expect, "OTH");
}

/// The SYN that it answers was missed, or the answer is forged: either way what it says begins behind its own SYN, and it ends.
#[test]
fn who_answered_another_syn_is_heard_from_its_beginning() {
    let lines = [
        Line('c', "S", 0, 0, b""),
        Line('s', "SA", 0, 1025, b""),
        Line('s', "A", 1, 1, b"ok"),
    ];
    let expect = [
        "Responder 3whs_synack_with_wrong_ack",
        "Responder \"ok\"",
        "Originator end",
        "Responder end",
    ];
    let (mut recorder, mut table) = play(Config::default(), &lines);
    table.finish(&mut recorder);
    assert_eq!(recorder.log, expect);
}
