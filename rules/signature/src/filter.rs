//! The search for many patterns at once, in one pass.
//!
//! Of each pattern five neighbouring bytes are chosen, its window: those met least often. Windows are sorted into eight buckets. A table says for each
//! pair of bytes in which buckets, and how far behind the window's start, it may stand. Where all pairs from a place on say yes for one bucket, which
//! is seldom, the patterns whose windows begin like that are compared with what stands there:
//!
//! ```text
//! data     … G E T   / a d m i n / s h e l l . p h p …
//!                      └┴┴┴┘ four pairs ── no bucket has all: next place
//!                            └─ one has ──▶ patterns of these bytes at offset o ──▶ compare, case ignored
//! ```
//!
//! So every byte costs one look into a table that fits into the first cache, and no guess of the processor's: eight places are looked up before the
//! first question is asked of the answers. An automaton over all patterns would be many times the cache and miss it at each byte. Patterns of two to
//! four bytes have buckets of their own that ask for fewer pairs; one byte is sought by itself.
//!
//! Case is ignored: the table has every pair in both, and knows of the second byte only bits that the case does not change.
//!
//! The scheme is that of Hyperscan's FDR (Wang and others, NSDI 2019), without its vector instructions. Where patterns are few and none is very short,
//! vector instructions look for how their windows begin ([`Few`]).

mod entries;
mod few;
mod map;

use entries::{Entries, Entry};
use few::{BEGINNING, Few};
use map::{BLOCK, Block, LATE, Map, Misses, WINDOW_MAX, Window};

/// Up to so many patterns the small map does: it takes less of the cache from others.
const SMALL_MAX: usize = 64;

/// Less data is not worth vector instructions.
const FEW_DATA_MIN: usize = 64;

/// Bytes of a key; of shorter patterns it has but the first two.
const LONG: usize = 4;

/// Finds patterns in data, case ignored.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    longest: usize,
    map: AnyMap,
    /// In place of the map where there is enough data.
    few: Option<Few>,
    long: Entries,
    short: Entries,
    /// Patterns of one byte.
    single: Vec<(u8, u32)>,
}

#[derive(Debug, Default)]
enum AnyMap {
    #[default]
    None,
    /// By single bytes, 1 KiB.
    Small(Map<0x100>),
    /// By a byte and four bits of the next one, 16 KiB.
    Large(Map<0x1000>),
}

