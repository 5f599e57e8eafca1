//! What a reader of EVE finds on a line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::proto::{File, Flow, Http, Signature, Tls};
use crate::{Kind, Value};
use serde_json::{Value as Json, json};

/// The lines of an event, read by somebody else's parser.
pub(super) fn lines_with(event: &Event, options: &Options) -> Vec<Json> {
    let mut out = Vec::new();
    write(event, options, &mut out);
    assert_eq!(out.last(), Some(&b'\n'));
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(super) fn lines(event: &Event) -> Vec<Json> {
    lines_with(event, &Options::default())
}

/// The one line of an event of a protocol.
pub(super) fn line(proto: u32, body: Body) -> Json {
    let event = Event {
        proto,
        body: Some(body),
        ..Event::default()
    };
    let mut lines = lines(&event);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn envelope_of(event: Event) -> Json {
    let body = event.body.or_else(|| Some(Body::Http(Http::default())));
    lines(&Event { body, ..event }).remove(0)
}

#[test]
fn the_envelope_says_who_and_where() {
    let line = envelope_of(Event {
        ts_us: 1_700_000_000_123_456,
        event_id: vec![0; 16],
        flow_id: 7,
        sensor: "s".into(),
        src: vec![10, 0, 0, 1],
        dst: vec![192, 0, 2, 5],
        sport: 40_000,
        dport: 80,
        proto: 6,
        vlan: 10,
        outer_vlan: 1,
        packet: 3,
        tx_id: Some(0),
        ..Event::default()
    });
    let check = |name: &str, expect: Json| assert_eq!(line[name], expect, "{name}");
    check("timestamp", json!("2023-11-14T22:13:20.123456+0000"));
    check("flow_id", json!(7));
    check("host", json!("s"));
    check("event_type", json!("http"));
    check("vlan", json!([1, 10]));
    check("src_ip", json!("10.0.0.1"));
    check("dest_port", json!(80));
    check("proto", json!("TCP"));
    check("ip_v", json!(4));
    check("pcap_cnt", json!(3));
    check("tx_id", json!(0));
    check("pkt_src", json!("wire/pcap"));
    check(
        "vonggac",
        json!({ "event_id": "0".repeat(32), "tenant": "", "exercise_id": 0 }),
    );
}

#[test]
fn each_protocol_has_what_it_has() {
    let check = |proto, name: &str, expect: Json| {
        let line = envelope_of(Event {
            proto,
            src: vec![10, 0, 0, 1],
            sport: 5,
            icmp_type: 8,
            at_flow_end: true,
            ..Event::default()
        });
        assert_eq!(line[name], expect, "{name} of {proto}");
    };
    check(132, "src_port", json!(5));
    check(1, "src_port", Json::Null);
    check(1, "icmp_type", json!(8));
    check(6, "icmp_type", Json::Null);
    check(6, "pkt_src", json!("stream (flow timeout)"));
}

#[test]
fn a_file_comes_from_who_sent_it() {
    let file = File {
        from_responder: true,
        source: "http".into(),
        name: "x".into(),
        http: Some(Box::new(Http {
            host: "a.example".into(),
            ..Http::default()
        })),
        ..File::default()
    };
    let line = envelope_of(Event {
        src: vec![10, 0, 0, 1],
        dst: vec![192, 0, 2, 5],
        tx_id: Some(2),
        body: Some(Body::File(file)),
        ..Event::default()
    });
    assert_eq!(
        (&line["src_ip"], &line["http"]["hostname"], &line["app_proto"]),
        (&json!("192.0.2.5"), &json!("a.example"), &json!("http"))
    );
    assert_eq!(
        (&line["fileinfo"]["tx_id"], &line["tx_id"]),
        (&json!(2), &Json::Null)
    );
}

#[test]
fn names_that_the_schema_gives_are_where_it_says() {
    let text = || "x".to_owned();
    let events = [
        Body::Flow(Flow {
            app: text(),
            orig_tcp_flags: 1,
            resp_tcp_flags: 1,
            end_reason: text(),
            flows: 2,
            source_bits: 24,
            ..Flow::default()
        }),
        Body::Http(Http {
            method: text(),
            host: text(),
            uri: text(),
            version: text(),
            user_agent: text(),
            referrer: text(),
            username: text(),
            status_code: 200,
            location: text(),
            server: text(),
            x_forwarded_for: text(),
            content_type: text(),
            port: 80,
            ..Http::default()
        }),
        Body::Tls(Tls {
            version: text(),
            server_name: text(),
            client_alpn: vec![text()],
            server_alpn: text(),
            ja3: text(),
            ja3s: text(),
            ja4: text(),
            subject: text(),
            issuer: text(),
            serial: text(),
            fingerprint_sha1: text(),
            not_before_us: 1,
            not_after_us: 1,
            ..Tls::default()
        }),
        Body::File(File {
            name: text(),
            md5: text(),
            sha1: text(),
            sha256: text(),
            ..File::default()
        }),
        Body::Signature(Box::new(Signature {
            message: text(),
            category: text(),
            app: text(),
            action: text(),
            ..Signature::default()
        })),
    ];
    for body in events {
        let event = Event {
            proto: 6,
            body: Some(body),
            ..Event::default()
        };
        let class = Class::of(&event).unwrap();
        let line = &lines(&event)[0];
        let named = class.own_columns().iter().filter(|column| !column.eve.is_empty());
        for column in named {
            let found = line.pointer(&format!("/{}", column.eve.replace('.', "/")));
            let place = format!("{}: {}", class.name(), column.eve);
            let found = found.unwrap_or_else(|| panic!("{place} is not there: {line}"));
            match (column.kind, (column.read)(&event)) {
                (_, Value::Number(number)) if found.is_number() => {
                    assert_eq!(found, &json!(number), "{place}")
                }
                (Kind::Text, Value::Text(text)) => assert_eq!(found, &json!(text), "{place}"),
                _ => {}
            }
        }
    }
}
