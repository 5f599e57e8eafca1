//! The search for many patterns at once, in one pass that looks at each byte once.
//!
//! Of each pattern four neighbouring bytes are chosen, those met least often. At each place of the data its four bytes are looked up in a map of
//! bits; only where the bit is set, which is seldom, the patterns with these four bytes are compared with what stands there:
//!
//! ```text
//! data     … G E T   / a d m i n / s h e l l . p h p …
//!                      └──────┘ in the map? ── no: next place
//!                               yes ──▶ patterns with these four at offset o ──▶ compare, case ignored
//! ```
//!
//! An automaton over all patterns would be many times the cache and miss it at each byte; the maps fit into it. Patterns of two and three bytes have
//! a map of their own, over two bytes; one byte is sought by itself.
//!
//! Case is ignored by setting bit 5 of every byte before the look-up, which folds letters and some other bytes, too; the comparison tells them apart.

/// A pattern by its look-up bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u32,
    pattern: u32,
    /// Where they stand in it.
    offset: u32,
}

/// Patterns by their look-up bytes: in buckets, by a hash of these.
#[derive(Debug, Default)]
struct Entries {
    /// Where the entries of each bucket begin; one more at the end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    shift: u32,
}

impl Entries {
    fn new(mut entries: Vec<Entry>) -> Entries {
        // Two buckets to an entry.
        let bits = (usize::BITS - entries.len().leading_zeros() + 1).clamp(1, 24);
        let shift = 32 - bits;
        entries.sort_by_key(|entry| hash(entry.key) >> shift);
        let first_of = |bucket| entries.partition_point(|entry| hash(entry.key) >> shift < bucket);
        Entries {
            starts: (0..=1 << bits).map(|bucket| index(first_of(bucket))).collect(),
            entries,
            shift,
        }
    }

    fn of(&self, key: u32) -> impl Iterator<Item = &Entry> {
        let bucket = (hash(key) >> self.shift) as usize;
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        let entries = self.entries.get(bound(bucket)..bound(bucket + 1));
        let entries = entries.unwrap_or_default().iter();
        entries.filter(move |entry| entry.key == key)
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn memory_bytes(&self) -> usize {
        4 * self.starts.capacity() + size_of::<Entry>() * self.entries.capacity()
    }
}

fn hash(key: u32) -> u32 {
    /// Knuth's multiplier: the golden ratio's fraction of 2^32.
    const MULTIPLIER: u32 = 0x9e37_79b1;
    key.wrapping_mul(MULTIPLIER)
}

/// A map of bits, by hashes.
#[derive(Debug, Default)]
struct Bits {
    words: Box<[u64]>,
    /// Bits of a hash that are too many.
    shift: u32,
}

impl Bits {
    /// A map with room for `2^bits`.
    fn new(bits: u32) -> Bits {
        Bits {
            words: vec![0; 1 << bits.saturating_sub(6)].into(),
            shift: 32 - bits.max(6),
        }
    }

    fn place(&self, key: u32) -> u32 {
        hash(key) >> self.shift
    }

    /// Two bits of one word.
    fn mask(key: u32, place: u32) -> u64 {
        1 << (place % 64) | 1 << (hash(key) >> 4 & 63)
    }

    fn set(&mut self, key: u32) {
        let place = self.place(key);
        if let Some(word) = self.words.get_mut(place as usize / 64) {
            *word |= Bits::mask(key, place);
        }
    }

    #[inline]
    fn has(&self, key: u32) -> bool {
        let place = self.place(key);
        let word = self.words.get(place as usize / 64).copied().unwrap_or(0);
        let mask = Bits::mask(key, place);
        word & mask == mask
    }
}

/// Bits of the maps: of 16 KiB at most, so that both and the data fit into the first cache.
const LONG_BITS_MAX: u32 = 17;
const LONG_BITS_MIN: u32 = 10;
/// How many bits there are to a pattern.
const BITS_PER_PATTERN_LOG2: u32 = 4;
const SHORT_BITS: u32 = 12;

const LONG: usize = 4;
const SHORT: usize = 2;

/// Finds patterns in data, case ignored.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// In lower case.
    patterns: Vec<Box<[u8]>>,
    longest: usize,
    long: Bits,
    long_entries: Entries,
    short: Bits,
    short_entries: Entries,
    /// Patterns of one byte.
    single: Vec<(u8, u32)>,
}

