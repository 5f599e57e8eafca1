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

use crate::error::{ErrorKind, Problem, RuleError};
use crate::limits::{RULE_OPTIONS_MAX, RULE_TEXT_BYTES_MAX};

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

/// Splits the words before the first parenthesis; gives back the offset after that parenthesis.
fn parse_header(text: &str) -> Result<(Header, usize), Problem> {
    let mut words: Vec<Word> = Vec::with_capacity(7);
    let mut word = Word {
        text: String::new(),
        offset: 0,
    };
    let mut depth = 0usize;
    let mut body = None;
    for (offset, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends_word = character == '(' || (character.is_whitespace() && depth == 0);
        if !ends_word {
            if word.text.is_empty() {
                word.offset = offset;
            }
            if !character.is_whitespace() {
                word.text.push(character);
            }
            continue;
        }
        if !word.text.is_empty() {
            words.push(std::mem::replace(
                &mut word,
                Word {
                    text: String::new(),
                    offset,
                },
            ));
        }
        if character == '(' {
            body = Some(offset + 1);
            break;
        }
    }
    let Some(body) = body else {
        return Err(Problem::new(
            text.len(),
            ErrorKind::Syntax,
            "no parenthesis opens the options",
        ));
    };
    let header = to_header(words, body - 1)?;
    Ok((header, body))
}

fn to_header(words: Vec<Word>, end: usize) -> Result<Header, Problem> {
    const NAMES: [&str; 7] = [
        "action",
        "protocol",
        "source",
        "source ports",
        "direction",
        "destination",
        "destination ports",
    ];
    if let Some(extra) = words.get(NAMES.len()) {
        let message = format!("unexpected {:?} before the options", extra.text);
        return Err(Problem::new(extra.offset, ErrorKind::Header, message));
    }
    let count = words.len();
    let mut words = words.into_iter();
    let mut next = || {
        words.next().ok_or_else(|| {
            let missing = NAMES.get(count).copied().unwrap_or("word");
            Problem::new(end, ErrorKind::Header, format!("{missing} is missing"))
        })
    };
    Ok(Header {
        action: next()?,
        protocol: next()?,
        source: next()?,
        source_ports: next()?,
        direction: next()?,
        destination: next()?,
        destination_ports: next()?,
    })
}

fn parse_options(text: &str, body: usize) -> Result<Vec<RuleOption>, Problem> {
    let Some(inside) = text.strip_suffix(')').filter(|inside| inside.len() >= body) else {
        return Err(Problem::new(
            text.len(),
            ErrorKind::Syntax,
            "no parenthesis closes the options",
        ));
    };
    let mut options = Vec::new();
    let mut at = body;
    loop {
        let rest = inside.get(at..).unwrap_or_default();
        at += rest.len() - rest.trim_start().len();
        if at >= inside.len() {
            return Ok(options);
        }
        if options.len() >= RULE_OPTIONS_MAX {
            let message = format!("more than {RULE_OPTIONS_MAX} options");
            return Err(Problem::new(at, ErrorKind::OverLimit, message));
        }
        let end = option_end(inside, at).ok_or_else(|| {
            Problem::new(
                inside.len(),
                ErrorKind::Syntax,
                "the last option lacks its semicolon",
            )
        })?;
        options.push(parse_option(inside, at, end)?);
        at = end + 1;
    }
}

/// The offset of the semicolon that ends the option; one after a backslash does not.
fn option_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = start;
    loop {
        let found = from + memchr::memchr(b';', bytes.get(from..)?)?;
        let escaped = found > start && bytes.get(found - 1) == Some(&b'\\');
        if !escaped {
            return Some(found);
        }
        from = found + 1;
    }
}

fn parse_option(text: &str, start: usize, end: usize) -> Result<RuleOption, Problem> {
    let option = text.get(start..end).unwrap_or_default();
    let (name, value) = match option.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value)),
        None => (option.trim(), None),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || !name.chars().all(valid) {
        return Err(Problem::new(
            start,
            ErrorKind::Syntax,
            "expected the name of a keyword",
        ));
    }
    let value_offset = match value {
        Some(value) => end - value.trim_start().len(),
        None => start,
    };
    Ok(RuleOption {
        name: name.to_owned(),
        value: value.map(|value| value.trim().to_owned()),
        offset: start,
        value_offset,
    })
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
