//! A partition's merged rows, as a stream in key order: the site's object with the entries over it.
//!
//! Whoever reads the object pushes record by record and is given the records that come next, so
//! that of the partition only its entries are held in memory.

use std::borrow::Cow;
use std::iter::Peekable;
use std::vec::IntoIter;

use causeway_shared::canonical_csv::{Field, canonical_text, split_fields, write_record};
use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Column, Table};
use causeway_shared::edits_object::{Entry, EntryState, Texts};
use causeway_shared::summary::{Summary, SummaryBuilder};
use causeway_shared::value::{Forms, Raw, Value, parse, sort_key};

use super::clash::{EditedValues, SharedValues};
use super::error::EditsError;
use super::texts::{key_order, site_row, values_of};

/// A partition's rows while they are merged.
#[derive(Debug)]
pub(crate) struct RowMerge<'t> {
    table: &'t Table,
    entries: Peekable<IntoIter<KeyedEntry>>,
    edited: EditedValues<'t>,
    /// Which columns of the site's records are read: those of key, summary and unique rules.
    read: Vec<bool>,
    summary: SummaryBuilder,
    rows: u64,
    /// Records pushed.
    records: u64,
    /// Sorts as the key of the last of them.
    last: Vec<u8>,
}

/// A merged row.
#[derive(Debug)]
pub(crate) struct MergedRow<'r> {
    /// Its canonical CSV record, without the line feed.
    pub(crate) record: &'r [u8],
    /// The record's fields.
    #[cfg_attr(
        not(feature = "delta"),
        expect(dead_code, reason = "Delta tables take them")
    )]
    pub(crate) fields: &'r [Field<'r>],
    /// Whether the cloud changed or bore it.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask for it"))]
    pub(crate) is_edited: bool,
    /// Whether another row of the partition that comes first has its unique values.
    pub(crate) is_clash: bool,
    table: &'r Table,
    /// Without the columns that are not read.
    row: &'r [Value<'r>],
    edited: &'r EditedValues<'r>,
}

/// What a partition is with its edits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergedPart {
    pub(crate) rows: u64,
    pub(crate) summary: Summary,
}

#[derive(Debug)]
struct KeyedEntry {
    /// Sorts as the key does.
    order: Vec<u8>,
    key: RowKey,
    /// Whether the site's object has the row.
    is_at_site: bool,
    /// `None`: it is gone.
    row: Option<EditedRow>,
}

#[derive(Debug)]
struct EditedRow {
    row: Vec<Value<'static>>,
    is_clash: bool,
}

impl<'t> RowMerge<'t> {
    /// Takes the partition's entries, settled with the site's object, in any order.
    ///
    /// # Errors
    /// [`EditsError::Row`] for an entry's row that is none of the table.
    pub(crate) fn new(table: &'t Table, entries: &[Entry]) -> Result<Self, EditsError> {
        let keyed = entries.iter().map(|entry| KeyedEntry::new(table, entry));
        let mut keyed = keyed.collect::<Result<Vec<_>, _>>()?;
        keyed.sort_by(|a, b| a.order.cmp(&b.order));
        let mut edited = EditedValues::new(table);
        // In key order: of the edited rows the lowest key comes first.
        for entry in &mut keyed {
            if let Some(row) = &mut entry.row {
                row.is_clash = edited.add(&row.row, &entry.key);
            }
        }
        Ok(Self {
            table,
            entries: keyed.into_iter().peekable(),
            edited,
            read: read_columns(table),
            summary: SummaryBuilder::new(table),
            rows: 0,
            records: 0,
            last: Vec::new(),
        })
    }

