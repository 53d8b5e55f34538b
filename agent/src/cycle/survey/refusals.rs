//! The refused rows of a scan that are listed: of many, the last that were met.
//!
//! New rows stand at the end of a file, and have the highest keys of a table, so that the last rows
//! are likely to be the newest. And a scan that meets the same rows lists the same ones.

use std::collections::{BTreeMap, VecDeque};

use causeway_shared::dataset::TableId;
use causeway_shared::quarantine::{MAX_ROWS, RefusedRow};
use jiff::Timestamp;

use crate::scan::quarantine::{QuarantineSink, Refused};

/// Most refused rows that are listed of one scan; more are only counted.
const LISTED: usize = 10_000;

/// Collects refused rows.
#[derive(Debug)]
pub(super) struct Refusals {
    now: Timestamp,
    listed: usize,
    tables: BTreeMap<TableId, VecDeque<RefusedRow>>,
}

impl Refusals {
    /// Of a scan at this time.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            listed: 0,
            tables: BTreeMap::new(),
        }
    }

    /// Those of a table that are listed, as they were met.
    pub(super) fn take(&mut self, table: TableId) -> Vec<RefusedRow> {
        self.tables.remove(&table).unwrap_or_default().into()
    }

    /// Makes room for a row of this table: its own first row goes, or the first of the table that
    /// has most.
    fn make_room(&mut self, table: TableId) {
        let own = self.tables.get(&table).map_or(0, VecDeque::len);
        let from = if own >= MAX_ROWS {
            self.tables.get_mut(&table)
        } else if self.listed >= LISTED {
            self.tables.values_mut().max_by_key(|rows| rows.len())
        } else {
            return;
        };
        if from.and_then(VecDeque::pop_front).is_some() {
            self.listed -= 1;
        }
    }
}

impl QuarantineSink for Refusals {
    fn refuse(&mut self, refused: Refused) {
        self.make_room(refused.table);
        self.listed += 1;
        let rows = self.tables.entry(refused.table).or_default();
        rows.push_back(RefusedRow {
            since: self.now,
            source: refused.source,
            place: refused.place.to_string(),
            column: refused.column.map(String::from),
            reason: refused.reason,
            row: refused.row,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::quarantine::Place;

    /// How many rows are listed, and the first and last line, of tables with so many refused rows.
    fn listed<const N: usize>(refused: [u64; N]) -> [(usize, String, String); N] {
        let mut refusals = Refusals::new(Timestamp::UNIX_EPOCH);
        for (table, rows) in refused.into_iter().enumerate() {
            for line in 1..=rows {
                refusals.refuse(Refused {
                    table: TableId(table),
                    source: String::new(),
                    place: Place::Line(line),
                    column: None,
                    reason: String::new(),
                    row: String::new(),
                });
            }
        }
        std::array::from_fn(|table| {
            let rows = refusals.take(TableId(table));
            let place = |row: Option<&RefusedRow>| row.unwrap().place.clone();
            (rows.len(), place(rows.first()), place(rows.last()))
        })
    }

    fn lines(rows: usize, first: u64, last: u64) -> (usize, String, String) {
        (
            rows,
            Place::Line(first).to_string(),
            Place::Line(last).to_string(),
        )
    }

    #[test]
    fn the_last_rows_of_a_table_are_listed() {
        assert_eq!(listed([3]), [lines(3, 1, 3)]);
        assert_eq!(listed([1_001]), [lines(1_000, 2, 1_001)]);
    }

    #[test]
    fn a_table_has_room_where_others_have_much() {
        let mut many = [1_000; 11];
        many[10] = 10;
        let found = listed(many);
        assert_eq!(found[10], lines(10, 1, 10));
        assert_eq!(found.iter().map(|(rows, ..)| rows).sum::<usize>(), LISTED);
    }
}
