//! What is read from a site's file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::mpsc;

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::runtime::clock;
use causeway_shared::value::Type;

use super::value::from_sql;
use super::{Files, file, render, search, write};
use crate::db::records::{
    AskedRecord, CatalogRecords, EditsRecord, HoldingRecords, MarkRecord, PartitionRecord,
    Recorded, Records, SiteRecord, partition,
};
use crate::db::value::counted;
use crate::db::{DbError, LoadedCount, LoadedCounts, Query, Row, RowBatches};

const BATCH_ROWS: usize = 1_000;

/// The site's own row; one that nothing is known of before its first load.
/// SQLite does not know whether its start is; the process does.
pub(super) fn site(
    files: &Files,
    connection: &Connection,
    site: &SiteName,
) -> rusqlite::Result<SiteRecord> {
    let start_known = files.start_is_known(site, connection)?;
    let found = connection
        .query_row(include_str!("sql/site_read.sql"), [], |row| {
            Ok(SiteRecord {
                site: row.get(0)?,
                revision: row.get(1)?,
                seq: row.get(2)?,
                at: row.get(3)?,
                epoch: row.get(4)?,
                writer_id: row.get(5)?,
                writer_host: row.get(6)?,
                dataset: row.get(7)?,
                edits_head: row.get(8)?,
                settled: row.get(9)?,
                loaded_seq: row.get(10)?,
                loaded_edits_seq: row.get(11)?,
                writable: row.get(12)?,
                start_known,
                restored: false,
                edits_waiting: row.get(13)?,
                loaded_at: row.get(14)?,
                log_head: row.get(15)?,
                last_error: row.get(16)?,
                wanted: row.get(17)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_else(|| SiteRecord {
        site: site.to_string(),
        revision: 0,
        seq: None,
        at: None,
        epoch: None,
        writer_id: None,
        writer_host: None,
        dataset: None,
        edits_head: None,
        settled: None,
        loaded_seq: 0,
        loaded_edits_seq: 0,
        writable: false,
        start_known,
        restored: false,
        edits_waiting: 0,
        loaded_at: None,
        log_head: None,
        last_error: None,
        wanted: None,
    }))
}

/// As [`site`], read once for each change of the site's file.
pub(super) fn site_once(files: &Files, of: &SiteName) -> Result<SiteRecord, DbError> {
    // Before the file is looked at, which another thread may change at any moment.
    let seen = files.starts_known().get(of).copied();
    let path = files.site_path(of);
    let record = files.records.get_or_read(&path, clock::now(), || {
        let record = site(files, &files.site(of)?, of);
        record.map_err(|error| files.site_error(of, error))
    })?;
    // The log may have been read since the file was.
    let start_known = seen.is_some_and(|seen| record.revision >= seen);
    if start_known && let Some(seen) = files.starts_known().get_mut(of) {
        *seen = record.revision.max(*seen);
    }
    Ok(SiteRecord {
        start_known,
        ..record
    })
}

/// How often the site was loaded or flushed.
pub(super) fn revision(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = include_str!("sql/revision_read.sql");
    let revision = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(revision.unwrap_or(0))
}

/// All that is held of the site besides its rows, in one transaction: the one that is open, or one of
/// its own.
pub(super) fn records(
    files: &Files,
    connection: &Connection,
    of: &SiteName,
) -> rusqlite::Result<Records> {
    let own = connection.is_autocommit();
    let _own = own
        .then(|| connection.unchecked_transaction())
        .transpose()?;
    let site = site(files, connection, of)?;
    let known = site.known(&files.known_sites);
    let catalog = match known.site {
        Some(known) => Recorded::Known(known),
        None => Recorded::Read(CatalogRecords {
            dataset: dataset(connection, &site)?,
            partitions: partitions(connection)?,
        }),
    };
    let edits = match known.edits {
        Some(known) => Recorded::Known(known),
        None => Recorded::Read(edits(connection)?),
    };
    let holdings = match known.holdings {
        Some(known) => Recorded::Known(known),
        None => Recorded::Read(HoldingRecords {
            asked: asked(connection)?,
            marks: marks(connection)?,
        }),
    };
    Ok(Records {
        site,
        catalog,
        edits,
        holdings,
    })
}

fn marks(connection: &Connection) -> rusqlite::Result<Vec<MarkRecord>> {
    connection
        .prepare(include_str!("sql/loaded_read.sql"))?
        .query_map([], |row| {
            Ok(MarkRecord {
                table: row.get(0)?,
                part: row.get(1)?,
                known: row.get(2)?,
                object: row.get(3)?,
                edits: row.get(4)?,
                rows: row.get(5)?,
                clashes: row.get(6)?,
            })
        })?
        .collect()
}

fn dataset(connection: &Connection, site: &SiteRecord) -> rusqlite::Result<Option<String>> {
    let Some(md5) = &site.dataset else {
        return Ok(None);
    };
    let sql = include_str!("sql/dataset_read.sql");
    connection
        .query_row(sql, [md5], |row| row.get(0))
        .optional()
}

fn partitions(connection: &Connection) -> rusqlite::Result<Vec<PartitionRecord>> {
    connection
        .prepare(include_str!("sql/partition_read.sql"))?
        .query_map([], |row| {
            Ok(PartitionRecord {
                table: row.get(0)?,
                part: row.get(1)?,
                md5: row.get(2)?,
                rows: row.get(3)?,
                bytes: row.get(4)?,
                summary: row.get(5)?,
                dataset: row.get(6)?,
                seq: row.get(7)?,
            })
        })?
        .collect()
}

fn edits(connection: &Connection) -> rusqlite::Result<Vec<EditsRecord>> {
    connection
        .prepare(include_str!("sql/edits_partition_read.sql"))?
        .query_map([], |row| {
            Ok(EditsRecord {
                table: row.get(0)?,
                part: row.get(1)?,
                object: row.get(2)?,
                dataset: row.get(3)?,
                seq: row.get(4)?,
            })
        })?
        .collect()
}

fn asked(connection: &Connection) -> rusqlite::Result<Vec<AskedRecord>> {
    connection
        .prepare(include_str!("sql/asked_read.sql"))?
        .query_map([], |row| {
            Ok(AskedRecord {
                date: row.get(0)?,
                hour: row.get(1)?,
            })
        })?
        .collect()
}

/// Rows per part, as the rows say it.
pub(super) fn part_counts(
    connection: &Connection,
    sql: &str,
) -> rusqlite::Result<Vec<(Option<String>, u64)>> {
    connection
        .prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, rows_of(row.get(1)?))))?
        .collect()
}

