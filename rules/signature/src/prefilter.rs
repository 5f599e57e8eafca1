//! Which rules can match at all: one search for the telling patterns of many rules.
//!
//! Each rule gives the pattern its author chose (`fast_pattern`), else the most telling of its
//! contents. All patterns of a group are sought at once ([`Filter`]), without regard to case. A
//! rule found so is a candidate only: the verifier decides.

use std::collections::BTreeMap;

use crate::content::{Content, FastPattern, commonness};
use crate::filter::Filter;
use crate::limits::PREFILTER_PATTERN_BYTES_MAX;
use crate::rule::RuleIndex;
use crate::verify::{Step, StepList};

/// A rule's pattern for the prefilter, and how telling it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) pattern: Vec<u8>,
    pub(crate) score: u32,
}

/// The pattern to prefilter these conditions by; `None` if they have no content that must be there.
pub(crate) fn choose(list: &StepList) -> Option<Telling> {
    let contents = list.steps().iter().filter_map(|step| match step {
        Step::Content(content) if !content.negated => Some(content),
        _ => None,
    });
    contents.map(telling).max_by_key(|telling| telling.score)
}

/// The author's choice beats every other.
const CHOSEN_SCORE: u32 = 1_000_000;

fn telling(content: &Content) -> Telling {
    let bytes = content.pattern.bytes();
    let part = match content.fast {
        Some(FastPattern::Part { offset, length }) => bytes.get(offset..offset + length).unwrap_or(bytes),
        _ => bytes,
    };
    // The end of a long pattern tells most: names of hosts and files differ there less often than
    // they share how they begin.
    let cut = part.len().saturating_sub(PREFILTER_PATTERN_BYTES_MAX);
    let pattern = part.get(cut..).unwrap_or(part).to_ascii_lowercase();
    let chosen = if content.fast.is_some() { CHOSEN_SCORE } else { 0 };
    Telling {
        score: chosen + score(&pattern),
        pattern,
    }
}

/// Seldom bytes count more, repeated ones less.
fn score(pattern: &[u8]) -> u32 {
    let mut seen = [false; 256];
    pattern
        .iter()
        .map(|byte| {
            let first = seen
                .get_mut(usize::from(*byte))
                .is_some_and(|seen| !std::mem::replace(seen, true));
            let rarity = 5u32.saturating_sub(commonness(*byte).into());
            if first { 4 + rarity } else { 1 }
        })
        .sum()
}

/// Collects the rules of a group.
#[derive(Debug, Default)]
pub(crate) struct GroupBuilder {
    patterns: BTreeMap<Vec<u8>, Vec<RuleIndex>>,
    always: Vec<RuleIndex>,
}

impl GroupBuilder {
    /// Adds a rule by its pattern, or as a candidate always.
    pub(crate) fn add(&mut self, rule: RuleIndex, telling: Option<&Telling>) {
        match telling {
            Some(telling) => self
                .patterns
                .entry(telling.pattern.clone())
                .or_default()
                .push(rule),
            None => self.always.push(rule),
        }
    }

    pub(crate) fn build(self) -> Group {
        let patterns = self.patterns.keys().map(Vec::as_slice);
        Group {
            filter: Filter::new(patterns, commonness),
            rules: self.patterns.into_values().map(Vec::into_boxed_slice).collect(),
            always: self.always,
        }
    }
}

/// The rules of one buffer (and direction), ready to be searched for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    filter: Filter,
    /// For each pattern the rules that have it.
    rules: Box<[Box<[RuleIndex]>]>,
    always: Vec<RuleIndex>,
}

impl Group {
    /// Whether no rule is in the group.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.always.is_empty()
    }

    /// Calls `found` with every rule whose pattern is in the data, and with those that have none; a
    /// rule may come more than once.
    pub(crate) fn candidates(&self, data: &[u8], mut found: impl FnMut(RuleIndex)) {
        self.always.iter().copied().for_each(&mut found);
        self.new_candidates(data, 0, found);
    }

    /// Rules without a pattern.
    pub(crate) fn always(&self) -> &[RuleIndex] {
        &self.always
    }

    /// Calls `found` with every rule whose pattern ends behind the first `seen` bytes.
    pub(crate) fn new_candidates(&self, data: &[u8], seen: usize, mut found: impl FnMut(RuleIndex)) {
        self.filter.find(data, seen, |pattern| {
            let rules = self.rules.get(pattern as usize).into_iter().flatten();
            rules.copied().for_each(&mut found);
        });
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let rules = self
            .rules
            .iter()
            .map(|rules| size_of_val(&**rules))
            .sum::<usize>();
        self.filter.memory_bytes() + rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_overlapping_patterns_in_any_case() {
        let mut builder = GroupBuilder::default();
        for (index, pattern) in ["abc", "bc", "c", "xyz"].iter().enumerate() {
            let telling = Telling {
                pattern: pattern.as_bytes().to_vec(),
                score: 1,
            };
            builder.add(RuleIndex(index as u32), Some(&telling));
        }
        builder.add(RuleIndex(9), None);
        let group = builder.build();
        let mut found = Vec::new();
        group.candidates(b"..aBC..", |rule| found.push(rule.0));
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 9]);
    }

    #[test]
    fn rare_bytes_tell_more() {
        assert!(score(b"xq{7}") > score(b"eeeee"));
        assert!(score(b"abcdef") > score(b"ab"));
    }
}
