//! What tells the rows of a table apart: its declared key, or columns whose values, all of them,
//! are there and differ.
//!
//! Columns are tried alone in the second reading of a table. Only where none of them will do are
//! they tried two by two, three by three, and the best of them all together, which takes another
//! reading.

mod role;
mod why;

use causeway_shared::value::Type;

use super::profile::Profile;
use super::samples::Samples;
use super::shape::Shape;
use super::types::{ColumnProposal, Pick};
use role::Role;

/// Most columns that are tried alone, and of the best of them two by two and three by three.
const MAX_ALONE: usize = 40;
const MAX_IN_PAIRS: usize = 10;
const MAX_IN_THREES: usize = 8;

/// Longest value that anybody would call a key, in characters.
const MAX_KEY_CHARS: usize = 200;

/// A column that costs more is a poor key: others together may be a better one.
const MAX_GOOD_COST: u32 = 6;

/// Columns that may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The columns, by position, ascending unless they are declared.
    pub(super) columns: Vec<usize>,
    /// Why they may be one.
    pub(super) origin: KeyOrigin,
}

/// Why columns may be a key, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyOrigin {
    /// The declared primary key.
    Declared,
    /// A unique index on columns that are never empty.
    Index,
    /// Nothing but their values and names.
    Found {
        /// How little they look like a key.
        cost: u32,
    },
}

/// What reading all rows has shown of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uniqueness {
    /// No two rows have the same values.
    pub(super) unique: bool,
    /// Some values are longer than keys may be.
    pub(super) too_long: bool,
    /// Some value is empty.
    pub(super) has_null: bool,
}

/// The key that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// These columns, by position.
    Columns { columns: Vec<usize>, why: String },
    /// None; the table cannot be carried as it is.
    None { why: String },
}

/// The search for a table's key, and what is known of the table.
pub(super) struct KeySearch<'t> {
    pub(super) shape: &'t Shape,
    pub(super) profiles: &'t [Profile],
    pub(super) verdicts: &'t [ColumnProposal],
    pub(super) rows: u64,
    /// Rows without a value in a column of the declared primary key.
    pub(super) without_key: &'t Samples,
}

