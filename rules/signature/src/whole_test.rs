//! Conditions on a buffer as a whole: its entropy, its presence in a set.

use crate::dataset::{DatasetTest, ReputationTest};
use crate::error::{Complaint, value};
use crate::number::number;

/// One such condition. It reads no cursor and moves none.
#[derive(Debug, Clone)]
pub(crate) enum WholeTest {
    Entropy(EntropyTest),
    Dataset(DatasetTest),
    Reputation(ReputationTest),
}

impl WholeTest {
    pub(crate) fn holds(&self, data: &[u8]) -> bool {
        match self {
            WholeTest::Entropy(test) => test.holds(data),
            WholeTest::Dataset(test) => test.holds(data),
            WholeTest::Reputation(test) => test.holds(data),
        }
    }
}

/// `entropy`: compares Shannon's entropy of the bytes, 0 (all the same) to 8 (all alike often).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EntropyTest {
    bytes: Option<usize>,
    offset: usize,
    test: Comparison,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal(f64),
    NotEqual(f64),
    Less(f64),
    LessOrEqual(f64),
    Greater(f64),
    GreaterOrEqual(f64),
    /// Both ends excluded.
    Between(f64, f64),
    NotBetween(f64, f64),
}

impl EntropyTest {
    /// Reads `[bytes N,][offset N,]value [operator]number`.
    pub(crate) fn parse(text: &str) -> Result<EntropyTest, Complaint> {
        let size = |text: &str| number(text).and_then(|n| usize::try_from(n).map_err(|_| value("too large")));
        let (mut bytes, mut offset, mut test) = (None, 0, None);
        for word in text.split(',').map(str::trim) {
            match word
                .split_once(char::is_whitespace)
                .map(|(key, rest)| (key, rest.trim()))
            {
                Some(("bytes", count)) => bytes = Some(size(count)?).filter(|bytes| *bytes > 0),
                Some(("offset", place)) => offset = size(place)?,
                Some(("value", comparison)) => test = Some(Comparison::parse(comparison)?),
                _ => return Err(value(format!("unknown words {word:?}"))),
            }
        }
        Ok(EntropyTest {
            bytes,
            offset,
            test: test.ok_or_else(|| value("value is missing"))?,
        })
    }

    fn holds(&self, data: &[u8]) -> bool {
        let rest = data.get(self.offset..).unwrap_or_default();
        let bytes = self.bytes.map_or(rest.len(), |bytes| bytes.min(rest.len()));
        match rest.get(..bytes) {
            Some(chosen) if !chosen.is_empty() => self.test.holds(entropy(chosen)),
            _ => false,
        }
    }
}

impl Comparison {
    fn parse(text: &str) -> Result<Comparison, Complaint> {
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            _ => Err(value(format!("{text:?} is no entropy"))),
        };
        let (negated, range) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if let Some((low, high)) = range.split_once('-').or_else(|| range.split_once("<>")) {
            let (low, high) = (number(low)?, number(high)?);
            if low >= high {
                return Err(value(format!("{low} is not below {high}")));
            }
            return Ok(match negated {
                true => Comparison::NotBetween(low, high),
                false => Comparison::Between(low, high),
            });
        }
        type Make = fn(f64) -> Comparison;
        let operators: [(&str, Make); 7] = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("!", Comparison::NotEqual),
            ("=", Comparison::Equal),
        ];
        for (operator, make) in operators {
            if let Some(rest) = text.strip_prefix(operator) {
                return number(rest).map(make);
            }
        }
        number(text).map(Comparison::Equal)
    }

    fn holds(self, entropy: f64) -> bool {
        match self {
            // Written numbers are rounded; what differs less than this is the same.
            Comparison::Equal(wanted) => (entropy - wanted).abs() < 1e-9,
            Comparison::NotEqual(wanted) => (entropy - wanted).abs() >= 1e-9,
            Comparison::Less(limit) => entropy < limit,
            Comparison::LessOrEqual(limit) => entropy <= limit,
            Comparison::Greater(limit) => entropy > limit,
            Comparison::GreaterOrEqual(limit) => entropy >= limit,
            Comparison::Between(low, high) => low < entropy && entropy < high,
            Comparison::NotBetween(low, high) => entropy <= low || high <= entropy,
        }
    }
}

/// Shannon's entropy in bits per byte.
fn entropy(data: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in data {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = data.len() as f64;
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entropies() {
        // Two, four and one different bytes: entropies 1, 2 and 0.
        let table: &[(&str, &[u8], bool)] = &[
            ("value = 1", b"abab", true),
            ("value 2", b"abcd", true),
            ("value < 1", b"aaaa", true),
            ("value >= 2", b"abcd", true),
            ("value > 2", b"abcd", false),
            ("value != 2", b"abcd", false),
            ("value 1-3", b"abcd", true),
            ("value 1-2", b"abcd", false),
            ("value !1-3", b"abcd", false),
            ("value !2-3", b"abcd", true),
            ("offset 2, value 0", b"abcc", true),
            ("bytes 2, value 1", b"abcc", true),
            ("bytes 2, offset 2, value 0", b"abcc", true),
            ("value >= 0", b"", false),
            ("offset 9, value >= 0", b"abc", false),
        ];
        for (text, data, expected) in table {
            let test = EntropyTest::parse(text).unwrap();
            assert_eq!(test.holds(data), *expected, "{text} of {data:?}");
        }
        for text in [
            "",
            "value",
            "value x",
            "value -1",
            "value 5-4",
            "value nan",
            "size 3, value 1",
        ] {
            assert!(EntropyTest::parse(text).is_err(), "{text}");
        }
    }
}
