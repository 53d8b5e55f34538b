//! The second reading of a table: its rows as typed values, to see which columns tell rows apart,
//! which values it refers to, and on which dates its rows are.

use std::collections::BTreeMap;

use causeway_shared::dataset::{MAX_ROW_WIDTH, row_width};
use causeway_shared::value::{DateOrder, DecimalMark, Forms, Raw, Type, Value, parse};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::keys::Uniqueness;
use super::scratch::{Scratch, Set, SetId};
use super::trial::forms;
use super::{InitError, TIME_ZONE};

/// What is asked of a table's rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions {
    /// Columns that may be a key.
    pub(super) keys: Vec<Vec<usize>>,
    /// Columns that may be unique, rows with a NULL among them left out.
    pub(super) unique: Vec<Vec<usize>>,
    /// Columns that may hold another table's keys.
    pub(super) references: Vec<usize>,
    /// Columns of dates and timestamps, which rows may be partitioned by.
    pub(super) dates: Vec<usize>,
}

/// What the rows have shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// Per candidate of a key.
    pub(super) keys: Vec<(Uniqueness, SetId)>,
    /// Per unique rule.
    pub(super) unique: Vec<Uniqueness>,
    /// Per column its different values, and how many there are.
    pub(super) references: BTreeMap<usize, (SetId, u64)>,
    /// Per column the dates of its rows.
    pub(super) spreads: BTreeMap<usize, Spread>,
    /// Rows that are too wide for a database.
    pub(super) too_wide: u64,
    /// Per column whether it is empty in a row that no value keeps out.
    pub(super) has_null: Vec<bool>,
}

/// On which dates a table's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) first: Date,
    pub(super) last: Date,
    /// How many dates have rows.
    pub(super) dates: usize,
    /// The rows of the date that has most.
    pub(super) most_rows: u64,
}

/// Gathers evidence row by row.
pub(super) struct Gathering<'s> {
    scratch: &'s Scratch,
    types: Vec<Option<Type>>,
    forms: Forms,
    questions: Questions,
    keys: Vec<Set>,
    unique: Vec<Set>,
    references: Vec<Set>,
    /// Rows per date; there are at most 110 000 dates from 1900 to 2199.
    dates: Vec<BTreeMap<Date, u64>>,
    too_wide: u64,
    has_null: Vec<bool>,
    record: Vec<u8>,
}

impl<'s> Gathering<'s> {
    /// `types` of the columns that are carried.
    pub(super) fn new(
        scratch: &'s mut Scratch,
        types: Vec<Option<Type>>,
        (order, decimals): (DateOrder, DecimalMark),
        questions: Questions,
    ) -> Self {
        let mut sets = |count: usize| (0..count).map(|_| scratch.set()).collect::<Vec<_>>();
        let (keys, unique) = (sets(questions.keys.len()), sets(questions.unique.len()));
        let references = sets(questions.references.len());
        Self {
            scratch,
            forms: Forms {
                decimals,
                // On which date a timestamp with an offset is depends on the zone.
                zone: TimeZone::get(TIME_ZONE).unwrap_or(TimeZone::UTC),
                ..forms(order)
            },
            dates: vec![BTreeMap::new(); questions.dates.len()],
            questions,
            keys,
            unique,
            references,
            too_wide: 0,
            has_null: vec![false; types.len()],
            types,
            record: Vec::new(),
        }
    }

    /// Looks at a row. One with a value that no type takes will be refused, and shows nothing.
    pub(super) fn look(&mut self, row: &[Raw<'_>]) -> Result<(), InitError> {
        let typed = row.iter().zip(&self.types).map(|(raw, ty)| match ty {
            Some(ty) => parse(*raw, *ty, &self.forms).ok(),
            None => Some(Value::Null),
        });
        let Some(values) = typed.collect::<Option<Vec<_>>>() else {
            return Ok(());
        };
        for (has_null, value) in self.has_null.iter_mut().zip(&values) {
            *has_null |= value.is_null();
        }
        self.too_wide += u64::from(row_width(&values) > MAX_ROW_WIDTH);
        let (scratch, record) = (self.scratch, &mut self.record);
        for (columns, set) in self.questions.keys.iter().zip(&mut self.keys) {
            // One repetition is enough to know.
            set.has_null |= columns.iter().any(|column| values[*column].is_null());
            if !set.repeats && !set.has_null {
                scratch.insert(set, columns.iter().map(|column| &values[*column]), record)?;
            }
        }
        for (columns, set) in self.questions.unique.iter().zip(&mut self.unique) {
            if !set.repeats && columns.iter().all(|column| !values[*column].is_null()) {
                scratch.insert(set, columns.iter().map(|column| &values[*column]), record)?;
            }
        }
        for (column, set) in self.questions.references.iter().zip(&mut self.references) {
            if !values[*column].is_null() {
                scratch.insert(set, [&values[*column]], record)?;
            }
        }
        for (column, dates) in self.questions.dates.iter().zip(&mut self.dates) {
            let date = match values[*column] {
                Value::Date(date) => date,
                Value::Timestamp(timestamp) => timestamp.date(),
                _ => continue,
            };
            *dates.entry(date).or_default() += 1;
        }
        Ok(())
    }

    /// What all rows have shown.
    pub(super) fn finish(mut self) -> Result<Evidence, InitError> {
        let scratch = self.scratch;
        let shown = |set: &mut Set| {
            let id = scratch.finish(set)?;
            let shown = Uniqueness {
                unique: !set.repeats,
                too_long: set.too_long,
                has_null: set.has_null,
            };
            Ok::<_, InitError>((shown, id))
        };
        let keys = self.keys.iter_mut().map(shown).collect::<Result<_, _>>()?;
        let unique = self
            .unique
            .iter_mut()
            .map(|set| Ok(shown(set)?.0))
            .collect::<Result<_, InitError>>()?;
        let mut references = BTreeMap::new();
        for (column, set) in self.questions.references.iter().zip(&mut self.references) {
            let (_, id) = shown(set)?;
            references.insert(*column, (id, set.distinct));
        }
        let dates = self.questions.dates.iter().zip(&self.dates);
        Ok(Evidence {
            keys,
            unique,
            references,
            too_wide: self.too_wide,
            has_null: self.has_null,
            spreads: dates
                .filter_map(|(column, dates)| Some((*column, spread(dates)?)))
                .collect(),
        })
    }
}

fn spread(rows: &BTreeMap<Date, u64>) -> Option<Spread> {
    Some(Spread {
        first: *rows.keys().next()?,
        last: *rows.keys().next_back()?,
        dates: rows.len(),
        most_rows: rows.values().copied().max()?,
    })
}
