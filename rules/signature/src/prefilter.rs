//! Which rules can match at all: one search for the telling patterns of many rules.
//!
//! Each rule gives the pattern its author chose (`fast_pattern`), else the most telling of its
//! contents. All patterns of a group are sought at once ([`Filter`]), without regard to case. A
//! rule found so is a candidate only: the verifier decides.

use std::collections::BTreeMap;

use crate::content::{Amount, Content, FastPattern, commonness};
use crate::filter::Filter;
use crate::limits::PREFILTER_PATTERN_BYTES_MAX;
use crate::rule::RuleIndex;
use crate::verify::{Step, StepList};

/// A rule's pattern for the prefilter, and how telling it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) pattern: Vec<u8>,
    pub(crate) score: u32,
    /// Behind how many bytes of the data it cannot end; `None` if it may stand anywhere.
    pub(crate) reach: Option<usize>,
    /// What the data must begin with, in lower case, if the conditions say so; it may be an upper case letter there.
    pub(crate) first: Option<u8>,
}

impl Telling {
    /// How telling it is, whoever chose it.
    fn worth(&self) -> u32 {
        self.score % CHOSEN_SCORE
    }

    fn is_at_start(&self) -> bool {
        self.reach.is_some_and(|reach| reach <= HEAD_BYTES)
    }

    /// The same pattern in data of which but a part is seen, so that its place in it says nothing.
    pub(crate) fn anywhere(&self) -> Telling {
        Telling {
            reach: None,
            first: None,
            ..self.clone()
        }
    }
}

/// The pattern to prefilter these conditions by; `None` if they have no content that must be there.
pub(crate) fn choose(list: &StepList) -> Option<Telling> {
    tellings(list).max_by_key(|telling| telling.score)
}

/// Whatever tells so much is seldom met: some five bytes that differ.
const ENOUGH_WORTH: u32 = 24;

/// The same, but rather one that is sought only at the start of the data, if it tells about as much or enough.
pub(crate) fn choose_at_start(list: &StepList) -> Option<Telling> {
    let best = choose(list)?;
    let enough = (best.worth() / 4 * 3).min(ENOUGH_WORTH);
    let at_start = tellings(list).filter(|telling| telling.is_at_start() && telling.worth() >= enough);
    at_start.max_by_key(|telling| telling.score).or(Some(best))
}

/// The patterns of the contents that must be there.
fn tellings(list: &StepList) -> impl Iterator<Item = Telling> {
    let mut cursor = None;
    let first = list.steps().iter().find_map(first_byte);
    list.steps().iter().filter_map(move |step| match step {
        Step::Content(content) if !content.negated => {
            cursor = reach(content, cursor);
            Some(Telling {
                first,
                ..telling(content, cursor)
            })
        }
        Step::Regex(_) | Step::Jump(_) | Step::Extract(_) => {
            cursor = None;
            None
        }
        _ => None,
    })
}

/// The byte that the data begins with if the condition holds, where it says that.
fn first_byte(step: &Step) -> Option<u8> {
    let Step::Content(content) = step else {
        return None;
    };
    let bytes = content.pattern.bytes();
    let is_all_of_depth =
        matches!(content.depth, Some(Amount::Number(depth)) if usize::try_from(depth) == Ok(bytes.len()));
    let is_at_offset = matches!(content.offset, None | Some(Amount::Number(0)));
    let is_at_start = content.starts || (is_at_offset && is_all_of_depth);
    let first = bytes
        .first()
        .filter(|_| is_at_start && !content.negated && !content.is_relative());
    first.map(u8::to_ascii_lowercase)
}

/// The last place where the content can end, `cursor` being where the one before can; `None` if there is no such.
fn reach(content: &Content, cursor: Option<usize>) -> Option<usize> {
    let number = |amount: Option<Amount>| match amount {
        Some(Amount::Number(number)) => Some(number),
        _ => None,
    };
    let offset = content.offset.map_or(Some(0), |amount| number(Some(amount)));
    let by_depth = offset
        .zip(number(content.depth))
        .map(|(offset, depth)| offset.saturating_add(depth));
    let by_start = content.starts.then(|| content.pattern.len() as i64);
    let distance = content.distance.map_or(Some(0), |amount| number(Some(amount)));
    let from = distance.zip(cursor.and_then(|cursor| i64::try_from(cursor).ok()));
    let by_within = from.zip(number(content.within));
    let by_within =
        by_within.map(|((distance, cursor), within)| cursor.saturating_add(distance).saturating_add(within));
    let bounds = [by_depth, by_start, by_within].into_iter().flatten();
    bounds.min().map(|bound| usize::try_from(bound).unwrap_or(0))
}

