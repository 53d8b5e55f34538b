//! What repeats is logged once while it lasts, and again after a while with how often it came.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Things that may repeat, and when each was last logged.
#[derive(Debug)]
pub struct Repeats<K> {
    remind_after: Duration,
    max_kinds: usize,
    logged: BTreeMap<K, Logged>,
}

#[derive(Debug, Clone, Copy)]
struct Logged {
    at: Instant,
    /// How often it came since.
    unlogged: u64,
}

impl<K: Ord> Repeats<K> {
    /// Nothing has come yet. What lasts is logged again after `remind_after`; of more than
    /// `max_kinds` kinds the one that was logged longest ago is forgotten, and would be new again.
    #[must_use]
    pub fn new(remind_after: Duration, max_kinds: usize) -> Self {
        Self {
            remind_after,
            max_kinds,
            logged: BTreeMap::new(),
        }
    }

    /// Counts one. `Some`: it is to be logged now, and came so often since it last was.
    pub fn count(&mut self, kind: K, now: Instant) -> Option<u64> {
        let mut unlogged = 0;
        if let Some(logged) = self.logged.get_mut(&kind) {
            if now.duration_since(logged.at) < self.remind_after {
                logged.unlogged += 1;
                return None;
            }
            unlogged = logged.unlogged;
        }
        self.logged.insert(
            kind,
            Logged {
                at: now,
                unlogged: 0,
            },
        );
        if self.logged.len() > self.max_kinds {
            self.forget_the_oldest();
        }
        Some(unlogged)
    }

    /// Forgets what no longer lasts, so that it is new when it comes back. Returns it.
    pub fn retain(&mut self, mut lasts: impl FnMut(&K) -> bool) -> Vec<K> {
        let over = self.logged.extract_if(.., |kind, _| !lasts(kind));
        over.map(|(kind, _)| kind).collect()
    }

    fn forget_the_oldest(&mut self) {
        let oldest = self.logged.values().map(|logged| logged.at).min();
        let mut forgotten = false;
        self.logged.retain(|_, logged| {
            let forget = !forgotten && Some(logged.at) == oldest;
            forgotten |= forget;
            !forget
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_lasts_is_logged_once_a_minute_with_how_often_it_came() {
        let begin = Instant::now();
        let mut repeats = Repeats::new(MINUTE, 10);
        let mut at = |second| repeats.count("a", begin + Duration::from_secs(second));
        let logged: Vec<_> = (0..=61).map(&mut at).collect();
        assert_eq!(logged[0], Some(0));
        assert!(logged[1..60].iter().all(Option::is_none));
        assert_eq!(logged[60..], [Some(59), None]);
    }

    #[test]
    fn what_is_over_is_new_when_it_comes_back() {
        let now = Instant::now();
        let mut repeats = Repeats::new(MINUTE, 10);
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
    fn of_too_many_kinds_the_oldest_is_forgotten() {
        let begin = Instant::now();
        let mut repeats = Repeats::new(MINUTE, 2);
        for (second, kind) in ["a", "b", "c"].into_iter().enumerate() {
            let at = begin + Duration::from_secs(second as u64);
            assert_eq!(repeats.count(kind, at), Some(0));
        }
        let at = begin + Duration::from_secs(3);
        assert_eq!(
            ["b", "c", "a"].map(|kind| repeats.count(kind, at)),
            [None, None, Some(0)]
        );
    }
}
