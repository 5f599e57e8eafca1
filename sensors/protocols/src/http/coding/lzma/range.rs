//! The range decoder: bits out of bytes, each by how likely it was so far.

use super::super::Stop;

/// Of a bit that nothing is known of.
const EVEN: u16 = 1024;

/// Coded bytes.
pub(super) struct Input<'i> {
    pub(super) bytes: &'i [u8],
    pub(super) at: usize,
}

impl Input<'_> {
    /// Bytes not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn next(&mut self) -> Result<u32, Stop> {
        let byte = self.bytes.get(self.at).ok_or(Stop::Broken)?;
        self.at += 1;
        Ok(u32::from(*byte))
    }
}

/// The decoder, with what it has learnt of each kind of bit.
#[derive(Debug)]
pub(super) struct RangeDecoder {
    range: u32,
    code: u32,
    probabilities: Vec<u16>,
}

impl RangeDecoder {
    /// Begins with these four bytes, for so many kinds of bits.
    pub(super) fn new(code: [u8; 4], kinds: usize) -> Self {
        Self {
            range: u32::MAX,
            code: u32::from_be_bytes(code),
            probabilities: vec![EVEN; kinds],
        }
    }

    /// A number of so many bits, the highest first.
    pub(super) fn tree(&mut self, input: &mut Input<'_>, base: usize, bits: u32) -> Result<u32, Stop> {
        let mut symbol = 1_usize;
        for _ in 0..bits {
            symbol = symbol << 1 | self.bit(input, base + symbol)?;
        }
        u32::try_from(symbol - (1 << bits)).map_err(|_| Stop::Broken)
    }

    /// A number of so many bits, the lowest first.
    pub(super) fn reverse_tree(
        &mut self,
        input: &mut Input<'_>,
        base: usize,
        bits: u32,
    ) -> Result<u32, Stop> {
        let (mut symbol, mut value) = (1_usize, 0_u32);
        for place in 0..bits {
            let bit = self.bit(input, base + symbol)?;
            symbol = symbol << 1 | bit;
            value |= u32::from(bit == 1) << place;
        }
        Ok(value)
    }

    fn normalize(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        const TOP: u32 = 1 << 24;
        if self.range < TOP {
            self.code = self.code << 8 | input.next()?;
            self.range <<= 8;
        }
        Ok(())
    }

    /// A bit of the model.
    pub(super) fn bit(&mut self, input: &mut Input<'_>, place: usize) -> Result<usize, Stop> {
        self.normalize(input)?;
        let probability = self.probabilities.get_mut(place).ok_or(Stop::Broken)?;
        let bound = (self.range >> 11) * u32::from(*probability);
        if self.code < bound {
            *probability += ((1 << 11) - *probability) >> 5;
            self.range = bound;
            Ok(0)
        } else {
            *probability -= *probability >> 5;
            self.range -= bound;
            self.code -= bound;
            Ok(1)
        }
    }

    /// A bit outside the model.
    pub(super) fn even_bit(&mut self, input: &mut Input<'_>) -> Result<u32, Stop> {
        self.normalize(input)?;
        self.range >>= 1;
        let is_set = self.code >= self.range;
        if is_set {
            self.code -= self.range;
        }
        Ok(u32::from(is_set))
    }
}
