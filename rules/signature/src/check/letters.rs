//! Capital letters sought where there are only small ones.

use crate::content::Content;
use crate::rule::{Check, Presence, Rule, Source, Target};
use crate::transform::Transform;
use crate::verify::Step;
use crate::vocabulary::{TermId, Vocabulary};
use crate::warning::WarningKind;

use super::Finding;

/// Keywords of buffers without capital letters.
const SMALL_ONLY: &[&str] = &["http.host", "ja3.hash", "ja3s.hash"];

/// The buffers without capital letters.
pub(super) struct Letters {
    small_only: Vec<TermId>,
}

impl Letters {
    pub(super) fn new(vocabulary: &Vocabulary) -> Letters {
        let known = SMALL_ONLY.iter().filter_map(|keyword| vocabulary.buffer(keyword));
        Letters {
            small_only: known.collect(),
        }
    }

    pub(super) fn check(&self, rule: &Rule, sources: &[Source]) -> Option<Finding> {
        rule.targets
            .iter()
            .find_map(|target| self.of_target(target, sources))
    }

    fn of_target(&self, target: &Target, sources: &[Source]) -> Option<Finding> {
        let Check::Buffer {
            source,
            presence: Presence::Required,
            steps,
        } = &target.check
        else {
            return None;
        };
        let source = sources.get(*source as usize)?;
        let is_small = match source.transforms.last() {
            None => self.small_only.contains(&source.buffer),
            Some(last) => *last == Transform::Lowercase,
        };
        let seeks_capitals = |content: &&Content| {
            !content.negated
                && content.pattern.needs_case()
                && content.pattern.bytes().iter().any(u8::is_ascii_uppercase)
        };
        let mut contents = steps.steps().iter().filter_map(|step| match step {
            Step::Content(content) => Some(content),
            _ => None,
        });
        let found = contents.find(seeks_capitals).filter(|_| is_small)?;
        let pattern = String::from_utf8_lossy(found.pattern.bytes());
        let message = format!("the content {pattern:?} has capital letters, where there are none");
        Some(Finding::new(WarningKind::Capitals, message))
    }
}
