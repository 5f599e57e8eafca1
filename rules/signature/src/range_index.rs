//! From an address or a port to the rules that name it: thousands of rules hold nothing but lists of addresses.
//!
//! ```text
//! starts: |0      |a          |b      |c ...     the space cut at every range's ends
//! lists:  |{}     |{1}        |{1,7}  |{7}       the rules whose ranges cover each piece
//! ```

use std::collections::BTreeSet;

use crate::ranges::{Number, RangeSet};
use crate::rule::RuleIndex;

/// Rules by address or port.
#[derive(Debug, Default)]
pub(crate) struct RangeIndex<N> {
    starts: Vec<N>,
    lists: Vec<Box<[RuleIndex]>>,
}

impl<N: Number> RangeIndex<N> {
    pub(crate) fn build<'s>(rules: impl IntoIterator<Item = (RuleIndex, &'s RangeSet<N>)>) -> RangeIndex<N>
    where
        N: 's,
    {
        // (place, begins, rule): at each place the rules that begin or have ended there.
        let mut events: Vec<(N, bool, RuleIndex)> = Vec::new();
        for (rule, set) in rules {
            for (low, high) in set.ranges() {
                events.push((*low, true, rule));
                if let Some(after) = high.next() {
                    events.push((after, false, rule));
                }
            }
        }
        // Sets never touch themselves, so that a rule has at most one event at a place.
        events.sort_unstable();
        let (mut starts, mut lists) = (Vec::new(), Vec::new());
        let mut active: BTreeSet<RuleIndex> = BTreeSet::new();
        for here in events.chunk_by(|left, right| left.0 == right.0) {
            for (_, begins, rule) in here {
                if *begins {
                    active.insert(*rule);
                } else {
                    active.remove(rule);
                }
            }
            if let Some((place, ..)) = here.first() {
                starts.push(*place);
                lists.push(active.iter().copied().collect());
            }
        }
        RangeIndex { starts, lists }
    }

    /// The rules that name the number.
    pub(crate) fn rules(&self, number: N) -> &[RuleIndex] {
        let after = self.starts.partition_point(|start| *start <= number);
        after
            .checked_sub(1)
            .and_then(|piece| self.lists.get(piece))
            .map_or(&[], |list| list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_that_cover_a_number() {
        let sets = [
            RangeSet::union([RangeSet::range(10, 20), RangeSet::range(30, 30)]),
            RangeSet::range(15, 35),
            RangeSet::range(21, 29),
        ];
        let index = RangeIndex::build((0u32..).map(RuleIndex).zip(sets.iter()));
        for address in 0..50u128 {
            let expected: Vec<u32> = (0u32..)
                .zip(&sets)
                .filter(|(_, set)| set.contains(address))
                .map(|(n, _)| n)
                .collect();
            let found: Vec<u32> = index.rules(address).iter().map(|rule| rule.0).collect();
            assert_eq!(found, expected, "{address}");
        }
    }
}
