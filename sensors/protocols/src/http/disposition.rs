//! What headers say about the file that a body is: its name (RFC 6266), and which part of it the body is (RFC 9110, 14.4).

use super::start_line::{is_filler, trim};
use super::uri;
use std::borrow::Cow;

/// A parameter of a header: its name in lower case, and its value with quotes undone.
pub(super) type Parameter<'v> = (Vec<u8>, Cow<'v, [u8]>);

/// The parameters behind a header's first word.
///
/// Read as browsers read them: blanks anywhere, quotes that do not end, values without quotes up to the next semicolon.
pub(super) fn parameters(value: &[u8]) -> Vec<Parameter<'_>> {
    /// Most parameters read.
    const PARAMETERS_MAX: usize = 32;
    let mut parameters = Vec::new();
    let mut rest = value;
    while let Some(semicolon) = memchr::memchr(b';', rest) {
        let (parameter, behind) = parameter(rest.get(semicolon + 1..).unwrap_or_default());
        parameters.extend(parameter);
        rest = behind;
        if parameters.len() >= PARAMETERS_MAX {
            break;
        }
    }
    parameters
}

/// The value of the first parameter of that name.
pub(super) fn parameter_called<'v>(value: &'v [u8], name: &str) -> Option<Cow<'v, [u8]>> {
    let mut parameters = parameters(value).into_iter();
    let (_, value) = parameters.find(|(called, _)| called == name.as_bytes())?;
    Some(value)
}

/// The name that a Content-Disposition header gives: `filename*` (RFC 8187) before `filename`, as browsers choose.
pub(super) fn file_name(value: &[u8]) -> Option<Vec<u8>> {
    let extended = parameter_called(value, "filename*").and_then(|value| extended_value(&value));
    let plain = || parameter_called(value, "filename").map(Cow::into_owned);
    extended.or_else(plain).filter(|name| !name.is_empty())
}

/// A parameter at the start of the text, and what is behind it.
fn parameter(text: &[u8]) -> (Option<Parameter<'_>>, &[u8]) {
    let end = memchr::memchr2(b'=', b';', text).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = trim(name).to_ascii_lowercase();
    let Some(value) = rest.strip_prefix(b"=") else {
        return (None, rest);
    };
    let start = value.iter().position(|byte| !is_filler(*byte));
    let value = value.get(start.unwrap_or(value.len())..).unwrap_or_default();
    let (value, rest) = match value.strip_prefix(b"\"") {
        Some(quoted) => quoted_value(quoted),
        None => {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (value, rest) = value.split_at(end);
            (Cow::Borrowed(trim(value)), rest)
        }
    };
    (Some((name, value)), rest)
}

/// What stands up to the closing quote, `\` before quotes and itself left out; paths of Windows keep theirs.
fn quoted_value(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let mut value = Vec::new();
    let mut bytes = text.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (Cow::Owned(value), text.get(at + 1..).unwrap_or_default()),
            b'\\' if bytes.peek().is_some_and(|(_, next)| matches!(next, b'"' | b'\\')) => {
                value.extend(bytes.next().map(|(_, next)| *next));
            }
            byte => value.push(*byte),
        }
    }
    (Cow::Owned(value), &[])
}

/// The text of `charset'language'percent-encoded`.
fn extended_value(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (_charset, _language, coded) = (parts.next()?, parts.next()?, parts.next()?);
    Some(uri::decode(coded))
}

/// The part of a file that a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Place of the first byte.
    pub(super) start: u64,
    /// Place of the last byte.
    pub(super) end: u64,
    /// Bytes of the whole file, if they are said.
    pub(super) total: Option<u64>,
}

impl Range {
    /// Reads a Content-Range header.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let unit = text.get(..5)?;
        let range = text.get(5..)?.trim_start_matches([' ', '=', ':']);
        let (places, total) = range.split_once('/')?;
        let (start, end) = places.split_once('-')?;
        let range = Self {
            start: start.trim().parse().ok()?,
            end: end.trim().parse().ok()?,
            total: total.trim().parse().ok(),
        };
        (unit.eq_ignore_ascii_case("bytes") && range.start <= range.end).then_some(range)
    }

    /// Whether it is the whole file.
    pub(super) fn is_all(self) -> bool {
        self.start == 0 && self.total == self.end.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_browsers_read_them() {
        let check = |value: &str, expect: Option<&str>| {
            let name = file_name(value.as_bytes());
            assert_eq!(name.as_deref(), expect.map(str::as_bytes), "{value}");
        };
        check("attachment; filename=\"a b.exe\"", Some("a b.exe"));
        check("attachment; FileName = a.exe ; x=y", Some("a.exe"));
        check("attachment;filename=\"a;b.exe\";size=7", Some("a;b.exe"));
        check("attachment; filename=\"a\\\"b\\\\c.exe\"", Some("a\"b\\c.exe"));
        check("form-data; filename=\"C:\\x\\y.doc\"", Some("C:\\x\\y.doc"));
        check("attachment; filename=\"open.exe", Some("open.exe"));
        // RFC 6266, 4.3: the extended form goes first, wherever it stands.
        check(
            "attachment; filename=\"old.txt\"; filename*=UTF-8''t%E1%BB%87p%20m.exe",
            Some("tệp m.exe"),
        );
        check("attachment; filename*=broken; filename=a.txt", Some("a.txt"));
        check("attachment; xfilename=a.txt", None);
        check("attachment; filename=", None);
        check("inline", None);
    }

    #[test]
    fn ranges() {
        let check = |value: &str, expect: Option<(u64, u64, bool)>| {
            let range = Range::read(value.as_bytes()).map(|range| (range.start, range.end, range.is_all()));
            assert_eq!(range, expect, "{value}");
        };
        check("bytes 0-67/68", Some((0, 67, true)));
        check("bytes 5-9/68", Some((5, 9, false)));
        check("Bytes=0-9/*", Some((0, 9, false)));
        check("bytes 9-5/68", None);
        check("bytes */68", None);
        check("pages 0-1/2", None);
    }
}
