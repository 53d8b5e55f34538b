//! Keys and unique values: of rows that share one, one stays and the others are refused.
//!
//! First the key: of rows with one key that with the lowest canonical record stays. It is the
//! row's content that decides, not its place, so that a source written anew in another order
//! gives the same partitions. Then the unique rules, in declared order: of rows that share the
//! values, the one with the lowest key stays, but one of the store before those that an import adds to
//! it. A row that has been refused takes no part.

use std::io;

use causeway_shared::canonical_csv::write_value;
use causeway_shared::dataset::{Table, Unique};
use causeway_shared::value::Value;

use super::fingerprints::{Repeated, fingerprint};
use super::record::{CanonicalRecord, Fields};
use super::row_set::RowSet;
use super::sorter::{Sorted, Sorter};
use super::spill::SpillDir;
use super::stored::{Stored, damaged, split_key};
use crate::source::is_kept;

/// A unique rule, ready to be applied to canonical fields.
#[derive(Debug)]
pub(super) struct UniqueRule {
    columns: Vec<usize>,
    /// Columns and the fields in them that exempt a row.
    unless: Vec<(usize, Vec<Vec<u8>>)>,
}

impl UniqueRule {
    pub(super) fn new(declared: &Unique) -> Self {
        let canonical = |text: &String| {
            let mut field = Vec::new();
            write_value(&Value::Text(text.as_str().into()), &mut field);
            field
        };
        let unless = declared
            .unless
            .iter()
            .map(|(column, texts)| (*column, texts.iter().map(canonical).collect()));
        Self {
            columns: declared.columns.clone(),
            unless: unless.collect(),
        }
    }

    /// The columns that it is about.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    pub(super) fn names(&self, table: &Table) -> String {
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|column| table.columns[*column].name.as_str())
            .collect();
        names.join(", ")
    }

    /// Whether it applies to a row; if so, appends the row's values. Rows with a NULL among the
    /// columns, or with a value that exempts them, are free.
    pub(super) fn applies(&self, fields: Fields<'_>, values: &mut Vec<u8>) -> bool {
        let null = self
            .columns
            .iter()
            .any(|column| fields.get(*column).is_empty());
        let exempt = || {
            self.unless.iter().any(|(column, texts)| {
                let field = fields.get(*column);
                texts.iter().any(|text| text == field)
            })
        };
        if null || exempt() {
            return false;
        }
        fields.write_of(&self.columns, values);
        true
    }
}

/// What rows compete for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Contest<'t> {
    Key,
    /// The values of a unique rule.
    Values(&'t UniqueRule),
}

/// A row that lost.
pub(super) struct Loser<'r> {
    pub(super) row: Stored<'r>,
    /// The one that stays.
    pub(super) winner: Stored<'r>,
}

/// Refuses all but one of the rows that share a key or unique values, looking only at rows whose
/// fingerprint came more than once.
pub(super) fn refuse_losers(
    contest: Contest<'_>,
    repeated: &Repeated,
    rows: &Sorted,
    refused: &mut RowSet,
    spill: &SpillDir,
    memory_bytes: usize,
    each: &mut dyn FnMut(Loser<'_>) -> io::Result<()>,
) -> io::Result<()> {
    if repeated.is_none() {
        return Ok(());
    }
    let rivals = rivals(
        contest,
        repeated,
        rows,
        refused,
        Sorter::new(spill, memory_bytes),
    )?;
    let mut rivals = rivals.stream()?;
    let (mut group, mut winner) = (Vec::new(), Vec::new());
    while rivals.advance()? {
        let rival = Rival::read(rivals.key(), rivals.payload()).ok_or_else(damaged)?;
        if winner.is_empty() || group != rival.group {
            group.clear();
            group.extend_from_slice(rival.group);
            winner.clear();
            winner.extend_from_slice(rival.row);
            continue;
        }
        let row = Stored::read(rival.row)?;
        refused.insert(row.at);
        each(Loser {
            row,
            winner: Stored::read(&winner)?,
        })?;
    }
    Ok(())
}

/// The rows that may share something, sorted by what they share and then by who wins.
fn rivals(
    contest: Contest<'_>,
    repeated: &Repeated,
    rows: &Sorted,
    refused: &RowSet,
    mut sorter: Sorter<'_>,
) -> io::Result<Sorted> {
    let mut record = CanonicalRecord::default();
    let (mut key, mut payload) = (Vec::new(), Vec::new());
    let mut rows = rows.stream()?;
    while rows.advance()? {
        let row = Stored::read(rows.payload())?;
        if refused.contains(row.at) {
            continue;
        }
        let (_, own_key) = split_key(rows.key())?;
        key.clear();
        match contest {
            Contest::Key => key.extend_from_slice(own_key),
            Contest::Values(rule) if rule.applies(record.read(row.record), &mut key) => {}
            Contest::Values(_) => continue,
        }
        if !repeated.may_hold(fingerprint(&key)) {
            continue;
        }
        // No value holds U+0000, so that nobody's values go on where another's end.
        key.push(0);
        let group_bytes = key.len() as u64;
        match contest {
            Contest::Key => {
                key.extend_from_slice(row.record);
                key.extend_from_slice(&row.at.to_be_bytes());
            }
            Contest::Values(_) => {
                key.push(u8::from(!is_kept(row.at)));
                key.extend_from_slice(own_key);
            }
        }
        payload.clear();
        payload.extend_from_slice(&group_bytes.to_le_bytes());
        payload.extend_from_slice(rows.payload());
        sorter.push(&key, &payload)?;
    }
    sorter.finish()
}

/// A row among its rivals.
struct Rival<'r> {
    /// What it shares with them.
    group: &'r [u8],
    /// Itself, as it is stored.
    row: &'r [u8],
}

impl<'r> Rival<'r> {
    fn read(key: &'r [u8], payload: &'r [u8]) -> Option<Self> {
        let (group_bytes, row) = payload.split_first_chunk()?;
        let group_bytes = usize::try_from(u64::from_le_bytes(*group_bytes)).ok()?;
        Some(Self {
            group: key.get(..group_bytes)?,
            row,
        })
    }
}
