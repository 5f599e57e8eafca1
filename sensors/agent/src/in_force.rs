//! A value that is replaced while others use it: who does asks whether there is a newer one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is in force; clones are one.
pub(crate) struct InForce<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// How often the value was replaced.
    number: AtomicU64,
    value: Mutex<T>,
}

/// One who uses the value.
pub(crate) struct Reader<T> {
    inner: Arc<Inner<T>>,
    seen: u64,
}

impl<T> Clone for InForce<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> InForce<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Inner {
            number: AtomicU64::new(0),
            value: Mutex::new(value),
        }))
    }

    /// Puts another value in force; the one before comes back.
    pub(crate) fn replace(&self, value: T) -> T {
        let before = std::mem::replace(&mut *self.0.value(), value);
        self.0.number.fetch_add(1, Ordering::Release);
        before
    }

    /// The value now.
    pub(crate) fn get(&self) -> T {
        self.0.value().clone()
    }

    /// The value now, and a reader that tells of later ones.
    pub(crate) fn reader(&self) -> (T, Reader<T>) {
        // Read before the value: one that comes in between is told once more.
        let seen = self.0.number.load(Ordering::Acquire);
        let reader = Reader {
            inner: self.0.clone(),
            seen,
        };
        (self.get(), reader)
    }
}

impl<T> Inner<T> {
    fn value(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Reader<T> {
    /// The value, when it is another than the last time. Costs one load when it is not.
    pub(crate) fn newer(&mut self) -> Option<T> {
        let number = self.inner.number.load(Ordering::Acquire);
        (std::mem::replace(&mut self.seen, number) != number).then(|| self.inner.value().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_value_is_told_once_to_each() {
        let value = InForce::new('a');
        let ((first, mut one), (_, mut other)) = (value.reader(), value.reader());
        assert_eq!((first, one.newer()), ('a', None));
        assert_eq!(value.replace('b'), 'a');
        assert_eq!((one.newer(), one.newer()), (Some('b'), None));
        value.replace('c');
        assert_eq!((other.newer(), one.newer()), (Some('c'), Some('c')));
    }
}
