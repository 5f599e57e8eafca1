//! From text to parsed rules: lines, header and options, each with its place.
//!
//! Knows the shape of a rule, not its meaning: which keywords exist and what their values say is
//! the compiler's business.
//!
//! ```text
//! alert tcp $HOME_NET any -> any 80 (msg:"text"; content:"a\;b"; sid:1;)
//! action protocol source ports direction destination ports (name[:value]; ...)
//! ```
//! A line that ends in a backslash goes on in the next. Lines that start with `#` are comments.

mod header;
mod options;

use crate::error::{ErrorKind, Problem, RuleError};
use crate::limits::RULE_TEXT_BYTES_MAX;

use header::parse_header;
use options::parse_options;

/// A rule whose shape is right; its meaning is checked by [`crate::Engine::compile`].
#[derive(Debug, Clone)]
pub struct ParsedRule {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) places: Places,
    pub(crate) header: Header,
    pub(crate) options: Vec<RuleOption>,
    pub(crate) sid: Option<u32>,
}

/// The words before the options, each with its offset.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) action: Word,
    pub(crate) protocol: Word,
    pub(crate) source: Word,
    pub(crate) source_ports: Word,
    pub(crate) direction: Word,
    pub(crate) destination: Word,
    pub(crate) destination_ports: Word,
}

#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) offset: usize,
}

/// One `name:value;`.
#[derive(Debug, Clone)]
pub(crate) struct RuleOption {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) offset: usize,
    /// Offset of the value, or of the name if there is none.
    pub(crate) value_offset: usize,
}

/// Where each physical line begins in the joined text.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// (offset in the joined text, line number), ascending.
    pieces: Vec<(usize, u32)>,
}

impl ParsedRule {
    /// The rule's number, if it says one.
    pub fn sid(&self) -> Option<u32> {
        self.sid
    }

    /// The rule's text, continuation lines joined.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first line of the rule, from 1.
    pub fn line(&self) -> u32 {
        self.places.pieces.first().map_or(1, |(_, line)| *line)
    }

    pub(crate) fn error(&self, problem: Problem) -> RuleError {
        locate(&self.file, &self.text, &self.places, self.sid, problem)
    }
}

/// Reads all rules of a file. Rules and errors come in the order of the text.
pub fn parse(file: &str, text: &str) -> (Vec<ParsedRule>, Vec<RuleError>) {
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if let Some(error) = wide_text(file, text) {
        return (rules, vec![error]);
    }
    let mut lines = text.lines().zip(1u32..);
    while let Some((first, number)) = lines.next() {
        let mut joined = String::new();
        let mut places = Places {
            pieces: vec![(0, number)],
        };
        let mut line = first;
        while let Some(head) = line.trim_end().strip_suffix('\\') {
            joined.push_str(head);
            let Some((next, next_number)) = lines.next() else {
                line = "";
                break;
            };
            places.pieces.push((joined.len(), next_number));
            line = next;
        }
        joined.push_str(line.trim_end());
        let start = joined.trim_start();
        if start.is_empty() || start.starts_with('#') {
            continue;
        }
        match parse_rule(file, joined, places) {
            Ok(rule) => rules.push(rule),
            Err(error) => errors.push(error),
        }
    }
    (rules, errors)
}

/// Editors of some systems put it before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Says of text in UTF-16, read as if it were UTF-8, what it is: each of its lines would be an error otherwise.
fn wide_text(file: &str, text: &str) -> Option<RuleError> {
    let start = text.get(..text.floor_char_boundary(WIDE_TEXT_LOOK_BYTES))?;
    let zeros = start.chars().filter(|character| *character == '\0').count();
    (zeros * 3 > start.chars().count()).then(|| RuleError {
        file: file.to_owned(),
        line: 1,
        column: 1,
        message: "the file is in UTF-16; rules must be in UTF-8".to_owned(),
        sid: None,
        kind: ErrorKind::Syntax,
    })
}

/// As much of a file is looked at to tell how it is encoded.
const WIDE_TEXT_LOOK_BYTES: usize = 256;

fn parse_rule(file: &str, text: String, places: Places) -> Result<ParsedRule, RuleError> {
    let sid = find_sid(&text);
    if text.len() > RULE_TEXT_BYTES_MAX {
        let message = format!("rule of {} bytes, at most {RULE_TEXT_BYTES_MAX}", text.len());
        let problem = Problem::new(0, ErrorKind::OverLimit, message);
        return Err(locate(file, &text, &places, sid, problem));
    }
    match parse_header(&text).and_then(|(header, body)| Ok((header, parse_options(&text, body)?))) {
        Ok((header, options)) => Ok(ParsedRule {
            file: file.to_owned(),
            text,
            places,
            header,
            options,
            sid,
        }),
        Err(problem) => Err(locate(file, &text, &places, sid, problem)),
    }
}

