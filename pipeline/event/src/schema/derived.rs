//! Columns that are more than their field: the functions that `read` in `event.proto` names.

use super::Value;
use crate::address::is_icmp;
use crate::proto::{Dns, Event, Flow, Http, Signature};

pub(super) fn protocol(event: &Event) -> Value<'_> {
    Value::text(crate::protocol_name(event.proto))
}

/// 0 is a type, too: the echo reply.
pub(super) fn icmp_type(event: &Event) -> Value<'_> {
    icmp(event, event.icmp_type)
}

pub(super) fn icmp_code(event: &Event) -> Value<'_> {
    icmp(event, event.icmp_code)
}

fn icmp(event: &Event, number: u32) -> Value<'_> {
    if is_icmp(event.proto) {
        Value::Number(u64::from(number))
    } else {
        Value::Null
    }
}

pub(super) fn category(signature: &Signature) -> Value<'_> {
    Value::text(signature.category_text())
}

pub(super) fn duration_us(flow: &Flow) -> Value<'_> {
    let duration_us = flow.end_us.saturating_sub(flow.start_us);
    Value::Number(u64::try_from(duration_us).unwrap_or(0))
}

/// 0 is a response code, too.
pub(super) fn rcode(dns: &Dns) -> Value<'_> {
    if dns.answered {
        Value::Number(u64::from(dns.rcode))
    } else {
        Value::Null
    }
}

pub(super) fn query_length(dns: &Dns) -> Value<'_> {
    Value::Number(dns.query.len() as u64)
}

pub(super) fn url(http: &Http) -> Value<'_> {
    if is_absolute(&http.uri) {
        return Value::text(&http.uri);
    }
    Value::owned(format!("http://{}{}", http.host, http.uri))
}

pub(super) fn uri_stem(http: &Http) -> Value<'_> {
    Value::text(split_uri(&http.uri).0)
}

pub(super) fn uri_query(http: &Http) -> Value<'_> {
    Value::text(split_uri(&http.uri).1)
}

pub(super) fn uri_extension(http: &Http) -> Value<'_> {
    let stem = split_uri(&http.uri).0;
    let file = stem.rsplit_once('/').map_or(stem, |(_, file)| file);
    Value::text(file.rsplit_once('.').map_or("", |(_, extension)| extension))
}

/// Whether a request's target begins with a scheme (RFC 9112 section 3.2.2); a query may hold another URL.
fn is_absolute(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

fn split_uri(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::event::Body;
    use crate::schema::Class;

    #[test]
    fn a_url_is_taken_apart() {
        let check = |uri: &str, name: &str, expect: Option<&str>| {
            let http = Http {
                host: "a.example".into(),
                uri: uri.into(),
                ..Http::default()
            };
            let event = Event {
                body: Some(Body::Http(http)),
                ..Event::default()
            };
            let column = Class::Http.column(name).unwrap();
            let found = (column.read)(&event);
            assert_eq!(found.to_text().as_deref(), expect, "{name} of {uri}");
        };
        check("/p/x.php?q=1", "url", Some("http://a.example/p/x.php?q=1"));
        check("/p/x.php?q=1", "uri_stem", Some("/p/x.php"));
        check("/p/x.php?q=1", "uri_query", Some("q=1"));
        check("/p/x.php?q=1", "uri_extension", Some("php"));
        check("/p.d/x", "uri_extension", None);
        check("http://b.example/", "url", Some("http://b.example/"));
        check(
            "/go?to=http://b.example/",
            "url",
            Some("http://a.example/go?to=http://b.example/"),
        );
    }
}
