//! What repeats is logged once while it lasts, and again after a while with how often it came.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Things that may repeat, and when each was last logged.
#[derive(Debug)]
pub struct Repeats<K> {
    remind_after: Duration,
    max_kinds: usize,
    seen: Mutex<Seen<K>>,
}

#[derive(Debug)]
struct Seen<K> {
    logged: BTreeMap<K, Logged>,
    /// How many came of kinds that there was no room for, since something was last logged.
    others: u64,
}

#[derive(Debug, Clone, Copy)]
struct Logged {
    at: Instant,
    /// How often it came since.
    unlogged: u64,
}

impl<K: Ord> Repeats<K> {
    /// Nothing has come yet. What lasts is logged again after `remind_after`, and no more than
    /// `max_kinds` kinds are logged within that time.
    #[must_use]
    pub fn new(remind_after: Duration, max_kinds: usize) -> Self {
        let seen = Seen {
            logged: BTreeMap::new(),
            others: 0,
        };
        Self {
            remind_after,
            max_kinds,
            seen: Mutex::new(seen),
        }
    }

    /// Counts one. `Some`: it is to be logged now; so many came unlogged before.
    pub fn count(&self, kind: K, now: Instant) -> Option<u64> {
        let is_recent = |logged: &Logged| now.duration_since(logged.at) < self.remind_after;
        let mut seen = self.seen();
        let Seen { logged, others } = &mut *seen;
        if let Some(of_kind) = logged.get_mut(&kind)
            && is_recent(of_kind)
        {
            of_kind.unlogged += 1;
            return None;
        }
        let before = logged.remove(&kind).map_or(0, |of_kind| of_kind.unlogged);
        if logged.len() >= self.max_kinds {
            let old = logged.extract_if(.., |_, of_kind| !is_recent(of_kind));
            *others += old.map(|(_, of_kind)| of_kind.unlogged).sum::<u64>();
        }
        if logged.len() >= self.max_kinds {
            *others += before + 1;
            return None;
        }
        let now = Logged {
            at: now,
            unlogged: 0,
        };
        logged.insert(kind, now);
        Some(before + std::mem::take(others))
    }

    /// Forgets what no longer lasts, so that it is new when it comes back. Returns it.
    pub fn retain(&self, mut lasts: impl FnMut(&K) -> bool) -> Vec<K> {
        let mut seen = self.seen();
        let over = seen.logged.extract_if(.., |kind, _| !lasts(kind));
        over.map(|(kind, _)| kind).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen<K>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_lasts_is_logged_once_a_minute_with_how_often_it_came() {
        let begin = Instant::now();
        let repeats = Repeats::new(MINUTE, 10);
        let at = |second| repeats.count("a", begin + Duration::from_secs(second));
        let logged: Vec<_> = (0..=61).map(at).collect();
        assert_eq!(logged[0], Some(0));
        assert!(logged[1..60].iter().all(Option::is_none));
        assert_eq!(logged[60..], [Some(59), None]);
    }

    #[test]
    fn what_is_over_is_new_when_it_comes_back() {
        let now = Instant::now();
        let repeats = Repeats::new(MINUTE, 10);
        assert_eq!(
            ["a", "b"].map(|kind| repeats.count(kind, now)),
            [Some(0); 2]
        );
        assert_eq!(repeats.retain(|kind| *kind == "b"), ["a"]);
        assert_eq!(repeats.retain(|kind| *kind == "b"), [""; 0]);
        assert_eq!(
            ["a", "b"].map(|kind| repeats.count(kind, now)),
            [Some(0), None]
        );
    }

    #[test]
    fn of_too_many_kinds_some_are_only_counted() {
        let begin = Instant::now();
        let repeats = Repeats::new(MINUTE, 2);
        let count = |kind, second| repeats.count(kind, begin + Duration::from_secs(second));
        let logged = ["a", "b", "c", "d", "b"].map(|kind| count(kind, 1));
        assert_eq!(logged, [Some(0), Some(0), None, None, None]);
        assert_eq!(count("e", 61), Some(3));
    }
}