fn locate(file: &str, text: &str, places: &Places, sid: Option<u32>, problem: Problem) -> RuleError {
    let offset = problem.offset.min(text.len());
    let (start, line) = places
        .pieces
        .iter()
        .rev()
        .find(|(start, _)| *start <= offset)
        .copied()
        .unwrap_or((0, 1));
    let characters = text.as_bytes().get(start..offset).unwrap_or_default();
    // Bytes that continue a UTF-8 sequence are no characters of their own.
    let column = characters.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    RuleError {
        file: file.to_owned(),
        line,
        column: u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1),
        message: problem.message,
        sid,
        kind: problem.kind,
    }
}

/// The signature number, found without parsing, so that even broken rules can be named.
fn find_sid(text: &str) -> Option<u32> {
    for (at, _) in text.match_indices("sid:") {
        let before = text.get(..at)?.trim_end();
        if before.ends_with(';') || before.ends_with('(') {
            let rest = text.get(at + 4..)?.trim_start();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            return rest.get(..digits)?.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shapes() {
        let text = "# alert comment\n\nalert tcp [1.2.3.4, !5.6.7.8] any -> any 80 (msg:\"a\\;b\"; \\\n  nocase; sid:7;)\n";
        let (rules, errors) = parse("f", text);
        assert!(errors.is_empty(), "{errors:?}");
        let rule = rules.first().unwrap();
        assert_eq!(rule.line(), 3);
        assert_eq!(rule.sid(), Some(7));
        assert_eq!(rule.header.source.text, "[1.2.3.4,!5.6.7.8]");
        let names: Vec<_> = rule
            .options
            .iter()
            .map(|o| (o.name.as_str(), o.value.as_deref()))
            .collect();
        assert_eq!(
            names,
            [("msg", Some("\"a\\;b\"")), ("nocase", None), ("sid", Some("7"))]
        );
        let nocase = rule.options.get(1).unwrap();
        let error = rule.error(Problem::new(nocase.offset, ErrorKind::Value, "x"));
        assert_eq!((error.line, error.column), (4, 3));
    }

    #[test]
    fn encodings() {
        let rule = "alert tcp any any -> any any (sid:1;)\nalert tcp any any -> any any (sid:2;)\n";
        let (rules, errors) = parse("f", &format!("\u{feff}{rule}"));
        assert_eq!((rules.len(), errors.len()), (2, 0));
        let wide: Vec<u8> = format!("\u{feff}{rule}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let (rules, errors) = parse("f", &String::from_utf8_lossy(&wide));
        assert_eq!((rules.len(), errors.len()), (0, 1));
        assert!(errors[0].message.contains("UTF-16"));
    }

    #[test]
    fn errors_say_where() {
        let table = [
            ("alert tcp any any -> any any", 1, 29, "no parenthesis opens"),
            (
                "alert tcp any any -> any (sid:1;)",
                1,
                26,
                "destination ports is missing",
            ),
            (
                "alert tcp any any -> any any x (sid:1;)",
                1,
                30,
                "unexpected \"x\"",
            ),
            (
                "alert tcp any any -> any any (sid:1)",
                1,
                36,
                "lacks its semicolon",
            ),
            (
                "alert tcp any any -> any any (sid:1;",
                1,
                37,
                "no parenthesis closes",
            ),
            (
                "alert tcp any any -> any any (msg:\"đ\"; =x; sid:1;)",
                1,
                40,
                "name of a keyword",
            ),
            (
                "\n\nalert tcp any any -> any any (a b; sid:1;)",
                3,
                31,
                "name of a keyword",
            ),
        ];
        for (text, line, column, message) in table {
            let (rules, errors) = parse("x.rules", text);
            assert!(rules.is_empty(), "{text}");
            let error = errors.first().unwrap();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn broken_rules_keep_their_number() {
        let (_, errors) = parse("f", "alert tcp any any -> any (msg:\"x\"; sid: 42; rev:1;)");
        assert_eq!(errors.first().unwrap().sid, Some(42));
        assert_eq!(
            errors.first().unwrap().to_string().split(' ').next(),
            Some("f:1:26:")
        );
    }
}
