//! Bytes that may wait in queues, counted by what waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest single wait for room, so that a sensor that is told to stop does.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// A bound on bytes; clones are one.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Inner>);

struct Inner {
    bytes_max: usize,
    used_bytes: Mutex<usize>,
    freed: Condvar,
}

/// Bytes taken from a budget, given back when dropped.
pub(crate) struct Reservation {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Inner {
            bytes_max,
            used_bytes: Mutex::new(0),
            freed: Condvar::new(),
        }))
    }

    /// Takes `bytes`, when there is room.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.take(&mut self.used(), bytes)
    }

    /// Takes `bytes`, waiting for room until `stop` is set; then takes them all the same, as what comes late is little.
    pub(crate) fn reserve_waiting(&self, bytes: usize, stop: &AtomicBool) -> Reservation {
        let mut used = self.used();
        loop {
            if let Some(reservation) = self.take(&mut used, bytes) {
                return reservation;
            }
            if stop.load(Ordering::Relaxed) {
                *used += bytes;
                return self.reservation(bytes);
            }
            let waited = self.0.freed.wait_timeout(used, WAIT_STEP);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Bytes taken now.
    pub(crate) fn used_bytes(&self) -> usize {
        *self.used()
    }

    /// What is larger than the whole budget goes through alone.
    fn take(&self, used: &mut usize, bytes: usize) -> Option<Reservation> {
        if *used > 0 && used.saturating_add(bytes) > self.0.bytes_max {
            return None;
        }
        *used += bytes;
        Some(self.reservation(bytes))
    }

    fn reservation(&self, bytes: usize) -> Reservation {
        Reservation {
            budget: self.clone(),
            bytes,
        }
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.0.used_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.budget.used() -= self.bytes;
        self.budget.0.freed.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn what_is_over_waits_and_what_is_dropped_is_given_back() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert!(budget.reserve(41).is_none());
        let second = budget.reserve(40).unwrap();
        assert_eq!(budget.used_bytes(), 100);
        drop(second);
        assert_eq!(budget.used_bytes(), 60);
        let waiting = {
            let budget = budget.clone();
            thread::spawn(move || drop(budget.reserve_waiting(100, &AtomicBool::new(false))))
        };
        drop(first);
        waiting.join().unwrap();
        assert_eq!(budget.used_bytes(), 0);
        // Larger than the whole: alone.
        let large = budget.reserve(1000).unwrap();
        assert!(budget.reserve(1).is_none());
        drop(large);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let budget = Budget::new(10);
        let _held = budget.reserve(10);
        let late = budget.reserve_waiting(5, &AtomicBool::new(true));
        assert_eq!(budget.used_bytes(), 15);
        drop(late);
    }
}
