//! The table itself.

use super::{Class, Column, Kind, Value};
use crate::proto::{self, Event, event::Body};

macro_rules! column {
    ($name:literal, $kind:ident, [$($alias:literal),*], $read:expr) => {
        Column { name: $name, kind: Kind::$kind, stored: true, aliases: &[$($alias),*], read: $read }
    };
    (derived $name:literal, $kind:ident, [$($alias:literal),*], $read:expr) => {
        Column { name: $name, kind: Kind::$kind, stored: false, aliases: &[$($alias),*], read: $read }
    };
}

/// Columns of every class.
pub static COMMON: &[Column] = &[
    column!("event_id", Id, [], |e| crate::EventId::from_bytes(&e.event_id)
        .map_or(Value::Null, |id| Value::Id(id.0))),
    column!("ts", Time, ["timestamp"], |e| Value::Time(e.ts_us)),
    column!("sensor", LowText, ["host.sensor"], |e| Value::text(&e.sensor)),
    column!("tenant", LowText, [], |e| Value::text(&e.tenant)),
    column!("flow_id", U64, ["uid"], |e| Value::nonzero(e.flow_id)),
    column!("community_id", Text, [], |e| Value::text(&e.community_id)),
    column!("exercise_id", U32, [], |e| Value::Number(u64::from(
        e.exercise_id
    ))),
    column!(
        "src",
        Address,
        ["id.orig_h", "src_ip", "c-ip", "SourceIp", "source.ip"],
        |e| Value::address(&e.src)
    ),
    column!("sport", U16, ["id.orig_p", "src_port", "SourcePort"], |e| {
        Value::nonzero(u64::from(e.sport))
    }),
    column!(
        "dst",
        Address,
        ["id.resp_h", "dst_ip", "dest_ip", "DestinationIp", "s-ip"],
        |e| Value::address(&e.dst)
    ),
    column!(
        "dport",
        U16,
        [
            "id.resp_p",
            "dst_port",
            "dest_port",
            "DestinationPort",
            "cs-port",
            "s-port"
        ],
        |e| Value::nonzero(u64::from(e.dport))
    ),
    column!("proto", LowText, ["transport", "Protocol"], |e| Value::text(
        crate::protocol_name(e.proto)
    )),
    column!("vlan", U16, [], |e| Value::nonzero(u64::from(e.vlan))),
];

/// The columns of `class` alone.
pub(super) fn of(class: Class) -> &'static [Column] {
    match class {
        Class::Flow => FLOW,
        Class::Dns => DNS,
        Class::Http => HTTP,
        Class::Tls => TLS,
        Class::File => FILE,
        Class::Signature => SIGNATURE,
        Class::Yara => YARA,
        Class::Anomaly => ANOMALY,
        Class::Stats => STATS,
    }
}

