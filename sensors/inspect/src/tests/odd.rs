//! Rules that wait for what is odd, and rules on what headers alone have.

use super::*;
use etherparse::PacketBuilder;

#[test]
fn rules_wait_for_what_is_odd_in_a_stream() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.without_ack();
    let rules = r#"
alert tcp any any -> any any (stream-event:pkt_without_ack; sid:1;)
alert tcp any any -> any 80 (stream-event:pkt_without_ack; flow:to_server; sid:2;)
alert tcp any any -> any any (stream-event:pkt_without_ack; flow:to_client; sid:3;)
alert tcp any any -> any any (stream-event:pkt_invalid_ack; sid:4;)"#;
    let (kept, _) = play(rules, &talk.frames);
    assert_eq!(kept.sids(), [1, 2]);
    let told: Vec<_> = kept
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Some(Body::Anomaly(anomaly)) => Some((anomaly.kind.as_str(), anomaly.direction.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("pkt_without_ack", "to_server")]);
}

#[test]
fn rules_wait_for_what_is_odd_in_a_protocol() {
    let mut talk = Talk::tcp(502);
    talk.open();
    talk.client(&[0, 1, 0, 0, 0, 6, 17, 3, 0, 0, 0, 1]);
    talk.server(&[0, 9, 0, 0, 0, 5, 17, 3, 2, 0, 0]);
    let rules = r#"
alert modbus any any -> any any (app-layer-event:modbus.unsolicited_response; sid:1;)
alert modbus any any -> any any (app-layer-event:modbus.unsolicited_response; flow:to_server; sid:2;)
alert modbus any any -> any any (app-layer-event:modbus.invalid_length; sid:3;)
alert modbus any any -> any any (modbus:function 3; sid:4;)
alert tcp any any -> any any (app-layer-protocol:modbus; modbus:access read holding, address 1; sid:5;)"#;
    let (kept, _) = play(rules, &talk.frames);
    assert_eq!(kept.sids(), [1, 4, 5]);
}

#[test]
fn an_alert_carries_the_transaction_of_any_protocol() {
    let mut talk = Talk::tcp(502);
    talk.open();
    talk.client(&[0, 1, 0, 0, 0, 6, 17, 6, 0, 4, 0, 9]);
    let (kept, _) = play(
        "alert modbus any any -> any any (modbus:access write holding, address 5, value 9; sid:1;)",
        &talk.frames,
    );
    let carried = kept.signatures()[0].transaction.as_ref().unwrap();
    let Some(Body::Modbus(modbus)) = &carried.body else {
        panic!("{carried:?}")
    };
    assert_eq!((modbus.write_address, modbus.written.as_slice()), (5, &[9][..]));
}

/// A SYN with these options, in these VLANs.
fn syn(outer: u16, inner: u16, options: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .double_vlan(outer.try_into().unwrap(), inner.try_into().unwrap())
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40_000, 80, 1, 1000)
        .syn()
        .options_raw(options)
        .unwrap()
        .write(&mut frame, &[])
        .unwrap();
    frame
}

#[test]
fn rules_ask_for_tags_options_and_checksums() {
    let rules = r#"
alert tcp any any -> any any (flags:S; vlan.id:200; sid:1;)
alert tcp any any -> any any (flags:S; vlan.id:200,0; sid:2;)
alert tcp any any -> any any (flags:S; vlan.layers:2; sid:3;)
alert tcp any any -> any any (flags:S; tcp.mss:<100; sid:4;)
alert tcp any any -> any any (flags:S; tcp.mss:>100; sid:5;)
alert tcp any any -> any any (flags:S; tcpv4-csum:valid; sid:6;)
alert tcp any any -> any any (flags:S; tcpv4-csum:invalid; sid:7;)
alert tcp any any -> any any (flags:S; ipv4-csum:valid; sid:8;)"#;
    let mut frame = syn(100, 200, &[2, 4, 0, 64]);
    let sids = |frame: &[u8]| play(rules, &[(1_700_000_000_000_000, frame.to_vec())]).0.sids();
    assert_eq!(sids(&frame), [1, 3, 4, 6, 8]);
    // The last byte is of the options: only TCP's checksum covers it.
    *frame.last_mut().unwrap() ^= 1;
    assert_eq!(sids(&frame), [1, 3, 4, 7, 8]);
}
