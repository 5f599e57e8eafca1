//! Patterns by their look-up bytes, for the comparison that decides.

/// A pattern and its look-up bytes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: u32,
    /// Where they stand in the pattern.
    pub(super) offset: usize,
    /// The pattern's number.
    pub(super) number: u32,
    /// In lower case.
    pub(super) pattern: Vec<u8>,
}

/// An entry without its bytes, which stand with those of all others.
#[derive(Debug, Clone, Copy)]
struct Row {
    key: u32,
    number: u32,
    offset: u32,
    start: u32,
    end: u32,
}

/// Entries in buckets, by a hash of their keys.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Where the rows of each bucket begin; one more at the end.
    starts: Box<[u32]>,
    rows: Box<[Row]>,
    bytes: Box<[u8]>,
    shift: u32,
    /// One bit for each part of the hashes' range, set if an entry's is there: most places that the table lets through are told from the entries by it.
    seen: Box<[u64]>,
    seen_shift: u32,
}

/// So many more bits of a hash than find its bucket find its bit among those seen.
const SEEN_BITS_MORE: u32 = 3;

impl Entries {
    pub(super) fn new(mut entries: Vec<Entry>) -> Entries {
        // Two to four buckets to an entry.
        let bits = (usize::BITS - entries.len().leading_zeros() + 1).clamp(1, 24);
        let shift = u32::BITS - bits;
        entries.sort_by_key(|entry| hash(entry.key) >> shift);
        let seen_shift = shift - SEEN_BITS_MORE;
        let mut seen = vec![0; (1 << (u32::BITS - seen_shift)) / 64 + 1];
        for entry in &entries {
            let (word, bit) = seen_at(entry.key, seen_shift);
            seen.get_mut(word).into_iter().for_each(|word| *word |= bit);
        }
        let first_of = |bucket| entries.partition_point(|entry| hash(entry.key) >> shift < bucket);
        let starts = (0..=1 << bits).map(|bucket| index(first_of(bucket))).collect();
        let mut bytes = Vec::new();
        let rows = entries.iter().map(|entry| {
            let start = index(bytes.len());
            bytes.extend_from_slice(&entry.pattern);
            Row {
                key: entry.key,
                number: entry.number,
                offset: index(entry.offset),
                start,
                end: index(bytes.len()),
            }
        });
        Entries {
            starts,
            rows: rows.collect(),
            bytes: bytes.into(),
            shift,
            seen: seen.into(),
            seen_shift,
        }
    }

    /// Whether an entry may have that key.
    pub(super) fn may_have(&self, key: u32) -> bool {
        let (word, bit) = seen_at(key, self.seen_shift);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Calls `found` with the number of each pattern whose look-up bytes, the key, stand at that place of the data, if the whole pattern is there and
    /// ends behind the first `seen` bytes.
    pub(super) fn compare(&self, key: u32, data: &[u8], at: usize, seen: usize, found: &mut impl FnMut(u32)) {
        let bucket = (hash(key) >> self.shift) as usize;
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        let rows = self.rows.get(bound(bucket)..bound(bucket + 1));
        for row in rows.unwrap_or_default().iter().filter(|row| row.key == key) {
            let pattern = self.bytes.get(row.start as usize..row.end as usize);
            let begin = at.checked_sub(row.offset as usize);
            let (Some(pattern), Some(begin)) = (pattern, begin) else {
                continue;
            };
            let end = begin + pattern.len();
            let there = data.get(begin..end);
            if end > seen && there.is_some_and(|there| there.eq_ignore_ascii_case(pattern)) {
                found(row.number);
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.rows) + self.bytes.len() + size_of_val(&*self.seen)
    }
}

/// The word of a key's bit, and the bit.
fn seen_at(key: u32, shift: u32) -> (usize, u64) {
    let place = hash(key) >> shift;
    ((place >> 6) as usize, 1 << (place & 63))
}

/// Mixes the bits of a key, the highest best.
fn hash(key: u32) -> u32 {
    /// Knuth's multiplier: the golden ratio's fraction of 2^32.
    const MULTIPLIER: u32 = 0x9e37_79b1;
    key.wrapping_mul(MULTIPLIER)
}

fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