impl Filter {
    /// A filter for patterns, none of which is empty. `commonness` says how often a byte is met.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = &'p [u8]>, commonness: impl Fn(u8) -> u8) -> Filter {
        let (mut windows, mut long, mut short) = (Vec::new(), Vec::new(), Vec::new());
        let mut beginnings = Some(Vec::new());
        let mut of = Filter::default();
        for (number, pattern) in (0u32..).zip(patterns) {
            let pattern = pattern.to_ascii_lowercase();
            of.longest = of.longest.max(pattern.len());
            if let [byte] = *pattern {
                of.single.push((byte, number));
                continue;
            }
            let Some((offset, window)) = choose(&pattern, &commonness) else {
                continue;
            };
            windows.push(window);
            let beginning = pattern
                .get(offset..)
                .and_then(|rest| rest.first_chunk::<BEGINNING>());
            beginnings = beginnings.zip(beginning).map(|(mut all, beginning)| {
                all.push(*beginning);
                all
            });
            let key = key(pattern.get(offset..).unwrap_or_default());
            let (of_length, key) = match pattern.len() < LONG {
                true => (&mut short, key & SHORT_MASK),
                false => (&mut long, key),
            };
            of_length.push(Entry {
                key,
                offset,
                number,
                pattern,
            });
        }
        of.few = beginnings
            .filter(|_| windows.len() <= SMALL_MAX)
            .and_then(|all| Few::new(&all));
        of.map = match windows.len() {
            0 => AnyMap::None,
            1..=SMALL_MAX => AnyMap::Small(Map::new(windows)),
            _ => AnyMap::Large(Map::new(windows)),
        };
        of.long = Entries::new(long);
        of.short = Entries::new(short);
        of
    }

    /// Calls `found` with the number of each pattern that ends behind the first `seen` bytes; one may come more than once.
    pub(crate) fn find(&self, data: &[u8], seen: usize, mut found: impl FnMut(u32)) {
        for (byte, number) in &self.single {
            let (lower, upper) = (*byte, byte.to_ascii_uppercase());
            let fresh = data.get(seen..).unwrap_or_default();
            if memchr::memchr2(lower, upper, fresh).is_some() {
                found(*number);
            }
        }
        // One that ends there may begin so much earlier.
        let from = seen.saturating_sub(self.longest.saturating_sub(1));
        let rest = data.get(from..).unwrap_or_default();
        let mut compare = |buckets: u8, at: usize| {
            let at = from + at;
            let key = key(data.get(at..).unwrap_or_default());
            if buckets & map::LONG_BUCKETS != 0 && self.long.may_have(key) {
                self.long.compare(key, data, at, seen, &mut found);
            }
            let key = key & SHORT_MASK;
            if buckets & !map::LONG_BUCKETS != 0 && self.short.may_have(key) {
                self.short.compare(key, data, at, seen, &mut found);
            }
        };
        match (&self.few, &self.map) {
            (_, AnyMap::None) => {}
            (Some(few), _) if rest.len() >= FEW_DATA_MIN => few.places(rest, |at| compare(u8::MAX, at)),
            (_, AnyMap::Small(map)) => places(rest, map, compare),
            (_, AnyMap::Large(map)) => places(rest, map, compare),
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let map = match &self.map {
            AnyMap::None => 0,
            AnyMap::Small(map) => map.memory_bytes(),
            AnyMap::Large(map) => map.memory_bytes(),
        };
        map + self.long.memory_bytes() + self.short.memory_bytes()
    }
}

/// Calls `hit` for every place where a window may begin, with its buckets.
fn places<const SIZE: usize>(data: &[u8], map: &Map<SIZE>, mut hit: impl FnMut(u8, usize)) {
    let mut misses = Misses::BEFORE_THE_FIRST;
    let mut each = |mut hits: u64, at: usize| {
        while hits != 0 {
            let place = hits.trailing_zeros() / u8::BITS;
            hit(
                (hits >> (place * u8::BITS)) as u8,
                (at + place as usize).saturating_sub(LATE),
            );
            hits &= !(0xff << (place * u8::BITS));
        }
    };
    let mut at = 0;
    while let Some(hits) = next_hits(data, map, &mut at, &mut misses) {
        each(hits, at - BLOCK);
    }
    // What is found in the padding is not there when it is compared.
    while at < data.len() + LATE {
        let mut block = Block::default();
        let rest = data.get(at..).unwrap_or_default();
        block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let (hits, later) = map.hits(&block, misses);
        misses = later;
        each(hits, at);
        at += BLOCK;
    }
}

/// Looks at whole blocks from `at` on until there are hits in one, behind which `at` is then; `None` when there is none any more. On its own so that
/// all it needs is in registers.
#[inline(never)]
fn next_hits<const SIZE: usize>(
    data: &[u8],
    map: &Map<SIZE>,
    at: &mut usize,
    misses: &mut Misses,
) -> Option<u64> {
    let mut rest = data.get(*at..).unwrap_or_default();
    while let Some(block) = rest.first_chunk() {
        let (hits, later) = map.hits(block, *misses);
        *misses = later;
        rest = rest.get(BLOCK..).unwrap_or_default();
        if hits != 0 {
            *at = data.len() - rest.len();
            return Some(hits);
        }
    }
    *at = data.len() - rest.len();
    None
}

/// Sets bit 5 of each byte.
const FOLD: u32 = 0x2020_2020;
/// Of a key of four bytes the first two.
const SHORT_MASK: u32 = 0xffff;

