//! A table's rows on their way in: judged one by one, placed, stored, and in the end judged
//! against each other.

use std::io;
use std::mem::take;
use std::ops::ControlFlow;

use causeway_shared::canonical_csv::{Field, split_fields};
use causeway_shared::dataset::{Partitioning, Table, TableId};
use causeway_shared::ids::Part;
use causeway_shared::partition::own_part;
use causeway_shared::value::{Forms, Raw, Value};

use super::OnRows;
use super::fingerprints::{Fingerprints, fingerprint};
use super::join::{KeyPlace, Keys};
use super::judge::{Judge, RowProblem};
use super::read::{Halt, ReadTable, Task};
use super::record::{CanonicalRecord, Fields};
use super::refusals::Refusals;
use super::row_set::RowSet;
use super::sorter::Sorter;
use super::stored::{Kept, PartCode, Stored, damaged};
use super::unique::{Contest, UniqueRule, refuse_losers};
use crate::source::{
    KeptRows, RowsError, SourceRow, TableReader, Unreadable, is_kept, kept_raw, reuse,
};

/// Rows between two calls of [`OnRows`].
const ROWS_BETWEEN_CALLS: u64 = 4_096;

/// Reads and judges a table.
pub(super) fn read_table(
    task: &Task<'_>,
    mut reader: TableReader<'_>,
    mut refusals: Refusals<'_>,
) -> Result<ReadTable, RowsError<Halt>> {
    let table = &task.dataset.tables[task.table];
    let judge = Judge::new(table, task.forms.clone());
    let mut scan = TableScan::new(task, table, reader.is_ascending())?;
    reader.rows(&mut |row| scan.take(&judge, row, &mut refusals))?;
    if let Some(kept) = task.kept {
        // What is stored has one form.
        let forms = Forms {
            zone: task.forms.zone.clone(),
            ..Forms::default()
        };
        let judge = Judge::new(table, forms);
        let rest = kept.rows(&mut |row| scan.take(&judge, row, &mut refusals));
        rest.map_err(RowsError::Taker)?;
    }
    if scan.out_of_order {
        let why = format!(
            "the keys of table {} do not come in order: the file is damaged; run `PRAGMA \
             integrity_check` on it",
            table.name
        );
        return Err(Unreadable::Failed { why }.into());
    }
    scan.finish(task, refusals).map_err(RowsError::Taker)
}

/// The fields of a row of the store, if there is one.
fn kept_fields(record: Option<&[u8]>) -> io::Result<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    if let Some(record) = record {
        split_fields(record, &mut fields).map_err(io::Error::other)?;
    }
    Ok(fields)
}

/// A row with what it lacks taken from the store's row of its key.
fn complete<'r>(raw: &[Raw<'r>], lacks: &[usize], stored: &'r [Field<'_>]) -> Vec<Raw<'r>> {
    let mut completed = raw.to_vec();
    for column in lacks {
        if let Some(field) = stored.get(*column) {
            completed[*column] = kept_raw(field);
        }
    }
    completed
}

/// A table's rows on their way in.
pub(super) struct TableScan<'a> {
    table: &'a Table,
    kept: Kept,
    rules: Vec<UniqueRule>,
    rows: Sorter<'a>,
    keys: Option<Sorter<'a>>,
    placing: Placing<'a>,
    /// Rows of the store that stay where the source has none with their key.
    kept_rows: Option<&'a KeptRows>,
    /// Of the keys; `None` where the source guarantees that they differ.
    key_prints: Option<Fingerprints<'a>>,
    /// Per unique rule, of the values.
    value_prints: Vec<Fingerprints<'a>>,
    on_rows: &'a OnRows<'a>,
    position: TableId,
    /// Rows of the source.
    rows_read: u64,
    /// Those, and those of the store.
    rows_taken: u64,
    /// Whether a source that guarantees ascending keys broke its word.
    pub(super) out_of_order: bool,
    scratch: RowBuffers,
}

/// How a row's part is found.
enum Placing<'a> {
    /// By the row itself.
    Own,
    /// By its parent. Rows that come in the order of the parent's keys are placed at once; the
    /// others are put by and placed at the end.
    Via(Box<Via<'a>>),
}

struct Via<'a> {
    /// The column that holds the parent's key.
    on: usize,
    parent: &'a Table,
    keys: Keys<'a>,
    later: Sorter<'a>,
}

/// Memory that is kept from row to row.
#[derive(Default)]
struct RowBuffers {
    values: Vec<Value<'static>>,
    record: CanonicalRecord,
    key: Vec<u8>,
    last_key: Vec<u8>,
    sort_key: Vec<u8>,
    payload: Vec<u8>,
    bytes: Vec<u8>,
}

