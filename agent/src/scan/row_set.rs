//! A set of rows of one table.

/// The rows that have been refused after they were stored: one bit per row, up to the last one
/// refused; nothing at all for a clean table.
#[derive(Debug, Default)]
pub(super) struct RowSet {
    words: Vec<u64>,
}

impl RowSet {
    /// Adds a row by the number that tells it from others.
    pub(super) fn insert(&mut self, at: u64) {
        let (word, bit) = place(at);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    /// Whether a row is in it.
    pub(super) fn contains(&self, at: u64) -> bool {
        let (word, bit) = place(at);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(at: u64) -> (usize, u64) {
    (
        usize::try_from(at / 64).unwrap_or(usize::MAX),
        1 << (at % 64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let mut rows = RowSet::default();
        [3, 64, 1_000].into_iter().for_each(|at| rows.insert(at));
        let held: Vec<u64> = (0..2_000).filter(|at| rows.contains(*at)).collect();
        assert_eq!(held, [3, 64, 1_000]);
    }
}
