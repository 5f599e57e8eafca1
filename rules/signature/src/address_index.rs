//! From an address to the rules that name it: thousands of rules hold nothing but lists of addresses.
//!
//! ```text
//! starts: |0      |a          |b      |c ...     the space cut at every range's ends
//! lists:  |{}     |{1}        |{1,7}  |{7}       the rules whose ranges cover each piece
//! ```

use std::collections::BTreeSet;

use crate::ranges::IPV4_BASE;
use crate::rule::RuleIndex;
use crate::variables::AddressSet;

/// A group of more IPv4 addresses than this is too common to be found by.
const NARROW_IPV4_MAX: u128 = 1 << 22;
/// Likewise for IPv6.
const NARROW_IPV6_MAX: u128 = 1 << 100;

/// How many addresses a group holds; `None` if too many to be found by.
pub(crate) fn narrowness(set: &AddressSet) -> Option<u128> {
    let (mut v4, mut v6) = (0u128, 0u128);
    for (low, high) in set.ranges() {
        let count = high.saturating_sub(*low).saturating_add(1);
        if *low >= IPV4_BASE && *high <= IPV4_BASE + u128::from(u32::MAX) {
            v4 = v4.saturating_add(count);
        } else {
            v6 = v6.saturating_add(count);
        }
    }
    (v4 <= NARROW_IPV4_MAX && v6 <= NARROW_IPV6_MAX).then(|| v4.saturating_add(v6))
}

/// Rules by address.
#[derive(Debug, Default)]
pub(crate) struct AddressIndex {
    starts: Vec<u128>,
    lists: Vec<Box<[RuleIndex]>>,
}

impl AddressIndex {
    pub(crate) fn build<'s>(rules: impl IntoIterator<Item = (RuleIndex, &'s AddressSet)>) -> AddressIndex {
        // (place, begins, rule): at each place the rules that begin or have ended there.
        let mut events: Vec<(u128, bool, RuleIndex)> = Vec::new();
        for (rule, set) in rules {
            for (low, high) in set.ranges() {
                events.push((*low, true, rule));
                if let Some(after) = high.checked_add(1) {
                    events.push((after, false, rule));
                }
            }
        }
        // Sets never touch themselves, so that a rule has at most one event at a place.
        events.sort_unstable();
        let mut index = AddressIndex::default();
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
                index.starts.push(*place);
                index.lists.push(active.iter().copied().collect());
            }
        }
        index
    }

    /// The rules that name the address.
    pub(crate) fn rules(&self, address: u128) -> &[RuleIndex] {
        let after = self.starts.partition_point(|start| *start <= address);
        after
            .checked_sub(1)
            .and_then(|piece| self.lists.get(piece))
            .map_or(&[], |list| list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::RangeSet;

    #[test]
    fn finds_all_that_cover_an_address() {
        let sets = [
            RangeSet::union([RangeSet::range(10, 20), RangeSet::range(30, 30)]),
            RangeSet::range(15, 35),
            RangeSet::range(21, 29),
        ];
        let index = AddressIndex::build((0u32..).map(RuleIndex).zip(sets.iter()));
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