macro_rules! flow {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Flow(body)) => {
                let read: fn(&proto::Flow) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static FLOW: &[Column] = &[
    column!("start", Time, [], flow!(|b| Value::Time(b.start_us))),
    column!("end", Time, [], flow!(|b| Value::Time(b.end_us))),
    column!(
        "orig_packets",
        U64,
        ["orig_pkts", "flow.pkts_toserver"],
        flow!(|b| Value::Number(b.orig_packets))
    ),
    column!(
        "resp_packets",
        U64,
        ["resp_pkts", "flow.pkts_toclient"],
        flow!(|b| Value::Number(b.resp_packets))
    ),
    column!(
        "orig_bytes",
        U64,
        ["orig_ip_bytes", "flow.bytes_toserver"],
        flow!(|b| Value::Number(b.orig_bytes))
    ),
    column!(
        "resp_bytes",
        U64,
        ["resp_ip_bytes", "flow.bytes_toclient"],
        flow!(|b| Value::Number(b.resp_bytes))
    ),
    column!(
        "app",
        LowText,
        ["service", "app_proto"],
        flow!(|b| Value::text(&b.app))
    ),
    column!("conn_state", LowText, [], flow!(|b| Value::text(&b.conn_state))),
    column!(
        "orig_tcp_flags",
        U8,
        ["tcp.tcp_flags_ts"],
        flow!(|b| Value::nonzero(u64::from(b.orig_tcp_flags)))
    ),
    column!(
        "resp_tcp_flags",
        U8,
        ["tcp.tcp_flags_tc"],
        flow!(|b| Value::nonzero(u64::from(b.resp_tcp_flags)))
    ),
    column!(
        "end_reason",
        LowText,
        ["flow.reason"],
        flow!(|b| Value::text(&b.end_reason))
    ),
    column!("missed_bytes", U64, [], flow!(|b| Value::Number(b.missed_bytes))),
    column!(
        "signatures",
        U32,
        [],
        flow!(|b| Value::Number(u64::from(b.signatures)))
    ),
    column!(derived "duration_us", U64, ["duration"], flow!(|b| Value::Number(u64::try_from(b.end_us.saturating_sub(b.start_us)).unwrap_or(0)))),
];

macro_rules! dns {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Dns(body)) => {
                let read: fn(&proto::Dns) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static DNS: &[Column] = &[
    column!(
        "trans_id",
        U16,
        ["dns.id"],
        dns!(|b| Value::Number(u64::from(b.trans_id)))
    ),
    column!(
        "query",
        Text,
        ["dns.rrname", "QueryName", "dns.query"],
        dns!(|b| Value::text(&b.query))
    ),
    column!("qtype", U16, [], dns!(|b| Value::Number(u64::from(b.qtype)))),
    column!(
        "qtype_name",
        LowText,
        ["record_type", "dns.rrtype"],
        dns!(|b| Value::text(&b.qtype_name))
    ),
    column!("qclass", U16, [], dns!(|b| Value::Number(u64::from(b.qclass)))),
    column!("answered", Bool, [], dns!(|b| Value::Bool(b.answered))),
    column!(
        "rcode",
        U8,
        [],
        dns!(|b| if b.answered {
            Value::Number(u64::from(b.rcode))
        } else {
            Value::Null
        })
    ),
    column!(
        "rcode_name",
        LowText,
        ["dns.rcode"],
        dns!(|b| Value::text(&b.rcode_name))
    ),
    column!(
        "authoritative",
        Bool,
        ["AA"],
        dns!(|b| Value::Bool(b.authoritative))
    ),
    column!("truncated", Bool, ["TC"], dns!(|b| Value::Bool(b.truncated))),
    column!(
        "recursion_desired",
        Bool,
        ["RD"],
        dns!(|b| Value::Bool(b.recursion_desired))
    ),
    column!(
        "recursion_available",
        Bool,
        ["RA"],
        dns!(|b| Value::Bool(b.recursion_available))
    ),
    column!(
        "answers",
        TextList,
        ["answer", "QueryResults"],
        dns!(|b| Value::list(&b.answers))
    ),
    column!("ttls", U32List, [], dns!(|b| Value::U32List(&b.ttls))),
    column!("rtt_us", U64, ["rtt"], dns!(|b| Value::nonzero(b.rtt_us))),
    column!(derived "query_length", U16, [], dns!(|b| Value::Number(b.query.len() as u64))),
];

macro_rules! http {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Http(body)) => {
                let read: fn(&proto::Http) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static HTTP: &[Column] = &[
    column!(
        "trans_depth",
        U32,
        [],
        http!(|b| Value::Number(u64::from(b.trans_depth)))
    ),
    column!(
        "method",
        LowText,
        ["cs-method", "http.http_method"],
        http!(|b| Value::text(&b.method))
    ),
    column!(
        "host",
        Text,
        ["cs-host", "http.hostname", "r-dns", "cs-dns"],
        http!(|b| Value::text(&b.host))
    ),
    column!(
        "uri",
        Text,
        ["http.url", "cs-uri"],
        http!(|b| Value::text(&b.uri))
    ),
    column!(
        "version",
        LowText,
        ["http.protocol", "cs-version"],
        http!(|b| Value::text(&b.version))
    ),
    column!(
        "user_agent",
        Text,
        [
            "cs-user-agent",
            "c-useragent",
            "http.http_user_agent",
            "useragent"
        ],
        http!(|b| Value::text(&b.user_agent))
    ),
    column!(
        "referrer",
        Text,
        ["cs-referer", "cs-referrer", "http.http_refer", "referer"],
        http!(|b| Value::text(&b.referrer))
    ),
    column!(
        "username",
        Text,
        ["cs-username"],
        http!(|b| Value::text(&b.username))
    ),
    column!(
        "status_code",
        U16,
        ["sc-status", "http.status"],
        http!(|b| Value::nonzero(u64::from(b.status_code)))
    ),
    column!("status_msg", LowText, [], http!(|b| Value::text(&b.status_msg))),
    column!(
        "request_body_len",
        U64,
        ["cs-bytes"],
        http!(|b| Value::Number(b.request_body_len))
    ),
    column!(
        "response_body_len",
        U64,
        ["sc-bytes", "http.length"],
        http!(|b| Value::Number(b.response_body_len))
    ),
    column!(
        "request_mime",
        LowText,
        ["orig_mime_types"],
        http!(|b| Value::text(&b.request_mime))
    ),
    column!(
        "response_mime",
        LowText,
        ["resp_mime_types", "http.http_content_type"],
        http!(|b| Value::text(&b.response_mime))
    ),
    column!(
        "location",
        Text,
        ["http.redirect"],
        http!(|b| Value::text(&b.location))
    ),
    column!("server", Text, [], http!(|b| Value::text(&b.server))),
    column!(
        "cookie_present",
        Bool,
        [],
        http!(|b| Value::Bool(b.cookie_present))
    ),
    column!(
        "x_forwarded_for",
        Text,
        ["http.xff"],
        http!(|b| Value::text(&b.x_forwarded_for))
    ),
    column!(derived "url", Text, ["c-uri"], http!(|b| url(b))),
    column!(derived "uri_stem", Text, ["cs-uri-stem"], http!(|b| Value::text(split_uri(&b.uri).0))),
    column!(derived "uri_query", Text, ["cs-uri-query", "c-uri-query"], http!(|b| Value::text(split_uri(&b.uri).1))),
    column!(derived "uri_extension", Text, ["c-uri-extension"], http!(|b| Value::text(extension(&b.uri)))),
];

macro_rules! tls {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Tls(body)) => {
                let read: fn(&proto::Tls) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static TLS: &[Column] = &[
    column!(
        "version",
        LowText,
        ["tls.version"],
        tls!(|b| Value::text(&b.version))
    ),
    column!("cipher", LowText, [], tls!(|b| Value::text(&b.cipher))),
    column!(
        "server_name",
        Text,
        ["tls.sni"],
        tls!(|b| Value::text(&b.server_name))
    ),
    column!(
        "client_alpn",
        TextList,
        ["tls.client_alpns"],
        tls!(|b| Value::list(&b.client_alpn))
    ),
    column!(
        "server_alpn",
        LowText,
        ["next_protocol", "tls.server_alpn"],
        tls!(|b| Value::text(&b.server_alpn))
    ),
    column!("ja3", Text, ["tls.ja3.hash"], tls!(|b| Value::text(&b.ja3))),
    column!("ja3s", Text, ["tls.ja3s.hash"], tls!(|b| Value::text(&b.ja3s))),
    column!("ja4", Text, ["tls.ja4"], tls!(|b| Value::text(&b.ja4))),
    column!("established", Bool, [], tls!(|b| Value::Bool(b.established))),
    column!("resumed", Bool, [], tls!(|b| Value::Bool(b.resumed))),
    column!(
        "subject",
        Text,
        ["tls.subject", "certificate.subject"],
        tls!(|b| Value::text(&b.subject))
    ),
    column!(
        "issuer",
        Text,
        ["tls.issuerdn", "certificate.issuer"],
        tls!(|b| Value::text(&b.issuer))
    ),
    column!(
        "serial",
        Text,
        ["tls.serial", "certificate.serial"],
        tls!(|b| Value::text(&b.serial))
    ),
    column!(
        "fingerprint_sha1",
        Text,
        ["tls.fingerprint"],
        tls!(|b| Value::text(&b.fingerprint_sha1))
    ),
    column!(
        "fingerprint_sha256",
        Text,
        [],
        tls!(|b| Value::text(&b.fingerprint_sha256))
    ),
    column!(
        "not_before",
        Time,
        ["tls.notbefore"],
        tls!(|b| if b.not_before_us == 0 {
            Value::Null
        } else {
            Value::Time(b.not_before_us)
        })
    ),
    column!(
        "not_after",
        Time,
        ["tls.notafter"],
        tls!(|b| if b.not_after_us == 0 {
            Value::Null
        } else {
            Value::Time(b.not_after_us)
        })
    ),
    column!(
        "san_dns",
        TextList,
        ["san.dns"],
        tls!(|b| Value::list(&b.san_dns))
    ),
];

macro_rules! file {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::File(body)) => {
                let read: fn(&proto::File) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static FILE: &[Column] = &[
    column!("source", LowText, [], file!(|b| Value::text(&b.source))),
    column!(
        "from_responder",
        Bool,
        [],
        file!(|b| Value::Bool(b.from_responder))
    ),
    column!(
        "name",
        Text,
        ["filename", "fileinfo.filename"],
        file!(|b| Value::text(&b.name))
    ),
    column!("mime", LowText, ["mime_type"], file!(|b| Value::text(&b.mime))),
    column!(
        "size",
        U64,
        ["seen_bytes", "fileinfo.size"],
        file!(|b| Value::Number(b.size))
    ),
    column!(
        "missed_bytes",
        U64,
        ["missing_bytes"],
        file!(|b| Value::Number(b.missed_bytes))
    ),
    column!("complete", Bool, [], file!(|b| Value::Bool(b.complete))),
    column!(
        "sha256",
        Text,
        ["fileinfo.sha256"],
        file!(|b| Value::text(&b.sha256))
    ),
    column!("scan", LowText, [], file!(|b| Value::text(&b.scan))),
    column!("yara_rules", TextList, [], file!(|b| Value::list(&b.yara_rules))),
    column!("host", Text, [], file!(|b| Value::text(&b.host))),
    column!("uri", Text, [], file!(|b| Value::text(&b.uri))),
];

macro_rules! signature {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Signature(body)) => {
                let read: fn(&proto::Signature) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static SIGNATURE: &[Column] = &[
    column!(
        "gid",
        U32,
        ["alert.gid"],
        signature!(|b| Value::Number(u64::from(b.gid)))
    ),
    column!(
        "sid",
        U32,
        ["alert.signature_id"],
        signature!(|b| Value::Number(u64::from(b.sid)))
    ),
    column!(
        "rev",
        U32,
        ["alert.rev"],
        signature!(|b| Value::Number(u64::from(b.rev)))
    ),
    column!(
        "message",
        Text,
        ["alert.signature", "msg"],
        signature!(|b| Value::text(&b.message))
    ),
    column!(
        "classtype",
        LowText,
        ["alert.category"],
        signature!(|b| Value::text(&b.classtype))
    ),
    column!(
        "priority",
        U8,
        ["alert.severity"],
        signature!(|b| Value::Number(u64::from(b.priority)))
    ),
    column!(
        "action",
        LowText,
        ["alert.action"],
        signature!(|b| Value::text(&b.action))
    ),
    column!("metadata", TextList, [], signature!(|b| Value::list(&b.metadata))),
    column!(
        "references",
        TextList,
        [],
        signature!(|b| Value::list(&b.references))
    ),
    column!(
        "direction",
        LowText,
        [],
        signature!(|b| Value::text(&b.direction))
    ),
    column!("app", LowText, ["app_proto"], signature!(|b| Value::text(&b.app))),
    column!(
        "payload",
        Text,
        [],
        signature!(|b| Value::owned(String::from_utf8_lossy(&b.payload).into_owned()))
    ),
    column!("rule", Text, [], signature!(|b| Value::text(&b.rule))),
];

macro_rules! yara {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Yara(body)) => {
                let read: fn(&proto::Yara) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static YARA: &[Column] = &[
    column!("rule", Text, [], yara!(|b| Value::text(&b.rule))),
    column!("namespace", LowText, [], yara!(|b| Value::text(&b.namespace))),
    column!("tags", TextList, [], yara!(|b| Value::list(&b.tags))),
    column!("metadata", TextList, [], yara!(|b| Value::list(&b.metadata))),
    column!("sha256", Text, [], yara!(|b| Value::text(&b.sha256))),
    column!("size", U64, [], yara!(|b| Value::Number(b.size))),
    column!("source", LowText, [], yara!(|b| Value::text(&b.source))),
    column!("name", Text, ["filename"], yara!(|b| Value::text(&b.name))),
    column!("text", Text, [], yara!(|b| Value::text(&b.text))),
];

macro_rules! anomaly {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Anomaly(body)) => {
                let read: fn(&proto::Anomaly) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static ANOMALY: &[Column] = &[
    column!(
        "layer",
        LowText,
        ["anomaly.layer"],
        anomaly!(|b| Value::text(&b.layer))
    ),
    column!(
        "kind",
        LowText,
        ["anomaly.event"],
        anomaly!(|b| Value::text(&b.kind))
    ),
    column!("detail", Text, [], anomaly!(|b| Value::text(&b.detail))),
];

macro_rules! stats {
    ($read:expr) => {
        |event: &Event| match &event.body {
            Some(Body::Stats(body)) => {
                let read: fn(&proto::Stats) -> Value<'_> = $read;
                read(body)
            }
            _ => Value::Null,
        }
    };
}

static STATS: &[Column] = &[
    column!("uptime_us", U64, [], stats!(|b| Value::Number(b.uptime_us))),
    column!(
        "packets_received",
        U64,
        [],
        stats!(|b| Value::Number(b.packets_received))
    ),
    column!(
        "packets_processed",
        U64,
        [],
        stats!(|b| Value::Number(b.packets_processed))
    ),
    column!("dropped", Counters, [], stats!(|b| Value::Counters(&b.dropped))),
    column!(
        "bytes_received",
        U64,
        [],
        stats!(|b| Value::Number(b.bytes_received))
    ),
    column!("events", U64, [], stats!(|b| Value::Number(b.events))),
    column!("counters", Counters, [], stats!(|b| Value::Counters(&b.counters))),
];

fn url(http: &proto::Http) -> Value<'_> {
    if http.uri.contains("://") {
        return Value::text(&http.uri);
    }
    Value::owned(format!("http://{}{}", http.host, http.uri))
}

fn split_uri(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

fn extension(uri: &str) -> &str {
    let stem = split_uri(uri).0;
    let file = stem.rsplit_once('/').map_or(stem, |(_, file)| file);
    file.rsplit_once('.').map_or("", |(_, extension)| extension)
}
