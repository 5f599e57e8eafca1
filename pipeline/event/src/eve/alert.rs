//! `alert`, and what it carries: the transaction, the flow so far, the payload.

use super::json::Object;
use super::text::{base64, printable, timestamp};
use super::{Options, application, dns, endpoints, file, flow};
use crate::proto::{Flow, Signature};
use crate::{Body, Event};

/// Everything of an alert's line but the envelope.
pub(super) fn describe(event: &Event, signature: &Signature, options: &Options, line: &mut Object<'_>) {
    line.object("alert", |object| rule(signature, options, object));
    match &signature.flow {
        Some(flow) if signature.app.is_empty() => flow::app_proto(flow, line),
        _ => line.text_if("app_proto", &signature.app),
    }
    if let Some(flow) = &signature.flow {
        flow::beside(flow, line);
    }
    line.text_if("direction", &signature.direction);
    if options.metadata {
        transaction(event, signature, line);
        if let Some(flow) = &signature.flow {
            line.object("flow", |object| so_far(event, flow, object));
        }
    }
    if options.payload && !signature.payload.is_empty() {
        base64(line, "payload", &signature.payload);
    }
    if options.payload_printable && !signature.payload.is_empty() {
        line.text("payload_printable", &printable(&signature.payload));
    }
    if options.payload || options.payload_printable || options.packet {
        line.number("stream", u32::from(signature.is_stream));
    }
    if options.packet && !signature.packet.is_empty() {
        base64(line, "packet", &signature.packet);
        line.object("packet_info", |info| {
            info.number("linktype", signature.packet_link)
        });
    }
    if options.verdict {
        let verdict = if signature.verdict.is_empty() {
            "alert"
        } else {
            &signature.verdict
        };
        line.object("verdict", |object| object.text("action", verdict));
    }
}

/// Whether what matched went to the client: source and destination are then the server and the client.
pub(super) fn is_to_client(signature: &Signature) -> bool {
    signature.direction == "to_client"
}

fn rule(signature: &Signature, options: &Options, object: &mut Object<'_>) {
    // A tap stops nothing, whatever the rule would.
    object.text("action", "allowed");
    object.number("gid", signature.gid);
    object.number("signature_id", signature.sid);
    object.number("rev", signature.rev);
    object.text("signature", &signature.message);
    object.text("category", signature.category_text());
    object.number("severity", signature.priority);
    if options.metadata {
        object.object("metadata", |object| metadata(&signature.metadata, object));
    }
    if options.references {
        object.texts("references", signature.references.iter().map(String::as_str));
    }
    if options.rule {
        object.text_if("rule", &signature.rule);
    }
    if !signature.context.is_empty() {
        object.object("context", |object| {
            for variable in &signature.context {
                object.text(&variable.name, &printable(&variable.value));
            }
        });
    }
}

/// `key value` pairs as lists of values by key, keys in the order in which they first come.
fn metadata(pairs: &[String], object: &mut Object<'_>) {
    for (place, pair) in pairs.iter().enumerate() {
        let (key, _) = key_and_value(pair);
        let is_of_key = |other: &&String| key_and_value(other).0 == key;
        if !pairs.iter().take(place).any(|other| is_of_key(&other)) {
            let values = pairs.iter().filter(is_of_key);
            object.texts(key, values.map(|pair| key_and_value(pair).1));
        }
    }
}

fn key_and_value(pair: &str) -> (&str, &str) {
    pair.split_once(' ').unwrap_or((pair, ""))
}

fn transaction(event: &Event, signature: &Signature, line: &mut Object<'_>) {
    match signature.transaction.as_deref() {
        Some(Event {
            body: Some(Body::Dns(dns)),
            ..
        }) => line.object("dns", |object| match is_to_client(signature) {
            true => dns::response(dns, object),
            false => dns::request(dns, event.tx_id, object),
        }),
        Some(transaction) => application(transaction, line),
        None => {}
    }
    line.list("files", |list| {
        for file in &signature.files {
            list.object(|object| file::describe(file, event.tx_id, object));
        }
    });
}

