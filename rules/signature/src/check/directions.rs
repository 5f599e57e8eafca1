//! Buffers that are only found in one direction, asked for in the other.

use crate::rule::Rule;
use crate::vocabulary::Vocabulary;
use crate::warning::WarningKind;

use super::{Finding, required};

pub(super) fn check(rule: &Rule, vocabulary: &Vocabulary) -> Option<Finding> {
    if rule.is_exchange {
        return None;
    }
    let mut wanted = rule.flow.direction;
    for term in required(rule) {
        let Some(direction) = vocabulary.direction(term) else {
            continue;
        };
        match wanted {
            Some(other) if other != direction => {
                let message = format!(
                    "the buffer {} is not found in the direction that the rule asks for",
                    vocabulary.name(term)
                );
                return Some(Finding::new(WarningKind::ConflictingDirection, message));
            }
            _ => wanted = Some(direction),
        }
    }
    None
}
