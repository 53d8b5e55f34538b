//! A set of rows of one table.

use std::collections::BTreeMap;

/// The rows that have been refused after they were stored; nothing at all for a clean table.
#[derive(Debug, Default)]
pub(super) struct RowSet {
    /// A bit for each of 64 rows. The numbers of an import's rows have wide gaps between them.
    words: BTreeMap<u64, u64>,
}

impl RowSet {
    /// Adds a row by the number that tells it from others.
    pub(super) fn insert(&mut self, at: u64) {
        let (word, bit) = place(at);
        *self.words.entry(word).or_default() |= bit;
    }

    /// Whether a row is in it.
    pub(super) fn contains(&self, at: u64) -> bool {
        let (word, bit) = place(at);
        self.words.get(&word).is_some_and(|word| word & bit != 0)
    }
}

fn place(at: u64) -> (u64, u64) {
    (at / 64, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let mut rows = RowSet::default();
        let far = 1 << 62;
        [3, 64, 1_000, far]
            .into_iter()
            .for_each(|at| rows.insert(at));
        let asked = (0..2_000).chain(far - 1..far + 100);
        let held: Vec<u64> = asked.filter(|at| rows.contains(*at)).collect();
        assert_eq!(held, [3, 64, 1_000, far]);
    }
}
