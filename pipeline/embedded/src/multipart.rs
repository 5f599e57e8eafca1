//! Bodies of `multipart/form-data` (RFC 7578): fields that stand for parameters of the URL, and files, which are
//! ClickHouse's external tables.
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

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
    /// Whether it has a file name.
    pub(crate) is_file: bool,
}

/// The fields of a form, in their order.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<Field>, Exception> {
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
        let (name, is_file) = name(headers)?;
        fields.push(Field {
            name,
            value: value.to_vec(),
            is_file,
        });
        rest = after;
    }
    Ok(fields)
}

/// The text before and after a needle.
fn cut<'text>(text: &'text [u8], needle: &[u8]) -> Option<(&'text [u8], &'text [u8])> {
    let at = memchr::memmem::find(text, needle)?;
    Some((text.get(..at)?, text.get(at.checked_add(needle.len())?..)?))
}

/// The name of a field, and whether it is a file.
fn name(headers: &[u8]) -> Result<(String, bool), Exception> {
    let headers = String::from_utf8_lossy(headers);
    let disposition = headers
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(|| broken("a field has no Content-Disposition"))?;
    parameter(disposition, "name")
        .map(|name| (name.to_owned(), parameter(disposition, "filename").is_some()))
        .ok_or_else(|| broken("a field has no name"))
}

fn broken(what: &str) -> Exception {
    Exception::new(
        code::BAD_ARGUMENTS,
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
                    content-type: text/plain\r\ncontent-disposition: form-data; name=param_x\r\n\r\n\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"t\"; filename=\"t.csv\"\r\n\r\n\u{1}\r\n--b--\r\n";
        let read = fields(body.as_bytes(), "b").unwrap();
        assert_eq!(
            read.iter()
                .map(|field| (field.name.as_str(), field.value.as_slice(), field.is_file))
                .collect::<Vec<_>>(),
            [
                ("query", b"SELECT\r\n1".as_slice(), false),
                ("param_x", b"", false),
                ("t", b"\x01", true)
            ]
        );
    }

    #[test]
    fn what_is_refused() {
        for (body, code) in [
            ("", 36),
            ("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1", 36),
            ("--b\r\n\r\n1\r\n--b--", 36),
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
