//! References to other tables: which values point at no committed row. Such a row is good in
//! itself, so it is committed and reported.

use std::collections::HashMap;
use std::io;

use causeway_shared::dataset::Table;
use causeway_shared::value::{Forms, Raw, parse, sort_key};

use super::Dangling;
use super::join::Keys;
use super::record::text_of;
use super::sorter::{Sorted, Sorter};
use super::spill::SpillDir;
use super::stored::{Kept, damaged};

/// Most values shown of one column.
const MAX_EXAMPLES: usize = 5;

/// The values of a table's references, counted while its rows are written.
pub(super) struct Counting<'d> {
    table: &'d Table,
    /// What the counts of one column may take.
    memory_bytes: usize,
    columns: Vec<Column<'d>>,
}

struct Column<'d> {
    column: usize,
    /// Its place among the kept columns.
    kept: usize,
    /// Rows per value, by the value's field.
    counts: HashMap<Box<[u8]>, u64>,
    /// What the counts take, about.
    bytes: usize,
    /// Counts that had to make room, by the value's sort key.
    sorter: Sorter<'d>,
}

/// A column's values, in the order of the keys that they should be.
pub(super) struct Counted {
    /// The column.
    pub(super) column: usize,
    values: Sorted,
}

impl<'d> Counting<'d> {
    /// For some columns of a table, all of them kept.
    pub(super) fn new(
        table: &'d Table,
        columns: &[usize],
        kept: &Kept,
        spill: &'d SpillDir,
        memory_bytes: usize,
    ) -> Self {
        let share = memory_bytes / columns.len().max(1);
        let columns = columns.iter().filter_map(|column| {
            Some(Column {
                column: *column,
                kept: kept.columns().iter().position(|kept| kept == column)?,
                counts: HashMap::new(),
                bytes: 0,
                sorter: Sorter::new(spill, share),
            })
        });
        Self {
            table,
            memory_bytes: share,
            columns: columns.collect(),
        }
    }

    /// Counts a row, given its kept fields.
    pub(super) fn add(&mut self, kept: &[&[u8]]) -> io::Result<()> {
        /// What a value takes besides its bytes: its entry, with room to grow.
        const ENTRY_BYTES: usize = 64;
        for column in &mut self.columns {
            let field = kept[column.kept];
            if field.is_empty() {
                continue;
            }
            if let Some(count) = column.counts.get_mut(field) {
                *count += 1;
                continue;
            }
            if column.bytes > self.memory_bytes {
                column.make_room(self.table)?;
            }
            column.bytes += field.len() + ENTRY_BYTES;
            column.counts.insert(field.into(), 1);
        }
        Ok(())
    }

    /// The counts.
    pub(super) fn finish(self) -> io::Result<Vec<Counted>> {
        let table = self.table;
        let finish = |mut column: Column<'d>| {
            column.make_room(table)?;
            Ok(Counted {
                column: column.column,
                values: column.sorter.finish()?,
            })
        };
        self.columns.into_iter().map(finish).collect()
    }
}

impl Column<'_> {
    fn make_room(&mut self, table: &Table) -> io::Result<()> {
        let ty = table.columns[self.column].ty;
        let mut payload = Vec::new();
        for (field, count) in self.counts.drain() {
            let text = text_of(&field).unwrap_or_default();
            // What was written from a value reads back as that value.
            let value = parse(Raw::Text(&text), ty, &Forms::default()).map_err(|_| damaged())?;
            payload.clear();
            payload.extend_from_slice(&count.to_le_bytes());
            payload.extend_from_slice(text.as_bytes());
            self.sorter.push(&sort_key([&value]), &payload)?;
        }
        self.bytes = 0;
        Ok(())
    }
}

impl Counted {
    /// Compares the values with the keys that are there; `None` if every one of them is.
    pub(super) fn dangling(
        &self,
        mut keys: Keys<'_>,
        target: usize,
    ) -> io::Result<Option<Dangling>> {
        let mut dangling = Dangling {
            column: self.column,
            target,
            rows: 0,
            examples: Vec::new(),
        };
        let mut values = self.values.stream()?;
        while values.advance()? {
            if keys.find(values.key())?.is_some() {
                continue;
            }
            let (count, text) = values.payload().split_first_chunk().ok_or_else(damaged)?;
            dangling.rows += u64::from_le_bytes(*count);
            let text = String::from_utf8_lossy(text);
            if dangling.examples.len() < MAX_EXAMPLES
                && dangling.examples.last().is_none_or(|last| *last != text)
            {
                dangling.examples.push(text.into_owned());
            }
        }
        Ok((dangling.rows > 0).then_some(dangling))
    }
}
