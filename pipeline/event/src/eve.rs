//! Suricata's EVE JSON form of an event, one object a line.
//!
//! `src_ip` is the side that opened the flow, also where Suricata turns the pair round for an answer. `event_type` is
//! Suricata's where it has one (`flow`, `dns`, `http`, `tls`, `fileinfo`, `alert`, `anomaly`, `stats`); `yara` is ours. Our own ids
//! stand under `vonggac`.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::proto::{self, Counter, Event, event::Body};
use crate::{EventId, parse_address, protocol_name};

/// Appends the EVE line of `event`, with its line end.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let mut line = Map::new();
    let mut put = |name: &str, value: Json| line.insert(name.to_owned(), value);
    put("timestamp", json!(timestamp(event.ts_us)));
    if event.flow_id != 0 {
        put("flow_id", json!(event.flow_id));
    }
    if !event.sensor.is_empty() {
        put("host", json!(event.sensor));
    }
    if event.vlan != 0 {
        put("vlan", json!([event.vlan]));
    }
    for (ip, port, address, number) in [
        ("src_ip", "src_port", &event.src, event.sport),
        ("dest_ip", "dest_port", &event.dst, event.dport),
    ] {
        if let Some(address) = parse_address(address) {
            put(ip, json!(address.to_string()));
            if matches!(event.proto, 6 | 17 | 132) {
                put(port, json!(number));
            }
        }
    }
    if event.proto != 0 {
        put("proto", json!(proto_text(event.proto)));
    }
    if !event.community_id.is_empty() {
        put("community_id", json!(event.community_id));
    }
    if let Some(id) = EventId::from_bytes(&event.event_id) {
        put(
            "vonggac",
            json!({ "event_id": id.to_string(), "tenant": event.tenant, "exercise_id": event.exercise_id }),
        );
    }
    if let Some(body) = &event.body {
        let (kind, name, value) = body_json(body);
        put("event_type", json!(kind));
        if let Body::Signature(signature) = body {
            put("app_proto", json!(signature.app));
        }
        if let Body::Flow(flow) = body {
            if !flow.app.is_empty() {
                put("app_proto", json!(flow.app));
            }
            if event.proto == 6 {
                put("tcp", tcp_json(flow));
            }
        }
        put(name, value);
    }
    // A map of strings and numbers always serialises; a vector always takes the bytes.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}

fn body_json(body: &Body) -> (&'static str, &'static str, Json) {
    match body {
        Body::Flow(flow) => ("flow", "flow", flow_json(flow)),
        Body::Dns(dns) => ("dns", "dns", dns_json(dns)),
        Body::Http(http) => ("http", "http", http_json(http)),
        Body::Tls(tls) => ("tls", "tls", tls_json(tls)),
        Body::File(file) => ("fileinfo", "fileinfo", file_json(file)),
        Body::Signature(signature) => ("alert", "alert", signature_json(signature)),
        Body::Yara(yara) => ("yara", "yara", yara_json(yara)),
        Body::Anomaly(anomaly) => (
            "anomaly",
            "anomaly",
            json!({ "type": "applayer", "layer": anomaly.layer, "event": anomaly.kind, "detail": anomaly.detail }),
        ),
        Body::Stats(stats) => ("stats", "stats", stats_json(stats)),
    }
}

fn flow_json(flow: &proto::Flow) -> Json {
    json!({
        "pkts_toserver": flow.orig_packets,
        "pkts_toclient": flow.resp_packets,
        "bytes_toserver": flow.orig_bytes,
        "bytes_toclient": flow.resp_bytes,
        "start": timestamp(flow.start_us),
        "end": timestamp(flow.end_us),
        "age": flow.end_us.saturating_sub(flow.start_us) / 1_000_000,
        "state": state_text(&flow.conn_state),
        "conn_state": flow.conn_state,
        "reason": if flow.end_reason == "closed" { "timeout" } else { flow.end_reason.as_str() },
        "alerted": flow.signatures > 0,
        "missed_bytes": flow.missed_bytes,
    })
}

