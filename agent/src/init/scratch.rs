//! Sets of values, exact and of any size: a SQLite file of their MD5s in the system's folder for
//! temporary files, deleted at the end.
//!
//! Equal values have equal hashes, so that what is said to be unique is, and what is said to be
//! missing from a set is.

use causeway_shared::canonical_csv::write_record;
use causeway_shared::ids::Md5;
use causeway_shared::value::{MAX_KEY_BYTES, Value};
use rusqlite::Connection;
use tempfile::TempDir;

use super::InitError;

const SCHEMA: &str = include_str!("scratch/schema.sql");
const INSERT: &str = include_str!("scratch/insert.sql");
const MISSING: &str = include_str!("scratch/missing.sql");

/// Hashes of one set that are kept before they go to the file, sorted.
const BATCH: usize = 4_096;

/// All sets.
pub(super) struct Scratch {
    connection: Connection,
    sets: i64,
    _folder: TempDir,
}

/// A set being filled.
pub(super) struct Set {
    id: SetId,
    waiting: Vec<[u8; 16]>,
    /// How many different values it has.
    pub(super) distinct: u64,
    /// Some value came more than once.
    pub(super) repeats: bool,
    /// Some value is longer than keys may be.
    pub(super) too_long: bool,
    /// Some value is empty.
    pub(super) has_null: bool,
}

/// A set that has been filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetId(i64);

impl Scratch {
    /// Makes the file.
    pub(super) fn create() -> Result<Self, InitError> {
        let folder = tempfile::tempdir().map_err(InitError::TemporaryFolder)?;
        let connection = Connection::open(folder.path().join("sets.sqlite"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection,
            sets: 0,
            _folder: folder,
        })
    }

    /// A new, empty set.
    pub(super) fn set(&mut self) -> Set {
        self.sets += 1;
        Set {
            id: SetId(self.sets),
            waiting: Vec::new(),
            distinct: 0,
            repeats: false,
            too_long: false,
            has_null: false,
        }
    }

    /// Adds values that stand together, using `record` to write them into.
    pub(super) fn insert<'v, 'a: 'v>(
        &self,
        set: &mut Set,
        values: impl IntoIterator<Item = &'v Value<'a>>,
        record: &mut Vec<u8>,
    ) -> Result<(), InitError> {
        record.clear();
        write_record(values, record);
        set.too_long |= record.len() > MAX_KEY_BYTES;
        set.waiting.push(Md5::of(record).0);
        match set.waiting.len() {
            BATCH => self.flush(set),
            _ => Ok(()),
        }
    }

    fn flush(&self, set: &mut Set) -> Result<(), InitError> {
        let mut insert = self.connection.prepare_cached(INSERT)?;
        // In order, so that the file is written nearly in order.
        set.waiting.sort_unstable();
        for hash in set.waiting.drain(..) {
            match insert.execute((set.id.0, hash.as_slice()))? {
                0 => set.repeats = true,
                _ => set.distinct += 1,
            }
        }
        Ok(())
    }

    /// Ends the filling of a set.
    pub(super) fn finish(&self, set: &mut Set) -> Result<SetId, InitError> {
        self.flush(set)?;
        set.waiting = Vec::new();
        Ok(set.id)
    }

    /// How many different values of one set are not in another.
    pub(super) fn missing(&self, of: SetId, from: SetId) -> Result<u64, InitError> {
        let mut statement = self.connection.prepare_cached(MISSING)?;
        let missing: i64 = statement.query_row((of.0, from.0), |row| row.get(0))?;
        Ok(missing.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(scratch: &mut Scratch, values: impl IntoIterator<Item = i64>) -> Set {
        let mut set = scratch.set();
        for value in values {
            scratch
                .insert(&mut set, [&Value::Int(value)], &mut Vec::new())
                .unwrap();
        }
        scratch.finish(&mut set).unwrap();
        set
    }

    #[test]
    fn repeats_are_found_across_batches() {
        let mut scratch = Scratch::create().unwrap();
        let unique = filled(&mut scratch, 0..10_000);
        assert_eq!((unique.distinct, unique.repeats), (10_000, false));
        let repeated = filled(&mut scratch, (0..10_000).chain([3]));
        assert_eq!((repeated.distinct, repeated.repeats), (10_000, true));
    }

    #[test]
    fn values_missing_from_a_set_are_counted() {
        let mut scratch = Scratch::create().unwrap();
        let (child, parent) = (
            filled(&mut scratch, [1, 2, 2, 9]),
            filled(&mut scratch, 0..5),
        );
        assert_eq!(scratch.missing(child.id, parent.id).unwrap(), 1);
        assert_eq!(scratch.missing(parent.id, child.id).unwrap(), 3);
    }
}
