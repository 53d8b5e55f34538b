//! From the store into the database: a few objects fetched ahead, one stream of rows.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use causeway_shared::dataset::Table;
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::object::ObjectReader;
use causeway_shared::store::Store;

use crate::db::{DbError, RowSink};
use crate::edits::{EditsError, MergedRow, RowMerge};
use crate::error::SiteError;
use crate::object::{Body, ObjectName};
use crate::sync::edits_objects::EditsObjects;
use crate::sync::load_plan::Planned;

/// How many objects are fetched ahead of the one that is being read.
const AHEAD: usize = 6;

/// How much the database is given at a time: few calls, little memory.
const CHUNK_BYTES: usize = 128 * 1024;

/// What was copied of a table.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// How many rows clash with others, of the partitions in which some do.
    pub(super) clashes: BTreeMap<Part, u64>,
}

/// The entries of partitions, where they are in memory already.
type Entries = BTreeMap<(Name, Part), Vec<Entry>>;

/// A partition on its way: its object, if the site has it, and its entries, if it has edits.
struct Source<'p> {
    planned: &'p Planned,
    body: Option<Body>,
    entries: Option<Vec<Entry>>,
}

/// Streams the merged rows of some partitions of one table, each row with its part and its clash mark
/// as two more fields. Every object has been checked against its commit by then; an error leaves the
/// sink unfinished.
pub(super) async fn copy_parts(
    (store, site): (&Store, &SiteName),
    table: &Table,
    (parts, in_memory): (&[&Planned], &Entries),
    sink: &mut (dyn RowSink + '_),
) -> Result<Copied, SiteError> {
    let open = parts
        .iter()
        .map(|planned| open((store, site), (table, planned), in_memory));
    // Collected first: a lazy iterator would borrow across the await points below.
    let mut sources = stream::iter(open.collect::<Vec<_>>()).buffered(AHEAD);
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    let mut copied = Copied::default();
    while let Some(source) = sources.next().await {
        let source = source?;
        let part = source.planned.part;
        let clashes = copy_part(site, table, source, (&mut chunk, sink)).await?;
        if clashes > 0 {
            copied.clashes.insert(part, clashes);
        }
    }
    if !chunk.is_empty() {
        let written = sink.write(take(&mut chunk)).await;
        written.map_err(|source| database_error(site, source))?;
    }
    Ok(copied)
}

async fn open<'p>(
    (store, site): (&Store, &SiteName),
    (table, planned): (&Table, &'p Planned),
    in_memory: &Entries,
) -> Result<Source<'p>, SiteError> {
    let key = (planned.table.clone(), planned.part);
    let entries = match (&planned.edits, in_memory.get(&key)) {
        (None, _) => None,
        (Some(_), Some(entries)) => Some(entries.clone()),
        (Some(object), None) => {
            let objects = EditsObjects { store, site };
            Some(objects.read((table, planned.part), object).await?)
        }
    };
    let body = match &planned.object {
        None => None,
        Some(object) => {
            let name = ObjectName {
                site: site.clone(),
                table: planned.table.clone(),
                part: planned.part,
                md5: object.md5,
            };
            Some(Body::open(Store::clone(store), name).await?)
        }
    };
    Ok(Source {
        planned,
        body,
        entries,
    })
}

/// Copies one partition. How many of its rows clash.
async fn copy_part(
    site: &SiteName,
    table: &Table,
    source: Source<'_>,
    (chunk, sink): (&mut BytesMut, &mut (dyn RowSink + '_)),
) -> Result<u64, SiteError> {
    let failed = |source| database_error(site, source);
    let unmerged = |source: EditsError| SiteError::Edits {
        site: site.clone(),
        source,
    };
    let end = format!(",{},f\n", source.planned.part);
    let clash_end = format!(",{},t\n", source.planned.part);
    let mut clashes = 0;
    let mut add = |chunk: &mut BytesMut, row: &MergedRow<'_>| {
        chunk.extend_from_slice(row.record);
        let end = if row.is_clash { &clash_end } else { &end };
        chunk.extend_from_slice(end.as_bytes());
        clashes += u64::from(row.is_clash);
    };
    let merge = source.entries.as_deref();
    let merge = merge.map(|entries| RowMerge::new(table, entries));
    let mut merge = merge.transpose().map_err(unmerged)?;
    if let (Some(mut body), Some(object)) = (source.body, &source.planned.object) {
        let broken = |problem| body.name().error(problem);
        let mut reader = ObjectReader::new(table, object).map_err(broken)?;
        while let Some(compressed) = body.next().await? {
            reader.give(compressed);
            let mut more = true;
            while more {
                let mut merged = Ok(());
                let step = reader.step(|record| match &mut merge {
                    None => {
                        chunk.extend_from_slice(record);
                        chunk.extend_from_slice(end.as_bytes());
                    }
                    Some(merge) if merged.is_ok() => {
                        merged = merge.push(record, |row| add(chunk, &row));
                    }
                    Some(_) => {}
                });
                more = step.map_err(|problem| body.name().error(problem))?;
                merged.map_err(unmerged)?;
                if chunk.len() >= CHUNK_BYTES {
                    sink.write(take(chunk)).await.map_err(failed)?;
                }
            }
        }
        let ended = reader.finish();
        ended.map_err(|problem| body.name().error(problem))?;
    }
    if let Some(merge) = merge {
        merge.finish(|row| add(chunk, &row)).map_err(unmerged)?;
        if chunk.len() >= CHUNK_BYTES {
            sink.write(take(chunk)).await.map_err(failed)?;
        }
    }
    Ok(clashes)
}

/// What has been gathered, leaving room for as much again.
fn take(chunk: &mut BytesMut) -> Bytes {
    let full = chunk.split().freeze();
    chunk.reserve(CHUNK_BYTES);
    full
}

fn database_error(site: &SiteName, source: DbError) -> SiteError {
    SiteError::Database {
        site: site.clone(),
        source,
    }
}