/// Suricata's word for a Zeek state.
fn state_text(conn_state: &str) -> &'static str {
    match conn_state {
        "S0" | "SH" | "SHR" | "REJ" => "new",
        "S1" | "S2" | "S3" | "OTH" => "established",
        "" => "new",
        _ => "closed",
    }
}

fn tcp_json(flow: &proto::Flow) -> Json {
    let both = flow.orig_tcp_flags | flow.resp_tcp_flags;
    let mut tcp = json!({
        "tcp_flags": format!("{both:02x}"),
        "tcp_flags_ts": format!("{:02x}", flow.orig_tcp_flags),
        "tcp_flags_tc": format!("{:02x}", flow.resp_tcp_flags),
    });
    if let Some(map) = tcp.as_object_mut() {
        for (bit, name) in [
            (1, "fin"),
            (2, "syn"),
            (4, "rst"),
            (8, "psh"),
            (16, "ack"),
            (32, "urg"),
        ] {
            if both & bit != 0 {
                map.insert(name.to_owned(), json!(true));
            }
        }
    }
    tcp
}

fn dns_json(dns: &proto::Dns) -> Json {
    let answers: Vec<Json> = dns
        .answers
        .iter()
        .enumerate()
        .map(|(index, data)| json!({ "rdata": data, "ttl": dns.ttls.get(index).copied().unwrap_or(0) }))
        .collect();
    json!({
        "version": 3,
        "type": if dns.answered { "response" } else { "request" },
        "id": dns.trans_id,
        "rrname": dns.query,
        "rrtype": dns.qtype_name,
        "queries": [{ "rrname": dns.query, "rrtype": dns.qtype_name }],
        "rcode": dns.rcode_name,
        "aa": dns.authoritative, "tc": dns.truncated, "rd": dns.recursion_desired, "ra": dns.recursion_available,
        "answers": answers,
        "rtt_us": dns.rtt_us,
    })
}

fn http_json(http: &proto::Http) -> Json {
    without_empty(json!({
        "hostname": http.host,
        "url": http.uri,
        "http_user_agent": http.user_agent,
        "http_refer": http.referrer,
        "http_method": http.method,
        "protocol": http.version,
        "status": http.status_code,
        "redirect": http.location,
        "http_content_type": http.response_mime,
        "length": http.response_body_len,
        "request_length": http.request_body_len,
        "xff": http.x_forwarded_for,
        "server": http.server,
        "username": http.username,
    }))
}

fn tls_json(tls: &proto::Tls) -> Json {
    let hash = |text: &str| {
        if text.is_empty() {
            json!({})
        } else {
            json!({ "hash": text })
        }
    };
    without_empty(json!({
        "sni": tls.server_name,
        "version": tls.version,
        "cipher": tls.cipher,
        "subject": tls.subject,
        "issuerdn": tls.issuer,
        "serial": tls.serial,
        "fingerprint": tls.fingerprint_sha1,
        "notbefore": if tls.not_before_us == 0 { String::new() } else { second(tls.not_before_us) },
        "notafter": if tls.not_after_us == 0 { String::new() } else { second(tls.not_after_us) },
        "subjectaltname": tls.san_dns,
        "client_alpns": tls.client_alpn,
        "server_alpn": tls.server_alpn,
        "ja3": hash(&tls.ja3),
        "ja3s": hash(&tls.ja3s),
        "ja4": tls.ja4,
        "session_resumed": tls.resumed,
    }))
}

fn file_json(file: &proto::File) -> Json {
    without_empty(json!({
        "filename": file.name,
        "magic": file.mime,
        "state": if file.complete { "CLOSED" } else { "TRUNCATED" },
        "stored": false,
        "size": file.size,
        "gaps": file.missed_bytes > 0,
        "sha256": file.sha256,
        "scan": file.scan,
        "yara": file.yara_rules,
    }))
}

