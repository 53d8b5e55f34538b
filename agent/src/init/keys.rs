//! What tells the rows of a table apart: its declared key, or columns whose values, all of them,
//! are there and differ.

use causeway_shared::runtime::program::count;
use causeway_shared::value::Type;

use super::names::{fold, words};
use super::profile::Profile;
use super::samples::Samples;
use super::shape::Shape;
use super::types::{Pick, Verdict};

/// Most columns that are tried alone, and most that are tried in pairs.
const MAX_SINGLES: usize = 40;
const MAX_IN_PAIRS: usize = 8;

/// Longest value that anybody would call a key, in characters.
const MAX_KEY_CHARS: usize = 200;

/// Words that a key's name ends in.
const KEY_WORDS: [&str; 14] = [
    "id", "no", "nr", "code", "key", "uuid", "guid", "number", "sku", "isbn", "email", "ma", "pk",
    "ref",
];

/// Columns that may be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The columns, by position.
    pub(super) columns: Vec<usize>,
    /// Why they were thought of.
    pub(super) origin: Origin,
}

/// Why columns may be a key, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The declared primary key.
    Declared,
    /// A unique index on columns that are never empty.
    Index,
    /// One column, named like a key.
    NamedKey,
    /// Two columns, each named like a key or a date.
    NamedPair,
    /// One column of whole numbers.
    Number,
    /// Two columns, one of which is named like a key.
    HalfNamedPair,
    /// One column of text.
    Text,
    /// Two other columns.
    Pair,
    /// One column of dates or times.
    Moment,
}

/// What reading all rows has shown of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// No two rows have the same values.
    pub(super) unique: bool,
    /// Some values are longer than keys may be.
    pub(super) too_long: bool,
}

/// The key that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// These columns, by position.
    Columns {
        /// The columns.
        columns: Vec<usize>,
        /// Why.
        why: String,
    },
    /// None; the table cannot be carried as it is.
    None {
        /// Why.
        why: String,
    },
}

/// What is known of a table when its key is looked for.
pub(super) struct Ground<'t> {
    pub(super) shape: &'t Shape,
    pub(super) profiles: &'t [Profile],
    pub(super) verdicts: &'t [Verdict],
    pub(super) rows: u64,
    /// Rows without a value in a column of the declared primary key.
    pub(super) without_key: &'t Samples,
}