impl Filter {
    /// A filter for patterns, none of which is empty. `commonness` says how often a byte is met.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = &'p [u8]>, commonness: impl Fn(u8) -> u8) -> Filter {
        let patterns: Vec<Box<[u8]>> = patterns
            .map(|pattern| pattern.to_ascii_lowercase().into())
            .collect();
        let (mut long, mut short, mut single) = (Vec::new(), Vec::new(), Vec::new());
        for (number, pattern) in (0u32..).zip(&patterns) {
            match &**pattern {
                [] => {}
                [byte] => single.push((*byte, number)),
                [_, _] | [_, _, _] => short.push(choose::<SHORT>(number, pattern, &commonness)),
                _ => long.push(choose::<LONG>(number, pattern, &commonness)),
            }
        }
        let wanted = usize::BITS - long.len().leading_zeros() + BITS_PER_PATTERN_LOG2;
        let mut of = Filter {
            longest: patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0),
            long: Bits::new(wanted.clamp(LONG_BITS_MIN, LONG_BITS_MAX)),
            short: Bits::new(SHORT_BITS),
            single,
            patterns,
            ..Filter::default()
        };
        long.iter().for_each(|entry: &Entry| of.long.set(entry.key));
        short.iter().for_each(|entry: &Entry| of.short.set(entry.key));
        of.long_entries = Entries::new(long);
        of.short_entries = Entries::new(short);
        of
    }

    /// Calls `found` with the number of each pattern that ends behind the first `seen` bytes; one may come more than once.
    pub(crate) fn find(&self, data: &[u8], seen: usize, mut found: impl FnMut(u32)) {
        // One that ends there may begin so much earlier.
        let from = seen.saturating_sub(self.longest.saturating_sub(1));
        let rest = data.get(from..).unwrap_or_default();
        for (byte, number) in &self.single {
            let (lower, upper) = (*byte, byte.to_ascii_uppercase());
            let fresh = data.get(seen..).unwrap_or_default();
            if memchr::memchr2(lower, upper, fresh).is_some() {
                found(*number);
            }
        }
        let mut compare = |entries: &Entries, key: u32, at: usize| {
            for entry in entries.of(key) {
                let pattern = self.patterns.get(entry.pattern as usize);
                let begin = at.checked_sub(entry.offset as usize);
                let (Some(pattern), Some(begin)) = (pattern, begin) else {
                    continue;
                };
                let end = begin + pattern.len();
                let there = data.get(begin..end);
                if end > seen && there.is_some_and(|there| there.eq_ignore_ascii_case(pattern)) {
                    found(entry.pattern);
                }
            }
        };
        if !self.long_entries.is_empty() {
            for (at, bytes) in rest.windows(LONG).enumerate() {
                let key = long_key(bytes);
                if self.long.has(key) {
                    compare(&self.long_entries, key, from + at);
                }
            }
        }
        if !self.short_entries.is_empty() {
            for (at, bytes) in rest.windows(SHORT).enumerate() {
                let key = short_key(bytes);
                if self.short.has(key) {
                    compare(&self.short_entries, key, from + at);
                }
            }
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let patterns: usize = self
            .patterns
            .iter()
            .map(|pattern| pattern.len() + size_of_val(pattern))
            .sum();
        let bits = 8 * (self.long.words.len() + self.short.words.len());
        patterns + bits + self.long_entries.memory_bytes() + self.short_entries.memory_bytes()
    }
}

/// Sets bit 5 of each byte.
const FOLD: u32 = 0x2020_2020;

#[inline]
fn long_key(bytes: &[u8]) -> u32 {
    match bytes.first_chunk::<LONG>() {
        Some(four) => u32::from_le_bytes(*four) | FOLD,
        None => 0,
    }
}

#[inline]
fn short_key(bytes: &[u8]) -> u32 {
    match bytes {
        [one, two, ..] => u32::from(u16::from_le_bytes([*one, *two])) | FOLD & 0xffff,
        _ => 0,
    }
}

/// The bytes of a pattern that are met least often, as a key, and where they stand.
fn choose<const N: usize>(number: u32, pattern: &[u8], commonness: impl Fn(u8) -> u8) -> Entry {
    let places = pattern.windows(N).enumerate();
    let commonest = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(commonness(*byte))).sum::<u32>();
    let rarest = places.min_by_key(|(_, bytes)| commonest(bytes));
    let (offset, bytes) = rarest.unwrap_or((0, pattern));
    let key = match N {
        LONG => long_key(bytes),
        _ => short_key(bytes),
    };
    Entry {
        key,
        pattern: number,
        offset: index(offset),
    }
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
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