/// The flow up to the alert: its ends are those of the flow, whichever way the alert goes.
fn so_far(event: &Event, flow: &Flow, object: &mut Object<'_>) {
    flow::counters(flow, object);
    timestamp(object, "start", flow.start_us);
    endpoints(event, false, object);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::tests::{lines, lines_with};
    use super::*;
    use crate::proto::{Dns, Http};
    use serde_json::json;

    fn alert(signature: Signature) -> Event {
        Event {
            ts_us: 1_000_000,
            src: vec![10, 0, 0, 1],
            dst: vec![192, 0, 2, 5],
            sport: 40_000,
            dport: 80,
            proto: 6,
            tx_id: Some(3),
            body: Some(Body::Signature(Box::new(signature))),
            ..Event::default()
        }
    }

    fn within(body: Body) -> Option<Box<Event>> {
        Some(Box::new(Event {
            body: Some(body),
            ..Event::default()
        }))
    }

    fn signature(direction: &str) -> Signature {
        Signature {
            gid: 1,
            sid: 9_000_001,
            rev: 2,
            message: "m".into(),
            action: "drop".into(),
            priority: 1,
            classtype: "trojan-activity".into(),
            direction: direction.into(),
            app: "http".into(),
            metadata: vec!["tag one".into(), "since 2026".into(), "tag two".into()],
            transaction: within(Body::Http(Http {
                host: "a.example".into(),
                ..Http::default()
            })),
            flow: Some(Box::new(Flow {
                orig_packets: 3,
                ..Flow::default()
            })),
            payload: b"a\0b".to_vec(),
            rule: "alert http ...".into(),
            ..Signature::default()
        }
    }

    #[test]
    fn an_alert_to_the_client_is_turned_round_and_its_flow_is_not() {
        let line = &lines(&alert(signature("to_client")))[0];
        let ends = |object: &serde_json::Value| {
            (
                object["src_ip"].clone(),
                object["src_port"].clone(),
                object["dest_ip"].clone(),
            )
        };
        assert_eq!(ends(line), (json!("192.0.2.5"), json!(80), json!("10.0.0.1")));
        assert_eq!(
            ends(&line["flow"]),
            (json!("10.0.0.1"), json!(40_000), json!("192.0.2.5"))
        );
        assert_eq!(line["direction"], "to_client");
    }

    #[test]
    fn an_alert_carries_what_it_matched_in() {
        let line = &lines(&alert(signature("to_server")))[0];
        assert_eq!(
            line["alert"],
            json!({ "action": "allowed", "gid": 1, "signature_id": 9_000_001, "rev": 2, "signature": "m",
                "category": "A Network Trojan was detected", "severity": 1,
                "metadata": { "tag": ["one", "two"], "since": ["2026"] } })
        );
        assert_eq!(
            (
                &line["tx_id"],
                &line["http"]["hostname"],
                &line["flow"]["pkts_toserver"]
            ),
            (&json!(3), &json!("a.example"), &json!(3))
        );
        assert!(line.get("payload").is_none() && line.get("stream").is_none());
    }

    #[test]
    fn dns_is_the_side_that_matched() {
        let check = |direction: &str, expect: &str| {
            let signature = Signature {
                transaction: within(Body::Dns(Dns::default())),
                ..signature(direction)
            };
            assert_eq!(lines(&alert(signature))[0]["dns"]["type"], expect);
        };
        check("to_server", "request");
        check("to_client", "response");
    }

    #[test]
    fn what_is_asked_for_is_written() {
        let options = Options {
            payload: true,
            payload_printable: true,
            rule: true,
            verdict: true,
            metadata: false,
            ..Options::default()
        };
        let line = &lines_with(&alert(signature("to_server")), &options)[0];
        assert_eq!(
            (&line["payload"], &line["payload_printable"], &line["stream"]),
            (&json!("YQBi"), &json!("a.b"), &json!(0))
        );
        assert_eq!(
            (&line["alert"]["rule"], &line["verdict"]["action"]),
            (&json!("alert http ..."), &json!("alert"))
        );
        let metadata = [line.get("http"), line.get("flow"), line["alert"].get("metadata")];
        assert_eq!(metadata, [None; 3]);
    }
}
