//! Messages as devices send them, and what is made of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::keyword::KEYWORDS;
use super::*;
use vonggac_event::{Body, proto};
use vonggac_protocol::{Condition, Host, Limits, Next, Protocol, Side, Source, Start, Transport};

/// Keeps what a flow says.
#[derive(Default)]
struct Kept {
    now_us: i64,
    limits: Limits,
    rule: Option<Box<dyn Condition>>,
    hits: u32,
    told: Vec<proto::Modbus>,
    anomalies: Vec<&'static str>,
    wakes: Vec<i64>,
}

impl Host for Kept {
    fn now_us(&self) -> i64 {
        self.now_us
    }
    fn limits(&self) -> &Limits {
        &self.limits
    }
    fn packet(&self) -> u64 {
        0
    }
    fn event(&mut self, _: u64, _: i64, body: Body) {
        let Body::Modbus(modbus) = body else { panic!() };
        self.told.push(modbus);
    }
    fn file(&mut self, _: u64, _: Side, _: proto::File, _: Vec<u8>) {
        panic!();
    }
    fn anomaly(&mut self, _: Side, kind: &'static str, _: &str) {
        assert!(CARD.anomalies.contains(&kind));
        self.anomalies.push(kind);
    }
    fn count(&mut self, counter: &'static str, _: u64) {
        assert!(CARD.counters.contains(&counter));
    }
    fn judge(&mut self, side: Side, _: u8, source: &dyn Source) {
        let rule = self.rule.as_ref().filter(|_| side == Side::Client);
        self.hits += u32::from(rule.is_some_and(|rule| rule.holds(side, source)));
    }
    fn wake(&mut self, at_us: i64) -> bool {
        self.wakes.push(at_us);
        true
    }
    fn reserve(&mut self, bytes: usize) -> usize {
        bytes
    }
    fn release(&mut self, _: usize) {}
}

/// A message of transaction 1 to unit 17.
fn message(pdu: &[u8]) -> Vec<u8> {
    numbered(1, pdu)
}

fn numbered(transaction: u8, pdu: &[u8]) -> Vec<u8> {
    let length = u8::try_from(pdu.len() + 1).unwrap();
    [&[0, transaction, 0, 0, 0, length, 17], pdu].concat()
}

fn flow() -> Box<dyn Protocol> {
    (CARD.begin)(Transport::Tcp)
}

/// What a talk of whole messages says.
fn talk(said: &[(Side, Vec<u8>)]) -> Kept {
    let (mut flow, mut kept) = (flow(), Kept::default());
    for (side, bytes) in said {
        assert_eq!(flow.data(&mut kept, *side, bytes), Next::More);
        kept.now_us += 1000;
    }
    flow.finish(&mut kept);
    kept
}

const READ_HOLDING: [u8; 5] = [3, 0x00, 0x6b, 0x00, 0x03];
const HELD: [u8; 8] = [3, 6, 0x02, 0x2b, 0x00, 0x00, 0x00, 0x64];

#[test]
fn a_request_and_its_response_are_one_event() {
    // The specification's example of function 3 (6.3): registers 108 to 110.
    let kept = talk(&[
        (Side::Client, message(&READ_HOLDING)),
        (Side::Server, message(&HELD)),
    ]);
    assert_eq!(
        kept.told,
        [proto::Modbus {
            trans_id: 1,
            unit_id: 17,
            function_code: 3,
            function: "READ_HOLDING_REGISTERS".into(),
            read_table: "holding".into(),
            read_address: 108,
            read_quantity: 3,
            answered: true,
            rtt_us: 1000,
            ..proto::Modbus::default()
        }]
    );
    assert!(kept.anomalies.is_empty());
}

#[test]
fn what_is_written_is_told() {
    // The specification's examples of functions 15 (6.11) and 16 (6.12).
    let coils = [15, 0x00, 0x13, 0x00, 0x0a, 2, 0xcd, 0x01];
    let registers = [16, 0x00, 0x01, 0x00, 0x02, 4, 0x00, 0x0a, 0x01, 0x02];
    let kept = talk(&[
        (Side::Client, message(&coils)),
        (Side::Server, message(&coils[..5])),
        (Side::Client, message(&registers)),
        (Side::Server, message(&registers[..5])),
    ]);
    let told = |at: usize| {
        let of = &kept.told[at];
        (
            of.write_table.as_str(),
            of.write_address,
            of.write_quantity,
            of.written.clone(),
        )
    };
    assert_eq!(told(0), ("coils", 20, 10, vec![1, 0, 1, 1, 0, 0, 1, 1, 1, 0]));
    assert_eq!(told(1), ("holding", 2, 2, vec![10, 258]));
    assert!(kept.anomalies.is_empty());
}

