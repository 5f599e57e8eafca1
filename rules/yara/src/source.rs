//! Finds rules and places in YARA source text.

use vonggac_event::limits::RULE_TITLE_BYTES_MAX;
use yara_x_parser::ast::{AST, Meta, MetaValue, WithSpan};

use crate::METADATA_BYTES_MAX;

/// What a rule says of itself in Vietnamese, and the longest that each may be, in bytes.
pub(crate) const VIETNAMESE: [(&str, usize); 2] = [
    ("title_vi", RULE_TITLE_BYTES_MAX),
    ("description_vi", METADATA_BYTES_MAX),
];

/// The namespace of a file's rules: its name without folders and extension.
pub(crate) fn namespace(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// Each rule's identifier and its text, from its first modifier to its closing brace.
pub(crate) fn rules(text: &str) -> Vec<(&str, &str)> {
    let ast = AST::from(text);
    ast.rules()
        .filter_map(|rule| {
            let identifier = rule.identifier.span();
            let name = text.get(identifier.start()..identifier.end())?;
            let condition_end = rule.condition.span().end();
            let closing = text.get(condition_end..)?.find('}')?;
            let start = rule_start(text.get(..identifier.start())?);
            Some((name, text.get(start..=condition_end.checked_add(closing)?)?))
        })
        .collect()
}

/// What is said in Vietnamese and is no text that says something, or is too long: the byte where it stands, and what is wrong.
pub(crate) fn unfit(text: &str) -> Vec<(usize, String)> {
    if !VIETNAMESE.iter().any(|(name, _)| text.contains(name)) {
        return Vec::new();
    }
    let ast = AST::from(text);
    ast.rules()
        .flat_map(|rule| rule.meta.iter().flatten())
        .filter_map(|meta| Some((meta.value.span().start(), complaint(meta)?)))
        .collect()
}

fn complaint(meta: &Meta<'_>) -> Option<String> {
    let (name, bytes_max) = VIETNAMESE
        .into_iter()
        .find(|(name, _)| *name == meta.identifier.name)?;
    let text: &[u8] = match &meta.value {
        MetaValue::String((text, _)) => text.as_bytes(),
        MetaValue::Bytes((bytes, _)) => bytes.as_slice(),
        MetaValue::Bool(_) | MetaValue::Integer(_) | MetaValue::Float(_) => &[],
    };
    if text.trim_ascii().is_empty() {
        Some(format!("{name} is a text that says something"))
    } else if text.len() > bytes_max {
        Some(format!("{name} is longer than {bytes_max} bytes"))
    } else {
        None
    }
}

/// Where the rule begins whose identifier follows `before`.
fn rule_start(before: &str) -> usize {
    let mut start = before.rfind("rule").unwrap_or(before.len());
    loop {
        let head = before.get(..start).unwrap_or_default().trim_end();
        let modifier = ["private", "global"]
            .into_iter()
            .find(|word| head.ends_with(word));
        match modifier {
            Some(word) => start = head.len() - word.len(),
            None => return start,
        }
    }
}

/// Line and column (in characters), both from 1, of a byte offset.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let head = text.get(..text.floor_char_boundary(offset)).unwrap_or_default();
    let line = head.matches('\n').count() + 1;
    let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}