impl<'a> TableScan<'a> {
    /// Nothing yet; `ascending` says that the source guarantees strictly ascending keys.
    pub(super) fn new(task: &Task<'a>, table: &'a Table, ascending: bool) -> io::Result<Self> {
        let rules: Vec<UniqueRule> = table.unique.iter().map(UniqueRule::new).collect();
        // Half of the memory is for the rows; the rest is for what helps to place and judge them.
        let eighth = task.memory_bytes / 8;
        let prints_bytes = eighth / (rules.len() + usize::from(!ascending)).max(1);
        let placing = match (table.partition, task.parent) {
            (
                Partitioning::Via { parent, on },
                Some(ReadTable {
                    keys: Some(keys),
                    refused,
                    ..
                }),
            ) => Placing::Via(Box::new(Via {
                on,
                parent: &task.dataset.tables[parent],
                keys: Keys::new(keys, refused)?,
                later: Sorter::new(task.spill, 2 * eighth),
            })),
            // The rows of a `via` child lie where its parent's do, and nothing tells where.
            (Partitioning::Via { .. }, _) => return Err(unplaced()),
            (Partitioning::By { .. } | Partitioning::Buckets { .. }, _) => Placing::Own,
        };
        Ok(Self {
            table,
            kept: Kept::new(table, task.references.iter().copied()),
            rows: Sorter::new(task.spill, 4 * eighth),
            keys: task.keys_wanted.then(|| Sorter::new(task.spill, eighth)),
            placing,
            kept_rows: task.kept,
            key_prints: (!ascending).then(|| Fingerprints::new(task.spill, prints_bytes)),
            value_prints: rules
                .iter()
                .map(|_| Fingerprints::new(task.spill, prints_bytes))
                .collect(),
            rules,
            on_rows: task.on_rows,
            position: task.table,
            rows_read: 0,
            rows_taken: 0,
            out_of_order: false,
            scratch: RowBuffers::default(),
        })
    }

    /// Takes a row from the source.
    pub(super) fn take(
        &mut self,
        judge: &Judge<'_>,
        row: SourceRow<'_>,
        refusals: &mut Refusals<'_>,
    ) -> Result<(), Halt> {
        let kept_rows = self.kept_rows.filter(|_| !is_kept(row.at));
        self.rows_taken += 1;
        if !is_kept(row.at) {
            self.rows_read += 1;
        }
        if self.rows_taken.is_multiple_of(ROWS_BETWEEN_CALLS)
            && (self.on_rows)(self.position, self.rows_taken) == ControlFlow::Break(())
        {
            return Err(Halt::Stopped);
        }
        let raw = match row.fields {
            Ok(raw) => raw,
            Err(malformed) => {
                refusals.malformed(row.at, malformed);
                return Ok(());
            }
        };
        let refused_before = kept_rows.map(|kept| kept.refusal(row.at)).transpose()?;
        if let Some((column, reason)) = refused_before.flatten() {
            refusals.raw(row.at, raw, RowProblem { column, reason });
            return Ok(());
        }
        let (stored, fields, completed);
        let raw = match kept_rows.filter(|_| !row.lacks.is_empty()) {
            None => raw,
            Some(kept) => {
                stored = kept.find(&judge.key(raw))?;
                fields = kept_fields(stored.as_deref())?;
                completed = complete(raw, row.lacks, &fields);
                &completed[..]
            }
        };
        let mut values = reuse(take(&mut self.scratch.values));
        let mut record = take(&mut self.scratch.record);
        let judged = judge.row(raw, &mut values).and_then(|()| {
            let fields = record.write(&values);
            judge.sizes(fields, &self.rules)?;
            Ok(fields)
        });
        match judged {
            Ok(fields) => {
                self.kept.write(row.at, fields, &mut self.scratch.payload);
                self.note_unique(fields, &values)?;
                if let Some(kept) = kept_rows {
                    kept.replace(&self.scratch.key, row.at)?;
                }
                self.place(row.at, &values, refusals)?;
            }
            Err(problem) => refusals.raw(row.at, raw, problem),
        }
        self.scratch.values = reuse(values);
        self.scratch.record = record;
        Ok(())
    }