    /// Takes the next record of the site's object, without its line feed, and gives the merged
    /// rows up to its key to `each`.
    ///
    /// # Errors
    /// [`EditsError::Record`]; [`EditsError::Unsettled`].
    pub(crate) fn push(
        &mut self,
        record: &[u8],
        mut each: impl FnMut(MergedRow<'_>),
    ) -> Result<(), EditsError> {
        self.records += 1;
        let mut fields = Vec::with_capacity(self.read.len());
        split_fields(record, &mut fields).map_err(|problem| self.malformed(problem))?;
        let row = self.values(&fields)?;
        let order = sort_key(self.table.key_of(&row));
        if self.records > 1 && order <= self.last {
            return Err(self.malformed("its key is not greater than the one before"));
        }
        self.emit_entries_before(Some(&order), &mut each)?;
        match self.entries.next_if(|entry| entry.order == order) {
            None => {
                let is_clash = self.edited.has(&row);
                self.emit((record, &fields), &row, (false, is_clash), &mut each);
            }
            Some(entry) if entry.is_at_site => {
                if let Some(edited) = entry.row {
                    self.emit_edited(&edited, &mut each);
                }
            }
            Some(entry) => return Err(EditsError::unsettled(self.table, &entry.key)),
        }
        self.last = order;
        Ok(())
    }

    /// Says that the site's object has ended, or that there is none: gives the rest of the merged
    /// rows to `each`, and says what they add up to.
    ///
    /// # Errors
    /// [`EditsError::Unsettled`]
    pub(crate) fn finish(
        mut self,
        mut each: impl FnMut(MergedRow<'_>),
    ) -> Result<MergedPart, EditsError> {
        self.emit_entries_before(None, &mut each)?;
        Ok(MergedPart {
            rows: self.rows,
            summary: self.summary.finish(self.table),
        })
    }

    /// Gives out the rows of entries below a key (`None`: all that are left), which the site's
    /// object does not have.
    fn emit_entries_before(
        &mut self,
        order: Option<&[u8]>,
        each: &mut impl FnMut(MergedRow<'_>),
    ) -> Result<(), EditsError> {
        let is_before = |entry: &KeyedEntry| order.is_none_or(|order| *entry.order < *order);
        while let Some(entry) = self.entries.next_if(is_before) {
            if entry.is_at_site {
                return Err(EditsError::unsettled(self.table, &entry.key));
            }
            if let Some(edited) = entry.row {
                self.emit_edited(&edited, each);
            }
        }
        Ok(())
    }

    fn emit_edited(&mut self, edited: &EditedRow, each: &mut impl FnMut(MergedRow<'_>)) {
        let mut record = Vec::new();
        write_record(&edited.row, &mut record);
        record.pop();
        let fields = edited.row.iter();
        let fields: Vec<_> = fields
            .map(|value| canonical_text(value).map(Cow::Owned))
            .collect();
        let is_clash = edited.is_clash;
        self.emit((&record, &fields), &edited.row, (true, is_clash), each);
    }

    fn emit(
        &mut self,
        (record, fields): (&[u8], &[Field<'_>]),
        row: &[Value<'_>],
        (is_edited, is_clash): (bool, bool),
        each: &mut impl FnMut(MergedRow<'_>),
    ) {
        self.rows += 1;
        self.summary.add(row);
        each(MergedRow {
            record,
            fields,
            is_edited,
            is_clash,
            table: self.table,
            row,
            edited: &self.edited,
        });
    }

    /// The values of a record in the columns that are read, NULL in the others.
    fn values<'r>(&self, fields: &'r [Field<'r>]) -> Result<Vec<Value<'r>>, EditsError> {
        if fields.len() != self.table.columns.len() {
            return Err(self.malformed("it has another number of fields than the table"));
        }
        let columns = self.table.columns.iter().zip(&self.read).zip(fields);
        let value = |((column, read), field): ((&Column, &bool), &'r Field<'r>)| {
            let raw = match field {
                Some(text) if *read => Raw::Text(text),
                _ => return Ok(Value::Null),
            };
            parse(raw, column.ty, &Forms::default())
                .map_err(|refusal| self.malformed(format!("column {}: {refusal}", column.name)))
        };
        columns.map(value).collect()
    }

    fn malformed<'a>(&self, problem: impl Into<Cow<'a, str>>) -> EditsError {
        EditsError::Record {
            table: self.table.name.clone(),
            record: self.records,
            problem: problem.into().into_owned(),
        }
    }
}

impl MergedRow<'_> {
    /// The row's key and its canonical texts.
    ///
    /// # Errors
    /// [`EditsError::Record`] for a key that is longer than keys may be.
    pub(crate) fn texts(&self) -> Result<(RowKey, Texts), EditsError> {
        site_row(self.table, self.record).map_err(|problem| EditsError::Record {
            table: self.table.name.clone(),
            record: 0,
            problem,
        })
    }

    /// What the row, of this key, clashes with.
    pub(crate) fn shares_values(&self, key: &RowKey) -> Vec<SharedValues> {
        self.edited.shared_with(self.row, key)
    }
}

impl KeyedEntry {
    fn new(table: &Table, entry: &Entry) -> Result<Self, EditsError> {
        let row = match entry.row() {
            Some(row) => {
                let values = values_of(table, &entry.key, row)?;
                Some(EditedRow {
                    row: values.into_iter().map(Value::into_owned).collect(),
                    is_clash: false,
                })
            }
            None => None,
        };
        Ok(Self {
            order: key_order(table, &entry.key)?,
            key: entry.key.clone(),
            is_at_site: match &entry.state {
                EntryState::Changed { .. } => true,
                EntryState::Born { .. } => false,
                EntryState::Gone { was, .. } => was.is_some(),
            },
            row,
        })
    }
}

fn read_columns(table: &Table) -> Vec<bool> {
    let mut read = vec![false; table.columns.len()];
    let summary = table.summary.count_by.iter().chain(&table.summary.sum);
    let unique = table.unique.iter().flat_map(|rule| {
        let exempting = rule.unless.iter().map(|(column, _)| column);
        rule.columns.iter().chain(exempting)
    });
    for column in table.key.iter().chain(summary).chain(unique) {
        read[*column] = true;
    }
    read
}
