//! Values in memory, of which those go first that were not asked for the longest.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a value takes beside what it holds: its key and its place.
const OVERHEAD: usize = 128;

#[derive(Debug)]
pub(super) struct BoundedCache<K, V> {
    most_bytes: usize,
    kept: Mutex<Kept<K, V>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    of: HashMap<K, Value<V>>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Value<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> BoundedCache<K, V> {
    pub(super) fn new(most_bytes: usize) -> Self {
        let kept = Kept {
            of: HashMap::new(),
            bytes: 0,
            clock: 0,
        };
        Self {
            most_bytes,
            kept: Mutex::new(kept),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let found = kept.of.get_mut(key)?;
        found.used = clock;
        Some(found.value.clone())
    }

    /// Keeps a value that takes so many bytes. One that is too large alone pushes nothing out.
    pub(super) fn put(&self, key: K, value: V, bytes: usize) {
        let bytes = bytes.saturating_add(OVERHEAD);
        let mut kept = self.lock();
        if let Some(before) = kept.of.remove(&key) {
            kept.bytes -= before.bytes;
        }
        if bytes > self.most_bytes {
            return;
        }
        kept.bytes += bytes;
        kept.clock += 1;
        while kept.bytes > self.most_bytes {
            let oldest = kept.of.iter().min_by_key(|(_, value)| value.used);
            let oldest = oldest.map(|(key, _)| key.clone());
            match oldest.and_then(|key| kept.of.remove(&key)) {
                Some(gone) => kept.bytes -= gone.bytes,
                None => break,
            }
        }
        let used = kept.clock;
        kept.of.insert(key, Value { value, bytes, used });
    }

    fn lock(&self) -> MutexGuard<'_, Kept<K, V>> {
        // Sizes and map agree between any two operations; no code in one of them panics.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_least_recently_is_forgotten_first() {
        let cache = BoundedCache::new(9 + 2 * OVERHEAD);
        for key in ['a', 'b'] {
            cache.put(key, (), 3);
        }
        cache.get(&'a');
        cache.put('c', (), 4);
        let is_there = |key: char| cache.get(&key).is_some();
        assert_eq!(['a', 'b', 'c'].map(is_there), [true, false, true]);
        // What is too large alone pushes nothing out.
        cache.put('d', (), 10 + OVERHEAD);
        assert_eq!(['a', 'c', 'd'].map(is_there), [true, true, false]);
        for key in ['a', 'c'] {
            cache.put(key, (), 10 + OVERHEAD);
        }
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn values_that_hold_nothing_take_room_too() {
        let cache = BoundedCache::new(3 * OVERHEAD);
        for key in 0..100 {
            cache.put(key, (), 0);
        }
        assert_eq!(cache.lock().of.len(), 3);
    }
}
