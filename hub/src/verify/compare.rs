//! The rows of one partition on both sides, compared as two streams in key order.

use std::cmp::Ordering;
use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::Fuse;

use causeway_shared::canonical_csv::{split_fields, write_record};
use causeway_shared::dataset::Table;
use causeway_shared::object::ObjectReader;
use causeway_shared::row_diff::{self, RowDiff, RowDifferences};
use causeway_shared::store::Store;
use causeway_shared::value::{Raw, Value};

use crate::db::{Database, Row, RowBatches, value};
use crate::edits::RowMerge;
use crate::error::SiteError;
use crate::object::Body;
use crate::sync::StoredPart;

/// How many rows of a partition are named; of the others there is only a count.
const NAMED_ROWS: usize = 10;

/// Compares a partition's rows. How they differ, in words.
///
/// # Errors
/// [`SiteError::Object`] if the object is not what its commit says, whatever the rows are;
/// failures of store and database.
pub(super) async fn compare(
    store: &Store,
    database: &dyn Database,
    part: &StoredPart<'_>,
) -> Result<Vec<String>, SiteError> {
    let (site, table) = (part.site, part.table);
    let failed = |source| SiteError::Database {
        site: site.clone(),
        source,
    };
    let mut stored = Stored::open(store, *part).await?;
    let batches = database
        .rows(site, table, part.part)
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
    part: StoredPart<'t>,
    /// `None`: only the cloud has rows in the partition, or the object has ended and was what it
    /// should be.
    object: Option<(Body, ObjectReader)>,
    /// `None` when the edits have ended as well.
    merge: Option<RowMerge<'t>>,
    /// Whether the reader has something left of what it was given.
    more: bool,
    rows: VecDeque<Row>,
}

impl<'t> Stored<'t> {
    async fn open(store: &Store, part: StoredPart<'t>) -> Result<Self, SiteError> {
        let object = match (part.object, part.object_name()) {
            (Some(object), Some(name)) => {
                let reader = ObjectReader::new(part.table, object);
                let reader = reader.map_err(|problem| name.error(problem))?;
                Some((Body::open(Store::clone(store), name).await?, reader))
            }
            _ => None,
        };
        let merge = RowMerge::new(part.table, part.entries);
        Ok(Self {
            merge: Some(merge.map_err(|source| part.failed(source))?),
            part,
            object,
            more: false,
            rows: VecDeque::new(),
        })
    }

    /// Reads on until there is a row or the end.
    async fn fill(&mut self) -> Result<(), SiteError> {
        while self.rows.is_empty() {
            if self.object.is_some() {
                self.step().await?;
            } else if let Some(merge) = self.merge.take() {
                let (table, rows) = (self.part.table, &mut self.rows);
                let merged = merge.finish(|row| rows.extend(row_of(table, row.record)));
                merged.map_err(|source| self.part.failed(source))?;
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads on in the object.
    async fn step(&mut self) -> Result<(), SiteError> {
        let (Some((body, reader)), Some(merge)) = (&mut self.object, &mut self.merge) else {
            return Ok(());
        };
        if !self.more {
            let Some(given) = body.next().await? else {
                let Some((body, reader)) = self.object.take() else {
                    return Ok(());
                };
                let ended = reader.finish();
                return ended
                    .map(drop)
                    .map_err(|problem| body.name().error(problem));
            };
            reader.give(given);
        }
        let (table, rows) = (self.part.table, &mut self.rows);
        let mut merged = Ok(());
        let step = reader.step(|record| {
            if merged.is_ok() {
                merged = merge.push(record, |row| rows.extend(row_of(table, row.record)));
            }
        });
        self.more = step.map_err(|problem| body.name().error(problem))?;
        merged.map_err(|source| self.part.failed(source))
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

/// The values of a record, which the merge has found to be one of the table.
fn row_of(table: &Table, record: &[u8]) -> Option<Row> {
    let mut fields = Vec::with_capacity(table.columns.len());
    split_fields(record, &mut fields).ok()?;
    let columns = fields.iter().zip(&table.columns);
    Some(
        columns
            .map(|(field, column)| {
                value::read(field.as_deref().map_or(Raw::Null, Raw::Text), column.ty)
            })
            .collect(),
    )
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
