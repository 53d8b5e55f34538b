//! The rows of a table as the store has them, for an import to keep or to refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use causeway_shared::canonical_csv::split_fields;
use causeway_shared::catalog::Catalog;
use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::{Table, TableId};
use causeway_shared::ids::Part;
use causeway_shared::layout::LogKey;
use causeway_shared::object::{ObjectError, ObjectReader};
use causeway_shared::store::StoreError;
use futures_util::StreamExt as _;
use tempfile::TempDir;

use crate::agent::{Agent, blocking};
use crate::error::AgentError;
use crate::scan::ObjectId;
use crate::source::{KeptRows, StoredKeys};

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
        let add = |kept: &mut KeptRows, record: &[u8]| kept.add(record);
        kept = object(agent, table, (part, &entry.object), kept, add).await?;
    }
    Ok(kept)
}

/// Reads the keys of the tables to which rows of some tables refer, and which are not among these. Of
/// references within an import the scan knows both ends.
pub(super) async fn keys_referred_to(
    agent: &Agent,
    catalog: &Catalog,
    tables: &BTreeSet<TableId>,
    folder: &Path,
) -> Result<BTreeMap<TableId, StoredKeys>, AgentError> {
    let dataset = &agent.config().dataset;
    let columns = tables.iter().flat_map(|id| &dataset.tables[*id].columns);
    let targets: BTreeSet<TableId> = columns.filter_map(|column| column.references).collect();
    let failed = |source| AgentError::File {
        action: "write to a temporary file in",
        path: folder.to_owned(),
        source,
    };
    let mut all = BTreeMap::new();
    for id in targets.difference(tables) {
        let table = &dataset.tables[*id];
        let mut keys = StoredKeys::create(folder, table).map_err(failed)?;
        for (part, entry) in catalog.table(table.name.as_str()) {
            let add = |keys: &mut StoredKeys, record: &[u8]| keys.add(record);
            keys = object(agent, table, (part, &entry.object), keys, add).await?;
        }
        keys.finish().map_err(failed)?;
        all.insert(*id, keys);
    }
    Ok(all)
}

/// Those of some columns of a table that have a value in any row that the store has not lost.
pub(super) async fn with_values(
    agent: &Agent,
    (catalog, lost): (&Catalog, &BTreeSet<ObjectId>),
    table: &Table,
    columns: BTreeSet<usize>,
) -> Result<BTreeSet<usize>, AgentError> {
    let all = columns.len();
    let mut found = (columns, BTreeSet::new());
    for (part, entry) in catalog.table(table.name.as_str()) {
        if found.1.len() == all {
            break;
        }
        if lost.contains(&(table.name.clone(), part, entry.object.md5)) {
            continue;
        }
        let look = |(columns, found): &mut (BTreeSet<usize>, BTreeSet<usize>), record: &[u8]| {
            let mut fields = Vec::new();
            split_fields(record, &mut fields).map_err(io::Error::other)?;
            let has_value = |at: &&usize| fields.get(**at).is_some_and(Option::is_some);
            found.extend(columns.iter().filter(has_value));
            Ok(())
        };
        found = object(agent, table, (part, &entry.object), found, look).await?;
    }
    Ok(found.1)
}

/// Gives the records of one object to `each`, with what it makes of them.
async fn object<T: Send + 'static>(
    agent: &Agent,
    table: &Table,
    (part, object): (Part, &PartitionObject),
    mut made: T,
    each: impl Fn(&mut T, &[u8]) -> io::Result<()> + Copy + Send + 'static,
) -> Result<T, AgentError> {
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
            let mut taken = Ok(());
            let read = loop {
                let step = reader.step(|record| {
                    if taken.is_ok() {
                        taken = each(&mut made, record);
                    }
                });
                match step {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            (made, reader, taken, read)
        });
        let (given_back, of_object, taken, read) = read.await?;
        read.map_err(damaged)?;
        taken.map_err(|source| AgentError::System { source })?;
        (made, reader) = (given_back, of_object);
    }
    reader.finish().map_err(damaged)?;
    Ok(made)
}