/// The first four bytes, folded, the first one lowest; those that are missing are zero.
fn key(bytes: &[u8]) -> u32 {
    if let Some(four) = bytes.first_chunk() {
        return u32::from_le_bytes(*four) | FOLD;
    }
    let mut four = [0; LONG];
    four.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u32::from_le_bytes(four) | FOLD
}

/// The bytes of a pattern that are met least often, and where they stand; `None` if it has but one.
fn choose(pattern: &[u8], commonness: impl Fn(u8) -> u8) -> Option<(usize, Window)> {
    let size = pattern.len().min(WINDOW_MAX);
    let commonest = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(commonness(*byte))).sum::<u32>();
    let windows = pattern.windows(size).enumerate();
    let (offset, bytes) = windows.min_by_key(|(_, bytes)| commonest(bytes))?;
    Some((offset, Window::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(patterns: &[&[u8]], data: &[u8], seen: usize) -> Vec<u32> {
        let filter = Filter::new(patterns.iter().copied(), |_| 1);
        let mut numbers = Vec::new();
        filter.find(data, seen, |number| numbers.push(number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The patterns that end behind the first `seen` bytes, by their definition.
    fn expected(patterns: &[&[u8]], data: &[u8], seen: usize) -> Vec<u32> {
        let ends_behind = |pattern: &[u8]| {
            let ends = pattern.len().max(seen + 1)..=data.len();
            ends.into_iter()
                .any(|end| data[end - pattern.len()..end].eq_ignore_ascii_case(pattern))
        };
        let numbered = (0..).zip(patterns);
        numbered
            .filter(|(_, pattern)| ends_behind(pattern))
            .map(|(number, _)| number)
            .collect()
    }

    #[test]
    fn patterns_of_every_length_are_found_in_any_case() {
        let patterns: &[&[u8]] = &[
            b"a",
            b"bc",
            b"cde",
            b"defg",
            b"efghi",
            b"\x00\xff\x80\x20",
            b"[\\]^",
        ];
        assert_eq!(found(patterns, b"xABCDEFGHIx", 0), [0, 1, 2, 3, 4]);
        assert_eq!(found(patterns, b"\x00\xff\x80\x20", 0), [5]);
        // Setting bit 5 makes these alike.
        assert!(found(patterns, b"\x00\xff\x80\x00", 0).is_empty());
        assert!(found(patterns, b"{|}~", 0).is_empty());
        assert_eq!(found(patterns, b"[\\]^", 0), [6]);
        assert!(found(patterns, b"", 0).is_empty());
    }

    #[test]
    fn what_was_seen_is_not_found_again() {
        assert_eq!(found(&[b"abcd"], b"abcd", 0), [0]);
        assert_eq!(found(&[b"abcd"], b"abcd", 3), [0]);
        assert!(found(&[b"abcd"], b"abcd", 4).is_empty());
        assert!(found(&[b"abcd"], b"abcdx", 4).is_empty());
        assert!(found(&[b"a"], b"ab", 1).is_empty());
    }

    proptest! {
        #[test]
        fn few_patterns_are_found_in_much_data(
            patterns in prop::collection::vec("[abA\\x00]{3,7}", 1..5),
            data in "[abAB\\x00]{64,160}",
            seen in 0usize..165,
        ) {
            let patterns: Vec<&[u8]> = patterns.iter().map(String::as_bytes).collect();
            prop_assert_eq!(
                found(&patterns, data.as_bytes(), seen),
                expected(&patterns, data.as_bytes(), seen)
            );
        }

        #[test]
        fn finds_what_the_definition_says(
            patterns in prop::collection::vec("[abA\\x00]{1,9}", 1..12),
            data in "[abAB\\x00]{0,40}",
            seen in 0usize..45,
        ) {
            let patterns: Vec<&[u8]> = patterns.iter().map(String::as_bytes).collect();
            prop_assert_eq!(
                found(&patterns, data.as_bytes(), seen),
                expected(&patterns, data.as_bytes(), seen)
            );
        }
    }
}
