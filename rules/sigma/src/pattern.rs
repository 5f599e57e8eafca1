//! Text patterns with wildcards.
//!
//! A pattern is a row of parts: bytes as they are, `?` for one character, `*` for any number, and a dash that stands for any
//! of the five dashes of `windash`. Parts are bytes because encodings make bytes that are no text. A folded pattern is matched
//! against folded text.

use crate::fold::fold;

/// Windows' dashes, all of which start a command-line option.
pub(crate) const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Literal(Vec<u8>),
    /// Exactly one character.
    One,
    /// Any number of characters.
    Many,
    /// One of [`DASHES`].
    Dash,
    /// `%name%` under `expand`; never reaches a compiled rule.
    Placeholder(String),
}

/// Reads a Sigma string: `*` and `?` are wildcards, a backslash takes the special meaning from a wildcard or a backslash.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let wildcard = match character {
            '\\' => {
                match characters.next_if(|next| matches!(next, '*' | '?' | '\\')) {
                    Some(escaped) => literal.push(escaped),
                    None => literal.push('\\'),
                }
                continue;
            }
            '*' => Part::Many,
            '?' => Part::One,
            other => {
                literal.push(other);
                continue;
            }
        };
        push_literal(&mut parts, &mut literal);
        if !(wildcard == Part::Many && parts.last() == Some(&Part::Many)) {
            parts.push(wildcard);
        }
    }
    push_literal(&mut parts, &mut literal);
    parts
}

pub(crate) fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into_bytes()));
    }
}

/// What a pattern asks, simplest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Exact,
    Prefix,
    Suffix,
    Contains,
    /// Anything else.
    Glob,
}

/// Parts between two `*`.
type Segment = Box<[Part]>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    segments: Box<[Segment]>,
    open_start: bool,
    open_end: bool,
    pub(crate) cased: bool,
}

impl Pattern {
    /// A pattern of these parts; folded unless `cased`.
    pub(crate) fn new(parts: &[Part], cased: bool) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        let mut current: Vec<Part> = Vec::new();
        for part in parts {
            match part {
                Part::Many => {
                    if !current.is_empty() {
                        segments.push(std::mem::take(&mut current).into());
                    }
                }
                Part::Literal(bytes) => {
                    let bytes = if cased { bytes.clone() } else { fold_bytes(bytes) };
                    match current.last_mut() {
                        Some(Part::Literal(last)) => last.extend(bytes),
                        _ => current.push(Part::Literal(bytes)),
                    }
                }
                other => current.push(other.clone()),
            }
        }
        if !current.is_empty() {
            segments.push(current.into());
        }
        Self {
            segments: segments.into(),
            open_start: parts.first() == Some(&Part::Many),
            open_end: parts.last() == Some(&Part::Many),
            cased,
        }
    }

    /// Whether only the empty text matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty() && !self.open_start
    }

    pub(crate) fn shape(&self) -> Shape {
        let single =
            matches!(self.segments.as_ref(), [segment] if matches!(segment.as_ref(), [Part::Literal(_)]));
        match (single, self.open_start, self.open_end) {
            (true, false, false) => Shape::Exact,
            (true, false, true) => Shape::Prefix,
            (true, true, false) => Shape::Suffix,
            (true, true, true) => Shape::Contains,
            (false, ..) => Shape::Glob,
        }
    }

    /// The longest bytes that every match contains.
    pub(crate) fn needle(&self) -> Option<&[u8]> {
        let literals = self.segments.iter().flat_map(|segment| segment.iter());
        literals
            .filter_map(|part| match part {
                Part::Literal(bytes) => Some(bytes.as_slice()),
                _ => None,
            })
            .max_by_key(|bytes| bytes.len())
    }

    /// The text that alone matches, when there are no wildcards.
    pub(crate) fn exact(&self) -> Option<&str> {
        match self.segments.as_ref() {
            [segment] if self.shape() == Shape::Exact => match segment.as_ref() {
                [Part::Literal(bytes)] => std::str::from_utf8(bytes).ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether every literal consists of bytes that `allowed` accepts.
    pub(crate) fn literals_all(&self, allowed: impl Fn(u8) -> bool) -> bool {
        self.segments
            .iter()
            .flat_map(|segment| segment.iter())
            .all(|part| match part {
                Part::Literal(bytes) => bytes.iter().all(|byte| allowed(*byte)),
                _ => true,
            })
    }

    /// Whether the whole of `text` matches; `text` is folded unless the pattern is cased.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let Some((first, rest)) = self.segments.split_first() else {
            return text.is_empty() || self.open_start;
        };
        if rest.is_empty() && !self.open_start && !self.open_end {
            return segment_end(first, text) == Some(text.len());
        }
        let mut remaining = text;
        let mut middle: &[Segment] = &self.segments;
        if !self.open_start {
            let Some(tail) = segment_end(first, text).and_then(|end| text.get(end..)) else {
                return false;
            };
            (remaining, middle) = (tail, rest);
        }
        let last = match middle.split_last() {
            Some((last, before)) if !self.open_end => {
                middle = before;
                Some(last)
            }
            _ => None,
        };
        for segment in middle {
            match find_segment(segment, remaining).and_then(|end| remaining.get(end..)) {
                Some(tail) => remaining = tail,
                None => return false,
            }
        }
        last.is_none_or(|segment| ends_with_segment(segment, remaining))
    }
}

