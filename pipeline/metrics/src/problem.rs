//! What is wrong, in words, as long as it lasts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::registry::{cut, lock};

/// Most places for problems of one registry. What is beyond it is not shown.
pub const PROBLEMS_MAX: usize = 512;
/// Longest text of a problem, in characters; the rest is cut off. It is a label's value too, which are cut there.
pub const WORDS_CHARS_MAX: usize = crate::LABEL_CHARS_MAX;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    /// Since when, in microseconds since 1970.
    pub since_us: i64,
    /// What it is about: a code, and what it applies to after a colon.
    pub key: String,
    /// What is wrong, in words.
    pub words: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = jiff::Timestamp::from_microsecond(self.since_us).unwrap_or_default();
        write!(out, "{since:.0} {}: {}", self.key, self.words)
    }
}

/// A place for one thing that can go wrong. It is well at first; the problem ends when it is cleared and with the last clone.
#[derive(Clone)]
pub struct Problem(Arc<Place>);

struct Place {
    key: String,
    /// Whether it is only worth a word: the role does what it is told to.
    is_remark: bool,
    state: Mutex<Option<(i64, String)>>,
}

impl Problem {
    /// Something is wrong. When it was so already, only the words change.
    pub fn set(&self, words: impl AsRef<str>) {
        let mut state = lock(&self.0.state);
        let since_us = state.as_ref().map_or_else(now_us, |(since_us, _)| *since_us);
        *state = Some((since_us, cut(words.as_ref(), WORDS_CHARS_MAX)));
    }

    /// It is well again.
    pub fn clear(&self) {
        *lock(&self.0.state) = None;
    }

    /// Since when something is wrong, in microseconds since 1970; `None` when it is well.
    pub fn since_us(&self) -> Option<i64> {
        lock(&self.0.state).as_ref().map(|(since_us, _)| *since_us)
    }
}

/// All places of a registry.
#[derive(Default)]
pub(crate) struct Problems {
    places: Mutex<Vec<Weak<Place>>>,
    refused: Mutex<u64>,
}

impl Problems {
    pub(crate) fn add(&self, key: String, is_remark: bool) -> Problem {
        let place = Arc::new(Place {
            key,
            is_remark,
            state: Mutex::new(None),
        });
        let mut places = lock(&self.places);
        places.retain(|place| place.strong_count() > 0);
        if places.len() < PROBLEMS_MAX {
            places.push(Arc::downgrade(&place));
        } else {
            *lock(&self.refused) += 1;
        }
        Problem(place)
    }

    pub(crate) fn refused(&self) -> u64 {
        *lock(&self.refused)
    }

    /// Several places may have one key: the one that has been wrong for longest speaks.
    pub(crate) fn list(&self, are_remarks: bool) -> Vec<Trouble> {
        let mut by_key: BTreeMap<String, Trouble> = BTreeMap::new();
        let places = lock(&self.places);
        let places = places.iter().filter_map(Weak::upgrade);
        for place in places.filter(|place| place.is_remark == are_remarks) {
            let Some((since_us, words)) = lock(&place.state).clone() else {
                continue;
            };
            let trouble = Trouble {
                since_us,
                key: place.key.clone(),
                words,
            };
            let known = by_key.entry(place.key.clone()).or_insert_with(|| trouble.clone());
            if trouble < *known {
                *known = trouble;
            }
        }
        let mut troubles: Vec<Trouble> = by_key.into_values().collect();
        troubles.sort();
        troubles
    }
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
