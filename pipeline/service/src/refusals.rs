//! Which messages of a batch were refused, as the note beside the lane's place keeps it.
//!
//! What the register says of a sensor changes while lanes work, and a batch that is done again must come to the same rows. So what was
//! refused is written down with the cut, and a batch that is done again is judged by that alone.
//!
//! ```text
//! six messages a character, of the batch's first the lowest bit; characters without a refused message at the end are left out
//! ```

/// Values of a character, from 0.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Messages that a character tells of.
const BITS: usize = 6;

/// A set of messages by their number in the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refusals(Vec<u8>);

impl Refusals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, number: usize) {
        let place = number / BITS;
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(place) {
            *bits |= 1 << (number % BITS);
        }
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        let bits = self.0.get(number / BITS).copied().unwrap_or(0);
        bits & 1 << (number % BITS) != 0
    }

    pub(crate) fn to_text(&self) -> String {
        let character = |bits: &u8| ALPHABET.get(usize::from(*bits)).map(|byte| char::from(*byte));
        self.0.iter().filter_map(character).collect()
    }

    /// Reads what [`Self::to_text`] wrote; `None` for what it did not.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let value = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
        let bits = text
            .bytes()
            .map(|byte| u8::try_from(value(byte)?).ok())
            .collect::<Option<_>>()?;
        Some(Self(bits))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_set_comes_back_from_its_text() {
        let check = |numbers: &[usize], expect: &str| {
            let mut refusals = Refusals::default();
            numbers.iter().for_each(|number| refusals.add(*number));
            assert_eq!(refusals.to_text(), expect);
            let again = Refusals::from_text(expect).unwrap();
            assert_eq!(again, refusals);
            for number in 0..40 {
                assert_eq!(again.contains(number), numbers.contains(&number), "{number}");
            }
        };
        check(&[], "");
        check(&[0], "B");
        check(&[5, 6], "gB");
        check(&[0, 1, 2, 3, 4, 5], "_");
        check(&[30], "AAAAAB");
        assert_eq!(Refusals::from_text("B B"), None);
        assert_eq!(Refusals::from_text("ß"), None);
    }
}
