//! From the store into the database: a few objects fetched ahead, one stream of rows.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;
use causeway_shared::object::ObjectReader;
use causeway_shared::store::Store;

use crate::db::{DbError, RowSink};
use crate::error::SiteError;
use crate::object::{Body, ObjectName};
use crate::sync::load_plan::Planned;

/// How many objects are fetched ahead of the one that is being read.
const AHEAD: usize = 6;

/// How much the database is given at a time: few calls, little memory.
const CHUNK_BYTES: usize = 128 * 1024;

/// Streams the rows of some partitions of one table, each row with its part as one more field.
/// Returns how many there were. Every object has been checked against its commit by then; an error
/// leaves the sink unfinished.
pub(super) async fn copy_parts(
    store: &Store,
    site: &SiteName,
    table: &Table,
    parts: &[&Planned],
    sink: &mut (dyn RowSink + '_),
) -> Result<u64, SiteError> {
    let failed = |source: DbError| SiteError::Database {
        site: site.clone(),
        source,
    };
    let open = parts.iter().map(|planned| {
        let name = ObjectName {
            site: site.clone(),
            table: planned.table.clone(),
            part: planned.part,
            md5: planned.entry.object.md5,
        };
        let opening = Body::open(Store::clone(store), name);
        async move { (*planned, opening.await) }
    });
    // Collected first: a lazy iterator would borrow across the await points below.
    let mut bodies = stream::iter(open.collect::<Vec<_>>()).buffered(AHEAD);
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    let mut rows = 0;
    while let Some((planned, body)) = bodies.next().await {
        let mut body = body?;
        let broken = |problem| body.name().error(problem);
        let mut reader = ObjectReader::new(table, &planned.entry.object).map_err(broken)?;
        let end = format!(",{},f\n", planned.part);
        while let Some(compressed) = body.next().await? {
            reader.give(compressed);
            let mut more = true;
            while more {
                let step = reader.step(|record| {
                    chunk.extend_from_slice(record);
                    chunk.extend_from_slice(end.as_bytes());
                });
                more = step.map_err(|problem| body.name().error(problem))?;
                if chunk.len() >= CHUNK_BYTES {
                    sink.write(take(&mut chunk)).await.map_err(failed)?;
                }
            }
        }
        rows += reader
            .finish()
            .map_err(|problem| body.name().error(problem))?;
    }
    if !chunk.is_empty() {
        sink.write(take(&mut chunk)).await.map_err(failed)?;
    }
    Ok(rows)
}

/// What has been gathered, leaving room for as much again.
fn take(chunk: &mut BytesMut) -> Bytes {
    let full = chunk.split().freeze();
    chunk.reserve(CHUNK_BYTES);
    full
}