impl Ground<'_> {
    fn carried(&self, column: usize) -> Option<&Pick> {
        match &self.verdicts[column] {
            Verdict::Carry(pick) => Some(pick),
            Verdict::LeaveOut(_) => None,
        }
    }

    /// Whether every row has a value in a column.
    fn is_full(&self, column: usize) -> bool {
        let profile = &self.profiles[column];
        self.carried(column).is_some() && profile.nulls + profile.untakeable == 0
    }

    fn ty(&self, column: usize) -> Type {
        self.carried(column).map_or(Type::Text, |pick| pick.ty)
    }

    /// What to try, best first.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let key = &self.shape.primary_key;
        let carried = |column: &usize| self.carried(*column).is_some();
        let mut candidates = Vec::new();
        if !key.is_empty() && key.iter().all(carried) {
            candidates.push(Candidate {
                columns: key.clone(),
                origin: Origin::Declared,
            });
            return candidates;
        }
        let indexes = self
            .shape
            .unique
            .iter()
            .filter_map(|index| index.columns.clone());
        candidates.extend(
            indexes
                .filter(|columns| columns.iter().all(|column| self.is_full(*column)))
                .map(|columns| Candidate {
                    columns,
                    origin: Origin::Index,
                }),
        );
        // Without rows everything is unique, and nothing is proven.
        if self.rows > 0 {
            self.found(&mut candidates);
        }
        candidates.sort_by_key(|candidate| candidate.origin);
        candidates
    }

    fn found(&self, candidates: &mut Vec<Candidate>) {
        let mut eligible: Vec<usize> = (0..self.shape.columns.len())
            .filter(|column| self.is_full(*column) && self.is_key_like(*column))
            .collect();
        eligible.sort_by_key(|column| !self.is_named_key(*column));
        eligible.truncate(MAX_SINGLES);
        candidates.extend(eligible.iter().map(|column| Candidate {
            columns: vec![*column],
            origin: match self.ty(*column) {
                _ if self.is_named_key(*column) => Origin::NamedKey,
                Type::Int => Origin::Number,
                Type::Text | Type::Phone => Origin::Text,
                _ => Origin::Moment,
            },
        }));
        eligible.truncate(MAX_IN_PAIRS);
        for (at, first) in eligible.iter().enumerate() {
            for second in &eligible[at + 1..] {
                let mut columns = vec![*first, *second];
                columns.sort_unstable();
                let named = |column: &&usize| {
                    self.is_named_key(**column) || self.ty(**column) == Type::Date
                };
                let origin = match columns.iter().filter(named).count() {
                    2 => Origin::NamedPair,
                    1 => Origin::HalfNamedPair,
                    _ => Origin::Pair,
                };
                candidates.push(Candidate { columns, origin });
            }
        }
    }

    fn is_key_like(&self, column: usize) -> bool {
        let kind = matches!(
            self.ty(column),
            Type::Int | Type::Text | Type::Phone | Type::Date | Type::Timestamp
        );
        kind && self.profiles[column].max_chars <= MAX_KEY_CHARS
    }

    fn is_named_key(&self, column: usize) -> bool {
        let name = &self.shape.columns[column].name;
        let words = words(name);
        let is_key = |word: Option<&String>| word.is_some_and(|w| KEY_WORDS.contains(&w.as_str()));
        is_key(words.first()) || is_key(words.last()) || fold(name).ends_with("id")
    }

    /// Chooses among the candidates by what reading all rows has shown of each.
    pub(super) fn choose(&self, candidates: &[Candidate], shown: &[Shown]) -> Key {
        let good = |at: usize| {
            let columns = &candidates[at].columns;
            shown[at].unique
                && !shown[at].too_long
                && columns.iter().all(|column| self.is_full(*column))
        };
        let alone: Vec<usize> = (0..candidates.len())
            .filter(|at| good(*at) && candidates[*at].columns.len() == 1)
            .map(|at| candidates[at].columns[0])
            .collect();
        // A pair is no better than the one of its columns that is unique alone.
        let needs_both = |candidate: &Candidate| {
            candidate.origin <= Origin::Index
                || candidate.columns.len() == 1
                || !candidate
                    .columns
                    .iter()
                    .any(|column| alone.contains(column))
        };
        let chosen = (0..candidates.len()).find(|at| good(*at) && needs_both(&candidates[*at]));
        if let Some(at) = chosen {
            return Key::Columns {
                columns: candidates[at].columns.clone(),
                why: self.why(candidates[at].origin),
            };
        }
        match candidates.first() {
            Some(declared) if declared.origin == Origin::Declared => Key::Columns {
                columns: declared.columns.clone(),
                why: self.flawed(&declared.columns),
            },
            _ => Key::None {
                why: self.why_none(),
            },
        }
    }

    /// What is said of a table whose key is not the declared one.
    fn not_declared(&self) -> String {
        let key = &self.shape.primary_key;
        if key.is_empty() {
            return "no declared key".to_owned();
        }
        let names: Vec<&str> = key
            .iter()
            .map(|column| self.shape.columns[*column].name.as_str())
            .collect();
        format!(
            "the declared PRIMARY KEY ({}) cannot be carried",
            names.join(", ")
        )
    }

    fn why(&self, origin: Origin) -> String {
        let (rows, not_declared) = (self.rows, self.not_declared());
        match origin {
            Origin::Declared => "declared PRIMARY KEY".to_owned(),
            Origin::Index if self.shape.primary_key.is_empty() => {
                "no PRIMARY KEY, but a UNIQUE index, and never empty".to_owned()
            }
            Origin::Index => {
                format!("PLEASE CHECK: {not_declared}; a UNIQUE index, and never empty")
            }
            _ if rows == 1 => {
                format!("PLEASE CHECK: {not_declared}, and only one row to find one by")
            }
            Origin::NamedKey | Origin::Number | Origin::Text | Origin::Moment => {
                format!("PLEASE CHECK: {not_declared}; in all {rows} rows it is there and differs")
            }
            Origin::NamedPair | Origin::HalfNamedPair | Origin::Pair => format!(
                "PLEASE CHECK: {not_declared}; in all {rows} rows the two together differ, and no \
                 column does alone"
            ),
        }
    }

    /// The declared key, with rows that it does not tell apart.
    fn flawed(&self, columns: &[usize]) -> String {
        let untakeable = columns
            .iter()
            .find(|column| self.profiles[**column].untakeable > 0);
        let flaw = match (self.without_key.added, untakeable) {
            (0, None) => "some rows have the same key once it has its type, or one over 2000 bytes"
                .to_owned(),
            (0, Some(column)) => format!(
                "{} of its values cannot be carried",
                self.profiles[*column].untakeable
            ),
            (rows, _) => format!(
                "it is empty in {}, such as {}",
                count(rows, "row"),
                self.without_key
            ),
        };
        format!(
            "declared PRIMARY KEY; PLEASE DECIDE: {flaw}: such rows go to quarantine, unless other \
             columns are named as `key`, or the rows are mended in the source"
        )
    }

    fn why_none(&self) -> String {
        let full = (0..self.shape.columns.len())
            .filter(|column| self.is_full(*column))
            .count();
        let what = if self.rows == 0 {
            "no rows yet to find one by"
        } else if full == 0 {
            "every column is empty in some row"
        } else {
            "no column or pair of columns differs in all rows"
        };
        format!("{}, and {what}", self.not_declared())
    }
}
