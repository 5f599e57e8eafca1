//! Literal patterns: how they are written, where they may stand, and the search for them.

use memchr::{memchr2_iter, memmem};

use crate::error::{Complaint, over_limit, value};
use crate::limits::CONTENT_BYTES_MAX;

/// A number in a rule: written out, or the value of a byte variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    Number(i64),
    Variable(u8),
}

impl Amount {
    pub(crate) fn is_variable(self) -> bool {
        matches!(self, Amount::Variable(_))
    }
}

/// What the rule's author said about prefiltering by this pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FastPattern {
    /// Use it, whole.
    Whole,
    /// Use it, and check nothing more than its presence.
    Only,
    /// Use these bytes of it.
    Part { offset: usize, length: usize },
}

/// One `content` with its modifiers.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) negated: bool,
    pub(crate) pattern: Pattern,
    pub(crate) offset: Option<Amount>,
    pub(crate) depth: Option<Amount>,
    pub(crate) distance: Option<Amount>,
    pub(crate) within: Option<Amount>,
    pub(crate) starts: bool,
    pub(crate) ends: bool,
    pub(crate) fast: Option<FastPattern>,
}

impl Content {
    pub(crate) fn new(pattern: Vec<u8>, negated: bool) -> Content {
        Content {
            negated,
            pattern: Pattern::new(pattern),
            offset: None,
            depth: None,
            distance: None,
            within: None,
            starts: false,
            ends: false,
            fast: None,
        }
    }

    pub(crate) fn is_relative(&self) -> bool {
        self.distance.is_some() || self.within.is_some()
    }

    pub(crate) fn uses_variable(&self) -> bool {
        [self.offset, self.depth, self.distance, self.within]
            .into_iter()
            .flatten()
            .any(Amount::is_variable)
    }
}

/// Bytes to search for, with or without regard to case.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    bytes: Box<[u8]>,
    search: Search,
}

#[derive(Debug, Clone)]
enum Search {
    Exact(Box<memmem::Finder<'static>>),
    /// Looks for one telling byte in both cases, then compares.
    AnyCase {
        anchor: usize,
        lower: u8,
        upper: u8,
    },
}

impl Pattern {
    pub(crate) fn new(bytes: Vec<u8>) -> Pattern {
        let finder = memmem::Finder::new(&bytes).into_owned();
        Pattern {
            search: Search::Exact(Box::new(finder)),
            bytes: bytes.into_boxed_slice(),
        }
    }

    pub(crate) fn ignore_case(&mut self) {
        let telling = self
            .bytes
            .iter()
            .enumerate()
            .min_by_key(|(_, byte)| commonness(**byte));
        let (anchor, byte) = telling.map_or((0, 0), |(at, byte)| (at, *byte));
        self.search = Search::AnyCase {
            anchor,
            lower: byte.to_ascii_lowercase(),
            upper: byte.to_ascii_uppercase(),
        };
    }