impl KeySearch<'_> {
    fn carried(&self, column: usize) -> Option<&Pick> {
        match &self.verdicts[column] {
            ColumnProposal::Carry(pick) => Some(pick),
            ColumnProposal::LeaveOut(_) => None,
        }
    }

    /// Whether every row may have a value in a column, but for those that other values keep out.
    fn is_full(&self, column: usize) -> bool {
        let profile = &self.profiles[column];
        let odd = self.verdicts.iter().map(|verdict| match verdict {
            ColumnProposal::Carry(pick) => pick.odd,
            ColumnProposal::LeaveOut(_) => 0,
        });
        self.carried(column).is_some()
            && profile.untakeable == 0
            && profile.nulls <= odd.sum::<u64>()
            && profile.nulls < self.rows
    }

    fn ty(&self, column: usize) -> Type {
        self.carried(column).map_or(Type::Text, |pick| pick.ty)
    }

    /// What to try first, best first: the declared key, or else unique indexes and single columns.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let key = &self.shape.primary_key;
        if !key.is_empty() && key.iter().all(|column| self.carried(*column).is_some()) {
            return vec![Candidate {
                columns: key.clone(),
                origin: KeyOrigin::Declared,
            }];
        }
        let indexes = self
            .shape
            .unique
            .iter()
            .filter_map(|index| index.columns.clone());
        let full = |columns: &Vec<usize>| columns.iter().all(|column| self.is_full(*column));
        let mut candidates: Vec<Candidate> = indexes
            .filter(full)
            .map(|columns| Candidate {
                columns,
                origin: KeyOrigin::Index,
            })
            .collect();
        // Without rows everything is unique, and nothing is proven.
        if self.rows > 0 {
            let mut alone = self.eligible();
            alone.retain(|column| self.role(*column) != Role::Flag);
            alone.truncate(MAX_ALONE);
            candidates.extend(alone.into_iter().map(|column| self.candidate(vec![column])));
        }
        candidates
    }

    /// What to try besides, where what was tried is no key or a poor one.
    pub(super) fn combinations(&self, tried: &[Candidate], shown: &[Uniqueness]) -> Vec<Candidate> {
        let best = self
            .good(tried, shown)
            .map(|candidate| candidate.origin)
            .min();
        let worth = best.unwrap_or(KeyOrigin::Found { cost: u32::MAX });
        let good_enough = KeyOrigin::Found {
            cost: MAX_GOOD_COST,
        };
        let is_declared = tried
            .iter()
            .any(|candidate| candidate.origin == KeyOrigin::Declared);
        if self.rows < 2 || is_declared || worth <= good_enough {
            return Vec::new();
        }
        let mut columns = self.eligible();
        // What is the same in all rows tells none apart; what differs in all needs no other.
        columns.retain(|column| {
            let distinct = self.profiles[*column].distinct.as_ref();
            let differs = self
                .good(tried, shown)
                .any(|good| good.columns == [*column]);
            distinct.is_none_or(|distinct| distinct.len() > 1) && !differs
        });
        columns.truncate(MAX_IN_PAIRS);
        let mut sets = Vec::new();
        for (at, first) in columns.iter().enumerate() {
            for (next, second) in columns.iter().enumerate().skip(at + 1) {
                sets.push(vec![*first, *second]);
                let thirds = columns.iter().take(MAX_IN_THREES).skip(next + 1);
                sets.extend(thirds.map(|third| vec![*first, *second, *third]));
            }
        }
        // The best of them, ever more: such a key is long, but its table can be carried.
        sets.extend((4..=columns.len()).map(|best| columns[..best].to_vec()));
        let mut candidates: Vec<Candidate> =
            sets.into_iter().map(|set| self.candidate(set)).collect();
        candidates.retain(|candidate| candidate.origin < worth);
        candidates.sort_by_key(|candidate| candidate.origin);
        candidates
    }

    /// Columns that may be part of a key, best first.
    fn eligible(&self) -> Vec<usize> {
        let mut eligible: Vec<usize> = (0..self.shape.columns.len())
            .filter(|column| {
                self.is_full(*column) && self.profiles[*column].max_chars <= MAX_KEY_CHARS
            })
            .collect();
        eligible.sort_by_key(|column| self.role(*column).cost());
        eligible
    }

    fn candidate(&self, mut columns: Vec<usize>) -> Candidate {
        columns.sort_unstable();
        let more = u32::try_from(columns.len()).unwrap_or(u32::MAX) - 1;
        let cost = columns.iter().map(|column| self.role(*column).cost());
        Candidate {
            origin: KeyOrigin::Found {
                cost: cost.sum::<u32>() + more,
            },
            columns,
        }
    }

    /// The candidates that are a key, as reading all rows has shown.
    fn good<'c>(
        &'c self,
        candidates: &'c [Candidate],
        shown: &'c [Uniqueness],
    ) -> impl Iterator<Item = &'c Candidate> {
        let with_shown = candidates.iter().zip(shown);
        let good = with_shown.filter(|(candidate, shown)| {
            let mut columns = candidate.columns.iter();
            let is_proven = self.rows == 0 && candidate.origin == KeyOrigin::Declared;
            shown.unique
                && !shown.too_long
                && !shown.has_null
                && (is_proven || columns.all(|column| self.is_full(*column)))
        });
        good.map(|(candidate, _)| candidate)
    }

    /// Chooses among the candidates by what reading all rows has shown of each.
    pub(super) fn choose(&self, candidates: &[Candidate], shown: &[Uniqueness]) -> Key {
        let good: Vec<&Candidate> = self.good(candidates, shown).collect();
        // Of columns that are a key together, some of which are one, only these are needed.
        let is_minimal = |candidate: &&&Candidate| {
            let is_contained = |other: &&&Candidate| {
                other.columns.len() < candidate.columns.len()
                    && other
                        .columns
                        .iter()
                        .all(|column| candidate.columns.contains(column))
            };
            candidate.origin <= KeyOrigin::Index || good.iter().find(is_contained).is_none()
        };
        let chosen = good
            .iter()
            .filter(is_minimal)
            .min_by_key(|candidate| candidate.origin);
        if let Some(why) = chosen.and_then(|chosen| self.better_but_ambiguous(chosen)) {
            return Key::None { why };
        }
        if let Some(chosen) = chosen {
            let fewer = good
                .iter()
                .filter(|other| other.columns.len() == 1 && chosen.columns.len() > 1);
            let mut by_chance: Vec<usize> = fewer.map(|other| other.columns[0]).collect();
            by_chance.sort_unstable();
            return Key::Columns {
                columns: chosen.columns.clone(),
                why: self.why(chosen, &by_chance),
            };
        }
        match candidates.first() {
            Some(declared) if declared.origin == KeyOrigin::Declared => Key::Columns {
                columns: declared.columns.clone(),
                why: self.flawed(&declared.columns),
            },
            _ => Key::None {
                why: self.why_none(),
            },
        }
    }
}
