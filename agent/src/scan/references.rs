//! References to other tables: which values point at no committed row. Such a row is good in
//! itself, so it is committed and reported.
//!
//! Nearly every value is there, and is passed by its fingerprint. What is not known by it is
//! sorted and compared with the keys themselves. A value that is not there but has the fingerprint
//! of a key goes unreported: one in some 10^13 among a million keys.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;

use causeway_shared::dataset::Table;
use causeway_shared::value::{Forms, Raw, parse};

use super::findings::DanglingReference;
use super::fingerprints::fingerprint;
use super::join::{KeyPlace, Keys};
use super::read::ReadTable;
use super::record::text_of;
use super::sorter::{Sorted, Sorter};
use super::spill::SpillDir;
use super::stored::damaged;
use super::targets::TargetKeys;

/// Most values shown of one column.
const MAX_EXAMPLES: usize = 5;

/// The values of a table's references, noted while its rows are written.
pub(super) struct Noting<'d> {
    table: &'d Table,
    columns: Vec<Column<'d>>,
    key: Vec<u8>,
}

struct Column<'d> {
    column: usize,
    /// Its place among the kept columns.
    kept: usize,
    known: KnownKeys,
    /// Values that are not known, by their sort key.
    unknown: Sorter<'d>,
}

/// A column's values that were not known, in the order of the keys that they should be.
pub(super) struct Noted {
    pub(super) column: usize,
    values: Sorted,
}

impl<'d> Noting<'d> {
    /// For the references of a table whose targets' keys are known, given by column.
    pub(super) fn new(
        table: &'d Table,
        read: &ReadTable,
        targets: &[(usize, TargetKeys<'_>)],
        spill: &'d SpillDir,
        memory_bytes: usize,
    ) -> io::Result<Self> {
        let half = memory_bytes / 2 / targets.len().max(1);
        let mut columns = Vec::with_capacity(targets.len());
        for (column, target) in targets {
            let kept = read.kept.columns().iter().position(|kept| kept == column);
            columns.push(Column {
                column: *column,
                kept: kept.ok_or_else(damaged)?,
                known: KnownKeys::new(*target, half)?,
                unknown: Sorter::new(spill, half),
            });
        }
        Ok(Self {
            table,
            columns,
            key: Vec::new(),
        })
    }

    /// Notes a row, given its kept fields.
    pub(super) fn add(&mut self, kept: &[&[u8]]) -> io::Result<()> {
        for column in &mut self.columns {
            let Some(text) = text_of(kept[column.kept]) else {
                continue;
            };
            let ty = self.table.columns[column.column].ty;
            // What was written from a value reads back as that value.
            let value = parse(Raw::Text(&text), ty, &Forms::default()).map_err(|_| damaged())?;
            self.key.clear();
            value.write_sort_key(&mut self.key);
            if !column.known.may_hold(&self.key) {
                column.unknown.push(&self.key, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// What was noted.
    pub(super) fn finish(self) -> io::Result<Vec<Noted>> {
        let noted = |column: Column<'d>| {
            Ok(Noted {
                column: column.column,
                values: column.unknown.finish()?,
            })
        };
        self.columns.into_iter().map(noted).collect()
    }
}

impl Noted {
    /// Compares the values with the keys that are there; `None` if every one of them is.
    pub(super) fn dangling(
        &self,
        table: &Table,
        mut keys: Keys<'_>,
        target: &Table,
    ) -> io::Result<Option<DanglingReference>> {
        let mut dangling = DanglingReference {
            table: table.name.clone(),
            column: table.columns[self.column].name.clone(),
            target: target.name.clone(),
            rows: 0,
            examples: Vec::new(),
        };
        let mut values = self.values.stream()?;
        while values.advance()? {
            if keys.find(values.key())?.is_some() {
                continue;
            }
            dangling.rows += 1;
            let text = String::from_utf8_lossy(values.payload());
            if dangling.examples.len() < MAX_EXAMPLES
                && dangling.examples.last().is_none_or(|last| *last != text)
            {
                dangling.examples.push(text.into_owned());
            }
        }
        Ok((dangling.rows > 0).then_some(dangling))
    }
}

/// The fingerprints of a table's committed keys, as many as there is room for.
#[derive(Default)]
struct KnownKeys(HashSet<u64, BuildHasherDefault<AsItIs>>);

impl KnownKeys {
    fn new(target: TargetKeys<'_>, memory_bytes: usize) -> io::Result<Self> {
        /// What a fingerprint takes in a set that is about half full.
        const ENTRY_BYTES: usize = 20;
        let mut known = Self::default();
        let mut keys = target.keys.stream()?;
        while known.0.len() < memory_bytes / ENTRY_BYTES && keys.advance()? {
            if !target.refused.contains(KeyPlace::read(keys.payload())?.at) {
                known.0.insert(fingerprint(keys.key()));
            }
        }
        Ok(known)
    }

    fn may_hold(&self, key: &[u8]) -> bool {
        self.0.contains(&fingerprint(key))
    }
}

/// A fingerprint needs no further hashing.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
