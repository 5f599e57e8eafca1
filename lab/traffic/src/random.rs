//! The generator's own source of chance: xoshiro256** seeded by SplitMix64 (Blackman and Vigna, 2018).
//!
//! It is written out here, not taken from a crate, because "same seed, same bytes" must survive every upgrade. Only
//! integers are used. Each actor draws from its own stream, so that leaving one actor out changes nobody else's bytes.

/// A stream of chance.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// A stream from a number.
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        Self {
            state: std::array::from_fn(|_| split_mix(&mut state)),
        }
    }

    /// The stream of one actor: `label` (FNV-1a) and `index` tell it from the others of the same seed.
    pub(crate) fn stream(seed: u64, label: &str, index: u64) -> Self {
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut mixed = seed ^ hash.rotate_left(17);
        let first = split_mix(&mut mixed);
        Self::new(first ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A stream that goes on independently of this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    /// 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. Multiply-shift; the bias is below 2^-32 for our bounds.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0) as u64 + 1;
        low + self.below(width) as i64
    }

    /// As [`Self::between`], for sizes.
    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        self.between(low as i64, high as i64) as usize
    }

    /// True in `per_mille` of 1000 cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }

    /// `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length)
            .filter_map(|_| char::from_digit(self.below(16) as u32, 16))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_hold() {
        // SplitMix64's first outputs for seed 1234567, from its reference implementation.
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
        // xoshiro256** for state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [11520, 0, 1_509_978_240]
        );
    }

    #[test]
    fn bounds_are_kept() {
        let mut random = Random::new(7);
        for _ in 0..1000 {
            assert!(random.below(3) < 3);
            assert!((-5..=5).contains(&random.between(-5, 5)));
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(9, 9), 9);
        assert_eq!(random.hex(9).len(), 9);
        assert_eq!(random.bytes(13).len(), 13);
    }

    #[test]
    fn streams_differ_by_label_and_index() {
        let first = |label, index| Random::stream(1, label, index).next();
        assert_ne!(first("a", 0), first("b", 0));
        assert_ne!(first("a", 0), first("a", 1));
        assert_eq!(first("a", 1), first("a", 1));
    }
}
