//! Maps that never grow beyond a limit: the oldest row gives way.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// Several such maps, each with a lock of its own, for rows that workers share. The limit holds for all together, the order of age
/// within each.
#[derive(Debug)]
pub(crate) struct SharedMap<K, V> {
    shards: Box<[Mutex<BoundedMap<K, V>>]>,
    hasher: RandomState,
}

impl<K: Copy + Eq + Hash, V> SharedMap<K, V> {
    pub(crate) fn new(limit: usize, shards: usize) -> SharedMap<K, V> {
        let shards = shards.max(1);
        let of_one = (limit / shards).max(1);
        SharedMap {
            shards: (0..shards).map(|_| Mutex::new(BoundedMap::new(of_one))).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Works on the row of that key, made if there is none; `evicted` counts the row that gave way for it. Nobody else works on it
    /// meanwhile.
    pub(crate) fn with<R>(
        &self,
        key: K,
        make: impl FnOnce() -> V,
        evicted: &mut u64,
        work: impl FnOnce(&mut V, Found) -> R,
    ) -> Option<R> {
        let mut shard = self.shard(&key)?;
        let before = shard.evicted();
        let (row, found) = shard.entry(key, make);
        let result = work(row, found);
        *evicted += shard.evicted() - before;
        Some(result)
    }

    /// A copy of the row of that key.
    pub(crate) fn get(&self, key: &K) -> Option<V>
    where
        V: Copy,
    {
        self.shard(key)?.get(key).copied()
    }

    fn shard(&self, key: &K) -> Option<MutexGuard<'_, BoundedMap<K, V>>> {
        // There is one at least.
        let place = self.hasher.hash_one(key) as usize % self.shards.len();
        let shard = self.shards.get(place)?;
        // A row is whole at any time: whoever panicked with it left a count.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
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

    #[test]
    fn shared_rows_are_one_and_bounded() {
        let map = SharedMap::new(64, 8);
        let mut evicted = 0;
        let count = |key: u32, evicted: &mut u64| {
            map.with(key, || 0u32, evicted, |row, _| *row += 1);
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| count(1, &mut 0)));
            }
        });
        assert_eq!(map.get(&1), Some(4000));
        (2..1000).for_each(|key| count(key, &mut evicted));
        let kept = (1..1000).filter(|key| map.get(key).is_some()).count();
        assert_eq!(kept as u64 + evicted, 999);
        assert!(kept <= 64);
    }
}
