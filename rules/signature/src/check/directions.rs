//! Buffers that are only found in one direction, asked for in the other.

use crate::rule::{Rule, Source};
use crate::sides::Sides;
use crate::warning::WarningKind;

use super::{Finding, required_sources};

pub(super) fn check(rule: &Rule, sources: &[Source], sides: &Sides) -> Option<Finding> {
    if rule.is_exchange {
        return None;
    }
    let mut wanted = rule.flow.direction;
    for source in required_sources(rule, sources) {
        let Some(direction) = sides.of(source.buffer) else {
            continue;
        };
        match wanted {
            Some(other) if other != direction => {
                let message = format!(
                    "the buffer {:?} is not found in the direction that the rule asks for",
                    source.buffer
                );
                return Some(Finding::new(WarningKind::ConflictingDirection, message));
            }
            _ => wanted = Some(direction),
        }
    }
    None
}
