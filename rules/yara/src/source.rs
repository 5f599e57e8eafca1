//! Finds rules and places in YARA source text.

use yara_x_parser::ast::{AST, WithSpan};

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