    /// Notes the row's key and unique values, to prove later that no two rows share them.
    fn note_unique(&mut self, fields: Fields<'_>, values: &[Value<'_>]) -> io::Result<()> {
        let RowBuffers {
            key,
            last_key,
            bytes,
            ..
        } = &mut self.scratch;
        key.clear();
        self.table
            .key_of(values)
            .for_each(|value| value.write_sort_key(key));
        match &mut self.key_prints {
            Some(prints) => prints.push(fingerprint(key))?,
            None => {
                self.out_of_order |= self.rows_read > 1 && *key <= *last_key;
                last_key.clone_from(key);
            }
        }
        for (rule, prints) in self.rules.iter().zip(&mut self.value_prints) {
            bytes.clear();
            if rule.applies(fields, bytes) {
                prints.push(fingerprint(bytes))?;
            }
        }
        Ok(())
    }

    /// Stores the row in its part, if that can be told already.
    fn place(
        &mut self,
        at: u64,
        values: &[Value<'_>],
        refusals: &mut Refusals<'_>,
    ) -> io::Result<()> {
        let RowBuffers {
            key,
            payload,
            bytes,
            sort_key,
            ..
        } = &mut self.scratch;
        let part = match &mut self.placing {
            Placing::Own => Some(own(self.table, values, bytes).ok_or_else(unplaced)?),
            Placing::Via(via) => {
                bytes.clear();
                values[via.on].write_sort_key(bytes);
                if !via.keys.can_find(bytes) {
                    let put_by = sort_key;
                    put_by.clear();
                    put_by.extend_from_slice(&(key.len() as u64).to_le_bytes());
                    put_by.extend_from_slice(key);
                    put_by.extend_from_slice(payload);
                    return via.later.push(bytes, put_by);
                }
                let part = via.keys.find(bytes)?;
                if part.is_none() {
                    refusals.orphan(Stored::read(payload)?, via.on, via.parent)?;
                }
                part
            }
        };
        match part {
            Some(part) => store(
                &mut self.rows,
                &mut self.keys,
                part,
                at,
                key,
                payload,
                sort_key,
            ),
            None => Ok(()),
        }
    }

    /// Places what was put by, sorts, and refuses rows that share what they may not.
    pub(super) fn finish(
        mut self,
        task: &Task<'a>,
        mut refusals: Refusals<'_>,
    ) -> Result<ReadTable, Halt> {
        let placing = std::mem::replace(&mut self.placing, Placing::Own);
        if let (Placing::Via(via), Some(read)) = (placing, task.parent) {
            self.place_later(*via, read, &mut refusals)?;
        }
        let rows = self.rows.finish()?;
        let keys = self.keys.map(Sorter::finish).transpose()?;
        let mut refused = RowSet::default();
        let contests = self
            .key_prints
            .into_iter()
            .map(|prints| (Contest::Key, prints));
        let values = self
            .rules
            .iter()
            .map(Contest::Values)
            .zip(self.value_prints);
        for (contest, prints) in contests.chain(values) {
            let repeated = prints.repeated()?;
            refuse_losers(
                contest,
                &repeated,
                &rows,
                &mut refused,
                task.spill,
                task.memory_bytes / 4,
                &mut |loser| refusals.loser(contest, loser),
            )?;
        }
        Ok(ReadTable {
            rows,
            keys,
            refused,
            kept: self.kept,
            rows_read: self.rows_read,
            quarantined: refusals.count(),
        })
    }

    fn place_later(
        &mut self,
        via: Via<'_>,
        read: &ReadTable,
        refusals: &mut Refusals<'_>,
    ) -> io::Result<()> {
        let keys = read.keys.as_ref().ok_or_else(unplaced)?;
        let mut keys = Keys::new(keys, &read.refused)?;
        let later = via.later.finish()?;
        let mut later = later.stream()?;
        while later.advance()? {
            let part = keys.find(later.key())?;
            let (key, payload) = split_later(later.payload())?;
            let row = Stored::read(payload)?;
            let scratch = &mut self.scratch.sort_key;
            match part {
                Some(part) => {
                    store(
                        &mut self.rows,
                        &mut self.keys,
                        part,
                        row.at,
                        key,
                        payload,
                        scratch,
                    )?;
                }
                None => refusals.orphan(row, via.on, via.parent)?,
            }
        }
        Ok(())
    }
}

/// A row whose part cannot be told although it was judged good: an error of this program, which
/// must not lose the row quietly.
fn unplaced() -> io::Error {
    io::Error::other("it cannot be told in which partition a row is; please report this")
}

/// The part that a row's own values give.
fn own(table: &Table, values: &[Value<'_>], scratch: &mut Vec<u8>) -> Option<PartCode> {
    let part = match table.partition {
        // There is nothing to hash for.
        Partitioning::Buckets { count: 1 } => Some(Part::Bucket(0, 1)),
        _ => own_part(table, values, scratch),
    };
    part.map(PartCode::new)
}

/// Stores a row, and its key where that is wanted.
fn store(
    rows: &mut Sorter<'_>,
    keys: &mut Option<Sorter<'_>>,
    part: PartCode,
    at: u64,
    key: &[u8],
    payload: &[u8],
    scratch: &mut Vec<u8>,
) -> io::Result<()> {
    if let Some(keys) = keys {
        KeyPlace { at, part }.write(scratch);
        keys.push(key, scratch)?;
    }
    scratch.clear();
    scratch.extend_from_slice(&part.0);
    scratch.extend_from_slice(key);
    rows.push(scratch, payload)
}

/// Cuts what was put by into the row's key and its payload.
fn split_later(put_by: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let split = || {
        let (key_bytes, rest) = put_by.split_first_chunk()?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*key_bytes)).ok()?)
    };
    split().ok_or_else(damaged)
}
