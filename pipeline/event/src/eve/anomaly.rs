//! `anomaly`.

use super::json::Object;
use crate::proto::Anomaly;

/// What breaks a rule: of the decoder, of the stream, or of the application protocol that is named.
pub(super) fn describe(anomaly: &Anomaly, object: &mut Object<'_>) {
    let layer = anomaly.layer.as_str();
    match layer {
        "link" | "network" | "transport" => {
            object.text("type", "decode");
            object.text("event", &format!("decoder.{}", anomaly.kind));
            object.text("layer", layer);
        }
        "stream" => {
            object.text("type", "stream");
            object.text("event", &format!("stream.{}", anomaly.kind));
            object.text("layer", layer);
        }
        app => {
            object.text("type", "applayer");
            object.text("event", &application_event(app, &anomaly.kind));
            object.text_if("app_proto", app);
            object.text("layer", "proto_parser");
        }
    }
    object.text_if("detail", &anomaly.detail);
}

/// The protocol is told beside the name. Suricata writes these names in capitals for those of its parsers that are in C.
fn application_event(app: &str, kind: &str) -> String {
    const IN_CAPITALS: [&str; 2] = ["http", "tls"];
    let name = kind.strip_prefix(app).and_then(|rest| rest.strip_prefix('_'));
    match name {
        Some(name) if IN_CAPITALS.contains(&app) => name.to_ascii_uppercase(),
        name => name.unwrap_or(kind).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;
    use crate::Body;
    use serde_json::json;

    #[test]
    fn events_of_protocols_are_named_as_suricata_names_them() {
        let check = |app: &str, kind: &str, expect: &str| assert_eq!(application_event(app, kind), expect);
        check(
            "http",
            "http_request_line_missing_protocol",
            "REQUEST_LINE_MISSING_PROTOCOL",
        );
        check("dns", "dns_invalid_opcode", "invalid_opcode");
        check("tls", "heartbeat_overread", "heartbeat_overread");
    }

    #[test]
    fn the_layer_decides_the_type() {
        let check = |layer: &str, expect: serde_json::Value| {
            let anomaly = Anomaly {
                layer: layer.into(),
                kind: "k".into(),
                ..Anomaly::default()
            };
            assert_eq!(line(6, Body::Anomaly(anomaly))["anomaly"], expect);
        };
        check(
            "network",
            json!({ "type": "decode", "layer": "network", "event": "decoder.k" }),
        );
        check(
            "stream",
            json!({ "type": "stream", "layer": "stream", "event": "stream.k" }),
        );
        check(
            "dns",
            json!({ "type": "applayer", "app_proto": "dns", "layer": "proto_parser", "event": "k" }),
        );
    }
}