#[test]
fn an_exception_is_told_by_name() {
    let kept = talk(&[
        (Side::Client, message(&READ_HOLDING)),
        (Side::Server, message(&[0x83, 2])),
    ]);
    assert_eq!(
        (kept.told[0].exception_code, kept.told[0].exception.as_str()),
        (2, "ILLEGAL_DATA_ADDRESS")
    );
    assert!(kept.anomalies.is_empty());
}

#[test]
fn responses_go_to_their_requests_in_any_order() {
    let kept = talk(&[
        (
            Side::Client,
            [numbered(1, &READ_HOLDING), numbered(2, &[6, 0, 1, 0, 9])].concat(),
        ),
        (Side::Server, numbered(2, &[6, 0, 1, 0, 9])),
        (Side::Server, numbered(1, &HELD)),
    ]);
    let order: Vec<_> = kept
        .told
        .iter()
        .map(|told| (told.trans_id, told.answered))
        .collect();
    assert_eq!(order, [(2, true), (1, true)]);
}

#[test]
fn what_is_wrong_is_said_by_its_name() {
    let check =
        |said: &[(Side, Vec<u8>)], expect: &[&str]| assert_eq!(talk(said).anomalies, expect, "{said:?}");
    let request = || (Side::Client, message(&READ_HOLDING));
    check(
        &[(Side::Server, message(&HELD))],
        &["modbus_unsolicited_response"],
    );
    check(
        &[(Side::Client, message(&[3, 0, 0, 0, 126]))],
        &["modbus_invalid_value"],
    );
    check(
        &[(Side::Client, message(&[3, 0, 0, 0]))],
        &["modbus_invalid_length"],
    );
    check(
        &[(Side::Client, message(&[5, 0, 0, 1, 0]))],
        &["modbus_invalid_value"],
    );
    check(
        &[(Side::Client, message(&[9, 0]))],
        &["modbus_invalid_function_code"],
    );
    check(
        &[request(), (Side::Server, message(&[0x83, 7]))],
        &["modbus_invalid_exception_code"],
    );
    check(
        &[request(), (Side::Server, message(&[3, 2, 0, 0]))],
        &["modbus_value_mismatch"],
    );
    check(
        &[request(), (Side::Server, message(&[3, 9, 0, 0]))],
        &["modbus_invalid_length"],
    );
    check(
        &[(Side::Client, vec![0, 1, 0, 1, 0, 6, 17, 3, 0, 0, 0, 1])],
        &["modbus_invalid_protocol_id"],
    );
    check(
        &[(Side::Client, vec![0, 1, 0, 0, 1, 0, 17, 3])],
        &["modbus_invalid_length"],
    );
}

#[test]
fn an_unanswered_request_is_told_when_its_time_is_over() {
    let (mut flow, mut kept) = (flow(), Kept::default());
    flow.data(&mut kept, Side::Client, &message(&READ_HOLDING));
    let timeout_us = kept.limits.answer_timeout_us;
    assert_eq!(kept.wakes, [timeout_us]);
    kept.now_us = timeout_us;
    flow.overdue(&mut kept);
    assert_eq!(
        kept.told.iter().map(|told| told.answered).collect::<Vec<_>>(),
        [false]
    );
}

#[test]
fn requests_that_nobody_answers_do_not_pile_up() {
    let (mut flow, mut kept) = (flow(), Kept::default());
    let most = kept.limits.transactions_max;
    for _ in 0..most + 3 {
        flow.data(&mut kept, Side::Client, &message(&READ_HOLDING));
    }
    assert_eq!((kept.told.len(), kept.anomalies.len()), (3, 3));
}

#[test]
fn what_is_said_does_not_depend_on_how_it_is_cut() {
    let said = [
        message(&READ_HOLDING),
        vec![1, 2, 3, 4, 5],
        message(&READ_HOLDING),
        message(&[7]),
    ]
    .concat();
    let whole = talk(&[(Side::Client, said.clone())]);
    for size in 1..said.len() {
        let (mut flow, mut kept) = (flow(), Kept::default());
        for bytes in said.chunks(size) {
            flow.data(&mut kept, Side::Client, bytes);
        }
        flow.finish(&mut kept);
        assert_eq!(
            (&kept.told, &kept.anomalies),
            (&whole.told, &whole.anomalies),
            "{size}"
        );
    }
}

#[test]
fn after_lost_bytes_the_next_message_is_found() {
    let (mut flow, mut kept) = (flow(), Kept::default());
    flow.data(&mut kept, Side::Client, &message(&READ_HOLDING)[..5]);
    flow.gap(&mut kept, Side::Client, 20);
    flow.data(
        &mut kept,
        Side::Client,
        &[&[0xff, 0xee, 0x10][..], &message(&[7])].concat(),
    );
    flow.finish(&mut kept);
    let functions: Vec<_> = kept.told.iter().map(|told| told.function_code).collect();
    assert_eq!(functions, [7]);
}

