//! The refused rows of a scan that are listed: of many, the last that were met.
//!
//! New rows stand at the end of a file, and have the highest keys of a table, so that the last rows
//! are likely to be the newest. And a scan that meets the same rows lists the same ones.

use std::collections::{BTreeMap, VecDeque};

use causeway_shared::dataset::TableId;
use causeway_shared::quarantine::{MAX_ROWS, RefusedRow};
use jiff::Timestamp;

/// Most refused rows that are listed of one scan; more are only counted.
const LISTED: usize = 10_000;

/// The refused rows of each table that are listed.
#[derive(Debug)]
pub(super) struct RefusedLists {
    now: Timestamp,
    listed: usize,
    tables: BTreeMap<TableId, VecDeque<RefusedRow>>,
}

impl RefusedLists {
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

    /// Forgets those of a table, which is read again.
    pub(super) fn forget(&mut self, table: TableId) {
        self.listed -= self.take(table).len();
    }

    /// When the scan looked at the sources.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds a row that a table's scan met.
    pub(super) fn add(&mut self, table: TableId, row: RefusedRow) {
        self.make_room(table);
        self.listed += 1;
        self.tables.entry(table).or_default().push_back(row);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rows are listed, and the first and last line, of tables with so many refused rows.
    fn listed<const N: usize>(refused: [u64; N]) -> [(usize, String, String); N] {
        let mut lists = RefusedLists::new(Timestamp::UNIX_EPOCH);
        for (table, rows) in refused.into_iter().enumerate() {
            for line in 1..=rows {
                let row = RefusedRow {
                    since: lists.now(),
                    source: String::new(),
                    place: line.to_string(),
                    column: None,
                    reason: String::new(),
                    row: String::new(),
                };
                lists.add(TableId(table), row);
            }
        }
        std::array::from_fn(|table| {
            let rows = lists.take(TableId(table));
            let place = |row: Option<&RefusedRow>| row.unwrap().place.clone();
            (rows.len(), place(rows.first()), place(rows.last()))
        })
    }

    fn lines(rows: usize, first: u64, last: u64) -> (usize, String, String) {
        (rows, first.to_string(), last.to_string())
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