fn signature_json(signature: &proto::Signature) -> Json {
    let mut metadata = Map::new();
    for entry in &signature.metadata {
        let (key, value) = entry.split_once(' ').unwrap_or((entry, ""));
        let list = metadata.entry(key).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!(value));
        }
    }
    without_empty(json!({
        "action": if signature.action == "alert" { "allowed" } else { "blocked" },
        "gid": signature.gid,
        "signature_id": signature.sid,
        "rev": signature.rev,
        "signature": signature.message,
        "category": signature.classtype,
        "severity": signature.priority,
        "metadata": metadata,
        "references": signature.references,
        "rule": signature.rule,
    }))
}

fn yara_json(yara: &proto::Yara) -> Json {
    without_empty(json!({
        "rule": yara.rule, "namespace": yara.namespace, "tags": yara.tags, "metadata": yara.metadata,
        "sha256": yara.sha256, "size": yara.size, "filename": yara.name,
    }))
}

fn stats_json(stats: &proto::Stats) -> Json {
    json!({
        "uptime": stats.uptime_us / 1_000_000,
        "capture": { "packets": stats.packets_received, "bytes": stats.bytes_received },
        "decoder": { "pkts": stats.packets_processed },
        "dropped": counters_json(&stats.dropped),
        "events": stats.events,
        "counters": counters_json(&stats.counters),
    })
}

fn counters_json(counters: &[Counter]) -> Json {
    Json::Object(
        counters
            .iter()
            .map(|counter| (counter.name.clone(), json!(counter.value)))
            .collect(),
    )
}

/// Leaves out what is empty, as Suricata does.
fn without_empty(value: Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(map.into_iter().filter(|(_, value)| !is_empty(value)).collect()),
        other => other,
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Null => true,
        Json::Number(_) | Json::Bool(_) => false,
    }
}

fn proto_text(number: u32) -> String {
    match number {
        58 => "IPv6-ICMP".to_owned(),
        _ => match protocol_name(number) {
            "" => format!("{number:03}"),
            name => name.to_uppercase(),
        },
    }
}

fn timestamp(us: i64) -> String {
    Timestamp::from_microsecond(us)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string())
        .unwrap_or_else(|_| us.to_string())
}

fn second(us: i64) -> String {
    Timestamp::from_microsecond(us)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
        .unwrap_or_else(|_| us.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_reads_as_suricatas_does() {
        let event = Event {
            ts_us: 1_700_000_000_123_456,
            flow_id: 7,
            src: vec![10, 0, 0, 1],
            dst: vec![192, 0, 2, 5],
            sport: 40_000,
            dport: 80,
            proto: 6,
            body: Some(Body::Signature(proto::Signature {
                gid: 1,
                sid: 9_000_001,
                rev: 2,
                message: "m".into(),
                action: "alert".into(),
                priority: 1,
                metadata: vec!["mitre_technique_id T1190".into()],
                ..proto::Signature::default()
            })),
            ..Event::default()
        };
        let mut out = Vec::new();
        write(&event, &mut out);
        let line: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["timestamp"], "2023-11-14T22:13:20.123456+0000");
        assert_eq!(
            (&line["event_type"], &line["proto"]),
            (&json!("alert"), &json!("TCP"))
        );
        assert_eq!(
            (&line["src_ip"], &line["dest_port"]),
            (&json!("10.0.0.1"), &json!(80))
        );
        assert_eq!(line["alert"]["metadata"]["mitre_technique_id"], json!(["T1190"]));
        assert_eq!(out.last(), Some(&b'\n'));
    }

    #[test]
    fn times_out_of_range_are_still_written() {
        let mut out = Vec::new();
        write(
            &Event {
                ts_us: i64::MAX,
                ..Event::default()
            },
            &mut out,
        );
        let line: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["timestamp"], i64::MAX.to_string());
    }
}
