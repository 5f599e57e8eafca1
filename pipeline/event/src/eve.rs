//! Suricata's EVE JSON form of an event, one object a line, as Suricata 8 writes it; where ours differs by intention, `docs/eve.md` says so.
//!
//! `event_type` is Suricata's where it has one (`flow`, `dns`, `http`, `tls`, `fileinfo`, `alert`, `anomaly`, `stats`); classes that have
//! no object of their own here are written column by column (`plain`), so that a new class needs nothing in this module. Source and
//! destination are the client and the server, or the other way round for what the server sent. Our own ids stand under `vonggac`.

mod alert;
mod anomaly;
mod dns;
mod dns_record;
mod file;
mod flow;
mod http;
mod json;
mod plain;
mod stats;
mod text;
mod tls;

use json::Object;

use crate::address::is_icmp;
use crate::proto::{Dns, Event, event::Body};
use crate::{Class, EventId, parse_address};

/// What is written beside what always is. By default what Suricata writes by its default configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Options {
    /// Alerts: what matched, in base 64.
    pub payload: bool,
    /// Alerts: what matched, as text.
    pub payload_printable: bool,
    /// Alerts: the packet, in base 64.
    pub packet: bool,
    /// Alerts: the rule as it was written.
    pub rule: bool,
    /// Alerts: the rule's references.
    pub references: bool,
    /// Alerts: what became of the packet.
    pub verdict: bool,
    /// Alerts: the rule's metadata, the transaction, its files and the flow.
    pub metadata: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            payload: false,
            payload_printable: false,
            packet: false,
            rule: false,
            references: false,
            verdict: false,
            metadata: true,
        }
    }
}

/// Appends the lines of `event`, each with its end: two for a DNS question and its answer, one for all else.
pub fn write(event: &Event, options: &Options, out: &mut Vec<u8>) {
    if let Some(Body::Dns(dns)) = &event.body {
        return exchange(event, dns, out);
    }
    let head = Head {
        ts_us: event.ts_us,
        packet: event.packet,
        is_turned: comes_from_server(event),
    };
    line(out, |object| {
        envelope(event, &head, object);
        if let Some(body) = &event.body {
            describe(event, body, options, object);
        }
    });
}

/// What the two lines of an exchange do not share.
struct Head {
    ts_us: i64,
    /// Number of the packet in the capture file; 0 for none.
    packet: u64,
    /// Whether the source is the server.
    is_turned: bool,
}

fn exchange(event: &Event, dns: &Dns, out: &mut Vec<u8>) {
    if dns.query_seen || !dns.answered {
        let packet = if dns.query_packet == 0 && !dns.answered {
            event.packet
        } else {
            dns.query_packet
        };
        let head = Head {
            ts_us: event.ts_us,
            packet,
            is_turned: false,
        };
        line(out, |object| {
            envelope(event, &head, object);
            object.object("dns", |object| dns::request(dns, event.tx_id, object));
        });
    }
    if dns.answered {
        let rtt_us = i64::try_from(dns.rtt_us).unwrap_or(i64::MAX);
        let head = Head {
            ts_us: event.ts_us.saturating_add(rtt_us),
            packet: event.packet,
            is_turned: true,
        };
        line(out, |object| {
            envelope(event, &head, object);
            object.object("dns", |object| dns::response(dns, object));
        });
    }
}

fn line(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    Object::write(out, fill);
    out.push(b'\n');
}

fn comes_from_server(event: &Event) -> bool {
    match &event.body {
        Some(Body::Signature(signature)) => alert::is_to_client(signature),
        Some(Body::Anomaly(anomaly)) => anomaly.direction == "to_client",
        Some(Body::File(file)) => file.from_responder,
        _ => false,
    }
}

