//! `http`.

use super::json::Object;
use crate::proto::Http;

/// One transaction, with what Suricata calls its extended fields.
pub(super) fn describe(http: &Http, object: &mut Object<'_>) {
    object.text_if("hostname", &http.host);
    object.number_if("http_port", http.port);
    object.text_if("url", &http.uri);
    object.text_if("http_user_agent", &http.user_agent);
    object.text_if("http_content_type", &http.content_type);
    object.object("content_range", |range| content_range(&http.content_range, range));
    object.text_if("http_refer", &http.referrer);
    object.text_if("http_method", &http.method);
    object.text_if("protocol", &http.version);
    object.number_if("status", http.status_code);
    object.text_if("redirect", &http.location);
    object.number("length", http.response_body_len);
    object.number("request_length", http.request_body_len);
    object.text_if("xff", &http.x_forwarded_for);
    object.text_if("server", &http.server);
    object.text_if("username", &http.username);
}

/// `bytes 10-20/69` or `bytes 10-20/*` (RFC 9110 section 14.4), with its numbers where they can be read.
fn content_range(raw: &str, object: &mut Object<'_>) {
    object.text_if("raw", raw);
    let Some((range, size)) = raw.trim_start_matches("bytes").trim().split_once('/') else {
        return;
    };
    let ends = range.split_once('-').unwrap_or(("", ""));
    for (name, digits) in [("start", ends.0), ("end", ends.1), ("size", size)] {
        if let Ok(number) = digits.trim().parse::<u64>() {
            object.number(name, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;
    use crate::Body;
    use serde_json::json;

    #[test]
    fn a_content_range_is_read() {
        let check = |raw: &str, expect: serde_json::Value| {
            let http = Http {
                content_range: raw.into(),
                ..Http::default()
            };
            assert_eq!(line(6, Body::Http(http))["http"]["content_range"], expect);
        };
        check(
            "bytes 10-20/69",
            json!({ "raw": "bytes 10-20/69", "start": 10, "end": 20, "size": 69 }),
        );
        check("bytes */69", json!({ "raw": "bytes */69", "size": 69 }));
        check(
            "bytes 1-2/*",
            json!({ "raw": "bytes 1-2/*", "start": 1, "end": 2 }),
        );
        check("none", json!({ "raw": "none" }));
        check("", json!(null));
    }
}
