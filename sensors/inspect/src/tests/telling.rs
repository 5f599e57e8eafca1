//! What events say beside their own body: where they have their cause, and what they belong to.

use super::*;
use vonggac_event::Body;

fn numbered(rules: &str, frames: &[(i64, Vec<u8>)]) -> Kept {
    let config = Config {
        numbers_packets: true,
        ..Config::default()
    };
    play_with(config, rules, frames).0
}

#[test]
fn events_say_their_packet_and_transaction() {
    // Handshake 1–3, request 4–5, response 6–7, second request 8, its response 9, end 10–12.
    let kept = numbered("", &web());
    let told: Vec<_> = kept
        .events
        .iter()
        .filter(|event| matches!(event.body, Some(Body::Http(_) | Body::File(_))))
        .map(|event| (Class::of(event).unwrap().name(), event.packet, event.tx_id))
        .collect();
    assert_eq!(
        told,
        [
            ("file", 7, Some(0)),
            ("http", 7, Some(0)),
            ("file", 8, Some(1)),
            ("http", 9, Some(1)),
        ]
    );
    let flow = kept
        .events
        .iter()
        .find(|event| Class::of(event) == Some(Class::Flow))
        .unwrap();
    assert_eq!((flow.packet, flow.tx_id), (0, None));
}

#[test]
fn on_a_tap_packets_have_no_number() {
    let (kept, _) = play("", &web());
    assert!(kept.events.iter().all(|event| event.packet == 0));
}

#[test]
fn an_alert_carries_its_transaction_its_files_and_the_flow_so_far() {
    let kept = numbered(WEB_RULES, &web());
    let of_sid = |sid| *kept.signatures().iter().find(|hit| hit.sid == sid).unwrap();
    let uri = of_sid(1);
    let http = uri.http.as_ref().unwrap();
    assert_eq!((http.uri.as_str(), http.status_code), ("/a/../evil.exe?q=1", 0));
    assert!(uri.files.is_empty());
    let body = of_sid(3);
    assert_eq!(
        (body.files.len(), body.files[0].name.as_str(), body.files[0].size),
        (1, "/evil.exe", 7)
    );
    assert_eq!(body.http.as_ref().unwrap().status_code, 200);
    let flow = body.flow.as_ref().unwrap();
    assert_eq!(
        (flow.orig_packets, flow.resp_packets, flow.app.as_str()),
        (4, 3, "http")
    );
    let stream = of_sid(4);
    assert!(stream.is_stream && stream.http.is_none());
}

#[test]
fn what_ends_with_its_flow_says_so() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /late HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let kept = numbered("", &talk.frames);
    let http = kept
        .events
        .iter()
        .find(|event| Class::of(event) == Some(Class::Http))
        .unwrap();
    assert_eq!((http.at_flow_end, http.packet), (true, 0));
}

#[test]
fn a_file_says_who_carried_it() {
    let kept = numbered("", &web());
    let file = kept.file_events()[0];
    assert_eq!(
        (
            file.app.as_str(),
            file.http.as_ref().unwrap().host.as_str(),
            file.has_gaps
        ),
        ("http", "bad.example", false)
    );
}

#[test]
fn each_message_of_dns_is_a_transaction() {
    let mut talk = Talk::udp(53);
    talk.client(&dns_message(7, false));
    talk.server(&dns_message(7, true));
    let kept = numbered("", &talk.frames);
    let event = kept
        .events
        .iter()
        .find(|event| Class::of(event) == Some(Class::Dns))
        .unwrap();
    let dns = kept.dns()[0];
    assert_eq!((event.tx_id, event.packet), (Some(0), 2));
    assert_eq!((dns.answer_tx_id, dns.query_packet), (Some(1), 1));
}

#[test]
fn flows_count_the_link_layer_too() {
    let mut talk = Talk::udp(53);
    talk.client(b"12345678");
    let frame_bytes = talk.frames[0].1.len() as u64;
    let kept = numbered("", &talk.frames);
    let flow = kept.flows()[0];
    assert_eq!(
        (flow.orig_frame_bytes, flow.orig_bytes, flow.app_failed),
        (frame_bytes, 20 + 8 + 8, true)
    );
}

#[test]
fn both_tags_are_told() {
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .double_vlan(7.try_into().unwrap(), 9.try_into().unwrap())
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(1000, 2000)
        .write(&mut frame, b"x")
        .unwrap();
    let kept = numbered("", &[(1_000_000, frame)]);
    let event = &kept.events[0];
    assert_eq!((event.outer_vlan, event.vlan), (7, 9));
}
