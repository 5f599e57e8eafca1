//! `dns`, version 3. One event is a question and its answer; Suricata writes a line for each.

use std::io::Write as _;

use super::dns_record;
use super::json::Object;
use crate::proto::{Dns, DnsRecord};

/// Bits of a DNS header's flags (RFC 1035 section 4.1.1), as far as they have a name in EVE.
const FLAGS: [(u32, &str); 6] = [
    (0x8000, "qr"),
    (0x0400, "aa"),
    (0x0200, "tc"),
    (0x0100, "rd"),
    (0x0080, "ra"),
    (0x0040, "z"),
];

/// The question.
pub(super) fn request(dns: &Dns, tx_id: Option<u64>, object: &mut Object<'_>) {
    let flags = if dns.answered {
        dns.query_flags
    } else {
        dns.flags | dns.query_flags
    };
    head(dns, "request", tx_id, flags, object);
    queries(dns, object);
}

/// The answer.
pub(super) fn response(dns: &Dns, object: &mut Object<'_>) {
    head(dns, "response", dns.answer_tx_id, dns.flags, object);
    object.text_if("rcode", &dns.rcode_name);
    queries(dns, object);
    if dns.answer_records.is_empty() {
        bare_answers(dns, object);
    }
    records("answers", &dns.answer_records, object);
    grouped(&dns.answer_records, object);
    records("authorities", &dns.authorities, object);
    records("additionals", &dns.additionals, object);
    object.number_if("rtt_us", dns.rtt_us);
}

fn head(dns: &Dns, kind: &str, tx_id: Option<u64>, flags: u32, object: &mut Object<'_>) {
    object.number("version", 3_u32);
    object.text("type", kind);
    if let Some(tx_id) = tx_id {
        object.number("tx_id", tx_id);
    }
    object.number("id", dns.trans_id);
    object.plain("flags", |out| {
        // A vector takes all bytes.
        let _ = write!(out, "{flags:x}");
    });
    for (bit, name) in FLAGS {
        object.true_if(name, flags & bit != 0);
    }
    object.number("opcode", dns.opcode);
}

fn queries(dns: &Dns, object: &mut Object<'_>) {
    object.list("queries", |list| {
        for question in &dns.questions {
            list.object(|item| {
                item.text("rrname", &question.name);
                item.text("rrtype", &question.type_name);
                item.true_if("rrname_truncated", question.name_truncated);
            });
        }
        if dns.questions.is_empty() && !dns.query.is_empty() {
            list.object(|item| {
                item.text("rrname", &dns.query);
                item.text_if("rrtype", &dns.qtype_name);
            });
        }
    });
}

/// Answers of which only data and times to live are known.
fn bare_answers(dns: &Dns, object: &mut Object<'_>) {
    object.list("answers", |list| {
        for (place, data) in dns.answers.iter().enumerate() {
            list.object(|item| {
                item.number("ttl", dns.ttls.get(place).copied().unwrap_or(0));
                item.text("rdata", data);
            });
        }
    });
}

fn records(name: &str, records: &[DnsRecord], object: &mut Object<'_>) {
    object.list(name, |list| {
        records
            .iter()
            .for_each(|record| list.object(|item| dns_record::describe(record, item)))
    });
}

