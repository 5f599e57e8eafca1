//! A map that never grows beyond a limit: the oldest row gives way.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Rows in the order they first came. Rows are never removed but by age, so that map and order agree.
#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    rows: HashMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
    evicted: u64,
}

impl<K: Copy + Eq + Hash, V> BoundedMap<K, V> {
    pub(crate) fn new(limit: usize) -> BoundedMap<K, V> {
        BoundedMap {
            rows: HashMap::new(),
            order: VecDeque::new(),
            limit,
            evicted: 0,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// The row of that key, made if there is none; the flag says whether it was made.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> (&mut V, Found) {
        let found = if self.rows.contains_key(&key) {
            Found::Old
        } else {
            Found::New
        };
        if found == Found::New {
            if self.rows.len() >= self.limit
                && let Some(oldest) = self.order.pop_front()
            {
                self.rows.remove(&oldest);
                self.evicted += 1;
            }
            self.order.push_back(key);
        }
        (self.rows.entry(key).or_insert_with(make), found)
    }

    /// Rows that gave way so far.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Whether a row was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Old,
    New,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_gives_way() {
        let mut map = BoundedMap::new(2);
        assert_eq!(map.entry(1, || 'a').1, Found::New);
        assert_eq!(map.entry(2, || 'b').1, Found::New);
        assert_eq!(map.entry(1, || 'x'), (&mut 'a', Found::Old));
        assert_eq!(map.entry(3, || 'c').1, Found::New);
        assert_eq!((map.get(&1), map.get(&2), map.evicted()), (None, Some(&'b'), 1));
    }
}