/// Bytes of each table's pages, and of its indexes'.
pub(super) fn sizes(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    connection
        .prepare(include_str!("sql/sizes_read.sql"))?
        .query_map([], |row| Ok((row.get(0)?, rows_of(row.get(1)?))))?
        .collect()
}

/// Rows per part and value, and the site's revision, in one read transaction.
pub(super) fn counts(
    connection: &Connection,
    sql: &str,
    ty: Type,
) -> rusqlite::Result<LoadedCounts> {
    let transaction = connection.unchecked_transaction()?;
    let revision = revision(&transaction)?.unsigned_abs();
    let mut statement = transaction.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        // A part that is no part is not the loader's.
        let Ok(part) = Part::new(row.get_ref(0)?.as_str().unwrap_or_default()) else {
            continue;
        };
        counts.push(LoadedCount {
            part,
            value: counted(&from_sql(row.get_ref(1)?, ty)),
            rows: rows_of(row.get(2)?),
        });
    }
    Ok(LoadedCounts { revision, counts })
}

/// A `count(*)`, which is never below zero.
fn rows_of(count: i64) -> u64 {
    count.unsigned_abs()
}

/// The rows of one part in key order, read on a thread of their own a few batches ahead.
pub(super) fn rows(files: Arc<Files>, site: SiteName, table: Table, part: Part) -> RowBatches {
    let (sender, receiver) = mpsc::channel(2);
    let failure = sender.clone();
    tokio::spawn(async move {
        let read = file::blocking(move || {
            let connection = files.site(&site)?;
            read_rows(&connection, &table, part, &sender)
                .map_err(|error| files.error("reading", error))
        });
        if let Err(error) = read.await {
            // Nobody may be listening any more.
            let _ = failure.send(Err(error)).await;
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|batch| (batch, receiver))
    })
    .boxed()
}

fn read_rows(
    connection: &Connection,
    table: &Table,
    part: Part,
    into: &mpsc::Sender<Result<Vec<Row>, DbError>>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&render::select_rows(table))?;
    let mut rows = statement.query([part.to_string()])?;
    let mut batch: Vec<Row> = Vec::new();
    while let Some(row) = rows.next()? {
        let columns = table.columns.iter().enumerate();
        let values = columns.map(|(at, column)| Ok(from_sql(row.get_ref(at)?, column.ty)));
        batch.push(values.collect::<rusqlite::Result<_>>()?);
        if batch.len() == BATCH_ROWS && into.blocking_send(Ok(std::mem::take(&mut batch))).is_err()
        {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        // An error says that nobody listens any more.
        let _ = into.blocking_send(Ok(batch));
    }
    Ok(())
}

/// Runs statements that read, as of one instant in which the rows of these partitions are there and
/// known; `None`: they are not.
pub(super) fn query(
    connection: &Connection,
    queries: &[Query],
    loaded: &BTreeSet<(Name, Part)>,
) -> rusqlite::Result<Option<Vec<Vec<Row>>>> {
    connection.pragma_update(None, "query_only", true)?;
    search::register(connection)?;
    let transaction = connection.unchecked_transaction()?;
    if !are_loaded(&transaction, loaded)? {
        return Ok(None);
    }
    let run =
        |query: &Query| write::query(&transaction, &query.sql, &query.parameters, &query.types);
    queries.iter().map(run).collect::<Result<_, _>>().map(Some)
}

/// Whether the rows of all these partitions are there and known.
pub(super) fn are_loaded(
    connection: &Connection,
    parts: &BTreeSet<(Name, Part)>,
) -> rusqlite::Result<bool> {
    let mut is_loaded = connection.prepare(include_str!("sql/loaded_known.sql"))?;
    for (table, part) in parts {
        if !is_loaded.exists([table.to_string(), part.to_string()])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The partitions of the journal's rows, and of those that are kept over a fence.
pub(super) fn journal_parts(
    connection: &Connection,
) -> rusqlite::Result<[BTreeSet<(Name, Part)>; 2]> {
    let mut statement = connection.prepare(include_str!("sql/journal_parts.sql"))?;
    let mut rows = statement.query([])?;
    let mut parts = [BTreeSet::new(), BTreeSet::new()];
    while let Some(row) = rows.next()? {
        let (table, part) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        parts[usize::from(row.get::<_, bool>(2)?)].extend(partition(table, part));
    }
    Ok(parts)
}
