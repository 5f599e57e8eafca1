//! `flow` and `tcp`.

use super::json::Object;
use super::text::{printable, timestamp};
use crate::proto::{Flow, Variable};

/// What names of flow bits begin with that say what kind of traffic it is.
const TRAFFIC: &str = "traffic/";

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// The flow's protocol: absent before anything was said, `failed` when nothing was recognised in what was.
pub(super) fn app_proto(flow: &Flow, line: &mut Object<'_>) {
    match flow.app_failed && flow.app.is_empty() {
        true => line.text("app_proto", "failed"),
        false => line.text_if("app_proto", &flow.app),
    }
}

/// What is told beside the protocol: which one gave way to it, and what rules have left behind.
pub(super) fn beside(flow: &Flow, line: &mut Object<'_>) {
    line.text_if("app_proto_orig", &flow.app_before);
    let is_traffic = |bit: &&String| bit.starts_with(TRAFFIC);
    if flow.bits.iter().any(|bit| bit.starts_with(TRAFFIC)) {
        line.object("traffic", |object| {
            for kind in ["id", "label"] {
                let of_kind = |bit: &String| -> Option<String> {
                    let named = bit.strip_prefix(TRAFFIC)?.strip_prefix(kind)?;
                    Some(named.strip_prefix('/')?.to_owned())
                };
                let names: Vec<String> = flow.bits.iter().filter_map(of_kind).collect();
                object.texts(kind, names.iter().map(String::as_str));
            }
        });
    }
    let bits: Vec<&str> = flow
        .bits
        .iter()
        .filter(|bit| !is_traffic(bit))
        .map(String::as_str)
        .collect();
    if bits.is_empty() && flow.variables.is_empty() && flow.packet_variables.is_empty() {
        return;
    }
    line.object("metadata", |object| {
        variables("flowvars", &flow.variables, object);
        variables("pktvars", &flow.packet_variables, object);
        object.texts("flowbits", bits);
    });
}

fn variables(name: &str, all: &[Variable], object: &mut Object<'_>) {
    if all.is_empty() {
        return;
    }
    object.list(name, |list| {
        for variable in all {
            list.object(|object| object.text(&variable.name, &printable(&variable.value)));
        }
    });
}

/// The object of a flow that ended.
pub(super) fn ended(flow: &Flow, object: &mut Object<'_>) {
    counters(flow, object);
    timestamp(object, "start", flow.start_us);
    timestamp(object, "end", flow.end_us);
    object.number("age", age(flow));
    object.text("state", state(flow));
    object.text_if("conn_state", &flow.conn_state);
    object.text("reason", reason(&flow.end_reason));
    object.boolean("alerted", flow.signatures > 0);
    if !flow.app.is_empty() {
        object.number("tx_cnt", flow.transactions);
    }
    object.number("missed_bytes", flow.missed_bytes);
    object.number_if("flows", flow.flows);
    object.number_if("source_bits", u64::from(flow.source_bits));
}

/// Packets and bytes by direction; bytes count the link layer where it is known.
pub(super) fn counters(flow: &Flow, object: &mut Object<'_>) {
    let bytes = |frames, ip| if frames == 0 { ip } else { frames };
    object.number("pkts_toserver", flow.orig_packets);
    object.number("pkts_toclient", flow.resp_packets);
    object.number("bytes_toserver", bytes(flow.orig_frame_bytes, flow.orig_bytes));
    object.number("bytes_toclient", bytes(flow.resp_frame_bytes, flow.resp_bytes));
}

/// The difference of the whole seconds of both ends.
fn age(flow: &Flow) -> u64 {
    let seconds = flow.end_us.div_euclid(SECOND_US) - flow.start_us.div_euclid(SECOND_US);
    u64::try_from(seconds).unwrap_or(0)
}

/// Suricata's word, or what Zeek's state comes to in it.
fn state(flow: &Flow) -> &str {
    match (flow.state.as_str(), flow.conn_state.as_str()) {
        ("", "" | "S0" | "SH" | "SHR" | "REJ") => "new",
        ("", "S1" | "S2" | "S3" | "OTH") => "established",
        // A datagram was answered: there is nothing to close.
        ("", "SF") if !is_tcp(flow) => "established",
        ("", _) => "closed",
        (state, _) => state,
    }
}

fn is_tcp(flow: &Flow) -> bool {
    flow.orig_tcp_flags | flow.resp_tcp_flags != 0
}

/// Suricata's reason: a flow that was closed waits for its timeout there.
fn reason(end_reason: &str) -> &str {
    match end_reason {
        "closed" => "timeout",
        "evicted" => "forced",
        reason => reason,
    }
}

