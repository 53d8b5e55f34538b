//! Two streams of rows in key order, compared.
//!
//! Whoever compares reads each side on whenever none of its rows waits, so one pass over both tells
//! how they differ, in little memory.

use std::cmp::Ordering;
use std::collections::VecDeque;

/// What two streams have at the lowest key that was not compared yet.
#[derive(Debug, PartialEq, Eq)]
pub enum RowDiff<R> {
    /// The same row.
    Same,
    /// A row of the left stream alone.
    Left(R),
    /// A row of the right stream alone.
    Right(R),
    /// Two rows of one key.
    Differs(R, R),
}

/// Takes the first row of the side that is behind, or of both. A side is empty only at its end;
/// `None`: both are.
pub fn next<R: PartialEq>(
    left: &mut VecDeque<R>,
    right: &mut VecDeque<R>,
    by_key: impl Fn(&R, &R) -> Ordering,
) -> Option<RowDiff<R>> {
    let order = match (left.front(), right.front()) {
        (Some(left), Some(right)) => by_key(left, right),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    match order {
        Ordering::Less => left.pop_front().map(RowDiff::Left),
        Ordering::Greater => right.pop_front().map(RowDiff::Right),
        Ordering::Equal => left
            .pop_front()
            .zip(right.pop_front())
            .map(|(left, right)| {
                if left == right {
                    RowDiff::Same
                } else {
                    RowDiff::Differs(left, right)
                }
            }),
    }
}

/// Rows that differ, in words: the first ones named, the others counted.
#[derive(Debug)]
pub struct RowDifferences {
    most: usize,
    /// The first ones.
    pub named: Vec<String>,
    /// How many more there are.
    pub further: u64,
}

impl RowDifferences {
    /// No difference yet; at most so many are named.
    #[must_use]
    pub fn naming(most: usize) -> Self {
        Self {
            most,
            named: Vec::new(),
            further: 0,
        }
    }

    /// Adds one.
    pub fn add(&mut self, words: impl FnOnce() -> String) {
        if self.named.len() < self.most {
            self.named.push(words());
        } else {
            self.further += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Compares rows that are a key and a value, reading a row at a time.
    fn compared(left: &[(u8, u8)], right: &[(u8, u8)]) -> Vec<RowDiff<(u8, u8)>> {
        let (mut left_rest, mut right_rest) = (left.iter(), right.iter());
        let (mut left, mut right) = (VecDeque::new(), VecDeque::new());
        let mut found = Vec::new();
        loop {
            if left.is_empty() {
                left.extend(left_rest.next());
            }
            if right.is_empty() {
                right.extend(right_rest.next());
            }
            match next(&mut left, &mut right, |a: &(u8, u8), b| a.0.cmp(&b.0)) {
                Some(diff) => found.push(diff),
                None => return found,
            }
        }
    }

    #[test]
    fn each_key_is_met_once_in_order() {
        assert_eq!(
            compared(&[(1, 1), (2, 1), (4, 1)], &[(2, 1), (3, 1), (4, 2), (5, 1)]),
            [
                RowDiff::Left((1, 1)),
                RowDiff::Same,
                RowDiff::Right((3, 1)),
                RowDiff::Differs((4, 1), (4, 2)),
                RowDiff::Right((5, 1)),
            ]
        );
        assert_eq!(compared(&[], &[]), []);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_look_at_both_wholes_finds(
            left in prop::collection::btree_map(0_u8..20, 0_u8..3, 0..12),
            right in prop::collection::btree_map(0_u8..20, 0_u8..3, 0..12),
        ) {
            let rows = |of: &std::collections::BTreeMap<u8, u8>| -> Vec<(u8, u8)> {
                of.iter().map(|(key, value)| (*key, *value)).collect()
            };
            let expected: Vec<_> = (0..20)
                .filter_map(|key| match (left.get(&key), right.get(&key)) {
                    (None, None) => None,
                    (Some(left), None) => Some(RowDiff::Left((key, *left))),
                    (None, Some(right)) => Some(RowDiff::Right((key, *right))),
                    (Some(left), Some(right)) if left == right => Some(RowDiff::Same),
                    (Some(left), Some(right)) => {
                        Some(RowDiff::Differs((key, *left), (key, *right)))
                    }
                })
                .collect();
            prop_assert_eq!(compared(&rows(&left), &rows(&right)), expected);
        }
    }

    #[test]
    fn rows_past_the_named_ones_are_counted() {
        let mut differences = RowDifferences::naming(2);
        (0..5).for_each(|n| differences.add(|| n.to_string()));
        assert_eq!(
            (differences.named.join(" "), differences.further),
            ("0 1".into(), 3)
        );
    }
}