/// The data of the answers by their types, for types whose data is one text.
fn grouped(answers: &[DnsRecord], object: &mut Object<'_>) {
    object.object("grouped", |groups| {
        for (place, record) in answers.iter().enumerate() {
            let earlier = answers.iter().take(place);
            if earlier
                .map(|earlier| earlier.r#type)
                .any(|kind| kind == record.r#type)
            {
                continue;
            }
            groups.list(&record.type_name, |list| {
                let same = answers.iter().filter(|other| other.r#type == record.r#type);
                same.for_each(|record| dns_record::append_data(record, list));
            });
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::tests::lines;
    use super::*;
    use crate::proto::DnsQuestion;
    use crate::{Body, Event};
    use serde_json::{Value, json};

    fn record(kind: u32, type_name: &str, data: &str) -> DnsRecord {
        DnsRecord {
            name: "a.example".into(),
            r#type: kind,
            type_name: type_name.into(),
            class: 1,
            ttl: 60,
            data: data.into(),
            ..DnsRecord::default()
        }
    }

    fn exchange(answer_records: Vec<DnsRecord>) -> Event {
        Event {
            ts_us: 1_000_000,
            src: vec![10, 0, 0, 1],
            dst: vec![10, 0, 0, 53],
            sport: 40_000,
            dport: 53,
            proto: 17,
            packet: 2,
            tx_id: Some(0),
            body: Some(Body::Dns(Dns {
                trans_id: 7,
                questions: vec![DnsQuestion {
                    name: "a.example".into(),
                    r#type: 1,
                    type_name: "A".into(),
                    class: 1,
                    ..DnsQuestion::default()
                }],
                answered: true,
                rcode_name: "NOERROR".into(),
                query_seen: true,
                query_packet: 1,
                query_flags: 0x100,
                flags: 0x8180,
                rtt_us: 500,
                answer_tx_id: Some(1),
                answer_records,
                ..Dns::default()
            })),
            ..Event::default()
        }
    }

    #[test]
    fn an_exchange_is_a_request_and_a_response() {
        let lines = lines(&exchange(vec![record(1, "A", "192.0.2.1")]));
        let queries = json!([{ "rrname": "a.example", "rrtype": "A" }]);
        assert_eq!(lines.len(), 2);
        let (request, response) = (&lines[0], &lines[1]);
        assert_eq!(
            request["dns"],
            json!({ "version": 3, "type": "request", "tx_id": 0, "id": 7, "flags": "100", "rd": true, "opcode": 0, "queries": queries })
        );
        assert_eq!(
            (&request["src_ip"], &request["pcap_cnt"], &request["timestamp"]),
            (
                &json!("10.0.0.1"),
                &json!(1),
                &json!("1970-01-01T00:00:01.000000+0000")
            )
        );
        assert_eq!(
            response["dns"],
            json!({ "version": 3, "type": "response", "tx_id": 1, "id": 7, "flags": "8180", "qr": true, "rd": true, "ra": true,
                "opcode": 0, "rcode": "NOERROR", "queries": queries,
                "answers": [{ "rrname": "a.example", "rrtype": "A", "ttl": 60, "rdata": "192.0.2.1" }],
                "grouped": { "A": ["192.0.2.1"] }, "rtt_us": 500 })
        );
        assert_eq!(
            (
                &response["src_ip"],
                &response["src_port"],
                &response["pcap_cnt"],
                &response["timestamp"]
            ),
            (
                &json!("10.0.0.53"),
                &json!(53),
                &json!(2),
                &json!("1970-01-01T00:00:01.000500+0000")
            )
        );
    }

    #[test]
    fn data_has_the_form_of_its_type() {
        let check = |kind, type_name: &str, data: &str, path: &str, expect: Value| {
            let lines = lines(&exchange(vec![record(kind, type_name, data)]));
            assert_eq!(lines[1]["dns"].pointer(path), Some(&expect), "{type_name}");
        };
        check(
            28,
            "AAAA",
            "2001:db8::1",
            "/answers/0/rdata",
            json!("2001:0db8:0000:0000:0000:0000:0000:0001"),
        );
        check(
            28,
            "AAAA",
            "2001:db8::1",
            "/grouped/AAAA/0",
            json!("2001:0db8:0000:0000:0000:0000:0000:0001"),
        );
        check(
            15,
            "MX",
            "10 mail.example",
            "/answers/0/rdata",
            json!("mail.example"),
        );
        check(
            33,
            "SRV",
            "20 1 5060 sip.example",
            "/answers/0/srv",
            json!({ "priority": 20, "weight": 1, "port": 5060, "name": "sip.example" }),
        );
        check(
            6,
            "SOA",
            "ns.example root.example 1 7200 900 1209600 86400",
            "/answers/0/soa",
            json!({ "mname": "ns.example", "rname": "root.example", "serial": 1, "refresh": 7200, "retry": 900, "expire": 1_209_600,
                "minimum": 86_400 }),
        );
        check(
            44,
            "SSHFP",
            "0101198c",
            "/answers/0/sshfp",
            json!({ "algo": 1, "type": 1, "fingerprint": "19:8c" }),
        );
    }

    #[test]
    fn a_question_without_answer_is_one_line() {
        let mut event = exchange(Vec::new());
        if let Some(Body::Dns(dns)) = &mut event.body {
            dns.answered = false;
        }
        let lines = lines(&event);
        assert_eq!((lines.len(), &lines[0]["dns"]["type"]), (1, &json!("request")));
    }
}