/// The flags seen, by direction and together, and the state.
pub(super) fn tcp(flow: &Flow, object: &mut Object<'_>) {
    const NAMES: [(u32, &str); 8] = [
        (2, "syn"),
        (1, "fin"),
        (4, "rst"),
        (8, "psh"),
        (16, "ack"),
        (32, "urg"),
        (64, "ecn"),
        (128, "cwr"),
    ];
    let both = flow.orig_tcp_flags | flow.resp_tcp_flags;
    for (name, flags) in [
        ("tcp_flags", both),
        ("tcp_flags_ts", flow.orig_tcp_flags),
        ("tcp_flags_tc", flow.resp_tcp_flags),
    ] {
        object.plain(name, |out| super::json::hex((flags & 0xff) as u8, out));
    }
    for (bit, name) in NAMES {
        object.true_if(name, both & bit != 0);
    }
    object.text_if("state", tcp_state(flow));
}

/// Suricata's word, or what Zeek's state comes to in it: the peer of a client that has closed waits to close, and the other way round.
fn tcp_state(flow: &Flow) -> &str {
    match (flow.tcp_state.as_str(), flow.conn_state.as_str()) {
        ("", "S0" | "SH") => "syn_sent",
        ("", "S1") => "established",
        ("", "S2") => "close_wait",
        ("", "S3") => "fin_wait1",
        ("", "SF" | "REJ" | "RSTO" | "RSTR" | "RSTOS0" | "RSTRH") => "closed",
        (state, _) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;
    use crate::Body;
    use serde_json::json;

    #[test]
    fn a_flow_is_told_in_suricatas_words() {
        let check = |flow: Flow, path: &str, expect: serde_json::Value| {
            let line = line(17, Body::Flow(flow));
            assert_eq!(line.pointer(path), Some(&expect), "{path}");
        };
        let ends = |start_us, end_us| Flow {
            start_us,
            end_us,
            ..Flow::default()
        };
        check(ends(1_900_000, 2_100_000), "/flow/age", json!(1));
        check(ends(1_100_000, 1_900_000), "/flow/age", json!(0));
        check(ends(2_000_000, 1_000_000), "/flow/age", json!(0));
        let state = |conn_state: &str, resp_tcp_flags| Flow {
            conn_state: conn_state.into(),
            resp_tcp_flags,
            ..Flow::default()
        };
        check(state("SF", 0), "/flow/state", json!("established"));
        check(state("SF", 16), "/flow/state", json!("closed"));
        check(state("S0", 0), "/flow/state", json!("new"));
        let bytes = |orig_frame_bytes| Flow {
            orig_bytes: 60,
            orig_frame_bytes,
            ..Flow::default()
        };
        check(bytes(74), "/flow/bytes_toserver", json!(74));
        check(bytes(0), "/flow/bytes_toserver", json!(60));
        let failed = Flow {
            app_failed: true,
            ..Flow::default()
        };
        check(failed, "/app_proto", json!("failed"));
    }

    #[test]
    fn what_rules_left_behind_is_told_beside_the_flow() {
        let variable = |name: &str, value: &[u8]| Variable {
            name: name.into(),
            value: value.to_vec(),
        };
        let flow = Flow {
            app: "tls".into(),
            app_before: "http".into(),
            transactions: 2,
            bits: vec![
                "ET.evil".into(),
                "traffic/id/curl".into(),
                "traffic/label/cli".into(),
            ],
            variables: vec![variable("uid", b"0\x01")],
            packet_variables: vec![variable("gid", b"7")],
            ..Flow::default()
        };
        let line = line(6, Body::Flow(flow));
        assert_eq!(
            line["metadata"],
            json!({ "flowvars": [{ "uid": "0." }], "pktvars": [{ "gid": "7" }], "flowbits": ["ET.evil"] })
        );
        assert_eq!(line["traffic"], json!({ "id": ["curl"], "label": ["cli"] }));
        assert_eq!(
            (&line["app_proto_orig"], &line["flow"]["tx_cnt"]),
            (&json!("http"), &json!(2))
        );
    }

    #[test]
    fn where_a_connection_stands_is_told_in_suricatas_words() {
        let check = |conn_state: &str, expect: serde_json::Value| {
            let flow = Flow {
                conn_state: conn_state.into(),
                ..Flow::default()
            };
            assert_eq!(line(6, Body::Flow(flow))["tcp"]["state"], expect, "{conn_state}");
        };
        check("S0", json!("syn_sent"));
        check("S1", json!("established"));
        check("S2", json!("close_wait"));
        check("S3", json!("fin_wait1"));
        check("SF", json!("closed"));
        check("RSTO", json!("closed"));
        check("OTH", json!(null));
    }

    #[test]
    fn tcp_flags_are_told_by_direction() {
        let flow = Flow {
            orig_tcp_flags: 0x1b,
            resp_tcp_flags: 0x12,
            tcp_state: "closed".into(),
            ..Flow::default()
        };
        assert_eq!(
            line(6, Body::Flow(flow))["tcp"],
            json!({ "tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "12", "syn": true, "fin": true, "psh": true,
                "ack": true, "state": "closed" })
        );
    }
}
