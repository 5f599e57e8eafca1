//! The search for the first bytes of few windows by vector instructions (Teddy, in the aho-corasick crate): ten times as fast as the table's as long as
//! little is found. Where everything is, each byte costs some fifty nanoseconds.

use aho_corasick::Span;
use aho_corasick::packed::{Config, Searcher};

/// Bytes that are sought of each window.
pub(super) const BEGINNING: usize = 3;
/// Most of these in all spellings.
const SPELLINGS_MAX: usize = 128;

/// Finds where one of few windows may begin, case ignored.
#[derive(Debug)]
pub(super) struct Few(Searcher);

impl Few {
    /// A search for these beginnings in lower case; `None` if there are too many, or none, or the processor has no such instructions.
    pub(super) fn new(beginnings: &[[u8; BEGINNING]]) -> Option<Few> {
        let mut spellings: Vec<[u8; BEGINNING]> = beginnings.iter().flat_map(spellings).collect();
        spellings.sort_unstable();
        spellings.dedup();
        if spellings.len() > SPELLINGS_MAX {
            return None;
        }
        let mut builder = Config::new()
            .only_teddy(true)
            .heuristic_pattern_limits(false)
            .builder();
        builder.extend(spellings).build().map(Few)
    }

    /// Calls `hit` for every place where one stands.
    pub(super) fn places(&self, data: &[u8], mut hit: impl FnMut(usize)) {
        let mut at = 0;
        while let Some(found) = self.0.find_in(data, Span::from(at..data.len())) {
            hit(found.start());
            at = found.start() + 1;
        }
    }
}

/// The bytes with each letter in both cases.
fn spellings(lower: &[u8; BEGINNING]) -> impl Iterator<Item = [u8; BEGINNING]> {
    (0..1_u8 << BEGINNING).map(|upper| {
        let mut spelling = *lower;
        for (place, byte) in spelling.iter_mut().enumerate() {
            if upper >> place & 1 == 1 {
                *byte = byte.to_ascii_uppercase();
            }
        }
        spelling
    })
}
