//! The rows of one partition on both sides, compared as two streams in key order.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::Fuse;

use causeway_shared::canonical_csv::{Malformed, split_fields, write_record};
use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::Table;
use causeway_shared::object::{ObjectError, ObjectReader};
use causeway_shared::row_diff::{self, RowDiff, RowDifferences};
use causeway_shared::store::Store;
use causeway_shared::summary::Summary;
use causeway_shared::value::{Raw, Value};

use crate::db::{Database, Mark, Row, RowBatches, value};
use crate::error::SiteError;
use crate::object::{Body, ObjectName};

/// How many rows of a partition are named; of the others there is only a count.
const NAMED_ROWS: usize = 10;

/// A loaded partition.
pub(super) struct PartRows<'t> {
    pub(super) name: ObjectName,
    pub(super) table: &'t Table,
    pub(super) mark: Mark,
}

/// Compares a partition's rows. How they differ, in words.
///
/// # Errors
/// [`SiteError::Object`] if the object is not what its commit says, whatever the rows are;
/// failures of store and database.
pub(super) async fn compare(
    store: &Store,
    database: &dyn Database,
    part: &PartRows<'_>,
) -> Result<Vec<String>, SiteError> {
    let (site, table) = (&part.name.site, part.table);
    let failed = |source| SiteError::Database {
        site: site.clone(),
        source,
    };
    let mut stored = Stored::open(store, part).await?;
    let batches = database
        .rows(site, table, part.name.part)
        .await
        .map_err(failed)?;
    let mut loaded = Loaded {
        // It is asked again at its end, as long as the store has rows.
        batches: batches.fuse(),
        rows: VecDeque::new(),
    };
    let mut differences = RowDifferences::naming(NAMED_ROWS);
    loop {
        stored.fill().await?;
        loaded.fill().await.map_err(failed)?;
        let by_key = |ours: &Row, theirs: &Row| by_key(table, ours, theirs);
        match row_diff::next(&mut stored.rows, &mut loaded.rows, by_key) {
            None => return Ok(words(differences)),
            Some(RowDiff::Same) => {}
            Some(RowDiff::Left(row)) => differences.add(|| {
                let key = key_of(table, &row);
                format!("row {key} is missing from the database")
            }),
            Some(RowDiff::Right(row)) => differences.add(|| {
                let key = key_of(table, &row);
                format!("row {key} is in the database and not in the store")
            }),
            Some(RowDiff::Differs(ours, theirs)) => {
                differences.add(|| differing(table, &ours, &theirs));
            }
        }
    }
}

/// One text for each row that is named, and one for the rest.
fn words(differences: RowDifferences) -> Vec<String> {
    let RowDifferences {
        mut named, further, ..
    } = differences;
    if further > 0 {
        named.push(format!("and {further} more rows differ"));
    }
    named
}

/// The store's side.
struct Stored<'t> {
    table: &'t Table,
    body: Body,
    /// `None` when the object has ended and was what it should be.
    reader: Option<ObjectReader>,
    /// Whether the reader has something left of what it was given.
    more: bool,
    rows: VecDeque<Row>,
    /// Records read, the header being 0.
    records: u64,
}

impl<'t> Stored<'t> {
    async fn open(store: &Store, part: &PartRows<'t>) -> Result<Self, SiteError> {
        let object = PartitionObject {
            md5: part.name.md5,
            rows: part.mark.rows,
            bytes: 0,
            summary: Summary::default(),
        };
        let reader = ObjectReader::new(part.table, &object);
        let reader = reader.map_err(|problem| part.name.error(problem))?;
        Ok(Self {
            table: part.table,
            body: Body::open(Store::clone(store), part.name.clone()).await?,
            reader: Some(reader),
            more: false,
            rows: VecDeque::new(),
            records: 0,
        })
    }

    /// Reads on until there is a row or the end.
    async fn fill(&mut self) -> Result<(), SiteError> {
        while self.rows.is_empty() && self.reader.is_some() {
            if !self.more {
                let given = self.body.next().await?;
                self.give(given)
                    .map_err(|problem| self.body.name().error(problem))?;
            }
            self.step()
                .map_err(|problem| self.body.name().error(problem))?;
        }
        Ok(())
    }

    /// Takes the object's next bytes, or its end.
    fn give(&mut self, given: Option<Bytes>) -> Result<(), ObjectError> {
        match (given, self.reader.take()) {
            (Some(given), Some(mut reader)) => {
                reader.give(given);
                self.reader = Some(reader);
                Ok(())
            }
            (None, Some(reader)) => reader.finish().map(|_| ()),
            (_, None) => Ok(()),
        }
    }

    fn step(&mut self) -> Result<(), ObjectError> {
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let mut malformed = None;
        let (table, rows, records) = (self.table, &mut self.rows, &mut self.records);
        self.more = reader.step(|record| {
            *records += 1;
            match row_of(table, record) {
                Ok(row) => rows.push_back(row),
                Err(problem) => {
                    malformed.get_or_insert(Malformed {
                        record: *records,
                        problem,
                    });
                }
            }
        })?;
        malformed.map_or(Ok(()), |malformed| Err(malformed.into()))
    }
}

/// The database's side.
struct Loaded {
    batches: Fuse<RowBatches>,
    rows: VecDeque<Row>,
}

impl Loaded {
    /// Reads on until there is a row or the end.
    async fn fill(&mut self) -> Result<(), crate::db::DbError> {
        while self.rows.is_empty() {
            match self.batches.next().await {
                Some(batch) => self.rows.extend(batch?),
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

fn row_of(table: &Table, record: &[u8]) -> Result<Row, &'static str> {
    let mut fields = Vec::with_capacity(table.columns.len());
    split_fields(record, &mut fields)?;
    if fields.len() != table.columns.len() {
        return Err("it has another number of fields than the table");
    }
    let columns = fields.iter().zip(&table.columns);
    Ok(columns
        .map(|(field, column)| {
            value::read(field.as_deref().map_or(Raw::Null, Raw::Text), column.ty)
        })
        .collect())
}

fn by_key(table: &Table, ours: &[Value<'_>], theirs: &[Value<'_>]) -> Ordering {
    let pairs = table.key_of(ours).zip(table.key_of(theirs));
    pairs
        .map(|(ours, theirs)| ours.compare(theirs))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A row's key as canonical CSV writes it.
fn key_of(table: &Table, row: &[Value<'_>]) -> String {
    let mut record = Vec::new();
    write_record(table.key_of(row), &mut record);
    String::from_utf8_lossy(&record).trim_end().to_owned()
}

fn differing(table: &Table, ours: &[Value<'_>], theirs: &[Value<'_>]) -> String {
    let columns = table.columns.iter().zip(ours.iter().zip(theirs));
    let names = columns
        .filter(|(_, (ours, theirs))| ours != theirs)
        .map(|(column, _)| column.name.as_str());
    format!(
        "row {} differs in {}",
        key_of(table, ours),
        names.collect::<Vec<_>>().join(", ")
    )
}
