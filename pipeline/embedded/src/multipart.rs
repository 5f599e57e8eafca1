//! Bodies of `multipart/form-data` (RFC 7578): fields that stand for parameters of the URL.
//!
//! The `clickhouse` crate sends a statement with `param_*` that way, and the Play page may. Fields that are files
//! (ClickHouse's external tables) are refused.
//!
//! ```text
//! --BOUNDARY CRLF
//! Content-Disposition: form-data; name="NAME" CRLF
//! CRLF
//! VALUE CRLF
//! --BOUNDARY-- CRLF
//! ```

use crate::exception::{Exception, code};

/// The boundary, if a `Content-Type` says that the body is such a form.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(parameters, "boundary").filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
}

/// Finds `name=value` or `name="value"` among parameters parted by semicolons.
fn parameter<'text>(parameters: &'text str, name: &str) -> Option<&'text str> {
    parameters.split(';').find_map(|entry| {
        let (key, value) = entry.split_once('=')?;
        let value = value.trim();
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        key.trim().eq_ignore_ascii_case(name).then_some(bare)
    })
}

/// The fields of a form, in their order.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<(String, String)>, Exception> {
    // With a line end before it, the first delimiter is like the others.
    let text = [b"\r\n", body].concat();
    let delimiter = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    let (_, mut rest) = cut(&text, delimiter.as_bytes()).ok_or_else(|| broken("no field begins"))?;
    while !rest.starts_with(b"--") {
        let rest_of_line = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let part = rest.get(rest_of_line..).unwrap_or_default();
        let (content, after) =
            cut(part, delimiter.as_bytes()).ok_or_else(|| broken("a field does not end"))?;
        // A part without headers begins with two line ends, one with headers with one.
        let (headers, value) = cut(content, b"\r\n\r\n").ok_or_else(|| broken("a field has no headers"))?;
        let name = name(headers)?;
        let value = String::from_utf8(value.to_vec()).map_err(|_| broken("a field is not UTF-8"))?;
        fields.push((name, value));
        rest = after;
    }
    Ok(fields)
}

/// The text before and after a needle.
fn cut<'text>(text: &'text [u8], needle: &[u8]) -> Option<(&'text [u8], &'text [u8])> {
    let at = text
        .windows(needle.len().max(1))
        .position(|window| window == needle)?;
    Some((text.get(..at)?, text.get(at.checked_add(needle.len())?..)?))
}

fn name(headers: &[u8]) -> Result<String, Exception> {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(|| broken("a field has no Content-Disposition"))?;
    if parameter(disposition, "filename").is_some() {
        return Err(Exception::new(
            code::NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            "External tables in a form are not supported by the embedded engine.",
        ));
    }
    parameter(disposition, "name")
        .map(str::to_owned)
        .ok_or_else(|| broken("a field has no name"))
}

fn broken(what: &str) -> Exception {
    Exception::new(
        36,
        "BAD_ARGUMENTS",
        format_args!("The form in the request body cannot be read: {what}."),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn boundaries_are_found() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            (
                "Multipart/Form-Data; charset=utf-8; boundary=\"a c\"",
                Some("a c"),
            ),
            ("multipart/form-data; boundary=", None),
            ("text/plain; boundary=abc", None),
            ("application/x-www-form-urlencoded", None),
        ] {
            assert_eq!(boundary(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn fields_are_read() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT\r\n1\r\n--b\r\n\
                    content-type: text/plain\r\ncontent-disposition: form-data; name=param_x\r\n\r\n\r\n--b--\r\n";
        let read = fields(body.as_bytes(), "b").unwrap();
        assert_eq!(
            read,
            [
                ("query".to_owned(), "SELECT\r\n1".to_owned()),
                ("param_x".to_owned(), String::new())
            ]
        );
    }

    #[test]
    fn what_is_refused() {
        for (body, code) in [
            ("", 36),
            ("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1", 36),
            ("--b\r\n\r\n1\r\n--b--", 36),
            (
                "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"y\"\r\n\r\n1\r\n--b--",
                48,
            ),
        ] {
            assert_eq!(fields(body.as_bytes(), "b").unwrap_err().code, code, "{body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn never_panics(body in "(--b|\r\n|: |;|=|\"|name|content-disposition|[a-z]){0,30}") {
            let _ = fields(body.as_bytes(), "b");
        }
    }
}
