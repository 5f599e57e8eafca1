//! `requires`: what a rule needs of the engine; one whose needs are not met is left out.
//!
//! ```text
//! requires: version >= 7.0.4 < 8 | >= 8.0.3, keyword foo, feature geoip
//! ```
//! Needs of a kind that is not known are not met. They are judged before all other keywords, so that a
//! rule may use what only other versions have.

use std::sync::Arc;

use crate::error::{Complaint, ErrorKind, Problem, value};
use crate::parse::ParsedRule;
use crate::vocabulary::Vocabulary;

use super::draft::Draft;

/// The version of Suricata whose language is spoken here.
const LANGUAGE_VERSION: Version = Version([8, 0, 0]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version([u32; 3]);

impl Version {
    /// Reads `8`, `8.0` or `8.0.3`; what is left out is 0.
    fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.');
        let mut next = || match parts.next() {
            Some(part) => part.parse().ok(),
            None => Some(0),
        };
        let version = Version([next()?, next()?, next()?]);
        parts.next().is_none().then_some(version)
    }
}

/// Whether all the rule requires is there.
pub(super) fn check(parsed: &ParsedRule, vocabulary: &Arc<Vocabulary>) -> Result<(), Problem> {
    let mut has_version = false;
    for option in parsed.options.iter().filter(|option| option.name == "requires") {
        let text = option.value.as_deref().unwrap_or("");
        for need in text.split(',').map(str::trim) {
            if need.starts_with("version") && std::mem::replace(&mut has_version, true) {
                return Err(value("version is required twice").at(option.value_offset));
            }
            if !is_met(need, vocabulary).map_err(|complaint| complaint.at(option.value_offset))? {
                let message = format!("left out: requires {need}");
                return Err(Problem::new(option.value_offset, ErrorKind::Requirement, message));
            }
        }
    }
    Ok(())
}

fn is_met(need: &str, vocabulary: &Arc<Vocabulary>) -> Result<bool, Complaint> {
    let (kind, rest) = need.split_once(char::is_whitespace).unwrap_or((need, ""));
    match (kind, rest.trim()) {
        (_, "") => Err(value(format!("{need:?} says nothing"))),
        ("keyword", name) => Ok(Draft::knows(name, vocabulary)),
        ("version", versions) => version_is_met(versions),
        // Features are those of how Suricata was built; none of them is here.
        _ => Ok(false),
    }
}

/// Any of the ranges between bars, of each all comparisons.
fn version_is_met(text: &str) -> Result<bool, Complaint> {
    let mut any = false;
    for range in text.split('|') {
        let mut words = range.split_whitespace();
        let mut all = true;
        while let Some(operator) = words.next() {
            let version = words.next().and_then(Version::parse);
            let version = version.ok_or_else(|| value(format!("no version after {operator:?}")))?;
            all &= match operator {
                ">=" => LANGUAGE_VERSION >= version,
                ">" => LANGUAGE_VERSION > version,
                "<=" => LANGUAGE_VERSION <= version,
                "<" => LANGUAGE_VERSION < version,
                "=" | "==" => LANGUAGE_VERSION == version,
                other => return Err(value(format!("unknown operator {other:?}"))),
            };
        }
        any |= all;
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn needs() {
        let vocabulary = Arc::new(Vocabulary::new(vonggac_protocols::REGISTRY));
        let table = [
            ("version >= 7.0.0", true),
            ("version >= 8", true),
            ("version >= 7.0.4 < 8", false),
            ("version >= 7.0.4 < 8 | >= 8.0.0", true),
            ("version >= 9", false),
            ("keyword content", true),
            ("keyword http.uri", true),
            ("keyword vlan.id", true),
            ("keyword to_md5", true),
            ("keyword no.such", false),
            ("feature geoip", false),
            ("whatever x", false),
        ];
        for (need, expected) in table {
            assert_eq!(is_met(need, &vocabulary), Ok(expected), "{need}");
        }
        for need in ["version", "version ~ 8", "version >= x", "version >= 8.0.0.0", ""] {
            assert!(is_met(need, &vocabulary).is_err(), "{need}");
        }
    }
}
