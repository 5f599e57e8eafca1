//! Sets of numbers as sorted ranges; addresses and ports are such sets.

use std::net::IpAddr;

/// Numbers that ranges are made of.
pub(crate) trait Number: Copy + Ord {
    const LEAST: Self;
    const MOST: Self;
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            const LEAST: $type = <$type>::MIN;
            const MOST: $type = <$type>::MAX;
            fn next(self) -> Option<$type> { self.checked_add(1) }
            fn previous(self) -> Option<$type> { self.checked_sub(1) }
        }
    )*};
}
number!(u16, u128);

/// Sorted, disjoint, inclusive ranges that do not touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RangeSet<N> {
    ranges: Vec<(N, N)>,
}

impl<N: Number> RangeSet<N> {
    pub(crate) fn empty() -> RangeSet<N> {
        RangeSet { ranges: Vec::new() }
    }

    pub(crate) fn all() -> RangeSet<N> {
        RangeSet {
            ranges: vec![(N::LEAST, N::MOST)],
        }
    }

    pub(crate) fn range(low: N, high: N) -> RangeSet<N> {
        if low > high {
            RangeSet::empty()
        } else {
            RangeSet {
                ranges: vec![(low, high)],
            }
        }
    }

    pub(crate) fn union(parts: impl IntoIterator<Item = RangeSet<N>>) -> RangeSet<N> {
        let mut ranges: Vec<(N, N)> = parts.into_iter().flat_map(|part| part.ranges).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(N, N)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if last.1.next().is_none_or(|after| low <= after) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        RangeSet { ranges: merged }
    }

    pub(crate) fn complement(&self) -> RangeSet<N> {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut from = Some(N::LEAST);
        for (low, high) in &self.ranges {
            if let (Some(start), Some(end)) = (from, low.previous())
                && start <= end
            {
                ranges.push((start, end));
            }
            from = high.next();
        }
        if let Some(start) = from {
            ranges.push((start, N::MOST));
        }
        RangeSet { ranges }
    }

    pub(crate) fn minus(&self, other: &RangeSet<N>) -> RangeSet<N> {
        // A \ B = not (not A or B)
        RangeSet::union([self.complement(), other.clone()]).complement()
    }

    pub(crate) fn contains(&self, number: N) -> bool {
        let after = self.ranges.partition_point(|(low, _)| *low <= number);
        after
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index))
            .is_some_and(|(_, high)| number <= *high)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(crate) fn is_all(&self) -> bool {
        self.ranges
            .first()
            .is_some_and(|(low, high)| *low == N::LEAST && *high == N::MOST)
    }

    pub(crate) fn ranges(&self) -> &[(N, N)] {
        &self.ranges
    }
}

impl RangeSet<u16> {
    pub(crate) fn count(&self) -> u32 {
        let counts = self.ranges.iter().map(|(low, high)| u32::from(high - low) + 1);
        counts.sum()
    }
}

/// The start of `::ffff:0:0/96`, where IPv4 addresses live among IPv6's.
pub(crate) const IPV4_BASE: u128 = 0xffff_0000_0000;

/// An address as one number; IPv4 as mapped into IPv6.
pub(crate) fn address_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => IPV4_BASE | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn set(ranges: &[(u16, u16)]) -> RangeSet<u16> {
        RangeSet::union(ranges.iter().map(|(low, high)| RangeSet::range(*low, *high)))
    }

    #[test]
    fn merges_neighbours() {
        assert_eq!(set(&[(5, 9), (1, 2), (3, 4)]).ranges(), [(1, 9)]);
        assert_eq!(set(&[(0, u16::MAX), (3, 4)]).ranges(), [(0, u16::MAX)]);
        assert!(set(&[(0, u16::MAX)]).complement().is_empty());
        assert!(set(&[]).complement().is_all());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn set_arithmetic(a in prop::collection::vec((0u16..60, 0u16..60), 0..6),
                          b in prop::collection::vec((0u16..60, 0u16..60), 0..6)) {
            let holds = |ranges: &[(u16, u16)], n: u16| ranges.iter().any(|(l, h)| *l <= n && n <= *h);
            let (left, right) = (set(&a), set(&b));
            let difference = left.minus(&right);
            for n in 0..70 {
                prop_assert_eq!(left.contains(n), holds(&a, n));
                prop_assert_eq!(left.complement().contains(n), !holds(&a, n));
                prop_assert_eq!(difference.contains(n), holds(&a, n) && !holds(&b, n));
            }
        }
    }
}
