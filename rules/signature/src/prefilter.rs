//! Which rules can match at all: one search for the telling patterns of many rules.
//!
//! Each rule gives the pattern its author chose (`fast_pattern`), else the most telling of its
//! contents. All patterns of a group are sought at once, without regard to case, in one pass. A
//! rule found so is a candidate only: the verifier decides.

use std::collections::BTreeMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, StartKind, dfa, nfa};

use crate::content::{Content, FastPattern, commonness};
use crate::limits::{PREFILTER_DFA_BYTES_MAX, PREFILTER_PATTERN_BYTES_MAX};
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
        let total: usize = self.patterns.keys().map(Vec::len).sum();
        let scan = if self.patterns.is_empty() {
            None
        } else {
            Scan::build(self.patterns.keys(), total)
        };
        match scan {
            Some(scan) => Group {
                scan: Some(scan),
                rules: self.patterns.into_values().map(Vec::into_boxed_slice).collect(),
                always: self.always,
            },
            None => {
                // Without an automaton all are candidates: slower, never wrong.
                let mut always = self.always;
                always.extend(self.patterns.into_values().flatten());
                Group {
                    scan: None,
                    rules: Box::default(),
                    always,
                }
            }
        }
    }
}

/// The rules of one buffer (and direction), ready to be searched for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    scan: Option<Scan>,
    /// For each pattern the rules that have it.
    rules: Box<[Box<[RuleIndex]>]>,
    always: Vec<RuleIndex>,
}

#[derive(Debug)]
enum Scan {
    Dense(Box<dfa::DFA>),
    Compact(Box<nfa::contiguous::NFA>),
}

impl Scan {
    fn build<'p>(patterns: impl Iterator<Item = &'p Vec<u8>> + Clone, total: usize) -> Option<Scan> {
        let nfa = nfa::noncontiguous::Builder::new()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(patterns)
            .ok()?;
        if total <= PREFILTER_DFA_BYTES_MAX
            && let Ok(dense) = dfa::Builder::new()
                .start_kind(StartKind::Unanchored)
                .build_from_noncontiguous(&nfa)
        {
            return Some(Scan::Dense(Box::new(dense)));
        }
        let compact = nfa::contiguous::Builder::new()
            .build_from_noncontiguous(&nfa)
            .ok()?;
        Some(Scan::Compact(Box::new(compact)))
    }
}

impl Group {
    /// Whether no rule is in the group.
    pub(crate) fn is_empty(&self) -> bool {
        self.scan.is_none() && self.always.is_empty()
    }

    /// Calls `found` with every rule whose pattern is in the data, and with those that have none; a
    /// rule may come more than once.
    pub(crate) fn candidates(&self, data: &[u8], mut found: impl FnMut(RuleIndex)) {
        self.always.iter().copied().for_each(&mut found);
        let mut last = None;
        let by_pattern = |pattern: usize| {
            // Runs of one byte find the same pattern at each step.
            if last != Some(pattern) {
                last = Some(pattern);
                self.rules
                    .get(pattern)
                    .into_iter()
                    .flatten()
                    .copied()
                    .for_each(&mut found);
            }
        };
        match &self.scan {
            Some(Scan::Dense(dense)) => scan(&**dense, data, by_pattern),
            Some(Scan::Compact(compact)) => scan(&**compact, data, by_pattern),
            None => {}
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.scan {
            Some(Scan::Dense(dense)) => dense.memory_usage(),
            Some(Scan::Compact(compact)) => compact.memory_usage(),
            None => 0,
        }
    }
}

fn scan<A: Automaton>(automaton: &A, data: &[u8], mut found: impl FnMut(usize)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for byte in data {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for index in 0..automaton.match_len(state) {
                found(automaton.match_pattern(state, index).as_usize());
            }
        }
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