fn envelope(event: &Event, head: &Head, line: &mut Object<'_>) {
    let class = Class::of(event);
    text::timestamp(line, "timestamp", head.ts_us);
    line.number_if("flow_id", event.flow_id);
    line.text_if("host", &event.sensor);
    line.number_if("pcap_cnt", head.packet);
    if let Some(class) = class {
        line.text("event_type", class.info().eve);
    }
    line.list("vlan", |list| {
        for id in [event.outer_vlan, event.middle_vlan, event.vlan]
            .into_iter()
            .filter(|&id| id != 0)
        {
            list.number(id);
        }
    });
    endpoints(event, head.is_turned, line);
    if event.proto != 0 {
        text::protocol(line, "proto", event.proto);
    }
    match event.src.len() {
        4 => line.number("ip_v", 4_u32),
        16 => line.number("ip_v", 6_u32),
        _ => {}
    }
    if is_icmp(event.proto) {
        line.number("icmp_type", event.icmp_type);
        line.number("icmp_code", event.icmp_code);
    }
    if !matches!(class, None | Some(Class::Flow | Class::Stats)) {
        let source = if event.at_flow_end {
            "stream (flow timeout)"
        } else {
            "wire/pcap"
        };
        line.text("pkt_src", source);
    }
    line.text_if("community_id", &event.community_id);
    if let Some(tx_id) = event.tx_id.filter(|_| has_transaction(event)) {
        line.number("tx_id", tx_id);
    }
    ours(event, line);
}

/// Whether the line's transaction is told beside the object; DNS and files tell it within.
fn has_transaction(event: &Event) -> bool {
    !matches!(event.body, Some(Body::Dns(_) | Body::File(_)))
}

/// Both addresses, and the ports of protocols that have them.
fn endpoints(event: &Event, is_turned: bool, object: &mut Object<'_>) {
    let opener = (&event.src, event.sport);
    let other = (&event.dst, event.dport);
    let (source, destination) = if is_turned {
        (other, opener)
    } else {
        (opener, other)
    };
    for (ip, port, (address, number)) in [
        ("src_ip", "src_port", source),
        ("dest_ip", "dest_port", destination),
    ] {
        if let Some(address) = parse_address(address) {
            text::address(object, ip, address);
            // TCP, UDP, SCTP.
            if matches!(event.proto, 6 | 17 | 132) {
                object.number(port, number);
            }
        }
    }
}

fn ours(event: &Event, line: &mut Object<'_>) {
    if let Some(id) = EventId::from_bytes(&event.event_id) {
        line.object("vonggac", |object| {
            object.text("event_id", &id.to_string());
            object.text("tenant", &event.tenant);
            object.number("exercise_id", event.exercise_id);
        });
    }
}

fn describe(event: &Event, body: &Body, options: &Options, line: &mut Object<'_>) {
    match body {
        Body::Flow(flow) => {
            flow::app_proto(flow, line);
            flow::beside(flow, line);
            if flow.icmp_answered {
                line.number("response_icmp_type", flow.resp_icmp_type);
                line.number("response_icmp_code", flow.resp_icmp_code);
            }
            line.object("flow", |object| flow::ended(flow, object));
            if event.proto == 6 {
                line.object("tcp", |object| flow::tcp(flow, object));
            }
        }
        Body::File(file) => {
            let app = if file.app.is_empty() {
                &file.source
            } else {
                &file.app
            };
            line.text_if("app_proto", app);
            if let Some(http) = &file.http {
                line.object("http", |object| http::describe(http, object));
            }
            line.object("fileinfo", |object| file::describe(file, event.tx_id, object));
        }
        Body::Signature(signature) => alert::describe(event, signature, options, line),
        Body::Anomaly(anomaly) => line.object("anomaly", |object| anomaly::describe(anomaly, object)),
        Body::Stats(stats) => line.object("stats", |object| stats::describe(stats, object)),
        _ => application(event, line),
    }
}

/// The object of a class that has no more than that: of most application protocols.
fn application(event: &Event, line: &mut Object<'_>) {
    match (&event.body, Class::of(event)) {
        (Some(Body::Http(http)), _) => line.object("http", |object| http::describe(http, object)),
        (Some(Body::Tls(tls)), _) => line.object("tls", |object| tls::describe(tls, object)),
        (_, Some(class)) => line.object(class.info().eve, |object| plain::describe(event, class, object)),
        (_, None) => {}
    }
}

#[cfg(test)]
#[path = "eve/tests.rs"]
mod tests;