fn fold_bytes(bytes: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => fold(text).into_bytes(),
        Err(_) => bytes.to_ascii_lowercase(),
    }
}

/// Where `segment` ends when it stands at the start of `text`.
fn segment_end(segment: &[Part], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for part in segment {
        let rest = text.get(at..)?;
        at += match part {
            Part::Literal(bytes) => rest.starts_with(bytes).then_some(bytes.len())?,
            Part::One => character_len(rest)?,
            Part::Dash => DASHES.iter().find_map(|dash| {
                let mut buffer = [0; 4];
                let bytes = dash.encode_utf8(&mut buffer).as_bytes();
                rest.starts_with(bytes).then_some(bytes.len())
            })?,
            Part::Many | Part::Placeholder(_) => return None,
        };
    }
    Some(at)
}

/// Where the first occurrence of `segment` in `text` ends. All occurrences have the same number of characters, so the first
/// to start is the first to end, and taking it loses no match of what follows.
fn find_segment(segment: &[Part], text: &[u8]) -> Option<usize> {
    if let [Part::Literal(bytes)] = segment {
        return memchr::memmem::find(text, bytes).map(|start| start + bytes.len());
    }
    character_starts(text).find_map(|start| Some(start + segment_end(segment, text.get(start..)?)?))
}

fn ends_with_segment(segment: &[Part], text: &[u8]) -> bool {
    if let [Part::Literal(bytes)] = segment {
        return text.ends_with(bytes);
    }
    character_starts(text).any(|start| {
        text.get(start..)
            .is_some_and(|tail| segment_end(segment, tail) == Some(tail.len()))
    })
}

fn character_starts(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    text.iter()
        .enumerate()
        .filter(|(_, byte)| **byte & 0xc0 != 0x80)
        .map(|(index, _)| index)
        .chain(std::iter::once(text.len()))
}

fn character_len(text: &[u8]) -> Option<usize> {
    let length = match text.first()? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    Some(length.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.into())
    }

    #[test]
    fn escapes_follow_the_specification() {
        let check = |text: &str, expect: &[Part]| assert_eq!(parts(text), expect, "{text}");
        check(r"a\b", &[literal(r"a\b")]);
        check(r"a\\b", &[literal(r"a\b")]);
        check(r"\*", &[literal("*")]);
        check(r"\\*", &[literal(r"\"), Part::Many]);
        check(r"\\\*", &[literal(r"\*")]);
        check(r"\\\", &[literal(r"\\")]);
        check(r"\\\\", &[literal(r"\\")]);
        check(r"a**b?", &[literal("a"), Part::Many, literal("b"), Part::One]);
        check(r"\", &[literal(r"\")]);
        check("", &[]);
    }

    #[test]
    fn wildcards_match() {
        let check = |pattern: &str, text: &str, expect: bool| {
            let pattern = Pattern::new(&parts(pattern), false);
            assert_eq!(
                pattern.matches(fold(text).as_bytes()),
                expect,
                "{pattern:?} on {text}"
            );
        };
        check("a?c", "aBc", true);
        check("a?c", "aĐc", true);
        check("a?c", "ac", false);
        check("*ab*ab", "abab", true);
        check("*ab*ab", "ab", false);
        check("ab*ab", "ab", false);
        check("a*?", "a", false);
        check("a*?", "ab", true);
        check("*?x", "xđx", true);
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("?*?", "a", false);
        check("*.đ?*", "x.ĐẠI", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
    }
}