/// The author's choice beats every other.
const CHOSEN_SCORE: u32 = 1_000_000;

fn telling(content: &Content, reach: Option<usize>) -> Telling {
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
        reach,
        first: None,
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
    whole: Patterns,
    begun: Patterns,
    beginnings: Vec<u8>,
    head: Patterns,
    always: Vec<RuleIndex>,
}

/// Rules by their patterns.
type Patterns = BTreeMap<Vec<u8>, Vec<RuleIndex>>;

impl GroupBuilder {
    /// Adds a rule by its pattern, or as a candidate always.
    pub(crate) fn add(&mut self, rule: RuleIndex, telling: Option<&Telling>) {
        let Some(telling) = telling else {
            return self.always.push(rule);
        };
        let patterns = match telling.first {
            _ if telling.is_at_start() => &mut self.head,
            Some(first) => {
                self.beginnings.extend([first, first.to_ascii_uppercase()]);
                &mut self.begun
            }
            None => &mut self.whole,
        };
        patterns.entry(telling.pattern.clone()).or_default().push(rule);
    }

    pub(crate) fn build(self) -> Group {
        let mut beginnings = self.beginnings;
        beginnings.sort_unstable();
        beginnings.dedup();
        Group {
            whole: Part::new(self.whole),
            begun: Part::new(self.begun),
            beginnings: beginnings.into(),
            head: Part::new(self.head),
            always: self.always,
        }
    }
}

/// Patterns that cannot end behind so many bytes are sought in these alone.
const HEAD_BYTES: usize = 256;

/// The rules of one buffer (and direction), ready to be searched for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    whole: Part,
    /// Those that are about data that begins with one of these bytes.
    begun: Part,
    beginnings: Box<[u8]>,
    /// Those whose patterns can but stand in the first [`HEAD_BYTES`].
    head: Part,
    always: Vec<RuleIndex>,
}

impl Group {
    /// Whether no rule is in the group.
    pub(crate) fn is_empty(&self) -> bool {
        self.always.is_empty()
            && [&self.whole, &self.begun, &self.head]
                .iter()
                .all(|part| part.rules.is_empty())
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
        self.whole.find(data, seen, &mut found);
        if data
            .first()
            .is_some_and(|first| self.beginnings.binary_search(first).is_ok())
        {
            self.begun.find(data, seen, &mut found);
        }
        let head = data.get(..HEAD_BYTES).unwrap_or(data);
        if seen < head.len() {
            self.head.find(head, seen, &mut found);
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        [&self.whole, &self.begun, &self.head]
            .map(Part::memory_bytes)
            .iter()
            .sum()
    }
}

/// Rules that are sought in the same bytes.
#[derive(Debug, Default)]
struct Part {
    filter: Filter,
    /// For each pattern the rules that have it.
    rules: Box<[Box<[RuleIndex]>]>,
}

impl Part {
    fn new(patterns: Patterns) -> Part {
        Part {
            filter: Filter::new(patterns.keys().map(Vec::as_slice), commonness),
            rules: patterns.into_values().map(Vec::into_boxed_slice).collect(),
        }
    }

    fn find(&self, data: &[u8], seen: usize, mut found: impl FnMut(RuleIndex)) {
        self.filter.find(data, seen, |pattern| {
            let rules = self.rules.get(pattern as usize).into_iter().flatten();
            rules.copied().for_each(&mut found);
        });
    }

    fn memory_bytes(&self) -> usize {
        let rules = self.rules.iter();
        self.filter.memory_bytes() + rules.map(|rules| size_of_val(&**rules)).sum::<usize>()
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
                reach: None,
                first: None,
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
