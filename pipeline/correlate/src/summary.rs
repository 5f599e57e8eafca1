//! One sentence of an event's essential values.

use vonggac_event::limits::cut;
use vonggac_event::{Body, Class, Event, parse_address, protocol_name};

use crate::SUMMARY_BYTES_MAX;

/// The sentence: `10.1.2.3 → 203.0.113.5:53 query abc.example (A)`.
pub(crate) fn of(event: &Event) -> String {
    let parts = [hosts(event), details(event)];
    let parts: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    clean(&parts.join(" "))
}

/// Control characters out, and cut to length.
pub(crate) fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .take(SUMMARY_BYTES_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    cut(text, SUMMARY_BYTES_MAX)
}

fn hosts(event: &Event) -> String {
    let text = |bytes: &[u8]| parse_address(bytes).map(|address| address.to_canonical().to_string());
    match (text(&event.src), text(&event.dst)) {
        (Some(src), Some(dst)) if event.dport != 0 && dst.contains(':') => {
            format!("{src} → [{dst}]:{}", event.dport)
        }
        (Some(src), Some(dst)) if event.dport != 0 => format!("{src} → {dst}:{}", event.dport),
        (Some(src), Some(dst)) => format!("{src} → {dst}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

fn details(event: &Event) -> String {
    match &event.body {
        Some(Body::Dns(dns)) => {
            let answer = match (dns.answered, dns.answers.first()) {
                (false, _) => ", no answer".to_owned(),
                (true, Some(answer)) => format!(", answer {answer}"),
                (true, None) => format!(", answer {}", dns.rcode_name),
            };
            format!("query {} ({}){answer}", dns.query, dns.qtype_name)
        }
        Some(Body::Http(http)) => {
            let status = match http.status_code {
                0 => "no response".to_owned(),
                code => code.to_string(),
            };
            format!("{} http://{}{}, {status}", http.method, http.host, http.uri)
        }
        Some(Body::Tls(tls)) => format!(
            "TLS to {} ({})",
            or(&tls.server_name, "no server name"),
            or(&tls.ja4, &tls.ja3)
        ),
        Some(Body::Flow(flow)) => format!(
            "{} {} {}, {} B out, {} B in",
            or(protocol_name(event.proto), "flow"),
            flow.app,
            flow.conn_state,
            flow.orig_bytes,
            flow.resp_bytes
        ),
        Some(Body::File(file)) => format!(
            "file {} ({}, {} B, SHA-256 {})",
            or(&file.name, "without name"),
            file.mime,
            file.size,
            or(&file.sha256, "unknown")
        ),
        Some(Body::Signature(signature)) => signature.message.clone(),
        Some(Body::Yara(yara)) => format!(
            "file {} ({} B, SHA-256 {}) matches {}",
            or(&yara.name, "without name"),
            yara.size,
            yara.sha256,
            yara.rule
        ),
        Some(Body::Stats(_)) | None => String::new(),
        Some(_) => key_columns(event),
    }
}

/// `anomaly: layer dns, kind truncated_header`: the name of the class and its key columns.
fn key_columns(event: &Event) -> String {
    let Some(class) = Class::of(event) else {
        return String::new();
    };
    let said: Vec<String> = class
        .info()
        .key
        .iter()
        .filter_map(|name| {
            let value = (class.column(name)?.read)(event);
            Some(format!("{name} {}", value.to_text()?))
        })
        .collect();
    format!("{}: {}", class.name(), said.join(", "))
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vonggac_event::proto::Anomaly;

    #[test]
    fn a_class_without_a_sentence_tells_its_key_columns() {
        let event = Event {
            src: vec![10, 0, 0, 1],
            body: Some(Body::Anomaly(Anomaly {
                layer: "dns".into(),
                kind: "truncated_header".into(),
                ..Anomaly::default()
            })),
            ..Event::default()
        };
        assert_eq!(of(&event), "10.0.0.1 anomaly: layer dns, kind truncated_header");
    }
}
