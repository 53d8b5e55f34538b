//! The rows of a table as the store has them, for an import to keep.

use std::path::Path;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::Table;
use causeway_shared::ids::Part;
use causeway_shared::layout::LogKey;
use causeway_shared::object::{ObjectError, ObjectReader};
use causeway_shared::store::StoreError;
use futures_util::StreamExt as _;
use tempfile::TempDir;

use crate::agent::{Agent, blocking};
use crate::error::AgentError;
use crate::source::KeptRows;

/// A folder for such rows, which goes when it is dropped.
pub(super) fn folder(agent: &Agent) -> Result<TempDir, AgentError> {
    let path = &agent.config().state_dir;
    TempDir::new_in(path).map_err(|source| AgentError::File {
        action: "make a folder in",
        path: path.clone(),
        source,
    })
}

/// Reads all rows of a table.
pub(super) async fn read(
    agent: &Agent,
    catalog: &Catalog,
    table: &Table,
    folder: &Path,
) -> Result<KeptRows, AgentError> {
    let path = folder.join(format!("{}.db", table.name));
    let failed = |source| AgentError::File {
        action: "write",
        path: path.clone(),
        source,
    };
    let mut kept = KeptRows::create(&path, table).map_err(failed)?;
    for (part, entry) in catalog.table(table.name.as_str()) {
        kept = object(agent, table, part, &entry.object, kept).await?;
    }
    Ok(kept)
}

/// Adds the rows of one object.
async fn object(
    agent: &Agent,
    table: &Table,
    part: Part,
    object: &PartitionObject,
    mut kept: KeptRows,
) -> Result<KeptRows, AgentError> {
    let damaged = |source: ObjectError| AgentError::Kept {
        site: agent.config().site.clone(),
        table: table.name.clone(),
        part,
        source,
    };
    let store = |source| match source {
        StoreError::NotFound { .. } => damaged(ObjectError::Missing),
        source => AgentError::Store {
            site: agent.config().site.clone(),
            source,
        },
    };
    let key = LogKey::Object(table.name.clone(), part, object.md5);
    let fetched = agent.store().get(&agent.log().key(&key)).await;
    let mut body = fetched.map_err(store)?.body;
    let mut reader = ObjectReader::new(table, object).map_err(damaged)?;
    while let Some(chunk) = body.next().await {
        reader.give(chunk.map_err(store)?);
        let read = blocking(move || {
            let mut added = Ok(());
            let mut step = || {
                reader.step(|record| {
                    if added.is_ok() {
                        added = kept.add(record);
                    }
                })
            };
            let read = loop {
                match step() {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            (kept, reader, added, read)
        });
        let (given_back, of_object, added, read) = read.await?;
        read.map_err(damaged)?;
        added.map_err(|source| AgentError::System { source })?;
        (kept, reader) = (given_back, of_object);
    }
    reader.finish().map_err(damaged)?;
    Ok(kept)
}