#[test]
fn a_start_shows_whether_it_is_modbus_and_who_speaks() {
    let check = |bytes: &[u8], ports, expect| {
        let start = Start {
            transport: Transport::Tcp,
            bytes,
            ports,
        };
        assert_eq!((CARD.probe)(&start), expect, "{bytes:?} {ports:?}");
    };
    let elsewhere = [40_000, 5000];
    check(&message(&READ_HOLDING), [40_000, 502], Some(Side::Client));
    check(&message(&HELD), [502, 40_000], Some(Side::Server));
    check(&message(&[0x55, 1, 2]), [40_000, 502], Some(Side::Client));
    check(&message(&READ_HOLDING), elsewhere, Some(Side::Client));
    check(&message(&HELD), elsewhere, Some(Side::Server));
    check(&message(&[0x83, 2]), elsewhere, Some(Side::Server));
    check(&message(&[0x55, 1, 2]), elsewhere, None);
    check(&message(&READ_HOLDING)[..9], [40_000, 502], None);
    check(b"GET / HTTP/1.1\r\n\r\n", [40_000, 502], None);
    check(&[0, 1, 0, 2, 0, 6, 17, 3, 0, 0, 0, 1], [40_000, 502], None);
}

fn rule(text: &str) -> Result<Box<dyn Condition>, String> {
    (KEYWORDS[0].compile)(text)
}

#[test]
fn rules_ask_for_functions_tables_addresses_and_values() {
    let write = [16, 0x00, 0x01, 0x00, 0x02, 4, 0x00, 0x0a, 0x01, 0x02];
    let check = |text: &str, pdu: &[u8], expect: bool| {
        let mut kept = Kept {
            rule: Some(rule(text).unwrap()),
            ..Kept::default()
        };
        flow().data(&mut kept, Side::Client, &message(pdu));
        assert_eq!(kept.hits, u32::from(expect), "{text} {pdu:?}");
    };
    check("function 3", &READ_HOLDING, true);
    check("function 4", &READ_HOLDING, false);
    check("function 8, subfunction 4", &[8, 0, 4, 0, 0], true);
    check("function 8, subfunction 5", &[8, 0, 4, 0, 0], false);
    check("function assigned", &READ_HOLDING, true);
    check("function !reserved", &READ_HOLDING, true);
    check("function reserved", &[90, 0], true);
    check("function user", &[65], true);
    check("function public", &[30], true);
    check("unit 17", &READ_HOLDING, true);
    check("unit >17", &READ_HOLDING, false);
    check("unit 10<>20, function 3", &READ_HOLDING, true);
    check("unit 16, function 3", &READ_HOLDING, false);
    check("access read", &READ_HOLDING, true);
    check("access write", &READ_HOLDING, false);
    check("access read holding, address 108", &READ_HOLDING, true);
    check("access read holding, address 110", &READ_HOLDING, true);
    check("access read holding, address 111", &READ_HOLDING, false);
    check("access read input, address 108", &READ_HOLDING, false);
    check("access read holding, address <108", &READ_HOLDING, false);
    check("access write holding, address 2, value 10", &write, true);
    check("access write holding, address 3, value >257", &write, true);
    check("access write holding, address 3, value <258", &write, false);
    check("access write holding, address 4, value >0", &write, false);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let check = |text: &str, expect: &str| assert_eq!(rule(text).unwrap_err(), expect, "{text}");
    check("function 0", "there is no function 0");
    check(
        "function 8, subfunction x",
        r#""subfunction x" is no subfunction"#,
    );
    check("function loud", r#""loud" is no category of functions"#);
    check("access write input", "input cannot be written");
    check("access take", r#""take" is neither read nor write"#);
    check(
        "access read holding, value 3",
        r#""value 3" where address may stand"#,
    );
    check(
        "access read holding, address 3, value 3",
        "only what is written has a value",
    );
    check(
        "access write holding, address >3, value 3",
        "a value is asked of one address",
    );
    check("unit x", r#""x" is no number"#);
    check(
        "unit 1, function 3, subfunction 1, more",
        r#"nothing may follow: "more""#,
    );
    check("", r#""" is neither unit, function nor access"#);
}

#[test]
fn a_message_is_read_whole_or_not_at_all() {
    let bytes = message(&READ_HOLDING);
    for end in 0..bytes.len() {
        assert_eq!(read(&bytes[..end]), Read::Partial, "{end}");
    }
    assert!(matches!(read(&bytes), Read::Message(_, [])));
    assert_eq!(read(&[0, 1, 0, 0, 0, 255, 1]), Read::Broken);
    assert_eq!(read(&[0, 1, 0, 0, 0, 1, 1]), Read::Broken);
}
