//! `pcrexform`: what the one group of an expression found.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use pcre2::bytes::{Regex, RegexBuilder};

use crate::error::{Complaint, over_limit, value};
use crate::limits::{REGEX_BYTES_MAX, REGEX_DEPTH_LIMIT, REGEX_MATCH_LIMIT};

/// Two are the same if their expressions are written the same.
#[derive(Debug, Clone)]
pub(crate) struct PatternTransform {
    text: String,
    regex: Regex,
}

impl PatternTransform {
    pub(super) fn parse(text: &str) -> Result<PatternTransform, Complaint> {
        let source = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .ok_or_else(|| value("the expression must stand in double quotes"))?;
        if source.len() > REGEX_BYTES_MAX {
            return Err(over_limit(format!("an expression of {} bytes", source.len())));
        }
        let limits = format!("(*LIMIT_MATCH={REGEX_MATCH_LIMIT})(*LIMIT_DEPTH={REGEX_DEPTH_LIMIT})");
        let regex = RegexBuilder::new()
            .jit_if_available(true)
            .build(&format!("{limits}{source}"))
            .map_err(|error| value(error.to_string()))?;
        // The whole match counts as a group, too.
        if regex.captures_len() != 2 {
            return Err(value("the expression must have exactly one group"));
        }
        Ok(PatternTransform {
            text: source.to_owned(),
            regex,
        })
    }

    pub(super) fn apply(&self, data: &[u8]) -> Option<Vec<u8>> {
        let captures = self.regex.captures(data).ok()??;
        captures.get(1).map(|group| group.as_bytes().to_vec())
    }
}

impl PartialEq for PatternTransform {
    fn eq(&self, other: &PatternTransform) -> bool {
        self.text == other.text
    }
}

impl Eq for PatternTransform {}

impl Hash for PatternTransform {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for PatternTransform {
    fn partial_cmp(&self, other: &PatternTransform) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PatternTransform {
    fn cmp(&self, other: &PatternTransform) -> Ordering {
        self.text.cmp(&other.text)
    }
}
