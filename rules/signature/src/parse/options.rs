//! A rule's options: `name:value;` one after the other.

use crate::error::{ErrorKind, Problem};
use crate::limits::RULE_OPTIONS_MAX;

use super::RuleOption;

pub(super) fn parse_options(text: &str, body: usize) -> Result<Vec<RuleOption>, Problem> {
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