    /// Whether letters must be of the case they are written in.
    pub(crate) fn needs_case(&self) -> bool {
        matches!(self.search, Search::Exact(_))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The first place in `data` where the pattern stands.
    pub(crate) fn find(&self, data: &[u8]) -> Option<usize> {
        match &self.search {
            Search::Exact(finder) => finder.find(data),
            Search::AnyCase { anchor, lower, upper } => {
                let last = data.len().checked_sub(self.bytes.len())?;
                let window = data.get(*anchor..=last + *anchor)?;
                memchr2_iter(*lower, *upper, window).find(|at| {
                    data.get(*at..*at + self.bytes.len())
                        .is_some_and(|found| found.eq_ignore_ascii_case(&self.bytes))
                })
            }
        }
    }

    /// Whether the pattern stands at the very start of `data`.
    pub(crate) fn stands_at_start(&self, data: &[u8]) -> bool {
        data.get(..self.bytes.len())
            .is_some_and(|found| match self.search {
                Search::Exact(_) => *found == *self.bytes,
                Search::AnyCase { .. } => found.eq_ignore_ascii_case(&self.bytes),
            })
    }
}

/// How often a byte is met in traffic, roughly: 0 seldom, 4 everywhere.
pub(crate) fn commonness(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        0 | b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 4,
        b'\r' | b'\n' | b'/' | b'.' | b'=' | b'"' | b':' | 0xff | 1 => 3,
        b'a'..=b'z' => 2,
        b'0'..=b'9' | b'-' | b',' | b';' | b'<' | b'>' => 2,
        0x21..=0x7e => 1,
        _ => 0,
    }
}

/// Reads `!"text|hex|text"`: whether it is negated, and the bytes.
pub(crate) fn parse_content(text: &str) -> Result<(bool, Vec<u8>), Complaint> {
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let inside = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(|| value("the pattern must stand in double quotes"))?;
    let bytes = parse_pattern(inside)?;
    if bytes.is_empty() {
        return Err(value("the pattern is empty"));
    }
    if bytes.len() > CONTENT_BYTES_MAX {
        return Err(over_limit(format!(
            "pattern of {} bytes, at most {CONTENT_BYTES_MAX}",
            bytes.len()
        )));
    }
    Ok((negated, bytes))
}

fn parse_pattern(text: &str) -> Result<Vec<u8>, Complaint> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'|' => parse_hex(&mut rest, &mut bytes)?,
            b'\\' => match rest.next() {
                Some(escaped @ (b'\\' | b'"' | b';' | b':')) => bytes.push(escaped),
                _ => return Err(value("a backslash may stand before \\ \" ; : only")),
            },
            b'"' => return Err(value("a quote within the pattern must be escaped")),
            other => bytes.push(other),
        }
    }
    Ok(bytes)
}

/// Reads hexadecimal pairs up to the closing bar.
fn parse_hex(rest: &mut std::str::Bytes<'_>, bytes: &mut Vec<u8>) -> Result<(), Complaint> {
    let mut high = None;
    for byte in rest {
        let digit = match byte {
            b'|' if high.is_none() => return Ok(()),
            b'|' => return Err(value("a hexadecimal byte lacks its second digit")),
            b' ' => continue,
            _ => char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok()),
        };
        let Some(digit) = digit else {
            return Err(value(format!("{:?} is no hexadecimal digit", char::from(byte))));
        };
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push(first << 4 | digit),
        }
    }
    Err(value("a bar | is not closed"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        let table: &[(&str, &[u8])] = &[
            ("\"abc\"", b"abc"),
            ("\"a|0D 0a|b\"", b"a\r\nb"),
            ("\"|0d0A|\"", b"\r\n"),
            ("\"\\\"\\;\\:\\\\\"", b"\";:\\"),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_content(text).unwrap(), (false, bytes.to_vec()), "{text}");
        }
        assert_eq!(parse_content("! \"x\"").unwrap(), (true, b"x".to_vec()));
        for text in [
            "abc", "\"\"", "\"|0|\"", "\"|zz|\"", "\"|00\"", "\"\\n\"", "\"a\"b\"", "\"", "\"||\"",
        ] {
            assert!(parse_content(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn search_agrees_with_windows(pattern in "[aAbB.]{1,4}", data in "[aAbB.]{0,24}") {
            let mut searched = Pattern::new(pattern.clone().into_bytes());
            let exact = data.as_bytes().windows(pattern.len()).position(|w| w == pattern.as_bytes());
            prop_assert_eq!(searched.find(data.as_bytes()), exact);
            searched.ignore_case();
            let any = data.as_bytes().windows(pattern.len())
                .position(|w| w.eq_ignore_ascii_case(pattern.as_bytes()));
            prop_assert_eq!(searched.find(data.as_bytes()), any);
            prop_assert_eq!(searched.stands_at_start(data.as_bytes()), any == Some(0));
        }
    }
}
